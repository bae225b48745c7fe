//! What a result rests on, in sentences. In: a run. Out: every assumption that its figures make.
//! Absent: excuses.

use super::figures::money_text;
use super::run::Run;

/// In the order in which a reader needs them. `fills` says how orders were filled, where somebody knows.
pub fn assumptions(run: &Run, fills: &[String]) -> Vec<String> {
    let capital = money_text(run.capital.to_decimal());
    let from = if run.capital_from.is_empty() { String::new() } else { format!(" ({})", run.capital_from) };
    let mut told = vec![
        format!(
            "Returns are fractions of a capital of {capital}{from}; profits stay in, nothing is added or taken out."
        ),
        "Equity is valued at the close of each bar; what happened between two closes is not in drawdowns.".to_owned(),
    ];
    told.extend(fills.iter().cloned());
    told.extend([
        format!("A day is a trade date of the calendar {}; days without bars and fills do not count.", run.calendar().name()),
        "Ratios are of daily returns, annualised with 252 days; the risk-free rate is 0; deviations divide by n - 1.".to_owned(),
        "Trades are matched first in, first out, for each strategy and symbol; a trade is what one exit order closed of \
         one entry order."
            .to_owned(),
        "Excursions (MAE, MFE) count prices that certainly lie inside the trade, so they are lower bounds.".to_owned(),
        "Hours are those of Chicago; regular hours are those of the stock market, for metals of the former pit.".to_owned(),
        "Data fees and taxes are not counted.".to_owned(),
    ]);
    if run.mode != "backtest" {
        told.push("Interest and what margin costs are not counted.".to_owned());
    }
    if !run.carried.is_empty() {
        told.push("Positions from before the session enter at their mean cost, at the session's begin.".to_owned());
    }
    if run.instruments.iter().any(|instrument| instrument.currency != "USD") {
        told.push("Amounts in different currencies are added as they are.".to_owned());
    }
    told
}

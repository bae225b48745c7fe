//! All figures of a run, by family. In: trades, equity, returns. Out: named numbers. Absent: formulas (each family's file
//! has its own), drawing.

use chrono::NaiveDate;

use super::calendar::{Dated, values};
use super::curve::{Curve, dollars};
use super::drawdown::{self, Fall};
use super::figures::Family;
use super::groups::{Trade, closed_drawdown};
use super::growth::{self, DAYS_A_YEAR};
use super::moments::{self, mean};
use super::run::Run;
use super::trips::Ledger;
use super::{ratios, significance, tail, wins};
use crate::time::Timestamp;
use crate::trade::Money;

/// Fewer days say nothing about a year, or about the worst of twenty.
const DAYS_MIN: usize = 20;

/// What figures are made of.
#[derive(Clone, Copy, Debug)]
pub struct Basis<'a> {
    pub run: &'a Run,
    pub ledger: &'a Ledger,
    pub trades: &'a [Trade],
    pub curve: &'a Curve,
    pub daily: &'a [Dated],
}

pub fn families(of: Basis<'_>) -> Vec<Family> {
    vec![result(of), risk(of), reward(of), trading(of), activity(of)]
}

/// The returns, or none of them when they are too few.
fn enough(daily: &[f64]) -> &[f64] {
    if daily.len() < DAYS_MIN { &[] } else { daily }
}

fn result(of: Basis<'_>) -> Family {
    let daily = values(of.daily);
    let sum = |amount: fn(&Trade) -> Money| Some(of.trades.iter().map(amount).sum::<Money>());
    let end = of.curve.points.last().map(|point| point.equity);
    let net = end.map(|end| end - of.run.capital);
    let closed = sum(|t| t.trip.net());
    let interest: Money = of.run.interest.iter().map(|row| row.amount).sum();
    let (gross, paid) = (sum(|t| t.trip.gross()), commission(of.run));
    Family::new("Result")
        .money(
            "net_profit",
            "Net profit",
            net,
            "equity at the end less capital: closed and open, after commission, with interest",
        )
        .money("closed_net", "of closed trades", closed, "sum of round trips after commission")
        .money(
            "open_profit",
            "of what is open",
            net.zip(closed).map(|(n, c)| n - c - interest),
            "net profit less closed trades and interest",
        )
        .money("interest", "Interest", Some(interest), "on the account's cash; of no strategy")
        .money("gross_profit", "Gross of closed trades", gross, "before commission")
        .money(
            "open_gross",
            "Gross of what is open",
            net.zip(gross).map(|(net, gross)| net + paid - interest - gross),
            "at the last close, before commission",
        )
        .money(
            "commission",
            "Commission",
            Some(paid),
            "of all fills, as far as it is known: net = gross closed + gross open + interest - this",
        )
        .money("capital", "Capital", Some(of.run.capital), "what returns are a fraction of")
        .share(
            "total_return",
            "Total return",
            net.map(|n| dollars(n) / dollars(of.run.capital)),
            "net profit / capital",
        )
        .share(
            "annual_return",
            "Annual return",
            growth::annual_return(enough(&daily), DAYS_A_YEAR),
            "(1 + total)^(252 / days) - 1, from 20 days on; means little for less than a year",
        )
        .share("best_day", "Best day", growth::best(&daily), "largest daily return")
        .share("worst_day", "Worst day", growth::worst(&daily), "smallest daily return")
        .count("days", "Days", daily.len(), "trade dates with bars or fills")
}

fn commission(run: &Run) -> Money {
    run.fills.iter().filter_map(|fill| fill.commission).sum()
}

fn risk(of: Basis<'_>) -> Family {
    let daily = values(of.daily);
    let equity = of.curve.values();
    let fall = drawdown::deepest(&equity).filter(|_| equity.iter().all(|value| *value > 0.0));
    let lowest = drawdown::absolute(&equity).into_iter().fold(0.0, f64::min);
    let at = |place: usize| of.curve.points.get(place).map(|point| point.at);
    let longest = longest_under_water(of.curve, &drawdown::falls(&equity));
    Family::new("Risk")
        .share(
            "max_drawdown",
            "Maximum drawdown",
            fall.map(|f| f.depth),
            "deepest fall of equity from its peak, by bar",
        )
        .money("max_drawdown_money", "in money", Money::from_f64(lowest), "deepest fall in account currency, by bar")
        .date("drawdown_peak", "began", fall.and_then(|f| at(f.peak)).map(|at| date(of.run, at)), "date of its peak")
        .date("drawdown_trough", "lowest", fall.and_then(|f| at(f.trough)).map(|at| date(of.run, at)), "of its bottom")
        .date(
            "drawdown_recovered",
            "recovered",
            fall.and_then(|f| f.recovered).and_then(at).map(|at| date(of.run, at)),
            "first time that the old peak was reached again",
        )
        .days("drawdown_days", "lasted", fall.and_then(|f| lasted(of.curve, &f)), "peak to recovery, or to the end")
        .days("under_water_days", "Longest under water", longest, "longest time below an old peak")
        .share(
            "volatility",
            "Annual volatility",
            growth::annual_volatility(&daily, DAYS_A_YEAR),
            "deviation (n - 1) of daily returns x sqrt(252)",
        )
        .share(
            "value_at_risk",
            "Value at risk, 5 %",
            tail::value_at_risk(enough(&daily), 0.05),
            "5th percentile of daily returns, from 20 days on",
        )
        .share(
            "expected_shortfall",
            "Expected shortfall, 5 %",
            tail::expected_shortfall(enough(&daily), 0.05),
            "mean of the worst 5 % of days (CVaR)",
        )
        .share(
            "value_at_risk_normal",
            "Value at risk, normal",
            tail::value_at_risk_normal(enough(&daily), 0.05),
            "5 %, if daily returns were normally distributed",
        )
        .number(
            "tail_ratio",
            "Tail ratio",
            tail::tail_ratio(enough(&daily)),
            "95th percentile / 5th percentile of daily returns",
        )
        .number("skewness", "Skewness", moments::skewness(&daily), "of daily returns; below 0: large losses")
        .number("kurtosis", "Excess kurtosis", moments::excess_kurtosis(&daily), "above 0: fat tails")
        .share(
            "ulcer_index",
            "Ulcer index",
            drawdown::ulcer_index(&growth::wealth(&daily)),
            "root of the mean squared daily drawdown",
        )
}

fn date(run: &Run, at: Timestamp) -> NaiveDate {
    run.calendar().trade_date(at)
}

/// Days from a fall's peak to its recovery.
fn lasted(curve: &Curve, fall: &Fall) -> Option<f64> {
    let end = fall.end(curve.points.len() - 1);
    Some(days_between(curve.points.get(fall.peak)?.at, curve.points.get(end)?.at))
}

fn longest_under_water(curve: &Curve, falls: &[Fall]) -> Option<f64> {
    falls.iter().filter_map(|fall| lasted(curve, fall)).reduce(f64::max)
}

fn days_between(from: Timestamp, to: Timestamp) -> f64 {
    to.since(from).as_secs_f64() / 86_400.0
}

fn reward(of: Basis<'_>) -> Family {
    let daily = values(of.daily);
    let bars = of.curve.returns();
    Family::new("Reward for risk")
        .number("sharpe", "Sharpe ratio", ratios::sharpe(&daily, DAYS_A_YEAR), "daily mean / deviation x sqrt(252)")
        .number(
            "sortino",
            "Sortino ratio",
            ratios::sortino(&daily, DAYS_A_YEAR),
            "as Sharpe, over the deviation of losses only",
        )
        .number("calmar", "Calmar ratio", ratios::calmar(&daily, DAYS_A_YEAR), "annual return / deepest daily drawdown")
        .number("omega", "Omega ratio", ratios::omega(&daily), "sum of gains / sum of losses, daily")
        .number("gain_to_pain", "Gain to pain", ratios::gain_to_pain(&daily), "sum of daily returns / sum of losses")
        .number("recovery_factor", "Recovery factor", ratios::recovery_factor(&daily), "sum of returns / drawdown")
        .number(
            "smart_sharpe",
            "Sharpe, serial correlation",
            ratios::smart_sharpe(&daily, DAYS_A_YEAR),
            "penalised for days that resemble the day before",
        )
        .number("stability", "Stability", growth::stability(&daily), "R squared of log wealth on time, 0 to 1")
        .share(
            "probabilistic_sharpe",
            "Probability that Sharpe > 0",
            significance::probabilistic_sharpe(&daily, 0.0),
            "given length, skewness and fat tails (Bailey, López de Prado)",
        )
        .share(
            "deflated_sharpe",
            "the same, deflated",
            significance::deflated_sharpe(&daily, of.run.trials),
            "against the best of as many worthless variants as were tried",
        )
        .count("trials", "Variants tried", of.run.trials as usize, "what the user said with --trials")
        .number(
            "record_needed",
            "Days needed",
            significance::record_needed(&daily, 0.95),
            "for 95 % confidence in a positive Sharpe ratio",
        )
        .number("bar_sharpe", "Sharpe ratio a bar", ratios::sharpe_a_period(&bars), "by bar, not annualised")
        .number(
            "bar_volatility_bp",
            "Deviation a bar, bp",
            moments::deviation(&bars).map(|sd| sd * 1e4),
            "of returns from bar to bar, in hundredths of a per cent",
        )
}

fn trading(of: Basis<'_>) -> Family {
    let nets: Vec<f64> = of.trades.iter().map(|t| dollars(t.trip.net())).collect();
    let money = |amount: Option<f64>| amount.and_then(Money::from_f64);
    let mean_of = |of_trade: &dyn Fn(&Trade) -> f64| mean(&of.trades.iter().map(of_trade).collect::<Vec<_>>());
    let adverse = mean_of(&|t| dollars(t.far.adverse));
    let favourable = mean_of(&|t| dollars(t.far.favourable));
    let edge = adverse.zip(favourable).and_then(|(a, f)| (a < 0.0).then(|| f / -a));
    Family::new("Trades")
        .count("trades", "Trades", nets.len(), "round trips: what one exit closed of one entry, first in, first out")
        .count("wins", "Winners", nets.iter().filter(|net| **net > 0.0).count(), "above zero after commission")
        .count("losses", "Losers", nets.iter().filter(|net| **net < 0.0).count(), "below zero after commission")
        .share("win_rate", "Win rate", wins::win_rate(&nets), "winners / (winners + losers)")
        .number("profit_factor", "Profit factor", wins::profit_factor(&nets), "sum of winners / sum of losers, net")
        .money("expectancy", "Expectancy", money(wins::expectancy(&nets)), "mean net result of a trade")
        .number("payoff", "Payoff ratio", wins::payoff(&nets), "mean winner / mean loser")
        .money("mean_win", "Mean winner", money(wins::mean_win(&nets)), "net")
        .money("mean_loss", "Mean loser", money(wins::mean_loss(&nets)), "net")
        .money("best_trade", "Best trade", money(growth::best(&nets)), "net")
        .money("worst_trade", "Worst trade", money(growth::worst(&nets)), "net")
        .count("consecutive_wins", "Most winners in a row", wins::consecutive_wins(&nets), "in order of exits")
        .count("consecutive_losses", "Most losers in a row", wins::consecutive_losses(&nets), "in order of exits")
        .money(
            "closed_drawdown",
            "Drawdown of closed trades",
            Some(closed_drawdown(of.trades.iter().map(|t| t.trip.net()))),
            "deepest fall of the sum of net results",
        )
        .money("mean_adverse", "Mean adverse excursion", money(adverse), "largest open loss of a trade (MAE), mean")
        .money("mean_favourable", "Mean favourable excursion", money(favourable), "largest open profit (MFE), mean")
        .number("edge_ratio", "Favourable / adverse", edge, "of the two means")
        .share(
            "kelly",
            "Kelly fraction",
            wins::kelly(&nets),
            "(payoff x p - (1 - p)) / payoff; an upper limit, not advice",
        )
}

fn activity(of: Basis<'_>) -> Family {
    let run = of.run;
    let held: Vec<f64> = of.trades.iter().map(|t| days_between(t.trip.entry_at, t.trip.exit_at)).collect();
    let bars: Vec<f64> = of.trades.iter().map(|t| f64::from(t.far.bars)).collect();
    let contracts: u64 = run.fills.iter().map(|f| u64::from(f.fill.quantity)).sum();
    let traded = run.fills.iter().map(|f| {
        let value = run.instrument(f.fill.symbol).tick_value() * i64::from(f.fill.price.0).abs();
        dollars(value * i64::from(f.fill.quantity))
    });
    let turnover = mean(&of.curve.values()).filter(|m| *m > 0.0).map(|m| traded.sum::<f64>() / m);
    let gross: f64 = of.trades.iter().map(|t| dollars(t.trip.gross()).abs()).sum();
    let costs: f64 = of.trades.iter().map(|t| dollars(t.trip.commission)).sum();
    let span = of.curve.points.first().zip(of.curve.points.last()).map(|(a, b)| days_between(a.at, b.at));
    Family::new("Activity")
        .share("exposure", "Time in the market", of.curve.exposure(), "share of bars at whose end something was held")
        .days("span", "Span", span, "first to last point of equity")
        .days("mean_held", "Mean time held", mean(&held), "entry to exit")
        .number("mean_bars", "Mean bars held", mean(&bars), "bars that closed while it was held")
        .number(
            "trades_a_day",
            "Trades a day",
            (!of.daily.is_empty()).then(|| of.trades.len() as f64 / of.daily.len() as f64),
            "trades / trade dates",
        )
        .count("contracts", "Contracts traded", contracts as usize, "both sides")
        .number("turnover", "Turnover", turnover, "value of all fills (price x multiplier x contracts) / mean equity")
        .share(
            "cost_share",
            "Commission / gross moves",
            (gross > 0.0).then(|| costs / gross),
            "commission over the sum of sizes of gross results",
        )
        .count("fills", "Fills", run.fills.len(), "executions")
        .count("signals", "Signals", run.signals as usize, "what strategies wanted")
        .count(
            "signals_refused",
            "refused by risk",
            run.signals_refused as usize,
            "signals that risk did not let through",
        )
}

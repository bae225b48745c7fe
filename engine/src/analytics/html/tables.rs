//! A report's tables. In: the report. Out: HTML. Absent: computing; every number comes from the report.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::super::figures::{Family, Value, money_text, number_text};
use super::super::groups::{By, Group};
use super::super::monte_carlo::Band;
use super::super::report::{FallRow, MonteCarlo, OpenRow, Report, TradeRow};
use super::super::warnings::{Warning, Weight};
use super::svg::{add, escape};

/// More rows would make a page that nobody can open; the CSV has them all.
const TRADES_LISTED_MAX: usize = 10_000;
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `good`, `bad` or neither.
pub fn tone(value: f64) -> &'static str {
    match value {
        v if v > 0.0 => "good",
        v if v < 0.0 => "bad",
        _ => "",
    }
}

fn money_cell(amount: Decimal) -> String {
    let value = amount.to_f64().unwrap_or_default();
    format!("<td class=\"{}\" data-v=\"{amount}\">{}</td>", tone(value), money_text(amount))
}

/// In points, with two decimals or as many as it has.
fn price(points: Decimal) -> String {
    let decimals = points.normalize().scale().max(2) as usize;
    format!("{points:.decimals$}")
}

fn maybe(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "–".to_owned(), |v| number_text(v, decimals))
}

fn share(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |v| format!("{} %", number_text(v * 100.0, 1)))
}

/// `2024-06-12T13:48:02Z` as people write it.
pub fn time(at: &str) -> String {
    let text = at.replace('T', " ");
    escape(text.trim_end_matches('Z'))
}

pub fn warnings(warnings: &[Warning]) -> String {
    if warnings.is_empty() {
        return String::new();
    }
    let mut out = String::from("<ul class=\"warnings\">");
    for warning in warnings {
        let (class, word) = match warning.weight {
            Weight::Severe => ("severe", "Warning"),
            Weight::Caution => ("caution", "Caution"),
        };
        add(&mut out, format_args!("<li class=\"{class}\"><b>{word}</b>{}</li>", escape(&warning.text)));
    }
    out + "</ul>\n"
}

pub fn families(families: &[Family]) -> String {
    let mut out = String::from("<div class=\"figures\">");
    for family in families {
        add(&mut out, format_args!("<div><h3>{}</h3><table>", escape(family.title)));
        for figure in &family.figures {
            let class = match &figure.value {
                Value::Money(Some(amount)) if figure.key != "capital" && figure.key != "commission" => {
                    tone(amount.to_f64().unwrap_or_default())
                }
                _ => "",
            };
            add(
                &mut out,
                format_args!(
                    "<tr><td class=\"l\">{}<small>{}</small></td><td class=\"{class}\">{}</td></tr>",
                    escape(figure.label),
                    escape(figure.about),
                    escape(&figure.value.text())
                ),
            );
        }
        out.push_str("</table></div>");
    }
    out + "</div>\n"
}

/// One table for each thing by which trades are grouped, where there is more than one group.
pub fn groups(groups: &[Group], by: By, alone: bool) -> String {
    let rows: Vec<&Group> = groups.iter().filter(|group| group.by == by).collect();
    if rows.is_empty() || (rows.len() == 1 && !alone) {
        return String::new();
    }
    let mut out = format!(
        "<div class=\"wide\"><table class=\"groups\"><thead><tr><th class=\"l\">{}</th><th>trades</th><th>win rate</th><th>net</th><th>gross</th>\
         <th>commission</th><th>profit factor</th><th>payoff</th><th>expectancy</th><th>drawdown</th><th>bars</th><th>MAE</th>\
         <th>MFE</th></tr></thead><tbody>",
        escape(by.name())
    );
    for g in rows {
        add(
            &mut out,
            format_args!(
                "<tr><td class=\"l\">{}</td><td>{}</td><td>{}</td>{}{}<td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>\
                 <td>{}</td><td>{}</td><td>{}</td></tr>",
                escape(&g.name),
                number_text(g.trades as f64, 0),
                share(g.win_rate),
                money_cell(g.net),
                money_cell(g.gross),
                money_text(g.commission),
                maybe(g.profit_factor, 2),
                maybe(g.payoff, 2),
                maybe(g.expectancy, 2),
                money_text(g.drawdown),
                maybe(g.mean_bars, 1),
                maybe(g.mean_adverse, 2),
                maybe(g.mean_favourable, 2)
            ),
        );
    }
    out + "</tbody></table></div>\n"
}

/// Years down, months across, coloured by size.
pub fn months(report: &Report) -> String {
    if report.months.is_empty() {
        return "<p class=\"sub\">There are no returns.</p>".to_owned();
    }
    let largest = report.months.iter().map(|m| m.value.abs()).fold(1e-9, f64::max);
    let mut out = String::from("<div class=\"wide\"><table class=\"heat\"><thead><tr><th></th>");
    // On a narrow screen, months of which nothing is known are left out.
    let class = |month: u32| if report.months.iter().any(|m| m.month == month) { "" } else { " class=\"none\"" };
    for (month, name) in (1..).zip(MONTHS) {
        add(&mut out, format_args!("<th{}>{name}</th>", class(month)));
    }
    out.push_str("<th>Year</th></tr></thead><tbody>");
    for year in &report.years {
        add(&mut out, format_args!("<tr><th>{}</th>", year.year));
        for month in 1..=12 {
            let found = report.months.iter().find(|m| (m.year, m.month) == (year.year, month));
            out.push_str(&found.map_or_else(|| format!("<td{}></td>", class(month)), |m| heat(m.value, largest)));
        }
        out.push_str(&heat(year.value, largest * 3.0));
        out.push_str("</tr>");
    }
    out + "</tbody></table></div>\n"
}

fn heat(value: f64, largest: f64) -> String {
    let strength = (value.abs() / largest).min(1.0) * 0.5 + if value == 0.0 { 0.0 } else { 0.06 };
    let colour = if value < 0.0 { "201,58,75" } else { "15,138,95" };
    format!(
        "<td style=\"background:rgba({colour},{strength:.2})\">{}</td>",
        number_text(value * 100.0, if value.abs() < 0.1 { 2 } else { 1 })
    )
}

pub fn drawdowns(falls: &[FallRow]) -> String {
    if falls.is_empty() {
        return "<p class=\"sub\">Equity never fell.</p>".to_owned();
    }
    let mut out = String::from(
        "<div class=\"wide\"><table><thead><tr><th>depth</th><th class=\"l\">peak</th><th class=\"l\">lowest</th>\
         <th class=\"l\">recovered</th><th>lasted</th></tr></thead><tbody>",
    );
    for fall in falls {
        let recovered = fall.recovered.as_deref().map_or_else(|| "not yet".to_owned(), time);
        add(
            &mut out,
            format_args!(
                "<tr><td class=\"bad\">{} %</td><td class=\"l\">{}</td><td class=\"l\">{}</td><td class=\"l\">{recovered}</td>\
                 <td>{}</td></tr>",
                number_text(fall.depth * 100.0, 2),
                time(&fall.peak),
                time(&fall.trough),
                Value::Days(Some(fall.days)).text()
            ),
        );
    }
    out + "</tbody></table></div>\n"
}

pub fn monte_carlo(found: &MonteCarlo) -> String {
    let mut rows: Vec<(&str, Band, bool, f64)> = Vec::new();
    if let Some(days) = &found.days_bootstrapped {
        rows.push(("total return, days drawn", days.total_return, true, days.total_return_actual));
        rows.push(("drawdown, days drawn", days.drawdown, true, days.drawdown_actual));
    }
    if let Some(trades) = &found.trades_shuffled {
        rows.push(("drawdown in money, trades shuffled", trades.drawdown, false, trades.drawdown_actual));
    }
    let mut out = String::from(
        "<div class=\"wide\"><table><thead><tr><th class=\"l\"></th><th>5 %</th><th>25 %</th><th>median</th><th>75 %</th>\
         <th>95 %</th><th>actual</th></tr></thead><tbody>",
    );
    for (name, band, in_percent, actual) in rows {
        let text = |v: f64| if in_percent { format!("{} %", number_text(v * 100.0, 2)) } else { number_text(v, 2) };
        add(&mut out, format_args!("<tr><td class=\"l\">{name}</td>"));
        for value in [band.p05, band.p25, band.p50, band.p75, band.p95] {
            add(&mut out, format_args!("<td>{}</td>", text(value)));
        }
        add(&mut out, format_args!("<td>{}</td></tr>", text(actual)));
    }
    out + "</tbody></table></div>\n"
}

pub fn open(rows: &[OpenRow]) -> String {
    let mut out = String::from(
        "<div class=\"wide\"><table><thead><tr><th class=\"l\">strategy</th><th class=\"l\">symbol</th><th>contracts</th>\
         <th class=\"l\">since (UTC)</th><th>price</th></tr></thead><tbody>",
    );
    for row in rows {
        add(
            &mut out,
            format_args!(
                "<tr><td class=\"l\">{}</td><td class=\"l\">{}</td><td>{:+}</td><td class=\"l\">{}</td><td>{}</td></tr>",
                escape(&row.strategy),
                escape(&row.symbol),
                row.quantity,
                time(&row.entry_at),
                price(row.entry_price)
            ),
        );
    }
    out + "</tbody></table></div>\n"
}

pub fn trades(rows: &[TradeRow]) -> String {
    if rows.is_empty() {
        return "<p class=\"sub\">No trade was closed.</p>".to_owned();
    }
    let mut out = String::from(
        "<div class=\"scroll\"><table><thead><tr><th>#</th><th class=\"l\">strategy</th><th class=\"l\">symbol</th>\
         <th class=\"l\">side</th><th>qty</th><th class=\"l\">entry (UTC)</th><th>price</th><th class=\"l\">exit (UTC)</th>\
         <th>price</th><th class=\"l\">by</th><th>bars</th><th>gross</th><th>comm.</th><th>net</th><th>MAE</th><th>MFE</th></tr>\
         </thead><tbody>",
    );
    for t in rows.iter().take(TRADES_LISTED_MAX) {
        add(
            &mut out,
            format_args!(
                "<tr><td>{}</td><td class=\"l\">{}</td><td class=\"l\">{}</td><td class=\"l\">{}</td><td>{}</td><td class=\"l\">{}</td>\
                 <td>{}</td><td class=\"l\">{}</td><td>{}</td><td class=\"l\">{}</td><td>{}</td>{}<td>{}</td>{}<td>{}</td><td>{}</td>\
                 </tr>",
                t.number,
                escape(&t.strategy),
                escape(&t.symbol),
                t.side,
                t.quantity,
                time(&t.entry_at),
                price(t.entry_price),
                time(&t.exit_at),
                price(t.exit_price),
                t.exit,
                t.bars,
                money_cell(t.gross),
                money_text(t.commission),
                money_cell(t.net),
                money_text(t.adverse),
                money_text(t.favourable)
            ),
        );
    }
    out.push_str("</tbody></table></div>\n");
    if rows.len() > TRADES_LISTED_MAX {
        add(
            &mut out,
            format_args!(
                "<p class=\"legend\">The first {} of {}; the CSV has all.</p>",
                number_text(TRADES_LISTED_MAX as f64, 0),
                number_text(rows.len() as f64, 0)
            ),
        );
    }
    out
}

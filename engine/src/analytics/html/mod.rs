//! A report as one HTML page that needs nothing else: style and drawings are in it, and nothing is loaded. In: a run
//! and its report. Out: the page, the same bytes for the same input. Absent: clocks, files, computing.

mod axis;
mod chance;
mod equity;
mod price;
mod spread;
mod style;
mod svg;
mod tables;

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::curve::dollars;
use super::figures::{Value, money_text, number_text};
use super::groups::By;
use super::report::Report;
use super::run::Run;
use crate::market::SymbolId;
use crate::time::Timestamp;
use svg::{add, escape};

/// Drawings of prices at most; more are counted only.
const DRAWINGS_MAX: usize = 12;
/// Fewer days than this are no picture.
const DAYS_DRAWN_MIN: usize = 3;

/// `version` is the program's.
pub fn page(run: &Run, report: &Report, version: &str) -> String {
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width,initial-scale=1\"><title>{}</title><style>{}</style></head><body><main>\n",
        escape(&format!("{} – Pitboss report", report.session)),
        style::CSS
    );
    out.push_str(&head(report));
    out.push_str(&tables::warnings(&report.warnings));
    out.push_str(&cards(report));
    section(&mut out, "Equity and drawdown", &equity_section(report));
    if report.daily.len() >= DAYS_DRAWN_MIN {
        section(&mut out, "Results of days", &spread::days(&report.daily, dollars(run.capital)));
    }
    section(&mut out, "Monthly returns, per cent", &tables::months(report));
    prices(&mut out, run, report);
    if !report.trades.is_empty() {
        out.push_str("<div class=\"two\">");
        section(&mut out, "Distribution of trades", &spread::histogram(&report.trips));
        section(&mut out, "Open losses and results", &spread::excursions(&report.trips));
        out.push_str("</div>\n");
        section(&mut out, "Strategies", &tables::groups(&report.groups, By::Strategy, true));
    }
    section(&mut out, "All statistics", &tables::families(&report.statistics));
    let parts: String = By::ALL[1..].iter().map(|by| tables::groups(&report.groups, *by, false)).collect();
    section(&mut out, "Where the result comes from", &parts);
    section(&mut out, "Deepest drawdowns", &tables::drawdowns(&report.drawdowns));
    section(&mut out, "Other orders, other histories", &monte_carlo(run, report));
    if !report.open.is_empty() {
        section(&mut out, "Open at the end", &tables::open(&report.open));
    }
    section(&mut out, "Trades", &tables::trades(&report.trades));
    section(&mut out, "Assumptions", &assumptions(report));
    add(
        &mut out,
        format_args!(
            "<footer>Pitboss {} · session {} · times are UTC unless said otherwise. Past results, simulated or real, are no \
             promise.</footer></main><script>{}</script></body></html>\n",
            escape(version),
            escape(&report.session),
            style::SCRIPT
        ),
    );
    out
}

/// Nothing to show is no section.
fn section(out: &mut String, title: &str, content: &str) {
    if !content.is_empty() {
        add(out, format_args!("<section><h2>{}</h2>{content}</section>\n", escape(title)));
    }
}

fn head(report: &Report) -> String {
    let names: Vec<&str> = report.strategies.iter().map(|s| s.name.as_str()).collect();
    let title = match names.len() {
        0 => "No strategy".to_owned(),
        1..=4 => names.join(", "),
        n => format!("{n} strategies"),
    };
    let symbols = match report.symbols.len() {
        0..=6 => report.symbols.join(", "),
        n => format!("{n} contracts"),
    };
    let kind = match report.mode.as_str() {
        "backtest" => "Backtest",
        "replay" => "Replay of recorded data",
        _ => "Session",
    };
    let account = match report.account.as_str() {
        "" | "backtest" => String::new(),
        account => format!("<br>account <b>{}</b>", escape(account)),
    };
    format!(
        "<header class=\"top\"><div><div class=\"brand\">Pitboss</div><h1>{}</h1><div class=\"sub\">{kind} of {}</div></div><div \
         class=\"facts\"><b>{}</b> to <b>{}</b><br>session <b>{}</b>{account}<br>{}</div></header>\n",
        escape(&title),
        escape(&symbols),
        tables::time(&report.started),
        tables::time(&report.ended),
        escape(&report.session),
        escape(report.end_cause.as_deref().unwrap_or("did not end in order"))
    )
}

fn cards(report: &Report) -> String {
    let text = |key: &str| report.figure(key).map_or_else(String::new, Value::text);
    let tone = |key: &str| report.figure(key).and_then(Value::number).map_or("", tables::tone);
    let cards = [
        ("Net profit", "net_profit", true, format!("{}, {} commission paid", report.currency, text("commission"))),
        ("Total return", "total_return", true, format!("on {}", text("capital"))),
        ("Max. drawdown", "max_drawdown", true, format!("{} {}", text("max_drawdown_money"), report.currency)),
        ("Sharpe ratio", "sharpe", false, format!("daily, {} days", text("days"))),
        ("Profit factor", "profit_factor", false, format!("expectancy {}", text("expectancy"))),
        ("Win rate", "win_rate", false, format!("of {} trades", text("trades"))),
        ("Time in the market", "exposure", false, format!("{} trades a day", text("trades_a_day"))),
    ];
    let mut out = String::from("<div class=\"cards\">");
    for (name, key, coloured, below) in cards {
        add(
            &mut out,
            format_args!(
                "<div class=\"card\"><div class=\"k\">{name}</div><div class=\"v {}\">{}</div><div class=\"s\">{}</div></div>",
                if coloured { tone(key) } else { "" },
                escape(&report.figure(key).map_or_else(String::new, headline)),
                escape(&below)
            ),
        );
    }
    out + "</div>\n"
}

/// Large amounts without their cents: a card is narrow.
fn headline(value: &Value) -> String {
    match value {
        Value::Money(Some(amount)) if amount.abs() >= Decimal::from(10_000) => {
            let text = money_text(amount.round());
            text.trim_end_matches(".00").to_owned()
        }
        value => value.text(),
    }
}

fn equity_section(report: &Report) -> String {
    format!(
        "{}<p class=\"legend\">Equity at the close of each bar, and below it the distance from its peak, in {}. Dashed: capital. \
         Shaded: the deepest fall, from its peak to its bottom.</p>",
        equity::draw(&report.curve),
        escape(&report.currency)
    )
}

fn prices(out: &mut String, run: &Run, report: &Report) {
    let chains = chains(run);
    for symbols in chains.iter().take(DRAWINGS_MAX) {
        let drawing = price::draw(run, &report.trips, symbols);
        if !drawing.is_empty() {
            let legend =
                "<p class=\"legend\">▲ long entry, ▼ short entry, ○ exit; green lines earned, red ones lost.</p>";
            let first = run.instrument(symbols[0]);
            let name = match symbols.len() {
                1 => first.name.clone(),
                n => format!("{}, {n} contracts one after the other,", first.root),
            };
            section(out, &format!("{name} with entries and exits"), &(drawing + legend));
        }
    }
    let more = chains.len().saturating_sub(DRAWINGS_MAX);
    if more > 0 {
        section(out, "Prices", &format!("<p class=\"sub\">{more} more are not drawn.</p>"));
    }
}

/// Symbols by drawing: contracts of one root that follow one another share one, all others have their own.
fn chains(run: &Run) -> Vec<Vec<SymbolId>> {
    let mut spans: BTreeMap<SymbolId, (Timestamp, Timestamp)> = BTreeMap::new();
    for bar in &run.bars {
        let span = spans.entry(bar.symbol).or_insert((bar.open_ts, bar.end()));
        *span = (span.0.min(bar.open_ts), span.1.max(bar.end()));
    }
    let mut by_root: BTreeMap<&str, Vec<SymbolId>> = BTreeMap::new();
    for symbol in spans.keys() {
        by_root.entry(run.instrument(*symbol).root.as_str()).or_default().push(*symbol);
    }
    let mut chains = Vec::new();
    for mut symbols in by_root.into_values() {
        symbols.sort_by_key(|symbol| spans[symbol]);
        let follow = symbols.windows(2).all(|pair| spans[&pair[0]].1 <= spans[&pair[1]].0);
        if follow {
            chains.push(symbols);
        } else {
            chains.extend(symbols.into_iter().map(|symbol| vec![symbol]));
        }
    }
    chains
}

fn monte_carlo(run: &Run, report: &Report) -> String {
    let found = &report.monte_carlo;
    if found.trades_shuffled.is_none() && found.days_bootstrapped.is_none() {
        return String::new();
    }
    let mut out = String::new();
    if let Some(days) = &found.days_bootstrapped {
        out.push_str(&chance::draw(days, &report.daily, dollars(run.capital)));
        add(
            &mut out,
            format_args!(
                "<p class=\"legend\">{} histories of days drawn with replacement in blocks of {}: half of them lie in the dark \
                 band, nine of ten in the light one; black: what happened. {:.1} % of them lost.</p>",
                number_text(f64::from(found.draw.histories), 0),
                days.block,
                days.share_lost * 100.0
            ),
        );
    }
    out.push_str(&tables::monte_carlo(found));
    if let Some(trades) = &found.trades_shuffled {
        add(
            &mut out,
            format_args!(
                "<p class=\"legend\">The same trades in {} other orders: {:.1} % had a deeper drawdown than the actual order. \
                 Seed {}.</p>",
                number_text(f64::from(found.draw.histories), 0),
                trades.share_deeper * 100.0,
                found.draw.seed
            ),
        );
    }
    out
}

fn assumptions(report: &Report) -> String {
    let items: String = report.assumptions.iter().map(|text| format!("<li>{}</li>", escape(text))).collect();
    format!("<ol class=\"assumptions\">{items}</ol>")
}

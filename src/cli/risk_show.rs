//! `pitboss risk show`: where risk stands, for a person and as JSON. In: what the running system answered. Out: text.
//! Absent: asking (`control`). The first line says whether entries can pass, and if not, why.

use std::time::Duration;

use engine::books::{BrokerPnl, Entries, HeldBack, LatchLine, LimitLine, RiskView};
use engine::trade::{Money, Trading};
use serde_json::{Value, json};

/// Percent of a limit from which on it is shown in colour.
const NEAR: u32 = 75;

pub fn table(risk: &RiskView, colour: bool) -> String {
    let used = match risk.trading {
        Entries::Allowed => 0,
        Entries::Partly => NEAR,
        Entries::Blocked => 100,
    };
    let mut text = painted(&first_line(risk), used, colour);
    text += &format!("\nbroker {}, equity {}", broker(risk), risk.equity);
    text += &format!(", {}, {} orders live ({} entries)\n\n", positions(risk), risk.orders, risk.entries);
    text += &format!("{:<28} {:<16} {:>16} {:>16} {:>6}\n", "limit", "of", "now", "limit", "used");
    for line in &risk.limits {
        text += &painted(&limit_line(line), line.used, colour);
        text.push('\n');
    }
    if let Some(profit) = &risk.broker_pnl {
        text.push('\n');
        text += &painted(&profit_line(profit), if profit.differs { 100 } else { 0 }, colour);
        text.push('\n');
    }
    for latch in &risk.latches {
        text.push('\n');
        text += &painted(&latch_line(latch), 100, colour);
    }
    if !risk.switched_off.is_empty() {
        text += &format!("\nswitched off: {}", risk.switched_off.join(", "));
    }
    text
}

/// `trading allowed`, or what is in the way of it.
fn first_line(risk: &RiskView) -> String {
    let one = |held: &HeldBack| format!("{} of {} ({})", held.rule, held.of, held.text);
    let why = risk.held_back.iter().map(one).collect::<Vec<_>>().join("; ");
    match risk.trading {
        Entries::Allowed => "trading allowed".to_owned(),
        Entries::Partly => format!("trading allowed IN PART, held back by: {why}"),
        Entries::Blocked => format!("NO ENTRY PASSES, held back by: {why}"),
    }
}

fn broker(risk: &RiskView) -> &'static str {
    match (risk.connected, risk.agrees) {
        (false, _) => "NOT CONNECTED",
        (true, false) => "connected, positions NOT in agreement",
        (true, true) => "connected, positions agree",
    }
}

fn positions(risk: &RiskView) -> String {
    let net: Vec<String> = risk.positions.iter().map(|(name, q)| format!("{name} {q:+}")).collect();
    if risk.held.len() < 2 && (net.is_empty() == risk.held.is_empty()) {
        return risk.holdings();
    }
    let net = if net.is_empty() { "nothing".to_owned() } else { net.join(", ") };
    format!("{}, net {net}", risk.holdings())
}

fn limit_line(line: &LimitLine) -> String {
    format!("{:<28} {:<16} {:>16} {:>16} {:>5}%", line.rule, line.of, line.value, line.limit, line.used)
}

fn latch_line(latch: &LatchLine) -> String {
    let off = match (latch.reset.as_str(), &latch.broken_now) {
        (_, Some(broken)) => format!("still broken, {broken}"),
        ("by hand", None) => "until somebody unlocks it".to_owned(),
        (reset, None) => format!("until the {reset}, or somebody unlocks it"),
    };
    let since = latch.since.floor(Duration::from_secs(1));
    format!("LATCHED {} of {} since {since}: {}; {off}", latch.rule, latch.of(), latch.cause())
}

fn profit_line(profit: &BrokerPnl) -> String {
    let BrokerPnl { book, broker, tolerance, differs } = profit;
    match broker {
        None => format!("profit of the day: book {book}; the broker has not told its own yet"),
        Some((at, broker)) => {
            let verdict = if *differs { "DIFFERS" } else { "agrees" };
            format!("profit of the day: book {book}, broker {broker} at {at}: {verdict} (tolerance {tolerance})")
        }
    }
}

/// Yellow when near, red when reached.
fn painted(text: &str, used: u32, colour: bool) -> String {
    match used {
        100.. if colour => format!("\x1b[31m{text}\x1b[0m"),
        NEAR.. if colour => format!("\x1b[33m{text}\x1b[0m"),
        _ => text.to_owned(),
    }
}

/// The keys are in the README; whoever reads them relies on them.
pub fn json(risk: &RiskView) -> Value {
    let list = |of: &[(String, i64)]| -> Vec<Value> {
        of.iter().map(|(name, contracts)| json!({ "instrument": name, "contracts": contracts })).collect()
    };
    let held = |(strategy, instrument, contracts): &(String, String, i64)| json!({ "strategy": strategy, "instrument": instrument, "contracts": contracts });
    json!({
        "trading": risk.trading.name(),
        "held_back": risk.held_back,
        "link": link(risk.link),
        "connected": risk.connected,
        "positions_agree": risk.agrees,
        "equity_usd": usd(risk.equity),
        "limits": risk.limits.iter().map(limit).collect::<Vec<_>>(),
        "latches": risk.latches.iter().map(latch).collect::<Vec<_>>(),
        "broker_pnl": risk.broker_pnl.as_ref().map(profit),
        "switched_off": risk.switched_off,
        "positions": list(&risk.positions),
        "held": risk.held.iter().map(held).collect::<Vec<_>>(),
        "entries_live": risk.entries,
        "orders_live": risk.orders,
    })
}

fn link(trading: Trading) -> &'static str {
    match trading {
        Trading::Allowed => "allowed",
        Trading::Paused => "paused",
        Trading::Liquidating => "liquidating",
    }
}

/// Exact, as text: a number of JSON is a binary float to most readers.
fn usd(amount: Money) -> String {
    amount.to_decimal().to_string()
}

fn limit(line: &LimitLine) -> Value {
    json!({
        "rule": line.rule,
        "of": line.of,
        "value": line.value,
        "limit": line.limit,
        "unit": line.unit,
        "used_percent": line.used,
    })
}

fn latch(latch: &LatchLine) -> Value {
    json!({
        "rule": latch.rule,
        "strategy": latch.strategy,
        "configured": latch.configured,
        "since": latch.since.to_string(),
        "value": latch.value,
        "limit": latch.limit,
        "reset": latch.reset,
        "broken_now": latch.broken_now,
    })
}

fn profit(profit: &BrokerPnl) -> Value {
    let BrokerPnl { book, broker, tolerance, differs } = *profit;
    json!({
        "book_usd": usd(book),
        "broker_usd": broker.map(|(_, amount)| usd(amount)),
        "broker_at": broker.map(|(at, _)| at.to_string()),
        "tolerance_usd": usd(tolerance),
        "differs": differs,
    })
}

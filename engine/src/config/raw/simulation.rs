//! Simulated markets: the gateway inside the process, and the backtest.
//! In: sections. Out: typed sections, with the documented defaults.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::kind::{Kind, address, decimal, instant, list, money, path, string, text, whole, word};
use super::walk::Section;
use crate::config::{GatewayConfig, MarketSource, Pace};
use crate::trade::Money;

pub(super) const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// Interactive Brokers' fixed rate for one ES contract and side with exchange and regulatory fees, 2024.
pub(super) const COMMISSION: Money = Money::from_micros(2_250_000);
pub(super) const CASH: Money = Money::from_micros(500_000_000_000);

/// `Some(None)` when there is no such section.
pub(super) fn gateway(root: &Section<'_>) -> Option<Option<GatewayConfig>> {
    if !root.has("gateway") {
        return Some(None);
    }
    root.section("gateway", |s| {
        let listen = s.or("listen", address("an IP address and port; port 0 is any free one"), ANY_PORT);
        let market = market_source(s);
        if market == Some(None) {
            s.mistake("source", "nothing", SOURCES);
        }
        let pace = s.or("speed", pace(), Pace::Speed(1.0));
        let account = s.or("account", word("an account"), "DU1234567".to_owned());
        let cash = s.or("cash", money(1..=1_000_000_000, ""), CASH);
        let commission = s.or("commission", money(0..=1_000, "a contract and side"), COMMISSION);
        Some(Some(GatewayConfig {
            listen: listen?,
            market: market??,
            pace: pace?,
            account: account?,
            cash: cash?,
            commission: commission?,
        }))
    })
}

const SOURCES: &str = "\"synthetic\" or \"files\"";

/// `Some(None)` when no source is named. Settings of the other source are a contradiction.
pub(super) fn market_source(s: &Section<'_>) -> Option<Option<MarketSource>> {
    let source = s.get("source", text(SOURCES, |text| matches!(text, "synthetic" | "files")));
    let seed = s.get("seed", whole(0..=u64::MAX, ""));
    let start = s.get("start", instant());
    let files = s.get("files", list(path(), 1));
    let mut contradicts = false;
    let mut not_of = |key: &'static str, other: &str| {
        if s.has(key) {
            s.mistake(key, "a setting of another source", format!("source = {other:?}, or no {key}"));
            contradicts = true;
        }
    };
    let market = match source?.as_deref() {
        Some("synthetic") => {
            not_of("files", "files");
            if start == Some(None) {
                s.mistake("start", "nothing", instant().expected);
            }
            MarketSource::Synthetic { seed: seed?.unwrap_or(1), start: start?? }
        }
        Some(_) => {
            not_of("seed", "synthetic");
            not_of("start", "synthetic");
            if files == Some(None) {
                s.mistake("files", "nothing", list(path(), 1).expected);
            }
            MarketSource::Files(files??)
        }
        None => {
            for key in ["seed", "start", "files"] {
                not_of(key, if key == "files" { "files" } else { "synthetic" });
            }
            return (!contradicts).then_some(None);
        }
    };
    (!contradicts).then_some(Some(market))
}

fn pace() -> Kind<'static, Pace> {
    Kind::new("market seconds per second, more than 0 and at most 100000, or \"max\"", |value| {
        if string(value) == Some("max") {
            return Some(Pace::Max);
        }
        let speed: f64 = decimal(value)?.to_string().parse().ok()?;
        (speed > 0.0 && speed <= 100_000.0).then_some(Pace::Speed(speed))
    })
}

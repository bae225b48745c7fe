//! The section [backtest]: a preset, and what the user says otherwise. In: sections. Out: typed ones, with the documented
//! defaults. A preset only changes defaults: every key that is written wins.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::NaiveTime;

use super::kind::{
    Kind, boolean, choice, decimal, instant, list, money, name, path, positive_decimal, string, text, whole,
};
use super::session::{time_of_day, zone};
use super::simulation::{CASH, COMMISSION, market_source};
use super::trading::DAY_S;
use super::walk::Section;
use crate::config::StrategyConfig;
use crate::config::backtest::{
    AccountRules, BacktestConfig, ColumnsConfig, DailyTime, DataHours, DelayConfig, ExpiryRule, Fills, InterestConfig,
    LatencyConfig, MarginRule, OpeningPosition, Percent, RateSource, RollRule, Settlement,
};
use crate::trade::Money;
use crate::venue::in_bars::{BarCosts, BarFills, LimitRule, MODELS, Millionths, model};
use crate::venue::{MarkRule, SettleRule};

/// What is meant where the user says nothing.
struct Preset {
    model: Option<&'static str>,
    cash: Money,
    commission: Money,
    commissions: &'static [(&'static str, i64)],
    settle_price: SettleRule,
    settle_at: NaiveTime,
    settle_zone: chrono_tz::Tz,
    mark: MarkRule,
    closing_fees: bool,
    margin: MarginRule,
    sessions: bool,
    day_orders_end: Option<DailyTime>,
    unprotected_entries: bool,
}

const PRESETS: &str = "\"pitboss\" or \"lean\"";

/// Interactive Brokers' commission with exchange and regulatory fees as LEAN's fee model has them, in millionths of a US
/// dollar a contract and side.
const LEAN_FEES: &[(&str, i64)] = &[
    ("ES", 2_150_000),
    ("NQ", 2_150_000),
    ("YM", 2_150_000),
    ("RTY", 2_150_000),
    ("MES", 570_000),
    ("MNQ", 570_000),
    ("MYM", 570_000),
    ("M2K", 570_000),
    ("MCL", 570_000),
    ("MGC", 570_000),
    ("SIL", 570_000),
];
/// Of every other root there.
const LEAN_FEE: Money = Money::from_micros(2_470_000);

impl Preset {
    fn of(name: &str) -> Self {
        let hour = |hour| NaiveTime::from_hms_opt(hour, 0, 0).expect("an hour of the day");
        match name {
            "lean" => Self {
                model: Some("quotes"),
                cash: Money::from_micros(100_000_000_000),
                commission: LEAN_FEE,
                commissions: LEAN_FEES,
                settle_price: SettleRule::Newest,
                settle_at: hour(0),
                settle_zone: chrono_tz::America::New_York,
                mark: MarkRule::Touch,
                closing_fees: true,
                margin: MarginRule::None,
                sessions: false,
                // The close of LEAN's regular hours of CME futures.
                day_orders_end: Some(DailyTime { at: hour(17), zone: chrono_tz::America::New_York }),
                unprotected_entries: true,
            },
            _ => Self {
                model: None,
                cash: CASH,
                commission: COMMISSION,
                commissions: &[],
                settle_price: SettleRule::Last,
                settle_at: hour(16),
                settle_zone: chrono_tz::America::Chicago,
                mark: MarkRule::Last,
                closing_fees: false,
                margin: MarginRule::Broker,
                sessions: true,
                day_orders_end: None,
                unprotected_entries: false,
            },
        }
    }
}

/// `strategies`: whom opening positions belong to; `None` if they have mistakes.
pub(super) fn backtest(root: &Section<'_>, strategies: Option<&[StrategyConfig]>) -> Option<BacktestConfig> {
    root.section("backtest", |s| {
        let preset = s.or("preset", text(PRESETS, |t| matches!(t, "pitboss" | "lean")), "pitboss".to_owned());
        // Of a wrong preset the rest is still checked.
        let preset = (preset.is_some(), Preset::of(preset.as_deref().unwrap_or_default()));
        let (good, preset) = preset;
        let market = market_source(s);
        let commission = s.or("commission", money(0..=1_000, "a contract and side"), preset.commission);
        let commissions = commissions(s, &preset);
        let cash = s.or("cash", money(1..=1_000_000_000, ""), preset.cash);
        let fills = fills(s, &preset);
        let account = account(s, &preset);
        let file_zone = s.or("file_zone", zone(), chrono_tz::America::Chicago);
        let columns = columns(s);
        let continuous = continuous(s);
        let hours = hours(s);
        let latency = latency(s);
        let interest = interest(s);
        let positions = positions(s, strategies);
        let tick_by_tick = s.or("tick_by_tick", boolean(), false);
        if let (Some(fills), Some(account)) = (&fills, &account) {
            of_the_model(s, fills, account, &preset);
        }
        let unprotected = s.or("unprotected_entries", boolean(), preset.unprotected_entries);
        good.then_some(BacktestConfig {
            market: market?,
            commission: commission?,
            commissions: commissions?,
            cash: cash?,
            fills: fills?,
            account: account?,
            file_zone: file_zone?,
            columns: columns?,
            continuous: continuous?,
            hours: hours?,
            latency: latency?,
            positions: positions?,
            interest: interest?,
            unprotected_entries: unprotected?,
            tick_by_tick: tick_by_tick?,
        })
    })
}

/// The preset's rates, and over them the user's; one rate for everything when the user gives only that.
fn commissions(s: &Section<'_>, preset: &Preset) -> Option<BTreeMap<String, Money>> {
    let plain = s.has("commission");
    let listed = preset.commissions.iter().filter(|_| !plain);
    let mut rates: BTreeMap<String, Money> =
        listed.map(|(root, micros)| ((*root).to_owned(), Money::from_micros(*micros))).collect();
    let table = s.free_table("commissions")?;
    let kind = money(0..=1_000, "a contract and side");
    for (root, value) in table {
        let amount = match &value {
            toml::Value::Integer(n) => Money::from_decimal((*n).into()),
            toml::Value::Float(n) => n.to_string().parse().ok().and_then(Money::from_decimal),
            toml::Value::String(text) => text.parse().ok().and_then(Money::from_decimal),
            _ => None,
        };
        match amount.filter(|amount| (Money::ZERO..=Money::from_micros(1_000_000_000)).contains(amount)) {
            Some(amount) => {
                rates.insert(root, amount);
            }
            None => {
                s.mistake(&format!("commissions.{root}"), value.to_string(), kind.expected.clone());
                return None;
            }
        }
    }
    Some(rates)
}

fn fills(s: &Section<'_>, preset: &Preset) -> Option<Fills> {
    s.section("fills", |s| {
        let names = MODELS.iter().map(|model| format!("{:?}", model.name())).collect::<Vec<_>>().join(", ");
        let known = |name: &str| name == "ticks" || model(name).is_some();
        let name =
            s.or("model", text(&format!("\"ticks\", {names}"), known), preset.model.unwrap_or("ticks").to_owned());
        let limits = s.or("limits", limit_rule(), LimitRule::default());
        let slippage_ticks = s.or("slippage_ticks", whole(0..=10_000, "ticks"), 0);
        let of_range = s.or("slippage_of_range", share(), Millionths(0));
        let at_volume = s.or("slippage_ticks_at_volume", whole(0..=10_000, "ticks"), 0);
        let volume_share_max = s.get("volume_share_max", share());
        let name = name?;
        if name == "ticks" {
            const KEYS: [&str; 5] =
                ["limits", "slippage_ticks", "slippage_of_range", "slippage_ticks_at_volume", "volume_share_max"];
            for key in KEYS.into_iter().filter(|key| s.has(key)) {
                s.mistake(key, "a setting of bars", "a model of bars, since ticks show what was there");
            }
            return (!KEYS.into_iter().any(|key| s.has(key))).then_some(Fills::Ticks);
        }
        Some(Fills::Bars(BarFills {
            model: model(&name).expect("the name was checked"),
            limits: limits?,
            costs: BarCosts {
                slippage_ticks: slippage_ticks?,
                slippage_of_range: of_range?,
                slippage_ticks_at_volume: at_volume?,
                volume_share_max: volume_share_max?,
            },
        }))
    })
}

/// Ticks are played with the exchange's own day; what only bars obey is a mistake with them and not silently left out.
fn of_the_model(s: &Section<'_>, fills: &Fills, account: &AccountRules, preset: &Preset) {
    if matches!(fills, Fills::Bars(_)) {
        if s.has("latency") {
            s.mistake("latency", "a delay", "model = \"ticks\": within a bar nobody knows what a delay costs");
        }
        return;
    }
    for key in ["hours", "positions", "continuous", "columns", "interest"].into_iter().filter(|key| s.has(key)) {
        s.mistake(key, "a setting of bars", "a model of bars in [backtest.fills]; with \"ticks\" it would do nothing");
    }
    let plain = Preset::of("pitboss");
    let only = |key: &str, found: String, expected: &str| {
        let of = if preset.model.is_some() { " (the preset's, or your own)" } else { "" };
        s.mistake(&format!("account.{key}"), format!("{found}{of}"), format!("{expected} with model = \"ticks\""));
    };
    let settlement = account.settlement;
    if (settlement.at, settlement.zone) != (plain.settle_at, plain.settle_zone) {
        only("settle_at", format!("{} in {}", settlement.at, settlement.zone), "16:00 in America/Chicago");
    }
    if settlement.rule != plain.settle_price {
        only("settle_price", "\"newest\"".to_owned(), "\"last\"");
    }
    if account.mark != plain.mark {
        only("mark", "\"touch\"".to_owned(), "\"last\"");
    }
    if account.closing_fees {
        only("closing_fees", "true".to_owned(), "false");
    }
    if account.day_orders_end.is_some() {
        only("day_orders_end_at", "a time".to_owned(), "the end of the session");
    }
    if matches!(account.margin, MarginRule::Files(_)) {
        only("margin_files", "files".to_owned(), "margin = \"broker\" or \"none\"");
    }
}

/// Rates above this are mistaken for something else.
const PERCENT_MAX: i64 = 100;

/// Per cent a year with at most six decimals; below zero where rates may be.
fn percent() -> Kind<'static, Percent> {
    Kind::new(format!("per cent a year from 0 to {PERCENT_MAX}, with at most six decimals"), move |value| {
        let parts = decimal(value)?.checked_mul(1_000_000.into())?.normalize();
        let parts: i64 = parts.to_string().parse().ok()?;
        (0..=PERCENT_MAX * 1_000_000).contains(&parts).then_some(Percent(parts))
    })
}

fn interest(s: &Section<'_>) -> Option<Option<InterestConfig>> {
    if !s.has("interest") {
        return Some(None);
    }
    s.section("interest", |s| {
        let rate = s.get("rate_percent", percent());
        let file = s.get("rate_file", path());
        let spread = s.or("spread_percent", percent(), Percent(0));
        let above = s.or("above", money(0..=1_000_000_000, ""), Money::ZERO);
        let days = whole(360..=365_u16, "days");
        let a_year = Kind::new("360 or 365", move |value| (days.read)(value).filter(|days| [360, 365].contains(days)));
        let year_days = s.or("year_days", a_year, 360);
        let monthly = s.or("credited", choice([("daily", false), ("monthly", true)]), false);
        let rate = match (rate?, file?) {
            (Some(rate), None) => RateSource::Constant(rate),
            (None, Some(file)) => RateSource::File(file),
            (Some(_), Some(_)) => {
                s.mistake("rate_file", "a file beside rate_percent", "one of the two");
                return None;
            }
            (None, None) => {
                s.mistake("rate_percent", "nothing", "rate_percent, or rate_file with rates by date");
                return None;
            }
        };
        let (spread, above, year_days, monthly) = (spread?, above?, year_days?, monthly?);
        Some(Some(InterestConfig { rate, spread, above, year_days, monthly }))
    })
}

fn latency(s: &Section<'_>) -> Option<Option<LatencyConfig>> {
    if !s.has("latency") {
        return Some(None);
    }
    s.section("latency", |s| {
        let seed = s.or("seed", whole(0..=u64::from(u32::MAX), "as a seed"), 1);
        let feed = delay(s, "feed_us", "feed_file");
        let order = delay(s, "order_us", "order_file");
        let ack = delay(s, "ack_us", "ack_file");
        Some(Some(LatencyConfig { feed: feed?, order: order?, ack: ack?, seed: seed? }))
    })
}

/// An hour is no latency any more.
const DELAY_US_MAX: u64 = 3_600_000_000;

fn delay(s: &Section<'_>, constant: &'static str, file: &'static str) -> Option<DelayConfig> {
    let micros = s.get(constant, whole(0..=DELAY_US_MAX, "microseconds"));
    let path = s.get(file, path());
    match (micros?, path?) {
        (Some(_), Some(_)) => {
            s.mistake(file, "a file", format!("no {constant} beside it"));
            None
        }
        (_, Some(path)) => Some(DelayConfig::File(path)),
        (micros, None) => Some(DelayConfig::Constant(Duration::from_micros(micros.unwrap_or(0)))),
    }
}

fn limit_rule() -> Kind<'static, LimitRule> {
    choice(LimitRule::ALL)
}

/// A share from 0 to 1, to the millionth.
fn share() -> Kind<'static, Millionths> {
    Kind::new("a share from 0 to 1 with at most six decimals", |value| {
        let parts = decimal(value)?.checked_mul(1_000_000.into())?.normalize();
        let parts: u32 = parts.to_string().parse().ok()?;
        (parts <= 1_000_000).then_some(Millionths(parts))
    })
}

fn account(s: &Section<'_>, preset: &Preset) -> Option<AccountRules> {
    s.section("account", |s| {
        let rule = s.or(
            "settle_price",
            choice([("last", SettleRule::Last), ("newest", SettleRule::Newest)]),
            preset.settle_price,
        );
        let at = s.or("settle_at", time_of_day(), preset.settle_at);
        let zone = s.or("settle_zone", zone(), preset.settle_zone);
        let mark = s.or("mark", choice([("last", MarkRule::Last), ("touch", MarkRule::Touch)]), preset.mark);
        let closing_fees = s.or("closing_fees", boolean(), preset.closing_fees);
        let sessions = s.or("sessions", boolean(), preset.sessions);
        let day_end = s.get("day_orders_end_at", time_of_day());
        let day_end = match (day_end?, zone) {
            (Some(at), Some(zone)) => Some(DailyTime { at, zone }),
            (None, _) => preset.day_orders_end,
            (Some(_), None) => None,
        };
        let margin = margin(s, preset);
        let expiry =
            s.or("expiry", choice([("settle", ExpiryRule::Settle), ("hold", ExpiryRule::Hold)]), ExpiryRule::Settle);
        Some(AccountRules {
            expiry: expiry?,
            day_orders_end: day_end,
            settlement: Settlement { rule: rule?, at: at?, zone: zone? },
            mark: mark?,
            closing_fees: closing_fees?,
            margin: margin?,
            sessions: sessions?,
        })
    })
}

fn margin(s: &Section<'_>, preset: &Preset) -> Option<MarginRule> {
    let word = s.get("margin", choice([("none", false), ("broker", true)]));
    let files = s.free_table("margin_files")?;
    let kind = path();
    let mut by_root = BTreeMap::new();
    for (root, file) in files {
        let Some(file) = file.as_str().filter(|text| !text.is_empty()) else {
            s.mistake(&format!("margin_files.{root}"), file.to_string(), kind.expected);
            return None;
        };
        by_root.insert(root, file.into());
    }
    match (word?, by_root.is_empty()) {
        (None, true) => Some(preset.margin.clone()),
        (Some(false), true) => Some(MarginRule::None),
        (Some(true), true) => Some(MarginRule::Broker),
        (None | Some(true), false) => Some(MarginRule::Files(by_root)),
        (Some(false), false) => {
            s.mistake("margin", "\"none\" together with margin_files", "one of the two");
            None
        }
    }
}

fn columns(s: &Section<'_>) -> Option<Option<ColumnsConfig>> {
    if !s.has("columns") {
        return Some(None);
    }
    s.section("columns", |s| {
        let column = || text("the name of a column", |name| !name.is_empty());
        let one_char = text("one character", |text| text.len() == 1).map(|text| text.chars().next().unwrap_or(','));
        let delimiter = s.or("delimiter", one_char, ',');
        let time = s.need("time", list_or_one());
        let time_format = s.or(
            "time_format",
            text("a format such as \"%Y-%m-%d %H:%M:%S\", rfc3339, unix_s, unix_ms, unix_us or unix_ns", |f| {
                !f.is_empty()
            }),
            "%Y-%m-%d %H:%M:%S".to_owned(),
        );
        let zone = s.or("zone", zone(), chrono_tz::UTC);
        let stamp = s.or("stamp", choice([("open", false), ("close", true)]), false);
        let open = s.or("open", column(), "open".to_owned());
        let high = s.or("high", column(), "high".to_owned());
        let low = s.or("low", column(), "low".to_owned());
        let close = s.or("close", column(), "close".to_owned());
        let (volume, trades) = (s.get("volume", column()), s.get("trades", column()));
        let symbol = s.get("symbol", text("a contract such as ESZ23", |name| !name.is_empty()));
        let bar_s = s.get("bar_s", whole(1..=DAY_S, "seconds"));
        Some(Some(ColumnsConfig {
            delimiter: delimiter?,
            time: time?,
            time_format: time_format?,
            zone: zone?,
            stamped_at_close: stamp?,
            open: open?,
            high: high?,
            low: low?,
            close: close?,
            volume: volume?,
            trades: trades?,
            symbol: symbol?,
            bar_s: bar_s?,
        }))
    })
}

fn continuous(s: &Section<'_>) -> Option<Option<RollRule>> {
    if !s.has("continuous") {
        return Some(None);
    }
    s.section("continuous", |s| {
        const RULES: [&str; 4] = ["first_bar", "volume", "days_before_expiry", "dates"];
        let expected = RULES.map(|rule| format!("{rule:?}")).join(", ");
        let rule = s.need("roll", text(&expected, |rule| RULES.contains(&rule)));
        let days = s.get("days", whole(0..=366, "days"));
        let dates = s.get("dates", list(instant(), 1));
        let rule = rule?;
        for (key, of) in [("days", "days_before_expiry"), ("dates", "dates")] {
            if s.has(key) != (rule == of) {
                let found = if s.has(key) { "a setting of another rule" } else { "nothing" };
                s.mistake(key, found, format!("{key} together with roll = {of:?}, and not otherwise"));
                return None;
            }
        }
        let mut dates = dates?.unwrap_or_default();
        dates.sort_unstable();
        Some(Some(match rule.as_str() {
            "first_bar" => RollRule::FirstBar,
            "volume" => RollRule::Volume,
            "dates" => RollRule::Dates(dates),
            _ => RollRule::DaysBeforeExpiry(days??),
        }))
    })
}

/// One name, or two: a date and a time of day.
fn list_or_one() -> Kind<'static, Vec<String>> {
    let two = list(text("the name of a column", |name| !name.is_empty()), 1);
    Kind::new("the name of a column, or of a date's and a time's, as in [\"Date\", \"Time\"]", move |value| {
        let names = string(value).map(|name| vec![name.to_owned()]).or_else(|| (two.read)(value))?;
        (names.len() <= 2 && names.iter().all(|name| !name.is_empty())).then_some(names)
    })
}

fn hours(s: &Section<'_>) -> Option<Option<DataHours>> {
    if !s.has("hours") {
        return Some(None);
    }
    s.section("hours", |s| {
        let (from, to) = (s.need("from", time_of_day()), s.need("to", time_of_day()));
        let zone = s.or("zone", zone(), chrono_tz::America::New_York);
        let hours = DataHours { from: from?, to: to?, zone: zone? };
        if hours.from >= hours.to {
            s.mistake("to", hours.to.to_string(), "a time after `from` on the same day");
            return None;
        }
        Some(Some(hours))
    })
}

fn positions(s: &Section<'_>, strategies: Option<&[StrategyConfig]>) -> Option<Vec<OpeningPosition>> {
    let mut seen = BTreeSet::new();
    s.sections("positions", |s, _| {
        let wanted = s.need("strategy", name(32));
        let quantity = s.need("quantity", whole(-100_000..=100_000_i32, "contracts, negative when short"));
        let price = s.need("price", positive_decimal("in points"));
        let (wanted, strategies) = (wanted?, strategies?);
        let Some(strategy) = strategies.iter().find(|strategy| strategy.name == wanted) else {
            s.mistake("strategy", format!("{wanted:?}, which is no strategy"), "the name of a strategy");
            return None;
        };
        if quantity == Some(0) {
            s.mistake("quantity", "0", "contracts, or no position");
            return None;
        }
        if !seen.insert(strategy.id) {
            s.mistake("strategy", format!("{wanted:?} again"), "one position a strategy");
            return None;
        }
        Some(OpeningPosition { strategy: strategy.id, symbol: strategy.symbol, quantity: quantity?, price: price? })
    })
}

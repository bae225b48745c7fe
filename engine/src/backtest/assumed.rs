//! What a backtest takes for granted, in sentences for its report. In: a configuration. Out: one sentence for each
//! assumption that changes fills, costs or the account, those that are the default too. Absent: what every report assumes
//! (`analytics::assumptions`).

use super::expiry::expires_at;
use crate::config::Config;
use crate::config::backtest::{
    AccountRules, BacktestConfig, DelayConfig, ExpiryRule, Fills, InterestConfig, LatencyConfig, MarginRule, Percent,
    RateSource, RollRule,
};
use crate::trade::Money;
use crate::venue::in_bars::{BarFills, LimitRule, Millionths};
use crate::venue::{MarkRule, SettleRule};

/// In the order in which a reader needs them.
pub fn sentences(config: &Config) -> Vec<String> {
    let settings = &config.backtest;
    let mut told = match &settings.fills {
        Fills::Bars(fills) => in_bars(fills, config.bars.jump_ticks_max),
        Fills::Ticks => in_ticks(settings),
    };
    told.push(commissions(settings));
    told.push(format!("The account begins with {} in cash.", settings.cash));
    if !settings.positions.is_empty() {
        told.push(format!(
            "Held before the first bar, as the configuration says: {} positions.",
            settings.positions.len()
        ));
    }
    told.extend(account(&settings.account));
    told.push(interest(settings.interest.as_ref()));
    told.extend(ends(config));
    told.extend(data(settings));
    if settings.unprotected_entries {
        told.push("Entries may carry no stop; nothing but the strategy closes them.".to_owned());
    }
    told
}

fn in_bars(fills: &BarFills, jump_ticks_max: u32) -> Vec<String> {
    let costs = &fills.costs;
    let limits = match fills.limits {
        LimitRule::Touch => {
            "A resting limit order fills when the market reaches its price, as if it were first in its queue."
        }
        LimitRule::Through => "A resting limit order fills when the market goes beyond its price.",
    };
    let mut parts = Vec::new();
    if costs.slippage_ticks > 0 {
        parts.push(format!("{} ticks", costs.slippage_ticks));
    }
    if costs.slippage_of_range > Millionths(0) {
        parts.push(format!("{} of the bar's range", share(costs.slippage_of_range)));
    }
    if costs.slippage_ticks_at_volume > 0 {
        parts.push(format!("{} ticks for an order as large as the bar's volume", costs.slippage_ticks_at_volume));
    }
    let slippage = match parts.is_empty() {
        true => "Market orders and stops fill without slippage.".to_owned(),
        false => format!("Slippage of market orders and stops: {}, rounded up.", parts.join(", and ")),
    };
    let volume = match costs.volume_share_max {
        Some(most) => format!("Orders have at most {} of a bar's volume; the rest waits.", share(most)),
        None => "Orders of any size fill whole, and do not move the market.".to_owned(),
    };
    vec![
        format!("Orders met bars, by the model \"{}\": {}.", fills.model.name(), fills.model.about()),
        limits.to_owned(),
        "What happened inside a bar is not known: where two orders could both have been first, the one that hurts was."
            .to_owned(),
        slippage,
        volume,
        format!(
            "A bar that lies further from the close before it than a fifth of it and than {} ticks is left out.",
            10 * u64::from(jump_ticks_max)
        ),
    ]
}

fn in_ticks(settings: &BacktestConfig) -> Vec<String> {
    let met = if settings.tick_by_tick { "the tick that led to them" } else { "the last tick of their second" };
    vec![
        "Orders met a simulated exchange: a market order takes the other side of the quote, at most its size; where there \
         are no quotes, the last trade in any size. A resting limit waits behind the size that was there, and fills when \
         that is gone or the market trades through it; a stop triggers on a trade or a quote and then is a market order."
            .to_owned(),
        format!("Orders meet {met}, and do not move its market."),
        latency(settings.latency.as_ref()),
        "Data made of bars shows four prices a bar; the order between high and low is then a guess.".to_owned(),
    ]
}

fn latency(of: Option<&LatencyConfig>) -> String {
    let Some(LatencyConfig { feed, order, ack, .. }) = of else {
        return "Market data, orders and answers take no time.".to_owned();
    };
    let shown = |delay: &DelayConfig| match delay {
        DelayConfig::Constant(took) => format!("{} us", took.as_micros()),
        DelayConfig::File(path) => format!("drawn from {}", path.display()),
    };
    format!("Market data takes {}, orders {}, answers {}.", shown(feed), shown(order), shown(ack))
}

fn commissions(settings: &BacktestConfig) -> String {
    let of = |(root, rate): (&String, &Money)| format!("{root} {}", rate.to_decimal().normalize());
    let listed: Vec<String> = settings.commissions.iter().map(of).collect();
    let plain = settings.commission.to_decimal().normalize();
    match listed.is_empty() {
        true => format!("Commission is {plain} a contract and side."),
        false => format!("Commission a contract and side: {}, else {plain}.", listed.join(", ")),
    }
}

fn account(account: &AccountRules) -> Vec<String> {
    let margin = match &account.margin {
        MarginRule::None => "The account may hold anything: no margin is asked, and no position is called.".to_owned(),
        MarginRule::Broker => {
            "Margin is asked by Interactive Brokers' rates of late 2026, whatever the date of the data; a \
                               position that the account cannot hold is closed at the market."
                .to_owned()
        }
        MarginRule::Files(files) => format!(
            "Margin is asked by date for {}; a position that the account cannot hold is closed at the market.",
            files.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
        ),
    };
    let settlement = account.settlement;
    let price = match settlement.rule {
        SettleRule::Last => "the last trade",
        SettleRule::Newest => "the last trade or the middle of the quote, whatever came last",
    };
    let worth = match account.mark {
        MarkRule::Last => "at the last trade",
        MarkRule::Touch => "at the quote that would close them",
    };
    let fees = if account.closing_fees { ", less the commission of closing them" } else { "" };
    let sessions = match (account.sessions, account.day_orders_end) {
        (true, _) => "Orders wait for the sessions of their symbol, and day orders end with them.".to_owned(),
        (false, Some(end)) => format!("Orders deal at any time; day orders end at {} in {}.", end.at, end.zone),
        (false, None) => "Orders deal at any time; day orders end with the settlement.".to_owned(),
    };
    vec![
        margin,
        format!("Positions are settled into cash every day at {} in {}, at {price}.", settlement.at, settlement.zone),
        format!("The account's open positions are valued {worth}{fees}."),
        sessions,
    ]
}

fn interest(of: Option<&InterestConfig>) -> String {
    let Some(InterestConfig { rate, spread, above, year_days, monthly }) = of else {
        return "Cash earns no interest, and debts cost none.".to_owned();
    };
    let rate = match rate {
        RateSource::Constant(rate) => format!("{} % a year", percent(*rate)),
        RateSource::File(path) => format!("the rates of {}", path.display()),
    };
    let spread = match spread {
        Percent(0) => String::new(),
        spread => format!(" less {0} % (debts: plus {0} %)", percent(*spread)),
    };
    let above = match *above {
        Money::ZERO => String::new(),
        above => format!(" on what is above {above}"),
    };
    let credited = if *monthly { "with the first settlement of each month" } else { "with each settlement" };
    format!(
        "Settled cash earns {rate}{spread}{above}, each night on the cash before it, actual/{year_days}, credited {credited} \
         in whole cents; it belongs to no strategy."
    )
}

/// What becomes of each contract that is traded.
fn ends(config: &Config) -> Vec<String> {
    let contracts = config.instruments.iter().filter(|instrument| instrument.expiry.is_some());
    let sentence = |instrument: &crate::market::Instrument| {
        let name = &instrument.name;
        match (config.backtest.account.expiry, expires_at(instrument)) {
            (ExpiryRule::Hold, _) => format!("{name} does not end: a position is held beyond its last bar."),
            (ExpiryRule::Settle, Some(at)) => format!(
                "{name} ends at {at}: a position is settled in cash at the last price, without commission; the exchange's \
                 final settlement price may be another."
            ),
            (ExpiryRule::Settle, None) => {
                format!("{name} does not end: its last day is not known from its month.")
            }
        }
    };
    contracts.map(sentence).collect()
}

fn data(settings: &BacktestConfig) -> Vec<String> {
    let mut told = Vec::new();
    if let Some(hours) = settings.hours {
        told.push(format!("Only bars inside {} to {} in {} were played.", hours.from, hours.to, hours.zone));
    }
    if let Some(rule) = &settings.continuous {
        let when = match rule {
            RollRule::FirstBar => "with its first bar".to_owned(),
            RollRule::Volume => "on the trade date after the first one on which it traded more".to_owned(),
            RollRule::DaysBeforeExpiry(days) => format!("{days} days before the expiry of the one before"),
            RollRule::Dates(dates) => format!("at {} given instants", dates.len()),
        };
        told.push(format!(
            "All contracts are one series: the next takes over {when}, shifted by the gap between them; rolling costs \
             nothing."
        ));
    }
    told
}

fn share(of: Millionths) -> String {
    format!("{} %", rust_decimal::Decimal::new(i64::from(of.0), 4).normalize())
}

fn percent(of: Percent) -> rust_decimal::Decimal {
    rust_decimal::Decimal::new(of.0, 6).normalize()
}

#[cfg(test)]
mod tests {
    use super::super::bar_run_tests::config;
    use super::*;

    fn told(more: &str) -> String {
        sentences(&config("", more)).join("\n")
    }

    #[test]
    fn every_setting_that_changes_a_result_is_told() {
        let plain = told("[backtest.fills]\nmodel = \"next_open\"\n");
        for (more, words) in [
            ("[backtest.fills]\nmodel = \"close\"\n", "by the model \"close\""),
            ("[backtest.fills]\nmodel = \"quotes\"\n", "buys at the ask"),
            ("[backtest.fills]\nmodel = \"next_open\"\nlimits = \"touch\"\n", "first in its queue"),
            (
                "[backtest.fills]\nmodel = \"next_open\"\nslippage_ticks = 2\n",
                "Slippage of market orders and stops: 2 ticks",
            ),
            ("[backtest.fills]\nmodel = \"next_open\"\nslippage_of_range = 0.05\n", "5 % of the bar's range"),
            (
                "[backtest.fills]\nmodel = \"next_open\"\nslippage_ticks_at_volume = 20\n",
                "20 ticks for an order as large",
            ),
            ("[backtest.fills]\nmodel = \"next_open\"\nvolume_share_max = 0.1\n", "at most 10 % of a bar's volume"),
            ("[backtest.fills]\nmodel = \"next_open\"\n[backtest.account]\nmargin = \"none\"\n", "no margin is asked"),
            (
                "[backtest.fills]\nmodel = \"next_open\"\n[backtest.account]\nmargin_files = { ES = \"a\" }\n",
                "by date for ES",
            ),
            ("[backtest.fills]\nmodel = \"next_open\"\n[backtest.account]\nsettle_at = \"15:00\"\n", "at 15:00:00 in"),
            (
                "[backtest.fills]\nmodel = \"next_open\"\n[backtest.account]\nsettle_price = \"newest\"\n",
                "whatever came last",
            ),
            (
                "[backtest.fills]\nmodel = \"next_open\"\n[backtest.account]\nmark = \"touch\"\n",
                "the quote that would close them",
            ),
            (
                "[backtest.fills]\nmodel = \"next_open\"\n[backtest.account]\nclosing_fees = true\n",
                "the commission of closing",
            ),
            (
                "[backtest.fills]\nmodel = \"next_open\"\n[backtest.account]\nsessions = false\n",
                "Orders deal at any time",
            ),
            (
                "[backtest.fills]\nmodel = \"next_open\"\n[backtest.account]\nexpiry = \"hold\"\n",
                "held beyond its last bar",
            ),
            (
                "[backtest.fills]\nmodel = \"next_open\"\n[backtest.interest]\nrate_percent = 5.25\nabove = 10_000\n\
              spread_percent = 0.5\ncredited = \"monthly\"\nyear_days = 365\n",
                "5.25 % a year less 0.5 % (debts: plus 0.5 %) on what is above 10000.00",
            ),
            (
                "[backtest.fills]\nmodel = \"next_open\"\n[backtest.hours]\nfrom = \"09:30\"\nto = \"17:00\"\n",
                "Only bars inside",
            ),
            (
                "[backtest.fills]\nmodel = \"next_open\"\n[backtest.continuous]\nroll = \"volume\"\n",
                "on which it traded more",
            ),
            ("commissions = { ES = 2.15 }\n[backtest.fills]\nmodel = \"next_open\"\n", "ES 2.15, else 2.25"),
            ("[backtest.latency]\norder_us = 400\n", "orders 400 us"),
            ("tick_by_tick = true\n", "the tick that led to them"),
        ] {
            let with = told(more);
            assert!(with.contains(words), "{words:?} is not in\n{with}");
            assert!(!plain.contains(words), "{words:?} is said of the default too");
        }
        assert!(plain.contains("ESZ23 ends at 2023-12-15T14:30:00Z"), "{plain}");
        assert!(plain.contains("a fifth of it and than 4000 ticks is left out"), "{plain}");
        assert!(plain.contains("Cash earns no interest") && plain.contains("without slippage"), "{plain}");
    }
}

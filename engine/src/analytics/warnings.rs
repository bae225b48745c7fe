//! Why a result should not be believed. In: what was computed. Out: warnings, the worst first.
//! Absent: silence; a check that cannot be made says nothing only where its matter does not exist.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::calendar::values;
use super::curve::dollars;
use super::figures::{money_text, number_text};
use super::ratios;
use super::significance;
use super::statistics::Basis;
use crate::market::{Bar, Quality, SymbolId};
use crate::time::Timestamp;
use crate::trade::Fill;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// The result is not what it seems.
    Severe,
    /// Keep it in mind.
    Caution,
}

impl Weight {
    pub fn name(self) -> &'static str {
        match self {
            Weight::Severe => "severe",
            Weight::Caution => "caution",
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Warning {
    /// Stable name: `few_trades`.
    pub code: &'static str,
    pub weight: Weight,
    pub text: String,
}

/// Below this, nothing follows from trades; below the second, little.
const TRADES_FEW: usize = 30;
const TRADES_SOME: usize = 100;
/// Trades that each tunable number needs.
const TRADES_A_PARAMETER: usize = 20;
/// One trade with this share of the profit carries it.
const CARRIES: f64 = 0.5;
/// Days below which annual numbers are extrapolations.
const DAYS_SOME: usize = 60;
/// A larger share of a bar's volume would have moved the market.
const VOLUME_SHARE: f64 = 0.1;
/// Bars of a doubtful quality above this share are worth a word.
const DOUBTFUL_SHARE: f64 = 0.01;
const CONFIDENCE: f64 = 0.95;

pub fn warnings(of: Basis<'_>) -> Vec<Warning> {
    let mut found: Vec<Warning> = [
        few_trades(of),
        one_trade_carries(of),
        few_days(of),
        not_significant(of),
        parameters(of),
        trials(of),
        costs_missing(of),
        costs_eat(of),
        unmatched(of),
        open_at_end(of),
        ruined(of),
        doubtful_bars(of),
        no_bars(of),
        not_ended(of),
        same_bar(of),
    ]
    .into_iter()
    .flatten()
    .chain(fills(of))
    .chain(doubts(of))
    .collect();
    found.sort_by_key(|warning| warning.weight);
    found
}

/// `1 trade`, `2 trades`.
fn count(n: impl Into<u64>, what: &str) -> String {
    let n = n.into();
    format!("{} {what}{}", number_text(n as f64, 0), if n == 1 { "" } else { "s" })
}

fn severe(code: &'static str, text: String) -> Option<Warning> {
    Some(Warning { code, weight: Weight::Severe, text })
}

fn caution(code: &'static str, text: String) -> Option<Warning> {
    Some(Warning { code, weight: Weight::Caution, text })
}

fn few_trades(of: Basis<'_>) -> Option<Warning> {
    match of.trades.len() {
        0 => severe("no_trades", "No trade was closed: there is nothing to judge.".into()),
        n if n < TRADES_FEW => severe(
            "few_trades",
            format!("Only {}: fewer than {TRADES_FEW} say nothing about the next one.", count(n as u64, "trade")),
        ),
        n if n < TRADES_SOME => {
            caution("few_trades", format!("{n} trades: averages of fewer than {TRADES_SOME} are rough."))
        }
        _ => None,
    }
}

fn one_trade_carries(of: Basis<'_>) -> Option<Warning> {
    let nets: Vec<f64> = of.trades.iter().map(|t| dollars(t.trip.net())).collect();
    let (sum, best) = (nets.iter().sum::<f64>(), nets.iter().copied().fold(0.0, f64::max));
    if nets.len() < 2 || sum <= 0.0 || best < CARRIES * sum {
        return None;
    }
    let rest = number_text(sum - best, 2);
    severe(
        "one_trade_carries",
        format!(
            "One trade earned {} of a total of {}: without it the rest is {rest}.",
            number_text(best, 2),
            number_text(sum, 2)
        ),
    )
}

fn few_days(of: Basis<'_>) -> Option<Warning> {
    let days = of.daily.len();
    (days < DAYS_SOME).then(|| Warning {
        code: "few_days",
        weight: if days < 20 { Weight::Severe } else { Weight::Caution },
        text: format!(
            "{}: annual figures and ratios are extrapolated from too little.",
            count(days as u64, "trade date")
        ),
    })
}

fn not_significant(of: Basis<'_>) -> Option<Warning> {
    let returns = values(of.daily);
    let confidence = significance::deflated_sharpe(&returns, of.run.trials)?;
    // A loss needs no warning that it may be luck.
    if confidence >= CONFIDENCE || ratios::sharpe_a_period(&returns).is_none_or(|ratio| ratio <= 0.0) {
        return None;
    }
    let needed = significance::record_needed(&returns, CONFIDENCE)
        .map(|days| format!(" About {} days of the same quality would be needed.", number_text(days.ceil(), 0)));
    caution(
        "not_significant",
        format!(
            "The probability of a Sharpe ratio above zero is {} %, less than 95 %: this may be luck.{}",
            number_text(confidence * 100.0, 1),
            needed.filter(|_| of.run.trials == 1).unwrap_or_default()
        ),
    )
}

fn parameters(of: Basis<'_>) -> Option<Warning> {
    let Some(parameters) = of.run.parameters() else {
        return caution(
            "parameters_unknown",
            "How many parameters could have been tuned is not known; compare it with the number of trades.".into(),
        );
    };
    let trades = of.trades.len();
    let needed = parameters as usize * TRADES_A_PARAMETER;
    if trades == 0 || trades >= needed {
        return None;
    }
    severe(
        "parameters",
        format!(
            "{} and {}: fewer than {TRADES_A_PARAMETER} for each can be fitted to chance.",
            count(parameters, "parameter"),
            count(trades as u64, "trade")
        ),
    )
}

fn trials(of: Basis<'_>) -> Option<Warning> {
    if of.run.trials > 1 || of.run.mode != "backtest" {
        return None;
    }
    caution(
        "trials_unknown",
        "Nobody said how many variants were tried (--trials): the deflated Sharpe ratio takes this for the first."
            .into(),
    )
}

fn costs_missing(of: Basis<'_>) -> Option<Warning> {
    let fills = of.run.fills.len();
    if of.ledger.uncosted > 0 {
        return severe("costs_missing", format!("{} of {fills} fills have no commission yet.", of.ledger.uncosted));
    }
    let free = fills > 0 && of.run.fills.iter().all(|fill| fill.commission.unwrap_or_default() == Default::default());
    if free { severe("costs_missing", "No fill cost anything: commission is missing.".into()) } else { None }
}

fn costs_eat(of: Basis<'_>) -> Option<Warning> {
    let gross: f64 = of.trades.iter().map(|t| dollars(t.trip.gross())).sum();
    let net: f64 = of.trades.iter().map(|t| dollars(t.trip.net())).sum();
    if gross <= 0.0 || net > gross / 2.0 {
        return None;
    }
    caution(
        "costs_eat",
        format!("Commission takes {} of a gross of {}.", number_text(gross - net, 2), number_text(gross, 2)),
    )
}

fn unmatched(of: Basis<'_>) -> Option<Warning> {
    let contracts = of.ledger.unmatched;
    if contracts == 0 {
        return None;
    }
    severe(
        "unmatched",
        format!(
            "{} closed a position whose opening is not in this session: these trades are missing.",
            count(contracts, "contract")
        ),
    )
}

fn open_at_end(of: Basis<'_>) -> Option<Warning> {
    let open: u64 = of.ledger.open.iter().map(|lot| u64::from(lot.quantity)).sum();
    if open == 0 {
        return None;
    }
    let (are, them) = if open == 1 { ("contract is", "it") } else { ("contracts are", "them") };
    let text = format!("{open} {are} open at the end: equity has {them} at the last close, trades do not have {them}.");
    caution("open_at_end", text)
}

fn ruined(of: Basis<'_>) -> Option<Warning> {
    let lowest = of.curve.points.iter().map(|point| point.equity).min()?;
    if lowest > Default::default() {
        return None;
    }
    severe(
        "ruined",
        format!(
            "Equity fell to {}: there are no returns, and no broker would have let it go on.",
            money_text(lowest.to_decimal())
        ),
    )
}

fn doubtful_bars(of: Basis<'_>) -> Option<Warning> {
    let bars = &of.run.bars;
    let count = |quality: Quality| bars.iter().filter(|bar| bar.quality == quality).count();
    let (gaps, parts) = (count(Quality::Gap), count(Quality::Partial));
    if bars.is_empty() || ((gaps + parts) as f64) < DOUBTFUL_SHARE * bars.len() as f64 {
        return None;
    }
    caution("doubtful_bars", format!("Of {} bars {gaps} have gaps and {parts} are parts.", bars.len()))
}

fn no_bars(of: Basis<'_>) -> Option<Warning> {
    let have: BTreeSet<SymbolId> = of.run.bars.iter().map(|bar| bar.symbol).collect();
    let without = of.run.fills.iter().map(|f| f.fill.symbol).find(|symbol| !have.contains(symbol))?;
    let name = &of.run.instrument(without).name;
    severe(
        "no_bars",
        format!(
            "There are no bars of {name}: its open positions are valued at fills only, and drawdowns are too small."
        ),
    )
}

fn not_ended(of: Basis<'_>) -> Option<Warning> {
    if of.run.end_cause.is_some() {
        return None;
    }
    caution("not_ended", "The session did not end in order, or still runs: the last figures may be missing.".into())
}

/// What was told of the data while it was played.
fn doubts(of: Basis<'_>) -> impl Iterator<Item = Warning> {
    of.run.doubts.iter().filter_map(|text| severe("data_doubtful", text.clone()))
}

/// Trades inside one bar rest on an order of prices that bars do not show.
fn same_bar(of: Basis<'_>) -> Option<Warning> {
    let inside = of.trades.iter().filter(|t| t.far.bars == 0).count();
    if of.run.mode != "backtest" || inside * 5 < of.trades.len() || inside == 0 {
        return None;
    }
    caution(
        "same_bar",
        format!(
            "{inside} of {} trades begin and end in the same bar: with data made of bars, which of stop and target came \
             first is a guess.",
            of.trades.len()
        ),
    )
}

/// Fills that the bars around them do not bear out.
fn fills(of: Basis<'_>) -> Vec<Warning> {
    let (mut stale, mut outside) = (0_u64, 0_u64);
    let mut taken: BTreeMap<(SymbolId, Timestamp), (u64, u64)> = BTreeMap::new();
    for symbol in of.run.symbols() {
        let bars = of.run.bars_of(symbol);
        let of_symbol = |fill: &&Fill| fill.symbol == symbol && !fill.leg.is_unlisted() && !bars.is_empty();
        for fill in of.run.fills.iter().map(|f| &f.fill).filter(of_symbol) {
            let next = bars.partition_point(|bar| bar.open_ts <= fill.at);
            let before = next.checked_sub(1).map(|at| bars[at]);
            let inside = before.filter(|bar| fill.at < bar.end());
            let near = [inside, edge(&bars, next, fill.at)];
            if near.iter().flatten().next().is_none() {
                stale += 1;
            } else if !near.iter().flatten().any(|bar| (bar.low.0 - 1..=bar.high.0 + 1).contains(&fill.price.0)) {
                outside += 1;
            }
            if let Some(bar) = inside {
                let of_bar = taken.entry((symbol, bar.open_ts)).or_insert((0, bar.volume));
                of_bar.0 += u64::from(fill.quantity);
            }
        }
    }
    let beyond = taken.values().filter(|(ours, all)| ours > all).count() as u64;
    let much =
        taken.values().filter(|(ours, all)| ours <= all && *ours as f64 > VOLUME_SHARE * *all as f64).count() as u64;
    let told = [
        (stale, "stale_fills", Weight::Severe, "fill", "at a time without a bar: the price was old."),
        (outside, "fills_outside", Weight::Severe, "fill", "more than a tick outside the range of its bar."),
        (beyond, "fills_beyond_volume", Weight::Severe, "bar", "with more contracts filled than were traded."),
        (
            much,
            "fills_share_of_volume",
            Weight::Caution,
            "bar",
            "with more than a tenth of the volume filled by this run.",
        ),
    ];
    let some = told.into_iter().filter(|(times, ..)| *times > 0);
    some.map(|(times, code, weight, what, text)| Warning {
        code,
        weight,
        text: format!("{} {text}", count(times, what)),
    })
    .collect()
}

/// The bar that ended in the second of a fill, `next` being the first that opens after it: stamps are whole seconds.
fn edge(bars: &[Bar], next: usize, at: Timestamp) -> Option<Bar> {
    let near = bars[next.saturating_sub(2)..next].iter();
    near.copied().find(|bar| bar.end() <= at && bar.end().secs() + 1 >= at.secs())
}

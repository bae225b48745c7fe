//! The fast path against the queue transport on the same markets: every decision, order, step of an order, fill and figure.

use std::time::Duration;

use proptest::prelude::*;

use super::{End, Filled, Placed, Plan, Sink, Unsuited, run_bars, run_ticks};
use crate::backtest::bar_run::{BarBacktest, BarRunSetup};
use crate::backtest::{Backtest, Cores};
use crate::bar_market::BarEvent;
use crate::config::Config;
use crate::config::raw::{Known, Layer, read};
use crate::journal::{Performance, Record, Verdict};
use crate::market::{Bar, FeedEvent, MarketEvent, Price, Quality, SymbolId, Trade};
use crate::orders::machine::State;
use crate::risk::Breach;
use crate::strategy::registry;
use crate::time::Timestamp;
use crate::trade::{ClientOrderId, Intent, Money, OrderIntent};

/// 2024-01-07T23:00:00Z, a Sunday: a session opens.
const START: Timestamp = Timestamp::from_secs(1_704_668_400);

fn config(model: &str, kind: &str, params: &str, more: &str) -> Config {
    let text = format!(
        r#"
        [broker]
        address = "127.0.0.1:4002"
        [[instruments]]
        name = "ES"
        root = "ES"
        expiry = "202403"
        exchange = "CME"
        currency = "USD"
        tick_size = 0.25
        multiplier = 50
        [bars]
        lengths_s = [60]
        [[strategies]]
        name = "one"
        kind = "{kind}"
        symbol = "ES"
        quantity = 2
        unprotected = true
        [strategies.params]
        {params}
        [orders]
        flatten_on_stop = false
        emergency_liquidate_on_disconnect = false
        [storage]
        database_url = "sqlite:var/test.db"
        [backtest]
        cash = 1_000_000
        commission = 2.25
        unprotected_entries = true
        tick_by_tick = true
        [backtest.account]
        margin = "none"
        sessions = false
        [backtest.fills]
        model = "{model}"
        {more}
        "#
    );
    let limits = if more.contains("[risk]") { "" } else { LIMITS };
    let layers = [Layer::new("test", format!("{text}\n{limits}"))];
    read(&layers, &[], &Known::registered(&[])).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// Everything on that does not need stops, and out of reach.
const LIMITS: &str = r#"
    [risk]
    capital_usd = 10_000_000
    order_size_max = 4
    order_notional_usd_max = 10_000_000
    max_position_size = 4
    gross_exposure_usd_max = 10_000_000
    orders_per_second_max = 10
    daily_loss_usd_max = 5_000_000
    weekly_loss_usd_max = 5_000_000
    max_drawdown = 0.9
    consecutive_losses_max = 1_000
    stale_after_ms = 5_000
    disabled = ["max_portfolio_risk"]
"#;

/// What happened, in words that both paths have. Reasons and execution ids are for people and journals.
#[derive(Clone, PartialEq, Debug)]
enum Told {
    Signal(Timestamp, Intent, Result<Option<ClientOrderId>, String>),
    Placed(Timestamp, Placed),
    Moved(ClientOrderId, State),
    Filled(Filled),
    Bar(Bar),
}

#[derive(Default)]
struct Heard(Vec<Told>);

impl Sink for &mut Heard {
    fn signal(&mut self, now: Timestamp, intent: &OrderIntent, verdict: Result<Option<ClientOrderId>, &Breach>) {
        let verdict = verdict.map_err(|b| format!("{}: {} against {}", b.rule, b.value, b.limit));
        self.0.push(Told::Signal(now, intent.intent.clone(), verdict));
    }

    fn placed(&mut self, now: Timestamp, order: &Placed) {
        self.0.push(Told::Placed(now, *order));
    }

    fn moved(&mut self, _: Timestamp, order: ClientOrderId, state: State) {
        self.0.push(Told::Moved(order, state));
    }

    fn filled(&mut self, _: Timestamp, fill: &Filled) {
        self.0.push(Told::Filled(*fill));
    }

    fn bar(&mut self, _: Timestamp, bar: &Bar) {
        self.0.push(Told::Bar(*bar));
    }
}

/// The same from a journal's records. A fill's commission comes after it.
fn hear(told: &mut Vec<Told>, at: Timestamp, record: Record) {
    match record {
        Record::Signal { intent, verdict } => {
            let verdict = match verdict {
                Verdict::Approved { order } => Ok(order),
                Verdict::Refused { rule, value, limit } => Err(format!("{rule}: {value} against {limit}")),
            };
            told.push(Told::Signal(at, intent.intent, verdict));
        }
        Record::OrderPlaced(ticket) => {
            let (id, order_id, leg, side) = (ticket.id, ticket.order_id, ticket.leg, ticket.side);
            told.push(Told::Placed(at, Placed { id, order_id, leg, side, quantity: ticket.quantity, tif: ticket.tif }));
        }
        Record::OrderChanged(change) => {
            // A status that repeats what is known is written down when it brings the broker's permanent id.
            let known = told.iter().rev().find_map(|told| match told {
                Told::Moved(id, state) if *id == change.id => Some(*state),
                _ => None,
            });
            if known != Some(change.state) {
                told.push(Told::Moved(change.id, change.state));
            }
        }
        Record::Fill(fill) => told.push(Told::Filled(Filled {
            order: fill.order,
            leg: fill.leg,
            side: fill.side,
            quantity: fill.quantity,
            price: fill.price,
            at: fill.at,
            commission: Money::ZERO,
        })),
        Record::Commission { amount, .. } => {
            let last = told.iter_mut().rev().find_map(|told| match told {
                Told::Filled(fill) => Some(fill),
                _ => None,
            });
            last.expect("a commission follows its fill").commission = amount;
        }
        Record::Bar(bar) => told.push(Told::Bar(bar)),
        _ => {}
    }
}

/// What both paths found: what happened, in order but for bars, which the queue tells of after what they led to.
#[derive(PartialEq, Debug)]
struct Found {
    told: Vec<Told>,
    bars: Vec<Told>,
    performance: Performance,
    position: i64,
    equity: Money,
}

impl Found {
    fn new(told: Vec<Told>, performance: Performance, position: i64, equity: Money) -> Self {
        let (bars, told) = told.into_iter().partition(|told| matches!(told, Told::Bar(_)));
        Self { told, bars, performance, position, equity }
    }

    fn of_cores(told: Vec<Told>, cores: &Cores, equity: Money) -> Self {
        let portfolio = cores.books.portfolio();
        Self::new(told, portfolio.performance(None), portfolio.net_position(SymbolId(0)), equity)
    }

    /// The first thing that is not the same, with that of the other.
    fn differs(&self, other: &Found) -> Option<String> {
        let rows = |a: &[Told], b: &[Told]| {
            let at = (0..a.len().max(b.len())).find(|&n| a.get(n) != b.get(n))?;
            Some(format!("{at}: {:?} against {:?}, after {:?}", a.get(at), b.get(at), at.checked_sub(1).map(|n| &a[n])))
        };
        let sums = |found: &Found| (found.performance, found.position, found.equity);
        let sums = (sums(self) != sums(other)).then(|| format!("{:?} against {:?}", sums(self), sums(other)));
        rows(&self.told, &other.told).or_else(|| rows(&self.bars, &other.bars)).or(sums)
    }

    fn fills(&self) -> usize {
        self.told.iter().filter(|told| matches!(told, Told::Filled(_))).count()
    }
}

fn fast(config: &Config, play: impl FnOnce(&Plan, &mut Heard) -> Result<End, Unsuited>) -> Result<Found, Unsuited> {
    let plan = Plan::of(config)?;
    let mut heard = Heard::default();
    let end = play(&plan, &mut heard)?;
    let found = Found::new(heard.0, end.performance, end.position, end.equity);
    assert_eq!(end.fills, found.fills() as u64);
    Ok(found)
}

fn strategy(config: &Config) -> Box<dyn crate::strategy::Strategy> {
    let strategy = &config.strategies[0];
    let params = registry::params(&strategy.kind, &strategy.params).expect("checked");
    registry::build(&strategy.kind, &params).expect("its kind is known")
}

fn bars_fast(config: &Config, bars: &[Bar]) -> Result<Found, Unsuited> {
    fast(config, |plan, heard| run_bars(plan, strategy(config), bars.iter().copied(), bars[0].open_ts, 1, heard))
}

fn bars_queue(config: &Config, bars: &[Bar]) -> Found {
    let mut told = Vec::new();
    let setup =
        BarRunSetup { start: bars[0].open_ts, with_trades: vec![SymbolId(0)], run: 1, ..BarRunSetup::default() };
    let source = bars.iter().copied().map(BarEvent::Trades);
    let run = BarBacktest::new(config, source, setup, |at, record| hear(&mut told, at, record)).expect("bars");
    let ended = run.run();
    Found::of_cores(told, &ended.cores, ended.account.equity)
}

fn start_of(trades: &[Trade]) -> Timestamp {
    trades[0].ts.floor(Duration::from_secs(1))
}

fn ticks_fast(config: &Config, trades: &[Trade]) -> Result<Found, Unsuited> {
    let source = trades.iter().copied();
    fast(config, |plan, heard| run_ticks(plan, strategy(config), source, start_of(trades), 1, heard))
}

fn ticks_queue(config: &Config, trades: &[Trade]) -> Found {
    let mut told = Vec::new();
    let source = trades.iter().map(|t| FeedEvent { symbol: SymbolId(0), event: MarketEvent::Trade(*t) });
    let (cash, commission) = (config.backtest.cash, config.backtest.commission);
    let record = |at, record| hear(&mut told, at, record);
    let cores = Backtest::new(config, source, start_of(trades), cash, commission, record).run();
    let equity = cash + cores.books.portfolio().equity();
    let mut found = Found::of_cores(told, &cores, equity);
    // The one that the end cut off is written down and not traded on.
    found.bars.pop();
    found
}

/// Moves of a walk in ticks, and how much of the time passes between two of them.
fn walk(seed: u64, count: usize) -> impl Iterator<Item = (i32, u64)> {
    let mut state = seed;
    let mut draw = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let mut price = 20_000;
    (0..count).map(move |_| {
        price += i32::try_from(draw() % 7).expect("small") - 3;
        (price, draw() % 1_000)
    })
}

/// Minutes over several sessions, with holes in them.
fn minutes(seed: u64, count: usize) -> Vec<Bar> {
    let (mut open_ts, mut last, mut bars) = (START, Price(20_000), Vec::new());
    for (price, gap) in walk(seed, count) {
        open_ts = open_ts + Duration::from_secs(if (1..10).contains(&gap) { 60 * 60 * gap } else { 60 });
        let (open, close) = (Price(last.0 + 1), Price(price));
        let (high, low) = (open.max(close), open.min(close));
        let (symbol, length_s, quality) = (SymbolId(0), 60, Quality::Complete);
        bars.push(Bar { symbol, open_ts, length_s, open, high, low, close, volume: gap + 1, trades: 1, quality });
        last = close;
    }
    bars
}

/// Some a second, with hours of silence.
fn trades(seed: u64, count: usize) -> Vec<Trade> {
    let mut ts = START;
    let one = |(price, gap): (i32, u64)| {
        ts = ts + Duration::from_millis(if gap == 7 { 3_600_000 } else { gap * 3 });
        Trade { ts, price: Price(price), size: 1 }
    };
    walk(seed, count).map(one).collect()
}

const FAST_AVERAGES: &str = "fast = 3\nslow = 8";

#[test]
fn bars_give_the_same_decisions_orders_fills_and_profit() {
    for (params, more) in [
        (FAST_AVERAGES, ""),
        ("fast = 3\nslow = 8\nshort = 0\nat_once = 1", ""),
        (FAST_AVERAGES, "slippage_ticks = 1\nslippage_of_range = 0.1"),
    ] {
        let config = config("next_open", "ma_crossover", params, more);
        let bars = minutes(1, 20_000);
        let queue = bars_queue(&config, &bars);
        assert!(queue.fills() > 1_000, "there is something to compare: {}", queue.fills());
        assert_eq!(bars_fast(&config, &bars).expect("it qualifies").differs(&queue), None);
    }
}

#[test]
fn ticks_give_the_same_decisions_orders_fills_and_profit() {
    for params in [FAST_AVERAGES, "fast = 3\nslow = 8\nshort = 0\nat_once = 1"] {
        let config = config("ticks", "ma_crossover", params, "");
        let trades = trades(2, 60_000);
        let queue = ticks_queue(&config, &trades);
        assert!(queue.fills() > 100, "there is something to compare: {}", queue.fills());
        assert_eq!(ticks_fast(&config, &trades).expect("it qualifies").differs(&queue), None);
    }
}

#[test]
fn every_kind_of_strategy_decides_the_same() {
    for kind in ["donchian", "rsi_reversion", "opening_range"] {
        let config = config("next_open", kind, "", "");
        let bars = minutes(3, 20_000);
        let found = bars_fast(&config, &bars).expect("it qualifies");
        assert!(found.fills() > 0, "{kind}: there is something to compare");
        assert_eq!(found.differs(&bars_queue(&config, &bars)), None, "{kind}");
    }
}

#[test]
fn what_the_gate_refuses_is_refused_the_same() {
    let tight = LIMITS.replace("order_size_max = 4", "order_size_max = 2\norders_per_day_max = 20");
    let config = config("next_open", "ma_crossover", FAST_AVERAGES, &tight);
    let bars = minutes(4, 10_000);
    let queue = bars_queue(&config, &bars);
    let refused = |rule: &str| {
        queue.told.iter().any(|told| matches!(told, Told::Signal(_, _, Err(why)) if why.starts_with(rule)))
    };
    // Turning around takes four contracts.
    assert!(refused("order_size:"));
    let found = bars_fast(&config, &bars).expect("refusals are no reason to give up");
    assert_eq!(found.differs(&queue), None);
}

#[test]
fn a_limit_that_latches_is_left_to_the_queue() {
    for (limit, tight) in [
        ("daily_loss_usd_max = 5_000_000", "daily_loss_usd_max = 500"),
        ("weekly_loss_usd_max = 5_000_000", "weekly_loss_usd_max = 500"),
        ("max_drawdown = 0.9", "max_drawdown = 0.0001"),
        ("max_drawdown = 0.9", "max_drawdown = 0.9\ntrailing_drawdown_usd_max = 500"),
        ("consecutive_losses_max = 1_000", "consecutive_losses_max = 3"),
        ("stale_after_ms", "reentries_max = 2\nstale_after_ms"),
    ] {
        let more = LIMITS.replace(limit, tight);
        let bars = config("next_open", "ma_crossover", FAST_AVERAGES, &more);
        assert!(bars_fast(&bars, &minutes(5, 5_000)).is_err(), "{tight}");
        let ticks = config("ticks", "ma_crossover", FAST_AVERAGES, &more);
        assert!(ticks_fast(&ticks, &trades(5, 60_000)).is_err(), "{tight}");
    }
}

#[test]
fn what_it_does_not_know_it_does_not_play() {
    let good = config("next_open", "ma_crossover", FAST_AVERAGES, "");
    assert!(Plan::of(&good).is_ok());
    let with = |change: fn(&mut Config)| {
        let mut config = good.clone();
        change(&mut config);
        Plan::of(&config).err()
    };
    assert!(with(|c| c.strategies[0].stop_ticks = Some(4)).is_some());
    assert!(with(|c| c.strategies.push(c.strategies[0].clone())).is_some());
    assert!(with(|c| c.backtest.unprotected_entries = false).is_some());
    assert!(with(|c| c.backtest.account.sessions = true).is_some());
    assert!(with(|c| c.orders.flatten_before_close = Some(Duration::from_secs(60))).is_some());
    let mut bars = minutes(6, 100);
    bars.swap(50, 51);
    assert!(bars_fast(&good, &bars).is_err(), "out of order");
    let ticks = config("ticks", "ma_crossover", FAST_AVERAGES, "");
    let mut jump = trades(6, 100);
    jump[50].price.0 += 100_000;
    assert!(ticks_fast(&ticks, &jump).is_err(), "a price that the intake would look at twice");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    /// Any walk, averages and limits: the same, or given up.
    #[test]
    fn any_market_is_played_the_same_or_not_at_all(
        seed in any::<u64>(), fast in 1i64..6, more in 1i64..10, short in 0i64..2, at_once in 0i64..2,
        loss in prop_oneof![Just(1_000), Just(20_000), Just(5_000_000)],
    ) {
        let params = format!("fast = {fast}\nslow = {}\nshort = {short}\nat_once = {at_once}", fast + more);
        let limits = LIMITS.replace("daily_loss_usd_max = 5_000_000", &format!("daily_loss_usd_max = {loss}"));
        let of_bars = config("next_open", "ma_crossover", &params, &limits);
        let bars = minutes(seed, 1_500);
        if let Ok(found) = bars_fast(&of_bars, &bars) {
            prop_assert_eq!(found.differs(&bars_queue(&of_bars, &bars)), None);
        }
        let of_ticks = config("ticks", "ma_crossover", &params, &limits);
        let trades = trades(seed, 3_000);
        if let Ok(found) = ticks_fast(&of_ticks, &trades) {
            prop_assert_eq!(found.differs(&ticks_queue(&of_ticks, &trades)), None);
        }
    }
}

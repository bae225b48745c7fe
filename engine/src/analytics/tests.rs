//! Small runs as a person would write them down, and what must come out.

use rust_decimal::Decimal;

use super::collect::Collector;
use super::curve::curve;
use super::excursion::excursion;
use super::run::{Carried, CostedFill, Run, StrategyFacts};
use super::trips::ledger;
use crate::journal::{Mode, Record, SessionInfo, StrategyInfo};
use crate::market::{Bar, Instrument, Price, Quality, SymbolId};
use crate::time::Timestamp;
use crate::trade::{ClientOrderId, Fill, Leg, Money, Side, StrategyId};

pub(super) fn es() -> Instrument {
    Instrument {
        id: SymbolId(0),
        name: "ES".into(),
        root: "ES".into(),
        expiry: None,
        exchange: "CME".into(),
        currency: "USD".into(),
        tick_size: Decimal::new(25, 2),
        multiplier: Decimal::from(50),
    }
}

pub(super) fn usd(cents: i64) -> Money {
    Money::from_micros(cents * 10_000)
}

/// Minutes after 2024-06-12 14:00 UTC, a Wednesday in regular hours.
pub(super) fn minute(n: i64) -> Timestamp {
    Timestamp::from_secs(1_718_200_800 + n * 60)
}

pub(super) fn bar(n: i64, prices: [i32; 4]) -> Bar {
    let [open, high, low, close] = prices.map(Price);
    let quality = Quality::Complete;
    Bar {
        symbol: SymbolId(0),
        open_ts: minute(n),
        length_s: 60,
        open,
        high,
        low,
        close,
        volume: 100,
        trades: 9,
        quality,
    }
}

/// A day of small trades.
pub(super) struct Desk(pub Run);

impl Desk {
    pub fn new() -> Self {
        let mut run = Run::empty("test".into(), "backtest".into(), minute(0), usd(10_000_000));
        run.instruments = vec![es()];
        run.strategies = ["one", "two"]
            .map(|name| StrategyFacts { name: name.into(), kind: "x".into(), parameters: Some(2) })
            .into();
        run.end_cause = Some("the market is over".into());
        Self(run)
    }

    pub fn fill(mut self, at: Timestamp, order: u64, leg: Leg, signed: i32, price: i32) -> Self {
        let fill = Fill {
            exec_id: format!("e{}", self.0.fills.len()),
            order: ClientOrderId(order),
            strategy: StrategyId(0),
            symbol: SymbolId(0),
            leg,
            side: if signed > 0 { Side::Buy } else { Side::Sell },
            quantity: signed.unsigned_abs(),
            price: Price(price),
            at,
        };
        let commission = Some(usd(225) * i64::from(signed.unsigned_abs()));
        self.0.fills.push(CostedFill { fill, commission });
        self
    }

    pub fn bars(mut self, bars: impl IntoIterator<Item = Bar>) -> Self {
        self.0.bars.extend(bars);
        self
    }
}

#[test]
fn what_one_order_closes_of_another_is_one_round_trip() {
    let desk = Desk::new().fill(minute(1), 1, Leg::Entry, 1, 20_000).fill(minute(2), 1, Leg::Entry, 1, 20_002).fill(
        minute(5),
        2,
        Leg::Exit,
        -2,
        20_010,
    );
    let found = ledger(&desk.0);
    assert_eq!((found.trips.len(), found.open.len(), found.unmatched, found.uncosted), (1, 0, 0, 0));
    let trip = &found.trips[0];
    assert_eq!((trip.side, trip.quantity, trip.entry_at, trip.exit_at), (Side::Buy, 2, minute(1), minute(5)));
    assert_eq!(trip.entry_price(&es()), Decimal::new(500_025, 2), "mean of 5000.00 and 5000.50");
    assert_eq!((trip.gross(), trip.commission, trip.net()), (usd(22_500), usd(900), usd(21_600)), "10 + 8 ticks");
}

#[test]
fn the_oldest_contract_is_closed_first() {
    let desk = Desk::new()
        .fill(minute(1), 1, Leg::Entry, -1, 20_000)
        .fill(minute(2), 2, Leg::Entry, -2, 20_010)
        .fill(minute(3), 3, Leg::Target, 2, 19_990)
        .fill(minute(4), 4, Leg::Stop, 1, 20_020);
    let found = ledger(&desk.0);
    let told: Vec<_> = found.trips.iter().map(|t| (t.quantity, t.gross(), t.commission, t.exit_leg)).collect();
    let expected = [
        (1, usd(12_500), usd(450), Leg::Target),
        (1, usd(25_000), usd(450), Leg::Target),
        (1, usd(-12_500), usd(450), Leg::Stop),
    ];
    assert_eq!(told, expected);
}

#[test]
fn turning_around_closes_and_opens() {
    let desk = Desk::new().fill(minute(1), 1, Leg::Entry, 1, 100).fill(minute(2), 2, Leg::Entry, -3, 104);
    let found = ledger(&desk.0);
    assert_eq!((found.trips.len(), found.trips[0].gross()), (1, usd(5_000)));
    assert_eq!((found.open.len(), found.open[0].side, found.open[0].quantity), (1, Side::Sell, 2));
    assert_eq!(found.open[0].commission, usd(450), "two thirds of it");
}

#[test]
fn an_exit_without_an_entry_opens_nothing() {
    let found = ledger(&Desk::new().fill(minute(1), 1, Leg::Exit, -2, 100).0);
    assert_eq!((found.trips.len(), found.open.len(), found.unmatched), (0, 0, 2));
}

#[test]
fn a_position_from_before_is_closed_at_its_cost() {
    let mut desk = Desk::new().fill(minute(2), 9, Leg::Exit, -2, 20_010).bars([bar(0, [20_004; 4])]);
    let cost = es().tick_value() * 40_000;
    desk.0.carried = vec![Carried { strategy: StrategyId(0), symbol: SymbolId(0), quantity: 2, cost }];
    let found = ledger(&desk.0);
    assert_eq!((found.trips.len(), found.unmatched), (1, 0));
    assert!(found.trips[0].was_carried_in());
    assert_eq!(found.trips[0].gross(), usd(25_000));
    let equity: Vec<_> = curve(&desk.0, None).points.iter().map(|p| p.equity).collect();
    assert_eq!(equity, [usd(10_000_000), usd(10_010_000), usd(10_024_550)]);
}

#[test]
fn equity_follows_the_closes_and_keeps_every_cent() {
    let desk = Desk::new().fill(minute(1), 1, Leg::Entry, 2, 20_001).fill(minute(3), 2, Leg::Exit, -2, 20_007).bars([
        bar(0, [20_000; 4]),
        bar(1, [20_001, 20_004, 19_990, 20_003]),
        bar(2, [20_005; 4]),
        bar(3, [20_009; 4]),
    ]);
    let curve = curve(&desk.0, None);
    let told: Vec<_> = curve.points.iter().map(|p| (p.at, p.equity - usd(10_000_000), p.contracts)).collect();
    let expected = [
        (minute(0), Money::ZERO, 0),
        (minute(1), Money::ZERO, 0),
        (minute(2), usd(5_000 - 450), 2),
        (minute(3), usd(10_000 - 450), 2),
        (minute(4), usd(15_000 - 900), 0),
    ];
    assert_eq!(told, expected);
    assert_eq!(curve.exposure(), Some(0.5));
    assert_eq!(curve.daily(&desk.0).len(), 1);
    let net: Money = ledger(&desk.0).trips.iter().map(|trip| trip.net()).sum();
    assert_eq!(usd(10_000_000) + net, curve.points[4].equity, "flat: equity is capital and net results");
}

#[test]
fn a_trade_goes_as_far_as_its_bars_certainly_went() {
    let desk = Desk::new().fill(minute(1), 1, Leg::Entry, 1, 20_000).fill(
        minute(3) + std::time::Duration::from_secs(20),
        2,
        Leg::Exit,
        -1,
        20_004,
    );
    let bars = [
        bar(0, [1, 99_000, 1, 20_000]),
        bar(1, [20_000, 20_010, 19_992, 20_002]),
        bar(2, [20_002, 20_006, 20_001, 20_005]),
        bar(3, [20_011, 99_000, 1, 1]),
    ];
    let trip = &ledger(&desk.0).trips[0];
    let far = excursion(trip, &bars, es().tick_value());
    assert_eq!((far.adverse, far.favourable, far.bars), (usd(-10_000), usd(13_750), 2));
    let without = excursion(trip, &[], es().tick_value());
    assert_eq!((without.adverse, without.favourable, without.bars), (Money::ZERO, usd(5_000), 0));
}

#[test]
fn a_journal_tells_its_run() {
    let strategy = StrategyInfo { id: StrategyId(0), name: "one".into(), kind: "x".into(), symbol: SymbolId(0) };
    let info = SessionInfo {
        id: "s".into(),
        mode: Mode::Run,
        instance: "i".into(),
        account: "DU1".into(),
        instruments: vec![es()],
        strategies: vec![strategy],
    };
    let mut collector = Collector::new(&info, minute(0), Vec::new(), usd(100));
    let fill = Desk::new().fill(minute(1), 1, Leg::Entry, 1, 100).0.fills.remove(0).fill;
    let cost = |exec_id: &str| Record::Commission { exec_id: exec_id.into(), amount: usd(225) };
    let long = Bar { length_s: 300, ..bar(0, [5; 4]) };
    let late = Fill { exec_id: "late".into(), ..fill.clone() };
    for record in [
        Record::Bar(long),
        Record::Bar(bar(1, [7; 4])),
        Record::Bar(bar(0, [6; 4])),
        Record::BarRevised(bar(0, [8; 4])),
        cost("e0"),
        Record::Fill(fill),
        Record::Fill(late),
        Record::SessionEnded { cause: "over".into() },
    ] {
        collector.see(&record);
    }
    let run = collector.finish();
    assert_eq!(run.bars, [bar(0, [8; 4]), bar(1, [7; 4])], "the shortest length, revised, in order");
    assert_eq!(run.fills.iter().map(|f| f.commission).collect::<Vec<_>>(), [Some(usd(225)), None]);
    assert_eq!((run.mode.as_str(), run.end_cause.as_deref()), ("run", Some("over")));
    assert_eq!(ledger(&run).uncosted, 1);
}

#[test]
fn what_others_did_and_what_the_broker_corrected_are_in_the_run() {
    let info = SessionInfo {
        id: "s".into(),
        mode: Mode::Run,
        instance: "i".into(),
        account: "DU1".into(),
        instruments: vec![es()],
        strategies: vec![StrategyInfo { id: StrategyId(0), name: "one".into(), kind: "x".into(), symbol: SymbolId(0) }],
    };
    let cost = es().tick_value() * 20_000;
    let held = Carried { strategy: StrategyId::FOREIGN, symbol: SymbolId(0), quantity: 1, cost };
    let mut collector = Collector::new(&info, minute(0), vec![held], usd(10_000_000));
    let fills = Desk::new()
        .fill(minute(1), 1, Leg::Entry, 1, 20_000)
        .fill(minute(2), 2, Leg::Exit, -1, 20_004)
        .fill(minute(3), 0, Leg::Liquidation, -1, 20_008)
        .fill(minute(4), 3, Leg::Entry, 1, 20_000);
    let mut fills: Vec<Fill> = fills.0.fills.into_iter().map(|costed| costed.fill).collect();
    fills[2].strategy = StrategyId::FOREIGN;
    fills.iter().for_each(|fill| collector.see(&Record::Fill(fill.clone())));
    let better = Fill { price: Price(20_006), ..fills[1].clone() };
    let busted = Fill { quantity: 0, ..fills[3].clone() };
    collector.see(&Record::Corrected { exec_id: "e1.02".into(), fills: vec![better, busted] });
    let run = collector.finish();
    assert_eq!(run.strategies.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["one", "foreign"]);
    assert_eq!(run.fills.len(), 3, "what was taken back never was");
    let found = ledger(&run);
    let told: Vec<_> = found.trips.iter().map(|t| (run.strategy(t.strategy).name.as_str(), t.gross())).collect();
    assert_eq!(told, [("one", usd(7_500)), ("foreign", usd(10_000))]);
    assert_eq!((found.open.len(), found.unmatched), (0, 0));
}

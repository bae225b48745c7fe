//! Flat before the close, and the broker's profit beside ours.

use super::sizing::wide;
use super::*;
use crate::backtest::Backtest;
use crate::market::{FeedEvent, MarketEvent, Trade};

/// 15:55 in Chicago on the desk's Wednesday: five minutes before the close.
const FIVE_BEFORE: Timestamp = Timestamp::from_secs(1_718_225_700);

fn desk() -> Desk {
    let mut desk = Desk::open_changed(|config| {
        wide(config);
        config.orders.flatten_before_close = Some(Duration::from_secs(300));
    });
    desk.wait(1_000);
    desk
}

impl Desk {
    fn at(&mut self, now: Timestamp) {
        self.now = now;
        self.price(20_000);
        self.wait(0);
    }
}

#[test]
fn positions_are_closed_and_entries_refused_before_the_close() {
    let mut desk = desk();
    desk.buy(ONE, 1);
    let entry = desk.ticket(ONE, Leg::Entry);
    desk.fill(&entry, 1, 1, 20_001);
    desk.at(FIVE_BEFORE - Duration::from_secs(1));
    desk.buy(TWO, 1);
    assert_eq!(desk.ticket(TWO, Leg::Entry).quantity, 1, "a second earlier there is time");
    assert!(desk.tickets.values().all(|ticket| ticket.leg != Leg::Exit));
    assert_eq!(desk.books.next_deadline(), Some(FIVE_BEFORE), "it wants to be woken");

    desk.at(FIVE_BEFORE);
    let exit = desk.ticket(ONE, Leg::Exit);
    assert_eq!((exit.side, exit.quantity), (Side::Sell, 1));
    assert_eq!(desk.cancels, [desk.ticket(TWO, Leg::Entry).order_id], "what has not filled is withdrawn");
    let close = FIVE_BEFORE + Duration::from_secs(300);
    let told: Vec<StrategyId> =
        desk.news.iter().filter(|(_, n)| *n == strategy::Input::Closing { until: close }).map(|(id, _)| *id).collect();
    assert_eq!(told, [StrategyId(0), StrategyId(1), StrategyId(2)], "everybody on the symbol, once");
    desk.buy(StrategyId(2), 1);
    let Some(Verdict::Refused { rule, value, limit }) = desk.verdicts().pop() else { panic!("too late") };
    assert_eq!(
        (rule.as_str(), value.as_str(), limit.as_str()),
        ("flatten_before_close", "300 s to the close", "more than 300 s")
    );

    desk.at(FIVE_BEFORE + Duration::from_secs(30));
    assert_eq!(desk.news.iter().filter(|(_, n)| matches!(n, strategy::Input::Closing { .. })).count(), 3);
}

#[test]
fn an_entry_that_fills_in_the_last_minutes_is_closed_too() {
    let mut desk = desk();
    desk.at(FIVE_BEFORE - Duration::from_secs(1));
    desk.buy(ONE, 1);
    let entry = desk.ticket(ONE, Leg::Entry);
    desk.at(FIVE_BEFORE);
    // The fill wins against the cancel.
    desk.fill(&entry, 1, 1, 20_001);
    desk.wait(1_000);
    assert_eq!(desk.ticket(ONE, Leg::Exit).quantity, 1);
}

#[test]
fn the_next_session_begins_afresh() {
    let mut desk = desk();
    desk.at(FIVE_BEFORE);
    // 17:00, the evening session.
    desk.at(FIVE_BEFORE + Duration::from_secs(3_900));
    desk.buy(ONE, 1);
    assert!(matches!(desk.verdicts()[..], [Verdict::Approved { .. }]));
    assert_eq!(desk.books.next_closing(), Some(FIVE_BEFORE + Duration::from_secs(86_400)));
}

#[test]
fn a_half_day_closes_early() {
    let mut desk = desk();
    // Independence Day's eve, 2024-07-03: the close is at 12:15.
    let half_day = Timestamp::from_secs(1_720_026_900);
    desk.at(half_day - Duration::from_secs(301));
    assert_eq!(desk.books.next_closing(), Some(half_day - Duration::from_secs(300)));
}

/// Trades every ten seconds from 15:30 to 15:59 that swing from bar to bar.
fn last_half_hour() -> impl Iterator<Item = FeedEvent> {
    let start = FIVE_BEFORE.secs() - 25 * 60;
    (0..174).map(move |n: i64| {
        let price = Price(if n / 6 % 2 == 0 { 20_000 } else { 20_006 });
        let ts = Timestamp::from_secs(start + 10 * n);
        FeedEvent { symbol: ES, event: MarketEvent::Trade(Trade { ts, price, size: 5 }) }
    })
}

/// What a strategy that is always in the market holds at the end, and when it last entered.
fn backtest(before: Option<u64>) -> (i64, Option<Timestamp>) {
    let mut config = config();
    wide(&mut config);
    config.orders.flatten_before_close = before.map(Duration::from_secs);
    config.strategies.truncate(1);
    let params = [("fast".to_owned(), 1.into()), ("slow".to_owned(), 2.into())];
    config.strategies[0].params = toml::Table::from_iter(params);
    (config.strategies[0].stop_ticks, config.strategies[0].target_ticks) = (Some(200), None);
    let mut last = None;
    let journal = |at, record: Record| {
        if matches!(&record, Record::OrderPlaced(ticket) if ticket.leg == Leg::Entry) {
            last = Some(at);
        }
    };
    let cash = Money::from_micros(1_000_000_000_000);
    let start = last_half_hour().next().expect("it trades").event.ts();
    let cores = Backtest::new(&config, last_half_hour(), start, cash, Money::ZERO, journal).run();
    (cores.books.portfolio().net_position(ES), last)
}

#[test]
fn a_backtest_ends_its_session_flat() {
    let (held, last) = backtest(None);
    assert!(held != 0 && last.is_some_and(|last| last > FIVE_BEFORE), "it holds over the close: {held} {last:?}");
    let (held, last) = backtest(Some(300));
    assert_eq!(held, 0);
    assert!(last.is_some_and(|last| last < FIVE_BEFORE), "{last:?}");
}

#[test]
fn a_profit_that_is_not_the_brokers_is_told_once_until_it_is_again() {
    let mut desk = Desk::open_changed(|config| {
        wide(config);
        config.orders.broker_pnl_tolerance = Some(Money::from_micros(100_000_000));
    });
    desk.buy(ONE, 1);
    let entry = desk.ticket(ONE, Leg::Entry);
    desk.fill(&entry, 1, 1, 20_001);
    desk.price(20_010);
    let told = |desk: &Desk| -> Vec<String> {
        desk.events().iter().filter(|e| e.starts_with("pnl.")).map(|e| (*e).to_owned()).collect()
    };
    // The book: eight ticks of 12.50.
    for day in [0, 200_000_000] {
        desk.tell(Input::BrokerPnl(Money::from_micros(day)));
        assert!(told(&desk).is_empty(), "100 apart is within the tolerance");
    }
    for day in [-1, 200_000_001, 300_000_000] {
        desk.tell(Input::BrokerPnl(Money::from_micros(day)));
        assert_eq!(told(&desk), ["pnl.differs"]);
    }
    desk.tell(Input::BrokerPnl(Money::from_micros(150_000_001)));
    assert_eq!(told(&desk), ["pnl.differs"], "only half of the tolerance ends it");
    let shown = |desk: &Desk| desk.books.risk_view(desk.now).broker_pnl.expect("they are compared");
    assert!(shown(&desk).differs && shown(&desk).book == Money::from_micros(100_000_000));
    desk.tell(Input::BrokerPnl(Money::from_micros(150_000_000)));
    assert_eq!(told(&desk), ["pnl.differs", "pnl.agrees"]);
    assert_eq!(shown(&desk).broker, Some((desk.now, Money::from_micros(150_000_000))));
    assert!(!shown(&desk).differs);
    desk.tell(Input::LinkLost);
    desk.tell(Input::BrokerPnl(Money::ZERO - Money::from_micros(900_000_000)));
    assert_eq!(told(&desk).len(), 2, "positions have to agree first");
}

#[test]
fn what_others_earn_is_in_the_brokers_profit_and_in_the_one_beside_it() {
    let mut desk = Desk::open_changed(|config| config.orders.broker_pnl_tolerance = Some(Money::from_micros(1)));
    desk.traded_elsewhere("", 7, 900, Side::Buy, 1);
    desk.price(20_010);
    let gained = desk.books.portfolio().foreign_equity();
    assert!(gained > Money::ZERO);
    desk.tell(Input::ComparePositions);
    desk.answer_positions(vec![BrokerPosition { symbol: ES, quantity: 1 }]);
    desk.tell(Input::BrokerPnl(gained));
    assert!(!desk.events().iter().any(|event| event.starts_with("pnl.")), "{:?}", desk.events());
    desk.tell(Input::BrokerPnl(Money::ZERO));
    assert!(desk.events().contains(&"pnl.differs"), "it would be blind to them: {:?}", desk.events());
}

#[test]
fn a_start_with_another_contract_month_needs_a_flat_position() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    let entry = desk.ticket(ONE, Leg::Entry);
    desk.fill(&entry, 1, 1, 20_001);
    let info = |expiry: &str| {
        let mut config = config();
        config.instruments[0].expiry = Some(expiry.to_owned());
        let strategies = config.strategies.iter().map(|s| crate::journal::StrategyInfo {
            id: s.id,
            name: s.name.clone(),
            kind: s.kind.clone(),
            symbol: s.symbol,
        });
        let info = SessionInfo {
            id: "test".into(),
            mode: Mode::Run,
            instance: "sim".into(),
            account: "DU1".into(),
            instruments: config.instruments.clone(),
            strategies: strategies.collect(),
        };
        (info, config)
    };
    let ((before, same), (_, next)) = (info("202409"), info("202412"));
    let open = desk.rebuilt();
    open.clone().renumber(&before, &same).expect("the same contract");
    let refused = open.clone().renumber(&before, &next).expect_err("a position does not change its contract");
    assert_eq!(refused, "a live order of strategy trend in ES 202409");
    let stop = desk.ticket(ONE, Leg::Stop);
    desk.fill(&stop, 1, 1, 20_011);
    let target = desk.ticket(ONE, Leg::Target);
    desk.status(&target, BrokerStatus::Cancelled);
    let mut flat = desk.rebuilt();
    flat.renumber(&before, &next).expect("flat");
    assert_eq!(flat.portfolio.earned(ONE), Money::from_micros(125_000_000), "the profit goes on");
}

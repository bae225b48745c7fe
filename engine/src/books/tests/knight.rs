//! What the SEC's order on Knight Capital (2013) found missing, one test each: in 45 minutes a program nobody had meant to
//! run sent four million orders, and nothing between it and the market said no.

use super::limits::stop_out;
use super::*;
use crate::risk::latch::Scope;

fn is_entry(order: &OrderTicket) -> bool {
    order.leg == Leg::Entry
}

fn refused_by(desk: &Desk) -> Option<&str> {
    match desk.verdicts().pop().expect("there was an intent") {
        Verdict::Refused { rule, .. } => Some(rule.as_str()),
        Verdict::Approved { .. } => None,
    }
}

/// The limit is exactly what was lost, and no timer has looked at it yet.
fn desk_at_its_daily_loss() -> Desk {
    let mut desk = Desk::open();
    desk.books.risk.loss.daily_loss_max = Limit::Max(Money::from_micros(262_500_000));
    stop_out(&mut desk, ONE);
    desk
}

/// An entry of one contract with a stop and no target.
fn refusal_of(desk: &mut Desk, kind: OrderKind) -> Option<&str> {
    let bracket = Bracket { stop: Price(19_980), target: None };
    desk.intend(ONE, Intent::Enter { side: Side::Buy, quantity: 1, kind, bracket });
    refused_by(desk)
}

/// No comparison of what went out with what came back: fills were booked to an account nobody watched.
#[test]
fn knight_1_what_comes_back_is_compared_with_what_went_out() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    let (entry, stop) = (desk.ticket(ONE, Leg::Entry), desk.ticket(ONE, Leg::Stop));
    desk.fill(&entry, 1, 1, 20_001);
    // The broker fills the order a second time.
    desk.fill(&entry, 2, 1, 20_001);
    assert!(desk.events().contains(&"order.overfilled"), "{:?}", desk.events());
    assert!(desk.doubts > 0, "the broker's inventory is asked for");
    // It holds a contract more than any execution says: book and broker differ, and the link pauses on that.
    desk.compared.clear();
    desk.tell(Input::ComparePositions);
    desk.answer_positions(vec![BrokerPosition { symbol: ES, quantity: 3 }]);
    assert_eq!(desk.compared, [Comparison::Suspect]);
    assert!(!desk.books.agrees());
    let sent = desk.sent.len();
    desk.intend(ONE, Intent::Exit);
    assert_eq!(desk.sent.len(), sent, "and nothing is sized by a book that may be wrong; its stop {stop:?} rests");
}

/// No limit at which the system stopped itself: people had to find out what was going on first.
#[test]
fn knight_2_who_runs_wild_is_stopped_without_a_person() {
    let mut desk = Desk::open();
    desk.books.risk.rate.reentries_max = Limit::Max(3);
    desk.books.risk.rate.orders_per_second_max = Limit::Off;
    for _ in 0..50 {
        desk.buy(ONE, 1);
        let is_live = |t: &&OrderTicket| desk.books.state().orders.get(t.id).is_some_and(|o| o.is_live());
        let live: Vec<OrderTicket> = desk.sent.iter().filter(|t| t.strategy == ONE).filter(is_live).cloned().collect();
        live.iter().for_each(|order| desk.status(order, BrokerStatus::Cancelled));
        desk.wait(1_000);
        desk.price(20_000);
    }
    assert_eq!(desk.sent.iter().filter(|t| is_entry(t)).count(), 3, "the fourth entry within the hour is not sent");
    assert!(desk.books.state().latches.has("reentries", &Scope::Strategy(ONE)), "until a person says otherwise");
    desk.buy(TWO, 1);
    assert_eq!(refused_by(&desk), None, "the others go on");
}

/// The price collar had holes: it did not apply to every type of order, nor without a reference.
#[test]
fn knight_3_the_collar_has_no_holes() {
    let far = 20_001 + 41;
    let kinds = [
        (OrderKind::Limit(Price(far)), "price_collar"),
        (OrderKind::StopLimit { stop: Price(20_005), limit: Price(far) }, "price_collar"),
        (OrderKind::Limit(Price(i32::MAX)), "price_collar"),
        (OrderKind::Limit(Price(0)), "price_sanity"),
        (OrderKind::Limit(Price(-20_000)), "price_sanity"),
        (OrderKind::Stop(Price(i32::MIN)), "price_sanity"),
    ];
    for (kind, rule) in kinds {
        let mut desk = Desk::open();
        assert_eq!(refusal_of(&mut desk, kind), Some(rule), "{kind:?}");
        assert!(desk.sent.is_empty());
    }
    // Nothing to compare with: no order, of any kind.
    for kind in [OrderKind::Market, OrderKind::Limit(Price(20_000)), OrderKind::Stop(Price(20_010))] {
        let mut desk = Desk::open();
        desk.tell(Input::Mark { symbol: ES, mark: Mark::default() });
        desk.books.state.portfolio = Portfolio::default();
        desk.books.state.portfolio.set_instruments(&desk.config.instruments);
        assert_eq!(refusal_of(&mut desk, kind), Some("price_sanity"), "{kind:?} without any price");
        assert!(desk.sent.is_empty());
    }
}

/// Limits looked at positions and not at the orders that were on their way to become some.
#[test]
fn knight_4_orders_that_work_count_as_filled() {
    let mut desk = Desk::open();
    desk.books.risk.order.max_position_size = Limit::Max(2);
    desk.buy(ONE, 2);
    assert_eq!(desk.position(ONE), 0, "nothing has filled");
    desk.buy(TWO, 1);
    assert_eq!(refused_by(&desk), Some("max_position_size"));
    let entry = desk.ticket(ONE, Leg::Entry);
    desk.tell(Input::LinkLost);
    desk.tell(Input::Trading { trading: Trading::Allowed, cause: "test".into() });
    desk.buy(TWO, 1);
    assert_eq!(refused_by(&desk), Some("max_position_size"), "in doubt is not gone: {:?}", desk.state(&entry));
}

/// Limits existed and were not wired to the entry of orders.
#[test]
fn knight_5_a_limit_that_is_reached_stops_orders_themselves() {
    let mut desk = desk_at_its_daily_loss();
    let sent = desk.sent.len();
    // In the same instant, before any timer has looked at the loss.
    for strategy in [ONE, TWO] {
        desk.buy(strategy, 1);
        let bare = Intent::Order {
            side: Side::Sell,
            quantity: 1,
            kind: OrderKind::Market,
            tif: crate::trade::TimeInForce::Day,
            bracket: None,
        };
        desk.intend(strategy, bare);
    }
    assert_eq!(desk.sent.len(), sent, "no way around the gate");
    assert_eq!(
        desk.verdicts().iter().filter(|v| matches!(v, Verdict::Refused { rule, .. } if rule == "latched")).count(),
        4
    );
}

/// The risk screen showed positions without their limits and raised no alarm; dead code stayed callable.
#[test]
fn knight_6_limits_are_shown_beside_values_alarms_are_raised_and_dead_code_does_not_trade() {
    let mut desk = desk_at_its_daily_loss();
    desk.wait(1_000);
    let view = desk.books.risk_view(desk.now);
    let daily = view.limits.iter().find(|line| line.rule == "daily_loss").expect("a limit that is on is shown");
    assert_eq!((daily.value.as_str(), daily.limit.as_str(), daily.used), ("262.50", "262.50", 100));
    assert_eq!(view.latches.iter().map(|latch| latch.rule.as_str()).collect::<Vec<_>>(), ["daily_loss"]);
    assert!(desk.journal.iter().any(|e| matches!(&e.record, Record::Latched(latch) if latch.rule == "daily_loss")));

    let mut desk = Desk::open();
    desk.tell(Input::Disable(ONE));
    desk.buy(ONE, 1);
    assert_eq!(refused_by(&desk), Some("allow_list"), "a strategy that was given up");
    desk.buy(StrategyId(77), 1);
    assert_eq!(refused_by(&desk), Some("allow_list"), "one that nobody configured");
    assert!(desk.sent.is_empty());
}

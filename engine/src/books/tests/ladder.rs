//! Closing a position step by step, against a broker that does not make it easy.

use super::*;

/// Two contracts long, stop and target resting.
fn long_two() -> Desk {
    let mut desk = Desk::open();
    desk.buy(ONE, 2);
    let (entry, stop, target) =
        (desk.ticket(ONE, Leg::Entry), desk.ticket(ONE, Leg::Stop), desk.ticket(ONE, Leg::Target));
    desk.fill(&entry, 1, 2, 20_001);
    desk.rests(&stop, 2);
    desk.rests(&target, 2);
    desk.doubts = 0;
    desk
}

fn flatten(desk: &mut Desk) {
    desk.tell(Input::Flatten { cause: "test".into() });
}

/// Half of the position was stopped out beside an exit of two: it is made smaller, and the broker has not answered.
fn exit_made_smaller() -> (Desk, OrderTicket) {
    let mut desk = long_two();
    let stop = desk.ticket(ONE, Leg::Stop);
    flatten(&mut desk);
    let exit = desk.ticket(ONE, Leg::Exit);
    desk.rests(&exit, 2);
    desk.fill(&stop, 1, 1, 19_980);
    assert_eq!(desk.modified.last().map(|t| (t.id, t.quantity)), Some((exit.id, 1)), "no more than is held");
    (desk, exit)
}

#[test]
fn limit_then_new_price_then_market() {
    let mut desk = long_two();
    let stop = desk.ticket(ONE, Leg::Stop);
    flatten(&mut desk);
    let exit = desk.ticket(ONE, Leg::Exit);
    assert_eq!(exit.kind, OrderKind::Limit(Price(19_999 - 4)), "four ticks beyond the bid");
    assert_eq!((exit.quantity, exit.oca_group.clone()), (2, stop.oca_group), "the stop stays, in the same group");
    desk.rests(&exit, 2);
    desk.price(19_990);
    desk.wait(1_000);
    assert_eq!(desk.modified.last().map(|t| t.kind), Some(OrderKind::Limit(Price(19_989 - 8))));
    desk.wait(1_000);
    assert_eq!(desk.cancels, [exit.order_id]);
    assert_eq!(desk.ticket(ONE, Leg::Exit).id, exit.id, "no second order beside one that may live");
    desk.status(&exit, BrokerStatus::Cancelled);
    let market = desk.ticket(ONE, Leg::Exit);
    assert_eq!((market.kind, market.quantity), (OrderKind::Market, 2));
    desk.fill(&market, 1, 2, 19_985);
    assert_eq!(desk.flats, 0);
    desk.tell(Input::TakeInventory);
    desk.inventory(&[]);
    assert_eq!(desk.flats, 1, "the broker confirms");
}

#[test]
fn a_refused_market_order_is_told_and_tried_again_later_and_later() {
    let mut desk = long_two();
    let (stop, target) = (desk.ticket(ONE, Leg::Stop), desk.ticket(ONE, Leg::Target));
    flatten(&mut desk);
    let mut attempts = Vec::new();
    for _ in 0..120 {
        let live: Vec<OrderTicket> =
            desk.books.state().orders.live().filter(|o| o.ticket.leg == Leg::Exit).map(|o| o.ticket.clone()).collect();
        assert!(live.len() <= 1);
        for exit in live {
            attempts.push((desk.now, exit.kind));
            // The exchange is reserved.
            desk.broker(BrokerEvent::OrderMessage { order_id: exit.order_id, code: 201, text: "reserved".into() });
            desk.tell(Input::TakeInventory);
            desk.inventory(&[(&stop, BrokerStatus::PreSubmitted), (&target, BrokerStatus::Submitted)]);
        }
        desk.wait(500);
    }
    let markets: Vec<Timestamp> =
        attempts.iter().filter(|(_, kind)| *kind == OrderKind::Market).map(|(at, _)| *at).collect();
    assert!(markets.len() >= 4, "{attempts:?}");
    let waits: Vec<Duration> = markets.windows(2).map(|pair| pair[1].since(pair[0])).collect();
    assert!(waits.is_sorted() && waits[0] < waits[2], "{waits:?}");
    assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(32)), "{waits:?}");
    let alarms = desk.events().iter().filter(|e| **e == "liquidation.stuck").count();
    assert_eq!(alarms, markets.len(), "each is told");
    assert_eq!(desk.state(&stop), State::Held, "the stop has protected it all the time");
    // The market opens again.
    let exit = loop {
        desk.wait(500);
        let live = desk.books.state().orders.live().find(|o| o.ticket.leg == Leg::Exit).map(|o| o.ticket.clone());
        if let Some(exit) = live {
            break exit;
        }
    };
    desk.fill(&exit, 1, 2, 19_900);
    desk.tell(Input::TakeInventory);
    desk.inventory(&[]);
    assert_eq!((desk.position(ONE), desk.flats), (0, 1));
}

#[test]
fn a_stop_that_fills_meanwhile_does_not_turn_the_position_around() {
    let (mut desk, exit) = exit_made_smaller();
    let stop = desk.ticket(ONE, Leg::Stop);
    desk.rests(&exit, 1);
    desk.fill(&stop, 2, 1, 19_980);
    assert_eq!(desk.cancels, [exit.order_id], "it would open a position now");
    desk.status(&exit, BrokerStatus::Cancelled);
    desk.tell(Input::TakeInventory);
    desk.inventory(&[]);
    assert_eq!((desk.position(ONE), desk.flats), (0, 1));
    assert_eq!(desk.sent.iter().filter(|t| t.leg == Leg::Exit).count(), 1);
}

#[test]
fn an_entry_that_fills_after_its_cancel_is_closed_too() {
    let mut desk = long_two();
    desk.buy(TWO, 1);
    let entry = desk.ticket(TWO, Leg::Entry);
    flatten(&mut desk);
    let exit = desk.ticket(ONE, Leg::Exit);
    desk.fill(&exit, 1, 2, 19_999);
    desk.fill(&entry, 1, 1, 20_001);
    desk.tell(Input::TakeInventory);
    desk.inventory(&[]);
    assert_eq!(desk.flats, 0);
    let second = desk.ticket(TWO, Leg::Exit);
    assert_eq!(second.quantity, 1);
    desk.fill(&second, 1, 1, 19_999);
    desk.tell(Input::TakeInventory);
    desk.inventory(&[]);
    assert_eq!(desk.flats, 1);
}

#[test]
fn what_is_in_doubt_is_waited_for_over_a_lost_link_too() {
    let mut desk = long_two();
    let (stop, target) = (desk.ticket(ONE, Leg::Stop), desk.ticket(ONE, Leg::Target));
    flatten(&mut desk);
    let exit = desk.ticket(ONE, Leg::Exit);
    desk.tell(Input::LinkLost);
    for _ in 0..20 {
        desk.wait(1_000);
    }
    assert_eq!(desk.ticket(ONE, Leg::Exit), exit);
    // It had filled half when the link was lost.
    let half = desk.execution(&exit, 1, 1, 19_990);
    desk.executions.push(half);
    desk.tell(Input::TakeInventory);
    let half = |ticket: &OrderTicket| OrderTicket { quantity: 1, ..ticket.clone() };
    desk.inventory(&[(&half(&stop), BrokerStatus::PreSubmitted), (&half(&target), BrokerStatus::Submitted)]);
    let second = desk.ticket(ONE, Leg::Exit);
    assert_ne!(second.id, exit.id, "the rest was cancelled while nobody listened");
    assert_eq!(second.quantity, 1);
}

#[test]
fn a_difference_found_at_the_end_means_not_flat() {
    let mut desk = long_two();
    flatten(&mut desk);
    let exit = desk.ticket(ONE, Leg::Exit);
    desk.fill(&exit, 1, 2, 19_999);
    desk.tell(Input::TakeInventory);
    let positions = vec![BrokerPosition { symbol: ES, quantity: -1 }];
    let executions = desk.executions.clone();
    desk.answer(BrokerSnapshot { executions, positions, ..Default::default() });
    for _ in 0..30 {
        desk.wait(1_000);
    }
    assert_eq!(desk.flats, 0);
    assert!(desk.doubts > 3, "it asks on");
}

#[test]
fn others_positions_are_left_alone() {
    let mut desk = Desk::open();
    desk.traded_elsewhere("theirs-7", 5, 44, Side::Buy, 3);
    flatten(&mut desk);
    assert_eq!(desk.flats, 1, "ours is flat");
    assert!(desk.sent.is_empty());
}

#[test]
fn stops_larger_than_the_position_shrink_before_the_exit_joins_them() {
    let mut desk = Desk::open();
    desk.buy(ONE, 2);
    let (entry, stop, target) =
        (desk.ticket(ONE, Leg::Entry), desk.ticket(ONE, Leg::Stop), desk.ticket(ONE, Leg::Target));
    desk.rests(&stop, 2);
    desk.rests(&target, 2);
    desk.fill(&entry, 1, 1, 20_001);
    flatten(&mut desk);
    desk.status(&entry, BrokerStatus::Cancelled);
    assert_eq!(desk.modified.len(), 2, "and that has to be confirmed");
    assert!(desk.sent.iter().all(|t| t.leg != Leg::Exit), "not before it is");
    desk.rests(&stop, 1);
    desk.rests(&target, 1);
    assert_eq!(desk.ticket(ONE, Leg::Exit).quantity, 1);
}

#[test]
fn a_position_that_was_turned_around_is_closed() {
    let mut desk = long_two();
    let stop = desk.ticket(ONE, Leg::Stop);
    desk.intend(ONE, Intent::Exit);
    let exit = desk.ticket(ONE, Leg::Exit);
    desk.fill(&stop, 1, 1, 19_980);
    desk.fill(&exit, 1, 2, 19_979);
    assert_eq!(desk.position(ONE), -1);
    let back = desk.ticket(ONE, Leg::Exit);
    assert_eq!((back.side, back.quantity), (Side::Buy, 1));
    desk.fill(&back, 1, 1, 19_985);
    assert_eq!(desk.position(ONE), 0);
}

#[test]
fn an_exit_that_did_not_become_smaller_is_not_done_when_its_new_size_is_filled() {
    let (mut desk, exit) = exit_made_smaller();
    // The change is still on its way.
    desk.fill(&exit, 1, 1, 19_990);
    assert_eq!((desk.position(ONE), desk.state(&exit)), (0, State::CancelSent), "one contract of it lives on");
    assert_eq!(desk.cancels, [exit.order_id]);
    desk.broker(BrokerEvent::OrderMessage { order_id: exit.order_id, code: 201, text: "too late".into() });
    desk.assert_rebuilds();
    desk.tell(Input::TakeInventory);
    // The ticket as it was sent first: two contracts.
    desk.inventory(&[(&exit, BrokerStatus::Submitted)]);
    assert_eq!(desk.books.state().orders.get(exit.id).map(|order| order.ticket.quantity), Some(2));
    assert_eq!(desk.flats, 0);
    desk.assert_rebuilds();
    desk.status(&exit, BrokerStatus::Cancelled);
    desk.tell(Input::TakeInventory);
    desk.inventory(&[]);
    assert_eq!(desk.flats, 1);
}

#[test]
fn a_change_that_a_lost_link_swallowed_leaves_the_old_size() {
    let (mut desk, exit) = exit_made_smaller();
    desk.tell(Input::LinkLost);
    // What it filled meanwhile comes with the inventory.
    let one = desk.execution(&exit, 1, 1, 19_990);
    desk.executions.push(one);
    desk.tell(Input::TakeInventory);
    desk.inventory(&[(&exit, BrokerStatus::Submitted)]);
    assert_eq!((desk.position(ONE), desk.flats), (0, 0));
    assert_eq!(desk.cancels, [exit.order_id], "its second contract would open a position");
}

#[test]
fn a_change_without_an_answer_is_doubted() {
    let (mut desk, exit) = exit_made_smaller();
    desk.doubts = 0;
    for _ in 0..10 {
        desk.wait(1_000);
    }
    assert_eq!(desk.state(&exit), State::Unknown);
    assert!(desk.doubts > 0);
}

#[test]
fn an_exit_waits_until_protective_orders_fit_what_was_filled() {
    let mut desk = Desk::open();
    desk.buy(ONE, 2);
    let (entry, stop, target) =
        (desk.ticket(ONE, Leg::Entry), desk.ticket(ONE, Leg::Stop), desk.ticket(ONE, Leg::Target));
    desk.fill(&entry, 1, 1, 20_001);
    desk.rests(&stop, 2);
    desk.rests(&target, 2);
    desk.intend(ONE, Intent::Exit);
    assert_eq!(desk.cancels, [entry.order_id]);
    let exits = |desk: &Desk| desk.sent.iter().filter(|ticket| ticket.leg == Leg::Exit).count();
    assert_eq!(exits(&desk), 0, "beside two it would leave one of them with nothing to protect");
    desk.status(&entry, BrokerStatus::Cancelled);
    desk.rests(&stop, 1);
    assert_eq!(exits(&desk), 0);
    desk.rests(&target, 1);
    let exit = desk.ticket(ONE, Leg::Exit);
    assert_eq!((exit.quantity, exit.oca_group), (1, stop.oca_group));
}

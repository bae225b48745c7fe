//! Never naked: a position whose stop is gone, too small, too large or unanswered.

use super::*;

/// One contract long; stop and target rest.
fn protected() -> Desk {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    let (entry, stop, target) =
        (desk.ticket(ONE, Leg::Entry), desk.ticket(ONE, Leg::Stop), desk.ticket(ONE, Leg::Target));
    desk.fill(&entry, 1, 1, 20_001);
    desk.rests(&stop, 1);
    desk.rests(&target, 1);
    desk
}

#[test]
fn a_stop_that_is_gone_is_placed_again_where_it_was() {
    let mut desk = protected();
    let (stop, target) = (desk.ticket(ONE, Leg::Stop), desk.ticket(ONE, Leg::Target));
    for _ in 0..10 {
        desk.wait(1_000);
    }
    assert_eq!(desk.sent.len(), 3, "it is protected");
    desk.status(&stop, BrokerStatus::Cancelled);
    desk.wait(1_000);
    assert_eq!(desk.ticket(ONE, Leg::Stop), stop, "its position may have ended with it: a moment is waited");
    assert!(desk.doubts > 0, "the broker is asked meanwhile");
    desk.wait(1_000);
    let again = desk.ticket(ONE, Leg::Stop);
    assert_eq!((again.kind, again.quantity, again.side), (stop.kind, 1, Side::Sell));
    assert_eq!(again.oca_group, target.oca_group, "should the old one turn up, they are not two");
    desk.rests(&again, 1);
    for _ in 0..20 {
        desk.wait(1_000);
    }
    assert!(desk.tickets.values().all(|t| t.leg != Leg::Exit));
    assert_eq!(desk.sent.len(), 4);
}

#[test]
fn a_stop_that_cannot_be_placed_again_is_no_protection_and_the_position_is_closed() {
    let mut desk = protected();
    let stop = desk.ticket(ONE, Leg::Stop);
    let target = desk.ticket(ONE, Leg::Target);
    desk.status(&stop, BrokerStatus::Cancelled);
    for _ in 0..6 {
        desk.wait(1_000);
        let newest = desk.ticket(ONE, Leg::Stop);
        if newest != stop && desk.state(&newest) == State::Sent {
            desk.broker(BrokerEvent::OrderMessage { order_id: newest.order_id, code: 201, text: "no".into() });
            desk.tell(Input::TakeInventory);
            desk.inventory(&[(&target, BrokerStatus::Submitted)]);
        }
    }
    assert!(desk.events().contains(&"position.naked"));
    let exit = desk.ticket(ONE, Leg::Exit);
    assert_eq!((exit.quantity, exit.side, exit.oca_group), (1, Side::Sell, target.oca_group));
}

#[test]
fn a_refused_stop_is_no_protection_while_nobody_answers_the_question_about_it() {
    let mut desk = protected();
    let (stop, target) = (desk.ticket(ONE, Leg::Stop), desk.ticket(ONE, Leg::Target));
    desk.status(&stop, BrokerStatus::Cancelled);
    desk.wait(1_000);
    desk.wait(1_000);
    let refused = desk.ticket(ONE, Leg::Stop);
    assert_ne!(refused.id, stop.id);
    desk.broker(BrokerEvent::OrderMessage { order_id: refused.order_id, code: 201, text: "no".into() });
    assert_eq!(desk.state(&refused), State::Unknown);
    desk.wait(1_000);
    let again = desk.ticket(ONE, Leg::Stop);
    assert_ne!(again.id, refused.id);
    assert_eq!((again.quantity, &again.oca_group), (1, &target.oca_group), "should it live, they are not two");
    assert_eq!(refused.oca_group, target.oca_group);
}

#[test]
fn when_the_market_is_beyond_the_old_stop_the_position_is_closed_at_once() {
    let mut desk = protected();
    desk.price(19_970);
    let stop = desk.ticket(ONE, Leg::Stop);
    desk.status(&stop, BrokerStatus::Cancelled);
    desk.wait(1_000);
    desk.wait(1_000);
    assert_eq!(desk.ticket(ONE, Leg::Stop), stop);
    assert_eq!(desk.ticket(ONE, Leg::Exit).quantity, 1);
}

#[test]
fn a_position_that_never_had_a_stop_gets_one_at_the_configured_distance() {
    let desk = protected();
    let (stop, target) = (desk.ticket(ONE, Leg::Stop), desk.ticket(ONE, Leg::Target));
    // The journal lost the children: only the fill is known.
    let mut state = desk.books.state().clone();
    state.orders = WorkingOrders::default();
    let mut reborn = Desk::with_state(state);
    reborn.executions = desk.executions.clone();
    reborn.price(20_000);
    reborn.tell(Input::TakeInventory);
    reborn.inventory(&[]);
    reborn.wait(1_000);
    reborn.wait(1_000);
    let ticks = i32::try_from(reborn.config.strategies[0].stop_ticks.expect("it has one")).expect("small");
    assert_eq!(reborn.ticket(ONE, Leg::Stop).kind, OrderKind::Stop(Price(20_001 - ticks)));
    assert!(reborn.ticket(ONE, Leg::Stop).id > stop.id.max(target.id));
}

#[test]
fn a_stop_is_as_large_as_the_broker_says_until_a_change_is_confirmed() {
    let mut desk = Desk::open();
    desk.buy(ONE, 2);
    let (entry, stop) = (desk.ticket(ONE, Leg::Entry), desk.ticket(ONE, Leg::Stop));
    desk.fill(&entry, 1, 2, 20_001);
    desk.rests(&stop, 2);
    desk.wait(1_000);
    // Somebody halves the stop in a trading window.
    desk.rests(&stop, 1);
    desk.wait(1_000);
    desk.wait(1_000);
    assert_eq!(desk.modified.last().map(|t| (t.order_id, t.quantity)), Some((stop.order_id, 2)));
    let asked = desk.modified.len();
    desk.wait(1_000);
    assert_eq!(desk.modified.len(), asked + 1, "unanswered: asked again");
    desk.rests(&stop, 2);
    for _ in 0..10 {
        desk.wait(1_000);
    }
    assert_eq!(desk.modified.len(), asked + 1);
    assert!(desk.tickets.values().all(|t| t.leg != Leg::Exit));
}

#[test]
fn a_change_that_is_never_answered_ends_with_the_position_closed() {
    let mut desk = Desk::open();
    desk.buy(ONE, 2);
    let (entry, stop) = (desk.ticket(ONE, Leg::Entry), desk.ticket(ONE, Leg::Stop));
    desk.fill(&entry, 1, 2, 20_001);
    desk.rests(&stop, 1);
    for _ in 0..7 {
        desk.wait(1_000);
    }
    let exit = desk.ticket(ONE, Leg::Exit);
    assert_eq!((exit.quantity, exit.oca_group), (2, stop.oca_group));
}

#[test]
fn a_stop_larger_than_the_position_shrinks() {
    let mut desk = Desk::open();
    desk.buy(ONE, 2);
    let (entry, stop, target) =
        (desk.ticket(ONE, Leg::Entry), desk.ticket(ONE, Leg::Stop), desk.ticket(ONE, Leg::Target));
    desk.fill(&entry, 1, 2, 20_001);
    desk.rests(&stop, 2);
    desk.rests(&target, 2);
    desk.fill(&target, 1, 1, 20_040);
    desk.rests(&stop, 1);
    desk.wait(1_000);
    assert_eq!(desk.modified, [], "its group has shrunk it");
    // A broker whose group does not work: the stop could turn the position around.
    desk.rests(&stop, 2);
    desk.wait(1_000);
    assert_eq!(desk.modified.last().map(|t| (t.order_id, t.quantity)), Some((stop.order_id, 1)));
}

#[test]
fn orders_that_outlive_their_position_are_cancelled() {
    let mut desk = protected();
    let (stop, target) = (desk.ticket(ONE, Leg::Stop), desk.ticket(ONE, Leg::Target));
    desk.fill(&target, 1, 1, 20_040);
    desk.tell(Input::TakeInventory);
    desk.inventory(&[(&stop, BrokerStatus::PreSubmitted)]);
    desk.wait(1_000);
    assert_eq!(desk.cancels, [], "its group cancels it, as a rule");
    desk.wait(1_000);
    desk.wait(1_000);
    assert_eq!(desk.cancels, [stop.order_id]);
    desk.wait(1_000);
    assert_eq!(desk.cancels.len(), 1);
}

#[test]
fn a_cancel_that_was_lost_with_the_link_is_sent_again() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    let (entry, stop, target) =
        (desk.ticket(ONE, Leg::Entry), desk.ticket(ONE, Leg::Stop), desk.ticket(ONE, Leg::Target));
    desk.intend(ONE, Intent::CancelEntries);
    desk.tell(Input::LinkLost);
    let mut state = desk.rebuilt();
    assert_eq!(state.orders, desk.books.state().orders);
    state.doubt_all();
    let mut reborn = Desk::with_state(state);
    reborn.tell(Input::TakeInventory);
    reborn.inventory(&[
        (&entry, BrokerStatus::Submitted),
        (&stop, BrokerStatus::PreSubmitted),
        (&target, BrokerStatus::PreSubmitted),
    ]);
    assert_eq!(reborn.cancels, [entry.order_id]);
}

#[test]
fn an_unanswered_cancel_is_doubted_and_sent_again() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    let (entry, stop, target) =
        (desk.ticket(ONE, Leg::Entry), desk.ticket(ONE, Leg::Stop), desk.ticket(ONE, Leg::Target));
    for ticket in [&entry, &stop, &target] {
        desk.rests(ticket, 1);
    }
    desk.intend(ONE, Intent::CancelEntries);
    desk.wait(6_000);
    assert_eq!(desk.state(&entry), State::Unknown);
    desk.tell(Input::TakeInventory);
    desk.inventory(&[
        (&entry, BrokerStatus::Submitted),
        (&stop, BrokerStatus::PreSubmitted),
        (&target, BrokerStatus::PreSubmitted),
    ]);
    assert_eq!(desk.cancels, [entry.order_id, entry.order_id]);
}

#[test]
fn what_protected_an_older_position_does_not_protect_one_on_the_other_side() {
    let mut desk = protected();
    let (old_stop, old_target) = (desk.ticket(ONE, Leg::Stop), desk.ticket(ONE, Leg::Target));
    desk.intend(ONE, Intent::Exit);
    let exit = desk.ticket(ONE, Leg::Exit);
    desk.fill(&exit, 1, exit.quantity, 20_002);
    // The ends of the old orders are not told before the next entry fills.
    let bracket = Bracket { stop: Price(20_030), target: None };
    desk.wait(1_000);
    desk.cancels.clear();
    desk.intend(ONE, Intent::Enter { side: Side::Sell, quantity: 1, kind: OrderKind::Market, bracket });
    let (entry, stop) = (desk.ticket(ONE, Leg::Entry), desk.ticket(ONE, Leg::Stop));
    assert_eq!((entry.side, stop.side), (Side::Sell, Side::Buy), "{:?}", desk.verdicts());
    desk.fill(&entry, 1, 1, 20_000);
    desk.rests(&stop, 1);
    desk.wait(1_000);
    for old in [&old_stop, &old_target] {
        assert!(desk.cancels.contains(&old.order_id), "{:?} would add to the position", old.leg);
    }
    assert!(!desk.cancels.contains(&stop.order_id));
}

#[test]
fn an_entry_that_ends_when_its_stop_has_begun_leaves_a_target_of_the_positions_size() {
    let mut desk = Desk::open();
    desk.books.risk.order.order_size_max = Limit::Max(3);
    desk.buy(ONE, 3);
    let (entry, stop, target) =
        (desk.ticket(ONE, Leg::Entry), desk.ticket(ONE, Leg::Stop), desk.ticket(ONE, Leg::Target));
    desk.fill(&entry, 1, 2, 20_001);
    desk.rests(&stop, 3);
    desk.rests(&target, 3);
    desk.fill(&stop, 1, 1, 19_980);
    assert_eq!(desk.cancels, [entry.order_id]);
    desk.status(&entry, BrokerStatus::Cancelled);
    let sizes: Vec<(ClientOrderId, u32)> = desk.modified.iter().map(|ticket| (ticket.id, ticket.quantity)).collect();
    assert_eq!(sizes, [(stop.id, 2), (target.id, 1)], "one of the stop has filled, one contract is held");
}

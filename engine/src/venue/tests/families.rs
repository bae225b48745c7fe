//! Brackets and OCA groups: what the parent's fills, and the group's, do to the others.

use expect_test::expect;

use super::*;

const BRACKET: &str = "quote 400 5 401 5
    trade 400 1
    place 1 buy 3 lmt 400 hold
    place 2 sell 3 stp 396 parent 1 oca g 2 hold
    place 3 sell 3 lmt 404 parent 1 oca g 2";

fn check_bracket(script: &str, expected: expect_test::Expect) {
    let mut floor = Floor::new();
    floor.play(BRACKET).said.clear();
    expected.assert_eq(&floor.play(script).said);
}

#[test]
fn a_family_waits_for_its_last_member_and_children_for_their_parent() {
    check(
        BRACKET,
        expect![[r#"
        > quote 400 5 401 5
        > trade 400 1
        > place 1 buy 3 lmt 400 hold
        1 PendingSubmit 0/3
        > place 2 sell 3 stp 396 parent 1 oca g 2 hold
        2 PendingSubmit 0/3
        > place 3 sell 3 lmt 404 parent 1 oca g 2
        1 Submitted 0/3
        2 PreSubmitted 0/3
        3 PreSubmitted 0/3
    "#]],
    );
}

#[test]
fn the_target_cancels_the_stop() {
    check_bracket(
        "trade 399 1
         trade 396 0
         cancel 2",
        expect![[r#"
            > trade 399 1
            1 buy 3 @ 400
            1 Filled 3/3
            3 Submitted 0/3
            > trade 396 0
            2 sell 3 @ 400 realised -6.75
            2 Filled 3/3
            3 Cancelled 0/3
            3 [202] Order Canceled - reason:
            > cancel 2
            refused 10148: OrderId 2 that needs to be cancelled cannot be cancelled, state: Filled.
        "#]],
    );
    check_bracket(
        "trade 399 1
         trade 405 1
         cancel 2",
        expect![[r#"
            > trade 399 1
            1 buy 3 @ 400
            1 Filled 3/3
            3 Submitted 0/3
            > trade 405 1
            3 sell 3 @ 404 realised 143.25
            3 Filled 3/3
            2 Cancelled 0/3
            2 [202] Order Canceled - reason:
            > cancel 2
            refused 10148: OrderId 2 that needs to be cancelled cannot be cancelled, state: Cancelled.
        "#]],
    );
}

#[test]
fn children_fill_no_more_than_their_parent() {
    check_bracket(
        "trade 400 7
         trade 405 1
         trade 396 1
         trade 399 1",
        expect![[r#"
            > trade 400 7
            1 buy 2 @ 400
            1 Submitted 2/3
            3 Submitted 0/3
            > trade 405 1
            3 sell 2 @ 404 realised 95.50
            3 Submitted 2/3
            2 PreSubmitted 0/1
            > trade 396 1
            1 buy 1 @ 400
            1 Filled 3/3
            2 sell 1 @ 400 realised -2.25
            2 Filled 1/1
            3 Cancelled 2/3
            3 [202] Order Canceled - reason:
            > trade 399 1
        "#]],
    );
}

#[test]
fn a_stop_with_nothing_to_close_does_not_trigger() {
    check_bracket(
        "trade 400 7
         trade 405 1
         modify 2 sell 1 stp 405 parent 1 oca g 2
         trade 404 1
         trade 399 1",
        expect![[r#"
            > trade 400 7
            1 buy 2 @ 400
            1 Submitted 2/3
            3 Submitted 0/3
            > trade 405 1
            3 sell 2 @ 404 realised 95.50
            3 Submitted 2/3
            2 PreSubmitted 0/1
            > modify 2 sell 1 stp 405 parent 1 oca g 2
            2 PreSubmitted 0/1
            > trade 404 1
            > trade 399 1
            1 buy 1 @ 400
            1 Filled 3/3
            2 sell 1 @ 400 realised -2.25
            2 Filled 1/1
            3 Cancelled 2/3
            3 [202] Order Canceled - reason:
        "#]],
    );
}

#[test]
fn a_parent_cancelled_before_its_first_fill_takes_its_children_along() {
    check_bracket(
        "cancel 1",
        expect![[r#"
            > cancel 1
            1 Cancelled 0/3
            1 [202] Order Canceled - reason:
            2 Cancelled 0/3
            2 [202] Order Canceled - reason:
            3 Cancelled 0/3
            3 [202] Order Canceled - reason:
        "#]],
    );
}

#[test]
fn a_parent_cancelled_after_a_part_leaves_children_of_that_part() {
    check_bracket(
        "trade 400 7
         cancel 1
         trade 396 1",
        expect![[r#"
            > trade 400 7
            1 buy 2 @ 400
            1 Submitted 2/3
            3 Submitted 0/3
            > cancel 1
            1 Cancelled 2/3
            1 [202] Order Canceled - reason:
            2 PreSubmitted 0/2
            3 Submitted 0/2
            > trade 396 1
            2 sell 2 @ 400 realised -4.50
            2 Filled 2/2
            3 Cancelled 0/2
            3 [202] Order Canceled - reason:
        "#]],
    );
    check_bracket(
        "trade 400 7
         trade 405 1
         cancel 1",
        expect![[r#"
            > trade 400 7
            1 buy 2 @ 400
            1 Submitted 2/3
            3 Submitted 0/3
            > trade 405 1
            3 sell 2 @ 404 realised 95.50
            3 Submitted 2/3
            2 PreSubmitted 0/1
            > cancel 1
            1 Cancelled 2/3
            1 [202] Order Canceled - reason:
            2 Cancelled 0/1
            2 [202] Order Canceled - reason:
            3 Cancelled 2/3
            3 [202] Order Canceled - reason:
        "#]],
    );
}

#[test]
fn an_exit_joins_the_group_and_reduces_it() {
    check_bracket(
        "trade 399 1
         quote 399 2 400 5
         place 4 sell 3 mkt oca g 2
         quote 399 2 400 5
         place 5 sell 1 mkt oca g 2",
        expect![[r#"
            > trade 399 1
            1 buy 3 @ 400
            1 Filled 3/3
            3 Submitted 0/3
            > quote 399 2 400 5
            > place 4 sell 3 mkt oca g 2
            4 sell 2 @ 399 realised -29.50
            4 Submitted 2/3
            2 PreSubmitted 0/1
            3 Submitted 0/1
            > quote 399 2 400 5
            4 sell 1 @ 399 realised -14.75
            4 Filled 3/3
            2 Cancelled 0/1
            2 [202] Order Canceled - reason:
            3 Cancelled 0/1
            3 [202] Order Canceled - reason:
            > place 5 sell 1 mkt oca g 2
            refused 201: Order rejected - reason:OCA group is already filled.
        "#]],
    );
}

#[test]
fn a_group_that_was_cancelled_can_be_joined_again() {
    check_bracket(
        "trade 399 1
         cancel 2
         cancel 3
         place 4 sell 3 mkt oca g 2",
        expect![[r#"
            > trade 399 1
            1 buy 3 @ 400
            1 Filled 3/3
            3 Submitted 0/3
            > cancel 2
            2 Cancelled 0/3
            2 [202] Order Canceled - reason:
            > cancel 3
            3 Cancelled 0/3
            3 [202] Order Canceled - reason:
            > place 4 sell 3 mkt oca g 2
            4 sell 3 @ 400 realised -6.75
            4 Filled 3/3
        "#]],
    );
}

#[test]
fn stop_and_target_hit_by_one_event_fill_once() {
    check(
        "quote 400 5 401 5
         trade 404 1
         place 1 buy 3 mkt
         quote - 0 405 5
         place 2 sell 3 stp 403 oca g 2
         place 3 sell 2 lmt 401 oca g 2
         place 4 sell 2 lmt 401 oca g 2
         trade 402 5
         quote 402 9 403 9",
        expect![[r#"
            > quote 400 5 401 5
            > trade 404 1
            > place 1 buy 3 mkt
            1 buy 3 @ 401
            1 Filled 3/3
            > quote - 0 405 5
            > place 2 sell 3 stp 403 oca g 2
            2 PreSubmitted 0/3
            > place 3 sell 2 lmt 401 oca g 2
            3 Submitted 0/2
            > place 4 sell 2 lmt 401 oca g 2
            4 Submitted 0/2
            > trade 402 5
            3 sell 2 @ 402 realised 20.50
            3 Filled 2/2
            2 Submitted 0/1
            4 Cancelled 0/2
            4 [202] Order Canceled - reason:
            > quote 402 9 403 9
            2 sell 1 @ 402 realised 10.25
            2 Filled 1/1
        "#]],
    );
}

#[test]
fn type_1_cancels_at_the_first_contract() {
    check(
        "quote 400 5 401 2
         place 1 buy 3 stp 405 oca g 1
         place 2 buy 3 lmt 399 oca g 1
         place 3 buy 3 lmt 401 oca g 1",
        expect![[r#"
            > quote 400 5 401 2
            > place 1 buy 3 stp 405 oca g 1
            1 PreSubmitted 0/3
            > place 2 buy 3 lmt 399 oca g 1
            2 Submitted 0/3
            > place 3 buy 3 lmt 401 oca g 1
            3 buy 2 @ 401
            3 Submitted 2/3
            1 Cancelled 0/3
            1 [202] Order Canceled - reason:
            2 Cancelled 0/3
            2 [202] Order Canceled - reason:
        "#]],
    );
}

#[test]
fn type_3_reduces() {
    check(
        "quote 400 5 401 2
         place 1 buy 3 stp 405 oca g 3
         place 2 buy 2 lmt 399 oca g 3
         place 3 buy 3 lmt 401 oca g 3",
        expect![[r#"
            > quote 400 5 401 2
            > place 1 buy 3 stp 405 oca g 3
            1 PreSubmitted 0/3
            > place 2 buy 2 lmt 399 oca g 3
            2 Submitted 0/2
            > place 3 buy 3 lmt 401 oca g 3
            3 buy 2 @ 401
            3 Submitted 2/3
            1 PreSubmitted 0/1
            2 Cancelled 0/2
            2 [202] Order Canceled - reason:
        "#]],
    );
}

#[test]
fn children_without_a_group_are_a_bracket_all_the_same() {
    check(
        "quote 400 5 401 5
         place 1 buy 1 mkt hold
         place 2 sell 1 stp 396 parent 1 hold
         place 3 sell 1 lmt 404 parent 1
         trade 405 1
         trade 396 1",
        expect![[r#"
            > quote 400 5 401 5
            > place 1 buy 1 mkt hold
            1 PendingSubmit 0/1
            > place 2 sell 1 stp 396 parent 1 hold
            2 PendingSubmit 0/1
            > place 3 sell 1 lmt 404 parent 1
            2 PreSubmitted 0/1
            1 buy 1 @ 401
            1 Filled 1/1
            3 Submitted 0/1
            > trade 405 1
            3 sell 1 @ 404 realised 35.25
            3 Filled 1/1
            2 Cancelled 0/1
            2 [202] Order Canceled - reason:
            > trade 396 1
        "#]],
    );
}

#[test]
fn a_held_order_goes_when_it_is_changed_to_transmit() {
    check(
        "quote 400 5 401 5
         place 1 buy 1 mkt hold
         place 2 sell 1 mkt hold
         cancel 2
         modify 1 buy 1 mkt",
        expect![[r#"
            > quote 400 5 401 5
            > place 1 buy 1 mkt hold
            1 PendingSubmit 0/1
            > place 2 sell 1 mkt hold
            2 PendingSubmit 0/1
            > cancel 2
            2 Cancelled 0/1
            2 [202] Order Canceled - reason:
            > modify 1 buy 1 mkt
            1 buy 1 @ 401
            1 Filled 1/1
        "#]],
    );
}

#[test]
fn a_child_may_come_after_its_parent_has_filled() {
    check(
        "quote 400 5 401 5
         place 1 buy 2 mkt
         place 2 sell 3 stp 396 parent 1
         modify 2 sell 4 stp 397
         trade 396 1",
        expect![[r#"
            > quote 400 5 401 5
            > place 1 buy 2 mkt
            1 buy 2 @ 401
            1 Filled 2/2
            > place 2 sell 3 stp 396 parent 1
            2 PreSubmitted 0/2
            > modify 2 sell 4 stp 397
            2 PreSubmitted 0/4
            > trade 396 1
            2 sell 4 @ 400 realised -34.00
            2 Filled 4/4
        "#]],
    );
}

#[test]
fn grandchildren_wait_for_the_children() {
    check(
        "quote 400 5 401 5
         place 1 buy 1 mkt hold
         place 2 sell 1 lmt 404 parent 1 hold
         place 3 sell 1 stp 402 parent 2
         trade 405 1
         trade 402 1",
        expect![[r#"
            > quote 400 5 401 5
            > place 1 buy 1 mkt hold
            1 PendingSubmit 0/1
            > place 2 sell 1 lmt 404 parent 1 hold
            2 PendingSubmit 0/1
            > place 3 sell 1 stp 402 parent 2
            3 PreSubmitted 0/1
            1 buy 1 @ 401
            1 Filled 1/1
            2 Submitted 0/1
            > trade 405 1
            2 sell 1 @ 404 realised 35.25
            2 Filled 1/1
            > trade 402 1
            3 sell 1 @ 400
            3 Filled 1/1
        "#]],
    );
}

#[test]
fn a_family_has_a_limited_depth() {
    let mut floor = Floor::new();
    floor.play("place 1 buy 1 lmt 1");
    for id in 2..=10 {
        floor.play(&format!("place {id} buy 1 lmt 1 parent {}", id - 1));
    }
    assert_eq!(floor.venue.open_orders().count(), 8);
    floor.play("cancel 1");
    assert_eq!(floor.venue.open_orders().count(), 0);
}

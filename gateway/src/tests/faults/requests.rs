//! Requests that are refused, delayed, lost or answered by something else.

use ibapi::orders::{Action, ExecutionFilter};

use super::*;
use crate::faults::texts;

fn limit() -> Order {
    order(Action::Buy, 1.0, "LMT", 4990.0)
}

const PLACED: [&str; 2] = ["open 1 Submitted 1", "status 1 Submitted 0/1"];

fault_tests! {
    orders_are_refused_with_any_code: "reject-order" => {
        let gateway = lab(quiet_market(3));
        let (mut desk, _ticks) = desk(&gateway).await;
        for (code, text) in texts::ORDERS {
            inject(&gateway, Fault::new("reject-order").with("code", *code));
            let id = desk.submit(&limit()).await;
            let lines = desk.lines().await;
            let expected = if matches!(code, 201 | 10349) {
                vec![format!("open {id} Inactive 1"), format!("status {id} Inactive 0/1"), format!("error {code}")]
            } else {
                vec![format!("error {code}")]
            };
            assert_eq!(lines, expected, "{text}");
        }
        inject(&gateway, Fault::new("reject-order").with("count", 2).with("text", "No").with("around", "inactive"));
        for _ in 0..2 {
            desk.submit(&limit()).await;
            assert_eq!(kinds(&desk.lines().await), ["open", "status", "error"]);
        }
        assert!(gateway.truth().open_orders.is_empty());
        desk.submit(&limit()).await;
        assert_eq!(kinds(&desk.lines().await), ["open", "status"], "the third is taken");
        gateway.stop();
    }

    cancels_are_refused_and_the_order_lives: "reject-cancel" => {
        let gateway = lab(quiet_market(3));
        let (mut desk, _ticks) = desk(&gateway).await;
        let id = desk.submit(&limit()).await;
        desk.expect(&PLACED).await;
        for code in [135, 136, 161, 10147, 10148] {
            inject(&gateway, Fault::new("reject-cancel").with("code", code));
            desk.cancel(id).await;
            desk.expect(&[&format!("error {code}")]).await;
        }
        assert_eq!(gateway.truth().open_orders.len(), 1);
        desk.cancel(id).await;
        desk.expect(&["status 1 Cancelled 0/1", "error 202"]).await;
        gateway.stop();
    }

    a_warning_looks_like_a_refusal: "warn-order" => {
        let gateway = lab(quiet_market(3));
        let (mut desk, _ticks) = desk(&gateway).await;
        for code in [399, 404, 2109, 10349] {
            inject(&gateway, Fault::new("warn-order").with("code", code));
            let id = desk.submit(&limit()).await;
            let lines = desk.lines().await;
            let expected =
                [format!("open {id} Submitted 1"), format!("status {id} Submitted 0/1"), format!("error {code}")];
            assert_eq!(lines, expected);
            assert_eq!(gateway.truth().open_orders.len(), 1, "the order lives");
            desk.cancel(id).await;
            desk.lines().await;
        }
        gateway.stop();
    }

    orders_take_their_time: "slow-orders" => {
        let gateway = lab(quiet_market(20));
        let (mut desk, _ticks) = desk(&gateway).await;
        inject(&gateway, Fault::new("slow-orders").with("by", "4s"));
        let id = desk.submit(&limit()).await;
        play_to(&desk.client, 2).await;
        assert!(desk.lines().await.is_empty());
        desk.cancel(id).await;
        play_to(&desk.client, 5).await;
        assert_eq!(desk.lines().await, PLACED);
        play_to(&desk.client, 8).await;
        desk.expect(&["status 1 Cancelled 0/1", "error 202"]).await;
        gateway.stop();
    }

    an_inactive_order_comes_to_life: "inactive-then-revived" => {
        let gateway = lab(quiet_market(20));
        let (mut desk, _ticks) = desk(&gateway).await;
        inject(&gateway, Fault::new("inactive-then-revived").with("by", "5s"));
        desk.submit(&limit()).await;
        desk.expect(&["open 1 Inactive 1", "status 1 Inactive 0/1"]).await;
        play_to(&desk.client, 3).await;
        desk.expect_nothing().await;
        play_to(&desk.client, 7).await;
        desk.expect(&PLACED).await;
        gateway.stop();
    }

    a_cancel_loses_against_a_fill: "fill-after-cancel" => {
        let gateway = lab(quiet_market(3));
        let (mut desk, _ticks) = desk(&gateway).await;
        inject(&gateway, Fault::new("fill-after-cancel"));
        let id = desk.submit(&limit()).await;
        desk.expect(&PLACED).await;
        desk.cancel(id).await;
        let lines = desk.lines().await;
        assert_eq!(lines[..3], ["status 1 PendingCancel 0/1", "fill 1 Bought 1 at 4990", "open 1 Filled 1"]);
        assert_eq!(gateway.truth().positions[0].quantity, 1);
        let id = desk.submit(&limit()).await;
        desk.cancel(id).await;
        assert!(desk.lines().await.contains(&"error 202".to_owned()), "once only");
        gateway.stop();
    }

    a_cancelled_order_fills: "fill-after-cancelled" => {
        let gateway = lab(quiet_market(3));
        let (mut desk, _ticks) = desk(&gateway).await;
        inject(&gateway, Fault::new("fill-after-cancelled"));
        let id = desk.submit(&limit()).await;
        desk.expect(&PLACED).await;
        desk.cancel(id).await;
        desk.expect(&["status 1 Cancelled 0/1", "error 202", "fill 1 Bought 1 at 4990"]).await;
        assert_eq!(gateway.truth().positions[0].quantity, 1);
        gateway.stop();
    }

    nothing_is_said_of_orders: "silent-orders" => {
        for executed in [true, false] {
            let gateway = lab(quiet_market(20));
            let (mut desk, _ticks) = desk(&gateway).await;
            inject(&gateway, Fault::new("silent-orders").with("executed", executed).lasting(Duration::from_secs(5)));
            desk.submit(&order(Action::Buy, 1.0, "MKT", 0.0)).await;
            play_to(&desk.client, 3).await;
            assert!(desk.lines().await.is_empty());
            assert_eq!(gateway.truth().positions[0].quantity, i64::from(executed));
            let mut told = within(desk.client.executions(ExecutionFilter::default())).await.expect("a list");
            let told = told.collect_to_end_within(DEADLINE).await.expect("an end");
            assert_eq!(told.len(), if executed { 2 } else { 0 }, "who asks is told: execution and commission");
            play_to(&desk.client, 8).await;
            desk.lines().await;
            desk.submit(&limit()).await;
            assert_eq!(kinds(&desk.lines().await), ["open", "status"]);
            gateway.stop();
        }
    }

    requests_are_read_and_not_answered: "unanswered" => {
        let gateway = lab(vec![]);
        let mut raw = Raw::text(&gateway, 178, 1).await;
        let families = [
            ("snapshots", "61\x001\x00", "62"),
            ("completed-orders", "99\x000\x00", "102"),
            ("clock", "49\x001\x00", "49"),
            ("all", "8\x001\x001\x00", "9"),
        ];
        for (family, request, answer) in families {
            let id = inject(&gateway, Fault::new("unanswered").with("requests", family).client(1));
            raw.send(request).await;
            raw.expect_silence().await;
            if family != "all" {
                raw.send("17\x001\x00").await;
                assert_eq!(raw.next().await[0], "15", "other requests are answered");
            }
            assert!(gateway.clear(id));
            raw.send(request).await;
            raw.next_with(&[answer]).await;
        }
        gateway.stop();
    }

    market_data_is_refused: "refuse-data" => {
        let gateway = lab(quiet_market(3));
        let client = connect(&gateway, 1).await;
        let contract = es(&client).await;
        for code in [101, 354, 10089, 10090, 10091, 10167, 10168, 10189, 10190, 10197] {
            let id = inject(&gateway, Fault::new("refuse-data").with("code", code));
            let mut raw = Raw::text(&gateway, 178, 2).await;
            raw.send("97\x0031\x00\x00ES\x00FUT\x00202612\x00\x00\x00\x00CME\x00\x00\x00\x00\x00Last\x000\x000\x00").await;
            assert_eq!(raw.error().await, (31, code));
            drop(raw);
            assert!(gateway.clear(id));
            within(async {
                while gateway.stats().clients > 1 {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            })
            .await;
        }
        inject(&gateway, Fault::new("refuse-data").with("code", 10189));
        let mut ticks = within(client.tick_by_tick(&contract, 0).last()).await.expect("sent");
        let end = format!("{:?}", within(ticks.next()).await);
        assert!(end.contains("10189"), "{end}");
        gateway.stop();
    }

    history_is_refused: "refuse-history" => {
        let gateway = lab(vec![]);
        let mut raw = Raw::text(&gateway, 178, 1).await;
        for code in [162, 165, 366, 420] {
            let id = inject(&gateway, Fault::new("refuse-history").with("code", code));
            raw.send("20\x001000\x00\x00ES\x00FUT\x00202612\x00\x00\x00\x00CME\x00\x00\x00\x00\x000\x00\x001 min\x001 D\
                      \x001\x00TRADES\x001\x000\x00\x00")
                .await;
            assert_eq!(raw.error().await, (1000, code));
            assert!(gateway.clear(id));
        }
        gateway.stop();
    }

    a_cancel_of_data_finds_no_ticker: "unknown-ticker" => {
        let gateway = lab(vec![]);
        let mut raw = Raw::text(&gateway, 178, 1).await;
        inject(&gateway, Fault::new("unknown-ticker"));
        raw.send("98\x0031\x00").await;
        assert_eq!(raw.error().await, (31, 300));
        gateway.stop();
    }

    the_exchange_cancels_by_itself: "unsolicited-cancel" => {
        let gateway = lab(quiet_market(3));
        let (mut desk, _ticks) = desk(&gateway).await;
        let nothing = gateway.inject(Fault::new("unsolicited-cancel")).expect_err("nothing to cancel");
        assert_eq!(nothing.to_string(), "unsolicited-cancel: there is no open order");
        for _ in 0..3 {
            desk.submit(&limit()).await;
        }
        desk.lines().await;
        inject(&gateway, Fault::new("unsolicited-cancel").with("which", "oldest"));
        desk.expect(&["status 1 Cancelled 0/1", "error 202"]).await;
        inject(&gateway, Fault::new("unsolicited-cancel"));
        desk.expect(&["status 3 Cancelled 0/1", "error 202"]).await;
        inject(&gateway, Fault::new("unsolicited-cancel").with("which", "all").client(1));
        desk.expect(&["status 2 Cancelled 0/1", "error 202"]).await;
        gateway.stop();
    }

    executions_are_told_again: "executions-told-again" => {
        let gateway = lab(quiet_market(3));
        let (mut desk, _ticks) = desk(&gateway).await;
        desk.submit(&order(Action::Buy, 1.0, "MKT", 0.0)).await;
        desk.lines().await;
        inject(&gateway, Fault::new("executions-told-again"));
        desk.expect(&["fill 1 Bought 1 at 5000.25", "commission 2.25 None"]).await;
        assert_eq!(gateway.truth().positions[0].quantity, 1);
        gateway.stop();
    }
}

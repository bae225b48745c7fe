//! What others, the exchange and the broker do to the account.

use ibapi::orders::Action;

use super::*;

/// A client that follows the account's positions, and the position it is told next.
struct Follower(Raw);

impl Follower {
    async fn open(gateway: &Gateway) -> Follower {
        let mut raw = Raw::text(gateway, 178, 2).await;
        raw.send("61\x001\x00").await;
        raw.next_with(&["62"]).await;
        Follower(raw)
    }

    async fn position(&mut self) -> String {
        self.0.next_with(&["61"]).await[14].clone()
    }
}

/// A desk that has bought two contracts.
async fn holding(gateway: &Gateway) -> (Desk, Subscription<ibapi::market_data::realtime::Trade>) {
    let (mut desk, ticks) = desk(gateway).await;
    desk.submit(&order(Action::Buy, 2.0, "MKT", 0.0)).await;
    desk.lines().await;
    (desk, ticks)
}

fault_tests! {
    an_order_is_entered_by_hand: "manual-order" => {
        let gateway = lab(quiet_market(3));
        let (mut desk, _ticks) = desk(&gateway).await;
        let mut follower = Follower::open(&gateway).await;
        inject(&gateway, Fault::new("manual-order").with("side", "SELL").with("quantity", 2));
        assert_eq!(follower.position().await, "-2");
        inject(&gateway, Fault::new("manual-order").with("type", "LMT").with("price", 4990).with("contract", "ESZ6"));
        desk.expect_nothing().await;
        let open = gateway.truth().open_orders;
        assert_eq!((open.len(), open[0].order.client_id, open[0].order.order_id), (1, 0, 0));
        let wrong = Fault::new("manual-order").with("contract", "CLZ6");
        let unknown = gateway.inject(wrong).expect_err("no such contract");
        assert_eq!(unknown.to_string(), "manual-order: there is no contract \"CLZ6\"");
        gateway.stop();
    }

    another_program_trades: "foreign-order" => {
        let gateway = lab(quiet_market(3));
        let (_desk, _ticks) = desk(&gateway).await;
        let mut follower = Follower::open(&gateway).await;
        inject(&gateway, Fault::new("foreign-order").with("id", 55));
        assert_eq!(follower.position().await, "1");
        assert_eq!(gateway.truth().executions[0].client_id, 55);
        gateway.stop();
    }

    the_broker_liquidates: "liquidation" => {
        let gateway = lab(quiet_market(3));
        let (mut desk, _ticks) = holding(&gateway).await;
        desk.submit(&order(Action::Sell, 2.0, "LMT", 5010.0)).await;
        desk.lines().await;
        inject(&gateway, Fault::new("liquidation"));
        let lines = desk.lines().await;
        assert!(lines.contains(&"status 2 Cancelled 0/2".to_owned()), "{lines:?}");
        let truth = gateway.truth();
        assert_eq!(truth.positions[0].quantity, 0);
        assert!(truth.executions[1].liquidation);
        assert!(gateway.inject(Fault::new("liquidation")).is_err(), "nothing is left to liquidate");
        gateway.stop();
    }

    an_execution_is_corrected: "execution-correction" => {
        let gateway = lab(quiet_market(3));
        let (mut desk, _ticks) = holding(&gateway).await;
        let before = gateway.truth().executions[0].exec_id.clone();
        inject(&gateway, Fault::new("execution-correction").with("by", -0.5));
        let lines = desk.lines().await;
        assert!(lines.contains(&"fill 1 Bought 2 at 4999.75".to_owned()), "{lines:?}");
        let after = gateway.truth().executions[0].exec_id.clone();
        assert_eq!(before.rsplit_once('.').map(|(stem, _)| stem), after.rsplit_once('.').map(|(stem, _)| stem));
        assert!(after.ends_with(".02"), "{after}");
        gateway.stop();
    }

    an_execution_is_busted: "execution-bust" => {
        let gateway = lab(quiet_market(3));
        let (_desk, _ticks) = holding(&gateway).await;
        let mut follower = Follower::open(&gateway).await;
        inject(&gateway, Fault::new("execution-bust"));
        assert_eq!(follower.position().await, "0");
        assert!(gateway.truth().executions.is_empty());
        assert!(gateway.inject(Fault::new("execution-bust")).is_err(), "there is no execution left");
        gateway.stop();
    }

    the_position_is_another_one: "position-mismatch" => {
        let gateway = lab(quiet_market(3));
        let (_desk, _ticks) = holding(&gateway).await;
        let mut follower = Follower::open(&gateway).await;
        inject(&gateway, Fault::new("position-mismatch").with("by", -3));
        assert_eq!(follower.position().await, "-1");
        assert_eq!(gateway.truth().executions.len(), 1);
        gateway.stop();
    }

    ids_are_forgotten: "ids-rolled-back" => {
        let gateway = lab(quiet_market(3));
        let (desk, _ticks) = holding(&gateway).await;
        assert_eq!(within(desk.client.next_valid_order_id()).await.expect("an id"), 2);
        let mut raw = Raw::text(&gateway, 178, 2).await;
        inject(&gateway, Fault::new("ids-rolled-back").with("by", 1));
        raw.send("8\x001\x001\x00").await;
        assert_eq!(raw.next_with(&["9"]).await[2], "1", "an id that was used");
        gateway.stop();
    }

    a_working_order_is_called_inactive: "order-inactive" => {
        let gateway = lab(quiet_market(3));
        let (mut desk, _ticks) = desk(&gateway).await;
        desk.submit(&order(Action::Buy, 1.0, "LMT", 4990.0)).await;
        desk.expect(&["open 1 Submitted 1", "status 1 Submitted 0/1"]).await;
        inject(&gateway, Fault::new("order-inactive"));
        desk.expect(&["open 1 Inactive 1", "status 1 Inactive 0/1"]).await;
        inject(&gateway, Fault::new("order-inactive").with("active", true));
        desk.expect(&["open 1 Submitted 1", "status 1 Submitted 0/1"]).await;
        gateway.stop();
    }

    a_contract_is_not_available: "not-tradable" => {
        let gateway = lab(quiet_market(3));
        let (mut desk, _ticks) = desk(&gateway).await;
        inject(&gateway, Fault::new("not-tradable"));
        desk.submit(&order(Action::Buy, 1.0, "LMT", 4990.0)).await;
        desk.expect(&["error 203"]).await;
        inject(&gateway, Fault::new("not-tradable").with("tradable", true));
        desk.submit(&order(Action::Buy, 1.0, "LMT", 4990.0)).await;
        assert_eq!(kinds(&desk.lines().await), ["open", "status"]);
        gateway.stop();
    }

    a_message_names_a_live_order: "order-message" => {
        let gateway = lab(quiet_market(3));
        let (mut desk, _ticks) = desk(&gateway).await;
        assert!(gateway.inject(Fault::new("order-message")).is_err(), "there is no order");
        desk.submit(&order(Action::Buy, 1.0, "LMT", 4990.0)).await;
        desk.expect(&["open 1 Submitted 1", "status 1 Submitted 0/1"]).await;
        inject(&gateway, Fault::new("order-message").with("code", 201).with("text", "Order rejected - reason:?"));
        desk.expect(&["error 201"]).await;
        assert_eq!(gateway.truth().open_orders.len(), 1);
        gateway.stop();
    }
}

//! What others do in the account, over the wire: adopted by reconciliation, with what the gateway itself holds.

use engine::link;
use engine::trade::{Fill, Leg};
use engine::venue::{Kind, Tif};
use gateway::ManualOrder;

use super::*;

/// A strategy that looks on.
fn quiet() -> String {
    busy(1).replace("period = 2", "period = 900")
}

impl Rig {
    fn others_trade(&self, client_id: Option<i32>, side: Side, quantity: u32) {
        let order = ManualOrder { symbol: SymbolId(0), side, quantity, kind: Kind::Market, tif: Tif::Day };
        let placed = self.gateway.intervene(move |broker| match client_id {
            Some(client) => broker.submit_foreign(client, &order),
            None => broker.submit_manual(&order),
        });
        placed.expect("the venue takes it");
    }

    /// The link takes an inventory now and not at its next round.
    fn look(&self) {
        self.system.shared().addresses().link.send(Told::unprompted(link::Input::Doubt));
    }

    async fn until_looking(&self, what: &str, is_true: impl Fn(&BooksView) -> bool) {
        let begun = Instant::now();
        loop {
            self.look();
            tokio::time::sleep(Duration::from_millis(50)).await;
            let Some(view) = self.system.books().await else { continue };
            if view.agrees && is_true(&view) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "not in time: {what}; {view:?}");
        }
    }

    fn fills(&self) -> Vec<Fill> {
        self.system.shared().journal().commit().expect("the journal takes what is waiting");
        let entries = crate::journal::read_segment(&self.system.journal_folder(), 1).expect("the segment can be read");
        let fill = |entry: engine::journal::Entry| match entry.record {
            Record::Fill(fill) => Some(fill),
            _ => None,
        };
        entries.into_iter().filter_map(fill).collect()
    }

    /// Until risk lets it through: right after the start there is no price yet.
    async fn buy_one(&self) {
        let begun = Instant::now();
        while self.system.books().await.is_none_or(|view| view.held == 0) {
            assert!(begun.elapsed() < PATIENCE, "no entry fills");
            let price = self.gateway.truth().executions.last().map_or(Price(20_000), |execution| execution.price);
            let bracket = Bracket { stop: Price(price.0 - 700), target: None };
            let intent = Intent::Enter { side: Side::Buy, quantity: 1, kind: OrderKind::Market, bracket };
            let at = self.system.shared().clock.now();
            let intent =
                OrderIntent { strategy: StrategyId(0), symbol: SymbolId(0), at, intent, reason: "test".into() };
            self.system.shared().addresses().books.send(Told::unprompted(books::Input::Intent(intent)));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn foreign(view: &BooksView) -> i64 {
    view.foreign.iter().map(|(_, quantity)| quantity).sum()
}

#[actix::test]
async fn trades_by_hand_and_of_other_clients_have_a_row_of_their_own() {
    let rig = Rig::start(&quiet()).await;
    rig.others_trade(Some(44), Side::Buy, 2);
    rig.others_trade(None, Side::Buy, 1);
    rig.until_looking("both are taken over", |view| foreign(view) == 3).await;
    rig.until("trading goes on", |view, _| view.trading == Trading::Allowed).await;
    rig.others_trade(Some(44), Side::Sell, 2);
    rig.until_looking("one is left", |view| foreign(view) == 1 && view.held == 0).await;
    let last = rig.system.wind_down("test").await.expect("the books answer");
    assert_eq!((last.held, foreign(&last)), (0, 1), "what is not ours is not closed");
    rig.system.stop("test").await;
}

#[actix::test]
async fn a_position_that_the_broker_closed_is_closed_and_a_busted_fill_is_none() {
    let rig = Rig::start(&quiet()).await;
    rig.buy_one().await;
    rig.gateway.intervene(|broker| broker.liquidate(SymbolId(0))).expect("there is something to close");
    rig.until_looking("it is closed", |view| view.held == 0 && foreign(view) == 0 && view.live_orders == 0).await;
    rig.until("trading goes on", |view, _| view.trading == Trading::Allowed).await;

    rig.buy_one().await;
    let gone = rig.gateway.intervene(|broker| {
        let exec_id = broker.all_executions().last().map(|execution| execution.exec_id.clone()).expect("it filled");
        broker.bust_execution(&exec_id)
    });
    assert_eq!(gone.expect("it is the last one").side, Side::Buy);
    rig.until_looking("it never was", |view| view.held == 0 && view.live_orders == 0).await;
    let legs: Vec<Leg> = rig.fills().into_iter().map(|fill| fill.leg).collect();
    assert_eq!(legs, [Leg::Entry, Leg::Liquidation, Leg::Entry]);
    rig.system.stop("test").await;
}

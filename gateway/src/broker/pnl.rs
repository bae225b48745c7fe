//! Profit and loss, for the account and for one contract. In: subscriptions, the passing of market time.
//! Out: a snapshot at once, then each change, at most once a second of market time.

use std::collections::BTreeMap;

use engine::market::SymbolId;
use engine::trade::Money;
use engine::venue::VenuePosition;
use rust_decimal::prelude::ToPrimitive;

use crate::broker::Broker;
use crate::broker::clients::ConnId;
use crate::broker::session::{check_account, invalid};
use crate::wire::pnl::{PnL, PnLRequest, PnLSingle, PnLSingleRequest};

impl Broker {
    pub(super) fn subscribe_pnl(&mut self, conn: ConnId, request: &PnLRequest) {
        let req_id = request.req_id.unwrap_or(0);
        if let Err(refusal) = check_account(&self.account, request.account.as_deref()) {
            return self.refuse(conn, req_id, &refusal);
        }
        let pnl = self.pnl(req_id);
        self.send(conn, pnl.clone());
        self.edit(conn, |client| client.pnl.insert(req_id, pnl));
    }

    pub(super) fn subscribe_pnl_single(&mut self, conn: ConnId, request: &PnLSingleRequest) {
        let (req_id, con_id) = (request.req_id.unwrap_or(0), request.con_id.unwrap_or(0));
        if let Err(refusal) = check_account(&self.account, request.account.as_deref()) {
            return self.refuse(conn, req_id, &refusal);
        }
        let Some(pnl) = self.pnl_single(req_id, con_id) else {
            return self.refuse(conn, req_id, &invalid(&format!("Contract id {con_id} is not known")));
        };
        self.send(conn, pnl.clone());
        self.edit(conn, |client| client.pnl_single.insert(req_id, (con_id, pnl)));
    }

    /// Sends what changed, once market time has reached the next second.
    pub(super) fn update_pnl(&mut self) {
        let second = self.now().secs();
        if !self.day.next_second(second) {
            return;
        }
        let followed =
            self.clients.iter().filter(|(_, client)| !client.pnl.is_empty() || !client.pnl_single.is_empty());
        let followed: Vec<ConnId> = followed.map(|(conn, _)| *conn).collect();
        for conn in followed {
            self.update_client_pnl(conn);
        }
    }

    fn update_client_pnl(&mut self, conn: ConnId) {
        let Some(client) = self.clients.get(&conn) else { return };
        let (all, single) = (client.pnl.clone(), client.pnl_single.clone());
        for (req_id, last) in all {
            let pnl = self.pnl(req_id);
            if pnl != last {
                self.send(conn, pnl.clone());
                self.edit(conn, |client| client.pnl.insert(req_id, pnl));
            }
        }
        for (req_id, (con_id, last)) in single {
            let Some(pnl) = self.pnl_single(req_id, con_id).filter(|pnl| *pnl != last) else {
                continue;
            };
            self.send(conn, pnl.clone());
            self.edit(conn, |client| client.pnl_single.insert(req_id, (con_id, pnl)));
        }
    }

    /// Realised profit of the day and unrealised profit of the open positions.
    fn pnl(&self, req_id: i32) -> PnL {
        let venue = self.player.venue();
        let realised: Money = venue.positions().map(|held| held.realised).sum();
        PnL {
            req_id: Some(req_id),
            daily_pnl: amount(self.equity() - self.day.equity()),
            unrealized_pnl: amount(venue.unrealised()),
            realized_pnl: amount(realised - self.day.realised_of_all()),
        }
    }

    fn pnl_single(&self, req_id: i32, con_id: i32) -> Option<PnLSingle> {
        let symbol = self.catalog.by_con_id(con_id)?.instrument.id;
        let held = self.player.venue().positions().find(|held| held.symbol == symbol)?;
        let value = self.market_value(&held);
        let unrealised = self.unrealised_of(&held);
        let realised = held.realised - self.day.realised(symbol);
        Some(PnLSingle {
            req_id: Some(req_id),
            position: Some(held.quantity.to_string()),
            daily_pnl: amount(unrealised + realised - self.day.unrealised(symbol)),
            unrealized_pnl: amount(unrealised),
            realized_pnl: amount(realised),
            value: value.to_f64(),
        })
    }

    fn unrealised_of(&self, held: &VenuePosition) -> Money {
        let profit = self.market_value(held) - held.cost.to_decimal();
        Money::from_decimal(profit).expect("tick values and costs are whole millionths")
    }

    /// Closed and open profit of each symbol since the account began.
    pub(super) fn realised_by_symbol(&self) -> BTreeMap<SymbolId, (Money, Money)> {
        let positions = self.player.venue().positions();
        positions.map(|held| (held.symbol, (held.realised, self.unrealised_of(&held)))).collect()
    }
}

fn amount(money: Money) -> Option<f64> {
    money.to_decimal().to_f64()
}

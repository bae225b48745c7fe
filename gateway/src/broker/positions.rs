//! Positions of the account, for subscribers of both kinds. In: subscriptions, symbols that traded. Out: positions.

use engine::market::SymbolId;
use engine::venue::VenuePosition;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::broker::Broker;
use crate::broker::clients::ConnId;
use crate::broker::session::check_group;
use crate::wire::contract::Contract;
use crate::wire::position::{Position, PositionEnd, PositionMulti, PositionMultiEnd, PositionsMultiRequest};

impl Broker {
    /// Open positions at once, then each change.
    pub(super) fn subscribe_positions(&mut self, conn: ConnId) {
        for held in self.open_positions() {
            let position = self.position(&held);
            self.send(conn, position);
        }
        self.send(conn, PositionEnd {});
        self.edit(conn, |client| client.positions = true);
    }

    pub(super) fn subscribe_positions_multi(&mut self, conn: ConnId, request: &PositionsMultiRequest) {
        let req_id = request.req_id.unwrap_or(0);
        if let Err(refusal) = check_group(&self.account, request.account.as_deref()) {
            return self.refuse(conn, req_id, &refusal);
        }
        let model = request.model_code.clone().unwrap_or_default();
        for held in self.open_positions() {
            let position = self.position_multi(req_id, &model, &held);
            self.send(conn, position);
        }
        self.send(conn, PositionMultiEnd { req_id: Some(req_id) });
        self.edit(conn, |client| client.positions_multi.insert(req_id, model));
    }

    /// The symbols traded: tells their positions to all who follow them, flat ones too.
    pub(super) fn update_positions(&mut self, symbols: &[SymbolId]) {
        let changed: Vec<VenuePosition> =
            self.player.venue().positions().filter(|held| symbols.contains(&held.symbol)).collect();
        let conns: Vec<ConnId> = self.clients.keys().copied().collect();
        for conn in conns {
            let Some(client) = self.clients.get(&conn) else {
                continue;
            };
            let (all, multi) = (client.positions, client.positions_multi.clone());
            for held in &changed {
                if all {
                    let position = self.position(held);
                    self.send(conn, position);
                }
                for (req_id, model) in &multi {
                    let position = self.position_multi(*req_id, model, held);
                    self.send(conn, position);
                }
            }
        }
    }

    pub(super) fn open_positions(&self) -> Vec<VenuePosition> {
        self.player.venue().positions().filter(|held| held.quantity != 0).collect()
    }

    fn position(&self, held: &VenuePosition) -> Position {
        Position {
            account: Some(self.account.clone()),
            contract: self.contract_of(held.symbol),
            position: Some(held.quantity.to_string()),
            avg_cost: Some(average_cost(held)),
        }
    }

    fn position_multi(&self, req_id: i32, model: &str, held: &VenuePosition) -> PositionMulti {
        PositionMulti {
            req_id: Some(req_id),
            account: Some(self.account.clone()),
            contract: self.contract_of(held.symbol),
            position: Some(held.quantity.to_string()),
            avg_cost: Some(average_cost(held)),
            model_code: Some(model.to_owned()).filter(|model| !model.is_empty()),
        }
    }

    pub(super) fn contract_of(&self, symbol: SymbolId) -> Option<Contract> {
        self.catalog.listing(symbol).map(|listing| listing.contract.clone())
    }
}

/// For one contract, multiplier included, in currency; 0 when flat.
pub(super) fn average_cost(held: &VenuePosition) -> f64 {
    let average = held.cost.to_decimal().checked_div(Decimal::from(held.quantity));
    average.and_then(|average| average.to_f64()).unwrap_or(0.0)
}

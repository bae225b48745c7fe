//! Account values and portfolio: account updates, updates by model, summary. In: subscriptions, symbols that traded.
//! Out: values. Absent: how they are computed (`account_values`).

use std::collections::BTreeSet;

use chrono_tz::US::Central;
use engine::market::{Price, SymbolId};
use engine::trade::{Money, Side};
use engine::venue::VenuePosition;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::broker::Broker;
use crate::broker::account_values::Value;
use crate::broker::clients::{ConnId, MultiUpdates};
use crate::broker::positions::average_cost;
use crate::broker::session::{SYSTEM, check_account, check_group};
use crate::wire::account::{
    AccountDataEnd, AccountDataRequest, AccountSummary, AccountSummaryEnd, AccountSummaryRequest, AccountUpdateMulti,
    AccountUpdateMultiEnd, AccountUpdateTime, AccountUpdatesMultiRequest, AccountValue, PortfolioValue,
};

impl Broker {
    pub(super) fn subscribe_account(&mut self, conn: ConnId, request: &AccountDataRequest) {
        let subscribe = request.subscribe.unwrap_or(false);
        // The request has no id of its own; its end ends whatever was followed.
        if subscribe && let Err(refusal) = check_account(&self.account, request.acct_code.as_deref()) {
            return self.refuse(conn, SYSTEM, &refusal);
        }
        self.edit(conn, |client| client.account_updates = subscribe);
        if subscribe {
            let symbols: Vec<SymbolId> = self.open_positions().iter().map(|held| held.symbol).collect();
            self.send_account(conn, &symbols);
            let account_name = Some(self.account.clone());
            self.send(conn, AccountDataEnd { account_name });
        }
    }

    pub(super) fn subscribe_account_multi(&mut self, conn: ConnId, request: &AccountUpdatesMultiRequest) {
        let req_id = request.req_id.unwrap_or(0);
        if let Err(refusal) = check_group(&self.account, request.account.as_deref()) {
            return self.refuse(conn, req_id, &refusal);
        }
        let follows = MultiUpdates {
            model: request.model_code.clone().unwrap_or_default(),
            ledger_only: request.ledger_and_nlv.unwrap_or(false),
        };
        self.send_account_multi(conn, req_id, &follows);
        self.send(conn, AccountUpdateMultiEnd { req_id: Some(req_id) });
        self.edit(conn, |client| client.account_multi.insert(req_id, follows));
    }

    /// Tags that this account does not have are left out, as a real gateway does.
    pub(super) fn subscribe_summary(&mut self, conn: ConnId, request: &AccountSummaryRequest) {
        let req_id = request.req_id.unwrap_or(0);
        if let Err(refusal) = check_group(&self.account, request.group.as_deref()) {
            return self.refuse(conn, req_id, &refusal);
        }
        let tags = request.tags.as_deref().unwrap_or("");
        let tags: BTreeSet<String> = tags.split(',').map(|tag| tag.trim().to_owned()).collect();
        self.send_summary(conn, req_id, &tags);
        self.send(conn, AccountSummaryEnd { req_id: Some(req_id) });
        self.edit(conn, |client| client.summaries.insert(req_id, tags));
    }

    /// The symbols traded: tells all who follow the account.
    pub(super) fn update_accounts(&mut self, symbols: &[SymbolId]) {
        let conns: Vec<ConnId> = self.clients.keys().copied().collect();
        for conn in conns {
            let Some(client) = self.clients.get(&conn) else {
                continue;
            };
            let (updates, multi, summaries) =
                (client.account_updates, client.account_multi.clone(), client.summaries.clone());
            if updates {
                self.send_account(conn, symbols);
            }
            for (req_id, follows) in &multi {
                self.send_account_multi(conn, *req_id, follows);
            }
            for (req_id, tags) in &summaries {
                self.send_summary(conn, *req_id, tags);
            }
        }
    }

    fn send_account(&mut self, conn: ConnId, symbols: &[SymbolId]) {
        for Value { key, value, currency } in self.all_values() {
            let account_name = Some(self.account.clone());
            self.send(
                conn,
                AccountValue { key: Some(key), value: Some(value), currency: Some(currency), account_name },
            );
        }
        let held: Vec<VenuePosition> =
            self.player.venue().positions().filter(|held| symbols.contains(&held.symbol)).collect();
        for held in &held {
            if let Some(value) = self.portfolio_value(held) {
                self.send(conn, value);
            }
        }
        let local = self.now().to_datetime().with_timezone(&Central);
        self.send(conn, AccountUpdateTime { time_stamp: Some(local.format("%H:%M").to_string()) });
    }

    fn all_values(&self) -> Vec<Value> {
        let mut values = self.summary_values();
        values.append(&mut self.ledger_values());
        values
    }

    fn send_account_multi(&mut self, conn: ConnId, req_id: i32, follows: &MultiUpdates) {
        let mut values = self.all_values();
        if follows.ledger_only {
            values = self.ledger_values();
            values.extend(self.summary_values().into_iter().filter(|line| line.key == "NetLiquidation"));
        }
        for Value { key, value, currency } in values {
            let update = AccountUpdateMulti {
                req_id: Some(req_id),
                account: Some(self.account.clone()),
                model_code: Some(follows.model.clone()).filter(|model| !model.is_empty()),
                key: Some(key),
                value: Some(value),
                currency: Some(currency),
            };
            self.send(conn, update);
        }
    }

    fn send_summary(&mut self, conn: ConnId, req_id: i32, tags: &BTreeSet<String>) {
        let named = |line: &Value| tags.contains(&line.key) || tags.contains("All");
        let mut values: Vec<Value> = self.summary_values().into_iter().filter(named).collect();
        let base = self.base_currency();
        let of_ledger = |line: &Value| match line.currency == "BASE" {
            true => tags.contains("$LEDGER") || tags.contains("$LEDGER:ALL"),
            false => tags.contains("$LEDGER:ALL") || tags.contains(&format!("$LEDGER:{base}")),
        };
        values.extend(self.ledger_values().into_iter().filter(of_ledger));
        for Value { key, value, currency } in values {
            let summary = AccountSummary {
                req_id: Some(req_id),
                account: Some(self.account.clone()),
                tag: Some(key),
                value: Some(value),
                currency: Some(currency),
            };
            self.send(conn, summary);
        }
    }

    /// Cash plus what open positions gained since their settlement.
    pub(super) fn equity(&self) -> Money {
        self.player.venue().equity()
    }

    fn portfolio_value(&self, held: &VenuePosition) -> Option<PortfolioValue> {
        let listing = self.catalog.listing(held.symbol)?;
        let value = self.market_value(held);
        let cost = held.cost.to_decimal();
        let mark = self.mark(held).map(|price| listing.points.of_ticks(i64::from(price.0)));
        Some(PortfolioValue {
            contract: Some(listing.contract.clone()),
            position: Some(held.quantity.to_string()),
            market_price: mark,
            market_value: value.to_f64(),
            average_cost: Some(average_cost(held)),
            unrealized_pnl: (value - cost).to_f64(),
            realized_pnl: held.realised.to_decimal().to_f64(),
            account_name: Some(self.account.clone()),
        })
    }

    /// What the open contracts are worth at the mark; their cost while there is no mark.
    pub(super) fn market_value(&self, held: &VenuePosition) -> Decimal {
        let listing = self.catalog.listing(held.symbol);
        match (listing, self.mark(held)) {
            (Some(listing), Some(mark)) => listing.tick_value() * Decimal::from(mark.0) * Decimal::from(held.quantity),
            _ => held.cost.to_decimal(),
        }
    }

    /// The last trade; without one, the quote that would close the position.
    pub(super) fn mark(&self, held: &VenuePosition) -> Option<Price> {
        let venue = self.player.venue();
        if let Some(trade) = venue.last_trade(held.symbol) {
            return Some(trade.price);
        }
        let side = Side::of_position(held.quantity).map_or(Side::Sell, Side::opposite);
        let quote = venue.quote(held.symbol)?;
        quote.touch(side).or_else(|| quote.touch(side.opposite()))
    }
}

//! Faults as they strike. In: one fault. Out: what it does here, or to the process. Absent: when it strikes.

use super::*;
use crate::market::Price;
use crate::simulation::plan::{EntryKind, Wish};
use crate::trade::{Bracket, Intent, OrderKind, Side, StrategyId};
use crate::venue::{Kind, NewOrder, Terms, Tif, VenueOrder};

/// The other client of the account.
const FOREIGN_CLIENT: i32 = 7;

impl Exchange {
    pub(super) fn befall(&mut self, what: What) -> Option<Act> {
        match what {
            What::Disconnect { refuse_ms, arrive } => self.disconnect(refuse_ms, arrive),
            What::Silence { for_ms } => {
                let until = self.now + millis(for_ms);
                self.out.hold(until);
                self.back.hold(until);
            }
            What::Upstream { for_ms, data_lost, orders_wait, events_lost } if self.upstream.is_none() => {
                self.lose_upstream(for_ms, data_lost, orders_wait, events_lost);
            }
            What::Upstream { .. } => {}
            What::Farm { symbol, for_ms, silent_ms } => self.lose_farm(symbol as usize, for_ms, silent_ms),
            What::LoseStop => self.lose_stop(),
            What::Stall { for_ms } => self.back.hold(self.now + millis(for_ms)),
            What::SlowRequests { for_ms } => self.out.hold(self.now + millis(for_ms)),
            What::Duplicate { events } => self.armed.duplicate += events,
            What::Reorder { events, late_ms } => self.armed.reorder = (events, late_ms),
            What::Swallow { events } => self.armed.swallow = events,
            What::Reject { orders } => self.armed.reject = orders,
            What::CancelTooLate { orders } => self.armed.cancel_too_late = orders,
            What::Remark { orders, code } => self.armed.remark = (orders, code),
            What::Halt { for_ms } => self.halted_until = self.now + millis(for_ms),
            What::NoInventory { times } => self.armed.no_inventory = times,
            What::IdsFallBack { by } => self.armed.ids_fall_back = by,
            What::Corrupt { symbol, for_ms } => {
                self.corrupt_until[symbol as usize] = self.now + millis(for_ms);
            }
            What::Jump { symbol, ticks } => self.in_market(symbol, |market, at| {
                market.jump(ticks);
                market.show(at)
            }),
            What::Burst { symbol, trades } => self.in_market(symbol, |market, at| market.burst(at, trades)),
            What::Skew { ms } => self.skew_ms = ms,
            What::Foreign { symbol, quantity } => self.trade_as_another(symbol, quantity),
            What::Liquidate { symbol } => {
                self.touched = true;
                let (at, mut reports) = (self.broker_now(), Vec::new());
                self.venue.liquidate(at, symbol_id(symbol as usize), &mut reports);
                self.report(&reports);
            }
            What::Correct { ticks } => self.correct(ticks),
            What::Bust => {
                (self.touched, self.others_at) = (true, Some(self.now));
                if let Some(id) = self.venue.executions().last().map(|e| e.exec_id.clone()) {
                    let at = self.broker_now();
                    self.venue.bust_execution(at, &id).expect("it was just looked up");
                }
            }
            What::Panic { actor, place } => return Some(Act::Panic(actor, place)),
            What::Kill { keep, skew_ms } => return Some(Act::Kill { keep, skew_ms }),
            What::Power { keep, skew_ms } => return Some(Act::Power { keep, skew_ms }),
            What::Restart => return Some(Act::Restart),
            What::Flatten => return Some(Act::Flatten),
            What::Wish { strategy, wish } => return self.wish(strategy, wish).map(Act::Wish),
        }
        None
    }

    fn disconnect(&mut self, refuse_ms: u32, arrive: u32) {
        self.refuses_until = self.now + millis(refuse_ms);
        if self.open {
            self.cut(arrive as usize);
            self.back.cut();
            self.back.send(self.now + millis(1), Heard::Closed);
        }
    }

    fn lose_upstream(&mut self, for_ms: u32, data_lost: bool, orders_wait: bool, events_lost: bool) {
        let stale = self.snapshot();
        self.tell(Heard::News(notice(1100, "Connectivity between IB and TWS has been lost.")));
        self.upstream = Some(Lost {
            until: self.now + millis(for_ms),
            data_lost,
            requests: orders_wait.then(Vec::new),
            events: (!events_lost).then(Vec::new),
            stale,
        });
    }

    fn snapshot(&self) -> BrokerSnapshot {
        let executions = self.venue.executions();
        BrokerSnapshot {
            open_orders: self.venue.open_orders().map(broker_order).collect(),
            completed_orders: self.venue.completed_orders().map(broker_order).collect(),
            executions: executions.iter().map(execution_event).collect(),
            commissions: executions.iter().map(|e| (e.exec_id.clone(), e.commission)).collect(),
            positions: snapshot_of_positions(&self.venue),
        }
    }

    fn lose_stop(&mut self) {
        let rests = |order: &&VenueOrder| {
            let order = &order.order;
            order.client_id == CLIENT_ID && order.transmit && matches!(order.kind, Kind::Stop(_)) && order.oca.is_some()
        };
        let Some(perm_id) = self.venue.open_orders().filter(rests).last().map(|order| order.perm_id) else { return };
        let (at, mut reports) = (self.broker_now(), Vec::new());
        self.venue.cancel_as_broker(at, perm_id, "the exchange cancelled it", &mut reports);
        self.report(&reports);
    }

    fn lose_farm(&mut self, symbol: usize, for_ms: u32, silent_ms: u32) {
        if self.farms[symbol].is_none() {
            self.silent_until[symbol] = self.now + millis(for_ms) + millis(silent_ms);
            self.farms[symbol] = Some(self.now + millis(for_ms));
            self.tell(Heard::News(notice(2103, "Market data farm connection is broken:usfuture")));
        }
    }

    fn in_market(&mut self, symbol: u32, happen: impl FnOnce(&mut Market, Timestamp) -> Vec<FeedEvent>) {
        let (n, at) = (symbol as usize, self.broker_now());
        let events = happen(&mut self.markets[n], at);
        self.show(n, events);
    }

    fn trade_as_another(&mut self, symbol: u32, quantity: i32) {
        let Some(side) = Side::of_position(i64::from(quantity)) else { return };
        self.foreign_id += 1;
        self.foreign += i64::from(quantity).abs();
        let order = NewOrder {
            client_id: FOREIGN_CLIENT,
            order_id: self.foreign_id,
            symbol: symbol_id(symbol as usize),
            side,
            quantity: quantity.unsigned_abs(),
            kind: Kind::Market,
            tif: Tif::Day,
            parent_id: None,
            oca: None,
            transmit: true,
            order_ref: String::new(),
            terms: Terms::default(),
        };
        let (at, mut reports) = (self.broker_now(), Vec::new());
        let placed = self.venue.place(at, order, &mut reports);
        self.note(|| format!("another client's order: {placed:?}"));
        self.report(&reports);
    }

    fn correct(&mut self, ticks: i32) {
        let Some((id, price)) = self.venue.executions().last().map(|e| (e.exec_id.clone(), e.price)) else { return };
        let (at, mut reports) = (self.broker_now(), Vec::new());
        let corrected = self.venue.correct_execution(at, &id, Price(price.0 + ticks), &mut reports);
        self.note(|| format!("correction: {corrected:?}"));
        self.report(&reports);
    }

    fn wish(&mut self, strategy: u32, wish: Wish) -> Option<OrderIntent> {
        let symbol = SymbolId(scene::symbol_of(&self.scene, strategy));
        let last = self.venue.quote(symbol)?.bid?;
        let intent = match wish {
            Wish::Exit => Intent::Exit,
            Wish::CancelEntries => Intent::CancelEntries,
            Wish::Enter { buy, quantity, kind, offset, stop_ticks, target_ticks } => {
                let side = if buy { Side::Buy } else { Side::Sell };
                let (kind, reference) = match kind {
                    EntryKind::Market => (OrderKind::Market, last),
                    EntryKind::Limit => {
                        let limit = last.better_for(side, -offset);
                        (OrderKind::Limit(limit), limit)
                    }
                    EntryKind::Stop => {
                        let stop = last.better_for(side, offset + 2);
                        (OrderKind::Stop(stop), stop)
                    }
                };
                let bracket = Bracket {
                    stop: reference.better_for(side, -stop_ticks),
                    target: target_ticks.map(|ticks| reference.better_for(side, ticks)),
                };
                Intent::Enter { side, quantity, kind, bracket }
            }
        };
        let strategy = StrategyId(u16::try_from(strategy).ok()?);
        Some(OrderIntent { strategy, symbol, at: self.now, intent, reason: "a simulated wish".to_owned() })
    }
}

//! Orders that are only asked about. In: a what-if order. Out: the open order that shows what it would cost, and nothing
//! placed.

use engine::trade::{Money, PermId};
use engine::venue::{NewOrder, Refusal, Status, VenueOrder, WhatIf};
use rust_decimal::prelude::ToPrimitive;

use crate::broker::Broker;
use crate::broker::clients::ConnId;
use crate::wire::order::Order;
use crate::wire::order_report::{OpenOrder, OrderState};

impl Broker {
    pub(super) fn answer_what_if(&mut self, conn: ConnId, order: NewOrder, sent: Order) -> Result<(), Refusal> {
        let answer = self.player.venue().what_if(&order)?;
        let currency = self.catalog.listing(order.symbol).map(|listing| listing.instrument.currency.clone());
        let view = VenueOrder {
            // A what-if order never gets a permanent id.
            perm_id: PermId(0),
            order,
            status: Status::PreSubmitted,
            filled: 0,
            fill_ticks: 0,
            last_fill: None,
            placed_at: self.now(),
        };
        let order = Order { what_if: Some(true), ..self.wire_order(&view, &sent) };
        let open = OpenOrder {
            order_id: Some(view.order.order_id),
            contract: self.contract_of(view.order.symbol),
            order: Some(order),
            order_state: Some(state(&answer, currency)),
        };
        self.send(conn, open);
        Ok(())
    }
}

/// What placing the order would be answered with.
fn warning(answer: &WhatIf) -> Option<String> {
    let opens = answer.after.initial > answer.before.initial;
    (opens && answer.equity_after < answer.after.initial).then(|| {
        let (equity, needed) = (answer.equity_after, answer.after.initial);
        format!("Equity with Loan Value {equity} does not exceed the new total Initial Margin of {needed}")
    })
}

/// Margin is the same in and outside regular hours.
fn state(answer: &WhatIf, currency: Option<String>) -> OrderState {
    let money = |amount: Money| amount.to_decimal().to_f64();
    let (before, after) = (&answer.before, &answer.after);
    let (initial, maintenance) = (after.initial - before.initial, after.maintenance - before.maintenance);
    let equity = answer.equity_after - answer.equity_before;
    OrderState {
        status: Some(Status::PreSubmitted.name().to_owned()),
        init_margin_before: money(before.initial),
        maint_margin_before: money(before.maintenance),
        equity_with_loan_before: money(answer.equity_before),
        init_margin_change: money(initial),
        maint_margin_change: money(maintenance),
        equity_with_loan_change: money(equity),
        init_margin_after: money(after.initial),
        maint_margin_after: money(after.maintenance),
        equity_with_loan_after: money(answer.equity_after),
        init_margin_before_outside_rth: money(before.initial),
        maint_margin_before_outside_rth: money(before.maintenance),
        equity_with_loan_before_outside_rth: money(answer.equity_before),
        init_margin_change_outside_rth: money(initial),
        maint_margin_change_outside_rth: money(maintenance),
        equity_with_loan_change_outside_rth: money(equity),
        init_margin_after_outside_rth: money(after.initial),
        maint_margin_after_outside_rth: money(after.maintenance),
        equity_with_loan_after_outside_rth: money(answer.equity_after),
        commission_and_fees: money(answer.commission),
        commission_and_fees_currency: currency.clone(),
        margin_currency: currency,
        warning_text: warning(answer),
        ..OrderState::default()
    }
}

//! The venue's reports as a live gateway would send them, in its order. In: reports. Out: open orders, statuses,
//! executions, commissions and errors to the client that owns the order; positions and profit to who subscribed.
//! Absent: what an order looks like on the wire (`order_view`).
//!
//! A complete fill is: execution, open order, status; then open order with commission, status again (real gateways
//! repeat it), commission report. Reports come in batches and the venue shows orders as they are after the whole
//! batch; `engine::venue::told` works out what an order was in between. `interventions::Quirks` are other habits.

use engine::market::SymbolId;
use engine::trade::PermId;
use engine::venue::{Report, Status, VenueExecution, VenueOrder, told};

use crate::broker::Broker;
use crate::broker::clients::ConnId;
use crate::broker::interventions::CommissionHabit;
use crate::script::Event;

const REJECTED: i32 = 201;

/// The message that follows an order which the broker does not take.
fn rejection(order: &VenueOrder, later: &[Report]) -> Option<String> {
    later.iter().find_map(|report| match report {
        Report::Message { client_id, order_id, refusal }
            if (*client_id, *order_id) == (order.order.client_id, order.order.order_id) && refusal.code == REJECTED =>
        {
            Some(refusal.text.clone())
        }
        _ => None,
    })
}

impl Broker {
    pub(super) fn publish(&mut self, reports: &[Report]) {
        self.bind_new(reports);
        let mut traded: Vec<SymbolId> = Vec::new();
        let mut commissions: Vec<&VenueExecution> = Vec::new();
        for (at, report) in reports.iter().enumerate() {
            let later = &reports[at + 1..];
            match report {
                Report::Execution(execution) | Report::Corrected(execution) => {
                    if matches!(report, Report::Execution(_)) {
                        *self.notes.commission.entry(execution.perm_id).or_default() += execution.commission;
                    }
                    self.publish_execution(execution, later);
                    self.happens(Event::Fill, Some(execution.client_id), false);
                    commissions.push(execution);
                    if !traded.contains(&execution.symbol) {
                        traded.push(execution.symbol);
                    }
                }
                Report::Order(perm_id) if told::is_repeated(*perm_id, later) => {}
                Report::Order(perm_id) => {
                    self.publish_order(*perm_id, later);
                    let (due, later) = commissions.into_iter().partition(|fill| fill.perm_id == *perm_id);
                    commissions = later;
                    self.send_commissions(due);
                }
                Report::Message { client_id, order_id, refusal } => {
                    if let Some(conn) = self.conn_of(*client_id).filter(|_| *order_id != 0) {
                        self.refuse(conn, *order_id, refusal);
                    }
                }
            }
        }
        self.send_commissions(commissions);
        if !traded.is_empty() {
            self.update_positions(&traded);
            self.update_accounts(&traded);
        }
    }

    /// Orders from outside the API that are new go to client 0 if it wants them.
    fn bind_new(&mut self, reports: &[Report]) {
        if !self.notes.auto_bind || self.conn_of(0).is_none() {
            return;
        }
        for report in reports {
            if let Report::Order(perm_id) = report {
                self.bind(*perm_id);
            }
        }
    }

    fn publish_execution(&mut self, execution: &VenueExecution, later: &[Report]) {
        if self.quirks.commission == CommissionHabit::BeforeExecution {
            self.send_commission(execution);
        }
        let order = self.player.venue().order(execution.perm_id).filter(|_| self.quirks.filled_before_execution);
        if let Some(order) = order.map(|order| told::before(order, later))
            && let Some(conn) = self.owner(&order)
        {
            self.send_status(conn, &order, order.status);
        }
        self.send_own_execution(execution);
    }

    fn send_commissions(&mut self, executions: Vec<&VenueExecution>) {
        for execution in executions {
            match self.quirks.commission {
                CommissionHabit::AfterStatus => self.send_commission(execution),
                CommissionHabit::Held => self.notes.held_commissions.push(execution.clone()),
                CommissionHabit::BeforeExecution | CommissionHabit::Never => {}
            }
        }
    }

    /// `later`: the reports of the batch that come after this one.
    fn publish_order(&mut self, perm_id: PermId, later: &[Report]) {
        let now = self.now();
        let Some(order) = self.player.venue().order(perm_id) else {
            return;
        };
        let order = told::before(order, later);
        if matches!(order.status, Status::Filled | Status::Cancelled | Status::Inactive) {
            self.notes.ended.entry(perm_id).or_insert(now);
        }
        if let Some(reason) = rejection(&order, later) {
            self.notes.rejected.insert(perm_id, reason);
        }
        let Some(conn) = self.owner(&order) else {
            return;
        };
        match order.status {
            Status::Cancelled => {
                let statuses = told::statuses(&order);
                if self.quirks.pending_cancel && statuses.len() == 1 {
                    self.send_status(conn, &order, Status::PendingCancel);
                }
                for status in statuses {
                    self.send_status(conn, &order, *status);
                }
            }
            Status::Filled => {
                let mut first = self.open_order(&order);
                if let Some(state) = &mut first.order_state {
                    state.commission_and_fees = None;
                }
                self.send_open(conn, first);
                self.send_status(conn, &order, order.status);
                self.send_order(conn, &order);
            }
            _ if self.quirks.partial_fills_untold && order.filled > 0 => {}
            _ => self.send_order(conn, &order),
        }
    }

    /// The open order and its status, as lists and changes show them.
    pub(super) fn send_order(&mut self, conn: ConnId, order: &VenueOrder) {
        let open = self.open_order(order);
        self.send_open(conn, open);
        self.send_status(conn, order, order.status);
    }
}

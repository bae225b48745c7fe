//! What may be asked of the broker, and when. In: requests as they leave. Out: violations.

use super::*;

impl Auditor {
    /// A request leaves the process; everything in the journal's file was shown by [`Auditor::on_record`] before.
    pub fn on_request(&mut self, request: &BrokerRequest, exchange: &Exchange) {
        // Fills that the book cannot know of yet are counted first.
        self.check_executions(exchange);
        match request {
            BrokerRequest::Place(tickets) => tickets.iter().for_each(|ticket| self.on_place(ticket)),
            BrokerRequest::Modify(ticket) => {
                if !self.fold.has_written(ticket) {
                    let text = format!("order {} was changed and the change is not in the journal", ticket.id.0);
                    self.break_rule("written down before it is sent", text);
                }
                self.sent.insert(ticket.id, ticket.clone());
            }
            BrokerRequest::Cancel(_) | BrokerRequest::ComparePositions(_) => {}
            BrokerRequest::TakeInventory(question) => self.asked.push((*question, self.epoch)),
        }
    }

    fn on_place(&mut self, ticket: &OrderTicket) {
        let id = ticket.id.0;
        if !self.fold.has_written(ticket) {
            self.break_rule("written down before it is sent", format!("order {id} is not in the journal"));
        }
        // A reference is made of the id, and of nothing else.
        if self.sent.contains_key(&ticket.id) {
            self.break_rule("no order twice", format!("order {id} was sent before"));
        }
        if ticket.order_id <= self.order_id_max {
            let text = format!("order id {} after {}", ticket.order_id.0, self.order_id_max.0);
            self.break_rule("order ids only rise", text);
        }
        self.order_id_max = self.order_id_max.max(ticket.order_id);
        match ticket.leg {
            Leg::Entry => self.on_entry(ticket),
            Leg::Exit => self.on_exit(ticket),
            Leg::Stop | Leg::Target => {}
            // Not orders of ours.
            Leg::Foreign | Leg::Manual | Leg::Liquidation | Leg::Accepted | Leg::Settlement => {
                self.break_rule("only our own orders are sent", format!("order {id} is {}", ticket.leg.name()));
            }
        }
        self.by_order_id.insert(ticket.order_id.0, ticket.id);
        self.sent.insert(ticket.id, ticket.clone());
    }

    /// An exit was as large as the position in the book when it was decided. Should that be behind the broker's, or the book
    /// have gone on meanwhile, it may be too large when it arrives: the group reduces only what is there already.
    fn on_exit(&mut self, ticket: &OrderTicket) {
        let key = (ticket.strategy, ticket.symbol);
        let known = self.fold.position(key.0, key.1);
        let overtaken = self.held.get(&key).copied().unwrap_or(0) != known || !closes(ticket, known);
        self.exits.insert(ticket.id, Exit { arrived: false, overtaken });
    }

    fn on_entry(&mut self, ticket: &OrderTicket) {
        let id = ticket.id.0;
        // What was decided in the very instant of the news may leave in it.
        if self.unproved.get(&ticket.symbol).is_some_and(|since| *since < self.now) {
            let text =
                format!("entry {id} in symbol {}, whose feed has no tick since it was in doubt", ticket.symbol.0);
            self.break_rule("only a tick proves a feed", text);
        }
        // What was decided before the news that changed everything may leave in the same instant.
        if !self.is_reconciled() && self.trusted_until != Some(self.now) {
            let text = format!("entry {id} before an inventory was taken since the last change of the connection");
            self.break_rule("reconcile first, enter after", text);
        }
    }
}

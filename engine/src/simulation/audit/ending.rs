//! How things must stand when nothing has gone wrong for a while. In: books and venue. Out: violations.

use super::*;
use crate::orders::machine::State;

impl Auditor {
    /// After the last fault and a time to settle.
    pub fn check_settled(&mut self, exchange: &Exchange, books: Option<&Books>) {
        if self.violation.is_some() {
            return;
        }
        let Some(books) = books else {
            return self.break_rule("all actors live", "the books are not there");
        };
        self.violation = self.unsettled(exchange, books);
    }

    /// What is not as it must be in the end.
    pub fn unsettled(&self, exchange: &Exchange, books: &Books) -> Option<Violation> {
        let broken = |rule, text| Some(Violation { rule, text });
        if self.excused {
            return None;
        }
        if books.trading() != Trading::Allowed {
            let text = format!("trading is {:?}, reconciled: {}", books.trading(), self.is_reconciled());
            return broken("trading opens again", text);
        }
        let unknown = self.fold.live.iter().find(|(_, state)| **state == State::Unknown);
        if let Some((id, _)) = unknown {
            return broken("doubt ends", format!("order {} is still unknown", id.0));
        }
        self.wrong_money(exchange, books)
    }

    /// Positions, profit and commissions from the venue's executions, worked out anew.
    fn wrong_money(&self, exchange: &Exchange, books: &Books) -> Option<Violation> {
        for instrument in &self.instruments {
            let (mut quantity, mut cash, mut commission) = (0, Money::ZERO, Money::ZERO);
            for execution in exchange.venue().executions().iter().filter(|e| e.symbol == instrument.id) {
                let signed = i64::from(execution.side.sign()) * i64::from(execution.quantity);
                quantity += signed;
                cash -= instrument.tick_value() * (i64::from(execution.price.0) * signed);
                commission += execution.commission;
            }
            let row = books.portfolio().net_row(instrument.id);
            if (row.quantity, row.realised - row.cost, row.commission) != (quantity, cash, commission) {
                let text = format!(
                    "{}: position, cash, commission by executions {quantity} {cash} {commission}, in the book {} {} {}",
                    instrument.name,
                    row.quantity,
                    row.realised - row.cost,
                    row.commission
                );
                return Some(Violation { rule: "profit is exact", text });
            }
        }
        None
    }

    /// After an orderly stop that closes positions.
    pub fn check_stopped_flat(&mut self, exchange: &Exchange) {
        if self.excused || self.violation.is_some() {
            return;
        }
        // What is not ours stays.
        let foreign = |symbol| self.fold.position(StrategyId::FOREIGN, symbol);
        let held: Vec<_> = exchange.venue().positions().filter(|p| p.quantity != foreign(p.symbol)).collect();
        let open: Vec<_> = exchange.venue().open_orders().map(|order| order.order.order_id).collect();
        if !held.is_empty() || !open.is_empty() {
            self.break_rule("a stop ends flat", format!("{held:?} and the orders {open:?} are left at the broker"));
        }
    }
}

//! The broker's profit of the day beside ours: a difference means that one of the two does not know of a trade, a fee or a
//! price. In: what the broker says. Out: an event when they part and one when they agree again. Absent: what follows; a
//! person decides. Positions are compared by reconciliation, money is only watched.

use super::{Books, Output};
use crate::journal::Severity;
use crate::trade::Money;

impl Books {
    /// `day`: realised and unrealised since the broker's day began, which may begin at another hour than ours: the
    /// tolerance has to allow for that, and for prices that are a moment apart.
    pub(super) fn on_broker_pnl(&mut self, day: Money, out: &mut Vec<Output>) {
        let Some(tolerance) = self.orders_config.broker_pnl_tolerance else { return };
        // Without prices of all positions, or before positions agree, the difference is explained already.
        if !self.agrees() || !self.state.portfolio.is_marked() {
            return;
        }
        let ours = self.state.risk.figures(self.risk.capital, &self.state.portfolio).day;
        let apart = (ours - day).max(day - ours);
        let differs = apart > tolerance;
        if differs == std::mem::replace(&mut self.pnl_differs, differs) {
            return;
        }
        let text = format!("profit of the day: book {ours}, broker {day}, {apart} apart, tolerance {tolerance}");
        out.push(match differs {
            true => Self::system(Severity::Warning, "pnl.differs", text),
            false => Self::system(Severity::Info, "pnl.agrees", text),
        });
    }
}

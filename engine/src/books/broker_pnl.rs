//! The broker's profit of the day beside ours: a difference means that one of the two does not know of a trade, a fee or a
//! price. In: what the broker says. Out: an event when they part and one when they agree again. Absent: what follows; a
//! person decides. Positions are compared by reconciliation, money is only watched.

use serde::{Deserialize, Serialize};

use super::{Books, Output};
use crate::journal::Severity;
use crate::time::Timestamp;
use crate::trade::Money;

/// What the broker said last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BrokerDay {
    told: Option<(Timestamp, Money)>,
    /// It is not ours, and that was told.
    differs: bool,
}

/// The two figures for a person.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BrokerPnl {
    /// Realised and unrealised after commission since our trade date began, what others traded included.
    pub book: Money,
    /// As the broker said it last, and when; `None` before it did.
    pub broker: Option<(Timestamp, Money)>,
    pub tolerance: Money,
    /// They were further apart when they were compared last.
    pub differs: bool,
}

impl Books {
    /// `day`: realised and unrealised since the broker's day began, which may begin at another hour than ours: the
    /// tolerance has to allow for that, and for prices that are a moment apart.
    pub(super) fn on_broker_pnl(&mut self, now: Timestamp, day: Money, out: &mut Vec<Output>) {
        let Some(tolerance) = self.orders_config.broker_pnl_tolerance else { return };
        self.broker_day.told = Some((now, day));
        // Without prices of all positions, or before positions agree, the difference is explained already.
        if !self.agrees() || !self.state.portfolio.is_marked() {
            return;
        }
        let ours = self.state.risk.day_of_all(&self.state.portfolio);
        let apart = (ours - day).max(day - ours);
        // Half of the tolerance: on its border the two would part and meet with every price.
        let allowed = if self.broker_day.differs { Money::from_micros(tolerance.micros() / 2) } else { tolerance };
        let differs = apart > allowed;
        if differs == std::mem::replace(&mut self.broker_day.differs, differs) {
            return;
        }
        let text = format!("profit of the day: book {ours}, broker {day}, {apart} apart, tolerance {tolerance}");
        out.push(match differs {
            true => Self::system(Severity::Warning, "pnl.differs", text),
            false => Self::system(Severity::Info, "pnl.agrees", text),
        });
    }

    /// `None` if they are not compared.
    pub(super) fn broker_pnl(&self) -> Option<BrokerPnl> {
        let tolerance = self.orders_config.broker_pnl_tolerance?;
        let BrokerDay { told: broker, differs } = self.broker_day;
        Some(BrokerPnl { book: self.state.risk.day_of_all(&self.state.portfolio), broker, tolerance, differs })
    }
}

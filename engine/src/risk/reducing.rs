//! Orders that take risk away, and changes of orders that are out. Limits on losses, rates, hours and prices never stand in
//! their way; what is looked at is that they are what they say: no larger than the position, on its other side, at a
//! price that can be one. In: tickets, what is held. Out: breaches. Source: FIA 2024, 1.1 (new and modify), 1.5.

use super::Breach;
use crate::market::Price;
use crate::trade::{Leg, OrderTicket, Side};

pub const RULE: &str = "reducing_order";
pub const CHANGE_RULE: &str = "order_change";

/// What the order's strategy holds in its symbol, and what of the order has filled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Held {
    /// Contracts, negative when short.
    pub position: i64,
    pub filled: u32,
}

impl Held {
    fn is_closed_by(self, side: Side) -> bool {
        Side::of_position(self.position).map(Side::opposite) == Some(side)
    }

    /// A ticket of this size cannot turn the position around.
    fn holds(self, quantity: u32) -> bool {
        u64::from(quantity) <= u64::from(self.filled) + self.position.unsigned_abs()
    }
}

/// A new order without the gate's word for an entry: an exit, or a protective order in another's place.
pub fn check(ticket: &OrderTicket, held: Held) -> Result<(), Breach> {
    check_price(RULE, ticket)?;
    let reduces = matches!(ticket.leg, Leg::Exit | Leg::Stop | Leg::Target) && held.is_closed_by(ticket.side);
    if ticket.quantity == 0 || !reduces || !held.holds(ticket.quantity) {
        let value = format!("{} {} {}", ticket.leg.name(), ticket.side.name(), ticket.quantity);
        return Err(Breach::new(RULE, value, format!("what closes a position of {}", held.position)));
    }
    Ok(())
}

/// The same order with another size or price. Nothing that is out becomes a larger risk than it was let through as.
pub fn check_change(after: &OrderTicket, before: &OrderTicket, held: Held) -> Result<(), Breach> {
    check_price(CHANGE_RULE, after)?;
    let identity = |ticket: &OrderTicket| (ticket.id, ticket.order_id, ticket.strategy, ticket.symbol, ticket.leg);
    if identity(after) != identity(before) || after.side != before.side {
        return Err(Breach::new(CHANGE_RULE, "another order", "the same order"));
    }
    if after.quantity == 0 {
        return Err(Breach::new(CHANGE_RULE, "no contracts", "at least 1"));
    }
    if after.leg == Leg::Entry && after.kind != before.kind {
        return Err(Breach::new(CHANGE_RULE, "an entry at another price", "a new entry"));
    }
    let may_grow = after.leg != Leg::Entry && held.is_closed_by(after.side) && held.holds(after.quantity);
    if after.quantity > before.quantity && !may_grow {
        let limit = format!("{}, or a position of {}", before.quantity, held.position);
        return Err(Breach::new(CHANGE_RULE, format!("{} contracts", after.quantity), limit));
    }
    match (after.leg, after.kind.stop_price(), before.kind.stop_price()) {
        (Leg::Stop, Some(to), Some(from)) if is_looser(after.side, to, from) => {
            Err(Breach::new(CHANGE_RULE, format!("stop {} (ticks)", to.0), format!("no further than {}", from.0)))
        }
        _ => Ok(()),
    }
}

fn is_looser(side: Side, to: Price, from: Price) -> bool {
    i64::from(side.sign()) * (i64::from(to.0) - i64::from(from.0)) > 0
}

fn check_price(rule: &'static str, ticket: &OrderTicket) -> Result<(), Breach> {
    let named = [ticket.kind.limit_price(), ticket.kind.stop_price()];
    match named.into_iter().flatten().find(|price| price.0 <= 0) {
        Some(price) => Err(Breach::new(rule, format!("{} (ticks)", price.0), "more than 0")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::ticket;
    use super::*;
    use crate::trade::OrderKind;

    const LONG: Held = Held { position: 2, filled: 0 };
    const SHORT: Held = Held { position: -2, filled: 0 };
    const FLAT: Held = Held { position: 0, filled: 0 };

    fn exit(side: Side, quantity: u32) -> OrderTicket {
        ticket(Leg::Exit, side, quantity, OrderKind::Market)
    }

    #[test]
    fn an_exit_is_as_large_as_the_position_at_most_and_on_its_other_side() {
        let rule = |order: &OrderTicket, held| check(order, held).err().map(|breach| breach.rule);
        assert_eq!((rule(&exit(Side::Sell, 2), LONG), rule(&exit(Side::Sell, 3), LONG)), (None, Some(RULE)));
        assert_eq!((rule(&exit(Side::Buy, 2), SHORT), rule(&exit(Side::Buy, 3), SHORT)), (None, Some(RULE)));
        assert_eq!(rule(&exit(Side::Buy, 1), LONG), Some(RULE), "it would add");
        assert_eq!(rule(&exit(Side::Sell, 1), FLAT), Some(RULE), "it would open");
        assert_eq!(rule(&exit(Side::Sell, 0), LONG), Some(RULE));
        let entry = ticket(Leg::Entry, Side::Sell, 1, OrderKind::Market);
        assert_eq!(rule(&entry, LONG), Some(RULE), "an entry goes through the whole gate");
        let at = |price| ticket(Leg::Exit, Side::Sell, 1, OrderKind::Limit(Price(price)));
        assert_eq!((rule(&at(1), LONG), rule(&at(0), LONG)), (None, Some(RULE)));
    }

    #[test]
    fn a_change_makes_nothing_larger_than_what_is_held() {
        let stop = |quantity, price| ticket(Leg::Stop, Side::Sell, quantity, OrderKind::Stop(Price(price)));
        let rule = |after: &OrderTicket, before: &OrderTicket, held| {
            check_change(after, before, held).err().map(|breach| breach.rule)
        };
        let before = stop(1, 19_980);
        assert_eq!(
            (rule(&stop(2, 19_980), &before, LONG), rule(&stop(3, 19_980), &before, LONG)),
            (None, Some(CHANGE_RULE))
        );
        let filled = Held { filled: 1, ..LONG };
        assert_eq!(
            (rule(&stop(3, 19_980), &before, filled), rule(&stop(4, 19_980), &before, filled)),
            (None, Some(CHANGE_RULE))
        );
        assert_eq!(rule(&stop(2, 19_980), &before, SHORT), Some(CHANGE_RULE), "it is on the side that adds");
        assert_eq!(rule(&stop(1, 19_980), &stop(3, 19_980), FLAT), None, "smaller is always allowed");
        assert_eq!(rule(&stop(0, 19_980), &before, LONG), Some(CHANGE_RULE));
        assert_eq!(
            (rule(&stop(1, 19_981), &before, LONG), rule(&stop(1, 19_979), &before, LONG)),
            (None, Some(CHANGE_RULE))
        );
        let cover = |price| ticket(Leg::Stop, Side::Buy, 1, OrderKind::Stop(Price(price)));
        assert_eq!(
            (rule(&cover(19_979), &cover(19_980), SHORT), rule(&cover(19_981), &cover(19_980), SHORT)),
            (None, Some(CHANGE_RULE))
        );
    }

    #[test]
    fn a_change_is_of_the_same_order() {
        let before = ticket(Leg::Stop, Side::Sell, 1, OrderKind::Stop(Price(19_980)));
        let others = [
            OrderTicket { id: crate::trade::ClientOrderId(8), ..before.clone() },
            OrderTicket { order_id: crate::trade::BrokerOrderId(8), ..before.clone() },
            OrderTicket { strategy: crate::trade::StrategyId(1), ..before.clone() },
            OrderTicket { symbol: crate::market::SymbolId(1), ..before.clone() },
            OrderTicket { leg: Leg::Exit, ..before.clone() },
        ];
        assert!(check_change(&before.clone(), &before, LONG).is_ok());
        for other in others {
            let rule = check_change(&other, &before, LONG).err().map(|breach| breach.rule);
            assert_eq!(rule, Some(CHANGE_RULE), "{other:?}");
        }
    }

    #[test]
    fn an_entry_may_only_become_smaller() {
        let entry = |quantity, price| ticket(Leg::Entry, Side::Buy, quantity, OrderKind::Limit(Price(price)));
        let rule = |after: &OrderTicket| check_change(after, &entry(2, 19_990), FLAT).err().map(|breach| breach.rule);
        assert_eq!(
            (rule(&entry(1, 19_990)), rule(&entry(2, 19_990)), rule(&entry(3, 19_990))),
            (None, None, Some(CHANGE_RULE))
        );
        assert_eq!(rule(&entry(2, 19_991)), Some(CHANGE_RULE), "another price is another entry");
        let closing = |quantity| ticket(Leg::Entry, Side::Sell, quantity, OrderKind::Limit(Price(19_990)));
        let grown = check_change(&closing(2), &closing(1), LONG).err().map(|breach| breach.rule);
        assert_eq!(grown, Some(CHANGE_RULE), "not even on the side that closes");
        let turned = OrderTicket { side: Side::Sell, ..entry(1, 19_990) };
        assert_eq!(rule(&turned), Some(CHANGE_RULE));
    }
}

//! The one way to orders. In: a candidate and the books' view; orders that close and changes, with what is held. Out:
//! [`Approved`] and [`Cleared`], or the rule that was broken. Nothing else is sent, and nobody else can make one.
//! Fails closed: every rule has a limit or was switched off by name, and what a rule cannot see refuses.

use super::{
    Breach, Candidate, View, active_orders, allow_list, duplicate_order, expiry, exposure, feed, latch, margin,
    order_rate, order_size, portfolio_risk, position, price_collar, price_sanity, reducing, reentries, self_match,
    session, stale_data, trading_state,
};
use crate::config::RiskConfig;
use crate::trade::{Leg, OrderTicket};

/// Proof that the gate let an entry through. Nobody else can make one: the field is private.
#[derive(Debug, PartialEq, Eq)]
pub struct Approved(Candidate);

impl Approved {
    pub fn candidate(&self) -> &Candidate {
        &self.0
    }

    /// The orders that were made of it: its entry first, then its children.
    ///
    /// # Panics
    /// If they are not what was approved.
    pub fn into_orders(self, tickets: Vec<OrderTicket>) -> Cleared {
        let approved = self.0;
        let is_of = |t: &OrderTicket| (t.strategy, t.symbol) == (approved.strategy, approved.symbol);
        let is_right = |(n, t): (usize, &OrderTicket)| match n {
            0 => t.leg == Leg::Entry && t.side == approved.side && t.kind == approved.kind,
            _ => matches!(t.leg, Leg::Stop | Leg::Target) && t.side == approved.side.opposite(),
        };
        let right =
            tickets.iter().enumerate().all(|(n, t)| is_of(t) && t.quantity == approved.quantity && is_right((n, t)));
        assert!(
            right && tickets.len() == approved.tickets() as usize,
            "{tickets:?} are not what was approved: {approved:?}"
        );
        Cleared(tickets)
    }
}

/// Orders that may leave. Nobody else can make one: the field is private.
#[derive(Debug, PartialEq, Eq)]
pub struct Cleared(Vec<OrderTicket>);

impl Cleared {
    pub fn tickets(&self) -> &[OrderTicket] {
        &self.0
    }

    pub fn into_tickets(self) -> Vec<OrderTicket> {
        self.0
    }
}

/// An order that takes risk away: an exit, or a stop in the place of one that is gone.
pub fn check_reducing(ticket: OrderTicket, held: reducing::Held) -> Result<Cleared, Breach> {
    reducing::check(&ticket, held)?;
    Ok(Cleared(vec![ticket]))
}

/// The same order with another size or price.
pub fn check_change(after: OrderTicket, before: &OrderTicket, held: reducing::Held) -> Result<Cleared, Breach> {
    reducing::check_change(&after, before, held)?;
    Ok(Cleared(vec![after]))
}

/// Runs every rule in a fixed order; the first that is broken refuses.
pub fn check(order: Candidate, view: &View<'_>, limits: &RiskConfig) -> Result<Approved, Breach> {
    let (of_order, of_rate) = (&limits.order, &limits.rate);
    latch::check(view)?;
    trading_state::check(view)?;
    allow_list::check(&order, view, of_order)?;
    session::check(view, of_order.close_guard)?;
    expiry::check(view, of_order.days_to_expiry_min)?;
    // Without a fresh price none of the following can be said.
    stale_data::check(view, limits.stale_after)?;
    feed::check(view)?;
    price_sanity::check(&order, view)?;
    price_collar::check(&order, view, of_order.price_collar_ticks_max)?;
    order_size::check(&order, of_order.order_size_max)?;
    order_size::check_protection(&order, view)?;
    order_size::check_bracket(&order, view)?;
    exposure::check_order(&order, view, of_order.order_notional_max)?;
    position::check(&order, view, of_order.max_position_size)?;
    exposure::check_all(&order, view, of_order.gross_exposure_max)?;
    portfolio_risk::check(&order, view, of_order.max_portfolio_risk)?;
    margin::check(&order, view, of_order.margin_use_max)?;
    duplicate_order::check(view, of_order.duplicate_within)?;
    active_orders::check(&order, view, of_order.active_orders_max)?;
    order_rate::check(&order, view, of_rate)?;
    reentries::check(view, of_rate.reentries_max)?;
    self_match::check(&order, view, of_order.self_match)?;
    Ok(Approved(order))
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{broken, buy, calm, limits, sell, ticket};
    use super::*;
    use crate::config::Limit;
    use crate::trade::{OrderKind, Side};

    #[test]
    fn a_calm_market_lets_a_small_order_through_on_either_side() {
        assert_eq!((broken(buy(2), calm()), broken(sell(2), calm())), (None, None));
    }

    #[test]
    fn a_limit_that_is_off_by_name_does_not_refuse() {
        let mut off = limits();
        off.order.order_size_max = Limit::Max(1);
        assert!(check(buy(2), &calm(), &off).is_err());
        off.order.order_size_max = Limit::Off;
        assert!(check(buy(2), &calm(), &off).is_ok());
    }

    #[test]
    fn a_refusal_names_the_number_and_the_limit() {
        let breach = check(buy(3), &calm(), &limits()).expect_err("three are too many");
        assert_eq!((breach.rule, breach.value.as_str(), breach.limit.as_str()), ("order_size", "3", "2"));
    }

    #[test]
    #[should_panic(expected = "are not what was approved")]
    fn orders_that_were_not_approved_are_not_cleared() {
        let approved = check(buy(1), &calm(), &limits()).expect("it is small");
        let larger = ticket(Leg::Entry, Side::Buy, 2, OrderKind::Market);
        approved.into_orders(vec![larger]);
    }
}

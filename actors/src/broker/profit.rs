//! The broker's profit of the day, asked for where it is to be compared with ours. In: a session. Out: news whenever it
//! changes. Absent: the comparison, which is the books'.

use actix::{ActorFutureExt, AsyncContext, Context, StreamHandler, WrapFuture};
use engine::trade::Money;
use engine::wiring::News;
use futures::StreamExt;
use ibapi::accounts::PnL;
use ibapi::subscriptions::SubscriptionItem;
use slog::warn;

use super::Broker;

/// Realised and unrealised.
#[derive(Debug)]
pub(super) struct Profit(Result<PnL, String>);

/// Asks on this connection. A replay's driver knows nothing of what comes by itself, and goes without.
pub(super) fn watch(broker: &mut Broker, ctx: &mut Context<Broker>) {
    if broker.config.orders.broker_pnl_tolerance.is_none() || broker.outlet.shared.clock.is_driven() {
        return;
    }
    let Some(session) = broker.session.as_ref().map(|live| live.session.clone()) else { return };
    let asking = async move { session.profit().await };
    let asking = ctx.spawn(asking.into_actor(broker).map(|asked, broker, ctx| match (asked, &mut broker.session) {
        (Ok(subscription), Some(live)) => {
            let items = subscription.filter_map(|item| {
                std::future::ready(match item {
                    Ok(SubscriptionItem::Data(profit)) => Some(Profit(Ok(profit))),
                    Ok(SubscriptionItem::Notice(_)) => None,
                    Err(reason) => Some(Profit(Err(reason.to_string()))),
                })
            });
            live.handles.push(ctx.add_stream(Box::pin(items)));
        }
        (Ok(_), None) => {}
        (Err(reason), _) => broker.no_profit(&reason.to_string()),
    }));
    if let Some(live) = &mut broker.session {
        live.handles.push(asking);
    }
}

impl Broker {
    fn no_profit(&self, reason: &str) {
        warn!(self.outlet.shared.log, "the broker's profit of the day cannot be had on this connection: {reason}";
            "event" => "broker.no_pnl");
    }
}

/// Before the broker knows it, the day is the largest number there is, or an answer without any number at all.
fn known(profit: &PnL) -> Option<Money> {
    let is_empty = profit.daily_pnl == 0.0 && profit.unrealized_pnl.is_none() && profit.realized_pnl.is_none();
    if is_empty { None } else { Money::from_f64(profit.daily_pnl) }
}

impl StreamHandler<Profit> for Broker {
    fn handle(&mut self, Profit(profit): Profit, _: &mut Context<Self>) {
        match profit {
            Ok(profit) => {
                if let Some(day) = known(&profit) {
                    self.say(News::Profit(day));
                }
            }
            Err(reason) => self.no_profit(&reason),
        }
    }

    /// The connection goes on without it.
    fn finished(&mut self, _: &mut Context<Self>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profit_that_nobody_knows_yet_is_none() {
        let of = |daily_pnl, unrealized_pnl| PnL { daily_pnl, unrealized_pnl, realized_pnl: None };
        assert_eq!(known(&of(-12.345, Some(0.0))), Some(Money::from_micros(-12_345_000)));
        assert_eq!(known(&of(0.0, Some(0.0))), Some(Money::ZERO), "nothing was earned, and that is known");
        assert_eq!(known(&of(12.5, None)), Some(Money::from_micros(12_500_000)));
        for unknown in [of(0.0, None), of(f64::MAX, Some(1.0)), of(f64::NAN, Some(1.0)), of(f64::INFINITY, None)] {
            assert_eq!(known(&unknown), None, "{unknown:?}");
        }
    }
}

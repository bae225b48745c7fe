//! Decisions in words, for the checks of a backtest. Prices are in ticks: who only has the decision has no instrument.

use engine::strategy::Decision;
use engine::trade::{Bracket, Intent, OrderKind};

pub(super) fn of_decision(decision: &Decision) -> String {
    match decision {
        Decision::Enter { side, reason } => format!("enter, {} ({reason})", side.name()),
        Decision::Exit { reason } => format!("exit ({reason})"),
        Decision::Order { side, quantity, kind, tif, reason } => {
            format!("{} {quantity} {} {} ({reason})", side.name(), of_kind(*kind), tif.name())
        }
        Decision::Cancel { reason } => format!("cancel ({reason})"),
    }
}

pub(super) fn of_intent(intent: &Intent) -> String {
    match intent {
        Intent::Enter { side, quantity, kind, bracket } => {
            format!("enter, {} {quantity} {}{}", side.name(), of_kind(*kind), of_bracket(*bracket))
        }
        Intent::Exit => "exit".to_owned(),
        Intent::CancelEntries => "cancel entries".to_owned(),
        Intent::Order { side, quantity, kind, tif, bracket } => {
            let bracket = bracket.map(of_bracket).unwrap_or_default();
            format!("{} {quantity} {} {}{bracket}", side.name(), of_kind(*kind), tif.name())
        }
    }
}

fn of_kind(kind: OrderKind) -> String {
    match kind {
        OrderKind::Market => kind.name().to_owned(),
        OrderKind::Limit(price) | OrderKind::Stop(price) => format!("{} at {} ticks", kind.name(), price.0),
        OrderKind::StopLimit { stop, limit } => format!("{} at {} and {} ticks", kind.name(), stop.0, limit.0),
    }
}

fn of_bracket(bracket: Bracket) -> String {
    let target = bracket.target.map(|target| format!(" and target at {}", target.0)).unwrap_or_default();
    format!(" with its stop at {}{target} ticks", bracket.stop.0)
}

#[cfg(test)]
mod tests {
    use engine::market::Price;
    use engine::trade::{Side, TimeInForce};

    use super::*;

    #[test]
    fn decisions_are_told_in_words() {
        let kind = OrderKind::StopLimit { stop: Price(20_010), limit: Price(20_012) };
        let order = Decision::Order {
            side: Side::Buy,
            quantity: 2,
            kind,
            tif: TimeInForce::GoodTillCancelled,
            reason: "a breakout".to_owned(),
        };
        assert_eq!(of_decision(&order), "buy 2 STP LMT at 20010 and 20012 ticks GTC (a breakout)");
        let bracket = Bracket { stop: Price(19_990), target: Some(Price(20_050)) };
        let enter = Intent::Enter { side: Side::Sell, quantity: 1, kind: OrderKind::Market, bracket };
        assert_eq!(of_intent(&enter), "enter, sell 1 MKT with its stop at 19990 and target at 20050 ticks");
    }
}

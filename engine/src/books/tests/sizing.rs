//! Entries that get their size from the books: how many contracts, what is told, and that the strategy knows.

use super::*;
use crate::market::Quality;
use crate::sizing::{Factor, Method, Part, Size};

/// Limits that are not what these tests are about, and a capital of 100,000.
pub(super) fn wide(config: &mut Config) {
    config.risk.capital = Money::from_micros(100_000_000_000);
    config.risk.order.order_size_max = Limit::Max(100);
    config.risk.order.max_position_size = Limit::Max(100);
    config.risk.order.order_notional_max = Limit::Off;
    config.risk.order.gross_exposure_max = Limit::Off;
    config.risk.order.max_portfolio_risk = Limit::Off;
    config.risk.order.margin_use_max = Limit::Off;
    config.risk.order.duplicate_within = Limit::Off;
    config.risk.loss.daily_loss_max = Limit::Off;
    config.risk.loss.weekly_loss_max = Limit::Off;
    config.risk.loss.max_drawdown = Limit::Off;
    config.risk.loss.consecutive_losses_max = Limit::Off;
    config.risk.rate.orders_per_second_max = Limit::Off;
}

/// A desk whose first strategy has this size and at most `most` contracts.
fn sized(method: Method, most: u32) -> Desk {
    let change = move |config: &mut Config| {
        wide(config);
        config.strategies[0].quantity = most;
        config.strategies[0].size = Some(Size { parts: vec![Part { method, max: Some(most) }] });
    };
    Desk::open_changed(change)
}

fn risk(millionths: u32) -> Method {
    Method::RiskPerTrade { fraction: Factor::from_millionths(millionths) }
}

/// The last refusal's rule and number.
fn refusal(desk: &Desk) -> Option<(&str, &str)> {
    match desk.verdicts().pop()? {
        Verdict::Refused { rule, value, .. } => Some((rule, value)),
        Verdict::Approved { .. } => None,
    }
}

#[test]
fn an_entry_gets_what_its_risk_allows_and_the_strategy_is_told() {
    // 21 ticks from the ask at 20,001 to the stop at 19,980: 262.50 a contract.
    let mut desk = sized(risk(10_000), 50);
    desk.buy(ONE, 50);
    for leg in [Leg::Entry, Leg::Stop, Leg::Target] {
        assert_eq!(desk.ticket(ONE, leg).quantity, 3, "{leg:?} of 1,000 by 262.50");
    }
    assert_eq!(desk.news, [(ONE, strategy::Input::Sized { quantity: 3 })]);
    assert!(desk.events().contains(&"entry.sized"));
    let recorded = desk.journal.iter().find_map(|entry| match &entry.record {
        Record::Signal { intent: OrderIntent { intent: Intent::Enter { quantity, .. }, .. }, .. } => Some(*quantity),
        _ => None,
    });
    assert_eq!(recorded, Some(3), "the record shows what was asked of risk");
}

#[test]
fn what_the_books_earned_counts_as_equity() {
    // 262.50 is 0.2625 % of 100,000.
    let mut desk = sized(risk(2_625), 50);
    desk.buy(ONE, 50);
    let (entry, stop) = (desk.ticket(ONE, Leg::Entry), desk.ticket(ONE, Leg::Stop));
    assert_eq!(entry.quantity, 1);
    desk.fill(&entry, 1, 1, 20_001);
    desk.fill(&stop, 1, 1, 20_000);
    desk.buy(ONE, 50);
    let (rule, value) = refusal(&desk).expect("a tick was lost");
    assert_eq!(rule, "sizing");
    assert!(value.contains("of 99987.50 by 262.50 at the stop is less than one contract"), "{value}");
}

#[test]
fn no_contracts_is_no_order_and_is_recorded() {
    let mut desk = sized(risk(2_624), 50);
    desk.buy(ONE, 50);
    assert!(desk.tickets.is_empty());
    assert_eq!(refusal(&desk).expect("a refusal").0, "sizing");
    assert_eq!(desk.news, [(ONE, strategy::Input::OrderEnded(Leg::Entry))], "the strategy may ask again");
}

#[test]
fn the_strategys_wish_is_the_most_and_risk_has_the_last_word() {
    let mut desk = sized(risk(1_000_000), 50);
    desk.buy(ONE, 7);
    assert_eq!(desk.ticket(ONE, Leg::Entry).quantity, 7);
    let mut desk = sized(risk(1_000_000), 500);
    desk.buy(ONE, 500);
    assert_eq!(refusal(&desk), Some(("order_size", "380")));
    assert!(desk.tickets.is_empty());
}

#[test]
fn a_strategy_with_a_fixed_quantity_is_left_alone() {
    let mut desk = sized(risk(2_624), 50);
    desk.buy(TWO, 2);
    assert_eq!(desk.ticket(TWO, Leg::Entry).quantity, 2);
    assert!(desk.news.is_empty() && !desk.events().contains(&"entry.sized"));
}

#[test]
fn a_limit_entry_is_sized_from_its_limit() {
    let mut desk = sized(risk(10_000), 50);
    let bracket = Bracket { stop: Price(19_980), target: None };
    let kind = OrderKind::Limit(Price(19_990));
    desk.intend(ONE, Intent::Enter { side: Side::Buy, quantity: 50, kind, bracket });
    assert_eq!(desk.ticket(ONE, Leg::Entry).quantity, 8, "1,000 by ten ticks of 12.50");
}

#[test]
fn a_volatility_target_waits_for_its_bars_and_takes_only_its_own() {
    let (period, multiple) = (2, Factor::ONE);
    let mut desk = sized(Method::VolatilityTarget { fraction: Factor::from_millionths(1_000), period, multiple }, 50);
    let bar = |n: i64, length_s: u32, range: i32| Bar {
        symbol: ES,
        open_ts: Timestamp::from_secs(60 * n),
        length_s,
        open: Price(20_000),
        high: Price(20_000 + range),
        low: Price(20_000),
        close: Price(20_000),
        volume: 1,
        trades: 1,
        quality: Quality::Complete,
    };
    desk.buy(ONE, 50);
    assert!(refusal(&desk).expect("no range yet").1.contains("too few bars"));
    for n in 0..3 {
        desk.tell(Input::Bar(bar(n, 300, 1)));
        desk.tell(Input::Bar(bar(n, 60, 4)));
    }
    desk.buy(ONE, 50);
    assert_eq!(desk.ticket(ONE, Leg::Entry).quantity, 2, "100 by 4 ticks of 12.50");
}

#[test]
fn kelly_counts_the_strategys_own_closed_trades() {
    let kelly = crate::sizing::Kelly {
        fraction: Factor::ONE,
        cap: Factor::from_millionths(5_250),
        trades_min: 2,
        contracts_before: 1,
    };
    let mut desk = sized(Method::Kelly(kelly), 50);
    for (n, exit) in [(1, 20_011), (2, 19_996)] {
        desk.buy(ONE, 50);
        let (entry, stop) = (desk.ticket(ONE, Leg::Entry), desk.ticket(ONE, Leg::Stop));
        assert_eq!(entry.quantity, 1, "trade {n} comes before the formula");
        desk.fill(&entry, n, 1, 20_001);
        desk.fill(&stop, n, 1, exit);
    }
    desk.buy(ONE, 50);
    assert_eq!(desk.ticket(ONE, Leg::Entry).quantity, 2, "0.525 % of 100,062.50 by 262.50");
}

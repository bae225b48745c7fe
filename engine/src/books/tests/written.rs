//! The four keys that every configuration begins with, as they are written, and what each of them does.

use super::*;
use crate::config::raw::{ContractSpec, Known, Layer, read};
use crate::link::{self, Link};

fn es() -> [ContractSpec; 1] {
    [ContractSpec {
        root: "ES".into(),
        exchange: "CME".into(),
        currency: "USD".into(),
        tick_size: rust_decimal::Decimal::new(25, 2),
        multiplier: 50.into(),
    }]
}

/// `text` laid over the built-in configuration, with so much room elsewhere that only the key at hand refuses.
fn written(text: &str) -> Config {
    let roomy = "[risk]\norder_size_max = 20\norder_notional_usd_max = 90_000_000\ngross_exposure_usd_max = 90_000_000\n\
                 daily_loss_usd_max = 90_000\nweekly_loss_usd_max = 90_000\nmax_portfolio_risk = 0.9\nmax_drawdown = 0.9\n\
                 max_position_size = 20\nmargin_use_max = 1.0\ncapital_usd = 100_000\n";
    let layers = [Layer::embedded_default(), Layer::new("roomy", roomy), Layer::new("my.toml", text)];
    read(&layers, &[], &Known::registered(&es())).expect("it is written as it should be")
}

fn desk(text: &str) -> Desk {
    let config = written(text);
    let mut desk = Desk::open_changed(|to| *to = config);
    // Margin of several contracts is more than this capital has; another rule's business.
    desk.books.risk.order.margin_use_max = Limit::Off;
    desk
}

fn enter(desk: &mut Desk, quantity: u32, stop: i32) -> Option<String> {
    let bracket = Bracket { stop: Price(stop), target: None };
    desk.intend(ONE, Intent::Enter { side: Side::Buy, quantity, kind: OrderKind::Market, bracket });
    match desk.verdicts().pop().expect("there was an intent") {
        Verdict::Refused { rule, value, .. } if rule == "latched" => value.split(':').next().map(str::to_owned),
        Verdict::Refused { rule, .. } => Some(rule.clone()),
        Verdict::Approved { .. } => None,
    }
}

#[test]
fn max_position_size_5() {
    let text = "[risk]\nmax_position_size = 5\n";
    assert_eq!(enter(&mut desk(text), 5, 19_999), None);
    assert_eq!(enter(&mut desk(text), 6, 19_999).as_deref(), Some("max_position_size"));
}

#[test]
fn max_portfolio_risk_2_percent() {
    let text = "[risk]\nmax_portfolio_risk = 0.02\n";
    // 2 % of 100,000 are 2,000: 160 ticks below the offer.
    assert_eq!(enter(&mut desk(text), 1, 20_001 - 160), None);
    assert_eq!(enter(&mut desk(text), 1, 20_001 - 161).as_deref(), Some("max_portfolio_risk"));
}

#[test]
fn max_drawdown_5_percent() {
    let fallen = |ticks: i32| {
        let mut desk = desk("[risk]\nmax_drawdown = 0.05\n");
        assert_eq!(enter(&mut desk, 1, 15_000), None);
        let entry = desk.ticket(ONE, Leg::Entry);
        desk.fill(&entry, 1, 1, 20_001);
        // Valued at the bid.
        desk.price(20_001 - ticks + 1);
        desk.wait(1_000);
        desk.books.state().latches.iter().map(|latch| latch.rule.clone()).collect::<Vec<_>>()
    };
    assert!(fallen(399).is_empty(), "4,987.50 of 5,000");
    assert_eq!(fallen(400), ["max_drawdown"]);
}

#[test]
fn emergency_liquidate_on_disconnect_true() {
    // A configuration of its own: the built-in one says the same once more, in `[on_disconnect]`.
    let alone = |value: bool| {
        let text = include_str!("../../../../config/default.toml").replace("\npolicy = \"hold\"", "").replace(
            "\nemergency_liquidate_on_disconnect = false",
            &format!("\nemergency_liquidate_on_disconnect = {value}"),
        );
        read(&[Layer::new("my.toml", text)], &[], &Known::registered(&es())).expect("it is written as it should be")
    };
    let after_a_lost_connection = |value: bool| {
        let config = alone(value);
        let mut link = Link::of(&config, link::INVENTORY_WITHIN).without_login();
        let mut out = Vec::new();
        let agrees = || link::Input::Compared(Comparison::Agrees);
        let lost = link::Input::Disconnected { cause: "test".into() };
        for (n, input) in
            [link::Input::Connected, agrees(), lost, link::Input::Connected, agrees()].into_iter().enumerate()
        {
            link.handle(Timestamp::from_secs(1_718_200_800 + n as i64), input, &mut out);
        }
        let mut told = out.into_iter().filter_map(|output| match output {
            link::Output::Trading { trading, .. } => Some(trading),
            _ => None,
        });
        told.next_back()
    };
    assert_eq!(after_a_lost_connection(false), Some(Trading::Allowed));
    assert_eq!(after_a_lost_connection(true), Some(Trading::Liquidating));
    let mut desk = Desk::open_changed(|to| *to = alone(true));
    assert_eq!(enter(&mut desk, 2, 19_980), None);
    let (entry, stop) = (desk.ticket(ONE, Leg::Entry), desk.ticket(ONE, Leg::Stop));
    desk.fill(&entry, 1, 2, 20_001);
    desk.rests(&stop, 2);
    desk.tell(Input::Trading { trading: Trading::Liquidating, cause: "test".into() });
    let exit = desk.ticket(ONE, Leg::Exit);
    assert_eq!((exit.side, exit.quantity), (Side::Sell, 2), "the whole position is closed");
}

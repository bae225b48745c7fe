//! What is simulated: a configuration with short bars and busy strategies. In: a scene. Out: the configuration.
//! Absent: the user's own; a simulation tests the program, not a setting.

use std::path::Path;
use std::time::Duration;

use rust_decimal::Decimal;

use super::plan::Scene;
use crate::backtest::CLIENT_ID;
use crate::config::raw::{self, ContractSpec, Known, Layer, Mistakes};
use crate::config::{Config, Limit, OnDisconnect, ProfitLock, RiskConfig};
use crate::time::Timestamp;
use crate::trade::{Fraction, Money};

/// Ten o'clock in New York on a Wednesday.
pub const START: Timestamp = Timestamp::from_secs(1_718_200_800);
/// Of a contract and side.
pub const COMMISSION: Money = Money::from_micros(2_250_000);
/// Contracts of one symbol that the simulated account may hold at most.
pub const POSITION_MAX: u32 = 8;
const BAR_S: u32 = 5;
const NAMES: [&str; 2] = ["ES", "NQ"];

/// Which symbol a strategy trades.
pub fn symbol_of(scene: &Scene, strategy: u32) -> u16 {
    u16::try_from(strategy % scene.symbols.max(1)).unwrap_or(0)
}

/// # Errors
/// If the built-in default, on which it is laid, is not what this expects.
pub fn config(scene: &Scene, journal: &Path) -> Result<Config, Mistakes> {
    let overlay = overlay(scene);
    let layers = [Layer::embedded_default(), Layer::new("simulation", overlay)];
    let mut config = raw::read(&layers, &[], &Known::registered(&contracts()))?;
    config.gateway = None;
    config.storage.journal_dir = journal.to_path_buf();
    config.risk = if scene.rails { rails() } else { few_rails() };
    config.on_disconnect = OnDisconnect::of_flag(scene.liquidate);
    config.broker.client_id = CLIENT_ID;
    config.orders.emergency_liquidate_on_disconnect = scene.liquidate;
    config.orders.flatten_on_stop = true;
    // A thin market takes a while to close everything.
    config.actors.books.stop_within = Duration::from_secs(60);
    Ok(config)
}

fn few_rails() -> RiskConfig {
    let mut risk = RiskConfig::out_of_reach();
    risk.order.max_position_size = Limit::Max(POSITION_MAX);
    risk.order.order_size_max = Limit::Max(3);
    risk.stale_after = Limit::Max(Duration::from_secs(5));
    risk
}

/// None is switched off. A few losing trades meet those on losses, a busy minute those on orders.
fn rails() -> RiskConfig {
    let dollars = |amount: i64| Money::from_micros(amount * 1_000_000);
    let mut risk = few_rails();
    risk.capital = dollars(1_000_000);
    risk.flatten_on_trip = true;
    let (order, rate, loss) = (&mut risk.order, &mut risk.rate, &mut risk.loss);
    order.order_notional_max = Limit::Max(dollars(1_000_000));
    order.gross_exposure_max = Limit::Max(dollars(2_000_000));
    order.max_portfolio_risk = Limit::Max(Fraction::from_ppm(3_000));
    order.price_collar_ticks_max = Limit::Max(40);
    order.duplicate_within = Limit::Max(Duration::from_millis(250));
    order.active_orders_max = 15;
    order.days_to_expiry_min = Limit::Max(1);
    order.self_match = Limit::Max(());
    rate.orders_per_second_max = Limit::Max(12);
    rate.orders_per_minute_max = Limit::Max(60);
    rate.strategy_orders_per_minute_max = Limit::Max(30);
    rate.symbol_orders_per_minute_max = Limit::Max(50);
    rate.orders_per_day_max = Limit::Max(600);
    rate.strategy_orders_per_second_max = Limit::Max(6);
    rate.symbol_orders_per_second_max = Limit::Max(10);
    rate.strategy_orders_per_day_max = Limit::Max(300);
    rate.symbol_orders_per_day_max = Limit::Max(500);
    rate.reentries_max = Limit::Max(20);
    loss.daily_loss_max = Limit::Max(dollars(4_000));
    loss.weekly_loss_max = Limit::Max(dollars(6_000));
    loss.max_drawdown = Limit::Max(Fraction::from_ppm(5_000));
    loss.trailing_drawdown_max = Limit::Max(dollars(4_500));
    loss.strategy_daily_loss_max = Limit::Max(dollars(2_500));
    loss.strategy_weekly_loss_max = Limit::Max(dollars(3_500));
    loss.strategy_drawdown_max = Limit::Max(dollars(3_000));
    loss.strategy_profit_lock = Some(ProfitLock { from: dollars(2_000), keep: Fraction::from_ppm(500_000) });
    loss.consecutive_losses_max = Limit::Max(6);
    loss.profit_lock = Some(ProfitLock { from: dollars(3_000), keep: Fraction::from_ppm(500_000) });
    risk
}

fn overlay(scene: &Scene) -> String {
    let symbols = usize::try_from(scene.symbols).unwrap_or(1).clamp(1, NAMES.len());
    let instruments: String = NAMES[..symbols]
        .iter()
        .map(|name| format!("[[instruments]]\nname = \"{name}\"\nroot = \"{name}\"\n"))
        .collect();
    let one = |n: u32| {
        let name = NAMES[usize::from(symbol_of(scene, n))];
        let (stop, period) = (10 + 3 * n, 3 + n);
        let target = if n.is_multiple_of(2) { format!("target_ticks = {}\n", 8 + n) } else { String::new() };
        format!(
            "[[strategies]]\nname = \"s{n}\"\nkind = \"donchian\"\nsymbol = \"{name}\"\nquantity = {}\n\
             stop_ticks = {stop}\n{target}[strategies.params]\nperiod = {period}\n",
            scene.quantity
        )
    };
    let strategies: String = (0..scene.strategies).map(one).collect();
    format!(
        "{instruments}[bars]\nlengths_s = [{BAR_S}]\nclose_grace_ms = 700\n{strategies}[risk]\norder_size_max = 3\n"
    )
}

fn contracts() -> Vec<ContractSpec> {
    let spec = |root: &str, multiplier: i64| ContractSpec {
        root: root.to_owned(),
        exchange: "CME".to_owned(),
        currency: "USD".to_owned(),
        tick_size: Decimal::new(25, 2),
        multiplier: multiplier.into(),
    };
    vec![spec("ES", 50), spec("NQ", 20)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scene_is_a_valid_configuration() {
        for (strategies, symbols) in [(1, 1), (4, 2), (3, 1)] {
            let scene = Scene { liquidate: true, strategies, symbols, quantity: 3, thin: false, rails: strategies > 1 };
            let config = config(&scene, Path::new("unused")).expect("no mistakes");
            assert_eq!((config.strategies.len(), config.instruments.len()), (strategies as usize, symbols as usize));
            assert!(config.orders.emergency_liquidate_on_disconnect);
            assert_eq!(config.risk.switched_off().is_empty(), scene.rails, "{:?}", config.risk.switched_off());
        }
    }
}

//! The way from a trade to an order, walked without a market and without a broker: whoever wants its code in the
//! processor's caches when a real trade comes walks it while nothing happens.
//! In: a configuration. Out: a backtest over an invented market whose every trade closes a bar and turns a position
//! around. Absent: anything shared with the real system; nothing that happens here can reach it.

use crate::backtest::Backtest;
use crate::config::{Config, RiskConfig, StrategyConfig};
use crate::journal::Record;
use crate::market::{FeedEvent, MarketEvent, Price, SymbolId, Trade};
use crate::time::Timestamp;
use crate::trade::{Money, StrategyId};

/// An endless market in one symbol.
pub type Market = Box<dyn Iterator<Item = FeedEvent> + Send>;

/// Tuesday, 17:00 in Chicago: a session's open.
const START: Timestamp = Timestamp::from_secs(1_718_143_200);
const PRICE: i32 = 20_000;
/// Closes lie so far from it on either side, in ticks: far less than the stop's distance.
const SWING: i32 = 2;
const STOP_TICKS: u32 = 400;
/// No refusal for want of money.
const CASH: Money = Money::from_micros(1_000_000_000_000_000);

/// A backtest of `config`'s first instrument, not yet connected: each configured strategy looks on, and one that turns
/// its position around with every bar makes the orders. `journal` is given the records. `None` without an instrument.
pub fn rehearsal<J>(config: &Config, journal: J) -> Option<Backtest<Market, J>>
where
    J: FnMut(Timestamp, Record),
{
    let config = invented(config)?;
    let bar_s = i64::from(config.strategies[0].bar_s);
    let market = (0..).map(move |n: i64| {
        let price = Price(if n % 2 == 0 { PRICE + SWING } else { PRICE - SWING });
        let ts = Timestamp::from_secs(START.secs() + n * bar_s);
        FeedEvent { symbol: SymbolId(0), event: MarketEvent::Trade(Trade { ts, price, size: 1 }) }
    });
    Some(Backtest::new(&config, Box::new(market), START, CASH, Money::ZERO, journal))
}

fn invented(config: &Config) -> Option<Config> {
    let mut config = config.clone();
    config.instruments.truncate(1);
    config.instruments.first()?;
    let model = config.strategies.first()?;
    let params = toml::Table::from_iter([("fast".to_owned(), 1.into()), ("slow".to_owned(), 2.into())]);
    let turns_around = StrategyConfig {
        name: "rehearsal".to_owned(),
        kind: "ma_crossover".to_owned(),
        quantity: 1,
        stop_ticks: Some(STOP_TICKS),
        size: None,
        target_ticks: Some(STOP_TICKS),
        params,
        ..model.clone()
    };
    config.strategies.insert(0, turns_around);
    for (n, strategy) in config.strategies.iter_mut().enumerate() {
        (strategy.id, strategy.symbol) = (StrategyId(u16::try_from(n).ok()?), SymbolId(0));
    }
    // Checked as ever, against limits that nothing here reaches.
    config.risk = RiskConfig::out_of_reach();
    // No time of the day keeps it from entering.
    config.expected_outages.clear();
    Some(config)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::config::raw::{Known, Layer, read};

    #[test]
    fn every_bar_leads_to_orders_until_the_session_ends() {
        let config = read(&[Layer::embedded_default()], &[], &Known::registered(&[])).expect("the default is valid");
        let placed = Cell::new(0);
        let journal = |_: Timestamp, record: Record| {
            if matches!(record, Record::OrderPlaced(_)) {
                placed.set(placed.get() + 1);
            }
        };
        let mut rehearsal = rehearsal(&config, journal).expect("the default has instruments");
        rehearsal.connect();
        for _ in 0..4 {
            rehearsal.step();
        }
        let mut before = placed.get();
        // Until the close at 16:00 a day later, beyond which orders wait.
        for n in 0..680 {
            assert!(rehearsal.step() && rehearsal.step(), "the market has no end");
            assert!(placed.get() > before, "no order at step {n}");
            before = placed.get();
        }
    }
}

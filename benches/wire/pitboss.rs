//! Program B: the whole system as `pitboss run` builds it, with bars, one strategy, risk, books, journal and database.
//! In: an address. Out: how many trades reached it. Log events go to a file, as in production.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actors::clock::Clock;
use actors::system::{Setup, System};
use engine::config::Config;
use engine::config::raw::{self, Known, Layer};
use engine::market::Quality;
use slog::Logger;

use super::bare::Seen;
use super::market::START;
use super::until::{DEADLINE, Until};

/// The default configuration with one strategy that trades on every bar whose close changes, and limits that nothing
/// here reaches; `dir` holds journal, database and log.
pub fn config(dir: &Path) -> Config {
    let dir = dir.display();
    let text = format!(
        r#"
        [risk]
        orders_per_second_max = 1_000
        strategy_orders_per_second_max = 1_000
        symbol_orders_per_second_max = 1_000
        orders_per_minute_max = 60_000
        strategy_orders_per_minute_max = 60_000
        symbol_orders_per_minute_max = 60_000
        reentries_max = 1_000
        daily_loss_usd_max = 1_000_000_000

        [bars]
        lengths_s = [1]

        [[strategies]]
        name = "bench"
        kind = "ma_crossover"
        symbol = "ES"
        quantity = 1
        stop_ticks = 400
        [strategies.params]
        fast = 1
        slow = 2

        [storage]
        database_url = "sqlite:{dir}/pitboss.db"
        journal_dir = "{dir}/journal"

        [log]
        terminal_level = "critical"
        file = "{dir}/pitboss.json"
        "#
    );
    let layers = [Layer::embedded_default(), Layer::new("bench", text)];
    raw::read(&layers, &[], &Known::registered(&[])).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// Runs a session from start to stop.
pub fn run(address: SocketAddr, mut config: Config, log: &Logger, until: &Until) -> Seen {
    config.broker.address = address;
    // It runs with the wall while stamps run ahead, so that no timer closes a bar.
    let clock = Clock::scaled(START, 1.0);
    let setup = Setup { find_partner: Some(gateway::spar), ..Setup::simulated(config, clock, log.clone()) };
    actix::System::new().block_on(async {
        let system = System::start(setup).await.expect("a system on empty folders");
        let arrive = tokio::time::timeout(DEADLINE, all_trades(&system, until.trades)).await;
        arrive.expect("every trade arrives");
        until.last_order_is_read().await;
        let tally = &system.shared().tally;
        let gaps = tally.bars().iter().filter(|(quality, _)| *quality == Quality::Gap).map(|(_, n)| n).sum();
        let seen = Seen { trades: tally.trades.load(Ordering::Relaxed), lags: gaps };
        assert!(system.wind_down("the bench is over").await.is_some(), "the books answer");
        let stopped = system.stop("the bench is over").await;
        assert!(stopped.stuck.is_empty(), "every actor stops: {stopped:?}");
        assert!(stopped.health.iter().all(|actor| actor.restarts == 0), "no actor fails: {stopped:?}");
        seen
    })
}

async fn all_trades(system: &System, expected: u64) {
    // As often as `pitboss run` looks at itself.
    const LOOK_EVERY: Duration = Duration::from_millis(20);
    while system.shared().tally.trades.load(Ordering::Relaxed) < expected || !system.is_quiet() {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

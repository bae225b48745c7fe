//! What a scenario is played on: a folder, a gateway in this process, the full program in a process of its own.
//! In: a scenario. Out: all three, running. They end with the value that holds them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actors::clock::Clock;
use engine::config::MarketSource;
use engine::time::Timestamp;
use engine::trade::Money;
use gateway::{Gateway, Limits, Pacing, Rehearsal, Script};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use toml::Table;

use super::file::{Begins, Limit, Scenario};
use crate::cli::market::Market;

/// Messages that the gateway keeps between two looks, market data among them.
const TRANSCRIPT_ENTRIES: usize = 400_000;
/// How often the end of the program is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Times are short, so that a scenario is: what takes seconds in life takes tenths here. Pitboss's deadlines are on the
/// wall at any speed.
const CONFIG: &str = r#"
[instance]
name = "scene"
[broker]
client_id = 1
connect_timeout_ms = 1_500
request_timeout_ms = 3_000
heartbeat_every_ms = 500
heartbeat_misses_max = 3
reconnect_delay_min_ms = 50
reconnect_delay_max_ms = 400
[[instruments]]
name = "ES"
[bars]
lengths_s = [5]
[[strategies]]
name = "cross"
kind = "ma_crossover"
symbol = "ES"
bar_s = 5
quantity = 1
stop_ticks = 12
target_ticks = 12
params = { fast = 1, slow = 3 }
[[strategies]]
name = "turn"
kind = "rsi_reversion"
symbol = "ES"
bar_s = 5
quantity = 1
stop_ticks = 10
target_ticks = 8
params = { period = 3, low = 40, high = 60 }
[[strategies]]
name = "channel"
kind = "donchian"
symbol = "ES"
bar_s = 5
quantity = 1
stop_ticks = 16
params = { period = 4 }
[risk]
order_size_max = 2
max_position_size = 20
orders_per_second_max = 30
daily_loss_usd_max = 900_000
stale_after_ms = 30_000
capital_usd = 100_000_000
max_portfolio_risk = 0.9
active_orders_max = 20
disabled = [
    "order_notional_max", "gross_exposure_max", "weekly_loss_max", "max_drawdown", "orders_per_minute_max",
    "orders_per_day_max", "strategy_orders_per_minute_max", "symbol_orders_per_minute_max", "reentries_max",
    "consecutive_losses_max", "self_match", "days_to_expiry", "outside_session", "strategy_orders_per_second_max",
    "strategy_orders_per_day_max", "symbol_orders_per_second_max", "symbol_orders_per_day_max",
]
[orders]
answer_within_ms = 2_000
compare_every_s = 3
flatten_on_stop = false
emergency_liquidate_on_disconnect = false
[actors.broker]
stop_within_ms = 30_000
hang_after_ms = 30_000
[actors.bars]
stop_within_ms = 30_000
hang_after_ms = 30_000
[actors.strategy]
stop_within_ms = 30_000
hang_after_ms = 30_000
[actors.books]
stop_within_ms = 30_000
hang_after_ms = 30_000
[actors.storage]
thread = "storage"
stop_within_ms = 30_000
hang_after_ms = 30_000
[log]
terminal_level = "info"
file_level = "info"
"#;

pub struct Stage {
    folder: TempDir,
    gateway: Option<Gateway>,
    clock: Clock,
    program: Child,
    speed: f64,
    paced: bool,
}

impl Stage {
    pub fn set(scenario: &Scenario) -> Result<Stage, String> {
        let folder = tempfile::Builder::new().prefix("pitboss-scenario-").tempdir();
        let folder = folder.map_err(|reason| format!("cannot make a temporary folder: {reason}"))?;
        let (gateway, clock) = gateway(scenario)?;
        let address = gateway.local_addr().to_string();
        let config = config(scenario, &address)?;
        let (speed, paced) = (scenario.market.speed, !scenario.market.limits.is_empty());
        let program = write(folder.path(), &config).and_then(|()| program(folder.path(), speed, paced));
        let program = program.map_err(|reason| format!("{}: {reason}", folder.path().display()))?;
        Ok(Stage { folder, gateway: Some(gateway), clock, program, speed, paced })
    }

    /// Market time by the clock that the gateway follows; what it has played is behind when the machine is busy.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// SIGKILL, which nothing can catch.
    pub fn kill(&mut self) -> Result<(), String> {
        let killed = self.program.kill().and_then(|()| self.program.wait().map(drop));
        killed.map_err(|reason| format!("cannot kill the program: {reason}"))
    }

    /// Starts the program again, in the same folder.
    pub fn start_again(&mut self) -> Result<(), String> {
        let started = program(self.folder.path(), self.speed, self.paced);
        self.program = started.map_err(|reason| format!("cannot start the program again: {reason}"))?;
        Ok(())
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn gateway(&self) -> &Gateway {
        self.gateway.as_ref().expect("taken only when dropped")
    }

    pub fn ended(&mut self) -> Result<Option<ExitStatus>, String> {
        self.program.try_wait().map_err(|reason| format!("cannot wait for the program: {reason}"))
    }

    /// Asks the program to stop in order, and waits for its end.
    pub fn stop(&mut self, within: Duration) -> Result<Option<ExitStatus>, String> {
        let raw = i32::try_from(self.program.id()).ok().and_then(Pid::from_raw);
        let pid = raw.ok_or_else(|| format!("{} is no process id", self.program.id()))?;
        kill_process(pid, Signal::TERM).map_err(|reason| format!("cannot stop the program: {reason}"))?;
        let deadline = Instant::now() + within;
        while Instant::now() < deadline {
            if let Some(status) = self.ended()? {
                return Ok(Some(status));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(None)
    }

    /// Leaves the folder for whoever wants to look into it.
    pub fn keep(&mut self) -> PathBuf {
        self.folder.disable_cleanup(true);
        self.folder.path().to_path_buf()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // After an orderly end both only say that it is gone.
        let gone = self.program.kill().and_then(|()| self.program.wait().map(drop));
        if let Err(reason) = gone {
            eprintln!("the program could not be ended: {reason}");
        }
        if let Some(gateway) = self.gateway.take() {
            gateway.stop();
        }
    }
}

fn gateway(scenario: &Scenario) -> Result<(Gateway, Clock), String> {
    let market = &scenario.market;
    let start = chrono::DateTime::parse_from_rfc3339(&market.start);
    let start: Timestamp =
        start.map_err(|reason| format!("market.start {:?}: {reason}", market.start))?.to_utc().into();
    let instrument = crate::cli::gateway::es().map_err(|failure| failure.text)?;
    let source = MarketSource::Synthetic { seed: market.seed, start };
    let opened = Market::open(&source, &[instrument], &feeds::Select::All).map_err(|failure| failure.text)?;
    let clock = Clock::scaled(opened.start, market.speed);
    let played_by = clock.clone();
    let options = gateway::Options {
        listen: ([127, 0, 0, 1], 0).into(),
        instruments: opened.instruments,
        source: opened.events,
        pace: Pacing::Clock(Arc::new(move || played_by.now())),
        history: gateway::History { earlier: opened.earlier, ..gateway::History::default() },
        account: "DU1234567".to_owned(),
        cash: Money::from_micros(market.cash.saturating_mul(1_000_000)),
        commission: Money::from_micros(2_250_000),
        // Pitboss follows the time that the gateway tells, which stands still while a market waits.
        wait_for_client: false,
        clients_max: gateway::CLIENTS_MAX,
        log: slog::Logger::root(slog::Discard, slog::o!()),
    };
    let has = |limit| market.limits.contains(&limit);
    let rehearsal = Rehearsal {
        script: if scenario.begins == Begins::WithTheGateway { scenario.script.clone() } else { Script::default() },
        seed: market.seed,
        limits: Limits {
            messages: has(Limit::Messages),
            ticks: has(Limit::Ticks),
            history: has(Limit::History),
            clock: has(Limit::Clock),
        },
        transcript_entries: TRANSCRIPT_ENTRIES,
        control: None,
    };
    let gateway = gateway::start_rehearsal(options, rehearsal);
    Ok((gateway.map_err(|reason| format!("simulated gateway: {reason}"))?, clock))
}

fn config(scenario: &Scenario, address: &str) -> Result<String, String> {
    let mut config: Table =
        toml::from_str(CONFIG).map_err(|reason| format!("the scenarios' configuration: {reason}"))?;
    lay_over(&mut config, &scenario.config);
    let broker = config.get_mut("broker").and_then(toml::Value::as_table_mut);
    let broker = broker.ok_or("config.broker: expected a table")?;
    broker.insert("address".to_owned(), address.into());
    toml::to_string(&config).map_err(|reason| reason.to_string())
}

/// Tables are joined, everything else is replaced.
fn lay_over(config: &mut Table, over: &Table) {
    for (key, value) in over {
        match (config.get_mut(key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => lay_over(below, above),
            _ => {
                config.insert(key.clone(), value.clone());
            }
        }
    }
}

fn write(folder: &Path, config: &str) -> std::io::Result<()> {
    fs::write(folder.join("pitboss.toml"), config)
}

fn program(folder: &Path, speed: f64, paced: bool) -> std::io::Result<Child> {
    let out = File::options().append(true).create(true).open(folder.join("pitboss.out"))?;
    let mut command = Command::new(std::env::current_exe()?);
    // Settings of whoever plays this are not the scenario's.
    for (key, _) in std::env::vars_os().filter(|(key, _)| key.to_string_lossy().starts_with("PITBOSS__")) {
        command.env_remove(key);
    }
    let command = command.current_dir(folder).args(["run", "--config", "pitboss.toml", "--speed", &speed.to_string()]);
    let command = if paced { command.arg("--paced") } else { command };
    command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out).spawn()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenarios_configuration_is_laid_over_the_common_one() {
        let text = "about = \"a\"\nrows = [\"r\"]\nlasts_s = 5\n[config.orders]\nflatten_on_stop = true\n";
        let scenario = Scenario::read("here", text).expect("nothing is wrong with it");
        let config: Table = toml::from_str(&config(&scenario, "127.0.0.1:1").expect("a configuration")).expect("TOML");
        assert_eq!(config["orders"]["flatten_on_stop"].as_bool(), Some(true));
        assert_eq!(config["orders"]["answer_within_ms"].as_integer(), Some(2_000));
        assert_eq!(config["broker"]["address"].as_str(), Some("127.0.0.1:1"));
    }
}

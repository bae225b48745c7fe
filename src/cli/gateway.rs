//! `pitboss gateway`: the simulated IB Gateway alone, for any IB client.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use actors::clock::Clock;
use clap::Args;
use engine::config::{MarketSource, Pace};
use engine::market::{Instrument, SymbolId};
use engine::time::Timestamp;
use engine::trade::Money;
use gateway::Pacing;
use rust_decimal::Decimal;

use super::faults::FaultArgs;
use super::market::{Market, parse_speed, selection};
use super::session::Signals;
use super::{Failure, Outcome, setup};

#[derive(Args)]
pub struct GatewayArgs {
    /// Where to listen; port 0 takes a free one and prints it.
    #[arg(long, default_value = "127.0.0.1:4002", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Recorded ticks to play (see `pitboss replay`); without it a synthetic ES market.
    #[arg(long, num_args = 1.., value_name = "FILE")]
    data: Vec<PathBuf>,
    /// Recorded ticks of the days before, for requests about the past; without it a synthetic market has its last
    /// session, and recorded ticks have none.
    #[arg(long, num_args = 1.., value_name = "FILE")]
    history: Vec<PathBuf>,
    /// Play one contract only, by name or expiry.
    #[arg(long, value_name = "NAME")]
    contract: Option<String>,
    /// Market seconds per second; `max` plays one step for each clock request of the first client with ticks.
    #[arg(long, default_value = "1", value_parser = parse_speed)]
    speed: Pace,
    /// Seed of the synthetic market.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// First instant of the synthetic market, RFC 3339.
    #[arg(long, default_value = "2024-06-12T13:25:00Z", value_parser = parse_instant)]
    start: Timestamp,
    #[arg(long, default_value = "DU1234567")]
    account: String,
    /// Cash of the account, in US dollars.
    #[arg(long, default_value = "100000")]
    cash: Decimal,
    /// Commission per contract and side, in US dollars.
    #[arg(long, default_value = "2.25")]
    commission: Decimal,
    /// Connections at once; TWS serves 32.
    #[arg(long, default_value_t = gateway::CLIENTS_MAX, value_name = "NUMBER")]
    clients_max: usize,
    #[command(flatten)]
    faults: FaultArgs,
}

pub(super) fn parse_instant(text: &str) -> Result<Timestamp, String> {
    chrono::DateTime::parse_from_rfc3339(text)
        .map(|at| at.to_utc().into())
        .map_err(|reason| format!("{text:?} is not an instant like 2024-06-12T13:25:00Z: {reason}"))
}

pub fn run(args: &GatewayArgs) -> Outcome {
    if args.faults.list() {
        return Ok(());
    }
    let (rehearsal, drawn) = args.faults.rehearsal(args.seed)?;
    let mut log_config = setup::config(&super::ConfigArg::default())?;
    log_config.log.file = None;
    let (log, guard) = setup::logging(&log_config)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::work)?;
    // Whoever has read the address may end this at once.
    let mut signals = runtime.block_on(async { Signals::listen() });
    let market = open(args)?;
    let clock = match args.speed {
        Pace::Speed(speed) => Clock::scaled(market.start, speed),
        Pace::Max => Clock::driven(market.start),
    };
    let pace = match args.speed {
        Pace::Speed(_) => Pacing::Clock(Arc::new(move || clock.now())),
        Pace::Max => Pacing::Answered,
    };
    let options = gateway::Options {
        listen: args.listen,
        instruments: market.instruments,
        source: market.events,
        pace,
        history: gateway::History { earlier: market.earlier, ..gateway::History::default() },
        account: args.account.clone(),
        cash: money("cash", args.cash)?,
        commission: money("commission", args.commission)?,
        wait_for_client: true,
        clients_max: args.clients_max,
        log,
    };
    let gateway = gateway::start_rehearsal(options, rehearsal).map_err(Failure::usage)?;
    // Each life has its own ids of executions, as each has at Interactive Brokers: clients tell repetitions by them.
    let run = u32::try_from(chrono::Utc::now().timestamp().rem_euclid(i64::from(u32::MAX)))
        .expect("it is less than u32::MAX");
    gateway.intervene(move |broker| {
        broker.set_run(run);
        broker.wait_with_clock();
    });
    // With a drawn script standard output is that script, and whatever else is said there is a comment in it. It comes
    // after the address, for which programs wait.
    let comment = if drawn.is_some() { "# " } else { "" };
    println!("{comment}listening on {}", gateway.local_addr());
    if let Some(control) = gateway.control_addr() {
        println!("{comment}control channel on http://{control}");
    }
    if let Some(script) = drawn {
        println!("{script}");
    }
    runtime.block_on(signals.received());
    let stats = gateway.stats();
    println!(
        "{comment}{} ticks sent, {} orders, {} frames in, {} frames out",
        stats.ticks_sent, stats.orders, stats.frames_in, stats.frames_out
    );
    gateway.stop();
    drop(guard);
    market.broken.take().map_or(Ok(()), |error| Err(Failure::work(format!("the data ended early: {error}"))))
}

fn open(args: &GatewayArgs) -> Result<Market, Failure> {
    let mut market = if args.data.is_empty() {
        let source = MarketSource::Synthetic { seed: args.seed, start: args.start };
        Market::open(&source, &[es()?], &feeds::Select::All)?
    } else {
        Market::files(&args.data, &[], &selection(args.contract.as_deref(), false))?
    };
    if !args.history.is_empty() {
        market.remember(&args.history)?;
    }
    Ok(market)
}

pub(crate) fn es() -> Result<Instrument, Failure> {
    let spec = feeds::specs::spec("ES").map_err(Failure::work)?;
    Ok(Instrument {
        id: SymbolId(0),
        name: "ES".to_owned(),
        root: "ES".to_owned(),
        expiry: None,
        exchange: spec.exchange.clone(),
        currency: spec.currency.clone(),
        tick_size: spec.tick_size,
        multiplier: spec.multiplier,
    })
}

fn money(what: &str, amount: Decimal) -> Result<Money, Failure> {
    Money::from_decimal(amount).ok_or_else(|| Failure::usage(format!("--{what} {amount} has more than six decimals")))
}

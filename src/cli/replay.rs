//! `pitboss replay`: recorded ticks through the whole supervised system.

use std::path::PathBuf;

use clap::Args;
use engine::config::Pace;
use engine::journal::Mode;

use super::market::{Asked, Market, parse_speed, selection};
use super::session::{self, Plan};
use super::{ConfigArg, Outcome, setup};

#[derive(Args)]
pub struct ReplayArgs {
    /// Databento DBN (trades, mbp-1, mbo; plain or zstd) or LEAN zip-CSV (ticks, minute bars).
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    config: ConfigArg,
    /// Market seconds per second, or `max`: as fast as the system answers, and the same every time.
    #[arg(long, default_value = "max", value_parser = parse_speed)]
    speed: Pace,
    /// Play one contract only, by name (ESH24) or expiry (202403).
    #[arg(long, value_name = "NAME")]
    contract: Option<String>,
    /// Play the contract with the largest volume only.
    #[arg(long, conflicts_with = "contract")]
    most_traded: bool,
    /// Print the session report as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &ReplayArgs) -> Outcome {
    let mut config = setup::config(&args.config)?;
    let select = selection(args.contract.as_deref(), args.most_traded);
    let mut market = Market::files(&args.files, &[], &select)?;
    let contract = args.contract.is_some() || args.most_traded;
    market.adopted_by(&mut config, Asked { contract, configured: args.config.is_given() })?;
    session::run(Plan {
        config,
        mode: Mode::Replay,
        market: Some(market),
        pace: Some(args.speed),
        paced: false,
        json: args.json,
    })
}

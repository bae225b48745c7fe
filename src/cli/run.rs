//! `pitboss run`: trade on a configuration.

use clap::Args;
use engine::config::Pace;
use engine::journal::Mode;
use feeds::Select;

use super::market::{Market, parse_speed};
use super::session::{self, Plan};
use super::{ConfigArg, Outcome, setup};

#[derive(Args, Default)]
pub struct RunArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// Market seconds per second of the simulated gateway, or `max`. By default the configuration's; without a [gateway]
    /// section, the speed of the `pitboss gateway` in another process that this one is to follow.
    #[arg(long, value_parser = parse_speed)]
    speed: Option<Pace>,
    /// Print the session report as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &RunArgs) -> Outcome {
    let mut config = setup::config(&args.config)?;
    let mut pace = args.speed;
    let mut market = None;
    if let Some(gateway) = &config.gateway {
        pace = Some(args.speed.unwrap_or(gateway.pace));
        let opened = Market::open(&gateway.market, &config.instruments, &Select::All)?;
        if opened.instruments != config.instruments {
            super::market::retarget(&mut config, opened.instruments.clone());
        }
        market = Some(opened);
    }
    session::run(Plan { config, mode: Mode::Run, market, pace, json: args.json })
}

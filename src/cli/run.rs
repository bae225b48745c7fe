//! `pitboss run`: trade on a configuration.

use clap::Args;
use engine::config::{Config, Pace};
use engine::journal::Mode;
use engine::market::SymbolId;
use feeds::Select;

use super::market::{Asked, Market, parse_speed};
use super::session::{self, Plan};
use super::{ConfigArg, Failure, Outcome, setup};

#[derive(Args, Default)]
pub struct RunArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// Market seconds per second of the simulated gateway, or `max`. By default the configuration's; without a [gateway]
    /// section, the speed of the `pitboss gateway` in another process that this one is to follow.
    #[arg(long, value_parser = parse_speed)]
    speed: Option<Pace>,
    /// With --speed: keep to Interactive Brokers' limits all the same (messages a second, requests for ticks), which a
    /// simulated gateway does not have unless it was started with --limits.
    #[arg(long, requires = "speed")]
    paced: bool,
    /// A net position of the account that the book cannot explain and that you have seen at the broker, as NAME=CONTRACTS,
    /// negative when short: `--accept ES=2`. The difference is taken over once, if the broker says exactly that.
    #[arg(long, value_name = "NAME=CONTRACTS", allow_hyphen_values = true)]
    accept: Vec<String>,
    /// Print the session report as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &RunArgs) -> Outcome {
    let mut config = setup::config(&args.config)?;
    for text in &args.accept {
        let (symbol, contracts) = accepted(text, &config)?;
        config.protection.accepted.insert(symbol, contracts);
    }
    let mut pace = args.speed;
    let mut market = None;
    if let Some(gateway) = &config.gateway {
        pace = Some(args.speed.unwrap_or(gateway.pace));
        let mut opened = Market::open(&gateway.market, &config.instruments, &Select::All)?;
        opened.adopted_by(&mut config, Asked { contract: false, configured: args.config.is_given() })?;
        market = Some(opened);
    }
    session::run(Plan { config, mode: Mode::Run, market, pace, paced: args.paced, json: args.json })
}

/// `ES=2`: which instrument, and how many contracts.
fn accepted(text: &str, config: &Config) -> Result<(SymbolId, i64), Failure> {
    let wrong = |what: String| Failure::usage(format!("--accept {text}: {what}"));
    let (name, contracts) = text.split_once('=').ok_or_else(|| wrong("expected NAME=CONTRACTS, as in ES=2".into()))?;
    let found = config.instruments.iter().find(|instrument| instrument.name == name);
    let names = || config.instruments.iter().map(|i| i.name.as_str()).collect::<Vec<_>>().join(", ");
    let instrument = found.ok_or_else(|| wrong(format!("{name:?} is no instrument; expected one of {}", names())))?;
    let contracts = contracts.trim().parse().map_err(|_| wrong("expected a whole number of contracts".to_owned()))?;
    Ok((instrument.id, contracts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_accepted_names_an_instrument_and_a_number() {
        let config = setup::read(engine::config::raw::Layer::embedded_default()).expect("the default is valid");
        assert!(matches!(accepted("ES=-2", &config), Ok((SymbolId(0), -2))));
        for (text, expected) in [("ES", "NAME=CONTRACTS"), ("EX=1", "expected one of ES"), ("ES=two", "whole number")] {
            let told = accepted(text, &config).expect_err(text).text;
            assert!(told.contains(expected) && told.contains(text), "{told}");
        }
    }
}

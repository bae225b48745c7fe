//! `pitboss backtest --check-lookahead`: runs again on markets that end early, and compares decisions. In: arguments of a
//! backtest. Out: a line that says that nothing was found, or the decision that changed. Absent: journal and database.

use std::time::Duration;

use engine::backtest::Backtest;
use engine::backtest::lookahead::{self, Decisions, decision};
use engine::config::Config;
use engine::config::backtest::Fills;
use engine::time::Timestamp;
use engine::trade::OrderIntent;

use super::backtest::{BacktestArgs, open};
use super::{Failure, Outcome, bar_market, decided, latency, print_line};

/// Runs that end early, besides the whole one.
const CUTS: usize = 8;
/// The broker's stamps are whole seconds, so what happened at an instant may be up to this much later.
const STAMP: Duration = Duration::from_secs(1);

pub(super) fn check(args: &BacktestArgs, mut config: Config) -> Outcome {
    let found = match config.backtest.fills {
        Fills::Bars(_) => {
            let loaded = bar_market::open(&args.bars(), &mut config)?.load()?;
            let run = |until: Timestamp| -> Result<Decisions, Failure> {
                let mut decisions = Vec::new();
                loaded.run(&config, Timestamp::MIN, until, |_, record| decisions.extend(decision(&record)))?;
                Ok(decisions)
            };
            compare(run)?
        }
        Fills::Ticks => compare(|until| ticks(args, config.clone(), until))?,
    };
    let (decisions, cuts, peek) = found;
    match peek {
        None if decisions == 0 => print_line("no decision was made, so there is nothing to check"),
        None => print_line(&format!(
            "no look-ahead: {decisions} decisions, and {cuts} runs on markets that ended early made the same ones"
        )),
        Some(peek) => Err(Failure::work(format!(
            "LOOK-AHEAD: on a market that ends at {} a decision differs\n  with what came later:    {}\n  without:                 {}",
            peek.cut,
            shown(peek.whole.as_ref()),
            shown(peek.short.as_ref())
        ))),
    }
}

fn compare(
    mut run: impl FnMut(Timestamp) -> Result<Decisions, Failure>,
) -> Result<(usize, usize, Option<lookahead::Peek>), Failure> {
    let whole = run(Timestamp::MAX)?;
    let cuts = lookahead::cuts(&whole, CUTS);
    let peek = lookahead::check(&whole, &cuts, run)?;
    Ok((whole.len(), cuts.len(), peek))
}

fn ticks(args: &BacktestArgs, mut config: Config, until: Timestamp) -> Result<Decisions, Failure> {
    let market = open(args, &mut config)?;
    let until = until + STAMP;
    let events = market.events.take_while(|event| event.event.ts() <= until);
    let mut decisions = Vec::new();
    let settings = config.backtest.clone();
    let record = |_, record| decisions.extend(decision(&record));
    Backtest::new(&config, events, market.start, settings.cash, settings.commission, record)
        .with_latency(latency::latencies(&settings)?)
        .run();
    match market.broken.take() {
        Some(error) => Err(Failure::work(format!("the data ended early: {error}"))),
        None => Ok(decisions),
    }
}

fn shown(intent: Option<&OrderIntent>) -> String {
    let of = |intent: &OrderIntent| format!("{} {} ({})", intent.at, decided::of_intent(&intent.intent), intent.reason);
    intent.map_or_else(|| "none".to_owned(), of)
}

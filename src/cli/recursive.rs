//! `pitboss backtest --check-recursive`: every strategy again from later starts, and its decisions compared with those of the
//! whole run. In: arguments of a backtest. Out: a line for each strategy, or the first decision that depends on history.
//! Absent: journal and database.

use engine::backtest::Backtest;
use engine::backtest::bar_run::BarBacktest;
use engine::backtest::recursive::{Checked, Dependence, Tap};
use engine::config::backtest::Fills;
use engine::config::{Config, StrategyConfig};
use engine::strategy::{Decision, registry};

use super::backtest::{BacktestArgs, open};
use super::{Failure, Outcome, bar_market, decided, latency, print_line};

/// Instances that begin later.
const STARTS: usize = 12;

pub(super) fn check(args: &BacktestArgs, mut config: Config) -> Outcome {
    let taps = match config.backtest.fills {
        Fills::Bars(_) => bars(args, &mut config)?,
        Fills::Ticks => ticks(args, &mut config)?,
    };
    let mut failures = Vec::new();
    for (strategy, tap) in config.strategies.iter().zip(&taps) {
        match check_one(args, &config, strategy, tap) {
            Ok(line) => print_line(&line)?,
            Err(text) => failures.push(text),
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(Failure::work(failures.join("\n"))) }
}

fn check_one(args: &BacktestArgs, config: &Config, strategy: &StrategyConfig, tap: &Tap) -> Result<String, String> {
    let params = registry::params(&strategy.kind, &strategy.params).expect("validated when the configuration was read");
    let build = || registry::build(&strategy.kind, &params).expect("its kind was just found");
    let instrument = &config.instruments[usize::from(strategy.symbol.0)];
    let warm_up = args.warm_up.unwrap_or_else(|| registry::warm_up(&strategy.kind, &params, strategy.bar_s));
    let name = &strategy.name;
    let Checked { starts, compared, dependence } = tap.check(instrument, warm_up, STARTS, build);
    match dependence {
        None if starts == 0 || compared == 0 => {
            Ok(format!("{name}: nothing to compare: {} decisions, and a warm-up of {warm_up} bars", tap.decisions()))
        }
        None => Ok(format!(
            "{name}: no dependence on history: {starts} later starts decided the same {compared} times, after a warm-up \
             of {warm_up} bars"
        )),
        Some(found) => {
            // The next powers of two, as long as there is something left to compare.
            let longer = (1..).map(|n| warm_up.max(1) << n).take_while(|bars| *bars < 1 << 22);
            let enough = longer
                .map(|bars| (bars, tap.check(instrument, bars, STARTS, build)))
                .take_while(|(_, c)| c.compared > 0);
            let enough = enough.into_iter().find(|(_, checked)| checked.dependence.is_none()).map(|(bars, _)| bars);
            Err(text(name, warm_up, &found, enough))
        }
    }
}

fn text(name: &str, warm_up: usize, found: &Dependence, enough: Option<usize>) -> String {
    let advice = match enough {
        Some(bars) => format!("with a warm-up of {bars} bars all decisions are the same"),
        None => "no warm-up that this data can show makes all decisions the same".to_owned(),
    };
    format!(
        "{name}: DEPENDS ON HISTORY: at {} an instance that began {} bars later decides differently, after a warm-up of \
         {warm_up} bars\n  with all history:  {}\n  without:           {}\n  {advice}",
        found.at,
        found.bars_before,
        shown(&found.whole),
        shown(&found.short)
    )
}

fn shown(decisions: &[Decision]) -> String {
    match decisions {
        [] => "nothing".to_owned(),
        some => some.iter().map(decided::of_decision).collect::<Vec<_>>().join(", "),
    }
}

fn bars(args: &BacktestArgs, config: &mut Config) -> Result<Vec<Tap>, Failure> {
    let market = bar_market::open(&args.bars(), config)?;
    let (setup, broken) = (market.setup(1), market.broken.clone());
    let (run, taps) = BarBacktest::new(config, market.bars, setup, |_, _| {}).map_err(Failure::usage)?.tapped();
    run.run();
    match broken.take() {
        Some(error) => Err(Failure::work(format!("the data ended early: {error}"))),
        None => Ok(taps),
    }
}

fn ticks(args: &BacktestArgs, config: &mut Config) -> Result<Vec<Tap>, Failure> {
    let market = open(args, config)?;
    let settings = config.backtest.clone();
    let run = Backtest::new(config, market.events, market.start, settings.cash, settings.commission, |_, _| {});
    let (run, taps) = run.with_latency(latency::latencies(&settings)?).tapped();
    run.run();
    match market.broken.take() {
        Some(error) => Err(Failure::work(format!("the data ended early: {error}"))),
        None => Ok(taps),
    }
}

//! `pitboss scenarios`: what goes wrong at the broker, listed, or played against the full program while you watch.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Args;
use serde_json::{Value, json};

use super::{Failure, Outcome, print_line};
use crate::scenarios::catalog;
use crate::scenarios::file::Scenario;
use crate::scenarios::play::{Unwatched, Verdict, play};
use crate::scenarios::timeline::Timeline;

#[derive(Args)]
pub struct ScenariosArgs {
    /// List every scenario with the rows of the catalogues of failures that it stands for.
    #[arg(long, conflicts_with = "run")]
    list: bool,
    /// Play one scenario and show what happens; names with commas between them, or `all`, show the verdicts alone.
    #[arg(long, value_name = "NAME", value_delimiter = ',', required_unless_present = "list")]
    run: Vec<String>,
    /// Print JSON: with --list an array, with --run one object a line.
    #[arg(long)]
    json: bool,
    /// How many are played at once.
    #[arg(long, default_value_t = 6, value_name = "NUMBER", value_parser = clap::value_parser!(u8).range(1..=32))]
    lanes: u8,
    /// Leave each scenario's folder: configuration, output, journal, log, database.
    #[arg(long)]
    keep: bool,
}

pub fn run(args: &ScenariosArgs) -> Outcome {
    let all = catalog::all().map_err(Failure::work)?;
    if args.list {
        return list(&all, args.json);
    }
    let chosen = choose(all, &args.run)?;
    match &chosen[..] {
        [only] if !args.json => watch(only, args.keep),
        _ => play_all(&chosen, args),
    }
}

fn list(all: &[Scenario], as_json: bool) -> Outcome {
    if as_json {
        let row = |s: &Scenario| json!({ "name": s.name, "about": s.about, "rows": s.rows, "not_yet": s.not_yet });
        return print_line(
            &serde_json::to_string_pretty(&all.iter().map(row).collect::<Vec<_>>()).map_err(Failure::work)?,
        );
    }
    for scenario in all {
        print_line(&format!("{}\n    {}", scenario.name, scenario.about))?;
        for row in &scenario.rows {
            print_line(&format!("    - {row}"))?;
        }
        if let Some(missing) = &scenario.not_yet {
            print_line(&format!("    not yet: {missing}"))?;
        }
    }
    print_line(&format!("\n{} scenarios", all.len()))
}

fn choose(all: Vec<Scenario>, names: &[String]) -> Result<Vec<Scenario>, Failure> {
    if names.iter().any(|name| name == "all") {
        return Ok(all);
    }
    let unknown: Vec<&String> = names.iter().filter(|name| !all.iter().any(|s| s.name == **name)).collect();
    if !unknown.is_empty() {
        let known: Vec<&str> = all.iter().map(|s| s.name.as_str()).collect();
        return Err(Failure::usage(format!("no scenario {unknown:?}; expected all, or one of {}", known.join(", "))));
    }
    Ok(all.into_iter().filter(|scenario| names.contains(&scenario.name)).collect())
}

fn watch(scenario: &Scenario, keep: bool) -> Outcome {
    print_line(&format!("{}: {}", scenario.name, scenario.about))?;
    print_line(&format!("market seconds since the script began; {} of them a second\n", scenario.market.speed))?;
    let verdict = play(scenario, keep, &mut Timeline::default()).map_err(Failure::work)?;
    print_line("")?;
    for finding in &verdict.findings {
        print_line(&format!("{}  {}", if finding.met { "ok    " } else { "BROKEN" }, finding.text))?;
    }
    if let Some(folder) = &verdict.folder {
        print_line(&format!("left in {}", folder.display()))?;
    }
    print_line(&verdict_line(scenario, &Ok(&verdict)))?;
    judge(&[(scenario, verdict.passed())])
}

type Played = Result<Verdict, String>;

fn play_all(chosen: &[Scenario], args: &ScenariosArgs) -> Outcome {
    let next = AtomicUsize::new(0);
    let played: Mutex<Vec<(usize, bool)>> = Mutex::new(Vec::new());
    let failed: Mutex<Option<Failure>> = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..args.lanes {
            scope.spawn(|| {
                while let Some((at, scenario)) = take(&next, chosen) {
                    let outcome = play(scenario, args.keep, &mut Unwatched);
                    let passed = outcome.as_ref().is_ok_and(Verdict::passed);
                    let told = tell(scenario, &outcome, args.json);
                    played.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push((at, passed));
                    if let Err(failure) = told {
                        failed.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).replace(failure);
                        return;
                    }
                }
            });
        }
    });
    if let Some(failure) = failed.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()) {
        return Err(failure);
    }
    let mut played = played.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    played.sort_unstable();
    let played: Vec<(&Scenario, bool)> = played.into_iter().map(|(at, passed)| (&chosen[at], passed)).collect();
    if !args.json {
        let passed = played.iter().filter(|(_, passed)| *passed).count();
        print_line(&format!("{passed} of {} scenarios as expected", played.len()))?;
    }
    judge(&played)
}

fn take<'a>(next: &AtomicUsize, chosen: &'a [Scenario]) -> Option<(usize, &'a Scenario)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    chosen.get(at).map(|scenario| (at, scenario))
}

fn tell(scenario: &Scenario, outcome: &Played, as_json: bool) -> Outcome {
    if as_json {
        return print_line(&to_json(scenario, outcome).to_string());
    }
    let mut text = verdict_line(scenario, &outcome.as_ref());
    for finding in outcome.iter().flat_map(|verdict| &verdict.findings).filter(|finding| !finding.met) {
        text.push_str(&format!("\n        {}", finding.text));
    }
    print_line(&text)
}

fn verdict_line(scenario: &Scenario, outcome: &Result<&Verdict, &String>) -> String {
    let name = &scenario.name;
    match outcome {
        Err(reason) => format!("FAILED  {name}: {reason}"),
        Ok(verdict) => {
            let word = match (verdict.passed(), &scenario.not_yet) {
                (true, None) => "ok      ",
                (true, Some(_)) => "now ok  ",
                (false, None) => "FAILED  ",
                (false, Some(_)) => "not yet ",
            };
            let held_up = verdict.held_up.as_secs_f64();
            let held_up =
                if held_up > 0.0 { format!(", the machine was held up for {held_up:.1} s") } else { String::new() };
            format!("{word}{name} ({:.1} s{held_up})", verdict.took.as_secs_f64())
        }
    }
}

fn to_json(scenario: &Scenario, outcome: &Played) -> Value {
    let findings = outcome.iter().flat_map(|verdict| &verdict.findings);
    let findings: Vec<Value> = findings.map(|f| json!({ "met": f.met, "text": f.text })).collect();
    json!({
        "name": scenario.name,
        "passed": outcome.as_ref().is_ok_and(Verdict::passed),
        "not_yet": scenario.not_yet,
        "error": outcome.as_ref().err(),
        "took_s": outcome.as_ref().ok().map(|verdict| verdict.took.as_secs_f64()),
        "held_up_s": outcome.as_ref().ok().map(|verdict| verdict.held_up.as_secs_f64()),
        "folder": outcome.as_ref().ok().and_then(|verdict| verdict.folder.as_ref().map(|f| f.display().to_string())),
        "findings": findings,
    })
}

/// What is known not to work yet is no failure of this run.
fn judge(played: &[(&Scenario, bool)]) -> Outcome {
    let broken: Vec<&str> =
        played.iter().filter(|(s, passed)| !passed && s.not_yet.is_none()).map(|(s, _)| s.name.as_str()).collect();
    if broken.is_empty() { Ok(()) } else { Err(Failure::work(format!("not as expected: {}", broken.join(", ")))) }
}

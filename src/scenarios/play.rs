//! Plays one scenario: waits for trading, lets the script run, then until everything expected is there or the patience
//! is over. In: a scenario. Out: a verdict, and on the way what a watcher is shown. Absent: what is expected.

use std::time::{Duration, Instant};

use engine::journal::Record;
use engine::trade::Trading;

use super::evidence::Evidence;
use super::expect::{CLOCKS_APART_WALL_S, Expect};
use super::file::{Begins, Scenario};
use super::rules::Rule;
use super::stage::Stage;

const LOOK_EVERY: Duration = Duration::from_millis(150);
/// Until trading is allowed, and for everything that is still to come when the script is over.
const PATIENCE: Duration = Duration::from_secs(45);
/// Of the program's output, when it did not come to trade.
const LINES_SHOWN: usize = 15;
/// For what is known not to work.
const LITTLE_PATIENCE: Duration = Duration::from_secs(8);
const STOP_WITHIN: Duration = Duration::from_secs(60);
/// A look that comes so much too late means that the machine was held up: then the spans of a scenario mean nothing.
const HELD_UP: Duration = Duration::from_millis(1_500);
/// How often a scenario is played when the machine was held up meanwhile.
const ATTEMPTS: usize = 3;

/// What was found, line by line: met or broken, and what.
#[derive(Clone, Debug)]
pub struct Finding {
    pub met: bool,
    pub text: String,
}

#[derive(Debug)]
pub struct Verdict {
    pub findings: Vec<Finding>,
    pub took: Duration,
    /// The machine was held up for so long, or the market was so far behind its clock; nothing if that is little.
    pub held_up: Duration,
    /// Where the folder was left, if it was to be kept.
    pub folder: Option<std::path::PathBuf>,
}

impl Verdict {
    pub fn passed(&self) -> bool {
        self.findings.iter().all(|finding| finding.met)
    }
}

/// Someone who looks on.
pub trait Watch {
    /// Evidence has grown.
    fn look(&mut self, seen: &Evidence);
}

/// Nobody.
pub struct Unwatched;

impl Watch for Unwatched {
    fn look(&mut self, _: &Evidence) {}
}

/// Plays it; again when it failed while the machine was held up.
pub fn play(scenario: &Scenario, keep: bool, watch: &mut impl Watch) -> Result<Verdict, String> {
    let mut verdict = play_once(scenario, keep, watch)?;
    for _ in 1..ATTEMPTS {
        if verdict.passed() || verdict.held_up.is_zero() {
            break;
        }
        verdict = play_once(scenario, keep, watch)?;
    }
    Ok(verdict)
}

struct Run<'a, W> {
    scenario: &'a Scenario,
    stage: Stage,
    seen: Evidence,
    watch: &'a mut W,
    held_up: Duration,
    looked: Instant,
    /// What the market's clock showed at first.
    began: engine::time::Timestamp,
}

fn play_once(scenario: &Scenario, keep: bool, watch: &mut impl Watch) -> Result<Verdict, String> {
    let began = Instant::now();
    let stage = Stage::set(scenario)?;
    let seen = Evidence::new(stage.gateway(), stage.folder(), scenario.market.speed);
    let first = seen.truth.now;
    let mut run = Run { scenario, stage, seen, watch, held_up: Duration::ZERO, looked: Instant::now(), began: first };
    let mut findings = run.until_settled()?;
    if run.seen.exit.is_none() {
        let status = run.stage.stop(STOP_WITHIN)?;
        let text = status.map_or_else(|| "it did not stop".to_owned(), |status| status.to_string());
        findings.push(Finding { met: status.is_some_and(|s| s.success()), text: format!("asked to stop: {text}") });
    }
    run.look()?;
    let folder = keep.then(|| run.stage.keep());
    Ok(Verdict { findings, took: began.elapsed(), held_up: run.held_up, folder })
}

impl<W: Watch> Run<'_, W> {
    fn look(&mut self) -> Result<(), String> {
        let late = self.looked.elapsed().saturating_sub(LOOK_EVERY);
        if late > HELD_UP {
            self.held_up += late;
        }
        self.seen.exit = self.stage.ended()?;
        self.seen.gather(self.stage.gateway(), self.stage.folder())?;
        let behind = self.stage.now().since(self.seen.truth.now).as_secs_f64() / self.seen.speed;
        // A closed market has nothing to play.
        let moves = self.seen.truth.now > self.began;
        if self.seen.zero.is_some() && moves && behind > CLOCKS_APART_WALL_S {
            self.held_up = self.held_up.max(Duration::from_secs_f64(behind));
        }
        self.watch.look(&self.seen);
        self.looked = Instant::now();
        Ok(())
    }

    fn wait(&mut self) -> Result<(), String> {
        std::thread::sleep(LOOK_EVERY);
        self.look()
    }

    fn until_settled(&mut self) -> Result<Vec<Finding>, String> {
        self.begin()?;
        for crash in &self.scenario.crash {
            self.until(crash.at_s)?;
            self.stage.kill()?;
            // The program is to be gone now.
            let back = self.seen.since() + Duration::from_secs_f64(crash.at_s + crash.away_s);
            while self.stage.now() < back {
                std::thread::sleep(LOOK_EVERY);
            }
            self.stage.start_again()?;
            self.looked = Instant::now();
            self.look()?;
        }
        self.until(self.scenario.lasts_s)?;
        let patience = if self.scenario.not_yet.is_some() { LITTLE_PATIENCE } else { PATIENCE };
        let deadline = Instant::now() + patience;
        loop {
            let findings = self.judge();
            let settled = findings.iter().all(|finding| finding.met);
            if settled || Instant::now() > deadline || self.seen.exit.is_some() {
                return Ok(findings);
            }
            self.wait()?;
        }
    }

    /// Waits until so many market seconds after time 0, or the program's end.
    fn until(&mut self, market_s: f64) -> Result<(), String> {
        let over = self.seen.since() + Duration::from_secs_f64(market_s);
        while self.stage.now() < over && self.seen.exit.is_none() {
            self.wait()?;
        }
        Ok(())
    }

    /// Waits for the script's time 0.
    fn begin(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        if self.scenario.begins == Begins::WithTheGateway {
            self.seen.zero = Some(self.stage.now());
            return self.look();
        }
        loop {
            self.wait()?;
            let allowed = |record: &Record| matches!(record, Record::Trading { trading: Trading::Allowed, .. });
            // Only a market that moves has a time that scripts can count from.
            let moves = self.seen.journal.iter().any(|entry| matches!(entry.record, Record::Bar(_)));
            if moves && self.seen.journal.iter().any(|entry| allowed(&entry.record)) {
                break;
            }
            if let Some(status) = self.seen.exit {
                return Err(format!("the program ended before it traded: {status}\n{}", self.output()));
            }
            if Instant::now() > deadline {
                return Err(format!("trading was not allowed within {PATIENCE:?}\n{}", self.output()));
            }
        }
        let script = self.scenario.script.clone();
        self.seen.zero = Some(self.stage.now());
        self.stage.gateway().play_script(script);
        self.look()
    }

    /// The program's last lines.
    fn output(&self) -> String {
        let out = std::fs::read_to_string(self.stage.folder().join("pitboss.out"));
        let out = out.unwrap_or_else(|reason| reason.to_string());
        let lines: Vec<&str> = out.lines().collect();
        lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n")
    }

    fn judge(&self) -> Vec<Finding> {
        let scenario = self.scenario;
        let ends = scenario.expect.iter().any(|expect| matches!(expect, Expect::Ended { .. }));
        let mut findings: Vec<Finding> = scenario
            .expect
            .iter()
            .map(|expect| {
                let lack = expect.lacks(&self.seen);
                let lacks = lack.as_ref().map(|lack| format!(": {lack}")).unwrap_or_default();
                Finding { met: lack.is_none(), text: format!("{}{lacks}", expect.describe()) }
            })
            .collect();
        for rule in Rule::ALL {
            let name = rule.name();
            if let Some(why) = scenario.excused.get(&rule) {
                findings.push(Finding { met: true, text: format!("{name}: not here, {why}") });
            } else if !(ends && rule == Rule::Alive) {
                let broken = rule.broken(&self.seen);
                let text = broken.as_ref().map_or_else(|| name.to_owned(), |how| format!("{name}: {how}"));
                findings.push(Finding { met: broken.is_none(), text });
            }
        }
        for note in &self.seen.wire {
            if note.message.contains(" of the script: ") {
                findings
                    .push(Finding { met: false, text: format!("the gateway could not do as told: {}", note.message) });
            }
        }
        findings
    }
}

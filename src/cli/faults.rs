//! What `pitboss gateway` is told about faults: scripts, a seed, limits, the control channel. In: arguments. Out: a
//! rehearsal, or every mistake in it. Absent: the faults themselves.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use gateway::{ControlOptions, Limits, Rehearsal, Script};

use super::Failure;

/// A drawn script reaches this far.
const DRAWN_WITHIN: Duration = Duration::from_secs(24 * 3600);
const FAULTS_PER_HOUR_MAX: f64 = 3600.0;
/// Messages that the control channel can show again.
const TRANSCRIPT_ENTRIES: usize = 100_000;

#[derive(Args)]
#[command(next_help_heading = "Faults")]
pub struct FaultArgs {
    /// Play this script of faults (TOML; see gateway/README.md). May be given more than once.
    #[arg(long, value_name = "FILE")]
    script: Vec<PathBuf>,
    /// Draw faults by chance for 24 hours of market time, the same for the same seed, and print them as a script: all of
    /// standard output is one.
    #[arg(long, value_name = "SEED")]
    fault_seed: Option<u64>,
    /// How many faults are drawn for an hour of market time, on average.
    #[arg(long, value_name = "PER_HOUR", default_value_t = 12.0, value_parser = parse_rate, requires = "fault_seed")]
    fault_rate: f64,
    /// Print every fault with its parameters, and end.
    #[arg(long)]
    list_faults: bool,
    /// With --list-faults: as JSON.
    #[arg(long, requires = "list_faults")]
    json: bool,
    /// Enforce limits of a real gateway: messages a second, tick-by-tick requests, history requests, clock requests.
    #[arg(long, value_name = "LIMIT", value_delimiter = ',')]
    limits: Vec<LimitArg>,
    /// Answer HTTP requests here: faults, state, transcript, orders by hand (see gateway/README.md).
    #[arg(long, value_name = "ADDRESS")]
    control: Option<SocketAddr>,
    /// Let the control channel listen on an address that other machines reach.
    #[arg(long, requires = "control")]
    control_any_address: bool,
    /// Expect this in `Authorization: Bearer TOKEN` of every control request; PITBOSS_CONTROL_TOKEN says it unseen.
    #[arg(long, value_name = "TOKEN")]
    control_token: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LimitArg {
    /// 50 messages a second over all clients, otherwise error 100 and a disconnect in the end.
    Messages,
    /// One tick-by-tick request for an instrument in 15 s, five streams, otherwise error 10190.
    Ticks,
    /// The pacing rules of history, otherwise error 162.
    History,
    /// Clock requests closer than 4.25 s are not answered.
    Clock,
    All,
}

fn parse_rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok().filter(|rate| (0.0..=FAULTS_PER_HOUR_MAX).contains(rate));
    rate.ok_or_else(|| format!("{text:?} is not a rate, expected 0 to {FAULTS_PER_HOUR_MAX} faults an hour"))
}

impl FaultArgs {
    /// Prints the table if that is wanted.
    pub fn list(&self) -> bool {
        match (self.list_faults, self.json) {
            (true, true) => println!("{:#}", gateway::fault_json()),
            (true, false) => print!("{}", gateway::fault_text()),
            (false, _) => {}
        }
        self.list_faults
    }

    /// `seed`: of what a fault leaves to chance. With it comes the script that was drawn, to be printed.
    pub fn rehearsal(&self, seed: u64) -> Result<(Rehearsal, Option<String>), Failure> {
        let mut script = Script::default();
        let mut mistakes = Vec::new();
        for path in &self.script {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(path);
            let text = text.map_err(|reason| Failure::usage(format!("cannot read {name}: {reason}")))?;
            match Script::parse(&name, &text) {
                Ok(read) => script = script.and(read),
                Err(bad) => mistakes.push(bad.to_string()),
            }
        }
        if !mistakes.is_empty() {
            return Err(Failure::usage(mistakes.join("\n")));
        }
        let mut printed = None;
        if let Some(seed) = self.fault_seed {
            let drawn = gateway::draw_script(seed, self.fault_rate, DRAWN_WITHIN);
            let read = Script::parse("drawn", &drawn).map_err(Failure::work)?;
            let hours = DRAWN_WITHIN.as_secs() / 3600;
            printed =
                Some(format!("# {} faults, drawn for the next {hours} hours of market time\n{drawn}", read.len()));
            script = script.and(read);
        }
        let control = self.control.map(|listen| ControlOptions {
            listen,
            token: self.control_token.clone().or_else(|| std::env::var("PITBOSS_CONTROL_TOKEN").ok()),
            any_address: self.control_any_address,
        });
        let transcript_entries = if control.is_some() { TRANSCRIPT_ENTRIES } else { 0 };
        let seed = self.fault_seed.unwrap_or(seed);
        let rehearsal = Rehearsal { script, seed, limits: self.enforced(), transcript_entries, control };
        Ok((rehearsal, printed))
    }

    fn enforced(&self) -> Limits {
        let has = |limit| self.limits.contains(&limit) || self.limits.contains(&LimitArg::All);
        Limits {
            messages: has(LimitArg::Messages),
            ticks: has(LimitArg::Ticks),
            history: has(LimitArg::History),
            clock: has(LimitArg::Clock),
        }
    }
}

//! `pitboss replay-day SESSION`: a recorded session, decided again and filled again. In: its journal, its recording, the
//! configuration that it ran with. Out: whether every decision is the same, and by how many ticks its fills differ from
//! those of the backtester's exchange. Nothing is written.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::time::Duration;

use actors::clock::Clock;
use actors::journal;
use actors::system::as_run;
use actors::tape::{self, TapeReader};
use clap::Args;
use engine::backtest::session::{Origin, Said, Session};
use engine::backtest::shadow::{Shadow, arrived};
use engine::backtest::verdict::{
    Decisions, DecisionsVerdict, Difference, FilledOrder, FillsVerdict, fills, symbol_name,
};
use engine::config::Config;
use engine::journal::{Entry, Record, SessionInfo};
use engine::link::INVENTORY_WITHIN;
use engine::market::{FeedEvent, MarketEvent, Quote, Trade};
use engine::tape::{CoreId, Moment, Taped, digest};
use engine::time::Timestamp;
use serde_json::{Value, json};

use super::market::retarget;
use super::{ConfigArg, Failure, Outcome, outputs, setup};

/// Orders that are listed by name; all of them are in the JSON.
const LISTED: usize = 20;

#[derive(Args)]
pub struct ReplayDayArgs {
    /// The session's id, as `pitboss report --list` shows it, or `newest`.
    #[arg(value_name = "SESSION")]
    session: String,
    #[command(flatten)]
    config: ConfigArg,
    /// The journal's folder; without it the configuration's.
    #[arg(long, value_name = "FOLDER")]
    journal: Option<PathBuf>,
    /// Replay although the configuration is not the one that the session ran with: shows what it would have decided.
    #[arg(long)]
    other_config: bool,
    /// How long an order takes to the backtester's exchange, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0.0)]
    order_latency_ms: f64,
    /// Write how long each order's first answer took, in microseconds, one a line: for `order_file` in [backtest.latency].
    #[arg(long, value_name = "FILE")]
    round_trips: Option<PathBuf>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &ReplayDayArgs) -> Outcome {
    let latency = Duration::try_from_secs_f64(args.order_latency_ms / 1_000.0)
        .map_err(|_| Failure::usage("--order-latency-ms must be zero or more"))?;
    outputs::check([("--round-trips", args.round_trips.as_deref())])?;
    let mut config = setup::config(&args.config)?;
    let folder = folder(args, &config);
    let (segment, info) = find(&folder, &args.session)?;
    let entries = journal::read_segment(&folder, segment).map_err(Failure::work)?;
    let path = tape::file(&folder, segment);
    if !path.exists() {
        return Err(Failure::usage(format!(
            "session {} was not recorded: there is no {}; set `enabled = true` in [recording] (a session with \
             `--speed max` is never recorded: back-test the files that it played)",
            info.id,
            path.display()
        )));
    }
    let tape = TapeReader::open(&path).map_err(Failure::work)?;
    if tape.header().session != info.id {
        return Err(Failure::work(format!("{} is of session {}", path.display(), tape.header().session)));
    }
    if let Some(split) = config.actors.split_threads() {
        return Err(Failure::usage(format!(
            "session {} ran on several threads ({split}): what happened on them at once has no one order in which it could \
             be decided again",
            info.id
        )));
    }
    if info.instruments != config.instruments {
        retarget(&mut config, info.instruments.clone());
    }
    let clock = Clock::scaled(Timestamp::default(), tape.header().speed);
    as_run(&mut config, &clock);
    let changed = changed_sections(&tape.header().config, &digest(&config));
    if !changed.is_empty() && !args.other_config {
        return Err(Failure::usage(format!(
            "session {} ran with another configuration; different: {}. Name its own with --config, or say --other-config \
             to see what this one would have decided",
            info.id,
            changed.join(", ")
        )));
    }
    let patience = clock.market_span(INVENTORY_WITHIN);
    let origin = Origin { config: &config, patience, journal: &entries, info: &info };
    let played = play(origin, tape, latency)?;
    if let Some(file) = &args.round_trips {
        let lines: String = round_trips(&entries).iter().map(|micros| format!("{micros}\n")).collect();
        std::fs::write(file, lines)
            .map_err(|reason| Failure::work(format!("cannot write {}: {reason}", file.display())))?;
    }
    let report =
        Report { info: &info, file: journal::segment_file(&folder, segment), changed, played, entries: &entries };
    let text = if args.json { report.to_json().to_string() } else { report.to_text() };
    super::print_line(&text)?;
    match report.played.decisions.first {
        Some(_) => Err(Failure::work("the replay decided otherwise than the session")),
        None => Ok(()),
    }
}

/// A session of the built-in gateway has its own folder below the configured one.
fn folder(args: &ReplayDayArgs, config: &Config) -> PathBuf {
    let configured = || match config.gateway {
        Some(_) => config.storage.journal_dir.join("simulated"),
        None => config.storage.journal_dir.clone(),
    };
    args.journal.clone().unwrap_or_else(configured)
}

/// The segment of a session.
fn find(folder: &Path, session: &str) -> Result<(u32, SessionInfo), Failure> {
    let next = journal::next_run(folder).map_err(Failure::work)?;
    let mut known = Vec::new();
    for segment in (1..next).rev() {
        if !journal::segment_file(folder, segment).exists() {
            continue;
        }
        let first = journal::first_entry(folder, segment).map_err(Failure::work)?;
        let Record::SessionStarted { info, .. } = first.record else { continue };
        if info.id == session || session == "newest" {
            return Ok((segment, *info));
        }
        known.push(info.id.clone());
    }
    known.truncate(5);
    let known = if known.is_empty() { "there is none".to_owned() } else { known.join(", ") };
    Err(Failure::usage(format!("no session {session} in {}; the newest: {known}", folder.display())))
}

fn changed_sections(then: &[(String, u32)], now: &[(String, u32)]) -> Vec<String> {
    let same = |section: &&(String, u32)| !then.contains(section);
    now.iter().filter(same).map(|(name, _)| name.clone()).collect()
}

/// What came of it.
struct Played {
    decisions: DecisionsVerdict,
    orders: Vec<FilledOrder>,
    fills: FillsVerdict,
    inputs: u64,
    ticks: u64,
    /// Requests that the backtester's exchange refused.
    refused: u64,
    /// What keeps this from being a proof.
    remarks: Vec<String>,
}

fn play(origin: Origin<'_>, mut tape: TapeReader, latency: Duration) -> Result<Played, Failure> {
    let mut session = Session::new(origin);
    let mut shadow = Shadow::new(origin.config, latency);
    let mut remarks = Vec::new();
    let mut said = Vec::new();
    let (mut inputs, mut ticks) = (0_u64, 0_u64);
    let (mut told, mut last) = (Vec::new(), None);
    let mut moments: VecDeque<Moment> = VecDeque::new();
    let mut diverted = Vec::new();
    loop {
        // One moment ahead: what of an input went to mailboxes is noted behind it.
        while moments.len() < 2 {
            let Some(block) = tape.next_block().map_err(Failure::work)? else { break };
            moments.extend(block);
        }
        let Some(moment) = moments.pop_front() else { break };
        diverted.clear();
        loop {
            match moments.front() {
                Some(Moment { input: Taped::Diverted(number), .. }) => diverted.push(*number),
                Some(_) => break,
                None => match tape.next_block().map_err(Failure::work)? {
                    Some(block) => {
                        moments.extend(block);
                        continue;
                    }
                    None => break,
                },
            }
            moments.pop_front();
        }
        match &moment.input {
            Taped::Ends(why) => {
                remarks.push(format!("the recording ends before the session does: {why}"));
                continue;
            }
            Taped::Failed(core) => {
                remarks.push(format!(
                    "{} failed at {} and was rebuilt; its last input may differ",
                    named(*core, origin.info),
                    moment.at
                ));
            }
            input => {
                if let Some(tick) = tick(moment.at, input) {
                    ticks += 1;
                    shadow.tick(tick);
                }
            }
        }
        (inputs, last) = (inputs + 1, Some(moment.at));
        session.see(&moment, &diverted, &mut |at, what| said.push((at, what)));
        for (at, what) in said.drain(..) {
            match what {
                Said::Record(record) => told.push((at, record)),
                Said::Request(request) => shadow.request(at, request),
            }
        }
    }
    // What the session went on to decide behind the tape's end is not this replay's to repeat.
    let whole = origin.journal.iter().any(|entry| matches!(entry.record, Record::SessionEnded { .. }))
        && remarks.is_empty()
        && !tape.is_torn();
    if tape.is_torn() {
        remarks.push("the recording's end is torn: the machine or the process stopped there".to_owned());
    }
    let end = if whole { u64::MAX } else { below(origin.journal, last) };
    if end < u64::MAX {
        remarks.push(format!("{} entries behind the recording's end are not compared", behind(origin.journal, end)));
    }
    if session.lost() > 0 {
        remarks.push(format!("{} inputs met no core that wanted them", session.lost()));
    }
    let mut decisions = Decisions::of(origin.journal, end);
    told.iter().for_each(|(at, record)| decisions.see(*at, record));
    let (executions, refused) = shadow.finish();
    let orders = fills(origin.journal, &executions);
    let verdict = FillsVerdict::of(&orders);
    Ok(Played { decisions: decisions.finish(), orders, fills: verdict, inputs, ticks, refused, remarks })
}

/// Microseconds from each order's placing to the first thing that the books heard of it.
fn round_trips(journal: &[Entry]) -> Vec<u128> {
    let mut waiting = BTreeMap::new();
    let mut took = Vec::new();
    for entry in journal {
        match &entry.record {
            Record::OrderPlaced(ticket) => {
                waiting.insert(ticket.id, entry.at);
            }
            Record::OrderChanged(change) => {
                took.extend(waiting.remove(&change.id).map(|placed| entry.at.since(placed).as_micros()));
            }
            _ => {}
        }
    }
    took
}

/// The number of the first entry that is younger than the last input.
fn below(journal: &[Entry], last: Option<Timestamp>) -> u64 {
    let last = last.unwrap_or(Timestamp::MIN);
    journal.iter().find(|entry| entry.at > last).map_or(u64::MAX, |entry| entry.seq)
}

fn behind(journal: &[Entry], end: u64) -> usize {
    journal.iter().filter(|entry| entry.seq >= end).count()
}

fn tick(at: Timestamp, input: &Taped) -> Option<FeedEvent> {
    let (symbol, event) = match *input {
        Taped::Trade { symbol, price, size, .. } => (symbol, MarketEvent::Trade(Trade { ts: at, price, size })),
        Taped::Quote { symbol, bid, ask, bid_size, ask_size, .. } => {
            (symbol, MarketEvent::Quote(Quote { ts: at, bid, ask, bid_size, ask_size }))
        }
        _ => return None,
    };
    Some(arrived(at, FeedEvent { symbol, event }))
}

struct Report<'a> {
    info: &'a SessionInfo,
    file: PathBuf,
    changed: Vec<String>,
    played: Played,
    entries: &'a [Entry],
}

impl Report<'_> {
    fn to_text(&self) -> String {
        let Played { decisions, fills, inputs, ticks, refused, remarks, .. } = &self.played;
        let mut lines = vec![
            format!("session    {} ({} entries in {})", self.info.id, self.entries.len(), self.file.display()),
            format!("inputs     {inputs}, {ticks} of them ticks"),
        ];
        if !self.changed.is_empty() {
            lines.push(format!("changed    {}", self.changed.join(", ")));
        }
        lines.extend(remarks.iter().map(|remark| format!("note       {remark}")));
        match &decisions.first {
            None => lines.push(format!("decisions  {} of {} equal", decisions.equal, decisions.recorded)),
            Some(first) => {
                lines.push(format!(
                    "decisions  {} of {} equal, then they differ ({} replayed)",
                    decisions.equal, decisions.recorded, decisions.replayed
                ));
                lines.extend(self.difference(first));
            }
        }
        lines.push(format!(
            "fills      {} orders: {} filled in both ({} at the same price), {} in the session only, {} in the backtest only",
            fills.orders, fills.both, fills.same_price, fills.session_only, fills.backtest_only
        ));
        if let Some(mean) = fills.mean_worse() {
            lines.push(format!(
                "           the session was {mean:+.3} ticks a contract worse than the backtest, from {:+.2} to {:+.2}",
                fills.best, fills.worst
            ));
        }
        if *refused > 0 {
            lines.push(format!("           the backtest's exchange refused {refused} requests"));
        }
        lines.extend(self.listed());
        lines.join("\n")
    }

    fn difference(&self, first: &Difference) -> Vec<String> {
        let of = |what: &Option<(Timestamp, Record)>| match what {
            Some((at, record)) => format!("{at} {}", written(record)),
            None => "nothing".to_owned(),
        };
        let place = match first.seq {
            Some(seq) => format!("{}, entry {seq}", self.file.display()),
            None => format!("behind the end of {}", self.file.display()),
        };
        vec![
            format!("  at       {place}"),
            format!("  session  {}", of(&first.recorded)),
            format!("  replay   {}", of(&first.replayed)),
        ]
    }

    /// The orders with the largest differences, and those that filled on one side only.
    fn listed(&self) -> Vec<String> {
        let mut other: Vec<&FilledOrder> =
            self.played.orders.iter().filter(|order| order.worse_by() != Some(0.0)).collect();
        other.sort_by(|a, b| weight(b).total_cmp(&weight(a)).then(a.id.cmp(&b.id)));
        let more = other.len().saturating_sub(LISTED);
        let mut lines: Vec<String> = other.into_iter().take(LISTED).map(|order| self.line(order)).collect();
        if more > 0 {
            lines.push(format!("           and {more} more; --json lists all"));
        }
        lines
    }

    fn line(&self, order: &FilledOrder) -> String {
        let name = |id| self.info.strategies.iter().find(|s| s.id == id).map_or("?", |s| s.name.as_str());
        let difference = match order.worse_by() {
            Some(worse) => format!("{worse:+.2} ticks"),
            None if order.session.quantity > 0 => "not filled in the backtest".to_owned(),
            None => "not filled in the session".to_owned(),
        };
        format!(
            "           order {} {} {} {} {}: {difference}",
            order.id.0,
            name(order.strategy),
            order.leg.name(),
            order.side.name(),
            symbol_name(&self.info.instruments, order.symbol)
        )
    }

    fn to_json(&self) -> Value {
        let Played { decisions, orders, fills, inputs, ticks, refused, remarks } = &self.played;
        let record = |what: &Option<(Timestamp, Record)>| {
            what.as_ref().map(|(at, record)| json!({ "at": at.to_string(), "record": record }))
        };
        let orders: Vec<Value> = orders
            .iter()
            .map(|order| {
                json!({
                    "id": order.id.0,
                    "strategy": order.strategy.0,
                    "symbol": symbol_name(&self.info.instruments, order.symbol),
                    "leg": order.leg.name(),
                    "side": order.side.name(),
                    "session": { "contracts": order.session.quantity, "average_ticks": order.session.average() },
                    "backtest": { "contracts": order.backtest.quantity, "average_ticks": order.backtest.average() },
                    "worse_by_ticks": order.worse_by(),
                })
            })
            .collect();
        json!({
            "session": self.info.id,
            "journal": self.file,
            "inputs": inputs,
            "ticks": ticks,
            "changed": self.changed,
            "remarks": remarks,
            "decisions": {
                "recorded": decisions.recorded,
                "replayed": decisions.replayed,
                "equal": decisions.equal,
                "first_difference": decisions.first.as_ref().map(|first| json!({
                    "seq": first.seq,
                    "session": record(&first.recorded),
                    "replay": record(&first.replayed),
                })),
            },
            "fills": {
                "orders": fills.orders,
                "both": fills.both,
                "same_price": fills.same_price,
                "session_only": fills.session_only,
                "backtest_only": fills.backtest_only,
                "mean_worse_ticks": fills.mean_worse(),
                "worst_ticks": fills.worst,
                "best_ticks": fills.best,
                "refused": refused,
                "by_order": orders,
            },
        })
    }
}

/// One side alone weighs more than any difference of prices.
fn weight(order: &FilledOrder) -> f64 {
    order.worse_by().map_or(f64::INFINITY, f64::abs)
}
fn named(core: CoreId, info: &SessionInfo) -> String {
    let symbol = |id| info.instruments.iter().find(|i| i.id == id).map_or("?", |i| i.name.as_str());
    let strategy = |id| info.strategies.iter().find(|s| s.id == id).map_or("?", |s| s.name.as_str());
    match core {
        CoreId::Bars(id) => format!("the bars of {}", symbol(id)),
        CoreId::Strategy(id) => format!("the strategy {}", strategy(id)),
        CoreId::Books => "the books".to_owned(),
        CoreId::Link => "the link".to_owned(),
    }
}

/// As `pitboss journal` shows it.
fn written(record: &Record) -> String {
    serde_json::to_string(record).expect("records are written as JSON everywhere")
}

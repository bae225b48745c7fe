//! Bars that the system itself has kept, as a market for backtests. In: names of sessions, the database or a journal's
//! folder, a span of time. Out: bars for each contract and length. Absent: ticks, which `replay-day` plays; merging.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actors::storage::rows::{BarRow, SessionRow};
use actors::storage::{BarQuery, OpenOptions, Store, Ts};
use clap::Args;
use engine::config::Config;
use engine::journal::{Mode, Record, SessionInfo};
use engine::market::{Bar, Instrument, Quality};
use engine::time::Timestamp;
use feeds::{FeedError, Recorded, RecordedBars};
use tokio::runtime::Runtime;

use super::gateway::parse_instant;
use super::{Failure, Outcome};

#[derive(Args, Clone, Debug, Default)]
pub struct RecordedArgs {
    /// Bars of these sessions of the database in place of files, as `pitboss report --list` names them. `newest` is the
    /// newest that is no backtest, and `all` are all of those.
    #[arg(long, num_args = 1.., value_name = "ID", conflicts_with = "data")]
    session: Vec<String>,
    /// Read the sessions from a journal's folder in place of the database.
    #[arg(long, value_name = "FOLDER")]
    journal: Option<PathBuf>,
    /// Only bars that open at this instant or later, as in 2024-06-12T13:30:00Z.
    #[arg(long, value_name = "TIME", value_parser = parse_instant)]
    from: Option<Timestamp>,
    /// Only bars that open before this instant.
    #[arg(long, value_name = "TIME", value_parser = parse_instant)]
    to: Option<Timestamp>,
}

/// From and to: a bar is wanted that opens at the first or later and before the second.
type Span = (Timestamp, Timestamp);

impl RecordedArgs {
    pub(super) fn are_given(&self) -> bool {
        !self.session.is_empty()
    }

    /// clap's `requires` says nothing where `--data` is given, since that is in conflict with what is required.
    ///
    /// # Errors
    /// An argument about sessions without one, and a span that ends before it begins.
    pub(super) fn check(&self) -> Outcome {
        let of_sessions =
            [("--journal", self.journal.is_some()), ("--from", self.from.is_some()), ("--to", self.to.is_some())];
        if let Some((name, _)) = of_sessions.iter().find(|(_, given)| *given && !self.are_given()) {
            return Err(Failure::usage(format!("{name} goes with --session: files are played as a whole")));
        }
        let (from, to) = self.span();
        match from < to {
            true => Ok(()),
            false => Err(Failure::usage(format!("--from {from} is not before --to {to}"))),
        }
    }

    fn span(&self) -> Span {
        (self.from.unwrap_or(Timestamp::MIN), self.to.unwrap_or(Timestamp::MAX))
    }

    /// What the chosen sessions have kept, oldest session first.
    pub(super) fn open(&self, config: &Config) -> Result<Vec<Recorded>, Failure> {
        let span = self.span();
        let (kept, place) = match &self.journal {
            Some(folder) => (of_journal(folder, &self.session, span)?, folder.display().to_string()),
            None => of_database(&config.storage.database_url, &self.session, span)?,
        };
        if kept.is_empty() {
            return Err(Failure::usage(format!("these sessions of {place} have no bars in that time")));
        }
        Ok(kept)
    }
}

/// The named ones of sessions that are given oldest first, each once and in that order.
fn chosen<'a, S>(
    all: &'a [S],
    names: &[String],
    place: &str,
    of: impl Fn(&S) -> (&str, bool),
) -> Result<Vec<&'a S>, Failure> {
    let mut wanted = vec![false; all.len()];
    for name in names {
        let mut found = all.iter().enumerate().filter(|(_, session)| {
            let (id, is_backtest) = of(session);
            if matches!(name.as_str(), "newest" | "all") { !is_backtest } else { id == name }
        });
        let found: Vec<usize> = match name.as_str() {
            "all" => found.map(|(at, _)| at).collect(),
            _ => found.next_back().map(|(at, _)| at).into_iter().collect(),
        };
        if found.is_empty() {
            let what = match name.as_str() {
                "newest" | "all" => "session but backtests".to_owned(),
                id => format!("session {id}"),
            };
            return Err(Failure::usage(format!("there is no {what} in {place}")));
        }
        found.into_iter().for_each(|at| wanted[at] = true);
    }
    Ok(all.iter().zip(wanted).filter(|(_, wanted)| *wanted).map(|(session, _)| session).collect())
}

/// An open database, and what waits for its answers.
struct Database {
    runtime: Runtime,
    store: Arc<dyn Store>,
}

impl Database {
    fn bars(&self, query: BarQuery) -> Result<Vec<BarRow>, FeedError> {
        self.runtime.block_on(self.store.bars(query)).map_err(|reason| FeedError::Unreadable {
            path: self.store.url().into(),
            source: std::io::Error::other(reason),
        })
    }
}

fn of_database(url: &str, names: &[String], span: Span) -> Result<(Vec<Recorded>, String), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::work)?;
    let options = OpenOptions { pool_size: 1, create: false };
    let store = runtime.block_on(actors::storage::open(url, options)).map_err(Failure::usage)?;
    let database = Arc::new(Database { runtime, store });
    let place = database.store.url().to_owned();
    let mut sessions = database.runtime.block_on(database.store.sessions()).map_err(Failure::work)?;
    sessions.reverse();
    let of = |session: &SessionRow| session.mode == Mode::Backtest.name();
    let mut kept = Vec::new();
    for session in chosen(&sessions, names, &place, |session| (session.session_id.as_str(), of(session)))? {
        kept.extend(of_row(&database, session, span)?);
    }
    Ok((kept, place))
}

/// What one session has in the database: each symbol and length.
fn of_row(database: &Arc<Database>, session: &SessionRow, span: Span) -> Result<Vec<Recorded>, Failure> {
    let id = &session.session_id;
    let whence = format!("session {id}");
    let instruments: Vec<Instrument> = serde_json::from_value(session.instruments.clone())
        .map_err(|reason| Failure::work(format!("the instruments of {whence}: {reason}")))?;
    let qualities = database.runtime.block_on(database.store.bar_qualities(id)).map_err(Failure::work)?;
    let mut lengths: Vec<(String, i64)> = qualities.into_iter().map(|row| (row.symbol, row.length_s)).collect();
    lengths.dedup();
    let mut kept = Vec::new();
    for (symbol, length_s) in lengths {
        let instrument =
            instruments.iter().find(|instrument| instrument.name == symbol).cloned().ok_or_else(|| {
                Failure::work(format!("{whence} has bars of {symbol}, which is none of its instruments"))
            })?;
        let seconds = u32::try_from(length_s).map_err(|_| Failure::work(format!("{whence}: bars of {length_s} s")))?;
        let (from, to) = span;
        let query = BarQuery { session: id.clone(), symbol, length_s, from: from.into(), to: to.into(), rows_max: 1 };
        let first = database.bars(query.clone()).map_err(Failure::work)?;
        let Some(first) = first.first().map(|row| Timestamp::from(row.ts)) else { continue };
        let (database, of) = (database.clone(), instrument.clone());
        let open = Arc::new(move || -> Result<RecordedBars, FeedError> {
            let query = BarQuery { rows_max: BARS_A_READ, ..query.clone() };
            let (database, instrument) = (database.clone(), of.clone());
            Ok(Box::new(Pages { database, instrument, query, rows: VecDeque::new(), ended: false }))
        });
        kept.push(Recorded { instrument, length_s: seconds, first, whence: whence.clone(), open });
    }
    Ok(kept)
}

/// Rows that are read at once.
const BARS_A_READ: i64 = 4_096;

/// The bars of one session, symbol and length, read in portions.
struct Pages {
    database: Arc<Database>,
    instrument: Instrument,
    query: BarQuery,
    rows: VecDeque<BarRow>,
    ended: bool,
}

impl Pages {
    fn advance(&mut self) -> Result<Option<Bar>, FeedError> {
        if self.rows.is_empty() && !self.ended {
            self.rows = self.database.bars(self.query.clone())?.into();
            self.ended = (self.rows.len() as i64) < BARS_A_READ;
        }
        let Some(row) = self.rows.pop_front() else { return Ok(None) };
        // Stamps of the database are whole microseconds.
        self.query.from = Ts::from(Timestamp::from(row.ts) + Duration::from_micros(1));
        let bar = bar(&self.instrument, &row).ok_or_else(|| FeedError::Damaged {
            path: self.database.store.url().into(),
            at: format!("the bar of {} at {} in session {}", row.symbol, row.ts, row.session_id),
            found: "values that are no bar".to_owned(),
            expected: "a bar on the tick grid of the session's instrument".to_owned(),
        })?;
        Ok(Some(bar))
    }
}

impl Iterator for Pages {
    type Item = Result<Bar, FeedError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

/// `None` if the row is not one that this program writes.
pub(super) fn bar(instrument: &Instrument, row: &BarRow) -> Option<Bar> {
    let price = |points: actors::storage::Dec| instrument.price_from_decimal(points.get()).ok();
    Some(Bar {
        symbol: instrument.id,
        open_ts: row.ts.into(),
        length_s: u32::try_from(row.length_s).ok()?,
        open: price(row.open)?,
        high: price(row.high)?,
        low: price(row.low)?,
        close: price(row.close)?,
        volume: u64::try_from(row.volume).ok()?,
        trades: u32::try_from(row.trades).ok()?,
        quality: Quality::ALL.into_iter().find(|quality| quality.name() == row.quality)?,
    })
}

/// Bars of one symbol and length by their opens; a revised bar stands in place of the first one.
type Held = BTreeMap<(engine::market::SymbolId, u32), BTreeMap<Timestamp, Bar>>;

fn of_journal(folder: &Path, names: &[String], span: Span) -> Result<Vec<Recorded>, Failure> {
    let mut sessions: Vec<(SessionInfo, Held)> = Vec::new();
    for entry in actors::journal::dump(folder).map_err(Failure::usage)? {
        let (_, entry) = entry.map_err(Failure::work)?;
        match entry.record {
            Record::SessionStarted { info, .. } => sessions.push((*info, Held::new())),
            Record::Bar(bar) | Record::BarRevised(bar) if (span.0..span.1).contains(&bar.open_ts) => {
                if let Some((_, held)) = sessions.last_mut() {
                    held.entry((bar.symbol, bar.length_s)).or_default().insert(bar.open_ts, bar);
                }
            }
            _ => {}
        }
    }
    let place = format!("the journal {}", folder.display());
    let mut kept = Vec::new();
    let of = |session: &(SessionInfo, Held)| session.0.mode == Mode::Backtest;
    for (info, held) in chosen(&sessions, names, &place, |session| (session.0.id.as_str(), of(session)))? {
        for ((symbol, length_s), bars) in held {
            let instrument = info.instruments.iter().find(|instrument| instrument.id == *symbol).ok_or_else(|| {
                Failure::work(format!("session {} has bars of a symbol that is none of its instruments", info.id))
            })?;
            let Some(first) = bars.keys().next().copied() else { continue };
            let bars: Arc<[Bar]> = bars.values().copied().collect();
            let open = Arc::new(move || -> Result<RecordedBars, FeedError> {
                let bars = bars.clone();
                Ok(Box::new((0..bars.len()).map(move |at| Ok(bars[at]))))
            });
            let (instrument, whence) = (instrument.clone(), format!("session {}", info.id));
            kept.push(Recorded { instrument, length_s: *length_s, first, whence, open });
        }
    }
    Ok(kept)
}

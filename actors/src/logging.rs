//! Log events to the terminal, for people, and to rotating JSON files, for queries. In: a [`LogConfig`].
//! Out: a logger, and a guard that writes what is pending when it is dropped. Absent: who logs, alerts, the journal.
//!
//! An event has a text and keys; `event` comes first and names it for queries:
//! `warn!(log, "order {id} refused by broker: {reason}"; "event" => "order.refused", "order_id" => id)`.
//! Every JSON line has `ts` (UTC, when it was logged), `level`, `msg` and `target` (the module, or the target of a crate
//! that logs through `log`). Writing happens on two threads, so no caller waits for a disk or a terminal; a full queue
//! drops events and says how many.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::OnceLock;

use chrono::Local;
use engine::config::{LOG_LEVELS, LogConfig};
use engine::journal::Severity;
use slog::{Drain, Level, LevelFilter, Logger, debug, error, o, warn};
use slog_async::{Async, AsyncError, AsyncGuard, OverflowStrategy};

use crate::priority;

mod drain;
mod file;
mod line;

#[cfg(test)]
mod tests;

use drain::{Never, Reported, Stamped};
use file::LogFile;
use line::LaidOut;

/// Events that may wait for the writing thread.
const QUEUE_EVENTS: usize = 65_536;

#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("log.{key}: {found:?} is not a level; expected one of {}", LOG_LEVELS.join(", "))]
    Level { key: &'static str, found: String },
    #[error("the log file {} cannot be opened: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("another logger already receives what libraries log, so their events would be lost")]
    Bridge,
}

/// Writes what is pending and ends the writing threads when dropped. Keep it until the end of `main`.
#[must_use = "events that are logged after the guard is dropped are lost"]
pub struct LogGuard {
    pending: Vec<AsyncGuard>,
}

impl fmt::Debug for LogGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogGuard").field("threads", &self.pending.len()).finish()
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        // Libraries may log after this, from threads that end later. The scope's own guard would make that a panic.
        slog_scope::set_global_logger(Logger::root(slog::Discard, o!())).cancel_reset();
        self.pending.clear();
    }
}

/// Starts logging for the whole process: ours through the returned logger, that of libraries (the crate `log`, from
/// info on) through the same drains.
pub fn start(config: &LogConfig) -> Result<(Logger, LogGuard), LogError> {
    let decorator = slog_term::TermDecorator::new().stderr().build();
    let (logger, guard) = build(config, decorator)?;
    slog_scope::set_global_logger(logger.clone()).cancel_reset();
    bridge()?;
    Ok((logger, guard))
}

/// An event for a person, as loud as its severity says.
pub(crate) fn tell(log: &Logger, severity: Severity, event: &str, actor: &str, text: &str) {
    match severity {
        Severity::Info => debug!(log, "{text}"; "event" => event, "actor" => actor),
        Severity::Warning => warn!(log, "{text}"; "event" => event, "actor" => actor),
        Severity::Error => error!(log, "{text}"; "event" => event, "actor" => actor),
    }
}

/// The crate `log` takes one receiver for the life of the process; ours passes on to whichever logger is global.
fn bridge() -> Result<(), LogError> {
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    let installed = INSTALLED.get_or_init(|| slog_stdlog::init_with_level(log::Level::Info).is_ok());
    if *installed { Ok(()) } else { Err(LogError::Bridge) }
}

fn build<D>(config: &LogConfig, decorator: D) -> Result<(Logger, LogGuard), LogError>
where
    D: slog_term::Decorator + Send + 'static,
{
    let terminal_level = level("terminal_level", &config.terminal_level)?;
    let file_level = level("file_level", &config.file_level)?;
    let file = match &config.file {
        Some(path) => Some(
            LogFile::open(path, config.file_bytes_max, config.backups)
                .map_err(|source| LogError::File { path: path.clone(), source })?,
        ),
        None => None,
    };
    let (terminal, terminal_guard) = in_background(terminal(decorator), "log-terminal");
    // Levels are checked before the queue: an event that nobody wants costs nanoseconds.
    let terminal = LevelFilter::new(terminal, terminal_level);
    let Some(file) = file else {
        return Ok((Logger::root(terminal.fuse(), o!()), LogGuard { pending: vec![terminal_guard] }));
    };
    let (file, file_guard) = in_background(json(file), "log-file");
    let file = LevelFilter::new(Stamped(file), file_level);
    let logger = Logger::root(slog::Duplicate::new(terminal, file).ignore_res(), o!());
    Ok((logger, LogGuard { pending: vec![terminal_guard, file_guard] }))
}

fn level(key: &'static str, name: &str) -> Result<Level, LogError> {
    let known = LOG_LEVELS.contains(&name).then(|| Level::from_str(name).ok()).flatten();
    known.ok_or_else(|| LogError::Level { key, found: name.to_owned() })
}

/// `10:31:02 WARN order 17 refused by broker: margin`; the date and the keys are in the file.
fn terminal<D: slog_term::Decorator>(decorator: D) -> MessageOnly<slog_term::FullFormat<D>> {
    let time = |out: &mut dyn io::Write| write!(out, "{}", Local::now().format("%H:%M:%S"));
    MessageOnly(slog_term::FullFormat::new(decorator).use_custom_timestamp(time).build())
}

/// Leaves out keys: they are for queries, and a person reads the message.
struct MessageOnly<D>(D);

impl<D: Drain> Drain for MessageOnly<D> {
    type Ok = D::Ok;
    type Err = D::Err;

    fn log(&self, record: &slog::Record<'_>, _: &slog::OwnedKVList) -> Result<D::Ok, D::Err> {
        let location = slog::RecordStatic { location: record.location(), tag: record.tag(), level: record.level() };
        self.0.log(&slog::Record::new(&location, record.msg(), slog::b!()), &o!().into())
    }
}

fn json(file: LogFile) -> LaidOut<slog_json::Json<LogFile>> {
    LaidOut(slog_json::Json::new(file).set_newlines(true).set_flush(true).build())
}

/// Writes on a thread of its own; what cannot be written is said on standard error.
fn in_background<D>(drain: D, thread: &'static str) -> (impl Drain<Ok = (), Err = Never>, AsyncGuard)
where
    D: Drain<Ok = (), Err = io::Error> + Send + 'static,
{
    let (queue, guard) = priority::behind(|| {
        Async::new(Reported::new(drain, thread))
            .chan_size(QUEUE_EVENTS)
            .overflow_strategy(OverflowStrategy::DropAndReport)
            .thread_name(thread.to_owned())
            .build_with_guard()
    });
    (Reported::new(queue.map_err(broken_queue), thread), guard)
}

fn broken_queue(error: AsyncError) -> io::Error {
    match error {
        AsyncError::Full => io::Error::other("the queue is full"),
        AsyncError::Fatal(source) => io::Error::other(source.to_string()),
    }
}

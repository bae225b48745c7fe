//! What keeps a session running: actors, storage, log. In: sections. Out: typed sections, with the documented defaults.

use std::path::PathBuf;
use std::time::Duration;

use super::kind::{boolean, millis, name, path, text, whole};
use super::walk::Section;
use crate::config::{ActorConfig, ActorsConfig, LOG_LEVELS, LogConfig, RecordingConfig, StorageConfig};

const DAY_MS: u64 = 86_400_000;

pub(super) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The smaller of two times must not exceed the larger.
pub(super) fn ordered(
    s: &Section<'_>,
    (least_key, least): (&str, Duration),
    (most_key, most): (&str, Duration),
) -> Option<()> {
    if least <= most {
        return Some(());
    }
    s.mistake(least_key, least.as_millis().to_string(), format!("at most {most_key}, which is {}", most.as_millis()));
    None
}

/// A socket's path is short: the kernel takes no more.
const SOCKET_BYTES_MAX: usize = 100;

pub(super) fn control(root: &Section<'_>) -> Option<Option<PathBuf>> {
    root.section("control", |s| {
        let on = s.or("enabled", boolean(), true);
        let short = text("a path of at most 100 bytes", |path| !path.is_empty() && path.len() <= SOCKET_BYTES_MAX);
        let socket = s.or("socket", short.map(PathBuf::from), PathBuf::from("var/control.sock"));
        let (on, socket) = (on?, socket?);
        Some(on.then_some(socket))
    })
}

pub(super) fn actors(root: &Section<'_>) -> Option<ActorsConfig> {
    root.section("actors", |s| {
        let broker = actor(s, "broker", "trading");
        let bars = actor(s, "bars", "trading");
        let strategy = actor(s, "strategy", "trading");
        let books = actor(s, "books", "trading");
        let storage = actor(s, "storage", "storage");
        let ping_every = s.or("ping_every_ms", millis(10..=60_000), seconds(1));
        let report_every = s.or("report_every_ms", millis(100..=DAY_MS), seconds(60));
        Some(ActorsConfig {
            broker: broker?,
            bars: bars?,
            strategy: strategy?,
            books: books?,
            storage: storage?,
            ping_every: ping_every?,
            report_every: report_every?,
        })
    })
}

fn actor(actors: &Section<'_>, kind: &'static str, thread: &str) -> Option<ActorConfig> {
    actors.section(kind, |s| {
        let thread = s.or("thread", name(15), thread.to_owned());
        let mailbox_capacity = s.or("mailbox_capacity", whole(16..=1_048_576, "messages"), 8_192);
        let restarts_max = s.or("restarts_max", whole(0..=1_000, "restarts"), 5);
        let restart_period = s.or("restart_period_ms", millis(1..=DAY_MS), seconds(60));
        let backoff_min = s.or("backoff_min_ms", millis(1..=600_000), Duration::from_millis(100));
        let backoff_max = s.or("backoff_max_ms", millis(1..=600_000), seconds(10));
        let hang_after = s.or("hang_after_ms", millis(10..=600_000), seconds(5));
        let stop_within = s.or("stop_within_ms", millis(1..=600_000), seconds(5));
        let actor = ActorConfig {
            thread: thread?,
            mailbox_capacity: mailbox_capacity?,
            restarts_max: restarts_max?,
            restart_period: restart_period?,
            backoff_min: backoff_min?,
            backoff_max: backoff_max?,
            hang_after: hang_after?,
            stop_within: stop_within?,
        };
        ordered(s, ("backoff_min_ms", actor.backoff_min), ("backoff_max_ms", actor.backoff_max))?;
        Some(actor)
    })
}

pub(super) fn storage(root: &Section<'_>) -> Option<StorageConfig> {
    root.section("storage", |s| {
        let url = text("sqlite:PATH or postgres://USER@HOST/DATABASE", |url| {
            ["sqlite:", "postgres://", "postgresql://"]
                .iter()
                .any(|scheme| url.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty() && !rest.contains('\0')))
        });
        let database_url = s.or("database_url", url.secret(), "sqlite:var/pitboss.db".to_owned());
        let journal_dir = s.or("journal_dir", path(), PathBuf::from("var/journal"));
        let batch_rows_max = s.or("batch_rows_max", whole(1..=10_000, "rows"), 500);
        let flush_every = s.or("flush_every_ms", millis(1..=60_000), Duration::from_millis(200));
        let pool_size = s.or("pool_size", whole(1..=100, "connections"), 4);
        Some(StorageConfig {
            database_url: database_url?,
            journal_dir: journal_dir?,
            batch_rows_max: batch_rows_max?,
            flush_every: flush_every?,
            pool_size: pool_size?,
        })
    })
}

pub(super) fn recording(root: &Section<'_>) -> Option<Option<RecordingConfig>> {
    root.section("recording", |s| {
        let enabled = s.or("enabled", boolean(), false);
        let bytes_max = s.or("bytes_max", whole(1_000_000..=100_000_000_000, "bytes"), 1_000_000_000);
        let folder = s.or("folder_bytes_max", whole(0..=1_000_000_000_000, "bytes"), 10_000_000_000);
        let recording = RecordingConfig { bytes_max: bytes_max?, folder_bytes_max: folder? };
        Some(enabled?.then_some(recording))
    })
}

pub(super) fn log(root: &Section<'_>) -> Option<LogConfig> {
    root.section("log", |s| {
        let level = || text(&format!("one of {}", LOG_LEVELS.join(", ")), |text| LOG_LEVELS.contains(&text));
        let terminal_level = s.or("terminal_level", level(), "info".to_owned());
        let file_level = s.or("file_level", level(), "debug".to_owned());
        let file = s.or(
            "file",
            text("a path, or \"\" for no file", |text| !text.contains('\0')),
            "var/log/pitboss.json".to_owned(),
        );
        let file_bytes_max = s.or("file_bytes_max", whole(1_000..=10_000_000_000, "bytes"), 100_000_000);
        let backups = s.or("backups", whole(1..=1_000, "files"), 10);
        Some(LogConfig {
            terminal_level: terminal_level?,
            file_level: file_level?,
            file: file.map(|file| Some(file).filter(|file| !file.is_empty()).map(PathBuf::from))?,
            file_bytes_max: file_bytes_max?,
            backups: backups?,
        })
    })
}

//! Logs as people and queries find them.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use slog::{debug, error, info, trace, warn};
use slog_term::PlainSyncDecorator;
use tempfile::TempDir;

use super::*;

/// A terminal whose text can be read.
#[derive(Clone, Default)]
struct Screen(Arc<Mutex<Vec<u8>>>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no writer panics").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Screen {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no writer panics").clone()).expect("log texts are UTF-8")
    }
}

fn config(folder: &TempDir) -> LogConfig {
    LogConfig {
        terminal_level: "info".into(),
        file_level: "debug".into(),
        file: Some(folder.path().join("new/folder/log.json")),
        file_bytes_max: 100_000_000,
        backups: 3,
    }
}

/// Runs `events` with a logger and returns the screen's text after everything has been written.
fn logged(config: &LogConfig, events: impl FnOnce(&Logger)) -> String {
    let screen = Screen::default();
    let (logger, guard) = build(config, PlainSyncDecorator::new(screen.clone())).expect("the log opens");
    events(&logger);
    drop(logger);
    drop(guard);
    screen.text()
}

fn lines(path: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(path).expect("a log file");
    assert!(text.is_empty() || text.ends_with('\n'), "{} ends inside a line", path.display());
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line:?}: {e}"))).collect()
}

#[test]
fn a_line_is_read_by_a_person_and_by_a_query() {
    let folder = TempDir::new().expect("a temporary folder");
    let config = config(&folder);
    let screen = logged(&config, |log| {
        let log = log.new(o!("actor" => "orders"));
        warn!(log, "order {} refused by broker: {}", 17, "no \"margin\"\nleft"; "event" => "order.refused", "order_id" => 17);
    });
    let (time, rest) = screen.split_at(8);
    assert!(chrono::NaiveTime::parse_from_str(time, "%H:%M:%S").is_ok(), "{time}");
    let shown = " WARN order 17 refused by broker: no \"margin\"\nleft\n";
    assert_eq!(rest, shown);

    let line = &lines(config.file.as_deref().expect("a file"))[0];
    assert_eq!(line["level"], "warning");
    assert_eq!(line["msg"], "order 17 refused by broker: no \"margin\"\nleft");
    assert_eq!(line["event"], "order.refused");
    assert_eq!(line["order_id"], 17);
    assert_eq!(line["actor"], "orders");
    assert_eq!(line["target"], "actors::logging::tests");
    let at = line["ts"].as_str().expect("a text").parse::<chrono::DateTime<chrono::Utc>>().expect("an instant");
    assert!((chrono::Utc::now() - at).num_seconds().abs() < 60);
}

#[test]
fn terminal_and_file_have_their_own_levels() {
    let folder = TempDir::new().expect("a temporary folder");
    let config = LogConfig { terminal_level: "warning".into(), ..config(&folder) };
    let screen = logged(&config, |log| {
        trace!(log, "a trace");
        debug!(log, "a detail");
        info!(log, "an event");
        warn!(log, "a warning");
        error!(log, "an error");
    });
    let shown: Vec<&str> = screen.lines().map(|line| &line[9..]).collect();
    assert_eq!(shown, ["WARN a warning", "ERRO an error"]);
    let written: Vec<_> =
        lines(config.file.as_deref().expect("a file")).into_iter().map(|l| l["msg"].clone()).collect();
    assert_eq!(written, ["a detail", "an event", "a warning", "an error"]);
}

#[test]
fn rotation_keeps_whole_lines_and_loses_none() {
    let folder = TempDir::new().expect("a temporary folder");
    let config = LogConfig { file_bytes_max: 60_000, ..config(&folder) };
    let path = config.file.clone().expect("a file");
    // One line is longer than a file may be, and longer than any buffer on its way.
    let long = "x".repeat(200_000);
    logged(&config, |log| {
        for number in 0..1_000 {
            debug!(log, "event"; "number" => number);
        }
        debug!(log, "{long}"; "number" => 1_000);
        debug!(log, "last"; "number" => 1_001);
    });
    let mut numbers = BTreeSet::new();
    let mut files = 0;
    for file in std::fs::read_dir(path.parent().expect("a folder")).expect("a folder") {
        files += 1;
        for line in lines(&file.expect("an entry").path()) {
            assert!(numbers.insert(line["number"].as_u64().expect("a number")), "an event is there twice");
        }
    }
    assert!((3..=4).contains(&files), "{files} files");
    assert_eq!(numbers, (0..=1_001).collect());
}

#[test]
fn old_files_are_compressed_and_the_oldest_deleted() {
    let folder = TempDir::new().expect("a temporary folder");
    let config = LogConfig { file_bytes_max: 2_000, backups: 5, ..config(&folder) };
    logged(&config, |log| (0..500).for_each(|number| debug!(log, "event"; "number" => number)));
    let path = config.file.clone().expect("a file");
    let names: BTreeSet<String> = std::fs::read_dir(path.parent().expect("a folder"))
        .expect("a folder")
        .map(|file| file.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    let expected = ["log.json", "log.json.1", "log.json.2", "log.json.3", "log.json.4.gz", "log.json.5.gz"];
    assert_eq!(names, expected.map(str::to_owned).into());
}

#[test]
fn a_restart_appends() {
    let folder = TempDir::new().expect("a temporary folder");
    let config = config(&folder);
    logged(&config, |log| info!(log, "first"));
    logged(&config, |log| info!(log, "second"));
    assert_eq!(lines(config.file.as_deref().expect("a file")).len(), 2);
}

#[test]
fn a_deleted_file_is_made_again() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("log.json");
    let mut file = LogFile::open(&path, 1_000, 3).expect("the log opens");
    file.write_all(b"first\n").expect("a line");
    std::fs::remove_file(&path).expect("it is there");
    file.write_all(b"sec").expect("part of a line");
    file.write_all(b"ond\n").expect("the rest");
    assert_eq!(std::fs::read_to_string(&path).expect("it is there again"), "second\n");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_an_error_and_never_a_panic() {
    let mut full = LogFile::open(Path::new("/dev/full"), 1_000, 3).expect("the device opens");
    for _ in 0..3 {
        let error = full.write_all(b"an event\n").expect_err("there is no space");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
    let folder = TempDir::new().expect("a temporary folder");
    let config = LogConfig { file: Some("/dev/full".into()), ..config(&folder) };
    let screen = logged(&config, |log| info!(log, "trading goes on"));
    assert!(screen.ends_with("INFO trading goes on\n"));
}

#[test]
fn keys_stand_in_the_order_in_which_they_are_read() {
    let folder = TempDir::new().expect("a temporary folder");
    let config = config(&folder);
    logged(&config, |log| {
        let log = log.new(o!("actor" => "books", "price" => "unknown"));
        info!(log, "filled"; "event" => "order.filled", "order_id" => 17, "price" => "5003.25");
    });
    let text = std::fs::read_to_string(config.file.as_deref().expect("a file")).expect("a log file");
    let place = |key: &str| text.find(&format!("\"{key}\":")).unwrap_or_else(|| panic!("no {key} in {text}"));
    let keys = ["ts", "level", "msg", "event", "order_id", "price", "actor", "target"].map(place);
    assert!(keys.is_sorted(), "{text}");
    assert_eq!(text.matches("\"price\"").count(), 1, "{text}");
    assert!(text.contains("\"price\":\"5003.25\",\"actor\":\"books\""), "the event's own price: {text}");
}

#[test]
fn errors_name_the_path_or_the_key() {
    let folder = TempDir::new().expect("a temporary folder");
    let error = |config: &LogConfig| {
        build(config, PlainSyncDecorator::new(Screen::default())).expect_err("a mistake").to_string()
    };
    let taken = folder.path().join("taken");
    std::fs::write(&taken, "a file where a folder should be").expect("a file");
    let path = taken.join("log.json");
    let said = error(&LogConfig { file: Some(path.clone()), ..config(&folder) });
    assert!(said.starts_with(&format!("the log file {} cannot be opened: ", path.display())), "{said}");
    assert!(error(&LogConfig { file: Some("..".into()), ..config(&folder) }).contains("names no file"));
    let said = error(&LogConfig { file_level: "loud".into(), ..config(&folder) });
    assert_eq!(
        said,
        "log.file_level: \"loud\" is not a level; expected one of critical, error, warning, info, debug, trace"
    );
}

#[test]
fn what_libraries_log_arrives_from_info_on_with_its_target() {
    let folder = TempDir::new().expect("a temporary folder");
    let config = config(&folder);
    let (_logger, guard) = start(&config).expect("the log opens");
    log::info!(target: "some_library::socket", "connected");
    log::debug!(target: "some_library::socket", "noise");
    drop(guard);
    log::info!("after the end: neither written nor a panic");
    let bridged: Vec<_> = lines(config.file.as_deref().expect("a file"))
        .into_iter()
        .filter(|line| line["target"] == "some_library::socket")
        .map(|line| line["msg"].clone())
        .collect();
    assert_eq!(bridged, ["connected"]);
}

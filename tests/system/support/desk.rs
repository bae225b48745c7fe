//! A folder in which one installation of Pitboss lives: configuration, database, journal, log. It goes with its test.

use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use actors::journal;
use actors::storage::{self, BarQuery, OpenOptions, Store, Ts, rows::BarRow};
use engine::journal::Entry;
use engine::time::Timestamp;
use serde_json::Value;
use tempfile::TempDir;

use super::{Finished, Process, Settings};

pub struct Desk {
    dir: TempDir,
}

/// The database of configurations that name no other.
pub const DATABASE: &str = "var/pitboss.db";

impl Desk {
    pub fn new() -> Self {
        Self { dir: tempfile::Builder::new().prefix("pitboss-").tempdir().expect("a temporary folder") }
    }

    /// A new folder with this configuration in it.
    pub fn with(settings: &Settings) -> Self {
        let desk = Self::new();
        desk.write("desk.toml", settings.to_toml());
        desk
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("it lies in the folder")).expect("the folder is writable");
        fs::write(&path, content).expect("the folder is writable");
        path
    }

    /// Names of everything in the folder, deeper ones with their path, sorted.
    pub fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        list(self.dir.path(), self.dir.path(), &mut found);
        found.sort();
        found
    }

    /// `pitboss` with arguments, in the folder, without the settings of whoever runs the tests.
    pub fn command<A: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pitboss"));
        command.current_dir(self.dir.path()).args(args);
        for (key, _) in std::env::vars_os().filter(|(key, _)| key.to_string_lossy().starts_with("PITBOSS__")) {
            command.env_remove(key);
        }
        command
    }

    pub fn start(&self, args: &[&str]) -> Process {
        Process::start(&mut self.command(args))
    }

    /// Runs to the end, whatever that is.
    pub fn run(&self, args: &[&str]) -> Finished {
        self.start(args).end()
    }

    /// `pitboss report --json` of the newest session, with further arguments.
    pub fn report(&self, args: &[&str]) -> Value {
        self.run(&[&["report", "--json"], args].concat()).ok().json()
    }

    /// Every entry of a journal folder.
    pub fn journal(&self, folder: &str) -> Vec<Entry> {
        let entries = journal::dump(&self.path(folder)).expect("the folder is a journal");
        entries.map(|entry| entry.expect("the entry can be read").1).collect()
    }

    /// The events of the JSON log, oldest first.
    pub fn log(&self) -> Vec<Value> {
        let log = fs::read_to_string(self.path("var/log/pitboss.json")).expect("a session leaves its log");
        log.lines().map(|line| serde_json::from_str(line).expect("one JSON object a line")).collect()
    }

    /// Stored one-minute bars of a session, oldest first.
    pub fn bars(&self, session: &str, symbol: &str) -> Vec<BarRow> {
        let url = format!("sqlite:{}", self.path(DATABASE).display());
        let (from, to) = (Ts::from(Timestamp::MIN), Ts::from(Timestamp::MAX));
        let (session, symbol) = (session.to_owned(), symbol.to_owned());
        wait(async {
            let store: Arc<dyn Store> = open(&url).await;
            let query = BarQuery { session, symbol, length_s: 60, from, to, rows_max: 1_000_000 };
            store.bars(query).await.expect("the table can be read")
        })
    }
}

pub async fn open(url: &str) -> Arc<dyn Store> {
    let options = OpenOptions { pool_size: 1, create: false };
    storage::open(url, options).await.expect("the session left a database")
}

/// Runs a future to its end on this thread.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("threads and sockets");
    runtime.block_on(future)
}

fn list(root: &Path, dir: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(dir).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            list(root, &path, found);
        } else {
            found.push(path.strip_prefix(root).expect("it lies in it").display().to_string());
        }
    }
}

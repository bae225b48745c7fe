//! A real TimescaleDB for a test. In: the Node.js packages that `cargo xtask test` installs. Out: the URL of an empty
//! database and its SQL, or that the packages are not here. It serves one session at a time, so a store has a pool of one
//! and is dropped before anybody else asks; there are no background workers, so policies run when they are called.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use tokio_postgres::SimpleQueryMessage;

use super::OpenOptions;

/// How a store is opened on it.
pub const ALONE: OpenOptions = OpenOptions { pool_size: 1, create: true };

const PACKAGES: &str = "PITBOSS_NODE";
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../xtask/node/timescale.mjs");
const STARTS_WITHIN: Duration = Duration::from_secs(180);

pub struct TimescaleServer {
    server: Child,
    /// The server ends when this closes: here, or with this process.
    stdin: Option<ChildStdin>,
    pub url: String,
}

impl TimescaleServer {
    /// With the extension made, as an administrator would; `None` after saying so when the packages are not here.
    pub fn start() -> Option<TimescaleServer> {
        Self::start_with(&[])
    }

    /// The extension's files are there, but it is neither made nor preloaded.
    pub fn start_without_extension() -> Option<TimescaleServer> {
        Self::start_with(&["empty"])
    }

    fn start_with(more: &[&str]) -> Option<TimescaleServer> {
        let packages = std::env::var_os(PACKAGES).map(PathBuf::from).filter(|dir| dir.join("node_modules").exists());
        let Some(packages) = packages else {
            println!(
                "skipped: {PACKAGES} names no folder of Node.js packages with TimescaleDB; `cargo xtask test` does"
            );
            return None;
        };
        let mut node = Command::new("node");
        let node = node.arg(SCRIPT).arg(packages).arg("0").args(more);
        let mut server = node.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("node runs if it installed");
        let stdout = server.stdout.take().expect("it is piped");
        let stdin = server.stdin.take();
        let (say, said) = mpsc::channel();
        std::thread::spawn(move || {
            let first = BufReader::new(stdout).lines().next();
            // Nobody listens when the wait is over.
            say.send(first).ok();
        });
        // A server that is dropped before it is ready ends as one that is.
        let mut server = TimescaleServer { server, stdin, url: String::new() };
        let line = said.recv_timeout(STARTS_WITHIN).expect("TimescaleDB says in time where it listens");
        let line = line.expect("TimescaleDB starts; why not is above").expect("its output can be read");
        let place = line.strip_prefix("listening on ").expect("it says where it listens");
        server.url = format!("postgres://postgres:any@{place}/postgres?sslmode=disable");
        Some(server)
    }

    /// Runs SQL in a session of its own and gives the rows as psql does without decoration. No store may be open.
    pub async fn sql(&self, sql: &str) -> Vec<String> {
        let (client, connection) = tokio_postgres::connect(&self.url, tokio_postgres::NoTls).await.unwrap();
        let ended = tokio::spawn(connection);
        let answer = client.simple_query(sql).await.unwrap_or_else(|e| panic!("{sql}: {e:?}"));
        drop(client);
        ended.await.unwrap().unwrap();
        let rows = answer.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let line = |row: &tokio_postgres::SimpleQueryRow| {
            let columns = (0..row.len()).map(|column| row.get(column).unwrap_or_default());
            columns.collect::<Vec<_>>().join("|")
        };
        rows.map(line).collect()
    }
}

impl Drop for TimescaleServer {
    fn drop(&mut self) {
        drop(self.stdin.take());
        if let Err(e) = self.server.wait() {
            println!("TimescaleDB could not be waited for: {e}");
        }
    }
}

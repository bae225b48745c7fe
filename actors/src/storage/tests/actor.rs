//! The actor: catches up, waits out a database that is away, stops with everything written, and comes back from a
//! restart without losing or repeating anything.

use std::time::{Duration, Instant};

use actix::prelude::*;
use slog::{Discard, Logger, o};

use super::*;
use crate::storage::pg_server;

fn settings(desk: &Desk, database_url: String) -> StorageSettings {
    StorageSettings {
        database_url,
        journal_dir: desk.journal.path().to_path_buf(),
        flush_every: Duration::from_millis(5),
        batch_rows_max: 6,
        pool_size: 2,
    }
}

fn actor(desk: &Desk, url: String) -> StorageActor {
    StorageActor::new(settings(desk, url), Logger::root(Discard, o!()))
}

const WITHIN: Duration = Duration::from_secs(30);

/// Asks for the status until it is as wanted.
async fn until(addr: &Addr<StorageActor>, wanted: impl Fn(&StorageStatus) -> bool) -> StorageStatus {
    let deadline = Instant::now() + WITHIN;
    loop {
        let status = addr.send(ReadStatus).await.unwrap();
        if wanted(&status) {
            return status;
        }
        assert!(Instant::now() < deadline, "still {status:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[test]
fn what_is_written_while_it_runs_is_in_the_database_when_it_stops() {
    let mut desk = Desk::new();
    let url = sqlite_url(desk.dir.path());
    run(async {
        let addr = actor(&desk, url.clone()).start();
        desk.start().write(day());
        until(&addr, |status| status.entries > 0).await;
        desk.start().write(day());
        let drained = addr.send(StopStorage { within: WITHIN }).await.unwrap();
        assert_eq!(drained, Drained { complete: true, behind_bytes: 0, last_error: None });
        let store = open(&url, OPTIONS).await.unwrap();
        let shown = show(&store).await;
        assert_eq!(shown.iter().map(|s| s.counts.signals).collect::<Vec<_>>(), [3, 3]);
    });
}

#[test]
fn a_database_that_is_away_costs_nothing_but_time() {
    let mut desk = Desk::new();
    let path = desk.dir.path().join("pit.db");
    desk.start().write(day());
    // A folder where the file should be.
    std::fs::create_dir(&path).unwrap();
    run(async {
        let addr = actor(&desk, sqlite_url(desk.dir.path())).start();
        let status = until(&addr, |status| status.failures > 0).await;
        assert!(status.last_error.unwrap().contains("cannot open or make the file"));
        desk.write([system("written while the database was away")]);
        std::fs::remove_dir(&path).unwrap();
        let status = until(&addr, |status| status.failures == 0 && status.behind_bytes == 0).await;
        assert_eq!((status.entries, status.last_error), (day().len() as u64 + 2, None));
    });
}

#[test]
fn a_file_that_is_removed_while_it_is_open_is_made_again_out_of_the_journal() {
    let mut desk = Desk::new();
    let url = sqlite_url(desk.dir.path());
    let path = desk.dir.path().join("pit.db");
    desk.start().write(day());
    run(async {
        let addr = actor(&desk, url.clone()).start();
        until(&addr, |status| status.behind_bytes == 0 && status.entries > 0).await;
        std::fs::remove_file(&path).unwrap();
        until(&addr, |status| status.last_error.as_ref().is_some_and(|e| e.contains("was removed or replaced"))).await;
        until(&addr, |status| status.failures == 0 && path.exists()).await;
        // As `mv` of an older copy does.
        std::fs::copy(&path, desk.dir.path().join("older.db")).unwrap();
        std::fs::rename(desk.dir.path().join("older.db"), &path).unwrap();
        desk.write([system("written after it was replaced")]);
        let drained = addr.send(StopStorage { within: WITHIN }).await.unwrap();
        assert!(drained.complete, "{drained:?}");
        let store = open(&url, OPTIONS).await.unwrap();
        let shown = show(&store).await;
        assert_eq!(shown.iter().map(|s| s.counts.signals).collect::<Vec<_>>(), [3]);
        assert!(shown[0].events.iter().any(|e| e.text == "written after it was replaced"));
    });
}

#[test]
fn a_server_that_dies_and_returns_is_caught_up_with() {
    let Some(server) = pg_server::shared() else { return };
    let url = server.new_database();
    let mut desk = Desk::new();
    desk.start().write(day());
    run(async {
        let addr = actor(&desk, url.clone()).start();
        until(&addr, |status| status.entries == day().len() as u64 + 1).await;
        // Every connection is cut while it is in use; what was written since is written once.
        let database = url.rsplit('/').next().unwrap();
        let cut = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'");
        for _ in 0..3 {
            desk.write(day());
            server.sql(&server.url("postgres"), &cut);
        }
        let all = 4 * day().len() as u64 + 1;
        until(&addr, |status| status.failures == 0 && status.behind_bytes == 0 && status.entries >= all).await;
        let store = open(&url, OPTIONS).await.unwrap();
        assert_eq!(show(&store).await[0].counts.signals, 12);
    });
}

#[test]
fn a_stop_is_answered_in_time_when_there_is_no_database() {
    let mut desk = Desk::new();
    desk.start().write(day());
    run(async {
        let url = format!("sqlite:{}", desk.journal.path().display());
        let addr = actor(&desk, url).start();
        let asked = Instant::now();
        let drained = addr.send(StopStorage { within: Duration::from_millis(50) }).await.unwrap();
        assert!(!drained.complete && drained.last_error.is_some(), "{drained:?}");
        assert!(asked.elapsed() < WITHIN);
    });
}

#[derive(Message)]
#[rtype(result = "()")]
struct Fall;

impl Handler<Fall> for StorageActor {
    type Result = ();
    fn handle(&mut self, _: Fall, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

#[test]
fn a_restart_at_any_moment_loses_and_repeats_nothing() {
    let mut desk = Desk::new();
    let url = sqlite_url(desk.dir.path());
    run(async {
        let fallible = actor(&desk, url.clone());
        let addr = Supervisor::start(|_| fallible);
        desk.start();
        for _ in 0..20 {
            desk.write(day());
            addr.send(Fall).await.unwrap();
        }
        let drained = addr.send(StopStorage { within: WITHIN }).await.unwrap();
        assert!(drained.complete, "{drained:?}");
        let store = open(&url, OPTIONS).await.unwrap();
        let shown = show(&store).await;
        assert_eq!((shown[0].counts.signals, shown[0].counts.executions), (60, 2));
    });
}

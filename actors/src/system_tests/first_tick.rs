//! A new session on an old journal: its first tick is held against what earlier sessions saw.

use std::path::Path;

use engine::journal::Entry;

use super::*;

/// A session of its own gateway, in the same folder as the others, until something is in its journal.
async fn session(folder: &TempDir, begins: Timestamp, price: Price, until: impl Fn(&[Entry]) -> bool) -> Vec<Entry> {
    let mut config = config(folder, &busy(1).replace("period = 2", "period = 900"));
    let (clock, log) = (Clock::scaled(begins, SPEED), Logger::root(slog::Discard, o!()));
    let gateway = gateway_at(price, &config, &clock, &log);
    config.broker.address = gateway.local_addr();
    let setup = Setup { account: Account::Same, ..Setup::simulated(config, clock, log) };
    let system = System::start(setup).await.expect("it starts");
    let begun = Instant::now();
    loop {
        let entries = newest(&system.journal_folder());
        if until(&entries) {
            system.wind_down("seen enough").await.expect("the books answer");
            let folder = system.journal_folder();
            system.stop("seen enough").await;
            return newest(&folder);
        }
        assert!(begun.elapsed() < PATIENCE, "not in time: {:?}", entries.last());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The newest segment, as far as it is written.
fn newest(folder: &Path) -> Vec<Entry> {
    let entries = crate::journal::dump(folder).expect("it is there").filter_map(Result::ok);
    let mut newest: Vec<Entry> = Vec::new();
    for (_, entry) in entries {
        if matches!(entry.record, Record::SessionStarted { .. }) {
            newest.clear();
        }
        newest.push(entry);
    }
    newest
}

fn closes(entries: &[Entry]) -> Vec<i32> {
    let close = |entry: &Entry| match &entry.record {
        Record::Bar(bar) => Some(bar.close.0),
        _ => None,
    };
    entries.iter().filter_map(close).collect()
}

fn told(entries: &[Entry], name: &str) -> bool {
    entries.iter().any(|entry| matches!(&entry.record, Record::System { event, .. } if event == name))
}

#[test]
fn a_feed_that_is_wrong_from_its_first_tick_makes_no_bar_after_a_restart() {
    in_system(async {
        let folder = TempDir::new().expect("a temporary folder");
        let later = |minutes: i64| START + Duration::from_secs(60 * minutes.unsigned_abs());
        let first = session(&folder, START, Price(20_000), |entries| !closes(entries).is_empty()).await;
        assert!(closes(&first).iter().all(|close| (19_000..21_000).contains(close)), "{:?}", closes(&first));
        // Twice as high, trades and quotes alike: nothing but the last session tells that it is wrong.
        let second = session(&folder, later(60), Price(40_000), |entries| told(entries, "feed.corrupt")).await;
        assert_eq!(closes(&second), [0; 0], "none of it was believed");
        // That session saw no price: the next one goes by the one before it.
        let third = session(&folder, later(120), Price(40_000), |entries| told(entries, "feed.corrupt")).await;
        assert_eq!(closes(&third), [0; 0]);
        let fourth = session(&folder, later(180), Price(20_100), |entries| !closes(entries).is_empty()).await;
        assert!(!told(&fourth, "feed.corrupt"), "a market that moved a little is no corrupt feed");
    });
}

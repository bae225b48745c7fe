//! Tapes that are written, cut off, full, and too many.

use std::fs;
use std::time::{Duration, Instant};

use engine::market::{MarketEvent, Price, SymbolId, Trade};
use engine::tape::{CoreId, Header, Moment, Taped};
use engine::time::Timestamp;
use slog::{Discard, Logger, o};

use super::*;

fn header() -> Header {
    Header { session: "20240612T132501Z-0001".to_owned(), speed: 1.0, config: Vec::new() }
}

fn start_in(dir: &Path, bytes_max: u64) -> Tape {
    start(dir, 3, &header(), bytes_max, &Logger::root(Discard, o!())).expect("the folder is writable")
}

fn trade(n: i64) -> MarketEvent {
    MarketEvent::Trade(Trade { ts: Timestamp::from_secs(n), price: Price(4), size: 1 })
}

/// Everything on a tape; waits for the thread that writes it.
fn read(dir: &Path, inputs: usize) -> (Vec<Moment>, bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let mut reader = TapeReader::open(&file(dir, 3)).expect("it begins as a tape");
        assert_eq!(*reader.header(), header());
        let mut all = Vec::new();
        while let Some(block) = reader.next_block().expect("it can be read") {
            all.extend(block);
        }
        if all.len() >= inputs || Instant::now() > deadline {
            return (all, reader.is_torn());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn what_the_cores_were_told_is_read_back_and_a_torn_end_is_the_end() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let tape = start_in(dir.path(), 1 << 30);
    let at = Timestamp::from_secs(100);
    tape.tick(at, SymbolId(0), &trade(99));
    tape.news(at, &News::Market { symbol: SymbolId(0), trades: Vec::new(), mark: None });
    assert_eq!((tape.delivery(), tape.delivery()), (0, 1));
    tape.diverted(at, 1);
    tape.input(at, || Taped::Deadline(CoreId::Link));
    assert_eq!(tape.delivery(), 0, "counted anew for each input");
    tape.read(CoreId::Books, 17);
    tape.built(at, CoreId::Books);
    tape.end();
    let (moments, torn) = read(dir.path(), 5);
    assert!(!torn);
    assert_eq!(moments.len(), 5);
    assert_eq!(moments[2].input, Taped::Diverted(1));
    assert_eq!(moments[4].input, Taped::Built { core: CoreId::Books, below: 17 });

    let path = file(dir.path(), 3);
    let whole = fs::read(&path).expect("it is there");
    fs::write(&path, &whole[..whole.len() - 1]).expect("the folder is writable");
    let mut reader = TapeReader::open(&path).expect("it begins as a tape");
    assert!(reader.next_block().expect("it can be read").is_none() && reader.is_torn());
    fs::write(&path, &whole[..20]).expect("the folder is writable");
    assert!(matches!(TapeReader::open(&path), Err(ReadError::Empty { .. })));
    fs::write(&path, b"PITBOSS2 and more").expect("the folder is writable");
    assert!(matches!(TapeReader::open(&path), Err(ReadError::Bad { .. })));
}

#[test]
fn a_tape_that_is_full_ends_and_says_so() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let tape = start_in(dir.path(), 100_000);
    for n in 0..50_000 {
        let at = Timestamp::from_nanos(n);
        tape.tick(at, SymbolId(0), &trade(0));
        tape.news(at, &News::Market { symbol: SymbolId(0), trades: Vec::new(), mark: None });
        tape.hand_over();
    }
    // Nothing to wait for but its last entry.
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let (moments, _) = read(dir.path(), 1);
        if matches!(moments.last(), Some(Moment { input: Taped::Ends(_), .. })) {
            assert!(moments.len() < 100_000 && moments.len() > 3_000, "{}", moments.len());
            break;
        }
        assert!(Instant::now() < deadline, "{} inputs and no end", moments.len());
    }
    assert!(fs::metadata(file(dir.path(), 3)).expect("it is there").len() <= 100_100);
}

#[test]
fn the_oldest_tapes_make_room() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for n in 1..=4 {
        fs::write(file(dir.path(), n), [0; 100]).expect("the folder is writable");
        fs::write(dir.path().join(format!("{n:08}.pbj")), [0; 1_000]).expect("the folder is writable");
    }
    let removed = make_room(dir.path(), 250).expect("they can be removed");
    assert_eq!(removed, [file(dir.path(), 1), file(dir.path(), 2)]);
    assert_eq!(fs::read_dir(dir.path()).expect("it is there").count(), 6, "journals stay");
}

//! Journals against each other. In: entries. Out: what trading decided, or the first difference. Absent: records that
//! tell of this process rather than of the market: who started when, how long it took.

use engine::journal::{Entry, Record, encode};
use engine::time::Timestamp;

/// What two runs over the same market must have in common, in order: bars, signals, orders, fills, money, positions.
pub fn decided(entries: &[Entry]) -> Vec<(Timestamp, &Record)> {
    let of_market = |entry: &&Entry| {
        matches!(
            entry.record,
            Record::Bar(_)
                | Record::BarRevised(_)
                | Record::Signal { .. }
                | Record::OrderPlaced(_)
                | Record::OrderChanged(_)
                | Record::Fill(_)
                | Record::Commission { .. }
                | Record::Position(_)
        )
    };
    entries.iter().filter(of_market).map(|entry| (entry.at, &entry.record)).collect()
}

/// How many records of each kind.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Kinds {
    pub bars: usize,
    pub signals: usize,
    pub orders: usize,
    pub changes: usize,
    pub fills: usize,
    pub commissions: usize,
}

pub fn kinds(records: &[(Timestamp, &Record)]) -> Kinds {
    let mut kinds = Kinds::default();
    for (_, record) in records {
        match record {
            Record::Bar(_) => kinds.bars += 1,
            Record::Signal { .. } => kinds.signals += 1,
            Record::OrderPlaced(_) => kinds.orders += 1,
            Record::OrderChanged(_) => kinds.changes += 1,
            Record::Fill(_) => kinds.fills += 1,
            Record::Commission { .. } => kinds.commissions += 1,
            _ => {}
        }
    }
    kinds
}

/// Field by field, times and ids included.
#[track_caller]
pub fn assert_same(left: &[(Timestamp, &Record)], right: &[(Timestamp, &Record)]) {
    if let Some(at) = left.iter().zip(right).position(|(left, right)| left != right) {
        let around = at.saturating_sub(3);
        panic!(
            "record {at} of {} and {} differs\nboth before: {:#?}\nleft:  {:?}\nright: {:?}",
            left.len(),
            right.len(),
            &left[around..at],
            left[at],
            right[at]
        );
    }
    let shorter = left.len().min(right.len());
    let more: Vec<_> = left[shorter..].iter().chain(&right[shorter..]).take(5).collect();
    assert_eq!(left.len(), right.len(), "one goes on where the other ends, with {more:#?}");
}

/// The bytes of each record of a journal but for those that tell of the process: actors with durations. Sequence
/// numbers count those too, so the rest is counted anew.
pub fn frames(entries: &[Entry]) -> Vec<(Vec<u8>, &Entry)> {
    let of_process = |record: &Record| match record {
        Record::System { event, .. } => event.starts_with("actor.") || event == "session.summary",
        _ => false,
    };
    let kept = entries.iter().filter(|entry| !of_process(&entry.record));
    let frame = |(seq, entry): (u64, &Entry)| {
        let mut bytes = Vec::new();
        encode(&Entry { seq, ..entry.clone() }, &mut bytes).expect("it was decoded before");
        bytes
    };
    (1..).zip(kept).map(|(seq, entry)| (frame((seq, entry)), entry)).collect()
}

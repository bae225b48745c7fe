//! Walking forward: windows that train and test. In: the rows of the training runs. Out: what the best set of each window
//! earned afterwards, on days that the choice did not know. Strategies begin a window without past bars.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use engine::time::Timestamp;
use engine::trade::Money;

use super::values::Axis;
use super::{Job, Loaded, rows};
use crate::cli::{Outcome, print_line};

const DAY: Duration = Duration::from_secs(86_400);

/// Training in `(train_from, test_from]`, testing in `(test_from, test_to]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Window {
    pub(super) train_from: Timestamp,
    pub(super) test_from: Timestamp,
    pub(super) test_to: Timestamp,
}

impl Window {
    /// The first day that is tested.
    pub(super) fn name(&self) -> String {
        self.test_from.to_datetime().format("%Y-%m-%d").to_string()
    }
}

/// Windows over the whole market; the last test may be shorter.
pub(super) fn windows(loaded: &Loaded, anchored: bool, train_days: u16, test_days: u16) -> Vec<Window> {
    let (Some(first), Some(last)) = (loaded.bars.first(), loaded.bars.last()) else { return Vec::new() };
    plan(first.open_ts().floor(DAY), last.end(), anchored, train_days, test_days)
}

fn plan(first: Timestamp, last: Timestamp, anchored: bool, train_days: u16, test_days: u16) -> Vec<Window> {
    let (train, test) = (DAY * u32::from(train_days), DAY * u32::from(test_days));
    let starts = std::iter::successors(Some(first + train), |at| Some(*at + test)).take_while(|at| *at < last);
    starts
        .map(|test_from| Window {
            train_from: if anchored { first } else { test_from - train },
            test_from,
            test_to: test_from + test,
        })
        .collect()
}

/// Runs the best set of each window on the days after its training, and tells both.
pub(super) fn forward(loaded: &Loaded, jobs: &[Job], axes: &[Axis], out: &Path) -> Outcome {
    let rows = rows::read(out, axes)?;
    let mut best: BTreeMap<&str, &rows::Row> = BTreeMap::new();
    for row in &rows {
        let leader = best.entry(&row.key[0]).or_insert(row);
        // Of equals the first in the order of the values: the same on every machine.
        if (row.net, &leader.key) > (leader.net, &row.key) {
            *leader = row;
        }
    }
    print_line(&format!("{:<12}{} {:>14} {:>14}", "window", header(axes), "trained net", "tested net"))?;
    let mut total = Money::ZERO;
    for row in best.values() {
        let Some(job) = jobs.iter().find(|job| job.key() == row.key) else { continue };
        let Some(window) = job.window else { continue };
        let net = loaded.outcomes(&job.config, window.test_from, window.test_to)?.net();
        total += net;
        let values: String = row.key[1..].iter().map(|value| format!("{value:>16}")).collect();
        print_line(&format!("{:<12}{values} {:>14} {:>14}", row.key[0], row.net.to_string(), net.to_string()))?;
    }
    print_line(&format!("tested net of all windows: {total}"))
}

fn header(axes: &[Axis]) -> String {
    let last = |axis: &Axis| axis.key.rsplit('.').next().unwrap_or_default().to_owned();
    axes.iter().map(|axis| format!("{:>16}", last(axis))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(n: u32) -> Timestamp {
        Timestamp::from_secs(0) + DAY * n
    }

    #[test]
    fn rolling_windows_forget_and_anchored_ones_do_not() {
        let rolling = plan(day(0), day(10), false, 4, 2);
        let days = |w: &Window| [w.train_from, w.test_from, w.test_to].map(|at| at.secs() / 86_400);
        assert_eq!(rolling.iter().map(days).collect::<Vec<_>>(), [[0, 4, 6], [2, 6, 8], [4, 8, 10]]);
        let anchored = plan(day(0), day(9), true, 4, 2);
        assert_eq!(anchored.iter().map(days).collect::<Vec<_>>(), [[0, 4, 6], [0, 6, 8], [0, 8, 10]]);
        assert!(plan(day(0), day(4), false, 4, 2).is_empty(), "nothing to test on");
    }
}

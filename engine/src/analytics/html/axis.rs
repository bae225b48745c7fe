//! Times below a drawing: where a year, a month, a day or an hour begins, whichever gives a handful of them. In: times of
//! places that follow one another; nights and weekends take no room. Out: SVG. Absent: the plot above.

use chrono::{DateTime, Datelike, Utc};

use super::svg::{Frame, Scale, add};
use crate::time::Timestamp;

/// More labels than this are too many.
const LABELS_MAX: usize = 10;
/// Two labels need this much between their middles, in pixels.
const ROOM: f64 = 66.0;

/// A length of time whose beginnings are labelled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Minutes(i64),
    Days(i64),
    Months(i32),
    Years(i32),
}

/// From the finest on.
const STEPS: [Step; 21] = [
    Step::Minutes(1),
    Step::Minutes(2),
    Step::Minutes(5),
    Step::Minutes(10),
    Step::Minutes(15),
    Step::Minutes(30),
    Step::Minutes(60),
    Step::Minutes(120),
    Step::Minutes(180),
    Step::Minutes(360),
    Step::Days(1),
    Step::Days(2),
    Step::Days(7),
    Step::Days(14),
    Step::Months(1),
    Step::Months(3),
    Step::Months(6),
    Step::Years(1),
    Step::Years(2),
    Step::Years(5),
    Step::Years(10),
];

impl Step {
    /// Times of one step have one number.
    fn number(self, at: Timestamp) -> i64 {
        let months = |at: DateTime<Utc>| at.year() * 12 + at.month0() as i32;
        match self {
            Step::Minutes(n) => at.secs().div_euclid(60 * n),
            // The first of 1970 was a Thursday: weeks begin on Mondays.
            Step::Days(n) => (at.secs().div_euclid(86_400) + 3).div_euclid(n),
            Step::Months(n) => i64::from(months(at.to_datetime()).div_euclid(n)),
            Step::Years(n) => i64::from(at.to_datetime().year().div_euclid(n)),
        }
    }

    fn format(self, span_days: f64) -> &'static str {
        match self {
            Step::Minutes(_) if span_days <= 1.5 => "%H:%M",
            Step::Minutes(_) => "%b %-d %H:%M",
            Step::Days(_) => "%b %-d",
            Step::Months(_) => "%b %Y",
            Step::Years(_) => "%Y",
        }
    }
}

/// Places with their labels.
fn labels(times: &[Timestamp]) -> Vec<(usize, String)> {
    let (Some(first), Some(last)) = (times.first(), times.last()) else { return Vec::new() };
    let span_days = last.since(*first).as_secs_f64() / 86_400.0;
    let begins = |step: Step| -> Vec<usize> {
        let numbers: Vec<i64> = times.iter().map(|at| step.number(*at)).collect();
        (1..times.len()).filter(|&n| numbers[n] != numbers[n - 1]).collect()
    };
    let coarsest = STEPS[STEPS.len() - 1];
    let fits = STEPS.into_iter().map(|step| (step, begins(step))).find(|(_, places)| places.len() <= LABELS_MAX);
    let (step, places) = fits.unwrap_or_else(|| (coarsest, begins(coarsest)));
    let label = |n: usize| times[n].to_datetime().format(step.format(span_days)).to_string();
    match places.is_empty() {
        true => vec![(0, label(0))],
        false => places.into_iter().map(|n| (n, label(n))).collect(),
    }
}

impl Frame {
    /// Times below the plot, with a short mark each.
    pub fn times(&self, columns: &Scale, times: &[Timestamp]) -> String {
        let foot = self.height - self.bottom;
        let (mut out, mut before) = (String::new(), f64::MIN);
        for (place, label) in labels(times) {
            let x = columns.at(place as f64);
            // Half a label beyond an edge is cut off, and over another one it cannot be read.
            if x - before < ROOM || x + ROOM / 2.0 > self.width {
                continue;
            }
            before = x;
            add(
                &mut out,
                format_args!(
                    "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{foot:.1}\" y2=\"{:.1}\"/><text class=\"axis\" \
                     x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>",
                    foot + 4.0,
                    foot + 17.0
                ),
            );
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `count` times from noon of 2023-11-15 (a Wednesday) on.
    fn every(seconds: i64, count: i64) -> Vec<String> {
        let times: Vec<Timestamp> = (0..count).map(|n| Timestamp::from_secs(1_700_049_600 + n * seconds)).collect();
        labels(&times).into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn what_begins_is_labelled_and_never_too_often() {
        assert_eq!(every(60, 60), ["12:10", "12:20", "12:30", "12:40", "12:50"].map(str::to_owned));
        assert_eq!(every(3_600, 24 * 2).first().map(String::as_str), Some("Nov 15 18:00"));
        assert_eq!(every(86_400, 60)[..2], ["Nov 20", "Nov 27"], "weeks begin on Mondays");
        assert_eq!(every(86_400, 300)[..3], ["Dec 2023", "Jan 2024", "Feb 2024"]);
        assert_eq!(every(86_400, 3_650)[..2], ["2024", "2025"]);
        for (seconds, count) in [(60, 390), (300, 5_000), (86_400, 30), (86_400, 700), (86_400 * 7, 2_000)] {
            let labels = every(seconds, count);
            assert!((2..=LABELS_MAX).contains(&labels.len()), "{seconds} s, {count}: {labels:?}");
            let unique: std::collections::BTreeSet<&String> = labels.iter().collect();
            assert_eq!(unique.len(), labels.len(), "{labels:?}");
        }
        assert_eq!(every(1, 2).len(), 1, "nothing begins, and the first is told");
        assert!(labels(&[]).is_empty());
    }
}

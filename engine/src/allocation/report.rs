//! An allocation in words and numbers. In: what was found. Out: lines, and a table for people.

use std::fmt;

use super::matrix::dot;
use super::prepare::Judged;
use super::{Allocation, Line, Method, Series};
use crate::sizing::Factor;

/// What floating point may have taken away from a number that is meant to be whole millionths.
const LOST: f64 = 1.0 + 1e-9;

pub(super) fn allocation(
    method: Method,
    series: &[Series],
    judged: &Judged,
    found: Vec<(f64, String)>,
    notes: Vec<String>,
) -> Allocation {
    let s = &judged.statistics;
    let of_judged: Vec<f64> = judged.who.iter().map(|&i| found[i].0).collect();
    let marginal = s.covariance.times(&of_judged);
    let variance = dot(&of_judged, &marginal);
    let lines = found.into_iter().enumerate().map(|(i, (weight, why))| {
        let at = judged.who.iter().position(|&other| other == i);
        Line {
            name: series[i].name.clone(),
            weight: Factor::at_most(weight * LOST),
            share: Factor::at_most(weight * series.len() as f64 * LOST),
            mean: at.map(|at| s.means[at]),
            volatility: at.map(|at| s.volatility(at)),
            risk: at.filter(|_| variance > 0.0).map(|at| of_judged[at] * marginal[at] / variance),
            why,
        }
    });
    let days = judged.columns.first().map_or(0, Vec::len);
    Allocation { method, days, lines: lines.collect(), notes }
}

impl fmt::Display for Allocation {
    /// A table, and under it why.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.lines.iter().map(|line| line.name.len()).max().unwrap_or(0).max(8);
        writeln!(f, "{} over {} days", self.method.name(), self.days)?;
        writeln!(
            f,
            "  {:<width$} {:>8} {:>8} {:>11} {:>11} {:>7}",
            "strategy", "weight", "share", "mean", "deviation", "risk"
        )?;
        for line in &self.lines {
            let number = |number: Option<f64>| number.map_or("-".to_owned(), |number| format!("{number:.2}"));
            let percent = |part: Option<f64>| part.map_or("-".to_owned(), |part| format!("{:.2} %", 100.0 * part));
            let of = |fraction: Factor| format!("{:.4}", fraction.millionths() as f64 / 1e6);
            writeln!(
                f,
                "  {:<width$} {:>8} {:>8} {:>11} {:>11} {:>7}",
                line.name,
                of(line.weight),
                of(line.share),
                number(line.mean),
                number(line.volatility),
                percent(line.risk)
            )?;
        }
        for line in &self.lines {
            writeln!(f, "  {}: {}", line.name, line.why)?;
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "  note: {note}"))
    }
}

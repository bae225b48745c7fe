//! Other histories as a fan: half of them in the dark band, nine of ten in the light one. In: bands, the actual days.
//! Out: SVG.

use rust_decimal::prelude::ToPrimitive;

use super::super::figures::number_text;
use super::super::monte_carlo::{Band, Bootstrapped};
use super::super::report::Day;
use super::svg::{Frame, Scale, add, path, thin};

pub fn draw(found: &Bootstrapped, days: &[Day], capital: f64) -> String {
    let actual: Vec<f64> =
        std::iter::once(1.0).chain(days.iter().map(|day| day.equity.to_f64().unwrap_or_default() / capital)).collect();
    let all = || found.path.iter().flat_map(|band| [band.p05, band.p95]).chain(actual.iter().copied());
    let (low, high) = (all().fold(f64::MAX, f64::min), all().fold(f64::MIN, f64::max));
    let frame = Frame::wide(280.0);
    let (columns, rows) = (frame.columns(found.path.len()), frame.rows(low, high));
    let mut out = frame.grid(&rows, percent);
    let line = |of: fn(&Band) -> f64| -> Vec<(f64, f64)> {
        found.path.iter().enumerate().map(|(n, band)| (columns.at(n as f64), rows.at(of(band)))).collect()
    };
    let between = |upper: Vec<(f64, f64)>, lower: Vec<(f64, f64)>| {
        format!("{}Z", path(upper.into_iter().chain(lower.into_iter().rev())))
    };
    let places: Scale = frame.columns(actual.len());
    let went = thin(&actual, 500).into_iter().map(|(n, value)| (places.at(n as f64), rows.at(value)));
    add(
        &mut out,
        format_args!(
            "<path class=\"band1\" d=\"{}\"/><path class=\"band2\" d=\"{}\"/><path class=\"middle\" d=\"{}\"/><path class=\"actual\" \
             d=\"{}\"/>",
            between(line(|b| b.p95), line(|b| b.p05)),
            between(line(|b| b.p75), line(|b| b.p25)),
            path(line(|b| b.p50).into_iter()),
            path(went)
        ),
    );
    let through: Scale = Scale { low: 0.0, high: days.len() as f64, ..columns };
    out.push_str(&frame.numbers_below(&through, |value| format!("day {}", number_text(value, 0))));
    frame.draw("other histories", &out)
}

/// Of what there was at the beginning; the level of the beginning has no sign.
fn percent(value: f64) -> String {
    match ((value - 1.0) * 100.0).round() {
        0.0 => "0 %".to_owned(),
        change => format!("{change:+.0} %"),
    }
}

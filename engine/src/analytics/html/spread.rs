//! How results are spread: a histogram of trades, their open losses, results of days. In: trades, days. Out: SVG.

use chrono::NaiveTime;
use rust_decimal::prelude::ToPrimitive;

use super::super::curve::dollars;
use super::super::figures::{money_text, number_text};
use super::super::groups::Trade;
use super::super::moments::{mean, quantile_of_sorted, sorted};
use super::super::report::Day;
use super::equity::short;
use super::svg::{Frame, Scale, add, ticks};
use crate::time::Timestamp;

const BINS: u32 = 28;
/// From so many trades on, this share at either end is put into the outer bins.
const MANY: usize = 200;
const BEYOND: f64 = 0.005;
const DAYS_DRAWN_MAX: usize = 500;
const DOTS_MAX: usize = 2_000;

/// Net results of trades in bins of equal, round width; one edge is zero. Of many trades the furthest are in the outer
/// bins, whatever their size.
pub fn histogram(trades: &[Trade]) -> String {
    let nets: Vec<f64> = trades.iter().map(|t| dollars(t.trip.net())).collect();
    let beyond = if nets.len() < MANY { 0.0 } else { BEYOND };
    let rising = sorted(&nets);
    let at = |share: f64| quantile_of_sorted(&rising, share).unwrap_or_default();
    let (low, high) = (at(beyond).min(0.0), at(1.0 - beyond).max(0.0));
    let edges = ticks(low, high, BINS);
    let Some(width) = edges.windows(2).map(|pair| pair[1] - pair[0]).next() else { return String::new() };
    let (first, last) = ((low / width).floor(), (high / width).floor());
    let mut counts = vec![0u32; (last - first) as usize + 1];
    for net in &nets {
        counts[((net / width).floor().clamp(first, last) - first) as usize] += 1;
    }
    let frame = Frame::half(260.0);
    let columns =
        Scale { low: first * width, high: (last + 1.0) * width, from: frame.left, to: frame.width - frame.right };
    let most = f64::from(counts.iter().copied().max().unwrap_or(1));
    let rows = Scale { low: 0.0, high: most * 1.06, from: frame.height - frame.bottom, to: frame.top };
    let mut out = frame.grid(&rows, |value| if value.fract() == 0.0 { number_text(value, 0) } else { String::new() });
    for (n, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let from = (first + n as f64) * width;
        let (x1, x2, y) = (columns.at(from), columns.at(from + width), rows.at(f64::from(*count)));
        let class = if from < 0.0 { "down" } else { "up" };
        add(
            &mut out,
            format_args!(
                "<rect class=\"{class}\" opacity=\".8\" x=\"{:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\"><title>{} to \
                 {}: {count} trades</title></rect>",
                x1 + 0.5,
                (x2 - x1 - 1.0).max(0.8),
                frame.height - frame.bottom - y,
                number_text(from, 0),
                number_text(from + width, 0)
            ),
        );
    }
    if let Some(mean) = mean(&nets) {
        let x = columns.at(mean);
        add(
            &mut out,
            format_args!(
                "<line class=\"base\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{:.1}\"><title>mean {}</title></line>",
                frame.top,
                frame.height - frame.bottom,
                number_text(mean, 2)
            ),
        );
    }
    out.push_str(&frame.numbers_below(&columns, |value| short(value, high - low)));
    let name = if beyond > 0.0 {
        "net result of a trade; outer bars: all beyond"
    } else {
        "net result of a trade; dashed: mean"
    };
    out.push_str(&frame.name_below(name));
    frame.draw("distribution of trades", &out)
}

/// Each trade by its largest open loss and its net result.
pub fn excursions(trades: &[Trade]) -> String {
    let points: Vec<(f64, f64)> = trades.iter().map(|t| (-dollars(t.far.adverse), dollars(t.trip.net()))).collect();
    let far = points.iter().map(|p| p.0).fold(0.0, f64::max);
    if far <= 0.0 {
        return "<p class=\"sub\">No trade was ever at a loss, as far as bars show.</p>".to_owned();
    }
    let low = points.iter().map(|p| p.1).fold(0.0, f64::min);
    let high = points.iter().map(|p| p.1).fold(0.0, f64::max);
    let frame = Frame::half(260.0);
    let columns = Scale { low: 0.0, high: far * 1.04, from: frame.left, to: frame.width - frame.right };
    let rows = frame.rows(low, high);
    let mut out = frame.grid(&rows, |value| short(value, high - low));
    let every = points.len().div_ceil(DOTS_MAX);
    for (n, (x, y)) in points.iter().enumerate().step_by(every) {
        let class = if *y > 0.0 { "up" } else { "down" };
        add(
            &mut out,
            format_args!(
                "<circle class=\"{class}\" opacity=\".6\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.6\"><title>trade {}: {} after an open \
                 loss of {}</title></circle>",
                columns.at(*x),
                rows.at(*y),
                n + 1,
                number_text(*y, 2),
                number_text(*x, 2)
            ),
        );
    }
    out.push_str(&frame.numbers_below(&columns, |value| short(value, far)));
    out.push_str(&frame.name_below("largest open loss (MAE) against net result"));
    let drawing = frame.draw("adverse excursion and result", &out);
    if every == 1 { drawing } else { format!("{drawing}<p class=\"legend\">One trade of every {every} is drawn.</p>") }
}

/// A bar for each day's result in money.
pub fn days(days: &[Day], capital: f64) -> String {
    let values: Vec<f64> = days.iter().map(|day| day.equity.to_f64().unwrap_or_default()).collect();
    let before = std::iter::once(capital).chain(values.iter().copied());
    let results: Vec<f64> = values.iter().zip(before).map(|(now, then)| now - then).collect();
    let from = results.len().saturating_sub(DAYS_DRAWN_MAX);
    let (results, days) = (&results[from..], &days[from..]);
    let low = results.iter().copied().fold(0.0, f64::min);
    let high = results.iter().copied().fold(0.0, f64::max);
    if high <= low {
        return String::new();
    }
    let frame = Frame::wide(180.0);
    let rows = frame.rows(low, high);
    let room = (frame.width - frame.left - frame.right) / results.len() as f64;
    let width = (room * 0.8).min(40.0);
    let zero = rows.at(0.0);
    let mut out = frame.grid(&rows, |value| short(value, high - low));
    for (n, (result, day)) in results.iter().zip(days).enumerate() {
        let (x, y) = (frame.left + room * (n as f64 + 0.5) - width / 2.0, rows.at(*result));
        let class = if *result < 0.0 { "down" } else { "up" };
        let amount = rust_decimal::Decimal::from_f64_retain(*result).unwrap_or_default();
        add(
            &mut out,
            format_args!(
                "<rect class=\"{class}\" opacity=\".8\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{:.1}\"><title>{}: \
                 {}</title></rect>",
                y.min(zero),
                (y - zero).abs().max(0.5),
                day.date,
                money_text(amount)
            ),
        );
    }
    let columns =
        Scale { low: -0.5, high: results.len() as f64 - 0.5, from: frame.left, to: frame.width - frame.right };
    let times: Vec<Timestamp> = days.iter().map(|day| day.date.and_time(NaiveTime::MIN).and_utc().into()).collect();
    out.push_str(&frame.times(&columns, &times));
    let drawing = frame.draw("results of days", &out);
    if from == 0 { drawing } else { format!("{drawing}<p class=\"legend\">The last {DAYS_DRAWN_MAX} days.</p>") }
}

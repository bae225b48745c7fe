//! Equity and drawdown over time, one drawing. In: the curve. Out: SVG. Places are points of the curve, so nights and
//! weekends take no room. Absent: single trades (`price`).

use super::super::curve::Curve;
use super::super::drawdown;
use super::super::figures::number_text;
use super::svg::{Frame, add, area, path, thin};

/// Points of a line at most, twice the pixels of a wide screen would be too many.
const COLUMNS: usize = 900;

pub fn draw(curve: &Curve) -> String {
    let values = curve.values();
    if values.len() < 2 {
        return "<p class=\"sub\">There are no bars and no fills: there is no equity to draw.</p>".to_owned();
    }
    let times: Vec<_> = curve.points.iter().map(|point| point.at).collect();
    let low = values.iter().copied().fold(f64::MAX, f64::min);
    let high = values.iter().copied().fold(f64::MIN, f64::max);
    let mut out = equity(&values, low, high);
    out.push_str(&under_water(&values, &times));
    out
}

fn equity(values: &[f64], low: f64, high: f64) -> String {
    let frame = Frame { bottom: 8.0, ..Frame::wide(300.0) };
    let (columns, rows) = (frame.columns(values.len()), frame.rows(low, high));
    let mut out = String::new();
    if let Some(fall) = drawdown::deepest(values).filter(|_| low > 0.0) {
        let (from, to) = (columns.at(fall.peak as f64), columns.at(fall.trough as f64));
        let depth = number_text(fall.depth * 100.0, 2);
        add(
            &mut out,
            format_args!(
                "<rect class=\"fall\" x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"><title>deepest fall: \
                 {depth} %</title></rect>",
                frame.top,
                (to - from).max(1.0),
                frame.height - frame.top - frame.bottom
            ),
        );
    }
    out.push_str(&frame.grid(&rows, |value| short(value, high - low)));
    let points: Vec<_> =
        thin(values, COLUMNS).into_iter().map(|(n, value)| (columns.at(n as f64), rows.at(value))).collect();
    let base = rows.at(values[0]);
    add(
        &mut out,
        format_args!(
            "<path class=\"under\" d=\"{}\"/><line class=\"base\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{base:.1}\" \
             y2=\"{base:.1}\"/><path class=\"equity\" d=\"{}\"/>",
            area(&points, base),
            frame.left,
            frame.width - frame.right,
            path(points.iter().copied())
        ),
    );
    frame.draw("equity", &out)
}

fn under_water(values: &[f64], times: &[crate::time::Timestamp]) -> String {
    let falls = drawdown::absolute(values);
    let low = falls.iter().copied().fold(0.0, f64::min);
    let frame = Frame { top: 8.0, ..Frame::wide(140.0) };
    let mut rows = frame.rows(low, 0.0);
    rows.high = 0.0;
    let columns = frame.columns(values.len());
    let points: Vec<_> =
        thin(&falls, COLUMNS).into_iter().map(|(n, value)| (columns.at(n as f64), rows.at(value))).collect();
    let mut out = frame.grid(&rows, |value| short(value, -low));
    add(
        &mut out,
        format_args!(
            "<path class=\"water\" d=\"{}\"/><path class=\"waterline\" d=\"{}\"/>{}",
            area(&points, rows.at(0.0)),
            path(points.iter().copied()),
            frame.times(&columns, times)
        ),
    );
    frame.draw("drawdown", &out)
}

/// A number of the axis with as many decimals as its span needs.
pub fn short(value: f64, span: f64) -> String {
    let decimals = match span {
        s if s >= 20.0 => 0,
        s if s >= 2.0 => 1,
        _ => 2,
    };
    number_text(value, decimals)
}

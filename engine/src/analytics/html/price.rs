//! A symbol's price, or that of contracts that follow one another, with entries and exits. In: bars, trades. Out: SVG: candles while there are few bars, otherwise the
//! closes. Absent: indicators; the report does not know what a strategy looked at.

use super::super::figures::{money_text, number_text};
use super::super::groups::Trade;
use super::super::run::Run;
use super::equity::short;
use super::svg::{Frame, Scale, add, escape, path, thin};
use crate::market::{Bar, Instrument, SymbolId};
use crate::time::Timestamp;
use crate::trade::Side;

const CANDLES_MAX: usize = 400;
const COLUMNS: usize = 900;
/// More entries and exits would hide the price: then the last few are drawn apart.
const MARKED_TRADES_MAX: usize = 400;
const LAST_TRADES: usize = 40;

struct Plot<'a> {
    columns: Scale,
    rows: Scale,
    bars: &'a [Bar],
    instrument: &'a Instrument,
}

/// One drawing of symbols that follow one another, all of one root; empty where there are no bars.
pub fn draw(run: &Run, trades: &[Trade], symbols: &[SymbolId]) -> String {
    let bars: Vec<Bar> = symbols.iter().flat_map(|symbol| run.bars_of(*symbol)).collect();
    let Some(instrument) = symbols.first().map(|symbol| run.instrument(*symbol)).filter(|_| bars.len() > 1) else {
        return String::new();
    };
    let mine: Vec<&Trade> = trades.iter().filter(|trade| symbols.contains(&trade.trip.symbol)).collect();
    if mine.len() <= MARKED_TRADES_MAX {
        return plot(run, &bars, instrument, &mine);
    }
    let last = &mine[mine.len() - LAST_TRADES..];
    let since = last.iter().map(|trade| trade.trip.entry_at).min().unwrap_or_default();
    let until = last.iter().map(|trade| trade.trip.exit_at).max().unwrap_or_default();
    let (from, to) = (bars.partition_point(|bar| bar.end() <= since), bars.partition_point(|bar| bar.open_ts <= until));
    // A little of what came before and after them.
    let air = (to - from) / 20 + 1;
    let (from, to) = (from.saturating_sub(air), (to + air).min(bars.len()));
    format!(
        "{}<p class=\"legend\">{} trades are too many to be drawn; below are the last {LAST_TRADES}.</p>{}",
        plot(run, &bars, instrument, &[]),
        number_text(mine.len() as f64, 0),
        plot(run, &bars[from..to], instrument, last)
    )
}

fn plot(run: &Run, bars: &[Bar], instrument: &Instrument, trades: &[&Trade]) -> String {
    let points = |ticks: i32| instrument.points_f64(crate::market::Price(ticks));
    let low = bars.iter().map(|bar| bar.low.0).min().map_or(0.0, points);
    let high = bars.iter().map(|bar| bar.high.0).max().map_or(1.0, points);
    let frame = Frame::wide(360.0);
    let (columns, rows) = (frame.columns(bars.len()), frame.rows(low, high));
    let plot = Plot { columns, rows, bars, instrument };
    let times: Vec<_> = bars.iter().map(|bar| bar.open_ts).collect();
    let mut out = frame.grid(&rows, |value| short(value, high - low));
    out.push_str(&if bars.len() <= CANDLES_MAX { plot.candles() } else { plot.closes() });
    for trade in trades {
        out.push_str(&plot.trade(run, trade));
    }
    out.push_str(&frame.times(&columns, &times));
    frame.draw(&format!("price of {}", instrument.root), &out)
}

impl Plot<'_> {
    fn y(&self, ticks: i32) -> f64 {
        self.rows.at(self.instrument.points_f64(crate::market::Price(ticks)))
    }

    fn candles(&self) -> String {
        let room = (self.columns.to - self.columns.from) / self.bars.len() as f64;
        let width = (room * 0.64).clamp(1.0, 9.0);
        let mut out = String::new();
        for (n, bar) in self.bars.iter().enumerate() {
            let x = self.columns.at(n as f64);
            let (open, close) = (self.y(bar.open.0), self.y(bar.close.0));
            let class = if bar.close >= bar.open { "up" } else { "down" };
            add(
                &mut out,
                format_args!(
                    "<line class=\"wick\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{:.1}\"/><rect class=\"{class}\" \
                     opacity=\".55\" x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{:.1}\"/>",
                    self.y(bar.high.0),
                    self.y(bar.low.0),
                    x - width / 2.0,
                    open.min(close),
                    (open - close).abs().max(0.8)
                ),
            );
        }
        out
    }

    fn closes(&self) -> String {
        let closes: Vec<f64> = self.bars.iter().map(|bar| f64::from(bar.close.0)).collect();
        let points =
            thin(&closes, COLUMNS).into_iter().map(|(n, ticks)| (self.columns.at(n as f64), self.y(ticks as i32)));
        format!("<path class=\"close\" d=\"{}\"/>", path(points))
    }

    /// The bar in which something happened, and how far into it.
    fn x(&self, at: Timestamp) -> f64 {
        let place = self.bars.partition_point(|bar| bar.end() <= at);
        let Some(bar) = self.bars.get(place) else { return self.columns.at((self.bars.len() - 1) as f64) };
        let into = at.since(bar.open_ts).as_secs_f64() / f64::from(bar.length_s);
        self.columns.at((place as f64 + into - 0.5).clamp(0.0, (self.bars.len() - 1) as f64))
    }

    fn trade(&self, run: &Run, Trade { trip, .. }: &Trade) -> String {
        use rust_decimal::prelude::ToPrimitive;
        let price = |points: rust_decimal::Decimal| self.rows.at(points.to_f64().unwrap_or_default());
        let (entry, exit) = (trip.entry_price(self.instrument), trip.exit_price(self.instrument));
        let (x1, y1) = (self.x(trip.entry_at), price(entry));
        let (x2, y2) = (self.x(trip.exit_at), price(exit));
        let long = trip.side == Side::Buy;
        let (class, result) =
            (if long { "long" } else { "short" }, if trip.net().micros() > 0 { "won" } else { "lost" });
        let (tip, foot) = if long { (y1 + 3.0, y1 + 11.0) } else { (y1 - 3.0, y1 - 11.0) };
        let words = escape(&format!(
            "{} {class} {} at {}, {} at {}: {}",
            run.strategy(trip.strategy).name,
            trip.quantity,
            number_text(entry.to_f64().unwrap_or_default(), 2),
            trip.exit_leg.name(),
            number_text(exit.to_f64().unwrap_or_default(), 2),
            money_text(trip.net().to_decimal())
        ));
        format!(
            "<g><title>{words}</title><line class=\"way {result}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" \
             y2=\"{y2:.1}\"/><path class=\"{class}\" d=\"M{x1:.1} {tip:.1}L{:.1} {foot:.1}L{:.1} {foot:.1}Z\"/><circle \
             class=\"leave {result}\" cx=\"{x2:.1}\" cy=\"{y2:.1}\" r=\"3\"/></g>",
            x1 - 5.0,
            x1 + 5.0
        )
    }
}

//! The running trading day of one instrument: what a quote screen shows besides the quote.
//! In: trades, in order. Out: open, high, low, volume, the close of the day before.

use chrono::NaiveDate;
use engine::market::{Price, Quote, Trade};

/// What a quote screen shows at one moment.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct View {
    pub quote: Option<Quote>,
    pub last: Option<Trade>,
    pub open: Option<Price>,
    pub high: Option<Price>,
    pub low: Option<Price>,
    /// The last trade of the day before.
    pub close: Option<Price>,
    /// Contracts of the day.
    pub volume: u64,
    /// Trades of the day.
    pub count: u64,
    /// Sum of price times size of the day.
    pub value: i128,
    date: Option<NaiveDate>,
}

impl View {
    /// A trade of the trade date `date`.
    pub fn trade(&mut self, date: NaiveDate, trade: &Trade) {
        if self.date != Some(date) {
            self.turn(date);
        }
        let price = trade.price;
        self.open.get_or_insert(price);
        self.high = Some(self.high.map_or(price, |high| high.max(price)));
        self.low = Some(self.low.map_or(price, |low| low.min(price)));
        self.volume += u64::from(trade.size);
        self.count += 1;
        self.value += i128::from(price.0) * i128::from(trade.size);
        self.last = Some(*trade);
    }

    /// A new day begins with nothing but the price at which the last one ended.
    pub fn turn(&mut self, date: NaiveDate) {
        let close = if self.date.is_some() { self.last.map(|trade| trade.price) } else { self.close };
        *self = Self { quote: self.quote, last: self.last, close, date: Some(date), ..Self::default() };
    }

    /// This, and after it what `later` saw.
    pub fn followed_by(self, later: View) -> View {
        let (quote, last) = (later.quote.or(self.quote), later.last.or(self.last));
        if later.date.is_none() {
            return View { quote, ..self };
        }
        let joined = View { quote, last, ..later };
        if later.date != self.date {
            let ended = self.last.map(|trade| trade.price);
            return View { close: later.close.or(ended), ..joined };
        }
        let both = |one: Option<Price>, two: Option<Price>, pick: fn(Price, Price) -> Price| match (one, two) {
            (Some(one), Some(two)) => Some(pick(one, two)),
            (one, two) => one.or(two),
        };
        View {
            open: self.open.or(later.open),
            high: both(self.high, later.high, Ord::max),
            low: both(self.low, later.low, Ord::min),
            close: self.close,
            volume: self.volume + later.volume,
            count: self.count + later.count,
            value: self.value + later.value,
            ..joined
        }
    }

    /// Average price of the day in ticks, weighted by size.
    pub fn average(&self) -> Option<f64> {
        (self.volume > 0).then(|| self.value as f64 / self.volume as f64)
    }
}

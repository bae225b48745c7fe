//! Real-time bars of five seconds. In: subscriptions, the marks of market time. Out: one bar for each subscriber and
//! mark while the market is open, also when nothing was traded.

use engine::market::SymbolId;
use engine::time::Timestamp;
use engine::venue::Refusal;

use crate::broker::Broker;
use crate::broker::clients::ConnId;
use crate::broker::data::MARK_EVERY;
use crate::broker::session::{SYSTEM, invalid};
use crate::catalog::Listing;
use crate::history::query::{Bar, Show, Traded, bars};
use crate::history::slots::{BarSize, Slots};
use crate::history::tape::Tape;
use crate::wire::bars::{RealTimeBarTick, RealTimeBarsRequest};

const BAD_QUERY: i32 = 420;
const DUPLICATE: i32 = 322;
const UNKNOWN_TICKER: i32 = 300;

#[derive(Debug)]
pub struct BarSub {
    pub conn: ConnId,
    pub req_id: i32,
    pub symbol: SymbolId,
    show: Show,
    liquid: bool,
}

impl Broker {
    pub(super) fn subscribe_bars(&mut self, conn: ConnId, request: &RealTimeBarsRequest) {
        let req_id = request.req_id.unwrap_or(SYSTEM);
        let sub = match self.read_bars(conn, req_id, request) {
            Ok(sub) => sub,
            Err(refusal) => return self.refuse(conn, req_id, &refusal),
        };
        let now = self.now();
        self.data.start_marks(now);
        self.data.bars.push(sub);
        self.begin_playing();
    }

    fn read_bars(&self, conn: ConnId, req_id: i32, request: &RealTimeBarsRequest) -> Result<BarSub, Refusal> {
        let show = Show::from_wire(request.what_to_show.as_deref().unwrap_or(""));
        // Both sides at once are not served in real time.
        let show = show.filter(|show| *show != Show::BidAsk);
        let show = show.ok_or_else(|| invalid("What to show field is missing or incorrect."))?;
        let listing = self.data_of(request.contract.as_ref(), BAD_QUERY, "Invalid Real-time Query:")?;
        if self.data.bars.iter().any(|sub| (sub.conn, sub.req_id) == (conn, req_id)) {
            let text = "Error processing request.-'bW' : cause - Duplicate ticker id".to_owned();
            return Err(Refusal { code: DUPLICATE, text });
        }
        Ok(BarSub { conn, req_id, symbol: listing.instrument.id, show, liquid: request.use_rth.unwrap_or(false) })
    }

    pub(super) fn cancel_bars(&mut self, conn: ConnId, req_id: i32) {
        let before = self.data.bars.len();
        self.data.bars.retain(|sub| (sub.conn, sub.req_id) != (conn, req_id));
        if self.data.bars.len() == before {
            self.error(conn, req_id, UNKNOWN_TICKER, &format!("Can't find EId with tickerId:{req_id}"));
        }
    }

    /// The bars that end at `mark`.
    pub(super) fn send_realtime_bars(&mut self, mark: Timestamp) {
        let made = |sub: &BarSub| {
            let (tape, listing) = self.memory.tape(sub.symbol).zip(self.catalog.listing(sub.symbol))?;
            Some((sub.conn, frame(sub.req_id, &bar_before(tape, listing, sub, mark)?)))
        };
        let frames: Vec<(ConnId, RealTimeBarTick)> = self.data.bars.iter().filter_map(made).collect();
        for (conn, frame) in frames {
            self.send(conn, frame);
        }
    }
}

fn bar_before(tape: &Tape, listing: &Listing, sub: &BarSub, mark: Timestamp) -> Option<Bar> {
    let from = mark - MARK_EVERY;
    let window = listing.hours.window_of(from, sub.liquid)?;
    let mut slots = Slots::new(listing.hours, BarSize::Seconds(5), sub.liquid);
    let slot = slots.of(from)?;
    if let Some(bar) = bars(tape, sub.show, &mut slots, listing.points, from, mark).pop() {
        return Some(bar);
    }
    if sub.show != Show::Trades {
        return None;
    }
    // Without a trade the last price stands, as long as it is of the same session.
    let session = listing.hours.calendar().session(window.trade_date)?;
    let last = tape.trades_before(from).next().filter(|trade| session.contains(trade.ts))?;
    let price = listing.points.of_ticks(i64::from(last.price.0));
    let traded = Some(Traded { volume: 0, average: price, count: 0 });
    Some(Bar { slot, open: price, high: price, low: price, close: price, traded })
}

fn frame(req_id: i32, bar: &Bar) -> RealTimeBarTick {
    RealTimeBarTick {
        req_id: Some(req_id),
        time: Some(bar.slot.start.secs()),
        open: Some(bar.open),
        high: Some(bar.high),
        low: Some(bar.low),
        close: Some(bar.close),
        volume: Some(bar.traded.map_or_else(|| "-1".to_owned(), |traded| traded.volume.to_string())),
        wap: Some(bar.traded.map_or_else(|| "-1".to_owned(), |traded| traded.average.to_string())),
        count: Some(bar.traded.map_or(-1, |traded| i32::try_from(traded.count).unwrap_or(i32::MAX))),
    }
}

//! Historical ticks. In: requests with a start or an end. Out: up to a thousand ticks, and the rest of the second in
//! which they end, as a real gateway does, so that who asks for the next second misses none.

use engine::market::{Quote, Trade};
use engine::time::Timestamp;
use engine::venue::Refusal;

use crate::broker::Broker;
use crate::broker::clients::ConnId;
use crate::broker::session::{SYSTEM, invalid};
use crate::catalog::Listing;
use crate::history::query::Show;
use crate::history::tape::Tape;
use crate::wire::past_ticks::{
    HistoricalTick, HistoricalTickBidAsk, HistoricalTickLast, HistoricalTicks, HistoricalTicksBidAsk,
    HistoricalTicksLast, HistoricalTicksRequest, NoAttributes,
};
use crate::wire::response::Response;
use crate::wire::ticks::TickKind;

pub const TICKS_MAX: usize = 1_000;
const REFUSED: i32 = 10187;
const REFUSED_TEXT: &str = "Failed to request historical ticks:";
const NO_PRICE: f64 = -1.0;

/// Which ticks are wanted.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    show: Show,
    count: usize,
    /// From the start on, or up to the end.
    from: Option<Timestamp>,
    to: Timestamp,
    liquid: bool,
    ignore_size: bool,
}

impl Broker {
    pub(super) fn send_past_ticks(&mut self, conn: ConnId, request: &HistoricalTicksRequest) {
        let req_id = request.req_id.unwrap_or(SYSTEM);
        match self.past_ticks(conn, req_id, request) {
            Ok(ticks) => self.send(conn, ticks),
            Err(refusal) => self.refuse(conn, req_id, &refusal),
        }
    }

    fn past_ticks(&mut self, conn: ConnId, req_id: i32, request: &HistoricalTicksRequest) -> Result<Response, Refusal> {
        let listing = self.data_of(request.contract.as_ref(), REFUSED, REFUSED_TEXT)?.clone();
        let show = Show::from_wire(request.what_to_show.as_deref().unwrap_or(""));
        let show = show.filter(|show| matches!(show, Show::Trades | Show::BidAsk | Show::Midpoint));
        let show = show.ok_or_else(|| invalid("What to show field is missing or incorrect."))?;
        let count = usize::try_from(request.number_of_ticks.unwrap_or(0)).unwrap_or(0);
        if count == 0 || count > TICKS_MAX {
            return Err(invalid(&format!("Number of ticks is {count}, it must be 1 to {TICKS_MAX}")));
        }
        let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let now = Timestamp::from_nanos(self.now().nanos().saturating_add(1));
        let (from, to) = match (given(&request.start_date_time), given(&request.end_date_time)) {
            (Some(start), None) => (Some(self.read_time(conn, req_id, "Start Date/Time", &start)?), now),
            (None, Some(end)) => (None, self.read_time(conn, req_id, "End Date/Time", &end)?.min(now)),
            _ => return Err(invalid("Either the start or the end date/time must be given, and not both")),
        };
        let liquid = request.use_rth.unwrap_or(false);
        let wanted = Wanted { show, count, from, to, liquid, ignore_size: request.ignore_size.unwrap_or(false) };
        let no_tape = || Refusal { code: REFUSED, text: format!("{REFUSED_TEXT}no data") };
        let tape = self.memory.whole(listing.instrument.id).ok_or_else(no_tape)?;
        Ok(found(tape, &listing, req_id, &wanted))
    }

    /// The last ticks before a tick-by-tick subscription begins.
    pub(super) fn send_ticks_before(
        &mut self,
        conn: ConnId,
        req_id: i32,
        listing: &Listing,
        (kind, ignore_size): (TickKind, bool),
        count: usize,
    ) {
        let show = match kind {
            TickKind::Last | TickKind::AllLast => Show::Trades,
            TickKind::BidAsk => Show::BidAsk,
            TickKind::MidPoint => Show::Midpoint,
        };
        let to = Timestamp::from_nanos(self.now().nanos().saturating_add(1));
        let wanted = Wanted { show, count, from: None, to, liquid: false, ignore_size };
        if let Some(tape) = self.memory.whole(listing.instrument.id) {
            let ticks = found(tape, listing, req_id, &wanted);
            self.send(conn, ticks);
        }
    }
}

fn found(tape: &Tape, listing: &Listing, req_id: i32, wanted: &Wanted) -> Response {
    let (req_id, is_done) = (Some(req_id), Some(true));
    let points = |price: Option<engine::market::Price>| {
        Some(price.map_or(NO_PRICE, |price| listing.points.of_ticks(i64::from(price.0))))
    };
    if wanted.show == Show::Trades {
        let ticks = trades(tape, listing, wanted).into_iter().map(|trade| HistoricalTickLast {
            time: Some(trade.ts.secs()),
            attributes: Some(NoAttributes {}),
            price: points(Some(trade.price)),
            size: Some(trade.size.to_string()),
            exchange: Some(listing.instrument.exchange.clone()),
            special_conditions: None,
        });
        return HistoricalTicksLast { req_id, ticks: ticks.collect(), is_done }.into();
    }
    let quotes = quotes(tape, listing, wanted).into_iter();
    if wanted.show == Show::BidAsk {
        let ticks = quotes.map(|quote| HistoricalTickBidAsk {
            time: Some(quote.ts.secs()),
            attributes: Some(NoAttributes {}),
            price_bid: points(quote.bid),
            price_ask: points(quote.ask),
            size_bid: Some(quote.bid_size.to_string()),
            size_ask: Some(quote.ask_size.to_string()),
        });
        return HistoricalTicksBidAsk { req_id, ticks: ticks.collect(), is_done }.into();
    }
    let ticks = quotes.filter_map(|quote| {
        let price = Some(listing.points.of_half_ticks(twice_the_middle(&quote)?));
        Some(HistoricalTick { time: Some(quote.ts.secs()), price, size: Some("0".to_owned()) })
    });
    HistoricalTicks { req_id, ticks: ticks.collect(), is_done }.into()
}

fn twice_the_middle(quote: &Quote) -> Option<i64> {
    Some(i64::from(quote.bid?.0) + i64::from(quote.ask?.0))
}

fn trades(tape: &Tape, listing: &Listing, wanted: &Wanted) -> Vec<Trade> {
    let counts = |trade: &&Trade| !wanted.liquid || listing.hours.window_of(trade.ts, true).is_some();
    match wanted.from {
        Some(from) => {
            let ticks = tape.trades_since(from).take_while(|trade| trade.ts < wanted.to).filter(counts).copied();
            whole_seconds(ticks, wanted.count, |trade| trade.ts)
        }
        None => {
            let ticks = tape.trades_before(wanted.to).filter(counts).copied();
            backwards(whole_seconds(ticks, wanted.count, |trade| trade.ts))
        }
    }
}

/// Of quotes that say the same as the one before them in time only the first is a tick.
fn quotes(tape: &Tape, listing: &Listing, wanted: &Wanted) -> Vec<Quote> {
    let counts = |quote: &Quote| {
        let shown = wanted.show == Show::BidAsk || twice_the_middle(quote).is_some();
        shown && (!wanted.liquid || listing.hours.window_of(quote.ts, true).is_some())
    };
    let same = |one: &Quote, two: &Quote| match (wanted.show, wanted.ignore_size) {
        (Show::BidAsk, true) => (one.bid, one.ask) == (two.bid, two.ask),
        (Show::BidAsk, false) => false,
        _ => twice_the_middle(one) == twice_the_middle(two),
    };
    match wanted.from {
        Some(from) => {
            let mut last: Option<Quote> = None;
            let ticks = tape.quotes_since(from).take_while(|quote| quote.ts < wanted.to).filter(counts);
            let ticks = ticks.filter(|quote| !last.replace(*quote).is_some_and(|last| same(&last, quote)));
            whole_seconds(ticks, wanted.count, |quote| quote.ts)
        }
        None => {
            let mut ticks = tape.quotes_before(wanted.to).filter(counts).peekable();
            let changes = std::iter::from_fn(|| {
                loop {
                    let quote = ticks.next()?;
                    if !ticks.peek().is_some_and(|earlier| same(earlier, &quote)) {
                        return Some(quote);
                    }
                }
            });
            backwards(whole_seconds(changes, wanted.count, |quote| quote.ts))
        }
    }
}

/// The first `count` items, and after them those of the same second as the last.
fn whole_seconds<T>(items: impl Iterator<Item = T>, count: usize, ts: impl Fn(&T) -> Timestamp) -> Vec<T> {
    let mut taken: Vec<T> = Vec::with_capacity(count);
    for item in items {
        if taken.len() >= count && taken.last().is_none_or(|last| ts(last).secs() != ts(&item).secs()) {
            break;
        }
        taken.push(item);
    }
    taken
}

fn backwards<T>(mut items: Vec<T>) -> Vec<T> {
    items.reverse();
    items
}

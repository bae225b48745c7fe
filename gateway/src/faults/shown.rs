//! What faults of market data make of events and of messages. In: the market as it is. Out: what clients are shown, and
//! when. Absent: which faults there are (`data`), the exchange, which sees the market as it is.

use std::time::Duration;

use chrono::{NaiveTime, TimeZone, Utc};
use chrono_tz::US::Central;
use engine::market::{FeedEvent, MarketEvent, Price, Quote};
use engine::time::Timestamp;

use crate::broker::Broker;
use crate::faults::effect::{Effect, Fate, Running};
use crate::faults::spec::Call;
use crate::wire::market_data::TickPrice;
use crate::wire::response::Response;
use crate::wire::ticks::Mask;

#[derive(Clone, Debug)]
pub enum DataFault {
    /// Nothing is shown, for good.
    Silence,
    Twice(u32),
    /// Times run behind by so much.
    Back(Duration),
    ZeroPrice {
        left: u32,
    },
    ZeroSize {
        left: u32,
    },
    EmptySide {
        bid: bool,
        ask: bool,
    },
    /// Points on top of every price.
    Offset(f64),
    /// Attributes of every tick.
    Marked(Mask),
    Halted,
    /// Trades stamped within the daily break.
    OutsideSession {
        left: u32,
    },
    /// The last second of a minute arrives after the next one has begun, so much later.
    PreviousMinute(Duration),
    Lag(Duration),
}

/// Tick types of a quote screen.
const BID: i32 = 1;
const ASK: i32 = 2;
const LAST: i32 = 4;
const BREAK: NaiveTime = NaiveTime::from_hms_opt(16, 30, 0).expect("a time of day");

impl DataFault {
    pub fn is_silence(&self) -> bool {
        matches!(self, DataFault::Silence)
    }

    pub fn is_spent(&self) -> bool {
        matches!(
            self,
            DataFault::ZeroPrice { left: 0 } | DataFault::ZeroSize { left: 0 } | DataFault::OutsideSession { left: 0 }
        )
    }

    /// A halt empties the book that clients see.
    pub fn begin(&self, broker: &mut Broker) {
        if matches!(self, DataFault::Halted) {
            broker.tell_halt(true);
            let ts = broker.now();
            let quote = Quote { ts, bid: None, ask: None, bid_size: 0, ask_size: 0 };
            for symbol in broker.symbols() {
                broker.send_market(&[FeedEvent { symbol, event: MarketEvent::Quote(quote) }]);
            }
        }
    }

    /// What it held back comes at once.
    pub fn end(self, broker: &mut Broker, _call: &Call) {
        if matches!(self, DataFault::Halted) {
            broker.tell_halt(false);
        }
        if matches!(self, DataFault::Lag(_) | DataFault::PreviousMinute(_)) {
            for (due, _) in &mut broker.faults.ticks {
                *due = Timestamp::MIN;
            }
        }
    }

    /// Quotes on a screen and real-time bars are messages of their own, made from the market as it is.
    pub fn outgoing(&self, response: &mut Response) -> Fate {
        let is_data = matches!(
            response,
            Response::TickPrice(_)
                | Response::TickSize(_)
                | Response::TickString(_)
                | Response::TickGeneric(_)
                | Response::RealTimeBar(_)
        );
        match (self, response) {
            (DataFault::Twice(copies), _) if is_data => Fate::Copies(*copies),
            (DataFault::Lag(by), _) if is_data => Fate::Later(*by),
            (DataFault::Halted, _) if is_data => Fate::Withhold,
            (_, Response::TickPrice(tick)) => {
                self.alter_quote(tick);
                Fate::Pass
            }
            _ => Fate::Pass,
        }
    }

    fn alter_quote(&self, tick: &mut TickPrice) {
        let (kind, price) = (tick.tick_type.unwrap_or(0), tick.price.unwrap_or(0.0));
        match self {
            DataFault::Offset(points) if price > 0.0 => tick.price = Some(price + points),
            DataFault::ZeroPrice { left } if *left > 0 && kind == LAST => tick.price = Some(0.0),
            DataFault::EmptySide { bid, ask } if (*bid && kind == BID) || (*ask && kind == ASK) => {
                (tick.price, tick.size) = (Some(-1.0), Some("0".to_owned()));
            }
            _ => {}
        }
    }

    /// Changes one event; `None`: it is not shown.
    fn alter(&mut self, event: &mut FeedEvent) -> Option<()> {
        match self {
            DataFault::Halted => return None,
            DataFault::Back(by) => set_time(event, event.event.ts() - *by),
            DataFault::EmptySide { bid, ask } => empty_sides(event, *bid, *ask),
            DataFault::ZeroPrice { left } | DataFault::ZeroSize { left } | DataFault::OutsideSession { left }
                if *left == 0 || !matches!(event.event, MarketEvent::Trade(_)) => {}
            DataFault::ZeroPrice { left } => {
                *left -= 1;
                if let MarketEvent::Trade(trade) = &mut event.event {
                    trade.price = Price(0);
                }
            }
            DataFault::ZeroSize { left } => {
                *left -= 1;
                if let MarketEvent::Trade(trade) = &mut event.event {
                    trade.size = 0;
                }
            }
            DataFault::OutsideSession { left } => {
                *left -= 1;
                set_time(event, in_the_break(event.event.ts()));
            }
            // Silence keeps frames back, client by client; an offset is added where points are made.
            DataFault::Silence
            | DataFault::Offset(_)
            | DataFault::Marked(_)
            | DataFault::Twice(_)
            | DataFault::PreviousMinute(_)
            | DataFault::Lag(_) => {}
        }
        Some(())
    }

    /// When an event of this time is shown; `None`: at once.
    fn shown_at(&self, ts: Timestamp) -> Option<Timestamp> {
        match self {
            DataFault::Lag(by) => Some(ts + *by),
            DataFault::PreviousMinute(by) => {
                let minute = Duration::from_secs(60);
                let end = ts.floor(minute) + minute;
                (end.since(ts) <= Duration::from_secs(1)).then_some(end + *by)
            }
            _ => None,
        }
    }
}

fn set_time(event: &mut FeedEvent, ts: Timestamp) {
    match &mut event.event {
        MarketEvent::Trade(trade) => trade.ts = ts,
        MarketEvent::Quote(quote) => quote.ts = ts,
    }
}

fn empty_sides(event: &mut FeedEvent, bid: bool, ask: bool) {
    if let MarketEvent::Quote(quote) = &mut event.event {
        if bid {
            (quote.bid, quote.bid_size) = (None, 0);
        }
        if ask {
            (quote.ask, quote.ask_size) = (None, 0);
        }
    }
}

/// 16:30 in Chicago on the same day.
fn in_the_break(ts: Timestamp) -> Timestamp {
    let day = ts.to_datetime().with_timezone(&Central).date_naive();
    let local = Central.from_local_datetime(&day.and_time(BREAK)).earliest();
    local.map_or(ts, |at| at.with_timezone(&Utc).into())
}

impl Broker {
    /// Shows the events of a step as the faults in force let them be seen.
    pub(crate) fn show_market(&mut self, events: &[FeedEvent]) {
        let altered = |fault: &Running| matches!(fault.effect, Effect::Data(_));
        if !self.faults.running.iter().any(altered) && self.faults.ticks.is_empty() {
            return self.send_market(events);
        }
        let mut shown = Vec::with_capacity(events.len());
        for event in events {
            self.show_event(*event, &mut shown);
        }
        self.send_market(&shown);
    }

    fn show_event(&mut self, mut event: FeedEvent, shown: &mut Vec<FeedEvent>) {
        let true_ts = event.event.ts();
        let (mut copies, mut due) = (1, None);
        for fault in &mut self.faults.running {
            let Effect::Data(fault) = &mut fault.effect else { continue };
            if fault.alter(&mut event).is_none() {
                return;
            }
            if let DataFault::Twice(count) = fault {
                copies *= *count as usize;
            }
            due = due.max(fault.shown_at(true_ts));
        }
        let copied = std::iter::repeat_n(event, copies);
        match due {
            None => shown.extend(copied),
            Some(due) => {
                // Later events may be due earlier: the queue stays in the order in which it is emptied.
                let at = self.faults.ticks.partition_point(|(other, _)| *other <= due);
                for event in copied {
                    self.faults.ticks.insert(at, (due, event));
                }
            }
        }
    }

    /// Attributes that faults give to every tick.
    pub(crate) fn tick_mask(&self) -> Mask {
        self.faults.running.iter().fold(Mask::default(), |mask, fault| match fault.effect {
            Effect::Data(DataFault::Marked(marked)) => Mask(mask.0 | marked.0, mask.1 | marked.1),
            _ => mask,
        })
    }

    /// Points that faults add to every price of the market data.
    pub(crate) fn price_offset(&self) -> f64 {
        let offset = |fault: &Running| match fault.effect {
            Effect::Data(DataFault::Offset(points)) => points,
            _ => 0.0,
        };
        self.faults.running.iter().map(offset).sum()
    }
}

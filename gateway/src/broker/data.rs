//! What clients follow besides tick-by-tick data, and when the market's own clock owes them something.
//! In: steps that were played, market time. Out: updates that are due, in the order of their times.
//! Timers run on market time, before any event at or after their moment, so a day played twice says the same.

use std::time::Duration;

use engine::market::FeedEvent;
use engine::time::Timestamp;
use engine::venue::Refusal;

use crate::broker::Broker;
use crate::broker::clients::ConnId;
use crate::broker::kept::Kept;
use crate::broker::market_data::MarketSubs;
use crate::broker::realtime_bars::BarSub;
use crate::catalog::Listing;
use crate::wire::contract::Contract;

/// Real-time bars and updates of historical bars come at whole multiples of this.
pub const MARK_EVERY: Duration = Duration::from_secs(5);
const NO_PERMISSIONS: &str = "Requested market data requires additional subscription for API. See link in 'Market Data \
    Connections' dialog for more details.";

/// Subscriptions to quotes and bars.
#[derive(Debug)]
pub struct DataSubs {
    pub markets: MarketSubs,
    pub bars: Vec<BarSub>,
    pub kept: Vec<Kept>,
    /// The next multiple of [`MARK_EVERY`] at which bars are due, while there are any.
    mark: Timestamp,
}

impl Default for DataSubs {
    fn default() -> Self {
        Self { markets: MarketSubs::default(), bars: Vec::new(), kept: Vec::new(), mark: Timestamp::MAX }
    }
}

impl DataSubs {
    pub fn remove_client(&mut self, conn: ConnId) {
        self.markets.remove_client(conn);
        self.bars.retain(|sub| sub.conn != conn);
        self.kept.retain(|sub| sub.conn != conn);
    }

    /// Ends all of a connection's subscriptions; returns their request ids.
    pub fn take_client(&mut self, conn: ConnId) -> Vec<i32> {
        let mut ended = self.markets.req_ids(conn);
        ended.extend(self.bars.iter().filter(|sub| sub.conn == conn).map(|sub| sub.req_id));
        ended.extend(self.kept.iter().filter(|sub| sub.conn == conn).map(|sub| sub.req_id));
        self.remove_client(conn);
        ended
    }

    /// The client that subscribed first of those that are left.
    fn first(&self) -> Option<ConnId> {
        let bars = self.bars.first().map(|sub| sub.conn);
        self.markets.first().or(bars).or_else(|| self.kept.first().map(|sub| sub.conn))
    }

    fn has_bars(&self) -> bool {
        !self.bars.is_empty() || !self.kept.is_empty()
    }

    /// Bars are followed from `now` on.
    pub fn start_marks(&mut self, now: Timestamp) {
        if !self.has_bars() {
            self.mark = now.floor(MARK_EVERY) + MARK_EVERY;
        }
    }

    fn next_timer(&self) -> Option<Timestamp> {
        let mark = self.has_bars().then_some(self.mark);
        [mark, self.markets.next_due()].into_iter().flatten().min()
    }
}

impl Broker {
    /// The client whose clock requests play the market: the first with ticks, then the first with any other data.
    pub(super) fn pacer(&self) -> Option<ConnId> {
        self.ticks.pacer().or_else(|| self.data.first())
    }

    /// When the next update is owed without an event.
    pub(super) fn next_timer(&self) -> Option<Timestamp> {
        self.data.next_timer()
    }

    /// Sends what is owed up to `until`.
    pub(super) fn run_timers(&mut self, until: Timestamp) {
        while let Some(at) = self.data.next_timer().filter(|at| *at <= until) {
            if self.data.has_bars() && self.data.mark == at {
                self.send_realtime_bars(at);
                self.send_bar_updates(at);
                self.data.mark = self.mark_after(at);
            }
            self.send_due_markets(at);
        }
    }

    /// The next mark; a closed market is leapt over.
    fn mark_after(&self, at: Timestamp) -> Timestamp {
        let symbols = self.data.bars.iter().map(|sub| sub.symbol).chain(self.data.kept.iter().map(|sub| sub.symbol));
        let calendars = symbols.filter_map(|symbol| Some(self.catalog.listing(symbol)?.hours.calendar()));
        let opens = calendars.map(|calendar| if calendar.is_open(at) { at } else { calendar.next_open(at) });
        opens.min().unwrap_or(at).floor(MARK_EVERY) + MARK_EVERY
    }

    /// The events of a step: remembered, and shown to those who follow quotes.
    pub(super) fn observe(&mut self, events: &[FeedEvent]) {
        for event in events {
            self.send_markets_before(event);
            self.memory.push(event);
            self.send_markets_after(event);
        }
    }

    /// The listing that a request for data means; a contract without a market is refused with `code` and `head`, as a
    /// gateway does whose user has not subscribed to its data.
    pub(super) fn data_of(&self, wanted: Option<&Contract>, code: i32, head: &str) -> Result<&Listing, Refusal> {
        let listing = self.catalog.only(&wanted.cloned().unwrap_or_default())?;
        if listing.played {
            return Ok(listing);
        }
        let exchange = &listing.instrument.exchange;
        let text = format!("{head}No market data permissions for {exchange} FUT. {NO_PERMISSIONS}");
        Err(Refusal { code, text })
    }
}

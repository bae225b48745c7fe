//! What the simulated exchange would have made of a session's orders. In: the session's ticks as they arrived, and what
//! the broker was asked. Out: executions. Absent: anybody who hears of them; decisions followed the real fills.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use super::{CLIENT_ID, new_order};
use crate::config::Config;
use crate::market::{FeedEvent, MarketEvent};
use crate::time::Timestamp;
use crate::trade::BrokerRequest;
use crate::venue::{Player, Refusal, Report, Rules, Step, Venue, VenueConfig, VenueExecution};

/// Ticks on their way to the exchange.
#[derive(Clone, Debug, Default)]
struct Arriving(Rc<RefCell<VecDeque<FeedEvent>>>);

impl Iterator for Arriving {
    type Item = FeedEvent;

    fn next(&mut self) -> Option<FeedEvent> {
        self.0.borrow_mut().pop_front()
    }
}

pub struct Shadow {
    player: Player<Arriving>,
    arriving: Arriving,
    /// Requests with the time at which they reach the exchange.
    on_the_way: VecDeque<(Timestamp, BrokerRequest)>,
    order_latency: Duration,
    executions: Vec<VenueExecution>,
    refused: u64,
}

impl Shadow {
    /// An exchange without history: positions from before the session are unknown to it. A request arrives
    /// `order_latency` after it was made.
    pub fn new(config: &Config, order_latency: Duration) -> Self {
        let venue = Venue::new(VenueConfig {
            instruments: config.instruments.clone(),
            commission: config.backtest.commission,
            cash: config.backtest.cash,
            // The session's broker has let its orders through; who pays for them is not the question here.
            rules: Rules { margins: None, ..Rules::of_broker() },
        });
        let arriving = Arriving::default();
        Self {
            player: Player::new(arriving.clone(), venue),
            arriving,
            on_the_way: VecDeque::new(),
            order_latency,
            executions: Vec::new(),
            refused: 0,
        }
    }

    /// A tick, at the time at which it arrived.
    pub fn tick(&mut self, event: FeedEvent) {
        self.catch_up(event.event.ts());
        self.arriving.0.borrow_mut().push_back(event);
        while let Some((_, step)) = self.player.step() {
            if let Step::Reports(reports) = step {
                self.keep(&reports);
            }
        }
    }

    pub fn request(&mut self, at: Timestamp, request: BrokerRequest) {
        self.on_the_way.push_back((at + self.order_latency, request));
        self.catch_up(at);
    }

    /// Executions so far, in order; and how many requests the exchange refused.
    pub fn finish(mut self) -> (Vec<VenueExecution>, u64) {
        self.catch_up(Timestamp::MAX);
        (self.executions, self.refused)
    }

    fn catch_up(&mut self, now: Timestamp) {
        while self.on_the_way.front().is_some_and(|(due, _)| *due <= now) {
            let Some((due, request)) = self.on_the_way.pop_front() else { return };
            self.ask(due.max(self.player.now()), &request);
        }
    }

    fn ask(&mut self, at: Timestamp, request: &BrokerRequest) {
        let mut reports = Vec::new();
        let venue = self.player.venue_mut();
        let answers: Vec<Result<(), Refusal>> = match request {
            BrokerRequest::Place(tickets) => {
                tickets.iter().map(|ticket| venue.place(at, new_order(ticket), &mut reports).map(drop)).collect()
            }
            BrokerRequest::Modify(ticket) => vec![venue.modify(at, new_order(ticket), &mut reports).map(drop)],
            BrokerRequest::Cancel(id) => vec![venue.cancel(at, CLIENT_ID, id.0, &mut reports).map(drop)],
            BrokerRequest::TakeInventory(_) | BrokerRequest::ComparePositions(_) => Vec::new(),
        };
        self.refused += answers.iter().filter(|answer| answer.is_err()).count() as u64;
        self.keep(&reports);
    }

    fn keep(&mut self, reports: &[Report]) {
        self.executions.extend(reports.iter().filter_map(|report| match report {
            Report::Execution(fill) => Some(fill.clone()),
            Report::Corrected(_) | Report::Order(_) | Report::Message { .. } => None,
        }));
    }
}

/// A tick stamped with the time of its arrival.
pub fn arrived(at: Timestamp, event: FeedEvent) -> FeedEvent {
    match event {
        FeedEvent { symbol, event: MarketEvent::Trade(trade) } => {
            FeedEvent { symbol, event: MarketEvent::Trade(crate::market::Trade { ts: at, ..trade }) }
        }
        FeedEvent { symbol, event: MarketEvent::Quote(quote) } => {
            FeedEvent { symbol, event: MarketEvent::Quote(crate::market::Quote { ts: at, ..quote }) }
        }
    }
}

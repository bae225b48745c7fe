//! Cuts a market into the steps that clients see. In: a source of events and a venue. Out: steps with their time.
//! Absent: waiting, sockets, clients. The simulated gateway and the backtester both play through it, so both see the
//! same sequence.
//!
//! The contract:
//! - A [`Step::Market`] is the longest run of next events of one symbol and one kind (trade or quote) within the same
//!   whole second, at most [`RUN_MAX`], for which the venue has nothing to report.
//! - An event for which the venue does report ends the run before it. Its reports are a step of their own, and the
//!   event itself opens the next market step. A client never has fills and ticks under way at once, and learns of a
//!   fill before the tick that caused it.
//! - A step's time is that of its last event (for reports: of the event that caused them), and never less than the
//!   time of an earlier step, even where the source goes back.
//! - What time does to orders (a session opens or ends, a date is reached, CME's day ends at 16:00 in Chicago) is a step
//!   of reports of its own, before any later event. So is a settlement that moves money, though it reports nothing.
//! - Nothing is read ahead into the venue: between two steps it has seen the events of the steps returned so far and,
//!   after reports, the one that caused them. Orders are placed there, with [`Player::now`].

use std::iter::Peekable;
use std::mem::discriminant;

use super::{Report, Venue};
use crate::market::FeedEvent;
use crate::time::Timestamp;
use crate::time::session::next_day_end;

/// Events in one market step.
pub const RUN_MAX: usize = 256;

/// What happens next. Only the reports of a settlement may be empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    Market(Vec<FeedEvent>),
    Reports(Vec<Report>),
}

#[derive(Debug)]
pub struct Player<S: Iterator<Item = FeedEvent>> {
    source: Peekable<S>,
    venue: Venue,
    now: Timestamp,
    /// When the running trading day ends; set by the first event.
    day_end: Option<Timestamp>,
    /// The event whose reports were the last step; the venue has seen it, clients have not.
    opens: Option<FeedEvent>,
    run: Vec<FeedEvent>,
    reports: Vec<Report>,
    run_max: usize,
}

impl<S: Iterator<Item = FeedEvent>> Player<S> {
    pub fn new(source: S, venue: Venue) -> Self {
        let now = venue.now();
        Self {
            source: source.peekable(),
            venue,
            now,
            day_end: None,
            opens: None,
            run: Vec::new(),
            reports: Vec::new(),
            run_max: RUN_MAX,
        }
    }

    /// Every event is a step of its own: orders meet the very tick that led to them, not the last one of its second.
    pub fn one_by_one(self) -> Self {
        Self { run_max: 1, ..self }
    }

    /// The next step and its time; `None` when the market is over.
    pub fn step(&mut self) -> Option<(Timestamp, Step)> {
        self.step_until(Timestamp::MAX)
    }

    /// As [`Player::step`], with a run that holds no event after `limit` but its first: for a market that is played by
    /// a clock.
    pub fn step_until(&mut self, limit: Timestamp) -> Option<(Timestamp, Step)> {
        if self.pass_time() {
            return Some((self.now, Step::Reports(std::mem::take(&mut self.reports))));
        }
        let first = match self.opens.take() {
            Some(event) => event,
            None => {
                let event = self.source.next()?;
                if self.show(event) {
                    self.opens = Some(event);
                    return Some((self.now, Step::Reports(std::mem::take(&mut self.reports))));
                }
                event
            }
        };
        self.run.push(first);
        while self.run.len() < self.run_max {
            let venue = &self.venue;
            let joins =
                |next: &FeedEvent| next.event.ts() <= limit && continues(&first, next) && !venue.would_report(next);
            let Some(event) = self.source.next_if(joins) else { break };
            let reported = self.show(event);
            assert!(!reported, "the venue reports only what it said it would report");
            self.run.push(event);
        }
        Some((self.now, Step::Market(std::mem::take(&mut self.run))))
    }

    /// Does what time does before the next event: trading days end, orders wake or expire. Tells whether the venue reports
    /// anything or moves money, and stops there.
    fn pass_time(&mut self) -> bool {
        let Some(next) = self.next_event_ts() else { return false };
        let mut end = *self.day_end.get_or_insert_with(|| next_day_end(next));
        loop {
            let mut settled = false;
            let due = self.venue.next_deadline().filter(|due| *due <= next.min(end));
            match due {
                Some(due) => {
                    self.now = self.now.max(due);
                    self.venue.on_time(due, &mut self.reports);
                }
                None if end <= next => {
                    self.now = self.now.max(end);
                    settled = self.venue.settlement_moves();
                    self.venue.end_of_day(end, &mut self.reports);
                    end = next_day_end(end);
                    self.day_end = Some(end);
                }
                None => return false,
            }
            if settled || !self.reports.is_empty() {
                return true;
            }
        }
    }

    /// Time of the next event of the market, never less than [`Player::now`].
    fn next_event_ts(&mut self) -> Option<Timestamp> {
        let next = self.opens.as_ref().or_else(|| self.source.peek())?;
        Some(next.event.ts().max(self.now))
    }

    /// Shows one event to the venue; tells whether it reports anything.
    fn show(&mut self, event: FeedEvent) -> bool {
        self.now = self.now.max(event.event.ts());
        self.venue.on_market(&event, &mut self.reports);
        !self.reports.is_empty()
    }

    /// Time of the next step: of its first event or of what happens to orders before, never less than [`Player::now`];
    /// `None` when the market is over.
    pub fn peek_ts(&mut self) -> Option<Timestamp> {
        let next = self.next_event_ts()?;
        let end = *self.day_end.get_or_insert_with(|| next_day_end(next));
        let end = Some(end).filter(|_| self.venue.day_end_shows());
        let due = self.venue.next_report_due().into_iter().chain(end).min();
        Some(due.map_or(next, |due| due.max(self.now).min(next)))
    }

    /// Time of the last step; [`Timestamp::MIN`] before the first one of a new venue.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    pub fn venue(&self) -> &Venue {
        &self.venue
    }

    pub fn venue_mut(&mut self) -> &mut Venue {
        &mut self.venue
    }

    /// Takes back a step that has been dealt with, so that its buffer serves again.
    pub fn recycle(&mut self, step: Step) {
        match step {
            Step::Market(mut events) => {
                events.clear();
                self.run = events;
            }
            Step::Reports(mut reports) => {
                reports.clear();
                self.reports = reports;
            }
        }
    }
}

/// Whether `next` may be in a run that `first` opens, reports aside.
fn continues(first: &FeedEvent, next: &FeedEvent) -> bool {
    first.symbol == next.symbol
        && discriminant(&first.event) == discriminant(&next.event)
        && first.event.ts().secs() == next.event.ts().secs()
}

//! Once a second: which feeds are silent, which strategies get no bars, how long the broker has been away, what the
//! calendar says. In: the time. Out: events for the table, alarms.

use super::feeds::Hunger;
use super::*;

/// How market time runs: `patience` is [`INVENTORY_WITHIN`] of the wall.
pub(super) fn wall_second(patience: Duration) -> Duration {
    patience / u32::try_from(INVENTORY_WITHIN.as_secs()).unwrap_or(1)
}

/// A second of the market, or a fifth of one on the wall if that is longer.
pub(super) fn every(patience: Duration) -> Duration {
    Duration::from_secs(1).max(wall_second(patience) / 5)
}

/// What is told about a feed's trouble.
pub(super) fn alarm(
    feed: &Feed,
    now: Timestamp,
    (from, event): (State, Event),
    cause: &str,
) -> (Severity, &'static str, String) {
    let waited = now.since(feed.waits_since).as_secs();
    let name = &feed.name;
    match event {
        Event::StillSilent if from == State::Corrupt => {
            let text = format!("{name}: no good price for {waited} s; subscribed anew (try {})", feed.tries + 1);
            (Severity::Error, "feed.corrupt", text)
        }
        Event::StillSilent => {
            let text =
                format!("{name}: still no tick after another {waited} s; subscribed anew (try {})", feed.tries + 1);
            (Severity::Error, "feed.silent", text)
        }
        Event::Corrupted => {
            (Severity::Error, "feed.corrupt", format!("{name}: {cause}; no new entries, subscribed anew"))
        }
        Event::Silent => (
            Severity::Warning,
            "feed.silent",
            format!("{name}: no tick for {waited} s; no new entries until one comes"),
        ),
        Event::FarmBroken => {
            (Severity::Warning, "feed.farm", format!("{name}: {cause}; no new entries until a fresh tick"))
        }
        _ => (Severity::Warning, "feed.ended", format!("{name}: {cause}; no new entries until a fresh tick")),
    }
}

impl Link {
    pub(super) fn watch(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        self.watch_feeds(now, out);
        self.watch_strategies(now, out);
        self.watch_outage(now, out);
        self.look_at_calendar(now, out);
    }

    fn watch_feeds(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        let path = matches!(self.upstream, State::Reconciling | State::Agreed);
        for n in 0..self.feeds.len() {
            let feed = &mut self.feeds[n];
            if !path {
                // Nothing can come; the outage has its own alarm.
                feed.waits_since = now;
                continue;
            }
            match feed.silence(now) {
                Some(event) => self.step_feed(now, n, event, "silence", out),
                // Asked anew once a second: what comes in between is alive.
                None if feed.is_live() && !feed.listening => {
                    feed.await_tick(now);
                    out.push(Output::Listen(feed.symbol));
                }
                None => {}
            }
        }
    }

    fn watch_strategies(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        for watched in &mut self.watched {
            let Some(feed) = self.feeds.get_mut(usize::from(watched.symbol.0)) else { continue };
            if let Some(Hunger::Starved { for_s }) = watched.check(now, feed) {
                let text = format!("{}: no bar of {} for {for_s} s, while ticks come", watched.name, feed.name);
                Self::say(Severity::Warning, "strategy.starved", text, out);
            }
        }
    }

    pub(super) fn on_bar(&mut self, now: Timestamp, symbol: SymbolId, length_s: u32, out: &mut Vec<Output>) {
        for watched in &mut self.watched {
            if watched.on_bar(now, symbol, length_s) == Some(Hunger::Fed) {
                Self::say(Severity::Info, "strategy.fed", format!("{}: bars come again", watched.name), out);
            }
        }
    }

    pub(super) fn on_fresh(&mut self, now: Timestamp, symbol: SymbolId, out: &mut Vec<Output>) {
        let Some(feed) = self.feeds.get_mut(usize::from(symbol.0)) else { return };
        feed.on_tick(now);
        self.at_feed(now, symbol, Event::FreshTick, "a fresh tick", out);
    }

    fn watch_outage(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        if let Some((severity, event, text)) = self.outage.as_mut().and_then(|outage| outage.reminder(now)) {
            Self::say(severity, event, text, out);
        }
        let excused = self.outage.as_ref().is_some_and(|outage| outage.is_inside_its_window(now));
        if !excused && self.lost_too_long_at.is_some_and(|at| at <= now) {
            self.lost_too_long_at = None;
            let cause = "the gateway has not found IB's servers again; asking by a new connection";
            self.everywhere(now, Event::LostTooLong, cause, out);
        }
    }

    pub(super) fn look_at_calendar(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        let away = self.upstream != State::Agreed;
        let Some(plan) = &mut self.plan else { return };
        let mut said = Vec::new();
        plan.look(now, away, &mut said);
        let wanted = plan.flat_before();
        said.into_iter().for_each(|(severity, event, text)| Self::say(severity, event, text, out));
        match (self.liquidating, wanted) {
            (None, Some(close)) if self.flat_done != Some(close) => {
                self.liquidating = Some(Liquidation::BeforeClose(close));
            }
            (Some(Liquidation::BeforeClose(close)), None) if now >= close => {
                let text = format!(
                    "the market closed at {close} and positions were not all closed: it goes on, and their stops stay"
                );
                Self::say(Severity::Error, "calendar.not_flat", text, out);
                self.liquidating = Some(Liquidation::UntilFlat);
            }
            _ => {}
        }
        self.tell("the calendar says so", out);
    }
}

//! The connection as days read it: what IB did, what the link did.

use super::*;
use crate::config::raw::{Known, Layer, read};
use crate::config::{AtClose, LossPolicy};

mod calendar;
mod feeds;
mod nights;
mod protocol;
mod whole;

/// A link with the markets of the built-in configuration (ES), at a time of a day.
struct Desk {
    link: Link,
    now: Timestamp,
    said: Vec<Output>,
}

fn at(text: &str) -> Timestamp {
    text.parse::<chrono::DateTime<chrono::Utc>>().expect("an instant").into()
}

fn config() -> Config {
    let mut config = read(&[Layer::embedded_default()], &[], &Known::registered(&[])).expect("the default is valid");
    config.gateway = None;
    config
}

const ES: SymbolId = SymbolId(0);
/// A Wednesday, 10:00 in New York: regular hours.
const MORNING: &str = "2024-06-12T14:00:00Z";

impl Desk {
    /// Connected, reconciled, with a live feed.
    fn at(start: &str) -> Self {
        Self::of(&config(), start)
    }

    fn of(config: &Config, start: &str) -> Self {
        let mut desk = Self::fresh(config, start);
        desk.tell(Input::Connected).tell(Input::Compared(Comparison::Agrees));
        desk.tell(Input::FeedUp(ES)).tick();
        desk.said.clear();
        desk
    }

    fn fresh(config: &Config, start: &str) -> Self {
        Self { link: Link::of(config, INVENTORY_WITHIN), now: at(start), said: Vec::new() }
    }

    fn tell(&mut self, input: Input) -> &mut Self {
        self.link.handle(self.now, input, &mut self.said);
        self
    }

    fn notice(&mut self, code: i32, text: &str) -> &mut Self {
        self.tell(Input::Notice { code, text: text.to_owned() })
    }

    /// A tick, of which the link hears if it listens.
    fn tick(&mut self) -> &mut Self {
        if self.link.feeds[0].listening {
            self.tell(Input::Fresh(ES));
        }
        self
    }

    /// Time passes without a tick; inventories are answered at once.
    fn silent(&mut self, secs: u64) -> &mut Self {
        self.pass(secs, false)
    }

    /// Time passes with a tick each half second.
    fn busy(&mut self, secs: u64) -> &mut Self {
        self.pass(secs, true)
    }

    fn pass(&mut self, secs: u64, ticks: bool) -> &mut Self {
        for _ in 0..2 * secs {
            self.now = self.now + Duration::from_millis(500);
            if self.link.next_deadline().is_some_and(|due| due <= self.now) {
                self.link.on_deadline(self.now, &mut self.said);
            }
            if self.link.asked_at.is_some() && matches!(self.link.upstream, State::Agreed) {
                self.tell(Input::Compared(Comparison::Agrees));
            }
            if ticks {
                self.tick();
            }
        }
        self
    }

    /// What was told since the last call: names of events with their severity.
    fn told(&mut self) -> Vec<String> {
        let told = self.said.iter().filter_map(|output| match output {
            Output::Told { severity, event, .. } => Some(format!("{} {event}", severity.name())),
            _ => None,
        });
        let told = told.collect();
        self.said.retain(|output| !matches!(output, Output::Told { .. }));
        told
    }

    /// What was done since the last call, alarms left out.
    fn done(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.said)
            .into_iter()
            .filter(|output| !matches!(output, Output::Told { .. } | Output::Listen(_) | Output::ComparePositions))
            .collect()
    }

    fn trading(&self) -> Trading {
        self.link.told
    }

    fn may_enter(&self) -> bool {
        self.link.told == Trading::Allowed && self.link.feeds[0].told == Some(true)
    }
}

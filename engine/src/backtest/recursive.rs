//! Finds decisions that depend on how much history came before them. In: what a strategy was shown and decided in a whole
//! run. Out: the first decision that another instance, which began later, takes differently after its warm-up. Absent: why;
//! a sum over everything seen, an average that never forgets its first value, a counter that is never reset do that, and
//! such a strategy trades differently after every restart.
//!
//! The later instance is shown the same bars and wakes, and the position that the whole run held at each: what differs is
//! its memory and nothing else.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::market::{Bar, Instrument, Price};
use crate::strategy::{Decision, Desk, Strategy};
use crate::time::Timestamp;

/// What a strategy was asked.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Asked {
    Bar(Bar),
    Wake { due: Timestamp },
}

/// One question, with what the strategy knew besides its memory.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Call {
    asked: Asked,
    now: Timestamp,
    position: i64,
    close: Option<Price>,
}

/// Everything that one strategy was asked and answered in one run.
#[derive(Debug, Default)]
pub struct Heard {
    calls: Vec<Call>,
    /// Answers by the number of their call, in order.
    said: Vec<(usize, Vec<Decision>)>,
}

/// What was heard of one strategy, once its run is over.
#[derive(Clone, Debug, Default)]
pub struct Tap(Arc<Mutex<Heard>>);

impl Tap {
    /// `inner`, overheard.
    pub fn on(&self, inner: Box<dyn Strategy>) -> Box<dyn Strategy> {
        Box::new(Tapped { inner, heard: self.clone() })
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        // Whoever panicked while it listened has left whole calls.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, call: Call, said: Vec<Decision>) {
        let mut heard = self.heard();
        if !said.is_empty() {
            let number = heard.calls.len();
            heard.said.push((number, said));
        }
        heard.calls.push(call);
    }

    pub fn decisions(&self) -> usize {
        self.heard().said.iter().map(|(_, said)| said.len()).sum()
    }

    /// Looks for a decision that depends on when the strategy began. `warm_up`: bars that an instance may need before its
    /// decisions count. `starts`: how many later instances, spread evenly over the run. `build` makes one.
    pub fn check(
        &self,
        instrument: &Instrument,
        warm_up: usize,
        starts: usize,
        build: impl Fn() -> Box<dyn Strategy>,
    ) -> Checked {
        let heard = self.heard();
        let bars: Vec<usize> = heard.bars().collect();
        let mut checked = Checked::default();
        // A start needs its warm-up and something to compare after it.
        let room = bars.len().saturating_sub(warm_up);
        for start in (1..=starts).map(|n| n * room / (starts + 1)).filter(|start| *start > 0) {
            let (from, counts_from) = (bars[start], bars[start + warm_up]);
            checked.starts += 1;
            checked.compared += heard.said.iter().filter(|(call, _)| *call >= counts_from).count();
            if let Some(found) = heard.first_difference(from, counts_from, instrument, build()) {
                checked.dependence = Some(Dependence { bars_before: start, ..found });
                return checked;
            }
        }
        checked
    }
}

impl Heard {
    fn bars(&self) -> impl Iterator<Item = usize> + '_ {
        let bars = self.calls.iter().enumerate().filter(|(_, call)| matches!(call.asked, Asked::Bar(_)));
        bars.map(|(number, _)| number)
    }

    fn first_difference(
        &self,
        from: usize,
        counts_from: usize,
        instrument: &Instrument,
        mut later: Box<dyn Strategy>,
    ) -> Option<Dependence> {
        let first = self.said.partition_point(|(call, _)| *call < from);
        let mut known = self.said[first..].iter().peekable();
        for (number, call) in self.calls.iter().enumerate().skip(from) {
            let whole = known.next_if(|(of, _)| *of == number).map_or(&[][..], |(_, said)| said);
            let short = ask(&mut *later, call, instrument);
            let same = whole.len() == short.len() && whole.iter().zip(&short).all(|(a, b)| same(a, b));
            if number >= counts_from && !same {
                return Some(Dependence { at: call.now, bars_before: 0, whole: whole.to_vec(), short });
            }
        }
        None
    }
}

fn ask(strategy: &mut dyn Strategy, call: &Call, instrument: &Instrument) -> Vec<Decision> {
    let Call { asked, now, position, close } = *call;
    let desk = Desk { now, instrument, position, close, explained: true };
    match asked {
        Asked::Bar(bar) => strategy.on_bar(&bar, &desk).into_iter().collect(),
        Asked::Wake { due } => strategy.on_wake(due, &desk),
    }
}

/// The same deed; how its reason is put into words does not matter.
fn same(a: &Decision, b: &Decision) -> bool {
    use Decision::{Cancel, Enter, Exit, Order};
    match (a, b) {
        (Enter { side: a, .. }, Enter { side: b, .. }) => a == b,
        (Exit { .. }, Exit { .. }) | (Cancel { .. }, Cancel { .. }) => true,
        (
            Order { side, quantity, kind, tif, .. },
            Order { side: side_b, quantity: quantity_b, kind: kind_b, tif: tif_b, .. },
        ) => (side, quantity, kind, tif) == (side_b, quantity_b, kind_b, tif_b),
        _ => false,
    }
}

/// What a check found.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Checked {
    /// Instances that began later.
    pub starts: usize,
    /// Answers that were compared, over all starts.
    pub compared: usize,
    pub dependence: Option<Dependence>,
}

/// A decision that depends on how much history came before it.
#[derive(Clone, PartialEq, Debug)]
pub struct Dependence {
    pub at: Timestamp,
    /// Of the whole run, that the later instance was not shown.
    pub bars_before: usize,
    /// With the whole history.
    pub whole: Vec<Decision>,
    /// Without it.
    pub short: Vec<Decision>,
}

struct Tapped {
    inner: Box<dyn Strategy>,
    heard: Tap,
}

impl Strategy for Tapped {
    fn on_bar(&mut self, bar: &Bar, desk: &Desk<'_>) -> Option<Decision> {
        let said = self.inner.on_bar(bar, desk);
        self.heard.hear(Call::of(Asked::Bar(*bar), desk), said.iter().cloned().collect());
        said
    }

    fn wake_after(&self, at: Timestamp) -> Option<Timestamp> {
        self.inner.wake_after(at)
    }

    fn on_wake(&mut self, due: Timestamp, desk: &Desk<'_>) -> Vec<Decision> {
        let said = self.inner.on_wake(due, desk);
        self.heard.hear(Call::of(Asked::Wake { due }, desk), said.clone());
        said
    }
}

impl Call {
    fn of(asked: Asked, desk: &Desk<'_>) -> Self {
        Self { asked, now: desk.now, position: desk.position, close: desk.close }
    }
}

#[cfg(test)]
#[path = "recursive_tests.rs"]
mod history_tests;

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::*;
    use crate::market::{Quality, SymbolId};
    use crate::strategy::registry;
    use crate::trade::Side;

    fn es() -> Instrument {
        Instrument {
            id: SymbolId(0),
            name: "ES".to_owned(),
            root: "ES".to_owned(),
            expiry: None,
            exchange: "CME".to_owned(),
            currency: "USD".to_owned(),
            tick_size: Decimal::new(25, 2),
            multiplier: Decimal::from(50),
        }
    }

    /// A walk over minutes, and what a strategy that always gets what it wants does in it.
    fn walk(strategy: Box<dyn Strategy>) -> Tap {
        let (tap, instrument) = (Tap::default(), es());
        let mut strategy = tap.on(strategy);
        let (mut state, mut price, mut position) = (7_u64, 20_000_i32, 0_i64);
        for n in 0..6_000_i64 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            price += i32::try_from((state >> 33) % 21).expect("small") - 10;
            let open_ts = Timestamp::from_secs(1_704_722_400 + 60 * n);
            let (high, low) = (Price(price + 3), Price(price - 3));
            let bar = Bar {
                symbol: SymbolId(0),
                open_ts,
                length_s: 60,
                open: Price(price),
                high,
                low,
                close: Price(price),
                volume: 10,
                trades: 4,
                quality: Quality::Complete,
            };
            let desk =
                Desk { now: bar.end(), instrument: &instrument, position, close: Some(bar.close), explained: true };
            match strategy.on_bar(&bar, &desk) {
                Some(Decision::Enter { side, .. }) => position = i64::from(side.sign()),
                Some(_) => position = 0,
                None => {}
            }
        }
        tap
    }

    fn built(kind: &str) -> (impl Fn() -> Box<dyn Strategy>, usize) {
        let params = registry::params(kind, &toml::Table::new()).expect("defaults are good");
        let warm_up = registry::warm_up(kind, &params, 60);
        (move || registry::build(kind, &params).expect("it is registered"), warm_up)
    }

    #[test]
    fn the_sample_strategies_forget() {
        for kind in registry::KINDS {
            let (build, warm_up) = built(kind.name);
            let checked = walk(build()).check(&es(), warm_up, 12, build);
            assert_eq!((checked.starts, checked.dependence), (12, None), "{}", kind.name);
            assert!(checked.compared > 20, "{}: there is something to compare: {}", kind.name, checked.compared);
        }
    }

    #[test]
    fn a_warm_up_that_is_too_short_is_found_out() {
        for kind in ["rsi_reversion", "donchian"] {
            let (build, _) = built(kind);
            let checked = walk(build()).check(&es(), 5, 12, build);
            assert!(checked.dependence.is_some(), "{kind} needs more than five bars");
        }
    }

    /// Above the mean of everything it ever saw it is long.
    #[derive(Default)]
    struct Elephant {
        sum: i64,
        count: i64,
    }

    impl Strategy for Elephant {
        fn on_bar(&mut self, bar: &Bar, desk: &Desk<'_>) -> Option<Decision> {
            self.sum += i64::from(bar.close.0);
            self.count += 1;
            let reason = String::new();
            match i64::from(bar.close.0) * self.count > self.sum {
                true if desk.position == 0 => Some(Decision::Enter { side: Side::Buy, reason }),
                false if desk.position > 0 => Some(Decision::Exit { reason }),
                _ => None,
            }
        }
    }

    #[test]
    fn who_never_forgets_is_found() {
        let build = || Box::new(Elephant::default()) as Box<dyn Strategy>;
        let tap = walk(build());
        assert!(tap.decisions() > 10, "it decides");
        for warm_up in [10, 100, 1_000] {
            let found = tap.check(&es(), warm_up, 12, build).dependence.expect("its mean is of everything");
            assert_ne!(found.whole, found.short, "{warm_up}");
        }
    }
}

//! What a check of history notices: every kind of decision that differs, and where the later instance began.

use rust_decimal::Decimal;

use super::*;
use crate::market::{Quality, SymbolId};
use crate::trade::{OrderKind, Side, TimeInForce};

/// What one that counts its bars since its beginning makes of the count.
type Idea = fn(u64) -> Option<Decision>;

/// It never forgets how many bars it saw.
struct Counting {
    seen: u64,
    on_bar: Idea,
    on_wake: Idea,
}

impl Strategy for Counting {
    fn on_bar(&mut self, _bar: &Bar, _desk: &Desk<'_>) -> Option<Decision> {
        self.seen += 1;
        (self.on_bar)(self.seen)
    }

    fn on_wake(&mut self, _due: Timestamp, _desk: &Desk<'_>) -> Vec<Decision> {
        (self.on_wake)(self.seen).into_iter().collect()
    }
}

const START: i64 = 1_704_722_400;

/// A thousand minutes, and a wake after each; one later start, in their middle.
fn checked(on_bar: Idea, on_wake: Idea) -> Checked {
    let build = || Box::new(Counting { seen: 0, on_bar, on_wake }) as Box<dyn Strategy>;
    let tap = Tap::default();
    let mut strategy = tap.on(build());
    let instrument = Instrument {
        id: SymbolId(0),
        name: "ES".to_owned(),
        root: "ES".to_owned(),
        expiry: None,
        exchange: "CME".to_owned(),
        currency: "USD".to_owned(),
        tick_size: Decimal::new(25, 2),
        multiplier: Decimal::from(50),
    };
    for n in 0..1_000 {
        let price = Price(20_000);
        let bar = Bar {
            symbol: SymbolId(0),
            open_ts: Timestamp::from_secs(START + 60 * n),
            length_s: 60,
            open: price,
            high: price,
            low: price,
            close: price,
            volume: 1,
            trades: 1,
            quality: Quality::Complete,
        };
        let desk = Desk { now: bar.end(), instrument: &instrument, position: 0, close: Some(price), explained: true };
        strategy.on_bar(&bar, &desk);
        strategy.on_wake(bar.end(), &desk);
    }
    tap.check(&instrument, 9, 1, build)
}

fn nothing(_: u64) -> Option<Decision> {
    None
}

fn side(even: bool) -> Side {
    if even { Side::Buy } else { Side::Sell }
}

fn order(quantity: u32, tif: TimeInForce) -> Option<Decision> {
    let (kind, reason) = (OrderKind::Market, String::new());
    Some(Decision::Order { side: Side::Buy, quantity, kind, tif, reason })
}

#[test]
fn every_kind_of_decision_that_differs_is_noticed() {
    // The later instance begins at bar 495, so its counts are odd where the first one's are even.
    let ideas: [(&str, Idea); 5] = [
        ("sides", |n| Some(Decision::Enter { side: side(n % 2 == 0), reason: String::new() })),
        ("kinds", |n| {
            let reason = String::new();
            Some(if n % 2 == 0 { Decision::Exit { reason } } else { Decision::Cancel { reason } })
        }),
        ("quantities", |n| order(1 + u32::from(n % 2 == 0), TimeInForce::Day)),
        ("lives of orders", |n| order(1, if n % 2 == 0 { TimeInForce::Day } else { TimeInForce::GoodTillCancelled })),
        ("silence", |n| (n % 2 == 0).then(|| Decision::Exit { reason: String::new() })),
    ];
    for (what, idea) in ideas {
        let found = checked(idea, nothing).dependence.unwrap_or_else(|| panic!("{what} differ"));
        assert_eq!(found.bars_before, 495, "{what}: the bars that the later instance was not shown");
        let woken = checked(nothing, idea).dependence.unwrap_or_else(|| panic!("{what} differ when woken"));
        assert_eq!(woken.bars_before, 495, "{what}, woken");
    }
}

#[test]
fn only_the_words_may_differ() {
    let told: Idea = |n| Some(Decision::Exit { reason: format!("the {n}th bar") });
    let same = checked(told, told);
    assert_eq!((same.starts, same.dependence), (1, None));
    assert!(same.compared > 900, "bars and wakes: {}", same.compared);
}

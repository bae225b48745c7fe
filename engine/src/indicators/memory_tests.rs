//! How long indicators remember: the same prices from later places on give the same values after a warm-up, so that a
//! restart in the middle of a market changes nothing that matters. Averages over a window forget all at once, exponential
//! ones by a factor a bar.

use super::atr::Atr;
use super::bollinger::Bollinger;
use super::ema::Ema;
use super::macd::Macd;
use super::rsi::Rsi;
use super::sma::Sma;
use crate::market::Price;

type Values = Box<dyn FnMut(Price) -> Option<Vec<f64>>>;

/// A walk of 3,000 prices.
fn walk() -> Vec<Price> {
    let (mut state, mut price) = (11_u64, 20_000);
    let step = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        price += i32::try_from((state >> 33) % 41).expect("small") - 20;
        Price(price)
    };
    (0..3_000).map(step).collect()
}

/// The largest difference, as a part of the value or of one tick, between an indicator that saw everything and those that
/// began later and were shown `warm_up` prices before their values count.
fn difference(warm_up: usize, make: &dyn Fn() -> Values) -> f64 {
    let prices = walk();
    let mut whole = make();
    let full: Vec<Option<Vec<f64>>> = prices.iter().map(|price| whole(*price)).collect();
    let mut largest = 0.0_f64;
    for start in [1, 10, 500, 1_000, 1_999] {
        let mut later = make();
        for (n, price) in prices.iter().enumerate().skip(start) {
            let Some(found) = later(*price) else {
                assert!(n < start + warm_up, "no value after {} prices", n - start + 1);
                continue;
            };
            if n + 1 < start + warm_up {
                continue;
            }
            let expected = full[n].as_ref().expect("it began earlier");
            for (a, b) in found.iter().zip(expected) {
                largest = largest.max((a - b).abs() / b.abs().max(1.0));
            }
        }
    }
    largest
}

fn sma() -> Values {
    let mut sma = Sma::new(20);
    Box::new(move |price| sma.push(price).map(|average| vec![average.sum as f64]))
}

fn bollinger() -> Values {
    let mut bands = Bollinger::new(20, 2.0);
    Box::new(move |price| bands.push(price).map(|bands| vec![bands.lower, bands.middle, bands.upper]))
}

fn ema() -> Values {
    let mut ema = Ema::new(20);
    Box::new(move |price| ema.push(price).map(|value| vec![value]))
}

fn macd() -> Values {
    let mut macd = Macd::new(12, 26, 9);
    Box::new(move |price| macd.push(price).map(|found| vec![found.line, found.signal, found.histogram]))
}

fn rsi() -> Values {
    let mut rsi = Rsi::new(14);
    Box::new(move |price| rsi.push(price).map(|value| vec![value]))
}

fn atr() -> Values {
    let mut atr = Atr::new(14);
    Box::new(move |price| atr.push_prices(Price(price.0 + 3), Price(price.0 - 5), price).map(|value| vec![value]))
}

#[test]
fn windows_forget_with_their_last_price() {
    for (name, make) in [("sma", &sma as &dyn Fn() -> Values), ("bollinger", &bollinger)] {
        assert_eq!(difference(20, make), 0.0, "{name}: whole numbers do not drift");
    }
}

#[test]
fn exponential_averages_forget_within_twenty_periods_and_not_within_one() {
    for (name, period, make) in
        [("ema", 20, &ema as &dyn Fn() -> Values), ("macd", 26, &macd), ("rsi", 14, &rsi), ("atr", 14, &atr)]
    {
        let (soon, late) = (difference(2 * period, make), difference(20 * period, make));
        assert!(soon > 1e-6, "{name} still remembers after two periods: {soon:e}");
        assert!(late < 1e-7, "{name} has not forgotten after twenty: {late:e}");
    }
}

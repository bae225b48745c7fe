//! How much of a result was the order of things. In: results of trades, returns of days, a seed. Out: bands.
//! Shuffling keeps every trade and changes their order: what drawdown could the same trades have had? The block bootstrap
//! draws stretches of neighbouring days with replacement, so that clusters of good and bad days stay together: what
//! could another history of the same kind have earned?
//! Absent: a market model; nothing happens here that did not happen in the run. The same seed gives the same bands.
//! Sources: Künsch, The jackknife and the bootstrap for general stationary observations (1989); circular blocks:
//! Politis and Romano (1992).

use serde::Serialize;

use super::drawdown;
use super::growth::{self, wealth};
use super::moments::{quantile_of_sorted, sorted};
use super::ratios;

/// Steps of a path that are kept for drawing, the begin not counted.
const STEPS_MAX: usize = 100;

/// How many histories are drawn, and from which seed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Draw {
    pub histories: u32,
    pub seed: u64,
}

impl Default for Draw {
    fn default() -> Self {
        Self { histories: 1_000, seed: 1 }
    }
}

/// Quantiles over all histories.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub struct Band {
    pub p05: f64,
    pub p25: f64,
    pub p50: f64,
    pub p75: f64,
    pub p95: f64,
}

impl Band {
    /// `None` for nothing.
    pub fn of(values: &[f64]) -> Option<Band> {
        let rising = sorted(values);
        let at = |p| quantile_of_sorted(&rising, p);
        Some(Band { p05: at(0.05)?, p25: at(0.25)?, p50: at(0.5)?, p75: at(0.75)?, p95: at(0.95)? })
    }
}

/// The same trades in other orders.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Shuffled {
    /// Deepest fall of the sum of results, in their unit, negative.
    pub drawdown: Band,
    pub drawdown_actual: f64,
    /// The share of orders with a deeper fall than the actual one. Near 0: the order was unlucky; near 1: lucky.
    pub share_deeper: f64,
}

/// Shuffles results of trades. `None` for fewer than two.
pub fn shuffle(results: &[f64], draw: Draw) -> Option<Shuffled> {
    if results.len() < 2 || draw.histories == 0 {
        return None;
    }
    let mut chance = Chance(draw.seed);
    let drawdown_actual = fall_of_sum(results);
    let mut order = results.to_vec();
    let falls: Vec<f64> = (0..draw.histories)
        .map(|_| {
            chance.shuffle(&mut order);
            fall_of_sum(&order)
        })
        .collect();
    let deeper = falls.iter().filter(|fall| **fall < drawdown_actual).count();
    let share_deeper = deeper as f64 / f64::from(draw.histories);
    Some(Shuffled { drawdown: Band::of(&falls)?, drawdown_actual, share_deeper })
}

fn fall_of_sum(results: &[f64]) -> f64 {
    let (mut sum, mut peak, mut deepest) = (0.0_f64, 0.0_f64, 0.0_f64);
    for result in results {
        sum += result;
        peak = peak.max(sum);
        deepest = deepest.min(sum - peak);
    }
    deepest
}

/// Other histories of the same length.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Bootstrapped {
    /// Periods that stay together.
    pub block: usize,
    pub total_return: Band,
    pub total_return_actual: f64,
    /// Fraction of the peak, negative.
    pub drawdown: Band,
    pub drawdown_actual: f64,
    /// A period, not annualised; `None` if some history had no spread.
    pub sharpe: Option<Band>,
    /// The share of histories that lost.
    pub share_lost: f64,
    /// Wealth at steps through the history, the begin (1) first.
    pub path: Vec<Band>,
}

/// The length of blocks that suits `n` periods: the cube root of n, rounded up.
pub fn block_length(n: usize) -> usize {
    (n as f64).cbrt().ceil().max(1.0) as usize
}

/// Draws histories from returns, in blocks. `None` for fewer than two returns.
pub fn bootstrap(returns: &[f64], block: usize, draw: Draw) -> Option<Bootstrapped> {
    if returns.len() < 2 || draw.histories == 0 {
        return None;
    }
    let block = block.clamp(1, returns.len());
    let mut chance = Chance(draw.seed);
    let steps = steps(returns.len());
    let (mut totals, mut falls, mut sharpes) = (Vec::new(), Vec::new(), Vec::new());
    let mut at_steps: Vec<Vec<f64>> = vec![Vec::new(); steps.len()];
    for _ in 0..draw.histories {
        let history = chance.blocks(returns, block);
        let grown = wealth(&history);
        totals.push(growth::total_return(&history));
        falls.push(drawdown::maximum(&grown));
        sharpes.extend(ratios::sharpe_a_period(&history));
        for (values, step) in at_steps.iter_mut().zip(&steps) {
            values.push(grown[*step]);
        }
    }
    let lost = totals.iter().filter(|total| **total < 0.0).count();
    Some(Bootstrapped {
        block,
        total_return: Band::of(&totals)?,
        total_return_actual: growth::total_return(returns),
        drawdown: Band::of(&falls)?,
        drawdown_actual: drawdown::maximum(&wealth(returns)),
        sharpe: Band::of(&sharpes).filter(|_| sharpes.len() == totals.len()),
        share_lost: lost as f64 / f64::from(draw.histories),
        path: at_steps.iter().filter_map(|values| Band::of(values)).collect(),
    })
}

/// Places in a path of `n` periods, first and last included.
fn steps(n: usize) -> Vec<usize> {
    let count = n.min(STEPS_MAX);
    (0..=count).map(|step| step * n / count).collect()
}

/// SplitMix64: a function of its seed, the same everywhere. Source: Steele, Lea and Flood, Fast splittable pseudorandom
/// number generators (2014).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to `n` - 1; `n` greater than zero.
    fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }

    /// Every order equally often. Source: Fisher and Yates (1938).
    fn shuffle<T>(&mut self, values: &mut [T]) {
        for last in (1..values.len()).rev() {
            let other = self.below(last + 1);
            values.swap(last, other);
        }
    }

    /// As many values as there are, from blocks that begin anywhere; the end is followed by the beginning.
    fn blocks(&mut self, values: &[f64], block: usize) -> Vec<f64> {
        let n = values.len();
        let mut drawn = Vec::with_capacity(n + block);
        while drawn.len() < n {
            let from = self.below(n);
            drawn.extend((from..from + block).map(|at| values[at % n]));
        }
        drawn.truncate(n);
        drawn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_bands_and_another_does_not() {
        let results: Vec<f64> = (0..60).map(|n| f64::from((n * 37) % 23) - 10.0).collect();
        let returns: Vec<f64> = results.iter().map(|r| r / 1_000.0).collect();
        let draw = |seed| Draw { histories: 200, seed };
        assert_eq!(shuffle(&results, draw(3)), shuffle(&results, draw(3)));
        assert_ne!(shuffle(&results, draw(3)), shuffle(&results, draw(4)));
        assert_eq!(bootstrap(&returns, 4, draw(3)), bootstrap(&returns, 4, draw(3)));
        assert_ne!(bootstrap(&returns, 4, draw(3)), bootstrap(&returns, 4, draw(4)));
    }

    #[test]
    fn the_worst_order_is_told_to_have_been_unlucky() {
        let mut results = vec![-1.0; 20];
        results.extend([2.0; 20]);
        let found = shuffle(&results, Draw::default()).expect("enough trades");
        assert_eq!((found.drawdown_actual, found.share_deeper), (-20.0, 0.0));
        assert!(found.drawdown.p05 > -20.0 && found.drawdown.p05 <= found.drawdown.p95, "{found:?}");
    }

    #[test]
    fn every_order_of_three_comes_about_equally_often() {
        let mut chance = Chance(9);
        let mut counts = std::collections::BTreeMap::new();
        for _ in 0..6_000 {
            let mut values = [1, 2, 3];
            chance.shuffle(&mut values);
            *counts.entry(values).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 6);
        assert!(counts.values().all(|n| (850..1_150).contains(n)), "{counts:?}");
    }

    #[test]
    fn bands_enclose_what_they_are_drawn_from() {
        let returns: Vec<f64> = (0..300).map(|n| f64::from((n * 7919) % 101 - 48) / 5_000.0).collect();
        let found = bootstrap(&returns, block_length(300), Draw::default()).expect("enough days");
        let actual = growth::total_return(&returns);
        let Band { p05, p25, p50, p75, p95 } = found.total_return;
        assert!(p05 < p25 && p25 < p50 && p50 < p75 && p75 < p95);
        assert!(p05 < actual && actual < p95, "{actual} in {:?}", found.total_return);
        assert_eq!((found.path.len(), found.path[0].p05, found.block), (101, 1.0, 7));
        assert_eq!(found.path[100].p50, 1.0 + p50);
    }

    #[test]
    fn one_block_of_everything_is_the_same_history_turned() {
        let returns = [0.1, -0.1, 0.2];
        let found = bootstrap(&returns, 9, Draw { histories: 50, seed: 1 }).expect("enough");
        assert_eq!(found.block, 3);
        assert!((found.total_return.p05 - found.total_return.p95).abs() < 1e-12, "rotations earn the same");
        assert_eq!(bootstrap(&[0.1], 1, Draw::default()), None);
        assert_eq!(shuffle(&[], Draw::default()), None);
    }
}

//! Random numbers of the synthetic market, in integers only. In: a seed. Out: waits, noise, choices.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

#[derive(Clone, Debug)]
pub(super) struct Chance(ChaCha8Rng);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        Self(ChaCha8Rng::from_seed(key))
    }

    /// A wait with exponential distribution for events at a rate in thousandths of a hertz, greater than zero.
    pub(super) fn wait(&mut self, rate_mhz: u64) -> Duration {
        let nanos = (u128::from(self.exponential()) * 1_000_000_000_000 / u128::from(rate_mhz.max(1))) >> 32;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX).max(1))
    }

    /// Exponential with mean one, in units of 2^-32: von Neumann's method, which only compares. The length of the first
    /// falling run of uniform numbers is odd with probability 1 - 1/e; its first number is then the fraction.
    fn exponential(&mut self) -> u64 {
        let mut whole = 0;
        loop {
            let first = self.0.next_u32();
            let (mut last, mut length) = (first, 1);
            loop {
                let next = self.0.next_u32();
                if next >= last {
                    break;
                }
                (last, length) = (next, length + 1);
            }
            if length % 2 == 1 {
                return (whole << 32) | u64::from(first);
            }
            whole += 1;
        }
    }

    /// Bell-shaped noise with mean 0 and deviation 4: the number of ones in 64 fair bits.
    pub(super) fn noise(&mut self) -> i64 {
        i64::from(self.0.next_u64().count_ones()) - 32
    }

    /// Uniform in `0..bound`, bound greater than zero. The bias is below 2^-32 times the bound.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(bound)) >> 32) as u32
    }

    /// True in `part` of 65,536 cases.
    pub(super) fn happens(&mut self, part: i64) -> bool {
        i64::from(self.0.next_u32() >> 16) < part
    }

    /// Number of heads before the first tails: 0 in half of the cases, 1 in a quarter.
    pub(super) fn heads(&mut self) -> u32 {
        self.0.next_u32().trailing_ones()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_have_the_mean_and_the_deviation_of_an_exponential() {
        let mut chance = Chance::new(1);
        let waits: Vec<f64> = (0..100_000).map(|_| chance.wait(10_000).as_secs_f64()).collect();
        let mean = waits.iter().sum::<f64>() / 1e5;
        let variance = waits.iter().map(|wait| (wait - mean).powi(2)).sum::<f64>() / 1e5;
        assert!((mean - 0.1).abs() < 0.002, "{mean}");
        assert!((variance.sqrt() - 0.1).abs() < 0.003, "{variance}");
    }

    #[test]
    fn noise_is_centred_with_deviation_four() {
        let mut chance = Chance::new(2);
        let noise: Vec<i64> = (0..100_000).map(|_| chance.noise()).collect();
        assert!(noise.iter().sum::<i64>().abs() < 5_000);
        let squares = noise.iter().map(|n| n * n).sum::<i64>() / 100_000;
        assert!((15..=16).contains(&squares), "{squares}");
    }

    #[test]
    fn choices_stay_in_their_bounds() {
        let mut chance = Chance::new(3);
        assert!((0..10_000).all(|_| chance.below(7) < 7));
        assert!(!chance.happens(0) && chance.happens(65_536));
        let quarters = (0..10_000).filter(|_| chance.happens(16_384)).count();
        assert!((2_300..2_700).contains(&quarters), "{quarters}");
    }
}

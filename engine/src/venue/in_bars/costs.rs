//! What a fill costs beyond the model's price, and how much of a bar an order may have. In: the bar's range and volume,
//! contracts. Out: ticks of slippage, contracts. Whole numbers: the same everywhere.

use crate::bar_market::{MarketBar, Ohlc};

/// A share in parts per million.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Millionths(pub u32);

impl Millionths {
    pub const ONE: Millionths = Millionths(1_000_000);

    fn of(self, whole: u64) -> u128 {
        u128::from(whole) * u128::from(self.0)
    }

    fn down(self, whole: u64) -> u64 {
        u64::try_from(self.of(whole) / 1_000_000).unwrap_or(u64::MAX)
    }

    fn up(self, whole: u64) -> u64 {
        u64::try_from(self.of(whole).div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }
}

/// Slippage is added up and rounded up to whole ticks; it is against the order, and only market orders and stops have it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BarCosts {
    /// Always.
    pub slippage_ticks: u32,
    /// Of the bar's range from low to high.
    pub slippage_of_range: Millionths,
    /// Ticks that an order as large as the bar's volume would cost; a smaller one pays its share.
    pub slippage_ticks_at_volume: u32,
    /// Of a bar's volume that all orders of a symbol may have together; `None`: any size fills.
    pub volume_share_max: Option<Millionths>,
}

impl BarCosts {
    /// Ticks against an order of `contracts` in a bar with these prices.
    pub fn slippage(&self, contracts: u32, prices: Option<Ohlc>, volume: Option<u64>) -> i32 {
        let range = prices.map_or(0, |p| u64::try_from(i64::from(p.high.0) - i64::from(p.low.0)).unwrap_or(0));
        let impact = match volume {
            Some(volume) if volume > 0 => {
                (u64::from(self.slippage_ticks_at_volume) * u64::from(contracts)).div_ceil(volume)
            }
            Some(_) | None => u64::from(self.slippage_ticks_at_volume),
        };
        let ticks = u64::from(self.slippage_ticks) + self.slippage_of_range.up(range) + impact;
        i32::try_from(ticks).unwrap_or(i32::MAX)
    }

    /// Contracts that orders may have of a bar. Where no volume is known, any.
    pub fn contracts(&self, bar: &MarketBar) -> u64 {
        match (self.volume_share_max, bar.volume()) {
            (Some(share), Some(volume)) => share.down(volume),
            (Some(_) | None, _) => u64::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::Price;

    #[test]
    fn slippage_is_rounded_up_against_the_order() {
        let costs = BarCosts {
            slippage_ticks: 1,
            slippage_of_range: Millionths(100_000),
            slippage_ticks_at_volume: 10,
            volume_share_max: None,
        };
        let prices = Ohlc { open: Price(100), high: Price(112), low: Price(97), close: Price(110) };
        assert_eq!(costs.slippage(5, Some(prices), Some(1_000)), 1 + 2 + 1, "1.5 and 0.05 ticks round up");
        assert_eq!(costs.slippage(100, Some(prices), Some(1_000)), 1 + 2 + 1);
        assert_eq!(costs.slippage(101, Some(prices), Some(1_000)), 1 + 2 + 2);
        assert_eq!(BarCosts::default().slippage(100, Some(prices), Some(10)), 0);
    }
}

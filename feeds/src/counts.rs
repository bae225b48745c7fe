//! What the readers left out, counted: visible while the events are still being read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers of records that were read and not passed on, by reason.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    /// Trades at prices that are not on the contract's tick grid, or absurdly far away.
    pub off_grid_trades: u64,
    /// Trades whose price the source marks as undefined.
    pub undefined_trades: u64,
    /// Sides of quotes, or orders of a book, at prices off the grid; the side counts as empty.
    pub off_grid_quotes: u64,
    /// Quotes whose bid is not below the ask: auction phases, and pairs of bar extremes that never stood together.
    pub crossed_quotes: u64,
    /// Cancels and changes of orders that the book never saw added.
    pub unknown_orders: u64,
    /// Records of contracts that were not selected, of spreads and of options.
    pub other_contracts: u64,
    /// Records of a kind that carries neither trades nor quotes.
    pub other_records: u64,
    /// Ticks that the vendor marks as suspicious; they are passed on, as LEAN does.
    pub suspicious_kept: u64,
}

macro_rules! counters {
    ($($field:ident),*) => {
        /// The live counters behind [`Counts`]; cheap to clone, readable from any thread.
        #[derive(Clone, Default, Debug)]
        pub struct Counters(Arc<Cells>);

        #[derive(Default, Debug)]
        struct Cells { $($field: AtomicU64),* }

        impl Counters {
            pub fn counts(&self) -> Counts {
                Counts { $($field: self.0.$field.load(Ordering::Relaxed)),* }
            }

            $(pub(crate) fn $field(&self) {
                self.0.$field.fetch_add(1, Ordering::Relaxed);
            })*
        }
    };
}

counters!(
    off_grid_trades,
    undefined_trades,
    off_grid_quotes,
    crossed_quotes,
    unknown_orders,
    other_contracts,
    other_records,
    suspicious_kept
);

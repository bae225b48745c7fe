//! What the readers left out, counted: visible while the events are still being read.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use engine::time::Timestamp;

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
    ($($field:ident: $words:literal),* $(,)?) => {
        /// What there is of each kind, in words: `3 trades off the tick grid, 2 crossed quotes`.
        impl fmt::Display for Counts {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let all = [$((self.$field, $words)),*];
                let some = all.into_iter().filter(|(count, _)| *count > 0);
                let words: Vec<String> = some.map(|(count, what)| format!("{count} {what}")).collect();
                f.write_str(&words.join(", "))
            }
        }

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
    off_grid_trades: "trades off the tick grid",
    undefined_trades: "trades without a price",
    off_grid_quotes: "sides of quotes off the tick grid",
    crossed_quotes: "crossed quotes",
    unknown_orders: "changes of orders that were never added",
    other_contracts: "records of other contracts",
    other_records: "records of another kind",
    suspicious_kept: "ticks marked as suspicious (kept)",
);

/// Bars, or sides of quotes, at prices that nobody believes: how many, and which was the first. Cheap to clone, readable
/// while bars are read. Bars that are played again are counted again by whoever opens them again.
#[derive(Clone, Default, Debug)]
pub struct Refusals(Arc<Mutex<Refused>>);

#[derive(Default, Debug)]
struct Refused {
    count: u64,
    /// Contract and time.
    first: Option<(String, Timestamp)>,
}

impl Refusals {
    pub(crate) fn add(&self, name: &str, at: Timestamp) {
        let mut refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        refused.count += 1;
        refused.first.get_or_insert_with(|| (name.to_owned(), at));
    }

    pub fn count(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).count
    }

    /// In a sentence; `None` if there are none.
    pub fn told(&self) -> Option<String> {
        let refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (name, at) = refused.first.as_ref()?;
        let (bars, were) = if refused.count == 1 { ("bar", "was") } else { ("bars", "were") };
        Some(format!(
            "{} {bars} {were} left out: prices beyond a fifth of the close before and ten times bars.jump_ticks_max; the first \
             of {name} at {at}.",
            refused.count
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_out_is_told_in_words() {
        let counts = Counts { off_grid_trades: 3, crossed_quotes: 2, ..Counts::default() };
        assert_eq!(counts.to_string(), "3 trades off the tick grid, 2 crossed quotes");
    }
}

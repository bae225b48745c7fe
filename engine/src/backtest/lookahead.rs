//! Finds decisions that knew what came later. In: a way to run a backtest on the market up to an instant. Out: the first
//! decision that differs between a run that ended early and the whole one. Absent: why; strategies see only closed bars,
//! so what is found is in the data (a series that later prices adjusted) or in a strategy with a source of its own.

use crate::journal::Record;
use crate::time::Timestamp;
use crate::trade::OrderIntent;

/// The decisions of one run, in order.
pub type Decisions = Vec<OrderIntent>;

/// What a record says of a decision.
pub fn decision(record: &Record) -> Option<OrderIntent> {
    match record {
        Record::Signal { intent, .. } => Some(intent.clone()),
        _ => None,
    }
}

/// A decision that changes when what comes later is not there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peek {
    /// The market of the shorter run ended here.
    pub cut: Timestamp,
    /// With the whole market; `None`: there was no such decision.
    pub whole: Option<OrderIntent>,
    /// Without what came after the cut.
    pub short: Option<OrderIntent>,
}

/// Where to cut: `cuts` instants that divide the decisions evenly, each at a decision, which is then the last of the shorter
/// run.
pub fn cuts(whole: &Decisions, cuts: usize) -> Vec<Timestamp> {
    let count = whole.len();
    let mut at: Vec<Timestamp> = (1..=cuts.min(count)).map(|n| whole[(n * count / cuts.min(count)) - 1].at).collect();
    at.dedup();
    at
}

/// Compares the whole run with runs that end at each cut. `run` plays the market up to and with an instant.
pub fn check<E>(
    whole: &Decisions,
    cuts: &[Timestamp],
    mut run: impl FnMut(Timestamp) -> Result<Decisions, E>,
) -> Result<Option<Peek>, E> {
    for &cut in cuts {
        let short = run(cut)?;
        let known = || whole.iter().take_while(|decision| decision.at <= cut);
        let mut ours = short.iter().take_while(|decision| decision.at <= cut);
        let mut theirs = known();
        loop {
            match (theirs.next(), ours.next()) {
                (None, None) => break,
                (whole, short) if whole == short => {}
                (whole, short) => return Ok(Some(Peek { cut, whole: whole.cloned(), short: short.cloned() })),
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::market::SymbolId;
    use crate::trade::{Intent, StrategyId};

    fn decided(at: i64) -> OrderIntent {
        OrderIntent {
            strategy: StrategyId(0),
            symbol: SymbolId(0),
            at: Timestamp::from_secs(at),
            intent: Intent::Exit,
            reason: String::new(),
        }
    }

    /// Leaves at a price that the next ones are below: with `ahead`, it looks at those.
    fn decisions(prices: &[i64], ahead: usize) -> Decisions {
        let falls = |n: &usize| prices.get(n + ahead).is_some_and(|later| *later < prices[n.saturating_sub(1)]);
        (1..prices.len()).filter(falls).map(|n| decided(n as i64)).collect()
    }

    fn find(ahead: usize) -> Option<Peek> {
        let prices = [5, 6, 4, 7, 8, 3, 9, 2, 5, 4];
        let whole = decisions(&prices, ahead);
        assert!(whole.len() > 2);
        let run = |cut: Timestamp| {
            let known = usize::try_from(cut.secs()).expect("after 1970") + 1;
            Ok::<_, Infallible>(decisions(&prices[..known], ahead))
        };
        check(&whole, &cuts(&whole, 16), run).expect("it cannot fail")
    }

    #[test]
    fn who_looks_back_is_not_accused() {
        assert_eq!(find(0), None);
    }

    #[test]
    fn who_looks_one_price_ahead_is_found() {
        let peek = find(1).expect("it peeks");
        assert!(peek.whole.is_some() && peek.whole != peek.short);
    }

    #[test]
    fn cuts_divide_the_decisions_and_end_with_the_last() {
        let all: Decisions = (0..100).map(decided).collect();
        let at: Vec<i64> = cuts(&all, 4).iter().map(|at| at.secs()).collect();
        assert_eq!(at, [24, 49, 74, 99]);
        assert_eq!(cuts(&all[..2].to_vec(), 4).len(), 2);
        assert!(cuts(&Vec::new(), 4).is_empty());
    }
}

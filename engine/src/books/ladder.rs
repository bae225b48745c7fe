//! Closing a position, whatever it takes, as a small state machine: entries withdrawn, a marketable limit order, new
//! prices, a market order, an alarm and all of it again, until the broker confirms. In: what is seen of the position.
//! Out: the next move. Absent: orders, prices, clocks; `flatten` has those.
//!
//! One closing order lives at a time, in the group of the stop that protects the position: what fills first takes the
//! other away. What is in doubt is waited for.

/// Where a climb stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// Entries were withdrawn; their end is waited for.
    Withdraw,
    /// Protective orders larger than the position are made as small, or cancelled: one that fills in part would not end
    /// its group, and the closing order would come on top.
    Tighten { cancelled: bool },
    /// A limit order beyond the touch, which got so many new prices.
    Limit { reprices: u32 },
    /// The market order is next, or was placed.
    Market { placed: bool },
    /// It was refused: a wait before the next attempt.
    Pause,
    /// Flat by the book; a comparison after the one with this number confirms it.
    Confirm { comparison: u64 },
}

/// The closing order that is live.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Exit {
    pub market: bool,
    /// A cancel was sent.
    pub cancelling: bool,
    /// Its fate is open.
    pub in_doubt: bool,
    /// More contracts than the position.
    pub too_large: bool,
}

/// What the books see of one position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sight {
    /// Contracts, negative when short.
    pub position: i64,
    pub entries: bool,
    pub exit: Option<Exit>,
    /// The broker may have a protective order that is larger than the position.
    pub loose: bool,
    /// Book and broker agree on the symbol.
    pub agreed: bool,
    /// There is a price to deal at.
    pub priced: bool,
    /// The step has had its time.
    pub waited: bool,
    pub reprices_max: u32,
    /// Comparisons with the broker so far.
    pub comparisons: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Move {
    Wait,
    Go(Step),
    WithdrawEntries,
    Tighten,
    Unprotect,
    PlaceLimit,
    Reprice,
    Shrink,
    CancelExit,
    PlaceMarket,
    /// A person is told: it does not work.
    Alarm,
    /// Ask the broker whether it is flat.
    Ask,
    Done,
}

pub(super) fn next(step: Step, see: &Sight) -> Move {
    if see.position == 0 {
        return confirm(step, see);
    }
    match (close(step, see), step) {
        (Move::PlaceLimit | Move::PlaceMarket, Step::Tighten { cancelled }) if see.loose => {
            if see.waited && !cancelled { Move::Unprotect } else { Move::Wait }
        }
        (Move::PlaceLimit | Move::PlaceMarket, _) if see.loose => Move::Tighten,
        (choice, _) => choice,
    }
}

fn confirm(step: Step, see: &Sight) -> Move {
    match (see.exit, step) {
        // It would open a position now.
        (Some(Exit { cancelling: false, in_doubt: false, .. }), _) => Move::CancelExit,
        (Some(_), _) => Move::Wait,
        (None, _) if see.entries && see.waited => Move::WithdrawEntries,
        (None, _) if see.entries => Move::Wait,
        (None, Step::Confirm { comparison }) if see.agreed && see.comparisons > comparison => Move::Done,
        (None, Step::Confirm { .. }) if !see.waited => Move::Wait,
        (None, _) => Move::Ask,
    }
}

fn close(step: Step, see: &Sight) -> Move {
    let attempt = if see.priced { Move::PlaceLimit } else { Move::PlaceMarket };
    match (step, see.exit) {
        // An order sized by a wrong book would make a wrong position.
        _ if !see.agreed => Move::Wait,
        (_, Some(exit)) if exit.in_doubt || exit.cancelling => Move::Wait,
        (_, Some(exit)) if exit.too_large => Move::Shrink,

        (Step::Withdraw, _) if see.entries && !see.waited => Move::Wait,
        (Step::Withdraw | Step::Tighten { .. } | Step::Confirm { .. } | Step::Pause, Some(exit)) if exit.market => {
            Move::Go(Step::Market { placed: true })
        }
        (Step::Withdraw | Step::Tighten { .. } | Step::Confirm { .. } | Step::Pause, Some(_)) => {
            Move::Go(Step::Limit { reprices: 0 })
        }
        (Step::Withdraw | Step::Tighten { .. } | Step::Confirm { .. }, None) => attempt,

        (Step::Limit { .. }, Some(exit)) if exit.market => Move::Go(Step::Market { placed: true }),
        (Step::Limit { .. }, Some(_)) if !see.waited => Move::Wait,
        (Step::Limit { reprices }, Some(_)) if see.priced && reprices < see.reprices_max => Move::Reprice,
        (Step::Limit { .. }, Some(_)) => Move::CancelExit,
        // Refused, or cancelled by whoever: the next rung.
        (Step::Limit { .. }, None) => Move::PlaceMarket,

        (Step::Market { .. }, Some(exit)) if !exit.market => Move::CancelExit,
        (Step::Market { .. }, Some(_)) if see.waited => Move::Alarm,
        (Step::Market { .. }, Some(_)) => Move::Wait,
        (Step::Market { placed: false }, None) => Move::PlaceMarket,
        (Step::Market { placed: true }, None) => Move::Alarm,

        (Step::Pause, None) if see.waited => attempt,
        (Step::Pause, None) => Move::Wait,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long() -> Sight {
        Sight {
            position: 2,
            entries: false,
            exit: None,
            loose: false,
            agreed: true,
            priced: true,
            waited: false,
            reprices_max: 1,
            comparisons: 7,
        }
    }

    fn limit() -> Option<Exit> {
        Some(Exit { market: false, cancelling: false, in_doubt: false, too_large: false })
    }

    #[test]
    fn it_climbs_rung_by_rung() {
        let waited = Sight { waited: true, ..long() };
        let live = Sight { exit: limit(), ..waited };
        let market = Sight { exit: limit().map(|exit| Exit { market: true, ..exit }), ..waited };
        assert_eq!(next(Step::Withdraw, &Sight { entries: true, ..long() }), Move::Wait);
        assert_eq!(
            next(Step::Withdraw, &Sight { entries: true, ..waited }),
            Move::PlaceLimit,
            "closing cannot wait longer"
        );
        assert_eq!(next(Step::Limit { reprices: 0 }, &Sight { waited: false, ..live }), Move::Wait);
        assert_eq!(next(Step::Limit { reprices: 0 }, &live), Move::Reprice);
        assert_eq!(next(Step::Limit { reprices: 1 }, &live), Move::CancelExit);
        assert_eq!(next(Step::Market { placed: false }, &waited), Move::PlaceMarket);
        assert_eq!(next(Step::Market { placed: true }, &market), Move::Alarm, "it does not fill");
        assert_eq!(next(Step::Market { placed: true }, &long()), Move::Alarm, "it was refused");
        assert_eq!(next(Step::Pause, &long()), Move::Wait);
        assert_eq!(next(Step::Pause, &waited), Move::PlaceLimit);
    }

    #[test]
    fn there_is_never_a_second_order_beside_one_that_may_live() {
        let steps = [
            Step::Withdraw,
            Step::Limit { reprices: 0 },
            Step::Limit { reprices: 9 },
            Step::Market { placed: false },
            Step::Market { placed: true },
            Step::Pause,
            Step::Confirm { comparison: 7 },
        ];
        let yes_no = [false, true];
        for step in steps {
            for (market, cancelling, in_doubt) in
                yes_no.iter().flat_map(|a| yes_no.iter().flat_map(|b| yes_no.iter().map(|c| (*a, *b, *c))))
            {
                for (position, waited) in [(2, true), (2, false), (0, true), (-1, true)] {
                    let exit = Some(Exit { market, cancelling, in_doubt, too_large: false });
                    let choice = next(step, &Sight { position, waited, exit, ..long() });
                    assert!(!matches!(choice, Move::PlaceLimit | Move::PlaceMarket | Move::Done), "{step:?} {exit:?}");
                }
            }
        }
    }

    #[test]
    fn protective_orders_are_made_to_fit_before_anything_closes() {
        let loose = Sight { loose: true, ..long() };
        let waited = Sight { waited: true, ..loose };
        for step in [Step::Withdraw, Step::Limit { reprices: 0 }, Step::Market { placed: false }] {
            assert_eq!(next(step, &loose), Move::Tighten);
        }
        assert_eq!(next(Step::Tighten { cancelled: false }, &loose), Move::Wait);
        assert_eq!(next(Step::Tighten { cancelled: false }, &long()), Move::PlaceLimit);
        assert_eq!(next(Step::Tighten { cancelled: false }, &waited), Move::Unprotect);
        assert_eq!(next(Step::Tighten { cancelled: true }, &waited), Move::Wait, "for their end");
    }

    #[test]
    fn flat_is_what_the_broker_confirms() {
        let flat = Sight { position: 0, ..long() };
        assert_eq!(next(Step::Market { placed: true }, &flat), Move::Ask);
        assert_eq!(next(Step::Confirm { comparison: 7 }, &flat), Move::Wait);
        assert_eq!(next(Step::Confirm { comparison: 6 }, &flat), Move::Done);
        assert_eq!(next(Step::Confirm { comparison: 6 }, &Sight { agreed: false, waited: true, ..flat }), Move::Ask);
        assert_eq!(next(Step::Confirm { comparison: 6 }, &Sight { entries: true, ..flat }), Move::Wait);
        assert_eq!(next(Step::Market { placed: true }, &Sight { exit: limit(), ..flat }), Move::CancelExit);
    }

    #[test]
    fn nothing_is_closed_by_a_book_that_may_be_wrong() {
        let unsure = Sight { agreed: false, waited: true, ..long() };
        for step in [Step::Withdraw, Step::Limit { reprices: 0 }, Step::Market { placed: false }, Step::Pause] {
            assert_eq!(next(step, &unsure), Move::Wait);
        }
    }
}

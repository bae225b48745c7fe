//! Mistakes that are built in on purpose, to see that the simulation finds them. In: which one, for this thread.
//! Out: whether a place in the code has to make its mistake. Without the feature `sabotage`, which only the tests of
//! `actors` switch on, every answer is a constant `false` and nothing of this is in the program.

/// One mistake each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sabotage {
    /// Trading opens with the handshake.
    SkipReconciliation,
    /// Every seventh execution is not booked.
    DropFill,
    /// An execution that is told again is booked again.
    DoubleExecution,
    /// Every fifth order id is given out twice.
    ReuseOrderId,
    /// The next order id falls to what the broker says.
    LetIdsFall,
    /// Code 10349 ends an order.
    EndBy10349,
    /// A stop keeps its size.
    ForgetResize,
    /// Orders leave before their record is written.
    SendBeforeJournal,
    /// An order in doubt is sent again.
    ResendUnknown,
    /// 1102 opens trading without an inventory.
    OpenOn1102,
    /// A cancelled order's fill is not booked.
    IgnoreFillOfCancelled,
    /// An exit is outside of the group of the orders that protect the position.
    ForgetGroup,
    /// Entries are let through while trading is paused.
    EnterWhilePaused,
    /// A position without a stop is left alone.
    NeverRepair,
    /// A restart forgets which executions are booked.
    ForgetBooked,
    /// 2104 opens a feed.
    TrustFarm,
    /// Trading goes on while the link is being rebuilt, and after.
    ForgetPauseOfFailedLink,
    /// Trading goes on when news of orders were lost.
    TradeOnLostNews,
    /// Of an execution that was booked in part, the rest never is.
    ForgetRest,
    /// The limit on positions does not count orders that work.
    CountPositionsOnly,
}

#[cfg(feature = "sabotage")]
mod switch {
    use std::cell::Cell;

    use super::Sabotage;

    thread_local! {
        static ON: Cell<Option<Sabotage>> = const { Cell::new(None) };
    }

    /// On this thread from now on.
    pub fn switch(to: Option<Sabotage>) {
        ON.set(to);
    }

    pub fn is(mistake: Sabotage) -> bool {
        ON.get() == Some(mistake)
    }
}

#[cfg(feature = "sabotage")]
pub use switch::{is, switch};

#[cfg(not(feature = "sabotage"))]
#[inline(always)]
pub const fn is(_: Sabotage) -> bool {
    false
}

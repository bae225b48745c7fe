//! The connection's one action table: three layers, each with its states; what happens, and what is done about it.
//! In: a state and an event. Out: the row with the next state and the actions. Absent: who carries them out (`mod`),
//! time (`feeds`, `outage`, `calendar`). README shows this table; a test compares them.
//!
//! A pair that has no row changes nothing. Every event that a layer may hear in a state and must ignore for a reason has
//! a row that says so.

/// One part of the way to the market.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Layer {
    /// TCP to TWS or IB Gateway.
    Socket,
    /// Between the gateway and IB's servers, and what is known of the account through it.
    Upstream,
    /// One symbol's market data.
    Feed,
}

/// Every state of every layer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Socket: no connection; the broker actor builds one, for ever.
    Down,
    /// Socket: the handshake is complete.
    Open,

    /// Upstream: nothing is known without a socket.
    Unknown,
    /// Upstream: the gateway has lost IB's servers. What it answers now proves nothing.
    Lost,
    /// Upstream: there is a path; book and broker have not been compared over it, or differ.
    Reconciling,
    /// Upstream: book and broker agree. The only state in which trading is allowed.
    Agreed,

    /// Feed: not subscribed.
    Off,
    /// Feed: subscribed, without a tick since.
    Waiting,
    /// Feed: ticks come. The only state in which entries are allowed for its symbol.
    Live,
    /// Feed: something happened to it, or it was silent for too long; no tick since.
    Stale,
    /// Feed: several prices in a row were refused.
    Corrupt,
}

impl State {
    pub const ALL: [State; 11] = [
        State::Down,
        State::Open,
        State::Unknown,
        State::Lost,
        State::Reconciling,
        State::Agreed,
        State::Off,
        State::Waiting,
        State::Live,
        State::Stale,
        State::Corrupt,
    ];

    pub fn layer(self) -> Layer {
        match self {
            State::Down | State::Open => Layer::Socket,
            State::Unknown | State::Lost | State::Reconciling | State::Agreed => Layer::Upstream,
            State::Off | State::Waiting | State::Live | State::Stale | State::Corrupt => Layer::Feed,
        }
    }
}

/// What may happen, in the words of the layer that it concerns first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    Connected,
    Disconnected,
    /// 1300.
    PortReset,
    /// 1100, 2110.
    UpstreamLost,
    /// 1102.
    RestoredDataKept,
    /// 1101.
    RestoredDataLost,
    /// Upstream has been lost for longer than the gateway may need to notice its return.
    LostTooLong,
    /// An inventory agrees with the book.
    InventoryAgrees,
    /// It does not, and both sides are known.
    InventoryDiffers,
    /// Something filled or was sent while it was taken.
    InventoryOvertaken,
    /// Positions differ; a whole inventory may explain it.
    PositionsSuspect,
    /// It failed, or did not come in time.
    NoInventory,
    /// The next comparison is due.
    CompareDue,
    /// The books doubt an order.
    Doubt,
    /// News of orders were lost on the way: any order may have filled.
    NewsLost,
    BooksRestarted,

    Subscribed,
    /// The stream ended by itself.
    StreamEnded,
    /// The first good tick that was listened for.
    FreshTick,
    /// 2103 of its farm.
    FarmBroken,
    /// 2104, 2108, 2119 of its farm: says nothing about ticks.
    FarmNotice,
    /// No tick for longer than its market is ever quiet.
    Silent,
    /// Still none after another while.
    StillSilent,
    /// Prices are refused in a row.
    Corrupted,
}

/// What is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Ask for open and completed orders, executions and positions.
    TakeInventory,
    /// The same unless one is under way.
    TakeInventoryOnce,
    ComparePositions,
    /// Whatever was asked does not count any more.
    ForgetInventory,
    /// Every live order's fate is open.
    DoubtOrders,
    /// Compare again in a minute.
    CompareLater,
    /// Compare again in seconds.
    CompareSoon,
    /// The time without a broker begins, expected or not.
    OutageBegins,
    /// It is over, and the policy says what follows: going on, or liquidation.
    OutageEnds,
    /// There is a path again: the time that the policy counts stops.
    PathIsBack,
    /// Which symbols may be entered is told for each of them again.
    TellFeeds,
    /// Books that forgot everything are told again what is allowed.
    TellAgain,
    /// Throw the connection away and build a new one.
    Rebuild,
    /// The same, but not more often than every five minutes.
    RebuildSeldom,
    /// Ask for all market data anew.
    ResubscribeAll,
    /// Ask for this symbol's market data anew.
    Resubscribe,
    /// Have the next good tick reported, and wait for it.
    AwaitTick,
    /// The growing waits between subscriptions begin anew. A farm that flaps must not put the next one off.
    TryAtOnce,
    Alarm,
    AlarmEnds,
}

/// In each of the states `from`, `event` leads to `to` (`None`: stays) and `actions`, in their order.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub from: &'static [State],
    pub event: Event,
    pub to: Option<State>,
    pub actions: &'static [Action],
}

const fn row(from: &'static [State], event: Event, to: State, actions: &'static [Action]) -> Row {
    Row { from, event, to: Some(to), actions }
}

const fn stays(from: &'static [State], event: Event, actions: &'static [Action]) -> Row {
    Row { from, event, to: None, actions }
}

use Action as A;
use Event as E;
use State as S;

const SUBSCRIBED: &[State] = &[S::Waiting, S::Live, S::Stale, S::Corrupt];
const PATH: &[State] = &[S::Reconciling, S::Agreed];
const NO_PATH: &[State] = &[S::Unknown, S::Lost];
const SOCKET_UP: &[State] = &[S::Lost, S::Reconciling, S::Agreed];
const ANY_UPSTREAM: &[State] = &[S::Unknown, S::Lost, S::Reconciling, S::Agreed];

pub const TABLE: &[Row] = &[
    row(&[S::Down, S::Open], E::Connected, S::Open, &[]),
    row(&[S::Down, S::Open], E::Disconnected, S::Down, &[]),
    stays(&[S::Open], E::PortReset, &[A::Rebuild]),
    // A notice that the lost connection left behind.
    stays(&[S::Down], E::PortReset, &[]),
    //
    row(ANY_UPSTREAM, E::Connected, S::Reconciling, &[A::PathIsBack, A::TellFeeds, A::TakeInventory]),
    row(ANY_UPSTREAM, E::Disconnected, S::Unknown, &[A::ForgetInventory, A::DoubtOrders, A::OutageBegins]),
    row(PATH, E::UpstreamLost, S::Lost, &[A::ForgetInventory, A::DoubtOrders, A::OutageBegins]),
    // Said several times, also by farms that follow.
    stays(NO_PATH, E::UpstreamLost, &[]),
    row(SOCKET_UP, E::RestoredDataKept, S::Reconciling, &[A::PathIsBack, A::TakeInventory]),
    row(SOCKET_UP, E::RestoredDataLost, S::Reconciling, &[A::PathIsBack, A::ResubscribeAll, A::TakeInventory]),
    // A new connection says 2110 if it is still so.
    stays(&[S::Lost], E::LostTooLong, &[A::Rebuild]),
    row(PATH, E::InventoryAgrees, S::Agreed, &[A::CompareLater, A::OutageEnds]),
    row(PATH, E::InventoryDiffers, S::Reconciling, &[A::CompareSoon]),
    stays(&[S::Agreed], E::InventoryOvertaken, &[A::CompareSoon]),
    stays(&[S::Reconciling], E::InventoryOvertaken, &[A::TakeInventory]),
    stays(PATH, E::PositionsSuspect, &[A::TakeInventory]),
    stays(PATH, E::NoInventory, &[A::Rebuild]),
    // Asked before the path was lost, or answered from the gateway's memory: it proves nothing.
    stays(NO_PATH, E::InventoryAgrees, &[]),
    stays(NO_PATH, E::InventoryDiffers, &[]),
    stays(NO_PATH, E::InventoryOvertaken, &[]),
    stays(NO_PATH, E::PositionsSuspect, &[]),
    stays(NO_PATH, E::NoInventory, &[]),
    stays(&[S::Agreed], E::CompareDue, &[A::ComparePositions]),
    stays(&[S::Reconciling], E::CompareDue, &[A::TakeInventory]),
    stays(PATH, E::Doubt, &[A::TakeInventoryOnce]),
    stays(NO_PATH, E::Doubt, &[]),
    row(PATH, E::NewsLost, S::Reconciling, &[A::TakeInventory]),
    // The inventory that follows the path finds what was lost.
    stays(NO_PATH, E::NewsLost, &[]),
    row(PATH, E::BooksRestarted, S::Reconciling, &[A::TellAgain, A::TakeInventory]),
    stays(NO_PATH, E::BooksRestarted, &[A::TellAgain]),
    //
    row(&[S::Off, S::Waiting, S::Live, S::Stale], E::Subscribed, S::Waiting, &[A::AwaitTick]),
    // A new subscription does not make its prices good.
    stays(&[S::Corrupt], E::Subscribed, &[A::AwaitTick]),
    row(SUBSCRIBED, E::Disconnected, S::Off, &[]),
    row(SUBSCRIBED, E::StreamEnded, S::Off, &[A::Alarm]),
    row(&[S::Waiting, S::Stale, S::Corrupt], E::FreshTick, S::Live, &[A::AlarmEnds]),
    row(&[S::Waiting, S::Live], E::FarmBroken, S::Stale, &[A::Alarm, A::AwaitTick]),
    stays(&[S::Off, S::Stale, S::Corrupt], E::FarmBroken, &[]),
    stays(&[S::Waiting, S::Stale], E::FarmNotice, &[A::TryAtOnce]),
    stays(&[S::Off, S::Live, S::Corrupt], E::FarmNotice, &[]),
    row(&[S::Waiting, S::Live], E::UpstreamLost, S::Stale, &[]),
    row(&[S::Waiting, S::Live, S::Stale], E::RestoredDataKept, S::Stale, &[A::AwaitTick]),
    row(&[S::Waiting, S::Live, S::Stale], E::RestoredDataLost, S::Stale, &[A::AwaitTick]),
    row(&[S::Waiting, S::Live], E::Silent, S::Stale, &[A::Alarm, A::AwaitTick]),
    stays(&[S::Stale, S::Corrupt], E::StillSilent, &[A::Alarm, A::Resubscribe, A::AwaitTick]),
    row(&[S::Waiting, S::Live, S::Stale], E::Corrupted, S::Corrupt, &[A::Alarm, A::Resubscribe, A::AwaitTick]),
    stays(&[S::Corrupt], E::Corrupted, &[A::RebuildSeldom]),
];

/// The row for `event` in `state`; `None` if it does not concern that layer then.
pub fn lookup(state: State, event: Event) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.event == event && row.from.contains(&state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_pair_has_two_rows_and_no_row_crosses_layers() {
        for (n, row) in TABLE.iter().enumerate() {
            let layer = row.from[0].layer();
            assert!(row.from.iter().chain(&row.to).all(|state| state.layer() == layer), "{row:?}");
            for other in &TABLE[n + 1..] {
                let twice = other.event == row.event && other.from.iter().any(|state| row.from.contains(state));
                assert!(!twice, "{row:?} and {other:?}");
            }
        }
    }

    #[test]
    fn trading_opens_by_an_inventory_only_and_a_feed_by_a_tick_only() {
        let into = |state| TABLE.iter().filter(move |row| row.to == Some(state)).map(|row| row.event);
        assert!(into(State::Agreed).all(|event| event == Event::InventoryAgrees));
        assert!(into(State::Live).all(|event| event == Event::FreshTick));
    }

    #[test]
    fn no_notice_of_a_farm_and_no_silence_tears_the_connection() {
        let of_data = [E::FarmBroken, E::FarmNotice, E::Silent, E::StillSilent, E::StreamEnded, E::FreshTick];
        for row in TABLE.iter().filter(|row| of_data.contains(&row.event)) {
            let tears = [A::Rebuild, A::RebuildSeldom, A::DoubtOrders, A::TakeInventory];
            assert!(row.actions.iter().all(|action| !tears.contains(action)), "{row:?}");
            assert_eq!(row.from[0].layer(), Layer::Feed);
        }
    }

    #[test]
    fn every_event_has_a_row_and_every_state_is_left() {
        for state in State::ALL {
            assert!(TABLE.iter().any(|row| row.from.contains(&state) && row.to.is_some_and(|to| to != state)));
        }
        for layer in [Layer::Socket, Layer::Upstream, Layer::Feed] {
            assert!(TABLE.iter().any(|row| row.from[0].layer() == layer && row.event == Event::Disconnected));
        }
    }
}

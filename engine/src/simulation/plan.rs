//! What happens in one simulated run, as data: printable as a timeline, kept as JSON, made smaller fault by fault.
//! Absent: drawing it, playing it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One run. Two equal plans play identically.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// Also seeds the market and the line's delays.
    pub seed: u64,
    /// How long faults and trades go on; a quiet time to settle follows.
    pub span_ms: u64,
    pub scene: Scene,
    /// In order of time.
    pub faults: Vec<Fault>,
}

/// What stays the same for a whole run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Scene {
    /// Positions are closed after a lost connection.
    pub liquidate: bool,
    pub strategies: u32,
    pub symbols: u32,
    /// Contracts of one entry.
    pub quantity: u32,
    /// Contracts at the touch are few, so that orders fill in parts.
    pub thin: bool,
    /// Every limit of risk is on, and small enough to be met; otherwise only those on positions and sizes.
    #[serde(default)]
    pub rails: bool,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Fault {
    pub at_ms: u64,
    pub what: What,
}

/// What befalls the system. Spans are milliseconds of market time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum What {
    /// The socket closes; of the requests under way the first `arrive` still reach the broker.
    Disconnect { refuse_ms: u32, arrive: u32 },
    /// The peer is silent and the socket stays open.
    Silence { for_ms: u32 },
    /// 1100, then 1102 or, with `data_lost`, 1101. `orders_wait`: what is sent meanwhile is handed on later, otherwise
    /// it vanishes. `events_lost`: what happened meanwhile is not told afterwards.
    Upstream { for_ms: u32, data_lost: bool, orders_wait: bool, events_lost: bool },
    /// 2103, then 2104: one symbol's market data stops, and comes back only a while after it was said to be back.
    Farm {
        symbol: u32,
        for_ms: u32,
        #[serde(default)]
        silent_ms: u32,
    },
    /// The exchange cancels the newest stop that rests.
    LoseStop,
    /// The next cancels of entries are confirmed, and the exchange had filled the orders.
    CancelTooLate { orders: u32 },
    /// Whatever comes from the broker is late, then comes all at once.
    Stall { for_ms: u32 },
    /// Whatever goes to the broker is late.
    SlowRequests { for_ms: u32 },
    /// The next order events come twice.
    Duplicate { events: u32 },
    /// The next order events come late by this much each, so that others overtake them.
    Reorder { events: u32, late_ms: u32 },
    /// The next order events are lost, and each time the stream says that something was.
    Swallow { events: u32 },
    /// The next new orders are refused with 201.
    Reject { orders: u32 },
    /// The next new orders are accepted with a message that ends nothing: 399, 2109, 10349.
    Remark { orders: u32, code: i32 },
    /// Market orders do not trade, new ones are refused: the exchange is reserved.
    Halt { for_ms: u32 },
    /// The next inventories are not answered.
    NoInventory { times: u32 },
    /// The next id that the broker tells is too low by this much.
    IdsFallBack { by: i32 },
    /// A constant is added to every price that is told.
    Corrupt { symbol: u32, for_ms: u32 },
    /// A jump of the price, as many ticks up or down.
    Jump { symbol: u32, ticks: i32 },
    /// Many trades at once.
    Burst { symbol: u32, trades: u32 },
    /// The broker's clock is off by this much from now on.
    Skew { ms: i32 },
    /// Somebody else trades on the account.
    Foreign { symbol: u32, quantity: i32 },
    /// The broker closes a position.
    Liquidate { symbol: u32 },
    /// The newest execution is corrected by this many ticks.
    Correct { ticks: i32 },
    /// The newest execution never was.
    Bust,
    /// A panic in an actor.
    Panic { actor: Victim, place: Spot },
    /// SIGKILL. Of what was written after the last request left, this share (of 65,536) survives.
    Kill { keep: u16, skew_ms: i32 },
    /// Loss of power: the same, of what was written after the last sync.
    Power { keep: u16, skew_ms: i32 },
    /// SIGTERM, then a start.
    Restart,
    /// A strategy wants something that no configured one does.
    Wish { strategy: u32, wish: Wish },
    /// An operator closes everything.
    Flatten,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Victim {
    Broker,
    Books,
    Link,
    Bars(u32),
    Strategy(u32),
}

/// Where in an actor it panics.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Spot {
    Handler,
    Timer,
    Stream,
    Spawned,
    Waited,
    Started,
    Restarting,
    /// While it handles its next input, which is lost with it.
    Input,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Wish {
    /// `offset` ticks from the last price for the orders that have one.
    Enter {
        buy: bool,
        quantity: u32,
        kind: EntryKind,
        offset: i32,
        stop_ticks: i32,
        target_ticks: Option<i32>,
    },
    Exit,
    CancelEntries,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum EntryKind {
    Market,
    Limit,
    Stop,
}

impl What {
    fn symbol(&self) -> Option<u32> {
        match *self {
            What::Farm { symbol, .. }
            | What::Corrupt { symbol, .. }
            | What::Jump { symbol, .. }
            | What::Burst { symbol, .. }
            | What::Foreign { symbol, .. }
            | What::Liquidate { symbol } => Some(symbol),
            _ => None,
        }
    }

    /// Changes positions of strategies behind their orders' backs.
    pub fn is_done_by_others(&self) -> bool {
        matches!(self, What::Liquidate { .. } | What::Bust)
    }
}

impl Plan {
    /// # Errors
    /// What cannot be played, in words.
    pub fn check(&self) -> Result<(), String> {
        let (scene, in_order) = (&self.scene, self.faults.is_sorted_by_key(|fault| fault.at_ms));
        if !(1..=2).contains(&scene.symbols)
            || !(1..=8).contains(&scene.strategies)
            || !(1..=3).contains(&scene.quantity)
        {
            return Err("expected 1 or 2 symbols, 1 to 8 strategies, a quantity of 1 to 3".to_owned());
        }
        let names_symbol = |fault: &&Fault| fault.what.symbol().is_some_and(|symbol| symbol >= scene.symbols);
        if let Some(fault) = self.faults.iter().find(names_symbol) {
            return Err(format!("{fault}: there are {} symbols, counted from 0", scene.symbols));
        }
        let names_strategy =
            |fault: &&Fault| matches!(fault.what, What::Wish { strategy, .. } if strategy >= scene.strategies);
        if let Some(fault) = self.faults.iter().find(names_strategy) {
            return Err(format!("{fault}: there are {} strategies, counted from 0", scene.strategies));
        }
        if in_order { Ok(()) } else { Err("expected faults in order of at_ms".to_owned()) }
    }

    /// Every fault a line.
    pub fn timeline(&self) -> String {
        let faults: String = self.faults.iter().map(|fault| format!("{fault}\n")).collect();
        format!("{:?}\n{faults}", self.scene)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ms, secs) = (self.at_ms % 1_000, self.at_ms / 1_000);
        write!(f, "{:02}:{:02}.{ms:03} {:?}", secs / 60, secs % 60, self.what)
    }
}

//! Every order that the venue ever accepted, and how to find it: by slot, by the client's id, among the living.
//! In: accepted orders. Out: entries. Absent: why they change; that is matching, families and OCA groups.

use std::collections::{BTreeMap, BTreeSet};

use super::timed::Due;
use super::{Status, VenueOrder};
use crate::market::Price;
use crate::time::Timestamp;
use crate::trade::PermId;

/// Index of an order; permanent ids count from [`PERM_ID_FIRST`] in the same order.
pub(super) type Slot = usize;

/// Beyond 32 bits, as the permanent ids of real accounts are.
pub(super) const PERM_ID_FIRST: i64 = 2_400_000_001;

/// Where an order stands for the matching engine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    /// At the gateway, not transmitted.
    Held,
    /// A child whose parent has no fill yet.
    Waiting,
    /// Held until an instant: its market is closed, or its time has not come.
    Parked,
    /// At the broker, its trigger not yet reached.
    Armed,
    /// A market or limit order at the exchange.
    Working,
    Done,
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub view: VenueOrder,
    pub stage: Stage,
    pub triggered: bool,
    /// Events in a row that reached the trigger, for methods that want two.
    pub hits: u8,
    /// The best price that a trailing stop has followed.
    pub best: Option<Price>,
    /// An adjustable stop has become what it was to become.
    pub adjusted: bool,
    /// The market closes, and this is its only turn.
    pub closing: bool,
    /// What is due for it, as in the venue's deadlines.
    pub reminders: Vec<(Timestamp, Due)>,
    /// A limit order has its place in the book.
    pub joined: bool,
    /// The last known offer was beyond its limit, so it waits in the book and others deal at its price. Until then it is
    /// marketable, and deals at theirs.
    pub rests: bool,
    /// Contracts ahead of it at its price; `None`: not known, the level was never the touch.
    pub queue: Option<u32>,
    pub parent: Option<Slot>,
    /// The parent may still fill, so its filled quantity bounds this order's.
    pub tied: bool,
    pub children: Vec<Slot>,
    pub group: Option<usize>,
    /// The group of the children that close this order's fills.
    pub bracket_group: Option<usize>,
    /// Contracts that the OCA group took from this order.
    pub reduced: u32,
}

impl Entry {
    pub fn new(view: VenueOrder) -> Self {
        Self {
            view,
            stage: Stage::Held,
            triggered: false,
            hits: 0,
            best: None,
            adjusted: false,
            closing: false,
            reminders: Vec::new(),
            joined: false,
            rests: false,
            queue: None,
            parent: None,
            tied: false,
            children: Vec::new(),
            group: None,
            bracket_group: None,
            reduced: 0,
        }
    }

    pub fn live(&self) -> bool {
        self.stage != Stage::Done
    }

    /// The price that must still be reached.
    pub fn stop(&self) -> Option<Price> {
        self.view.order.kind.trigger_price().filter(|_| !self.triggered)
    }

    pub fn limit(&self) -> Option<Price> {
        self.view.order.kind.limit_price(self.view.order.side)
    }

    /// The stage of this order once nothing holds it back, and the word for it.
    pub fn ready_stage(&self) -> (Stage, Status) {
        let armed = self.view.order.kind.is_triggered() && !self.triggered;
        if armed { (Stage::Armed, Status::PreSubmitted) } else { (Stage::Working, Status::Submitted) }
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Orders {
    entries: Vec<Entry>,
    by_id: BTreeMap<(i32, i32), Slot>,
    /// Highest order id that each client used.
    highest: BTreeMap<i32, i32>,
    live: BTreeSet<Slot>,
}

impl Orders {
    pub fn next_perm_id(&self) -> PermId {
        PermId(PERM_ID_FIRST + i64::try_from(self.entries.len()).expect("memory ends before"))
    }

    pub fn push(&mut self, entry: Entry) -> Slot {
        let slot = self.entries.len();
        let (client, id) = (entry.view.order.client_id, entry.view.order.order_id);
        // Orders from outside the API have no id until a client binds them.
        if id != 0 {
            self.name(slot, client, id);
        }
        self.live.insert(slot);
        self.entries.push(entry);
        slot
    }

    /// The order answers to this id from now on.
    pub fn name(&mut self, slot: Slot, client_id: i32, order_id: i32) {
        self.by_id.insert((client_id, order_id), slot);
        let highest = self.highest.entry(client_id).or_default();
        *highest = order_id.max(*highest);
    }

    pub fn slot_of(&self, perm_id: PermId) -> Option<Slot> {
        let slot = usize::try_from(perm_id.0.checked_sub(PERM_ID_FIRST)?).ok()?;
        (slot < self.entries.len()).then_some(slot)
    }

    pub fn find(&self, client_id: i32, order_id: i32) -> Option<Slot> {
        self.by_id.get(&(client_id, order_id)).copied()
    }

    /// Highest order id of this client; 0 before its first.
    pub fn highest(&self, client_id: i32) -> i32 {
        self.highest.get(&client_id).copied().unwrap_or(0)
    }

    pub fn highest_of_all(&self) -> i32 {
        self.highest.values().copied().max().unwrap_or(0)
    }

    /// The order is over: it stays readable and leaves the living.
    pub fn bury(&mut self, slot: Slot) {
        self.entries[slot].stage = Stage::Done;
        self.live.remove(&slot);
    }

    pub fn live(&self) -> impl Iterator<Item = Slot> + '_ {
        self.live.iter().copied()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Contracts that may fill now: what remains, for a child at most what its parent has filled and nobody closed yet.
    pub fn fillable(&self, slot: Slot) -> u32 {
        let entry = &self.entries[slot];
        match entry.parent {
            Some(parent) if entry.tied => entry.view.remaining().min(self.allowance(slot, parent)),
            _ => entry.view.remaining(),
        }
    }

    pub fn allowance(&self, slot: Slot, parent: Slot) -> u32 {
        let used = self.entries[slot].view.filled + self.entries[slot].reduced;
        self.entries[parent].view.filled.saturating_sub(used)
    }
}

impl std::ops::Index<Slot> for Orders {
    type Output = Entry;

    fn index(&self, slot: Slot) -> &Entry {
        &self.entries[slot]
    }
}

impl std::ops::IndexMut<Slot> for Orders {
    fn index_mut(&mut self, slot: Slot) -> &mut Entry {
        &mut self.entries[slot]
    }
}

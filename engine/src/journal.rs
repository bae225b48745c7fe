//! What is written down, and how: the records from which every core can be rebuilt and every table filled.
//! In: records. Out: framed bytes, and records again. Absent: files; `actors::journal` owns those.
//!
//! A segment begins with [`MAGIC`]; then each frame is `u32 length, u32 crc32(payload), payload`, little endian,
//! where the payload is one [`Entry`] in postcard encoding. A frame that is cut off or damaged ends the segment.

use serde::{Deserialize, Serialize};

use crate::allocation::{Day, Shares};
use crate::books::BooksState;
use crate::last_prices::LastPrices;
use crate::market::{Bar, Instrument, SymbolId};
use crate::risk::account::RiskAccount;
use crate::risk::latch::{Latch, Scope};
use crate::time::Timestamp;
use crate::trade::{BrokerOrderId, ClientOrderId, Fill, Money, OrderIntent, OrderTicket, PermId, StrategyId, Trading};

/// First bytes of a segment; the last digit is the version of the record layout.
pub const MAGIC: [u8; 8] = *b"PITBOSS3";
/// A longer payload is damage, not data.
pub const PAYLOAD_BYTES_MAX: usize = 1 << 24;
const HEADER_BYTES: usize = 8;

/// A record with its place in the journal.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Rises by one from entry to entry over the life of a data folder.
    pub seq: u64,
    pub at: Timestamp,
    pub record: Record,
}

/// How a session was started; each has its own row in reports.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Mode {
    Run,
    Replay,
    Backtest,
}

impl Mode {
    pub fn name(self) -> &'static str {
        match self {
            Mode::Run => "run",
            Mode::Replay => "replay",
            Mode::Backtest => "backtest",
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StrategyInfo {
    pub id: StrategyId,
    pub name: String,
    /// The registry's name of its kind, e.g. `ma_crossover`.
    pub kind: String,
    pub symbol: SymbolId,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SessionInfo {
    /// `20231225T230000Z-0001`: start by the session's clock, then the run number of this journal.
    pub id: String,
    pub mode: Mode,
    /// Names this installation in `orderRef`.
    pub instance: String,
    pub account: String,
    pub instruments: Vec<Instrument>,
    pub strategies: Vec<StrategyInfo>,
}

/// What risk said to an intent that it let through or refused.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Verdict {
    Approved {
        /// The entry or exit order that came of it; `None` when there was nothing to do.
        order: Option<ClientOrderId>,
    },
    Refused {
        /// Stable code of the rule, e.g. `order_size`.
        rule: String,
        /// The number that broke the rule, in the rule's unit, and the limit.
        value: String,
        limit: String,
    },
}

/// One order's life, one step.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OrderChange {
    pub id: ClientOrderId,
    pub order_id: BrokerOrderId,
    pub perm_id: Option<PermId>,
    pub state: crate::orders::machine::State,
    pub filled: u32,
    /// Why, when there is more to say than the state: a broker's text, a code.
    pub note: String,
}

/// A position of one strategy or, with `strategy: None`, of the account.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PositionRow {
    pub strategy: Option<StrategyId>,
    pub symbol: SymbolId,
    /// Contracts, negative when short.
    pub quantity: i64,
    /// What the open part cost: sum of price x multiplier x contracts, negative when short.
    /// Average price in points = cost / (quantity x multiplier).
    pub cost: Money,
    /// Closed profit before commission.
    pub realised: Money,
    pub commission: Money,
}

/// Totals of one strategy or of the account since the session began.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Performance {
    /// Round trips: from flat to flat.
    pub trades: u32,
    pub wins: u32,
    pub losses: u32,
    /// Sum of winning and of losing round trips after commission; the second is negative or zero.
    pub gross_profit: Money,
    pub gross_loss: Money,
    pub realised: Money,
    pub unrealised: Money,
    pub commission: Money,
    /// Largest fall of equity from its peak, positive.
    pub drawdown_max: Money,
}

/// What an account is worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct AccountRow {
    /// As settled.
    pub cash: Money,
    /// Cash and what open positions gained since their settlement.
    pub equity: Money,
    pub initial_margin: Money,
    pub maintenance_margin: Money,
}

/// How tables name [`Record::Interest`].
pub const INTEREST_EVENT: &str = "account.interest";
/// A warning about the data that a backtest played, under this name; reports repeat its text.
pub const DATA_EVENT: &str = "data.doubtful";

/// Interest that came into the account's cash, or was taken out of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct InterestRow {
    pub at: Timestamp,
    /// Below zero when it was paid.
    pub amount: Money,
}

/// The trade date turned.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TradeDate {
    /// The one that begins, `YYYYMMDD`.
    pub trade_date: u32,
    /// Profit of each strategy since the beginning of the books, at this moment.
    pub opened: Vec<(StrategyId, Money)>,
    /// What each strategy earned on the one that ended; `None` when the books began.
    pub ended: Option<Day>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Severity {
    Info,
    Warning,
    Error,
}

impl Severity {
    pub fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// The closed set of things that are written down.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Record {
    /// First entry of a segment: who runs, and the books as the last segment left them.
    SessionStarted {
        info: Box<SessionInfo>,
        books: Box<BooksState>,
    },
    Bar(Bar),
    /// A closed bar that late trades changed; replaces the one with the same symbol, length and open.
    BarRevised(Bar),
    Signal {
        intent: OrderIntent,
        verdict: Verdict,
    },
    /// Written, and safe against the death of the process, before the ticket is sent.
    OrderPlaced(OrderTicket),
    OrderChanged(OrderChange),
    Fill(Fill),
    Commission {
        exec_id: String,
        amount: Money,
    },
    Position(PositionRow),
    Performance {
        strategy: Option<StrategyId>,
        /// Trade date at Chicago, `YYYYMMDD`.
        trade_date: u32,
        totals: Performance,
    },
    Trading {
        trading: Trading,
        cause: String,
    },
    /// Something an operator may ask about: a restart, a link change, a refused frame.
    System {
        severity: Severity,
        /// Stable dotted name: `actor.restarted`.
        event: String,
        actor: String,
        text: String,
    },
    SessionEnded {
        cause: String,
    },
    /// A limit was tripped, or a person stopped something: entries pause until it is released.
    Latched(Latch),
    Released {
        rule: String,
        scope: Scope,
        /// A person, or the trade date that ended it.
        who: String,
        why: String,
    },
    /// What loss limits go by: at each new trade date, and once a minute while it changes.
    RiskAccount(Box<RiskAccount>),
    /// A person told the running system something.
    Operator {
        command: String,
        who: String,
        why: String,
    },
    /// The first inventory of these books: executions of before their time, by id up to the last dot. They are not
    /// booked, now or when they are listed again.
    Baseline {
        exec_ids: Vec<String>,
    },
    /// The broker corrected an execution or took it back. `exec_id` is its id from now on; `fills` are those that it was
    /// booked as, under the ids that they were booked with, as they are now: with quantity 0 they never were.
    Corrected {
        exec_id: String,
        fills: Vec<Fill>,
    },
    TradeDate(Box<TradeDate>),
    /// Shares of the risk budget from now on, and why.
    Allocation(Box<Shares>),
    /// The account of a backtest after a settlement, and at the end.
    Account(AccountRow),
    /// Interest on the account's cash in a backtest.
    Interest(InterestRow),
    /// What earlier sessions knew of prices: first ticks are held against them.
    LastPrices(LastPrices),
    /// The broker knows lower numbers of ours than this that no order in the journal has.
    NextOrderId(BrokerOrderId),
}

/// Why a segment stopped being readable at some byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The last frame is whole.
    Clean,
    /// A frame is incomplete or fails its checksum; what follows is unreadable.
    Torn { at_byte: usize },
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JournalError {
    #[error("not a journal segment: it begins with {found:02x?}, expected {MAGIC:02x?}")]
    NotAJournal { found: Vec<u8> },
    #[error(
        "the entry at byte {at_byte} has a valid checksum but cannot be decoded ({reason}); it was written by another version"
    )]
    OtherVersion { at_byte: usize, reason: String },
    #[error("a record encodes to {bytes} bytes, more than {PAYLOAD_BYTES_MAX}")]
    TooLong { bytes: usize },
}

/// Appends `entry` as one frame to `out`.
pub fn encode(entry: &Entry, out: &mut Vec<u8>) -> Result<(), JournalError> {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER_BYTES]);
    let mut framed =
        postcard::to_extend(entry, std::mem::take(out)).expect("records hold only types that postcard encodes");
    let payload = start + HEADER_BYTES;
    let bytes = framed.len() - payload;
    if bytes > PAYLOAD_BYTES_MAX {
        framed.truncate(start);
        *out = framed;
        return Err(JournalError::TooLong { bytes });
    }
    let crc = crc32fast::hash(&framed[payload..]);
    framed[start..start + 4].copy_from_slice(&(bytes as u32).to_le_bytes());
    framed[start + 4..payload].copy_from_slice(&crc.to_le_bytes());
    *out = framed;
    Ok(())
}

/// Reads frames from a byte slice; [`Reader::end`] says how it ended, [`Reader::consumed`] how far it got.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    end: End,
}

impl<'a> Reader<'a> {
    /// `bytes` is a whole segment, beginning with [`MAGIC`].
    pub fn of_segment(bytes: &'a [u8]) -> Result<Self, JournalError> {
        let head = &bytes[..bytes.len().min(MAGIC.len())];
        if head != MAGIC {
            return Err(JournalError::NotAJournal { found: head.to_vec() });
        }
        Ok(Self { bytes, at: MAGIC.len(), end: End::Clean })
    }

    /// `bytes` begins at a frame border, as when tailing a growing file.
    pub fn of_frames(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, end: End::Clean }
    }

    pub fn end(&self) -> End {
        self.end
    }

    /// Bytes up to the end of the last whole frame.
    pub fn consumed(&self) -> usize {
        self.at
    }
}

impl Iterator for Reader<'_> {
    type Item = Result<Entry, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = &self.bytes[self.at..];
        if rest.is_empty() {
            return None;
        }
        let torn = End::Torn { at_byte: self.at };
        let Some((header, body)) = rest.split_at_checked(HEADER_BYTES) else {
            self.end = torn;
            return None;
        };
        let word = |i: usize| u32::from_le_bytes(header[i..i + 4].try_into().expect("four bytes"));
        let (length, crc) = (word(0) as usize, word(4));
        let payload = match body.get(..length) {
            // No record is empty: zero bytes are space that was granted and never written.
            Some(payload) if (1..=PAYLOAD_BYTES_MAX).contains(&length) && crc32fast::hash(payload) == crc => payload,
            _ => {
                self.end = torn;
                return None;
            }
        };
        match postcard::from_bytes(payload) {
            Ok(entry) => {
                self.at += HEADER_BYTES + length;
                Some(Ok(entry))
            }
            Err(reason) => {
                let error = JournalError::OtherVersion { at_byte: self.at, reason: reason.to_string() };
                self.end = torn;
                self.bytes = &self.bytes[..self.at];
                Some(Err(error))
            }
        }
    }
}

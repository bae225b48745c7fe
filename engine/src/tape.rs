//! The tape of a session: everything that its cores were told from outside, in order, with the time they were told at.
//! In: ticks, news, commands, timers that fired. Out: compact blocks, and the same inputs again, from which the session
//! can be replayed decision by decision (`backtest::session`). Absent: files (`actors::tape`), and what cores say to
//! each other, which a replay makes anew.
//!
//! A file begins with [`MAGIC`]; then each frame is `u32 length, u32 crc32(payload), payload`, little endian. The first
//! payload is the [`Header`], every other one a block: the time of its first input, then the inputs, in postcard
//! encoding, each with its distance in time from the one before. A frame that is cut off or damaged ends the tape.

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::market::{MarketEvent, Price, Quote, SymbolId, Trade};
use crate::portfolio::Mark;
use crate::time::Timestamp;
use crate::trade::StrategyId;
use crate::wiring::News;
use crate::{bars, books, link, strategy};

/// First bytes of a tape; the last digit is the version of its layout.
pub const MAGIC: [u8; 8] = *b"PITTAPE1";
/// A longer payload is damage, not data.
pub const PAYLOAD_BYTES_MAX: usize = 1 << 24;
/// A block is closed when it is as long as this, or as old as [`BLOCK_NANOS`].
const BLOCK_BYTES: usize = 32 << 10;
const BLOCK_NANOS: i64 = 1_000_000_000;

/// Whose inputs and decisions these are.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Header {
    /// As in the journal's first entry.
    pub session: String,
    /// Market seconds a second of the session's clock.
    pub speed: f64,
    /// A checksum of each section of the configuration that decides something, see [`digest`].
    pub config: Vec<(String, u32)>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum CoreId {
    Bars(SymbolId),
    Strategy(StrategyId),
    Books,
    Link,
}

/// One input from outside.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Taped {
    /// A tick that was taken. `lag` is how much later it arrived than it is stamped, in nanoseconds.
    Trade {
        symbol: SymbolId,
        lag: i64,
        price: Price,
        size: u32,
    },
    Quote {
        symbol: SymbolId,
        lag: i64,
        bid: Option<Price>,
        ask: Option<Price>,
        bid_size: u32,
        ask_size: u32,
    },
    /// The ticks of this symbol since its last one are told. `mark` only if it is not what they say.
    Market {
        symbol: SymbolId,
        mark: Option<Mark>,
    },
    /// Neither `Market` nor `Told`.
    News(News),
    /// What came by mailbox, from outside or from another core; see [`Taped::Diverted`].
    Bars(SymbolId, bars::Input),
    Strategy(StrategyId, strategy::Input),
    Books(books::Input),
    Link(link::Input),
    /// This core's timer fired.
    Deadline(CoreId),
    /// Of what came of the input before this, the delivery with this number (from 0, to cores only) went to a mailbox. It
    /// has an entry of its own where it was handled.
    Diverted(u32),
    /// A core was built, from the journal's entries below this number.
    Built {
        core: CoreId,
        below: u64,
    },
    /// It panicked.
    Failed(CoreId),
    /// Strategies and bars are told nothing more.
    WindingDown,
    /// Books and link neither.
    Closing,
    /// The tape ends here, the session goes on.
    Ends(String),
}

/// An input with its time.
#[derive(Clone, PartialEq, Debug)]
pub struct Moment {
    pub at: Timestamp,
    pub input: Taped,
}

/// Packs inputs into blocks.
#[derive(Debug, Default)]
pub struct Encoder {
    block: Vec<u8>,
    began: Timestamp,
    last: Timestamp,
    /// By symbol: what its ticks so far say.
    marks: Vec<Mark>,
}

impl Encoder {
    pub fn put(&mut self, at: Timestamp, input: &Taped) {
        if self.block.is_empty() {
            (self.began, self.last) = (at, at);
            self.block = Vec::with_capacity(BLOCK_BYTES + 512);
            self.block.extend_from_slice(&[0; 8]);
            self.block.extend_from_slice(&at.nanos().to_le_bytes());
        }
        let since = at.nanos().wrapping_sub(self.last.nanos());
        self.last = at;
        let block = std::mem::take(&mut self.block);
        self.block = postcard::to_extend(&(since, input), block).expect("inputs hold only types that postcard encodes");
    }

    /// A tick that was taken.
    pub fn tick(&mut self, at: Timestamp, symbol: SymbolId, event: &MarketEvent) {
        self.mark(symbol).see(event);
        let lag = at.nanos().wrapping_sub(event.ts().nanos());
        let input = match *event {
            MarketEvent::Trade(Trade { price, size, .. }) => Taped::Trade { symbol, lag, price, size },
            MarketEvent::Quote(Quote { bid, ask, bid_size, ask_size, .. }) => {
                Taped::Quote { symbol, lag, bid, ask, bid_size, ask_size }
            }
        };
        self.put(at, &input);
    }

    /// The ticks of this symbol were told, with this mark.
    pub fn market(&mut self, at: Timestamp, symbol: SymbolId, mark: Option<Mark>) {
        let seen = self.mark(symbol);
        let other = mark.filter(|mark| mark != seen);
        *seen = other.unwrap_or(*seen);
        self.put(at, &Taped::Market { symbol, mark: other });
    }

    fn mark(&mut self, symbol: SymbolId) -> &mut Mark {
        mark_of(&mut self.marks, symbol)
    }

    /// A framed block, if there is one and it is long or old enough, or `all` is wanted.
    pub fn take(&mut self, all: bool) -> Option<Vec<u8>> {
        let old = self.last.nanos().wrapping_sub(self.began.nanos()) >= BLOCK_NANOS;
        if self.block.is_empty() || !(all || old || self.block.len() >= BLOCK_BYTES) {
            return None;
        }
        let mut framed = std::mem::take(&mut self.block);
        seal(&mut framed);
        Some(framed)
    }
}

pub(crate) fn mark_of(marks: &mut Vec<Mark>, symbol: SymbolId) -> &mut Mark {
    let n = usize::from(symbol.0);
    if marks.len() <= n {
        marks.resize(n + 1, Mark::default());
    }
    &mut marks[n]
}

/// Fills in the eight bytes before the payload.
fn seal(framed: &mut [u8]) {
    let (head, payload) = framed.split_at_mut(8);
    let length = u32::try_from(payload.len()).expect("a block is much shorter than four gigabytes");
    head[..4].copy_from_slice(&length.to_le_bytes());
    head[4..].copy_from_slice(&crc32fast::hash(payload).to_le_bytes());
}

/// How a tape begins.
pub fn opening(header: &Header) -> Vec<u8> {
    let framed = postcard::to_extend(header, vec![0; 8]).expect("a header holds only types that postcard encodes");
    let mut bytes = MAGIC.to_vec();
    let mut framed = framed;
    seal(&mut framed);
    bytes.extend(framed);
    bytes
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TapeError {
    #[error("not a tape: it begins with {found:02x?}, expected {MAGIC:02x?}")]
    NotATape { found: Vec<u8> },
    #[error("the checksum holds and the content cannot be decoded ({0}); it was written by another version")]
    OtherVersion(String),
}

/// Length of the payload and its checksum.
pub fn frame(head: [u8; 8]) -> (usize, u32) {
    let word = |n: usize| u32::from_le_bytes([head[n], head[n + 1], head[n + 2], head[n + 3]]);
    (word(0) as usize, word(4))
}

/// Whether the payload is what was written.
pub fn is_whole(payload: &[u8], crc: u32) -> bool {
    crc32fast::hash(payload) == crc
}

pub fn header(payload: &[u8]) -> Result<Header, TapeError> {
    postcard::from_bytes(payload).map_err(|reason| TapeError::OtherVersion(reason.to_string()))
}

/// The inputs of one block.
pub fn block(payload: &[u8]) -> Result<Vec<Moment>, TapeError> {
    let Some((began, mut rest)) = payload.split_first_chunk::<8>() else {
        return Err(TapeError::OtherVersion("a block of less than eight bytes".to_owned()));
    };
    let mut at = i64::from_le_bytes(*began);
    let mut moments = Vec::new();
    while !rest.is_empty() {
        let ((since, input), more) = postcard::take_from_bytes::<(i64, Taped)>(rest)
            .map_err(|reason| TapeError::OtherVersion(reason.to_string()))?;
        at = at.wrapping_add(since);
        moments.push(Moment { at: Timestamp::from_nanos(at), input });
        rest = more;
    }
    Ok(moments)
}

/// A checksum of each section that decides something. Where the same names have the same numbers, a replay may be
/// expected to decide the same.
pub fn digest(config: &Config) -> Vec<(String, u32)> {
    let of = |name: &str, text: String| (name.to_owned(), crc32fast::hash(text.as_bytes()));
    vec![
        of("instance.name", config.instance.name.clone()),
        of("allocation", format!("{:?}", config.allocation)),
        of("gateway", config.gateway.is_some().to_string()),
        of("expected_outages", format!("{:?}", config.expected_outages)),
        of("instruments", format!("{:?}", config.instruments)),
        of("bars", format!("{:?}", config.bars)),
        of("strategies", format!("{:?}", config.strategies)),
        of("risk", format!("{:?}", config.risk)),
        of("orders", format!("{:?}", config.orders)),
        of("protection", format!("{:?}", config.protection)),
        of("on_disconnect", format!("{:?}", config.on_disconnect)),
        of("feeds", format!("{:?}", config.feeds)),
        of("calendar", format!("{:?}", config.calendar)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trade::{BrokerEvent, BrokerOrderId};

    fn unframe(framed: &[u8]) -> &[u8] {
        let (head, payload) = framed.split_first_chunk::<8>().expect("a frame has a head");
        let (length, crc) = frame(*head);
        assert_eq!(payload.len(), length);
        assert!(is_whole(payload, crc));
        payload
    }

    #[test]
    fn what_is_taped_comes_back_with_its_time_and_takes_few_bytes() {
        let at = |n: i64| Timestamp::from_nanos(1_700_000_000_000_000_000 + n);
        let es = SymbolId(0);
        let mut encoder = Encoder::default();
        let trade = Trade { ts: at(-900_000_000), price: Price(20_000), size: 3 };
        encoder.tick(at(0), es, &MarketEvent::Trade(trade));
        let quote = Quote { ts: at(-900_000_000), bid: Some(Price(19_999)), ask: None, bid_size: 7, ask_size: 0 };
        encoder.tick(at(5_000), es, &MarketEvent::Quote(quote));
        let seen = Mark { last: Some(Price(20_000)), bid: Some(Price(19_999)), ask: None };
        encoder.market(at(5_000), es, Some(seen));
        // Somebody held the bid for implausible: the mark says so.
        let other = Mark { bid: None, ..seen };
        encoder.market(at(4_000), es, Some(other));
        encoder.put(at(9_000), &Taped::News(News::Event(BrokerEvent::NextOrderId(BrokerOrderId(9)))));
        assert_eq!(encoder.take(false), None, "neither long nor old");
        let framed = encoder.take(true).expect("something was put");
        assert!(framed.len() < 80, "{}", framed.len());
        let moments = block(unframe(&framed)).expect("it was just written");
        let expected = [
            (0, Taped::Trade { symbol: es, lag: 900_000_000, price: Price(20_000), size: 3 }),
            (
                5_000,
                Taped::Quote {
                    symbol: es,
                    lag: 900_005_000,
                    bid: Some(Price(19_999)),
                    ask: None,
                    bid_size: 7,
                    ask_size: 0,
                },
            ),
            (5_000, Taped::Market { symbol: es, mark: None }),
            (4_000, Taped::Market { symbol: es, mark: Some(other) }),
            (9_000, Taped::News(News::Event(BrokerEvent::NextOrderId(BrokerOrderId(9))))),
        ];
        assert_eq!(moments, expected.map(|(n, input)| Moment { at: at(n), input }));
        assert_eq!(encoder.take(true), None);
    }

    #[test]
    fn a_block_ends_when_it_is_long_or_a_second_old() {
        let mut encoder = Encoder::default();
        let trade = |n| MarketEvent::Trade(Trade { ts: Timestamp::from_nanos(n), price: Price(4), size: 1 });
        let mut ticks = 0;
        while encoder.take(false).is_none() {
            encoder.tick(Timestamp::from_nanos(ticks), SymbolId(0), &trade(ticks));
            ticks += 1;
        }
        assert!(ticks > 3_000, "a block of {ticks} ticks");
        encoder.tick(Timestamp::from_secs(5), SymbolId(0), &trade(0));
        assert_eq!(encoder.take(false), None);
        encoder.tick(Timestamp::from_secs(6), SymbolId(0), &trade(0));
        assert!(encoder.take(false).is_some());
    }

    #[test]
    fn an_opening_is_read_back() {
        let told = Header { session: "s".to_owned(), speed: 300.0, config: vec![("risk".to_owned(), 7)] };
        let bytes = opening(&told);
        assert_eq!(bytes[..8], MAGIC);
        assert_eq!(header(unframe(&bytes[8..])), Ok(told));
        assert!(header(&[1]).is_err());
    }
}

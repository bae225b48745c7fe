//! The bench's market. In: files of packed little-endian records, or a seed. Out: ticks and bars in memory.
//!
//! `ticks.bin`: {i64 ns, i32 price in quarter points, i32 contracts}. `bars.bin`: {i64 ns of the close, i32 open, high, low,
//! close, volume, trades}. What is drawn has the same shape: five sessions of 23 hours with a busy middle, or one-minute
//! bars that walk around 5,000 points.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::time::Duration;

use engine::market::{Bar, Price, Quality, SymbolId, Trade};
use engine::time::Timestamp;

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const SESSION_MINUTES: usize = 23 * 60;
/// 2024-01-07T22:00:00Z, a Sunday.
const FIRST_OPEN: i64 = 1_704_664_800 * SECOND;

/// One bar, half as large as the engine's.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    close_ts: i64,
    prices: [i32; 4],
    volume: i32,
    trades: i32,
}

impl Row {
    #[inline]
    pub fn bar(&self) -> Bar {
        let [open, high, low, close] = self.prices.map(Price);
        Bar {
            symbol: SymbolId(0),
            open_ts: Timestamp::from_nanos(self.close_ts) - Duration::from_secs(60),
            length_s: 60,
            open,
            high,
            low,
            close,
            volume: self.volume as u64,
            trades: self.trades as u32,
            quality: Quality::Complete,
        }
    }
}

/// Records of `N` bytes, without a second copy of the file in memory.
fn records<const N: usize, T>(path: &Path, read: impl Fn(&[u8; N]) -> T) -> io::Result<Vec<T>> {
    let file = File::open(path).map_err(|why| io::Error::new(why.kind(), format!("{}: {why}", path.display())))?;
    let count = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)? / N;
    let (mut file, mut record, mut all) = (BufReader::new(file), [0; N], Vec::with_capacity(count));
    for _ in 0..count {
        file.read_exact(&mut record)?;
        all.push(read(&record));
    }
    Ok(all)
}

fn long(record: &[u8], at: usize) -> i64 {
    i64::from_le_bytes(record[at..at + 8].try_into().expect("eight bytes"))
}

fn int(record: &[u8], at: usize) -> i32 {
    i32::from_le_bytes(record[at..at + 4].try_into().expect("four bytes"))
}

pub fn read_ticks(path: &Path) -> io::Result<Vec<Trade>> {
    records(path, |r: &[u8; 16]| Trade {
        ts: Timestamp::from_nanos(long(r, 0)),
        price: Price(int(r, 8)),
        size: int(r, 12).unsigned_abs(),
    })
}

pub fn read_bars(path: &Path) -> io::Result<Vec<Row>> {
    records(path, |r: &[u8; 32]| Row {
        close_ts: long(r, 0),
        prices: [8, 12, 16, 20].map(|at| int(r, at)),
        volume: int(r, 24),
        trades: int(r, 28),
    })
}

/// SplitMix64: enough for a market that only has to look like one.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: i64) -> i64 {
        (self.next() % n.unsigned_abs()) as i64
    }

    /// How often in a row something of this many percent does not happen.
    fn misses(&mut self, percent: i64) -> i32 {
        let mut misses = 0;
        while self.below(100) >= percent {
            misses += 1;
        }
        misses
    }
}

fn session_open(n: usize) -> i64 {
    let (week, day) = (n / 5, n % 5);
    FIRST_OPEN + (week * 7 + day) as i64 * 24 * 60 * MINUTE
}

pub fn draw_ticks(count: usize) -> Vec<Trade> {
    let mut draw = Draw(20_240_613);
    // Regular hours are twelve times as busy.
    let weight = |minute: usize| if (930..1_320).contains(&minute) { 12 } else { 1 };
    let all: usize = (0..SESSION_MINUTES).map(weight).sum();
    let (mut price, mut ticks) = (20_000, Vec::with_capacity(count));
    for session in 0..5 {
        let mut times = Vec::with_capacity(count / 5);
        while times.len() < count / 5 {
            let mut at = draw.below(all as i64) as usize;
            let minute = (0..SESSION_MINUTES).find(|&minute| match at.checked_sub(weight(minute)) {
                Some(left) => {
                    at = left;
                    false
                }
                None => true,
            });
            let minute = minute.expect("the weights add up to it");
            times.push(session_open(session) + minute as i64 * MINUTE + draw.below(MINUTE));
        }
        times.sort_unstable();
        for ts in times {
            price += match draw.below(100) {
                0..15 => -1,
                15..30 => 1,
                _ => 0,
            };
            let size = 1 + draw.misses(45).min(199);
            ticks.push(Trade { ts: Timestamp::from_nanos(ts), price: Price(price), size: size.unsigned_abs() });
        }
    }
    ticks
}

pub fn draw_bars(count: usize) -> Vec<Row> {
    let mut draw = Draw(20_240_614);
    let (mut last, mut rows) = (20_000_i64, Vec::with_capacity(count));
    for n in 0..count {
        let (session, minute) = (n / SESSION_MINUTES, n % SESSION_MINUTES);
        // Four dice less their mean: a bell, with a pull towards the middle.
        let step = (0..4).map(|_| draw.below(7) - 3).sum::<i64>() / 2;
        let close = last + step - (last - 20_000) / 8_192;
        let open = last + draw.below(3) - 1;
        let high = open.max(close) + i64::from(draw.misses(40));
        let low = open.min(close) - i64::from(draw.misses(40));
        let volume = 50 + draw.below(4_950) as i32;
        rows.push(Row {
            close_ts: session_open(session) + (minute as i64 + 1) * MINUTE,
            prices: [open, high, low, close].map(|price| price as i32),
            volume,
            trades: (volume / 3).max(1),
        });
        last = close;
    }
    rows
}

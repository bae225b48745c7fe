//! A market in which everything that will happen is known, as a LEAN zip. In: a folder. Out: six hours of two months of
//! ES, of which the front month stands still and the next one swings.
//!
//! June (202406): a quote every second, 5000.00 for 3 and 5000.25 for 2 or 3 in turn; half a second later a trade of 2
//! at 5000.00. September (202409): 5050 to 5054 and back in eight seconds, a point a second, 10 on either side, and half
//! a second later a trade of 1 at the bid.

use std::io::{Cursor, Write};
use std::path::PathBuf;

use zip::write::SimpleFileOptions;

use crate::support::Desk;

const SECONDS: u64 = 6 * 3600;
/// 13:30 UTC, the open in New York.
const START_S: u64 = 13 * 3600 + 30 * 60;
const SWING: [u64; 8] = [0, 1, 2, 3, 4, 3, 2, 1];

/// Writes the market into the folder of a desk.
pub fn write(desk: &Desk) -> PathBuf {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let mut add = |name: &str, row: fn(u64) -> String| {
        zip.start_file(format!("20240612_es_{name}.csv"), SimpleFileOptions::default()).expect("memory");
        for second in 0..SECONDS {
            let ms = (START_S + second) * 1000;
            zip.write_all(format!("{},{}\n", ms + offset_ms(name), row(second)).as_bytes()).expect("memory");
        }
    };
    add("second_quote_202406", |second| side(5000.0, 3) + "," + &side(5000.25, 2 + second % 2));
    add("tick_trade_202406", |_| "5000,2,,,0".to_owned());
    add("second_quote_202409", |second| side(swing(second), 10) + "," + &side(swing(second) + 0.25, 10));
    add("tick_trade_202409", |second| format!("{},1,,,0", swing(second)));
    desk.write("market.zip", zip.finish().expect("memory").into_inner())
}

fn offset_ms(name: &str) -> u64 {
    if name.starts_with("tick") { 500 } else { 0 }
}

/// Open, high, low, close and size of one side of a bar that does not move.
fn side(price: f64, size: u64) -> String {
    format!("{price},{price},{price},{price},{size}")
}

fn swing(second: u64) -> f64 {
    5050.0 + SWING[(second % 8) as usize] as f64
}

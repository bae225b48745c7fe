//! Every value of TA-Lib on 17,672 five-minute bars of ESZ23, from our indicators fed bar by bar.

use std::io::Read;
use std::path::PathBuf;

use super::atr::Atr;
use super::bollinger::Bollinger;
use super::ema::Ema;
use super::macd::Macd;
use super::rsi::Rsi;
use super::sma::Sma;
use crate::market::Price;

/// Points a tick, exact in binary.
const TICK: f64 = 0.25;

fn shared(name: &str) -> Option<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    if !folder.is_dir() {
        println!("skipped: ../shared/data is not there");
        return None;
    }
    let file = std::fs::File::open(folder.join(name)).expect("the data folder is complete");
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("gzipped text");
    Some(text)
}

/// Date and time, high, low and close of every bar.
fn bars() -> Option<Vec<([String; 2], [Price; 3])>> {
    let text = shared("sierra_es/data/5m/ESZ23-CME.scid_BarData__5m.txt.gz")?;
    let row = |line: &str| {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let price = |n: usize| Price((fields[n].parse::<f64>().expect("a price") / TICK) as i32);
        ([fields[0].to_owned(), fields[1].to_owned()], [price(3), price(4), price(5)])
    };
    Some(text.lines().skip(1).map(row).collect())
}

/// Compares one column by its name; empty cells are bars for which there must be no value yet.
fn check<const N: usize>(columns: [&str; N], mut indicator: impl FnMut([Price; 3]) -> Option<[f64; N]>) {
    let (Some(bars), Some(text)) = (bars(), shared("reference/talib_esz23_5m.csv.gz")) else { return };
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().expect("a head").split(',').collect();
    let places = columns.map(|column| names.iter().position(|name| *name == column).expect("a column of TA-Lib's"));
    let mut compared = 0;
    assert_eq!(bars.len(), 17_672);
    for ((stamp, prices), line) in bars.into_iter().zip(lines) {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!([cells[0], cells[1]], [stamp[0].as_str(), stamp[1].as_str()]);
        let found = indicator(prices);
        for (n, place) in places.iter().enumerate() {
            let expected = cells[*place];
            assert_eq!(found.is_some(), !expected.is_empty(), "{} at {stamp:?}", columns[n]);
            let Some(found) = found else { continue };
            let expected: f64 = expected.parse().expect("a number");
            // The file has ten significant digits.
            let close = 1e-9 * expected.abs().max(1.0);
            assert!((found[n] - expected).abs() <= close, "{} at {stamp:?}: {} not {expected}", columns[n], found[n]);
            compared += 1;
        }
    }
    assert!(compared > 17_000 * N, "{compared} values");
}

#[test]
fn simple_averages_equal_ta_lib() {
    for (period, column) in [(20, "sma20"), (50, "sma50")] {
        let mut sma = Sma::new(period);
        check([column], |[_, _, close]| {
            let average = sma.push(close)?;
            Some([average.sum as f64 / f64::from(average.count) * TICK])
        });
    }
}

#[test]
fn the_exponential_average_equals_ta_lib() {
    let mut ema = Ema::new(20);
    check(["ema20"], |[_, _, close]| Some([ema.push(close)? * TICK]));
}

#[test]
fn relative_strength_equals_ta_lib() {
    let mut rsi = Rsi::new(14);
    check(["rsi14"], |[_, _, close]| Some([rsi.push(close)?]));
}

#[test]
fn the_true_range_equals_ta_lib() {
    let mut atr = Atr::new(14);
    check(["atr14"], |[high, low, close]| Some([atr.push_prices(high, low, close)? * TICK]));
}

#[test]
fn bollinger_bands_equal_ta_lib() {
    let mut bands = Bollinger::new(20, 2.0);
    check(["bb_up", "bb_mid", "bb_low"], |[_, _, close]| {
        let bands = bands.push(close)?;
        Some([bands.upper * TICK, bands.middle * TICK, bands.lower * TICK])
    });
}

#[test]
fn convergence_equals_ta_lib() {
    let mut macd = Macd::new(12, 26, 9);
    check(["macd", "macd_signal", "macd_hist"], |[_, _, close]| {
        let value = macd.push(close)?;
        Some([value.line * TICK, value.signal * TICK, value.histogram * TICK])
    });
}

/// A value may depend on what was pushed and on nothing else: the same beginning gives the same values, whatever follows.
#[test]
fn what_comes_later_changes_nothing() {
    let prices: Vec<Price> = (0..200).map(|n: i32| Price(20_000 + (n * 7919) % 61)).collect();
    let values = |upto: usize| -> Vec<_> {
        let (mut ema, mut rsi, mut macd) = (Ema::new(20), Rsi::new(14), Macd::new(12, 26, 9));
        let (mut bands, mut atr) = (Bollinger::new(20, 2.0), Atr::new(14));
        let all = |p: &Price| {
            let atr = atr.push_prices(Price(p.0 + 3), Price(p.0 - 2), *p);
            (ema.push(*p), rsi.push(*p), macd.push(*p), bands.push(*p), atr)
        };
        prices[..upto].iter().map(all).collect()
    };
    assert_eq!(values(120), values(200)[..120]);
}

//! Delays of a backtest: constants of the configuration, or measured ones from files. In: `[backtest.latency]`. Out: what
//! the engine draws from. A file has one delay a line, in microseconds; `pitboss replay-day --round-trips` writes one.

use std::path::Path;
use std::time::Duration;

use engine::backtest::latency::{Delay, Latencies};
use engine::config::backtest::{BacktestConfig, DelayConfig};

use super::Failure;

/// An hour is no latency any more.
const DELAY_US_MAX: f64 = 3.6e9;

pub fn latencies(config: &BacktestConfig) -> Result<Option<Latencies>, Failure> {
    let Some(latency) = &config.latency else { return Ok(None) };
    Ok(Some(Latencies {
        feed: delay(&latency.feed)?,
        order: delay(&latency.order)?,
        ack: delay(&latency.ack)?,
        seed: latency.seed,
    }))
}

fn delay(config: &DelayConfig) -> Result<Delay, Failure> {
    match config {
        DelayConfig::Constant(took) => Ok(Delay::Constant(*took)),
        DelayConfig::File(path) => read(path).map(Delay::Sampled),
    }
}

fn read(path: &Path) -> Result<Vec<Duration>, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|reason| Failure::usage(format!("cannot read the delays {}: {reason}", path.display())))?;
    let mut delays = Vec::new();
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let micros = line.parse::<f64>().ok().filter(|micros| (0.0..=DELAY_US_MAX).contains(micros));
        let Some(micros) = micros else {
            let found = format!(
                "{}:{number}: found {line:?}; expected a delay in microseconds, from 0 to an hour",
                path.display()
            );
            return Err(Failure::usage(found));
        };
        delays.push(Duration::from_nanos((micros * 1_000.0).round() as u64));
    }
    if delays.is_empty() {
        return Err(Failure::usage(format!("{} holds no delay; expected one a line, in microseconds", path.display())));
    }
    Ok(delays)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_delay_a_line_and_a_slip_is_told_with_its_line() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("orders.txt");
        std::fs::write(&path, "# measured\n12.5\n\n400\n").expect("the folder is writable");
        assert_eq!(read(&path).expect("good"), [Duration::from_nanos(12_500), Duration::from_micros(400)]);
        for (text, part) in
            [("1\nfast\n", "orders.txt:2: found \"fast\""), ("-1", ":1:"), ("# none\n", "holds no delay")]
        {
            std::fs::write(&path, text).expect("the folder is writable");
            let told = read(&path).expect_err("a slip").text;
            assert!(told.contains(part), "{told}");
        }
    }
}

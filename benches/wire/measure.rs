//! From what passed on the wire to numbers. In: a [`WireLog`]. Out: latencies of orders, ticks a second.

use std::time::Instant;

use gateway::WireLog;

use super::market::BAR;

/// Of one paced session.
#[derive(Debug, Default)]
pub struct Latencies {
    /// From the write of a trade that opens a bar to the first order after it, in microseconds, rising.
    pub us: Vec<f64>,
    /// Bars without an order before the next one began.
    pub unanswered: usize,
    /// Ticks that did not reach the program.
    pub lost: u64,
}

impl Latencies {
    /// Leaves out the first `warm_up` bars, and the last one. `lost`: ticks.
    pub fn of(log: &WireLog, warm_up: usize, lost: u64) -> Self {
        let mut opens: Vec<Instant> = Vec::new();
        let mut bar = None;
        for step in &log.steps {
            let of_step = step.first.floor(BAR);
            if bar.replace(of_step).is_some_and(|before| before != of_step) {
                opens.push(step.at);
            }
        }
        let mut found = Self { lost, ..Self::default() };
        for bounds in opens.windows(2).skip(warm_up) {
            let (open, next_open) = (bounds[0], bounds[1]);
            let next = log.orders.partition_point(|&read| read < open);
            match log.orders.get(next).filter(|&&read| read < next_open) {
                Some(read) => found.us.push(read.duration_since(open).as_secs_f64() * 1e6),
                None => found.unanswered += 1,
            }
        }
        found.us.sort_by(f64::total_cmp);
        found
    }

    pub fn of_all(rounds: &[Self]) -> Self {
        let mut us: Vec<f64> = rounds.iter().flat_map(|round| &round.us).copied().collect();
        us.sort_by(f64::total_cmp);
        let unanswered = rounds.iter().map(|round| round.unanswered).sum();
        Self { us, unanswered, lost: rounds.iter().map(|round| round.lost).sum() }
    }
}

/// Ticks a second from the first write to `end`. None for an empty log.
pub fn flood_rate(log: &WireLog, end: Instant) -> Option<f64> {
    let ticks: u64 = log.steps.iter().map(|step| step.ticks).sum();
    let began = log.steps.first()?.at;
    Some(ticks as f64 / end.duration_since(began).as_secs_f64())
}

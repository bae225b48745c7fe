//! Latency inside the process: from a tick's arrival to a strategy's signal to the order's hand-over to the socket.
//! In: monotonic stamps. Out: quantiles. Absent: the network; what is beyond the socket cannot be seen from here.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

/// The three spans that are measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Span {
    TickToSignal,
    SignalToOrder,
    TickToOrder,
}

impl Span {
    pub const ALL: [Span; 3] = [Span::TickToSignal, Span::SignalToOrder, Span::TickToOrder];

    pub fn name(self) -> &'static str {
        match self {
            Span::TickToSignal => "tick to signal",
            Span::SignalToOrder => "signal to order",
            Span::TickToOrder => "tick to order",
        }
    }
}

#[derive(Debug)]
pub struct Latency {
    spans: [Mutex<Histogram<u64>>; 3],
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quantiles {
    pub count: u64,
    pub p50: Duration,
    pub p99: Duration,
    pub p999: Duration,
    pub max: Duration,
}

/// Beyond this a value counts as this.
const LONGEST_NS: u64 = 60_000_000_000;

impl Default for Latency {
    fn default() -> Self {
        let histogram =
            || Mutex::new(Histogram::new_with_bounds(1, LONGEST_NS, 3).expect("constant bounds that are valid"));
        Self { spans: [histogram(), histogram(), histogram()] }
    }
}

impl Latency {
    /// Only a few records a minute come here: one for each signal and order.
    pub fn record(&self, span: Span, nanos: u64) {
        let mut histogram = self.spans[span as usize].lock().unwrap_or_else(PoisonError::into_inner);
        histogram.saturating_record(nanos);
    }

    /// `None` before the first record.
    pub fn quantiles(&self, span: Span) -> Option<Quantiles> {
        let histogram = self.spans[span as usize].lock().unwrap_or_else(PoisonError::into_inner);
        let at = |q| Duration::from_nanos(histogram.value_at_quantile(q));
        (!histogram.is_empty()).then(|| Quantiles {
            count: histogram.len(),
            p50: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
            max: Duration::from_nanos(histogram.max()),
        })
    }
}

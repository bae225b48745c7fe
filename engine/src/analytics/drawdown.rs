//! Falls from a peak. In: values of something that grows (wealth, equity), all greater than zero for ratios.
//! Out: how deep, from when to when, how long. Absent: returns, calendars; places are indices into the input.

use super::moments::mean;

/// One fall, from its peak until the peak is reached again.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Fall {
    /// The last value at the old peak.
    pub peak: usize,
    /// The lowest value.
    pub trough: usize,
    /// The first value at or above the old peak; `None` while it still lasts.
    pub recovered: Option<usize>,
    /// Loss from the peak as a fraction of it, negative.
    pub depth: f64,
}

impl Fall {
    /// The last index that belongs to it, `last` being the input's.
    pub fn end(&self, last: usize) -> usize {
        self.recovered.unwrap_or(last)
    }
}

/// Distance from the highest value so far as a fraction of it, zero or negative, for each value.
pub fn series(values: &[f64]) -> Vec<f64> {
    let mut peak = f64::MIN;
    values
        .iter()
        .map(|value| {
            peak = peak.max(*value);
            value / peak - 1.0
        })
        .collect()
}

/// Distance from the highest value so far in the values' own unit, zero or negative.
pub fn absolute(values: &[f64]) -> Vec<f64> {
    let mut peak = f64::MIN;
    values
        .iter()
        .map(|value| {
            peak = peak.max(*value);
            value - peak
        })
        .collect()
}

/// Every fall, in order.
pub fn falls(values: &[f64]) -> Vec<Fall> {
    let mut found = Vec::new();
    let mut open: Option<Fall> = None;
    for (at, depth) in series(values).into_iter().enumerate() {
        match &mut open {
            Some(fall) if depth < 0.0 => {
                if depth < fall.depth {
                    (fall.depth, fall.trough) = (depth, at);
                }
            }
            None if depth < 0.0 => {
                open = Some(Fall { peak: at.saturating_sub(1), trough: at, recovered: None, depth });
            }
            _ => found.extend(open.take().map(|fall| Fall { recovered: Some(at), ..fall })),
        }
    }
    found.extend(open);
    found
}

/// The deepest of all falls, the first of equals. `None` if nothing ever fell.
pub fn deepest(values: &[f64]) -> Option<Fall> {
    falls(values).into_iter().reduce(|worst, fall| if fall.depth < worst.depth { fall } else { worst })
}

/// Depth of the deepest fall, negative or zero.
pub fn maximum(values: &[f64]) -> f64 {
    series(values).into_iter().fold(0.0, f64::min)
}

/// Mean depth over all falls, negative.
pub fn mean_depth(values: &[f64]) -> Option<f64> {
    mean(&falls(values).iter().map(|fall| fall.depth).collect::<Vec<_>>())
}

/// Root of the mean squared depth of all values (divisor: their number less one), where the first value only begins the
/// count. Source: Martin and McCann, The Investor's Guide to Fidelity Funds (1989); divisor as quantstats.
pub fn ulcer_index(values: &[f64]) -> Option<f64> {
    let periods = values.len().checked_sub(1).filter(|n| *n > 1)?;
    let squares: f64 = series(values).iter().map(|depth| depth * depth).sum();
    Some((squares / (periods - 1) as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fall_has_a_peak_a_trough_and_an_end() {
        let values = [100.0, 110.0, 99.0, 104.5, 110.0, 120.0, 90.0];
        let falls = falls(&values);
        assert_eq!(falls.len(), 2);
        assert_eq!((falls[0].peak, falls[0].trough, falls[0].recovered), (1, 2, Some(4)));
        assert!((falls[0].depth + 0.1).abs() < 1e-15);
        assert_eq!((falls[1].peak, falls[1].trough, falls[1].recovered), (5, 6, None));
        assert_eq!(deepest(&values), Some(falls[1]));
        assert_eq!(maximum(&values), -0.25);
        assert_eq!(absolute(&values)[6], -30.0);
    }

    #[test]
    fn what_only_rises_never_fell() {
        assert_eq!(deepest(&[1.0, 2.0, 2.0, 3.0]), None);
        assert_eq!(maximum(&[1.0, 2.0]), 0.0);
        assert_eq!(mean_depth(&[1.0, 2.0]), None);
        assert_eq!(falls(&[]), []);
    }
}

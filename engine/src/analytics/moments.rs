//! Mean, deviation, shape and quantiles of a sample. In: numbers. Out: numbers, `None` where they are not defined.
//! Absent: what the numbers mean. Sums run over the slice in its order, so equal input gives equal bits.

use std::cmp::Ordering;

/// `None` for nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Sample standard deviation (divisor n - 1). `None` for fewer than two values.
pub fn deviation(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    Some((squares(values)? / (values.len() - 1) as f64).sqrt())
}

/// Sum of squared distances from the mean.
fn squares(values: &[f64]) -> Option<f64> {
    let mean = mean(values)?;
    Some(values.iter().map(|v| (v - mean) * (v - mean)).sum())
}

/// The `power`th central moment (divisor n).
fn central(values: &[f64], power: i32) -> Option<f64> {
    let mean = mean(values)?;
    Some(values.iter().map(|v| (v - mean).powi(power)).sum::<f64>() / values.len() as f64)
}

/// Skewness, adjusted for the sample's size (G1). `None` for fewer than three values or without any spread.
/// Source: Joanes and Gill, Comparing measures of sample skewness and kurtosis (1998); as pandas and Excel.
pub fn skewness(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    let spread = central(values, 2).filter(|m2| *m2 > 0.0 && n >= 3.0)?;
    Some((n * (n - 1.0)).sqrt() / (n - 2.0) * central(values, 3)? / spread.powf(1.5))
}

/// Excess kurtosis, adjusted for the sample's size (G2); 0 for a normal distribution. `None` for fewer than four values
/// or without any spread. Source: as [`skewness`].
pub fn excess_kurtosis(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    let spread = central(values, 2).filter(|m2| *m2 > 0.0 && n >= 4.0)?;
    let g2 = central(values, 4)? / (spread * spread) - 3.0;
    Some((n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * g2 + 6.0))
}

/// The value below which a share `p` (0 to 1) of the sample lies, between two neighbours by straight line.
/// `None` for nothing. Source: Hyndman and Fan, type 7; as numpy and pandas.
pub fn quantile(values: &[f64], p: f64) -> Option<f64> {
    quantile_of_sorted(&sorted(values), p)
}

/// As [`quantile`], of values that rise.
pub fn quantile_of_sorted(rising: &[f64], p: f64) -> Option<f64> {
    let last = rising.len().checked_sub(1)?;
    let place = p.clamp(0.0, 1.0) * last as f64;
    let (low, high) = (place.floor() as usize, place.ceil() as usize);
    let (from, to) = (rising.get(low)?, rising.get(high)?);
    Some(from + (to - from) * (place - place.floor()))
}

pub fn sorted(values: &[f64]) -> Vec<f64> {
    let mut rising = values.to_vec();
    rising.sort_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
    rising
}

pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// Pearson's correlation of two samples of the same length. `None` where one does not vary.
pub fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.len() != b.len() || a.len() < 2 {
        return None;
    }
    let (mean_a, mean_b) = (mean(a)?, mean(b)?);
    let together: f64 = a.iter().zip(b).map(|(x, y)| (x - mean_a) * (y - mean_b)).sum();
    let scale = (squares(a)? * squares(b)?).sqrt();
    (scale > 0.0).then(|| together / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_and_too_little_are_not_numbers() {
        assert_eq!(mean(&[]), None);
        assert_eq!(deviation(&[1.0]), None);
        assert_eq!(skewness(&[1.0, 2.0]), None);
        assert_eq!(skewness(&[2.0, 2.0, 2.0]), None, "no spread has no shape");
        assert_eq!(excess_kurtosis(&[1.0, 2.0, 3.0]), None);
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(correlation(&[1.0, 1.0], &[1.0, 2.0]), None);
    }

    #[test]
    fn a_quantile_lies_between_its_neighbours() {
        let values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(quantile(&values, 0.0), Some(1.0));
        assert_eq!(quantile(&values, 1.0), Some(4.0));
        assert_eq!(median(&values), Some(2.5));
        assert_eq!(quantile(&values, 0.25), Some(1.75));
    }
}

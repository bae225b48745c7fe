//! The standard normal distribution in double precision. In: a number. Out: density, probability, quantile.
//! Absent: any other distribution.

use std::f64::consts::{PI, SQRT_2};

/// Density at `x`.
pub fn density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * PI).sqrt()
}

/// Probability of a value of at most `x`, to about 1e-15.
pub fn probability(x: f64) -> f64 {
    0.5 * erfc(-x / SQRT_2)
}

/// The `x` with `probability(x) == p`, to about 1e-15 of its size. `None` unless `0 < p < 1`.
/// Source: Wichura, Algorithm AS 241, Applied Statistics 37 (1988), PPND16.
pub fn quantile(p: f64) -> Option<f64> {
    if !(p > 0.0 && p < 1.0) {
        return None;
    }
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        return Some(q * polynomial(&CENTRE_NUMERATOR, r) / polynomial(&CENTRE_DENOMINATOR, r));
    }
    let r = (-p.min(1.0 - p).ln()).sqrt();
    let size = if r <= 5.0 {
        polynomial(&MIDDLE_NUMERATOR, r - 1.6) / polynomial(&MIDDLE_DENOMINATOR, r - 1.6)
    } else {
        polynomial(&TAIL_NUMERATOR, r - 5.0) / polynomial(&TAIL_DENOMINATOR, r - 5.0)
    };
    Some(size.copysign(q))
}

/// Coefficients from the constant up.
fn polynomial(coefficients: &[f64; 8], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
}

const CENTRE_NUMERATOR: [f64; 8] = [
    3.387_132_872_796_366_5,
    133.141_667_891_784_38,
    1_971.590_950_306_551_3,
    13_731.693_765_509_46,
    45_921.953_931_549_87,
    67_265.770_927_008_7,
    33_430.575_583_588_13,
    2_509.080_928_730_122_7,
];
const CENTRE_DENOMINATOR: [f64; 8] = [
    1.0,
    42.313_330_701_600_91,
    687.187_007_492_057_9,
    5_394.196_021_424_751,
    21_213.794_301_586_597,
    39_307.895_800_092_71,
    28_729.085_735_721_943,
    5_226.495_278_852_545,
];
const MIDDLE_NUMERATOR: [f64; 8] = [
    1.423_437_110_749_683_5,
    4.630_337_846_156_546,
    5.769_497_221_460_691,
    3.647_848_324_763_204_5,
    1.270_458_252_452_368_4,
    0.241_780_725_177_450_6,
    0.022_723_844_989_269_184,
    7.745_450_142_783_414e-4,
];
const MIDDLE_DENOMINATOR: [f64; 8] = [
    1.0,
    2.053_191_626_637_759,
    1.676_384_830_183_803_8,
    0.689_767_334_985_1,
    0.148_103_976_427_480_08,
    0.015_198_666_563_616_457,
    5.475_938_084_995_345e-4,
    1.050_750_071_644_416_9e-9,
];
const TAIL_NUMERATOR: [f64; 8] = [
    6.657_904_643_501_103,
    5.463_784_911_164_114,
    1.784_826_539_917_291_3,
    0.296_560_571_828_504_87,
    0.026_532_189_526_576_124,
    0.001_242_660_947_388_078_4,
    2.711_555_568_743_487_6e-5,
    2.010_334_399_292_288_1e-7,
];
const TAIL_DENOMINATOR: [f64; 8] = [
    1.0,
    0.599_832_206_555_888,
    0.136_929_880_922_735_8,
    0.014_875_361_290_850_615,
    7.868_691_311_456_133e-4,
    1.846_318_317_510_054_8e-5,
    1.421_511_758_316_446e-7,
    2.044_263_103_389_939_8e-15,
];

/// The complement of the error function: a series near zero, a continued fraction further out.
/// Source: Abramowitz and Stegun (1964), 7.1.6 and 7.1.14.
fn erfc(x: f64) -> f64 {
    let size = x.abs();
    let tail = if size < 2.5 { 1.0 - series(size) } else { fraction(size) };
    if x < 0.0 { 2.0 - tail } else { tail }
}

/// erf(x) = 2/sqrt(pi) exp(-x^2) sum of 2^n x^(2n+1) / (1 x 3 x .. x (2n+1)): every term is positive.
fn series(x: f64) -> f64 {
    let (mut term, mut sum, mut n) = (x, x, 0.0);
    while term > sum * 1e-17 {
        n += 1.0;
        term *= 2.0 * x * x / (2.0 * n + 1.0);
        sum += term;
    }
    2.0 / PI.sqrt() * (-x * x).exp() * sum
}

/// erfc(x) = exp(-x^2) / sqrt(pi) / (x + (1/2)/(x + 1/(x + (3/2)/(x + ..)))), from the inside out.
fn fraction(x: f64) -> f64 {
    const TERMS: u32 = 120;
    let inner = (1..=TERMS).rev().fold(x, |below, n| x + f64::from(n) / 2.0 / below);
    (-x * x).exp() / PI.sqrt() / inner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_those_of_other_programs() {
        // scipy.stats.norm.cdf
        for (x, p) in [
            (0.0, 0.5),
            (0.3, 0.617_911_422_188_952_6),
            (1.0, 0.841_344_746_068_542_9),
            (-1.0, 0.158_655_253_931_457_07),
            (2.45, 0.992_857_189_264_728_5),
            (3.6, 0.999_840_891_409_842_4),
            (-5.0, 2.866_515_718_791_933e-7),
            (-8.0, 6.220_960_574_271_819e-16),
        ] {
            assert!((probability(x) - p).abs() <= 1e-14 * p.max(1e-3), "{x}: {} not {p}", probability(x));
        }
    }

    #[test]
    fn a_quantile_turns_its_probability_around() {
        assert_eq!(quantile(0.0), None);
        assert_eq!(quantile(1.0), None);
        assert_eq!(quantile(f64::NAN), None);
        let z = quantile(0.05).expect("inside");
        assert!((z + 1.644_853_626_951_472_9).abs() < 1e-14, "{z}");
        for n in 1..1000 {
            let p = f64::from(n) / 1000.0;
            let back = probability(quantile(p).expect("inside"));
            assert!((back - p).abs() < 1e-14, "{p} became {back}");
        }
        let far = quantile(1e-12).expect("inside");
        assert!((far + 7.034_483_825_301_131).abs() < 1e-11, "{far}");
    }
}

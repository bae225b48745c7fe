//! The keys of a sweep and their values. In: `KEY=VALUES`. Out: every combination. Absent: what the keys mean; the
//! configuration's reader says that.

use rust_decimal::Decimal;

use crate::cli::Failure;

/// More runs than this are a slip in a range.
const RUNS_MAX: usize = 10_000_000;

/// One key and its values, as the configuration would write them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Axis {
    pub(super) key: String,
    pub(super) values: Vec<String>,
}

impl Axis {
    pub(super) fn read(text: &str) -> Result<Self, Failure> {
        let wrong = |what: &str| Failure::usage(format!("--set {text}: {what}"));
        let (key, values) = text.split_once('=').ok_or_else(|| wrong("expected KEY=VALUES"))?;
        let good = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !key.split('.').all(good) || !key.contains('.') {
            return Err(wrong("expected a key such as strategies.0.params.fast"));
        }
        let values = match values.split("..").collect::<Vec<_>>().as_slice() {
            [list] => list.split(',').map(|value| value.trim().to_owned()).collect(),
            [from, to, step] => range(from, to, step)
                .ok_or_else(|| wrong("expected FROM..TO..STEP with numbers, FROM at most TO, and a step above zero"))?
                .map_err(|reason| wrong(&reason))?,
            _ => return Err(wrong("expected values with commas, or FROM..TO..STEP")),
        };
        let values: Vec<String> = values;
        if values.iter().any(String::is_empty) {
            return Err(wrong("an empty value"));
        }
        Ok(Self { key: key.to_owned(), values })
    }

    /// The environment variable that sets the key.
    pub(super) fn variable(&self) -> String {
        format!("PITBOSS__{}", self.key.to_uppercase().replace('.', "__"))
    }
}

/// All keys with their values, each once.
pub(super) fn axes(texts: &[String]) -> Result<Vec<Axis>, Failure> {
    let mut axes: Vec<Axis> = Vec::new();
    for text in texts {
        let axis = Axis::read(text)?;
        if axes.iter().any(|other| other.key.eq_ignore_ascii_case(&axis.key)) {
            return Err(Failure::usage(format!("--set {text}: {} is set already; name all its values once", axis.key)));
        }
        let again = axis.values.iter().enumerate().find(|(n, value)| axis.values[..*n].contains(value));
        if let Some((_, value)) = again {
            return Err(Failure::usage(format!("--set {text}: the value {value} a second time")));
        }
        axes.push(axis);
    }
    Ok(axes)
}

/// Exact steps from `from` up to and with `to`.
///
/// # Errors
/// Too many of them.
fn range(from: &str, to: &str, step: &str) -> Option<Result<Vec<String>, String>> {
    let read = |text: &str| text.trim().parse::<Decimal>().ok();
    let (from, to, step) = (read(from)?, read(to)?, read(step)?);
    if step <= Decimal::ZERO || from > to {
        return None;
    }
    // Numbers so far apart that their distance is none, or so many steps that their count is none, are too many as well.
    let steps = to.checked_sub(from).and_then(|way| way.checked_div(step));
    if steps.is_none_or(|steps| steps.floor() >= Decimal::from(RUNS_MAX)) {
        return Some(Err(format!("more values than the {RUNS_MAX} runs that a sweep may have")));
    }
    let values = std::iter::successors(Some(from), |value| value.checked_add(step)).take_while(|value| *value <= to);
    Some(Ok(values.map(|value| value.normalize().to_string()).collect()))
}

/// Every combination, the last key's values changing fastest.
pub(super) fn combinations(axes: &[Axis]) -> Result<Vec<Vec<String>>, Failure> {
    let count = axes.iter().try_fold(1_usize, |count, axis| count.checked_mul(axis.values.len()));
    if count.is_none_or(|count| count > RUNS_MAX) {
        return Err(Failure::usage(format!("more than {RUNS_MAX} combinations")));
    }
    let mut sets = vec![Vec::new()];
    for axis in axes {
        sets = sets
            .into_iter()
            .flat_map(|set: Vec<String>| {
                axis.values.iter().map(move |value| [set.as_slice(), std::slice::from_ref(value)].concat())
            })
            .collect();
    }
    Ok(sets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<String> {
        Axis::read(text).expect("a good axis").values
    }

    #[test]
    fn lists_and_ranges_are_read_exactly() {
        assert_eq!(values("risk.order_size_max=1,2, 5"), ["1", "2", "5"]);
        assert_eq!(values("a.b=30..60..10"), ["30", "40", "50", "60"]);
        assert_eq!(values("a.b=0.1..0.4..0.1"), ["0.1", "0.2", "0.3", "0.4"], "no binary rounding");
        assert_eq!(
            Axis::read("strategies.0.params.fast=5").expect("good").variable(),
            "PITBOSS__STRATEGIES__0__PARAMS__FAST"
        );
    }

    #[test]
    fn combinations_are_all_of_them_in_order() {
        let axes = [Axis::read("a.b=1,2").expect("good"), Axis::read("a.c=3,4").expect("good")];
        let sets = combinations(&axes).expect("four");
        assert_eq!(sets, [["1", "3"], ["1", "4"], ["2", "3"], ["2", "4"]]);
    }

    #[test]
    fn slips_are_told() {
        for text in ["a.b", "fast=1", "a.b=1..2", "a.b=5..1..1", "a.b=1..2..0", "a.b=1,,2", "a..b=1", "a.b=1..x..1"] {
            assert!(Axis::read(text).is_err(), "{text}");
        }
        let told = |texts: &[&str]| axes(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()).err();
        let many = Axis::read("a.b=1..100000000..1").expect_err("a hundred million").text;
        assert!(many.contains("more values than the 10000000 runs"), "{many}");
        assert!(
            Axis::read("a.b=0..79228162514264337593543950335..0.1")
                .is_err_and(|told| told.text.contains("more values"))
        );
        let highest = Axis::read("a.b=79228162514264337593543950334..79228162514264337593543950335..1");
        assert!(highest.is_ok_and(|axis| axis.values.len() == 2), "nothing comes after the highest number");
        let twice = told(&["a.b=1,2", "a.c=1", "A.b=3"]).expect("one key twice").text;
        assert!(twice.contains("--set A.b=3: A.b is set already"), "{twice}");
        assert!(told(&["a.b=1,2,1"]).is_some_and(|told| told.text.contains("the value 1 a second time")));
        assert!(told(&["a.b=1,2", "a.c=1"]).is_none());
        let wide = Axis::read("a.b=1..5000..1").expect("good");
        assert!(combinations(&[wide.clone(), wide]).is_err());
    }
}

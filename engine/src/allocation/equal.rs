//! The same for everybody.

pub(super) fn weights(n: usize) -> Vec<(f64, String)> {
    vec![(super::part(1, n), format!("an equal part, one of {n}")); n]
}

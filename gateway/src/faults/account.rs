//! Faults of the account: what others, the exchange and the broker do to orders, executions and positions.
//! In: calls. Out: the account itself changes, and whoever follows it is told.

use crate::faults::spec::Spec;

pub const ROWS: &[Spec] = &[];

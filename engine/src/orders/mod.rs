//! Orders from approval to their end.

pub mod machine;
pub mod reconcile;
pub mod working;

//! Orders from approval to their end.

pub mod machine;

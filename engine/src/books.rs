//! The books: risk, orders and portfolio, which change together or not at all.

use serde::{Deserialize, Serialize};

/// Everything that the books must remember over a restart.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct BooksState {}

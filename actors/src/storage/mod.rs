//! The database: a projection of the journal that can be queried, and nothing that trading waits for.
//! In: journal entries, read from its files. Out: tables, and rows for reports. Absent: orders on their way, decisions.
//!
//! ```text
//! journal files --Tail--> projector --Batch--> Store (SQLite | PostgreSQL) --rows--> reports
//! ```
//! The place in the journal is stored in the same transaction as the rows, so nothing is lost when the database is
//! away and nothing is doubled after a crash. `queries.rs`, `reads.rs` and `calls.rs` are compiled once for each
//! database; everything else exists once.

mod actor;
mod batch;
mod days;
mod error;
mod messages;
mod migrate;
mod open_file;
#[cfg(test)]
#[expect(dead_code, reason = "the tests of the whole system use more of it")]
mod pg_server;
mod postgres;
mod projector;
pub mod rows;
mod runtime;
mod schema;
mod sqlite;
#[cfg(test)]
mod tests;
mod translate;
mod types;
mod url;

use std::sync::Arc;

use chrono::NaiveDate;
use futures::future::BoxFuture;

pub use actor::StorageActor;
pub use batch::{Batch, OrderUpdate, Projected};
pub use error::{StoreError, StoreOpenError};
pub use messages::{Drained, ReadStatus, StopStorage, StorageSettings, StorageStatus};
pub use projector::{Progress, StepError, StorageProjector};
pub use translate::{BadEntry, Session};
pub use types::{Dec, Ts};
pub use url::DatabaseUrl;

use rows::*;

/// The answer of a database. The work behind it goes on when the answer is no longer waited for, so dropping one
/// never leaves half a transaction.
pub type Reply<T> = BoxFuture<'static, Result<T, StoreError>>;

/// How to open a database.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpenOptions {
    /// Connections at most, at least one.
    pub pool_size: u32,
    /// Make an SQLite file that is not there. Off for whoever only reads.
    pub create: bool,
}

/// Rows of a session, by table.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, serde::Serialize)]
pub struct Counts {
    pub bars: i64,
    pub signals: i64,
    pub refused: i64,
    pub orders: i64,
    pub executions: i64,
    pub positions: i64,
    pub events: i64,
}

/// How many bars of a symbol and length have a quality.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct QualityCount {
    pub symbol: String,
    /// Seconds.
    pub length_s: i64,
    pub quality: String,
    pub bars: i64,
}

/// An order with all its executions, of whatever session, oldest first.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub struct OrderWithExecutions {
    pub order: OrderRow,
    pub executions: Vec<ExecutionRow>,
}

/// Which bars to read; at most `rows_max`, oldest first.
#[derive(Clone, PartialEq, Debug)]
pub struct BarQuery {
    pub session: String,
    pub symbol: String,
    /// Seconds.
    pub length_s: i64,
    /// Opens at or after this.
    pub from: Ts,
    /// Opens before this.
    pub to: Ts,
    pub rows_max: i64,
}

/// An open database. Calls may be made from any thread and any executor.
pub trait Store: Send + Sync {
    /// The URL without its password.
    fn url(&self) -> &str;

    /// Its file was removed or replaced: what is written now, nobody will ever read.
    fn is_gone(&self) -> bool;

    /// How far a journal has been read; `None` if never.
    fn projected(&self, journal_id: &str) -> Reply<Option<Projected>>;
    /// The name under which this journal's session is or will be stored: `wanted`, unless another journal has it.
    fn session_name(&self, journal_id: &str, wanted: &str) -> Reply<String>;
    /// Writes a batch in one transaction, or nothing.
    fn write(&self, batch: Batch) -> Reply<()>;

    /// Newest first.
    fn sessions(&self) -> Reply<Vec<SessionRow>>;
    fn session(&self, session_id: &str) -> Reply<Option<SessionRow>>;
    fn counts(&self, session_id: &str) -> Reply<Counts>;
    fn signals(&self, session_id: &str) -> Reply<Vec<SignalRow>>;
    /// Orders that the session placed.
    fn orders(&self, session_id: &str) -> Reply<Vec<OrderWithExecutions>>;
    /// Executions that the session saw, of its own orders and of older ones.
    fn executions(&self, session_id: &str) -> Reply<Vec<ExecutionRow>>;
    fn positions(&self, session_id: &str) -> Reply<Vec<PositionRow>>;
    fn bar_qualities(&self, session_id: &str) -> Reply<Vec<QualityCount>>;
    fn bars(&self, query: BarQuery) -> Reply<Vec<BarRow>>;
    fn performance(&self, session_id: &str) -> Reply<Vec<PerformanceRow>>;
    fn strategy_performance(&self, session_id: &str) -> Reply<Vec<StrategyPerformanceRow>>;
    /// The last row of each session on a trade date, for the account's history over sessions.
    fn performance_between(&self, from: NaiveDate, to: NaiveDate) -> Reply<Vec<PerformanceRow>>;
    fn events(&self, session_id: &str) -> Reply<Vec<EventRow>>;
    /// What the migrations decided: `market_data_1min_layout` is `plain`, `native_partitions` or `timescaledb`.
    fn info(&self) -> Reply<Vec<(String, String)>>;
}

/// Opens a database, makes or updates its tables, and says in plain words why that is not possible.
pub async fn open(url: &str, options: OpenOptions) -> Result<Arc<dyn Store>, StoreOpenError> {
    match DatabaseUrl::parse(url)? {
        DatabaseUrl::Sqlite(path) => Ok(Arc::new(sqlite::open(path, options).await?)),
        DatabaseUrl::Postgres(url) => Ok(Arc::new(postgres::open(url, options).await?)),
    }
}

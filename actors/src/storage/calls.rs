//! [`Store`] over a pool, for either database: compiled once with each `be`. In: calls. Out: replies.

use chrono::NaiveDate;
use diesel_async::pooled_connection::bb8::Pool;
use futures::future::BoxFuture;

use super::be::{self, Conn};
use super::{queries, reads};
use crate::storage::batch::{Batch, Projected};
use crate::storage::error::StoreError;
use crate::storage::open_file::OpenFile;
use crate::storage::rows::*;
use crate::storage::runtime::DatabaseRuntime;
use crate::storage::{BarQuery, Counts, OrderWithExecutions, QualityCount, Reply, Store};

/// An open database.
pub struct Database {
    /// Without its password.
    pub(super) url: String,
    pub(super) pool: Pool<Conn>,
    pub(super) runtime: DatabaseRuntime,
    /// Of a database that is a file of this machine.
    pub(super) file: Option<OpenFile>,
}

impl Database {
    fn run<T, W>(&self, work: W) -> Reply<T>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut Conn) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        let pool = self.pool.clone();
        self.runtime.run(async move {
            let mut conn = pool.get_owned().await?;
            match tokio::time::timeout(be::CALL_WITHIN, work(&mut conn)).await {
                Ok(done) => done,
                Err(_) => Err(StoreError::Busy(format!("no answer within {} s", be::CALL_WITHIN.as_secs()))),
            }
        })
    }
}

impl Store for Database {
    fn url(&self) -> &str {
        &self.url
    }

    fn is_gone(&self) -> bool {
        self.file.as_ref().is_some_and(OpenFile::is_gone)
    }

    fn projected(&self, journal_id: &str) -> Reply<Option<Projected>> {
        let journal = journal_id.to_owned();
        self.run(|conn| Box::pin(queries::projected(conn, journal)))
    }

    fn session_name(&self, journal_id: &str, wanted: &str) -> Reply<String> {
        let (journal, wanted) = (journal_id.to_owned(), wanted.to_owned());
        self.run(|conn| Box::pin(queries::session_name(conn, journal, wanted)))
    }

    fn write(&self, batch: Batch) -> Reply<()> {
        self.run(|conn| Box::pin(queries::write(conn, batch)))
    }

    fn sessions(&self) -> Reply<Vec<SessionRow>> {
        self.run(|conn| Box::pin(reads::sessions(conn)))
    }

    fn session(&self, session_id: &str) -> Reply<Option<SessionRow>> {
        let id = session_id.to_owned();
        self.run(|conn| Box::pin(reads::session(conn, id)))
    }

    fn counts(&self, session_id: &str) -> Reply<Counts> {
        let id = session_id.to_owned();
        self.run(|conn| Box::pin(reads::counts(conn, id)))
    }

    fn signals(&self, session_id: &str) -> Reply<Vec<SignalRow>> {
        let id = session_id.to_owned();
        self.run(|conn| Box::pin(reads::signals(conn, id)))
    }

    fn orders(&self, session_id: &str) -> Reply<Vec<OrderWithExecutions>> {
        let id = session_id.to_owned();
        self.run(|conn| Box::pin(reads::orders(conn, id)))
    }

    fn executions(&self, session_id: &str) -> Reply<Vec<ExecutionRow>> {
        let id = session_id.to_owned();
        self.run(|conn| Box::pin(reads::executions(conn, id)))
    }

    fn positions(&self, session_id: &str) -> Reply<Vec<PositionRow>> {
        let id = session_id.to_owned();
        self.run(|conn| Box::pin(reads::positions(conn, id)))
    }

    fn bar_qualities(&self, session_id: &str) -> Reply<Vec<QualityCount>> {
        let id = session_id.to_owned();
        self.run(|conn| Box::pin(reads::bar_qualities(conn, id)))
    }

    fn bars(&self, query: BarQuery) -> Reply<Vec<BarRow>> {
        self.run(|conn| Box::pin(reads::bars(conn, query)))
    }

    fn performance(&self, session_id: &str) -> Reply<Vec<PerformanceRow>> {
        let id = session_id.to_owned();
        self.run(|conn| Box::pin(reads::performance(conn, id)))
    }

    fn strategy_performance(&self, session_id: &str) -> Reply<Vec<StrategyPerformanceRow>> {
        let id = session_id.to_owned();
        self.run(|conn| Box::pin(reads::strategy_performance(conn, id)))
    }

    fn performance_between(&self, from: NaiveDate, to: NaiveDate) -> Reply<Vec<PerformanceRow>> {
        self.run(move |conn| Box::pin(reads::performance_between(conn, from, to)))
    }

    fn events(&self, session_id: &str) -> Reply<Vec<EventRow>> {
        let id = session_id.to_owned();
        self.run(|conn| Box::pin(reads::events(conn, id)))
    }

    fn info(&self) -> Reply<Vec<(String, String)>> {
        self.run(|conn| Box::pin(reads::info(conn)))
    }
}

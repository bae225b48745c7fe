//! PostgreSQL, with TimescaleDB or without. In: a URL. Out: an open [`Database`]. Absent: statements; `queries` and
//! `reads` hold those for both databases. Connections are not encrypted: use a local socket or a private network.

mod be {
    //! What differs from SQLite when a statement is sent.

    use std::collections::BTreeSet;
    use std::time::Duration;

    use chrono::Datelike;
    use diesel_async::{AsyncPgConnection, RunQueryDsl};

    use crate::storage::error::StoreError;
    use crate::storage::types::{Ts, TsSql};

    pub type Conn = AsyncPgConnection;
    /// A server that is silent for longer is treated as gone.
    pub const CALL_WITHIN: Duration = Duration::from_secs(60);

    /// Makes the months' partitions before their first rows come: a row that fell into the default partition would
    /// stand in the way of its month for good. Does nothing on a TimescaleDB table.
    pub async fn make_room(conn: &mut Conn, opens: Vec<Ts>) -> Result<(), StoreError> {
        let mut months = BTreeSet::new();
        for open in opens {
            if months.insert((open.get().year(), open.get().month())) {
                diesel::sql_query("SELECT ensure_month_partitions('market_data_1min', $1, $1)")
                    .bind::<TsSql, _>(open)
                    .execute(conn)
                    .await?;
            }
        }
        Ok(())
    }

    macro_rules! run_batch {
        ($conn:expr, $statement:expr) => {
            diesel_async::RunQueryDsl::execute($statement, $conn).await
        };
    }

    macro_rules! in_transaction {
        ($conn:expr, $work:expr) => {
            diesel_async::AsyncConnection::transaction($conn, $work).await
        };
    }

    pub(super) use {in_transaction, run_batch};
}

#[path = "calls.rs"]
#[allow(clippy::duplicate_mod)] // once for each database
mod calls;
#[path = "queries.rs"]
#[allow(clippy::duplicate_mod)] // once for each database
mod queries;
#[path = "reads.rs"]
#[allow(clippy::duplicate_mod)] // once for each database
mod reads;

use std::error::Error;
use std::time::Duration;

use diesel::{ConnectionError, ConnectionResult};
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_async::pooled_connection::bb8::Pool;
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use futures::FutureExt;

use super::error::StoreOpenError;
use super::migrate;
use super::runtime::DatabaseRuntime;
use super::{DatabaseUrl, OpenOptions};
use calls::Database;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../migrations/postgres");
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Ends a statement at the server when this program has given up on it; below [`be::CALL_WITHIN`].
const SETTINGS: &str = "SET application_name = 'pitboss'; SET statement_timeout = '50s'; \
    SET idle_in_transaction_session_timeout = '60s'";
/// Two programs that start at once take turns with the migrations; the number is arbitrary and ours.
const MIGRATION_LOCK: &str = "SELECT pg_advisory_lock(7491663902)";

pub async fn open(secret_url: String, options: OpenOptions) -> Result<Database, StoreOpenError> {
    let url = DatabaseUrl::Postgres(secret_url.clone()).shown();
    let unreachable = |reason: String| StoreOpenError::Unreachable { url: url.clone(), reason };
    let runtime = DatabaseRuntime::start().map_err(|e| unreachable(e.to_string()))?;

    let (secret, shown) = (secret_url.clone(), url.clone());
    let conn = runtime.run(async move { Ok(establish(secret).await.map_err(|e| explained(shown, e))) }).await;
    let mut conn = conn.map_err(|e| unreachable(e.to_string()))??;
    let (shown, locked) = (url.clone(), url.clone());
    let conn = runtime.run(async move {
        let lock = conn.batch_execute(MIGRATION_LOCK).await;
        Ok(lock.map(|()| conn).map_err(|e| StoreOpenError::Migration { url: locked, reason: e.to_string() }))
    });
    let conn = conn.await.map_err(|e| unreachable(e.to_string()))??;
    // The lock goes with the connection.
    let migrated =
        runtime.block(move || migrate::run(&mut AsyncConnectionWrapper::<_>::from(conn), MIGRATIONS, &shown));
    migrated.await.map_err(unreachable)??;

    let mut config = ManagerConfig::default();
    config.recycling_method = RecyclingMethod::Verified;
    config.custom_setup = Box::new(|url| establish(url.to_owned()).boxed());
    let manager = AsyncDieselConnectionManager::new_with_config(secret_url, config);
    // The caller backs off by itself, and wants the reason at once rather than a time-out.
    let pool = Pool::builder().max_size(options.pool_size.max(1)).connection_timeout(CONNECT_WITHIN);
    let pool = pool.retry_connection(false).build_unchecked(manager);
    Ok(Database { url, pool, runtime, file: None })
}

async fn establish(url: String) -> ConnectionResult<AsyncPgConnection> {
    let late = |_| ConnectionError::BadConnection(format!("no answer within {} s", CONNECT_WITHIN.as_secs()));
    tokio::time::timeout(CONNECT_WITHIN, connect(&url)).await.map_err(late)?.map_err(|e| match e {
        ConnectError::Unreachable(reason) => ConnectionError::BadConnection(reason),
        ConnectError::Refused(reason) => ConnectionError::InvalidConnectionUrl(reason),
    })
}

/// diesel-async would connect by itself, but would not say what the operating system or the server said.
async fn connect(url: &str) -> Result<AsyncPgConnection, ConnectError> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.map_err(ConnectError::from)?;
    let unreachable = |e: &dyn Error| ConnectError::Unreachable(chain(e));
    let conn = AsyncPgConnection::try_from_client_and_connection(client, connection).await;
    let mut conn = conn.map_err(|e| unreachable(&e))?;
    conn.batch_execute(SETTINGS).await.map_err(|e| unreachable(&e))?;
    Ok(conn)
}

enum ConnectError {
    /// Waiting may help.
    Unreachable(String),
    /// Waiting does not help: the server answered, or the URL is wrong.
    Refused(String),
}

impl From<tokio_postgres::Error> for ConnectError {
    fn from(e: tokio_postgres::Error) -> Self {
        // Classes of SQLSTATE: 53 is "out of resources", 57P is "starting up or shutting down".
        let busy = |code: &str| code.starts_with("53") || code.starts_with("57P");
        match (e.as_db_error(), e.source().and_then(|cause| cause.downcast_ref::<std::io::Error>())) {
            (Some(answer), _) if busy(answer.code().code()) => ConnectError::Unreachable(answer.message().to_owned()),
            (Some(answer), _) => ConnectError::Refused(answer.message().to_owned()),
            (None, Some(_)) => ConnectError::Unreachable(chain(&e)),
            (None, None) if e.is_closed() => ConnectError::Unreachable(chain(&e)),
            (None, None) => ConnectError::Refused(chain(&e)),
        }
    }
}

/// An error with its causes.
fn chain(e: &dyn Error) -> String {
    let mut text = e.to_string();
    let mut cause = e.source();
    while let Some(e) = cause {
        text.push_str(": ");
        text.push_str(&e.to_string());
        cause = e.source();
    }
    text
}

fn explained(url: String, e: ConnectionError) -> StoreOpenError {
    match e {
        ConnectionError::InvalidConnectionUrl(reason) => StoreOpenError::Refused { url, reason },
        ConnectionError::BadConnection(reason) => StoreOpenError::Unreachable { url, reason },
        e => StoreOpenError::Unreachable { url, reason: e.to_string() },
    }
}

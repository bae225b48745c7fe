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
mod calls;
#[path = "queries.rs"]
mod queries;
#[path = "reads.rs"]
mod reads;

use std::time::Duration;

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::{ConnectionError, ConnectionResult};
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_async::pooled_connection::bb8::Pool;
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
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
    let migrated = runtime.block(move || migrate::run(&mut AsyncConnectionWrapper::<_>::from(conn), MIGRATIONS, &shown));
    migrated.await.map_err(unreachable)??;

    let mut config = ManagerConfig::default();
    config.recycling_method = RecyclingMethod::Verified;
    config.custom_setup = Box::new(|url| establish(url.to_owned()).boxed());
    let manager = AsyncDieselConnectionManager::new_with_config(secret_url, config);
    // The caller backs off by itself, and wants the reason at once rather than a time-out.
    let pool = Pool::builder().max_size(options.pool_size.max(1)).connection_timeout(CONNECT_WITHIN);
    let pool = pool.retry_connection(false).build_unchecked(manager);
    Ok(Database { url, pool, runtime })
}

async fn establish(url: String) -> ConnectionResult<AsyncPgConnection> {
    let connect = async {
        let mut conn = AsyncPgConnection::establish(&url).await?;
        conn.batch_execute(SETTINGS).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(conn)
    };
    let late = |_| ConnectionError::BadConnection(format!("no answer within {} s", CONNECT_WITHIN.as_secs()));
    tokio::time::timeout(CONNECT_WITHIN, connect).await.map_err(late)?
}

fn explained(url: String, e: ConnectionError) -> StoreOpenError {
    match e {
        ConnectionError::CouldntSetupConfiguration(DieselError::DatabaseError(kind, message)) => {
            let reason = message.message().to_owned();
            match kind {
                DatabaseErrorKind::UnableToSendCommand => StoreOpenError::Unreachable { url, reason },
                _ => StoreOpenError::Refused { url, reason },
            }
        }
        e => StoreOpenError::Unreachable { url, reason: e.to_string() },
    }
}

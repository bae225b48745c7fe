//! SQLite: the embedded database. In: a path. Out: an open [`Database`]. Absent: statements; `queries` and `reads` hold
//! those for both databases.

mod be {
    //! What differs from PostgreSQL when a statement is sent.

    use std::time::Duration;

    use diesel::SqliteConnection;
    use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;

    use crate::storage::error::StoreError;
    use crate::storage::types::Ts;

    pub type Conn = SyncConnectionWrapper<SqliteConnection>;
    /// A disk that takes longer is broken.
    pub const CALL_WITHIN: Duration = Duration::from_secs(120);

    /// One table holds every month.
    pub async fn make_room(_: &mut Conn, _: Vec<Ts>) -> Result<(), StoreError> {
        Ok(())
    }

    /// diesel-async has no insert of many rows for SQLite, diesel has.
    macro_rules! run_batch {
        ($conn:expr, $statement:expr) => {{
            let statement = $statement;
            $conn.spawn_blocking(move |conn| diesel::RunQueryDsl::execute(statement, conn)).await
        }};
    }

    /// Takes the lock at once: a reader that turns writer half-way can be refused.
    macro_rules! in_transaction {
        ($conn:expr, $work:expr) => {
            $conn.immediate_transaction($work).await
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

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::{Connection, ConnectionError, ConnectionResult, SqliteConnection};
use diesel_async::SimpleAsyncConnection;
use diesel_async::pooled_connection::bb8::Pool;
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use futures::FutureExt;

use super::error::StoreOpenError;
use super::migrate;
use super::runtime::DatabaseRuntime;
use super::{DatabaseUrl, OpenOptions};
use calls::Database;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../migrations/sqlite");
const HEADER: &[u8; 16] = b"SQLite format 3\0";

/// `synchronous=FULL` because a committed place in the journal must not be forgotten after a loss of power.
const PRAGMAS: &str = "PRAGMA busy_timeout=5000; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; \
    PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-65536; PRAGMA mmap_size=268435456; \
    PRAGMA wal_autocheckpoint=4000;";

pub async fn open(path: PathBuf, options: OpenOptions) -> Result<Database, StoreOpenError> {
    let url = DatabaseUrl::Sqlite(path.clone()).shown();
    let failed = |reason: String| StoreOpenError::File { url: url.clone(), reason };
    let runtime = DatabaseRuntime::start().map_err(|e| failed(e.to_string()))?;
    let (file, shown) = (path.clone(), url.clone());
    runtime.block(move || prepare(&file, &shown, options.create)).await.map_err(failed)??;

    let mut config = ManagerConfig::default();
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new(|path| establish(path.to_owned()).boxed());
    let path = path.to_str().ok_or_else(|| failed("the path is not UTF-8".to_owned()))?;
    let manager = AsyncDieselConnectionManager::new_with_config(path, config);
    let pool = Pool::builder().max_size(options.pool_size.max(1)).build_unchecked(manager);
    Ok(Database { url, pool, runtime })
}

async fn establish(path: String) -> ConnectionResult<be::Conn> {
    let mut conn = <be::Conn as diesel_async::AsyncConnection>::establish(&path).await?;
    conn.batch_execute(PRAGMAS).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(conn)
}

/// Everything that can be wrong with the file is found here, with a reason, before the pool hides it.
fn prepare(path: &Path, url: &str, create: bool) -> Result<(), StoreOpenError> {
    let failed = |reason: String| StoreOpenError::File { url: url.to_owned(), reason };
    if create && let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|e| failed(format!("folder {}: {e}", folder.display())))?;
    }
    let file = File::options().read(true).write(true).create(create).truncate(false).open(path);
    let mut file = match file {
        Err(e) if e.kind() == ErrorKind::NotFound => return Err(StoreOpenError::Missing { url: url.to_owned() }),
        file => file.map_err(|e| failed(e.to_string()))?,
    };
    let mut head = Vec::new();
    file.by_ref().take(16).read_to_end(&mut head).map_err(|e| failed(e.to_string()))?;
    if !head.is_empty() && head != HEADER {
        return Err(StoreOpenError::NotADatabase { url: url.to_owned() });
    }
    let path = path.to_str().ok_or_else(|| failed("the path is not UTF-8".to_owned()))?;
    let mut conn = SqliteConnection::establish(path).map_err(|e| failed(e.to_string()))?;
    conn.batch_execute(PRAGMAS).map_err(|e| failed(e.to_string()))?;
    migrate::run(&mut conn, MIGRATIONS, url)
}

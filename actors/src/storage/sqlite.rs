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
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, ConnectionError, ConnectionResult, SqliteConnection};
use diesel_async::SimpleAsyncConnection;
use diesel_async::pooled_connection::bb8::Pool;
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use futures::FutureExt;

use super::error::StoreOpenError;
use super::migrate;
use super::open_file::OpenFile;
use super::runtime::DatabaseRuntime;
use super::{DatabaseUrl, OpenOptions};
use calls::Database;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../migrations/sqlite");
/// As long as SQLite waits for locks elsewhere.
const LOCKED_FOR: Duration = Duration::from_secs(5);

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
    let open = OpenFile::of(&path).map_err(|e| failed(e.to_string()))?;
    let path = path.to_str().ok_or_else(|| failed("the path is not UTF-8".to_owned()))?;
    let manager = AsyncDieselConnectionManager::new_with_config(path, config);
    let pool = Pool::builder().max_size(options.pool_size.max(1)).build_unchecked(manager);
    Ok(Database { url, pool, runtime, file: Some(open) })
}

async fn establish(path: String) -> ConnectionResult<be::Conn> {
    let mut conn = <be::Conn as diesel_async::AsyncConnection>::establish(&path).await?;
    conn.batch_execute(PRAGMAS).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(conn)
}

/// Everything that can be wrong with the file is found here, with a reason, before the pool hides it.
fn prepare(path: &Path, url: &str, create: bool) -> Result<(), StoreOpenError> {
    let failed = |reason: String| StoreOpenError::File { url: url.to_owned(), reason };
    make_file(path, url, create)?;
    let path = path.to_str().ok_or_else(|| failed("the path is not UTF-8".to_owned()))?;
    let mut conn = SqliteConnection::establish(path).map_err(|e| failed(e.to_string()))?;
    set_up(&mut conn).map_err(|e| match e.to_string() {
        text if text.contains("not a database") => StoreOpenError::NotADatabase { url: url.to_owned() },
        text => failed(text),
    })?;
    // Of two programs that open a new database at once, one waits here.
    let migrated = conn.immediate_transaction(|conn| migrate::run(conn, MIGRATIONS, url).map_err(Undone::Migration));
    migrated.map_err(|e| match e {
        Undone::Migration(e) => e,
        Undone::Statement(e) => failed(e.to_string()),
    })
}

enum Undone {
    Migration(StoreOpenError),
    Statement(diesel::result::Error),
}

impl From<diesel::result::Error> for Undone {
    fn from(e: diesel::result::Error) -> Self {
        Undone::Statement(e)
    }
}

/// Looks at an existing file from outside only: opening and closing it here would give up the locks that SQLite holds
/// for another connection of this process.
fn make_file(path: &Path, url: &str, create: bool) -> Result<(), StoreOpenError> {
    let failed = |reason: String| StoreOpenError::File { url: url.to_owned(), reason };
    match fs::metadata(path) {
        Ok(file) if file.is_dir() => return Err(failed("it is a directory".to_owned())),
        Ok(_) => return Ok(()),
        Err(e) if e.kind() == ErrorKind::NotFound && !create => {
            return Err(StoreOpenError::Missing { url: url.to_owned() });
        }
        Err(e) if e.kind() == ErrorKind::NotFound => {}
        Err(e) => return Err(failed(e.to_string())),
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|e| failed(format!("folder {}: {e}", folder.display())))?;
    }
    match File::create_new(path) {
        Err(e) if e.kind() != ErrorKind::AlreadyExists => Err(failed(e.to_string())),
        _ => Ok(()),
    }
}

/// The change to WAL does not wait for other connections by itself.
fn set_up(conn: &mut SqliteConnection) -> Result<(), diesel::result::Error> {
    let deadline = Instant::now() + LOCKED_FOR;
    loop {
        match conn.batch_execute(PRAGMAS) {
            Err(e) if e.to_string().contains("locked") && Instant::now() < deadline => sleep(Duration::from_millis(10)),
            done => return done,
        }
    }
}

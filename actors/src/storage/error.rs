//! What a database answers instead of rows, named for what the caller does next. Absent: passwords.

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel_async::pooled_connection::bb8::RunError;

use super::batch::Projected;
use crate::journal::Position;

/// Why a database cannot be opened. Each message names the URL, without its password.
#[derive(Debug, thiserror::Error)]
pub enum StoreOpenError {
    #[error("database_url {found:?} is neither `sqlite:PATH` nor `postgres://USER:PASSWORD@HOST:PORT/DATABASE`")]
    BadUrl { found: String },
    #[error("database {url}: cannot open or make the file: {reason}")]
    File { url: String, reason: String },
    #[error("database {url}: there is no such file; `pitboss run` makes it")]
    Missing { url: String },
    #[error("database {url}: the file is not an SQLite database")]
    NotADatabase { url: String },
    #[error("database {url}: the server cannot be reached: {reason}")]
    Unreachable { url: String, reason: String },
    /// Wrong password, unknown user or database, no rights: waiting does not help.
    #[error("database {url}: the server refuses: {reason}")]
    Refused { url: String, reason: String },
    #[error(
        "database {url}: made by a newer pitboss (migration {version} is unknown here); update, or use another one"
    )]
    Newer { url: String, version: String },
    #[error("database {url}: cannot make its tables: {reason}")]
    Migration { url: String, reason: String },
}

/// Why a call to an open database failed. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Try again later.
    #[error("no connection to the database: {0}")]
    Unreachable(String),
    /// Try again later: another process holds a lock, or the server is slow.
    #[error("the database is busy: {0}")]
    Busy(String),
    /// Somebody else moved the place; read it again.
    #[error("the database has read the journal up to {}, this batch begins at {}", place(.found), place(.expected))]
    Superseded { found: Option<Projected>, expected: Option<Position> },
    #[error("the database refused a statement: {0}")]
    Refused(DieselError),
    #[error("the database task ended: {0}")]
    Task(String),
}

fn place(at: &Option<impl PlaceOf>) -> String {
    at.as_ref().map_or_else(|| "the beginning".to_owned(), |at| at.place().to_string())
}

trait PlaceOf {
    fn place(&self) -> Position;
}

impl PlaceOf for Projected {
    fn place(&self) -> Position {
        self.position
    }
}

impl PlaceOf for Position {
    fn place(&self) -> Position {
        *self
    }
}

impl From<DieselError> for StoreError {
    fn from(e: DieselError) -> Self {
        match &e {
            DieselError::DatabaseError(
                DatabaseErrorKind::UnableToSendCommand | DatabaseErrorKind::ClosedConnection,
                m,
            ) => StoreError::Unreachable(m.message().to_owned()),
            DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, m) => {
                StoreError::Busy(m.message().to_owned())
            }
            DieselError::DatabaseError(DatabaseErrorKind::Unknown, m) if m.message().contains("locked") => {
                StoreError::Busy(m.message().to_owned())
            }
            DieselError::BrokenTransactionManager => StoreError::Unreachable("the connection broke".to_owned()),
            _ => StoreError::Refused(e),
        }
    }
}

impl From<RunError> for StoreError {
    fn from(e: RunError) -> Self {
        match e {
            RunError::TimedOut => StoreError::Busy("no connection became free in time".to_owned()),
            RunError::User(e) => StoreError::Unreachable(e.to_string()),
        }
    }
}

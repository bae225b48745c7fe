//! Brings a database's tables up to date. In: a blocking connection and the embedded migrations. Out: nothing, or why
//! not. Blocks its thread, so it is run on one that may.

use std::collections::BTreeSet;

use diesel::backend::Backend;
use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness};

use super::error::StoreOpenError;

pub fn run<DB: Backend>(
    conn: &mut impl MigrationHarness<DB>,
    migrations: EmbeddedMigrations,
    url: &str,
) -> Result<(), StoreOpenError> {
    let failed = |e: Box<dyn std::error::Error + Send + Sync>| StoreOpenError::Migration {
        url: url.to_owned(),
        reason: e.to_string(),
    };
    let known: Vec<Box<dyn Migration<DB>>> = migrations.migrations().map_err(failed)?;
    let known: BTreeSet<MigrationVersion<'_>> = known.iter().map(|m| m.name().version()).collect();
    let applied = conn.applied_migrations().map_err(failed)?;
    // An older program must not write into tables that it does not understand.
    if let Some(newer) = applied.iter().find(|version| !known.contains(version)) {
        return Err(StoreOpenError::Newer { url: url.to_owned(), version: newer.to_string() });
    }
    conn.run_pending_migrations(migrations).map_err(failed)?;
    Ok(())
}

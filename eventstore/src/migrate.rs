//! Brings a database to the schema this version needs.

use crate::error::StoreError;
use secrets::Secret;
use sqlx::{Connection, PgConnection, migrate::Migrator};
use std::sync::Arc;

/// Every migration, in order; compiled in.
static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// Applies the migrations that are missing. `url` must sign in as the owner of the database, not as the
/// application: the application's role may not change the log's schema. Does nothing if all are applied, and
/// two processes that start at once wait for each other.
pub async fn migrate(url: &Secret<String>) -> Result<(), StoreError> {
    let mut connection = PgConnection::connect(url.expose()).await.map_err(failed)?;
    let applied = MIGRATIONS.run(&mut connection).await;
    let closed = connection.close().await;
    applied.map_err(|error| failed(error.into()))?;
    closed.map_err(failed)
}

fn failed(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Io(error) => StoreError::Unavailable { doing: "migrating", why: error.to_string() },
        sqlx::Error::Configuration(error) => StoreError::BadUrl(error.to_string()),
        error => StoreError::Migrate(Arc::new(error)),
    }
}

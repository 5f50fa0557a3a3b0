//! What can go wrong, for the log and for the person.

use crate::types::StreamId;
use secrets::{KeyRingError, SealError};
use std::sync::Arc;

/// Why the store could not be opened, read or prepared.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database is not available ({doing}): {why}")]
    Unavailable { doing: &'static str, why: String },
    #[error("the database server runs with {setting}={value}")]
    UnsafeServer { setting: String, value: String },
    #[error("the database server is PostgreSQL {found}; 13 or newer is needed")]
    ServerTooOld { found: String },
    #[error("the database has no event log (schema log is missing or incomplete)")]
    NotMigrated,
    #[error("the database address is not valid: {0}")]
    BadUrl(String),
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    #[error("{doing} failed")]
    Database { doing: &'static str, source: Arc<tokio_postgres::Error> },
    #[error("migrating the database failed: {0}")]
    Migrate(Arc<sqlx::Error>),
    #[error(
        "the log went back: this process has seen position {known}, the database now ends at {found} or differs there"
    )]
    WentBack { known: i64, found: i64 },
    #[error("position {found} came where {expected} was due")]
    Gap { expected: i64, found: i64 },
    #[error("the event at {position} has type number {type_id}, which has no name")]
    UnknownTypeNumber { position: i64, type_id: i16 },
    #[error("the event at {position} has category {category}, which is not known")]
    UnknownCategory { position: i64, category: i16 },
    #[error("the event {tag} at {position} cannot be read: {why}")]
    Undecodable { tag: String, position: i64, why: String },
    #[error("the event {tag} at {position} is shredded")]
    Shredded { tag: String, position: i64 },
    #[error("the event at {position} does not open: {source}")]
    Sealed { position: i64, source: SealError },
    #[error("data key {key_id} cannot be used: {source}")]
    Key { key_id: i64, source: Arc<KeyRingError> },
    #[error("a stored row is malformed: {0}")]
    Malformed(String),
    #[error("waited {waited_ms} ms for position {position}")]
    NotYet { position: i64, waited_ms: u64 },
    #[error("an internal task ended")]
    Stopped,
}

impl StoreError {
    /// May the same call succeed later with nothing changed but time?
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::NotYet { .. })
    }

    /// What a person can do about it.
    pub fn advice(&self) -> String {
        match self {
            Self::Unavailable { .. } => {
                "The database does not answer. Check that PostgreSQL runs and that this machine can reach it; \
                 work goes on by itself when it is back."
                    .into()
            }
            Self::UnsafeServer { setting, .. } => format!(
                "This server may lose events that were confirmed. Set {setting}=on in postgresql.conf and reload it."
            ),
            Self::ServerTooOld { .. } => "Use PostgreSQL 13 or newer; 15 is what is tested.".into(),
            Self::NotMigrated => "Run the migrations as the owner of the database first.".into(),
            Self::BadUrl(_) => {
                "Give the address as postgres://user:password@host/database, or \
                 postgres:///database?host=/socket/folder&user=name."
                    .into()
            }
            Self::Tls(_) => {
                "Give the server's certificate authority as sslrootcert=/path in the database address, or \
                 sslmode=disable where nobody can listen in."
                    .into()
            }
            Self::Migrate(error) if from_a_newer_version(error) => {
                "The database is that of a newer version of MycoPod. Install that version again, or restore the \
                 backup made before it was installed."
                    .into()
            }
            Self::Database { .. } | Self::Migrate(_) => {
                "The database refused a statement. The log has the reason; check the rights of the database user.".into()
            }
            Self::WentBack { .. } | Self::Gap { .. } => {
                "The event log is not the one this process knew: it was restored or changed. Stop, verify the log, \
                 and start again only when you trust it."
                    .into()
            }
            Self::UnknownTypeNumber { .. } | Self::UnknownCategory { .. } | Self::Undecodable { .. } => {
                "The log holds an event this version does not know. Install the version that wrote it, or a newer one."
                    .into()
            }
            Self::Shredded { .. } => "The content was erased on purpose and cannot be brought back.".into(),
            Self::Sealed { .. } | Self::Malformed(_) => "An event was changed in the database. Verify the log.".into(),
            Self::Key { source, .. } => source.advice(),
            Self::NotYet { .. } => "Try again in a moment.".into(),
            Self::Stopped => "Restart the service.".into(),
        }
    }
}

/// Why an append recorded nothing (or, for one of them, perhaps something).
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppendError {
    /// The stream is at `current`, not where the writer believed. Nothing was recorded.
    #[error("{stream} is at version {current}, not {expected}")]
    Conflict { stream: StreamId, expected: i64, current: i64 },
    /// Somebody else holds the lease now. Nothing was recorded, and nothing will be under this token.
    #[error("the lease {name} with epoch {epoch} is lost")]
    Fenced { name: String, epoch: i64 },
    /// The append breaks a rule of [`crate::limits`] or of a tag.
    #[error("the append is not valid: {0}")]
    Invalid(String),
    /// Other processes were always faster. Nothing was recorded.
    #[error("the head was taken by others {0} times in a row")]
    Contended(u32),
    /// The server went away while it answered and stayed away. The append may or may not be recorded: send
    /// it again under the same idempotency key, or read the stream first.
    #[error("the outcome of the append is unknown: {why}")]
    OutcomeUnknown { why: String },
    /// The key it was sealed under was destroyed or used up meanwhile. Nothing was recorded; [`crate::EventLog::append`]
    /// tries again by itself.
    #[error("the data key changed while the append waited")]
    KeyChanged,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AppendError {
    /// May the same append succeed if it is sent again? A conflict is not transient: decide again.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Contended(_) | Self::KeyChanged | Self::OutcomeUnknown { .. } => true,
            Self::Store(error) => error.is_transient(),
            Self::Conflict { .. } | Self::Fenced { .. } | Self::Invalid(_) => false,
        }
    }

    /// What a person can do about it.
    pub fn advice(&self) -> String {
        match self {
            Self::Conflict { .. } => "Somebody changed this at the same time. Look at it again and repeat.".into(),
            Self::Fenced { .. } => "Another agent took over. This one has stopped acting.".into(),
            Self::Invalid(_) => "The change is too large or not well formed.".into(),
            Self::Contended(_) | Self::KeyChanged => "The log is very busy. Try again in a moment.".into(),
            Self::OutcomeUnknown { .. } => {
                "The database went away while it answered. Look whether the change is there before you repeat it.".into()
            }
            Self::Store(error) => error.advice(),
        }
    }
}

/// An error with its causes in one line.
pub(crate) fn chain_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

/// Sorts a database error: gone for the moment, never migrated, or refused.
pub(crate) fn database(doing: &'static str, error: tokio_postgres::Error) -> StoreError {
    match error.code().map(|code| code.code().to_owned()) {
        None if never_sent(&error) => StoreError::Database { doing, source: Arc::new(error) },
        None => StoreError::Unavailable { doing, why: chain_of(&error) },
        Some(code) if is_outage(&code) => StoreError::Unavailable { doing, why: chain_of(&error) },
        // undefined table, schema, function
        Some(code) if matches!(code.as_str(), "42P01" | "3F000" | "42883") => StoreError::NotMigrated,
        Some(_) => StoreError::Database { doing, source: Arc::new(error) },
    }
}

fn from_a_newer_version(error: &sqlx::Error) -> bool {
    use sqlx::migrate::MigrateError::{VersionMismatch, VersionMissing};
    matches!(error, sqlx::Error::Migrate(why) if matches!(**why, VersionMissing(_) | VersionMismatch(_)))
}

/// A value that does not fit its parameter: our own mistake, found before anything was sent.
pub(crate) fn never_sent(error: &tokio_postgres::Error) -> bool {
    error.to_string().starts_with("error serializing parameter")
}

/// Connection trouble, too many connections, out of memory or disk, shutting down, starting up, deadlock.
pub(crate) fn is_outage(sqlstate: &str) -> bool {
    sqlstate.starts_with("08")
        || sqlstate.starts_with("53")
        || sqlstate.starts_with("57P")
        || matches!(sqlstate, "40001" | "40P01" | "58030" | "55P03" | "57014" | "25006")
}

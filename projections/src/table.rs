//! The tables of the read models: one for each projection, made and replaced by this code alone.
//!
//! Locks are always taken in this order, so that nobody waits in a circle: the advisory lock of the name, the shadow
//! table, the table, its checkpoint.

use crate::error::ReadError;
use crate::fold::{Projection, Row};
use chrono::{DateTime, Utc};
use secrets::{KeyRing, Secret, boxed};
use sqlx::{PgConnection, PgExecutor, PgPool, Row as _};

/// Where the rows of a projection stand: the table, and the name they are sealed under.
#[derive(Clone, Debug)]
pub(crate) struct Spot {
    /// With its schema. Made of this crate's own names, never of what comes from outside.
    pub table: String,
    pub name: &'static str,
    pub sealed: bool,
}

impl Spot {
    fn of(projection: &dyn Projection, schema: &str, suffix: &str) -> Self {
        let name = projection.name();
        Self { table: format!("{schema}.{name}{suffix}"), name, sealed: projection.sealed() }
    }

    /// The one that pages are answered from.
    pub fn live(projection: &dyn Projection) -> Self {
        Self::of(projection, "read", "")
    }

    /// The one that a rebuild makes.
    pub fn next(projection: &dyn Projection) -> Self {
        Self::of(projection, "read_next", "")
    }

    /// One as of an earlier position, to be looked at.
    pub fn aside(projection: &dyn Projection) -> Self {
        Self::of(projection, "read_next", "_at")
    }
}

/// How rows stand at rest: as they are, or sealed with the key ring.
#[derive(Clone)]
pub(crate) struct Rest {
    pub keyring: KeyRing,
}

impl Rest {
    /// What is sealed is bound to its table and key: a row copied over another one does not open there.
    fn purpose(table: &str, key: &str) -> String {
        format!("read model row {table}/{key}")
    }

    pub fn close(&self, table: &str, key: &str, doc: &str) -> Result<String, ReadError> {
        let sealed = boxed::seal(&self.keyring, &Self::purpose(table, key), &Secret::new(doc.to_owned()));
        sealed.map_err(|error| unreadable(table, key, &error))
    }

    /// A sealed table has sealed rows only: one that stands there in the clear was put there by somebody else.
    pub fn open(&self, table: &str, sealed: bool, key: &str, doc: String) -> Result<String, ReadError> {
        if !sealed {
            return Ok(doc);
        }
        let opened = boxed::open(&self.keyring, &Self::purpose(table, key), &doc);
        Ok(opened.map_err(|error| unreadable(table, key, &error))?.expose().clone())
    }
}

fn unreadable(table: &str, key: &str, error: &dyn std::fmt::Display) -> ReadError {
    ReadError::Unreadable { table: table.to_owned(), why: format!("{key}: {error}") }
}

/// Where a projection stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub position: i64,
    pub generation: i32,
    pub version: i32,
    /// Where it stopped and why, if an event could not be folded.
    pub poison: Option<(i64, String)>,
    /// When it moved last, and how old the event it moved to was then, in microseconds.
    pub moved: Option<(DateTime<Utc>, i64)>,
}

impl Checkpoint {
    /// What says whether two are the same state of the same table.
    pub(crate) fn place(&self) -> (i64, i32, i32) {
        (self.position, self.generation, self.version)
    }
}

/// Makes the table of checkpoints, if it is not there.
pub(crate) async fn prepare(pool: &PgPool) -> Result<(), ReadError> {
    // One that an earlier program made has fewer columns.
    let complete: Option<bool> = sqlx::query_scalar(
        "select exists (select from pg_attribute where attrelid = c.oid and attname = 'age_us')
         from pg_class c where c.oid = to_regclass('read.checkpoints')",
    )
    .fetch_optional(pool)
    .await?;
    let make = match complete {
        Some(true) => return Ok(()),
        Some(false) => {
            "alter table read.checkpoints add column if not exists moved_at timestamptz,
                        add column if not exists age_us bigint"
        }
        None => {
            "create table if not exists read.checkpoints (
                projection text primary key,
                version integer not null,
                generation integer not null,
                position bigint not null,
                poison_position bigint,
                poison text,
                moved_at timestamptz,
                age_us bigint
            )"
        }
    };
    let made = sqlx::query(make).execute(pool).await;
    match made {
        // Two processes at once: the other one made it.
        Err(sqlx::Error::Database(error))
            if matches!(error.code().as_deref(), Some("23505" | "42P07" | "42701")) =>
        {
            Ok(())
        }
        made => made.map(drop).map_err(ReadError::from),
    }
}

/// An empty table without indexes in place of whatever stood there.
pub(crate) async fn create(connection: &mut PgConnection, table: &str) -> Result<(), ReadError> {
    sqlx::query(&format!("drop table if exists {table}")).execute(&mut *connection).await?;
    // Keys sort as bytes, so that a listing by prefix is one stretch of the index.
    let create = format!(
        "create table {table} (key text collate \"C\" not null, rank bigint not null, doc text not null)"
    );
    sqlx::query(&create).execute(&mut *connection).await?;
    Ok(())
}

/// The index by key, which makes keys unique.
pub(crate) async fn create_key(connection: &mut PgConnection, table: &str) -> Result<(), ReadError> {
    sqlx::query(&format!("alter table {table} add primary key (key)")).execute(connection).await?;
    Ok(())
}

/// What queries are looked up by, besides the key.
pub(crate) async fn create_indexes(
    connection: &mut PgConnection,
    table: &str,
    projection: &dyn Projection,
) -> Result<(), ReadError> {
    for index in std::iter::once(&"(rank)").chain(projection.indexes()) {
        sqlx::query(&format!("create index on {table} {index}")).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Keeps others from making, dropping or swapping this table until the transaction ends.
pub(crate) async fn own(connection: &mut PgConnection, name: &str) -> Result<(), sqlx::Error> {
    let lock = "select pg_advisory_xact_lock(hashtextextended('read.' || $1, 0))";
    sqlx::query(lock).bind(name).execute(connection).await?;
    Ok(())
}

/// What is there if it is usable: the right version, and not the one that the caller found to be of no use. Otherwise
/// an empty table at position 0 in place of whatever stood under the name.
pub(crate) async fn begin(
    pool: &PgPool,
    projection: &dyn Projection,
    useless: Option<&Checkpoint>,
) -> Result<Checkpoint, ReadError> {
    let name = projection.name();
    let mut tx = pool.begin().await?;
    own(&mut tx, name).await?;
    let found = checkpoint(&mut *tx, name).await?;
    if let Some(found) = &found
        && found.version == projection.version()
        && useless.map(Checkpoint::place) != Some(found.place())
        && exists(&mut *tx, name).await?
    {
        return Ok(found.clone());
    }
    let generation = found.map_or(0, |found| found.generation) + 1;
    let table = Spot::live(projection).table;
    create(&mut tx, &table).await?;
    create_key(&mut tx, &table).await?;
    create_indexes(&mut tx, &table, projection).await?;
    sqlx::query(
        "insert into read.checkpoints (projection, version, generation, position) values ($1, $2, $3, 0)
         on conflict (projection) do update
         set version = excluded.version, generation = excluded.generation, position = 0,
             poison_position = null, poison = null, moved_at = null, age_us = null",
    )
    .bind(name)
    .bind(projection.version())
    .bind(generation)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(Checkpoint { position: 0, generation, version: projection.version(), poison: None, moved: None })
}

pub(crate) async fn exists(connection: impl PgExecutor<'_>, table: &str) -> Result<bool, ReadError> {
    let found: Option<String> = sqlx::query_scalar("select to_regclass('read.' || $1)::text")
        .bind(table)
        .fetch_one(connection)
        .await?;
    Ok(found.is_some())
}

pub(crate) async fn checkpoint(
    connection: impl PgExecutor<'_>,
    name: &str,
) -> Result<Option<Checkpoint>, ReadError> {
    let row = sqlx::query(
        "select version, generation, position, poison_position, poison, moved_at, age_us
         from read.checkpoints where projection = $1",
    )
    .bind(name)
    .fetch_optional(connection)
    .await?;
    Ok(row.as_ref().map(read_checkpoint))
}

fn read_checkpoint(row: &sqlx::postgres::PgRow) -> Checkpoint {
    Checkpoint {
        version: row.get(0),
        generation: row.get(1),
        position: row.get(2),
        poison: row.get::<Option<i64>, _>(3).zip(row.get::<Option<String>, _>(4)),
        moved: row.get::<Option<DateTime<Utc>>, _>(5).zip(row.get::<Option<i64>, _>(6)),
    }
}

/// All checkpoints by name; none of them before the first start.
pub(crate) async fn checkpoints(pool: &PgPool) -> Result<Vec<(String, Checkpoint)>, ReadError> {
    let rows = sqlx::query(
        "select version, generation, position, poison_position, poison, moved_at, age_us, projection
         from read.checkpoints",
    )
    .fetch_all(pool)
    .await
    .or_else(missing)?;
    Ok(rows.iter().map(|row| (row.get(7), read_checkpoint(row))).collect())
}

/// Tables that are not made yet are empty.
pub(crate) fn missing<T: Default>(error: sqlx::Error) -> Result<T, ReadError> {
    match is_missing(&error) {
        true => Ok(T::default()),
        false => Err(error.into()),
    }
}

/// The table or its schema is not there.
pub(crate) fn is_missing(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    matches!(code.as_deref(), Some("42P01" | "3F000"))
}

/// Rows by key; keys that are not there are left out.
pub(crate) async fn load(
    executor: impl PgExecutor<'_>,
    rest: &Rest,
    spot: &Spot,
    keys: &[String],
) -> Result<Vec<(String, Row)>, ReadError> {
    let select = format!("select key, rank, doc from {} where key = any($1)", spot.table);
    let rows = sqlx::query(&select).bind(keys).fetch_all(executor).await?;
    rows.iter().map(|row| read(rest, spot, row)).collect()
}

/// A row that was selected as key, rank and content.
pub(crate) fn read(
    rest: &Rest,
    spot: &Spot,
    row: &sqlx::postgres::PgRow,
) -> Result<(String, Row), ReadError> {
    let key: String = row.get(0);
    let doc = rest.open(spot.name, spot.sealed, &key, row.get(2))?;
    Ok((key, Row { rank: row.get(1), doc }))
}

/// Rows as three columns, ready for one statement.
#[derive(Default)]
pub(crate) struct Columns {
    pub keys: Vec<String>,
    pub ranks: Vec<i64>,
    pub docs: Vec<String>,
}

impl Columns {
    pub fn push(&mut self, rest: &Rest, spot: &Spot, key: &str, row: &Row) -> Result<(), ReadError> {
        self.docs.push(if spot.sealed { rest.close(spot.name, key, &row.doc)? } else { row.doc.clone() });
        self.keys.push(key.to_owned());
        self.ranks.push(row.rank);
        Ok(())
    }

    pub async fn upsert(self, connection: &mut PgConnection, spot: &Spot) -> Result<(), ReadError> {
        if self.keys.is_empty() {
            return Ok(());
        }
        sqlx::query(&format!(
            "insert into {} (key, rank, doc) select * from unnest($1::text[], $2::bigint[], $3::text[])
             on conflict (key) do update set rank = excluded.rank, doc = excluded.doc",
            spot.table
        ))
        .bind(&self.keys)
        .bind(&self.ranks)
        .bind(&self.docs)
        .execute(connection)
        .await?;
        Ok(())
    }
}

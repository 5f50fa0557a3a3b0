//! The tables of the read models: one for each projection, made and replaced by this code alone.

use crate::error::ReadError;
use crate::fold::{Projection, Row};
use secrets::{KeyRing, Secret, boxed};
use sqlx::{PgConnection, PgPool, Row as _};

/// What sealed rows are bound to.
const PURPOSE: &str = "read model row";

/// How rows stand at rest: as they are, or sealed with the key ring.
#[derive(Clone)]
pub(crate) struct Rest {
    pub keyring: KeyRing,
}

impl Rest {
    pub fn close(&self, sealed: bool, doc: &str) -> Result<String, ReadError> {
        if !sealed {
            return Ok(doc.to_owned());
        }
        boxed::seal(&self.keyring, PURPOSE, &Secret::new(doc.to_owned())).map_err(unreadable)
    }

    pub fn open(&self, doc: String) -> Result<String, ReadError> {
        if !boxed::is_sealed(&doc) {
            return Ok(doc);
        }
        let opened = boxed::open(&self.keyring, PURPOSE, &doc).map_err(unreadable)?;
        Ok(opened.expose().clone())
    }
}

fn unreadable(error: impl std::fmt::Display) -> ReadError {
    ReadError::Unreadable { table: "a sealed read model".into(), why: error.to_string() }
}

/// Where a projection stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub position: i64,
    pub generation: i32,
    pub version: i32,
    /// Where it stopped and why, if an event could not be folded.
    pub poison: Option<(i64, String)>,
}

/// Makes the table of checkpoints, if it is not there.
pub(crate) async fn prepare(pool: &PgPool) -> Result<(), ReadError> {
    let made = sqlx::query(
        "create table if not exists read.checkpoints (
            projection text primary key,
            version integer not null,
            generation integer not null,
            position bigint not null,
            poison_position bigint,
            poison text
        )",
    )
    .execute(pool)
    .await;
    match made {
        // Two processes at once: the other one made it.
        Err(sqlx::Error::Database(error)) if matches!(error.code().as_deref(), Some("23505" | "42P07")) => {
            Ok(())
        }
        made => made.map(drop).map_err(ReadError::from),
    }
}

/// Names come from this crate's own projections, never from outside.
pub(crate) fn create_sql(table: &str) -> String {
    format!("create table read.{table} (key text primary key, rank bigint not null, doc text not null)")
}

pub(crate) fn index_sql(table: &str, generation: i32) -> String {
    format!("create index {table}_rank_{generation} on read.{table} (rank)")
}

/// An empty table at position 0, replacing whatever stood under the name.
pub(crate) async fn begin(pool: &PgPool, projection: &dyn Projection) -> Result<Checkpoint, ReadError> {
    let name = projection.name();
    let mut tx = pool.begin().await?;
    sqlx::query("select pg_advisory_xact_lock(hashtext('read.' || $1))").bind(name).execute(&mut *tx).await?;
    if let Some(found) = checkpoint(&mut tx, name).await?
        && found.version == projection.version()
        && exists(&mut tx, name).await?
    {
        return Ok(found);
    }
    let generation: Option<i32> =
        sqlx::query_scalar("select generation from read.checkpoints where projection = $1")
            .bind(name)
            .fetch_optional(&mut *tx)
            .await?;
    let generation = generation.unwrap_or(0) + 1;
    sqlx::query(&format!("drop table if exists read.{name}")).execute(&mut *tx).await?;
    sqlx::query(&create_sql(name)).execute(&mut *tx).await?;
    sqlx::query(&index_sql(name, generation)).execute(&mut *tx).await?;
    sqlx::query(
        "insert into read.checkpoints (projection, version, generation, position) values ($1, $2, $3, 0)
         on conflict (projection) do update
         set version = excluded.version, generation = excluded.generation, position = 0,
             poison_position = null, poison = null",
    )
    .bind(name)
    .bind(projection.version())
    .bind(generation)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(Checkpoint { position: 0, generation, version: projection.version(), poison: None })
}

async fn exists(connection: &mut PgConnection, table: &str) -> Result<bool, ReadError> {
    let found: Option<String> = sqlx::query_scalar("select to_regclass('read.' || $1)::text")
        .bind(table)
        .fetch_one(connection)
        .await?;
    Ok(found.is_some())
}

pub(crate) async fn checkpoint(
    connection: &mut PgConnection,
    name: &str,
) -> Result<Option<Checkpoint>, ReadError> {
    let row = sqlx::query(
        "select version, generation, position, poison_position, poison from read.checkpoints where projection = $1",
    )
    .bind(name)
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| Checkpoint {
        version: row.get(0),
        generation: row.get(1),
        position: row.get(2),
        poison: row.get::<Option<i64>, _>(3).zip(row.get::<Option<String>, _>(4)),
    }))
}

/// Rows by key; keys that are not there are left out.
pub(crate) async fn load(
    pool: &PgPool,
    rest: &Rest,
    table: &str,
    keys: &[String],
) -> Result<Vec<(String, Row)>, ReadError> {
    let rows = sqlx::query(&format!("select key, rank, doc from read.{table} where key = any($1)"))
        .bind(keys)
        .fetch_all(pool)
        .await?;
    rows.into_iter()
        .map(|row| Ok((row.get(0), Row { rank: row.get(1), doc: rest.open(row.get(2))? })))
        .collect()
}

/// Every row in the order of keys: the canonical form in which two builds are compared.
pub(crate) async fn dump(
    connection: &mut PgConnection,
    rest: &Rest,
    table: &str,
) -> Result<Vec<(String, Row)>, ReadError> {
    let rows = sqlx::query(&format!("select key, rank, doc from read.{table} order by key collate \"C\""))
        .fetch_all(connection)
        .await?;
    rows.into_iter()
        .map(|row| Ok((row.get(0), Row { rank: row.get(1), doc: rest.open(row.get(2))? })))
        .collect()
}

/// Upserts rows in one statement.
pub(crate) async fn write(
    connection: &mut PgConnection,
    rest: &Rest,
    table: &str,
    sealed: bool,
    rows: &[(&str, &Row)],
) -> Result<(), ReadError> {
    if rows.is_empty() {
        return Ok(());
    }
    let keys: Vec<&str> = rows.iter().map(|(key, _)| *key).collect();
    let ranks: Vec<i64> = rows.iter().map(|(_, row)| row.rank).collect();
    let docs: Vec<String> =
        rows.iter().map(|(_, row)| rest.close(sealed, &row.doc)).collect::<Result<_, _>>()?;
    sqlx::query(&format!(
        "insert into read.{table} (key, rank, doc) select * from unnest($1::text[], $2::bigint[], $3::text[])
         on conflict (key) do update set rank = excluded.rank, doc = excluded.doc"
    ))
    .bind(&keys)
    .bind(&ranks)
    .bind(&docs)
    .execute(connection)
    .await?;
    Ok(())
}

//! The shadow table: where a rebuild puts rows out, and what takes the old table's place in the end.
//!
//! One connection works on it from beginning to end and holds an advisory lock, so two rebuilds of one read model never
//! meet. Nothing here touches the live table but [`hold`] and [`exchange`], which belong in one transaction.

use super::filter::Filter;
use crate::copy::copy_in;
use crate::error::ReadError;
use crate::fold::{Projection, Row};
use crate::limits::SWAP_LOCK_MS_MAX;
use crate::points;
use crate::rows::Change;
use crate::table::{self, Checkpoint, Columns, Rest, Spot};
use sqlx::{PgConnection, PgPool};
use std::sync::Arc;

pub(crate) struct Shadow {
    pub connection: PgConnection,
    pub spot: Spot,
    pub rest: Rest,
    projection: Arc<dyn Projection>,
    /// Keys that were put out.
    put: Filter,
    /// It has its index by key.
    keyed: bool,
}

/// Why a swap did not happen.
pub(super) enum Swap {
    /// Somebody uses the old table and does not stop.
    InUse,
    Failed(ReadError),
}

impl<E: Into<ReadError>> From<E> for Swap {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// lock_not_available: the time allowed for waiting is over.
fn in_use(error: sqlx::Error) -> Swap {
    match error.as_database_error().and_then(|error| error.code()).as_deref() {
        Some("55P03") => Swap::InUse,
        _ => Swap::Failed(error.into()),
    }
}

impl Shadow {
    /// An empty shadow table in place of what an earlier rebuild may have left.
    pub async fn begin(
        pool: &PgPool,
        rest: Rest,
        projection: Arc<dyn Projection>,
        spot: Spot,
    ) -> Result<Self, ReadError> {
        // Not given back to the pool: the lock ends with the connection, whatever becomes of this task.
        let mut connection = pool.acquire().await?.detach();
        // A rebuild that was killed lets go as soon as its server process notices; so this waits a moment.
        let alone = sqlx::query("select pg_advisory_lock(hashtextextended($1, 0))")
            .bind(&spot.table)
            .execute(&mut connection)
            .await;
        match alone.map_err(in_use) {
            Ok(_) => {}
            Err(Swap::InUse) => return Err(ReadError::Overtaken(spot.name)),
            Err(Swap::Failed(error)) => return Err(error),
        }
        table::create(&mut connection, &spot.table).await?;
        Ok(Self { connection, spot, rest, projection, put: Filter::new(), keyed: false })
    }

    /// Puts rows out. They are not there yet.
    pub async fn put(&mut self, rows: Vec<(String, Row)>) -> Result<(), ReadError> {
        rows.iter().for_each(|(key, _)| self.put.add(key));
        copy_in(&mut self.connection, &self.rest, &self.spot, rows.into_iter()).await?;
        Ok(())
    }

    /// Takes back rows of these keys that were put out; they are then no longer in the table.
    pub async fn take(&mut self, keys: Vec<String>) -> Result<Vec<(String, Row)>, ReadError> {
        let keys: Vec<String> = keys.into_iter().filter(|key| self.put.may_hold(key)).collect();
        if keys.is_empty() {
            return Ok(vec![]);
        }
        self.key().await?;
        let take = format!("delete from {} where key = any($1) returning key, rank, doc", self.spot.table);
        let rows = sqlx::query(&take).bind(&keys).fetch_all(&mut self.connection).await?;
        rows.iter().map(|row| table::read(&self.rest, &self.spot, row)).collect()
    }

    async fn key(&mut self) -> Result<(), ReadError> {
        if !std::mem::replace(&mut self.keyed, true) {
            table::create_key(&mut self.connection, &self.spot.table).await?;
        }
        Ok(())
    }

    /// All rows are in: makes the indexes and the planner's statistics.
    pub async fn finish(&mut self) -> Result<(), ReadError> {
        self.key().await?;
        table::create_indexes(&mut self.connection, &self.spot.table, self.projection.as_ref()).await?;
        points::pass("indexed");
        sqlx::query(&format!("analyze {}", self.spot.table)).execute(&mut self.connection).await?;
        points::pass("analysed");
        Ok(())
    }
}

/// Writes changes into a finished table.
pub(super) async fn change(
    connection: &mut PgConnection,
    rest: &Rest,
    spot: &Spot,
    changes: &[Change],
) -> Result<(), ReadError> {
    let mut kept = Columns::default();
    let mut gone = Vec::new();
    for (key, row) in changes {
        match row {
            Some(row) => kept.push(rest, spot, key, row)?,
            None => gone.push(key.as_str()),
        }
    }
    kept.upsert(connection, spot).await?;
    if !gone.is_empty() {
        let delete = format!("delete from {} where key = any($1)", spot.table);
        sqlx::query(&delete).bind(&gone).execute(connection).await?;
    }
    Ok(())
}

/// Holds the live model where it stands until the transaction ends, and says where that is. From here on its projector
/// waits before it writes; readers still pass.
pub(super) async fn hold(tx: &mut PgConnection, projection: &dyn Projection) -> Result<Checkpoint, Swap> {
    let name = projection.name();
    let limit = format!("set local lock_timeout = '{SWAP_LOCK_MS_MAX}ms'");
    sqlx::query(&limit).execute(&mut *tx).await?;
    table::own(tx, name).await.map_err(in_use)?;
    let lock = format!("lock table {} in share row exclusive mode", Spot::live(projection).table);
    sqlx::query(&lock).execute(&mut *tx).await.map_err(in_use)?;
    let hold = "select from read.checkpoints where projection = $1 for update";
    sqlx::query(hold).bind(name).execute(&mut *tx).await.map_err(in_use)?;
    let found = table::checkpoint(&mut *tx, name).await?.ok_or(ReadError::Overtaken(name))?;
    match found.version == projection.version() {
        true => Ok(found),
        false => Err(ReadError::Overtaken(name).into()),
    }
}

/// Puts a finished table in place of the live one, which is held.
pub(super) async fn exchange(
    tx: &mut PgConnection,
    projection: &dyn Projection,
    spot: &Spot,
    held: &Checkpoint,
    position: i64,
) -> Result<(), Swap> {
    let drop = format!("drop table {}", Spot::live(projection).table);
    sqlx::query(&drop).execute(&mut *tx).await.map_err(in_use)?;
    sqlx::query(&format!("alter table {} set schema read", spot.table)).execute(&mut *tx).await?;
    sqlx::query(
        "update read.checkpoints set position = $1, generation = $2, poison_position = null, poison = null
         where projection = $3",
    )
    .bind(position)
    .bind(held.generation + 1)
    .bind(projection.name())
    .execute(&mut *tx)
    .await?;
    Ok(())
}

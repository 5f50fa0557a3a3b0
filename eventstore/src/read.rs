//! Short reads: a stream, a page of the log, the head. Long ones are in [`crate::replay`].

use crate::{
    connect::within_limit,
    error::{StoreError, database},
    limits,
    rows::{Raw, columns},
    store::Core,
    types::{Appended, Head, Recorded, StreamId},
};
use futures::TryStreamExt;
use std::{pin::pin, sync::Arc};
use tokio::task::JoinHandle;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

/// Opening this many ciphertext bytes takes well under a millisecond; twice as many go to the blocking pool.
const OPENED_AT_ONCE_BYTES_MAX: usize = 64 * 1024;

pub(crate) async fn head(core: &Core) -> Result<Head, StoreError> {
    let rows = core.pool.query("reading the head", "select position, chain from log.head", &[]).await?;
    let row = rows.first().ok_or(StoreError::NotMigrated)?;
    let chain: &[u8] = row.get(1);
    let chain =
        chain.try_into().map_err(|_| StoreError::Malformed("the head's chain is not 32 bytes".into()))?;
    Ok(Head { position: row.get(0), chain })
}

pub(crate) async fn epoch(core: &Core) -> Result<i64, StoreError> {
    let rows = core.pool.query("reading the epoch", "select epoch from log.head", &[]).await?;
    rows.first().map(|row| row.get(0)).ok_or(StoreError::NotMigrated)
}

pub(crate) async fn stream(
    core: &Arc<Core>,
    stream: StreamId,
    from_version: i64,
) -> Result<Vec<Recorded>, StoreError> {
    const PAGE: &str = concat!(
        "select ",
        columns!(),
        " from log.events where stream_id = $1 and category = $2 and version >= $3 \
         order by version limit $4"
    );
    let mut events: Vec<Recorded> = Vec::new();
    let category = stream.category.number();
    loop {
        let from = events.last().map_or(from_version, |last| last.version + 1);
        let rows = limits::PAGE_EVENTS_MAX as i64;
        let (page, more) = page(core, PAGE, &[&stream.id, &category, &from, &rows]).await?;
        events.extend(page.events().await?);
        if !more {
            return Ok(events);
        }
    }
}

pub(crate) async fn after(
    core: &Arc<Core>,
    position: i64,
    limit: usize,
) -> Result<Vec<Recorded>, StoreError> {
    const PAGE: &str =
        concat!("select ", columns!(), " from log.events where position > $1 order by position limit $2");
    let rows = limit.clamp(1, limits::PAGE_EVENTS_MAX) as i64;
    let (page, _) = page(core, PAGE, &[&position, &rows]).await?;
    page.events().await
}

/// The stored row at this position, unopened.
pub(crate) async fn raw(core: &Core, position: i64) -> Result<Option<Raw>, StoreError> {
    const ROW: &str = concat!("select ", columns!(), " from log.events where position = $1");
    let rows = core.pool.query("reading an event", ROW, &[&position]).await?;
    rows.first().map(Raw::from_row).transpose()
}

pub(crate) async fn recorded_under(core: &Core, key: Uuid) -> Result<Option<Appended>, StoreError> {
    const READ: &str = "select first_position, last_position, version from log.idempotency where key = $1";
    let rows = core.pool.query("reading an idempotency key", READ, &[&key]).await?;
    Ok(rows.first().map(|row| Appended {
        first_position: row.get(0),
        last_position: row.get(1),
        version: row.get(2),
        replayed: true,
    }))
}

/// Rows up to the byte limit of a page, and whether there may be more. The last parameter is the row limit.
async fn page(
    core: &Arc<Core>,
    sql: &'static str,
    values: &[&(dyn ToSql + Sync)],
) -> Result<(Page, bool), StoreError> {
    const DOING: &str = "reading events";
    let session = core.pool.session().await?;
    let reading = async {
        let statement = session.prepare(sql).await.map_err(|error| database(DOING, error))?;
        let rows = session.client.query_raw(&statement, values.iter().copied());
        let mut rows = pin!(rows.await.map_err(|error| database(DOING, error))?);
        let (mut page, mut bytes) = (Page::new(core), 0);
        while let Some(row) = rows.try_next().await.map_err(|error| database(DOING, error))? {
            let raw = Raw::from_row(&row)?;
            bytes += raw.ciphertext.len();
            page.push(raw);
            if bytes > limits::PAGE_BYTES_MAX {
                return Ok((page, true));
            }
        }
        let more = page.rows >= limits::PAGE_EVENTS_MAX;
        Ok((page, more))
    };
    within_limit(DOING, reading).await?
}

/// Rows of one query. What has come is opened on other threads while the rest still comes.
struct Page {
    core: Arc<Core>,
    /// How many rows came in all.
    rows: usize,
    waiting: Vec<Raw>,
    waiting_bytes: usize,
    opening: Vec<JoinHandle<Result<Vec<Recorded>, StoreError>>>,
}

impl Page {
    fn new(core: &Arc<Core>) -> Self {
        Self { core: core.clone(), rows: 0, waiting: Vec::new(), waiting_bytes: 0, opening: Vec::new() }
    }

    /// Does not wait: a data key may have to be read over the very connection whose rows are still coming.
    fn push(&mut self, raw: Raw) {
        self.rows += 1;
        self.waiting_bytes += raw.ciphertext.len();
        self.waiting.push(raw);
        if self.waiting_bytes > OPENED_AT_ONCE_BYTES_MAX {
            self.waiting_bytes = 0;
            let (core, rows) = (self.core.clone(), std::mem::take(&mut self.waiting));
            self.opening.push(tokio::spawn(async move { open(&core, rows).await }));
        }
    }

    /// The events in the order of the rows.
    async fn events(self) -> Result<Vec<Recorded>, StoreError> {
        let last = open(&self.core, self.waiting).await?;
        let mut events = Vec::with_capacity(self.rows);
        for chunk in self.opening {
            events.extend(chunk.await.map_err(|_| StoreError::Stopped)??);
        }
        events.extend(last);
        Ok(events)
    }
}

async fn open(core: &Core, rows: Vec<Raw>) -> Result<Vec<Recorded>, StoreError> {
    let names = core.names.covering(&core.pool, rows.iter().map(|row| row.type_id)).await?;
    let keys = core.keys.for_opening(&core.pool, rows.iter().map(|row| row.key_id)).await?;
    let bytes: usize = rows.iter().map(|row| row.ciphertext.len()).sum();
    let opening = move || rows.iter().map(|row| row.open(&names, &keys)).collect();
    match bytes <= 2 * OPENED_AT_ONCE_BYTES_MAX {
        true => opening(),
        false => tokio::task::spawn_blocking(opening).await.map_err(|_| StoreError::Stopped)?,
    }
}

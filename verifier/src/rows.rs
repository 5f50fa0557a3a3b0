//! Reading the tables: one read-only snapshot, and cursors that hold one page at a time.

use crate::{Bad, Checkpoint, Event, Hash, Head, ReadError, bad};
use std::error::Error;
use tokio_postgres::{
    Client, IsolationLevel, Row, Statement, Transaction,
    types::{FromSql, Type},
};

/// Rows fetched at once.
const PAGE_ROWS: usize = 2_000;
/// From 1970, where the log counts µs from, to 2000, where Postgres does.
const EPOCH_2000_US: i64 = 946_684_800_000_000;

/// A value as the server sends it: also what no library type holds, such as a time `infinity`.
struct Wire<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Wire<'a> {
    fn from_sql(_: &Type, bytes: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(bytes))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// A column that does not hold what it should.
pub(crate) struct Odd(String);

impl Odd {
    pub fn at(&self, position: i64) -> Bad {
        bad(position, format!("its {} cannot be read", self.0))
    }
}

fn odd(column: &str) -> Odd {
    Odd(column.to_owned())
}

fn get<'a, T: FromSql<'a>>(row: &'a Row, column: &str) -> Result<T, Odd> {
    row.try_get(column).map_err(|_| odd(column))
}

fn wire<const N: usize>(row: &Row, column: &str) -> Result<[u8; N], Odd> {
    wire_or_null(row, column)?.ok_or_else(|| odd(column))
}

fn wire_or_null<const N: usize>(row: &Row, column: &str) -> Result<Option<[u8; N]>, Odd> {
    let value: Option<Wire<'_>> = get(row, column)?;
    value.map(|value| value.0.try_into().map_err(|_| odd(column))).transpose()
}

fn time(row: &Row, column: &str) -> Result<i64, Odd> {
    Ok(i64::from_be_bytes(wire(row, column)?).saturating_add(EPOCH_2000_US))
}

/// The log at one moment.
pub(crate) struct Snapshot<'a>(Transaction<'a>);

impl<'a> Snapshot<'a> {
    pub async fn take(client: &'a mut Client) -> Result<Self, ReadError> {
        let transaction = client
            .build_transaction()
            .isolation_level(IsolationLevel::RepeatableRead)
            .read_only(true)
            .start()
            .await
            .map_err(|source| ReadError { doing: "taking a snapshot", source })?;
        // The index gives the order; sorting the whole log would hold it on the server's disk once more.
        transaction
            .batch_execute("set local enable_sort = off; set local jit = off")
            .await
            .map_err(|source| ReadError { doing: "taking a snapshot", source })?;
        Ok(Self(transaction))
    }

    pub async fn release(self) -> Result<(), ReadError> {
        self.0.rollback().await.map_err(|source| ReadError { doing: "ending the snapshot", source })
    }

    pub async fn rows(&self, doing: &'static str, sql: &str) -> Result<Vec<Row>, ReadError> {
        self.0.query(sql, &[]).await.map_err(|source| ReadError { doing, source })
    }

    /// The row of `log.head`.
    pub async fn head(&self) -> Result<Result<Head, Bad>, ReadError> {
        let rows = self.rows("reading the head", "select position, chain from log.head limit 2").await?;
        let [row] = &rows[..] else { return Ok(Err(bad(1, "log.head does not have exactly one row"))) };
        let read = || -> Result<Head, Odd> {
            Ok(Head { position: get(row, "position")?, chain: wire(row, "chain")? })
        };
        Ok(read().map_err(|odd| odd.at(1)))
    }

    /// Names of event types by number; at most 32,767.
    pub async fn type_names(&self) -> Result<std::collections::HashMap<i16, String>, ReadError> {
        let rows = self.rows("reading event types", "select type_id, name from log.event_types").await?;
        Ok(rows.iter().filter_map(|row| Some((row.try_get(0).ok()?, row.try_get(1).ok()?))).collect())
    }

    /// A cursor over a query; the name must be free.
    pub async fn cursor(&self, name: &str, query: &str) -> Result<Cursor, ReadError> {
        const DOING: &str = "opening a cursor";
        let failed = |source| ReadError { doing: DOING, source };
        self.0
            .batch_execute(&format!("declare {name} no scroll cursor for {query}"))
            .await
            .map_err(failed)?;
        let fetch =
            self.0.prepare(&format!("fetch forward {PAGE_ROWS} from {name}")).await.map_err(failed)?;
        Ok(Cursor { fetch })
    }

    /// The next page of a cursor; empty at its end.
    pub async fn page(&self, cursor: &Cursor) -> Result<Vec<Row>, ReadError> {
        self.0.query(&cursor.fetch, &[]).await.map_err(|source| ReadError { doing: "reading rows", source })
    }
}

pub(crate) struct Cursor {
    fetch: Statement,
}

pub(crate) const EVENTS: &str = "select position, recorded_at, stream_id, category, version, event_id, type_id, \
    schema_version, key_id, correlation_id, causation_position, actor_id, chain, payload from log.events";

/// A row of [`EVENTS`]; its type's name is looked up afterwards.
pub(crate) fn event(row: &Row) -> Result<Event<'_>, Odd> {
    Ok(Event {
        position: get(row, "position")?,
        recorded_at_us: time(row, "recorded_at")?,
        stream: wire(row, "stream_id")?,
        category: get(row, "category")?,
        version: get(row, "version")?,
        event: wire(row, "event_id")?,
        type_id: get(row, "type_id")?,
        type_name: "",
        schema_version: get(row, "schema_version")?,
        key_id: get(row, "key_id")?,
        correlation: wire_or_null(row, "correlation_id")?,
        causation: get(row, "causation_position")?,
        actor: wire_or_null(row, "actor_id")?,
        chain: wire(row, "chain")?,
        payload: get(row, "payload")?,
    })
}

pub(crate) const SEALS: &str = "select first_position, position, chain, merkle_root, signature, key_id, sealed_at \
    from log.seals order by position";

/// A row of [`SEALS`].
pub(crate) fn seal(row: &Row) -> Result<Checkpoint, Odd> {
    Ok(Checkpoint {
        from: get(row, "first_position")?,
        position: get(row, "position")?,
        chain: wire::<32>(row, "chain")? as Hash,
        root: wire(row, "merkle_root")?,
        sealed_at_us: time(row, "sealed_at")?,
        key_id: get(row, "key_id")?,
        signature: wire(row, "signature")?,
    })
}

pub(crate) const STREAMS: &str = "select stream_id, category, version, last_position from log.streams";

/// What the log holds of a stream: by its events, or by a row of [`STREAMS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StreamEnd {
    pub category: i16,
    pub version: i64,
    pub position: i64,
}

pub(crate) fn stream(row: &Row) -> Result<([u8; 16], StreamEnd), Odd> {
    let end = StreamEnd {
        category: get(row, "category")?,
        version: get(row, "version")?,
        position: get(row, "last_position")?,
    };
    Ok((wire(row, "stream_id")?, end))
}

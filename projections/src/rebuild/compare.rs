//! Two builds of one read model, compared in their canonical form: all rows in the order of keys.
//!
//! Rows are read as a stream, so a comparison takes no memory to speak of. The live table is read from a snapshot: its
//! projector and its readers go on meanwhile.

use crate::error::ReadError;
use crate::fold::Row;
use crate::table::{self, Rest, Spot};
use futures::stream::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use std::pin::pin;

/// SHA-256 over rows in the order of keys: for each key, rank and content, its length in eight bytes and itself.
#[derive(Default)]
pub(crate) struct Canonical {
    hash: Sha256,
    pub rows: usize,
}

impl Canonical {
    pub fn add(&mut self, key: &str, row: &Row) {
        for part in [key.as_bytes(), &row.rank.to_be_bytes(), row.doc.as_bytes()] {
            self.hash.update((part.len() as u64).to_be_bytes());
            self.hash.update(part);
        }
        self.rows += 1;
    }

    pub fn finish(self) -> String {
        hex::encode(self.hash.finalize())
    }
}

/// Every row of a table in the order of keys.
pub(crate) fn dump<'a>(
    connection: &'a mut PgConnection,
    rest: &'a Rest,
    spot: &'a Spot,
    select: &'a str,
) -> impl Stream<Item = Result<(String, Row), ReadError>> + 'a {
    sqlx::query(select).fetch(connection).map(|row| table::read(rest, spot, &row?))
}

pub(crate) fn select(spot: &Spot) -> String {
    format!("select key, rank, doc from {} order by key collate \"C\"", spot.table)
}

/// The digest of both, or the first key at which they differ.
pub(super) async fn equal(
    rest: &Rest,
    (old, old_spot): (&mut PgConnection, &Spot),
    (new, new_spot): (&mut PgConnection, &Spot),
) -> Result<Result<String, String>, ReadError> {
    let (old_select, new_select) = (select(old_spot), select(new_spot));
    let mut old = pin!(dump(old, rest, old_spot, &old_select));
    let mut new = pin!(dump(new, rest, new_spot, &new_select));
    let mut canonical = Canonical::default();
    loop {
        match (old.next().await.transpose()?, new.next().await.transpose()?) {
            (None, None) => return Ok(Ok(canonical.finish())),
            (Some(old), Some(new)) if old == new => canonical.add(&old.0, &old.1),
            (old, new) => {
                let keys = old.into_iter().chain(new).map(|(key, _)| key);
                return Ok(Err(keys.min().unwrap_or_default()));
            }
        }
    }
}

/// The digest of a table as it stands.
pub(crate) async fn digest(
    connection: &mut PgConnection,
    rest: &Rest,
    spot: &Spot,
) -> Result<(String, usize), ReadError> {
    let select = select(spot);
    let mut rows = pin!(dump(connection, rest, spot, &select));
    let mut canonical = Canonical::default();
    while let Some((key, row)) = rows.next().await.transpose()? {
        canonical.add(&key, &row);
    }
    let rows = canonical.rows;
    Ok((canonical.finish(), rows))
}

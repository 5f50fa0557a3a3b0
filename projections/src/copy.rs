//! Rows into a table by binary COPY: the fast way to write many.
//!
//! Begin with [`copy_in`]. The table has the columns key, rank and doc, and none of the rows yet.

use crate::error::ReadError;
use crate::fold::Row;
use crate::limits::COPY_BUFFER_BYTES;
use crate::table::{Rest, Spot};
use sqlx::PgConnection;

const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();
const COLUMNS: [u8; 2] = 3_i16.to_be_bytes();

/// Writes rows; returns how many. A row that is there already fails the whole.
pub(crate) async fn copy_in<K: AsRef<str>, R: std::borrow::Borrow<Row>>(
    connection: &mut PgConnection,
    rest: &Rest,
    spot: &Spot,
    rows: impl Iterator<Item = (K, R)>,
) -> Result<u64, ReadError> {
    let statement = format!("copy {} (key, rank, doc) from stdin (format binary)", spot.table);
    let mut copy = connection.copy_in_raw(&statement).await?;
    let mut buffer = Vec::with_capacity(COPY_BUFFER_BYTES * 2);
    buffer.extend_from_slice(HEADER);
    for (key, row) in rows {
        let (key, row) = (key.as_ref(), row.borrow());
        match spot.sealed {
            true => encode(&mut buffer, key, row.rank, &rest.close(spot.name, key, &row.doc)?)?,
            false => encode(&mut buffer, key, row.rank, &row.doc)?,
        }
        if buffer.len() >= COPY_BUFFER_BYTES {
            copy.send(&buffer[..]).await?;
            buffer.clear();
        }
    }
    buffer.extend_from_slice(&TRAILER);
    copy.send(&buffer[..]).await?;
    Ok(copy.finish().await?)
}

fn encode(buffer: &mut Vec<u8>, key: &str, rank: i64, doc: &str) -> Result<(), ReadError> {
    buffer.extend_from_slice(&COLUMNS);
    for field in [key.as_bytes(), &rank.to_be_bytes(), doc.as_bytes()] {
        let length = i32::try_from(field.len())
            .map_err(|_| ReadError::Unavailable(format!("row {key} is larger than a table can hold")))?;
        buffer.extend_from_slice(&length.to_be_bytes());
        buffer.extend_from_slice(field);
    }
    Ok(())
}

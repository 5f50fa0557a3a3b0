//! Rows of `log.events` by ordered binary COPY, cut into chunks: the fast way to read much of the log.
//!
//! Each reading has a connection of its own, because a COPY keeps it busy. Tuples are cut out of the received
//! bytes without copying them where a tuple lies in one message, which is how Postgres sends them.

use crate::{
    connect::{Pool, within_limit},
    error::{StoreError, database},
    limits,
    rows::columns,
};
use bytes::{Buf, Bytes, BytesMut};
use futures::StreamExt;
use std::pin::Pin;
use tokio_postgres::{Client, CopyOutStream};

const DOING: &str = "copying events out";

/// Chunks of tuples, in order of position.
pub(crate) struct CopyRows {
    /// Kept, because the connection ends with it.
    _client: Client,
    stream: Pin<Box<CopyOutStream>>,
    tuples: Tuples,
}

impl CopyRows {
    /// Rows with `after < position <= to`.
    pub async fn start(pool: &Pool, after: i64, to: i64) -> Result<Self, StoreError> {
        let client = pool.connector().connect(None).await?;
        // The index gives the order; a sort of the whole log would take long before the first row came.
        client.batch_execute("set enable_sort = off").await.map_err(|error| database(DOING, error))?;
        let sql = format!(
            "copy (select {} from log.events where position > {after} and position <= {to} order by position) \
             to stdout (format binary)",
            columns!()
        );
        let stream =
            within_limit(DOING, client.copy_out(&sql)).await?.map_err(|error| database(DOING, error))?;
        Ok(Self { _client: client, stream: Box::pin(stream), tuples: Tuples::default() })
    }

    /// The next tuples, up to the limits of a page; empty at the end.
    pub async fn chunk(&mut self) -> Result<Vec<Bytes>, StoreError> {
        let (mut chunk, mut size) = (Vec::new(), 0);
        while chunk.len() < limits::PAGE_EVENTS_MAX && size < limits::PAGE_BYTES_MAX {
            match self.tuples.next()? {
                Next::Tuple(tuple) => {
                    size += tuple.len();
                    chunk.push(tuple);
                }
                Next::End => break,
                Next::More => match within_limit(DOING, self.stream.next()).await? {
                    Some(bytes) => self.tuples.push(bytes.map_err(|error| database(DOING, error))?),
                    None => return Err(StoreError::Malformed("a copy ended without its trailer".into())),
                },
            }
        }
        Ok(chunk)
    }
}

#[derive(Debug, PartialEq)]
enum Next {
    Tuple(Bytes),
    /// Bytes are missing.
    More,
    End,
}

/// Cuts a binary COPY into tuples. A tuple keeps its two bytes of field count.
#[derive(Default)]
struct Tuples {
    /// What was received last and is not cut yet.
    fresh: Bytes,
    /// A beginning that needed more bytes; then everything goes through here until it is used up.
    held: BytesMut,
    header_read: bool,
    ended: bool,
}

impl Tuples {
    fn push(&mut self, bytes: Bytes) {
        if self.held.is_empty() && self.fresh.is_empty() {
            self.fresh = bytes;
        } else {
            let fresh = std::mem::take(&mut self.fresh);
            self.held.extend_from_slice(&fresh);
            self.held.extend_from_slice(&bytes);
        }
    }

    fn next(&mut self) -> Result<Next, StoreError> {
        if self.ended {
            return Ok(Next::End);
        }
        let held = !self.held.is_empty();
        let seen: &[u8] = if held { &self.held } else { &self.fresh };
        let mut skip = 0;
        if !self.header_read {
            match header_length(seen)? {
                Some(length) => skip = length,
                None => return Ok(Next::More),
            }
        }
        let tuple = tuple_length(&seen[skip..])?;
        self.header_read = true;
        if held {
            self.held.advance(skip);
        } else {
            self.fresh.advance(skip);
        }
        Ok(match tuple {
            Length::Unknown => Next::More,
            Length::Trailer => {
                self.ended = true;
                Next::End
            }
            Length::Bytes(length) if held => Next::Tuple(self.held.split_to(length).freeze()),
            Length::Bytes(length) => Next::Tuple(self.fresh.split_to(length)),
        })
    }
}

/// Signature, flags, and an extension of given length.
fn header_length(bytes: &[u8]) -> Result<Option<usize>, StoreError> {
    const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
    let fixed = SIGNATURE.len() + 8;
    let Some(header) = bytes.get(..fixed) else { return Ok(None) };
    if !header.starts_with(SIGNATURE) {
        return Err(StoreError::Malformed("a copy does not begin with its signature".into()));
    }
    let extension = u32::from_be_bytes([header[15], header[16], header[17], header[18]]) as usize;
    if extension > limits::ROW_BYTES_MAX {
        return Err(StoreError::Malformed("a copy has a header too long to be one".into()));
    }
    Ok((bytes.len() >= fixed + extension).then_some(fixed + extension))
}

enum Length {
    Unknown,
    Trailer,
    Bytes(usize),
}

fn tuple_length(bytes: &[u8]) -> Result<Length, StoreError> {
    let Some(count) = bytes.get(..2) else { return Ok(Length::Unknown) };
    let count = i16::from_be_bytes([count[0], count[1]]);
    if count == -1 {
        return Ok(Length::Trailer);
    }
    let mut length = 2;
    for _ in 0..count {
        let Some(field) = bytes.get(length..length + 4) else { return Ok(Length::Unknown) };
        let field = i32::from_be_bytes([field[0], field[1], field[2], field[3]]);
        length += 4 + usize::try_from(field).unwrap_or(0);
        if length > limits::ROW_BYTES_MAX {
            return Err(StoreError::Malformed(format!(
                "a row is larger than {} bytes",
                limits::ROW_BYTES_MAX
            )));
        }
    }
    Ok(if bytes.len() >= length { Length::Bytes(length) } else { Length::Unknown })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy_of(tuples: &[&[&[u8]]]) -> Vec<u8> {
        let mut bytes = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\x02xx".to_vec();
        for tuple in tuples {
            bytes.extend((tuple.len() as i16).to_be_bytes());
            for field in *tuple {
                bytes.extend((field.len() as i32).to_be_bytes());
                bytes.extend(*field);
            }
        }
        bytes.extend((-1i16).to_be_bytes());
        bytes
    }

    #[test]
    fn tuples_are_the_same_wherever_the_messages_are_cut() {
        let whole = copy_of(&[&[b"a", b""], &[b"longer field"], &[]]);
        let expected: Vec<Vec<u8>> = vec![
            b"\0\x02\0\0\0\x01a\0\0\0\0".to_vec(),
            b"\0\x01\0\0\0\x0clonger field".to_vec(),
            b"\0\0".to_vec(),
        ];
        for size in 1..=whole.len() {
            let (mut tuples, mut found) = (Tuples::default(), Vec::new());
            let mut messages = whole.chunks(size);
            loop {
                match tuples.next().unwrap() {
                    Next::Tuple(tuple) => found.push(tuple.to_vec()),
                    Next::More => tuples.push(Bytes::copy_from_slice(messages.next().unwrap())),
                    Next::End => break,
                }
            }
            assert_eq!(found, expected, "messages of {size} bytes");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let mut tuples = Tuples::default();
        tuples.push(Bytes::from_static(b"this is not a copy at all"));
        assert!(tuples.next().is_err());
        assert!(tuple_length(&[0, 1, 0x7f, 0, 0, 0]).is_err());
    }
}

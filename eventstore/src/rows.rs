//! A stored row of `log.events`, before it is opened: out of a query or out of a binary COPY frame.

use crate::{
    chain::{self, Link},
    error::StoreError,
    names::Names,
    types::{Category, Meta, Payload, Recorded, StreamId},
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use secrets::DataKey;
use std::{collections::HashMap, sync::Arc};
use tokio_postgres::Row;
use uuid::Uuid;

/// The columns in the order that [`Raw`] reads them; a macro, so that statements stay constants.
macro_rules! columns {
    () => {
        "position, recorded_at, stream_id, category, version, event_id, type_id, schema_version, key_id, \
         correlation_id, causation_position, actor_id, chain, payload"
    };
}
pub(crate) use columns;

/// Between 1970, where we count from, and 2000, where Postgres does.
pub(crate) const POSTGRES_EPOCH_US: i64 = 946_684_800_000_000;
const FIELDS: i16 = 14;

/// The data keys that a set of rows needs; `None` for a destroyed one.
pub(crate) type Keys = HashMap<i64, Option<Arc<DataKey>>>;

/// One row as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct Raw {
    pub position: i64,
    pub recorded_at_us: i64,
    pub stream_id: Uuid,
    pub category: i16,
    pub version: i64,
    pub event_id: Uuid,
    pub type_id: i16,
    pub schema_version: i16,
    pub key_id: i64,
    pub correlation: Option<Uuid>,
    pub causation: Option<i64>,
    pub actor: Option<Uuid>,
    pub chain: [u8; 32],
    pub ciphertext: Bytes,
}

impl Raw {
    pub fn from_row(row: &Row) -> Result<Self, StoreError> {
        let chain: &[u8] = row.get(12);
        Ok(Self {
            position: row.get(0),
            recorded_at_us: row.get::<_, DateTime<Utc>>(1).timestamp_micros(),
            stream_id: row.get(2),
            category: row.get(3),
            version: row.get(4),
            event_id: row.get(5),
            type_id: row.get(6),
            schema_version: row.get(7),
            key_id: row.get(8),
            correlation: row.get(9),
            causation: row.get(10),
            actor: row.get(11),
            chain: chain
                .try_into()
                .map_err(|_| StoreError::Malformed("a chain value is not 32 bytes".into()))?,
            ciphertext: Bytes::copy_from_slice(row.get(13)),
        })
    }

    /// Reads one tuple of a binary COPY, without its field count's two bytes having been taken off.
    pub fn from_tuple(tuple: &Bytes) -> Result<Self, StoreError> {
        let mut fields = Fields { tuple, at: 2 };
        if tuple.get(..2) != Some(&FIELDS.to_be_bytes()) {
            return Err(StoreError::Malformed("a row does not have 14 columns".into()));
        }
        Ok(Self {
            position: fields.i64()?,
            recorded_at_us: fields.i64()?.saturating_add(POSTGRES_EPOCH_US),
            stream_id: Uuid::from_bytes(fields.fixed()?),
            category: fields.i16()?,
            version: fields.i64()?,
            event_id: Uuid::from_bytes(fields.fixed()?),
            type_id: fields.i16()?,
            schema_version: fields.i16()?,
            key_id: fields.i64()?,
            correlation: fields.optional()?.map(Uuid::from_bytes),
            causation: fields.optional()?.map(i64::from_be_bytes),
            actor: fields.optional()?.map(Uuid::from_bytes),
            chain: fields.fixed()?,
            ciphertext: fields.bytes()?,
        })
    }

    pub fn link<'a>(&'a self, type_name: &'a str) -> Link<'a> {
        Link {
            position: self.position,
            recorded_at_us: self.recorded_at_us,
            stream_id: self.stream_id,
            category: self.category,
            version: self.version,
            event_id: self.event_id,
            type_id: self.type_id,
            type_name,
            schema_version: self.schema_version,
            key_id: self.key_id,
            correlation: self.correlation,
            causation: self.causation,
            actor: self.actor,
            ciphertext: &self.ciphertext,
        }
    }

    /// The payload in the clear, or `Shredded` if its key was destroyed.
    pub fn open_payload(&self, keys: &Keys) -> Result<Payload, StoreError> {
        if cfg!(feature = "bench") && self.key_id == 0 {
            return Ok(Payload::Open(self.ciphertext.to_vec()));
        }
        let key = keys.get(&self.key_id).ok_or_else(|| {
            StoreError::Malformed(format!(
                "the event at {} names data key {}, which does not exist",
                self.position, self.key_id
            ))
        })?;
        let Some(key) = key else { return Ok(Payload::Shredded) };
        let aad =
            chain::payload_aad(self.stream_id, self.version, self.type_id, self.schema_version, self.key_id);
        secrets::open(key, &aad, &self.ciphertext)
            .map(Payload::Open)
            .map_err(|source| StoreError::Sealed { position: self.position, source })
    }

    pub fn open(&self, names: &Names, keys: &Keys) -> Result<Recorded, StoreError> {
        let position = self.position;
        let type_name = names
            .name(self.type_id)
            .ok_or(StoreError::UnknownTypeNumber { position, type_id: self.type_id })?;
        let category = Category::from_number(self.category)
            .ok_or(StoreError::UnknownCategory { position, category: self.category })?;
        Ok(Recorded {
            position,
            recorded_at: time_of(self.recorded_at_us)?,
            stream: StreamId { category, id: self.stream_id },
            version: self.version,
            event_id: self.event_id,
            type_name,
            schema_version: u16::try_from(self.schema_version).map_err(|_| {
                StoreError::Malformed(format!("schema version {} at {position}", self.schema_version))
            })?,
            key_id: self.key_id,
            meta: Meta { actor: self.actor, correlation: self.correlation, causation: self.causation },
            payload: self.open_payload(keys)?,
            chain: self.chain,
        })
    }
}

pub(crate) fn time_of(micros: i64) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_micros(micros)
        .ok_or_else(|| StoreError::Malformed(format!("{micros} µs is no time")))
}

/// Walks the length-prefixed fields of a tuple. Never reads past its end.
struct Fields<'a> {
    tuple: &'a Bytes,
    at: usize,
}

impl Fields<'_> {
    fn next(&mut self) -> Result<Option<(usize, usize)>, StoreError> {
        let short = || StoreError::Malformed("a row ends early".into());
        let length: [u8; 4] =
            self.tuple.get(self.at..self.at + 4).and_then(|b| b.try_into().ok()).ok_or_else(short)?;
        self.at += 4;
        let Ok(length) = usize::try_from(i32::from_be_bytes(length)) else { return Ok(None) };
        let (from, to) = (self.at, self.at + length);
        if to > self.tuple.len() {
            return Err(short());
        }
        self.at = to;
        Ok(Some((from, to)))
    }

    fn optional<const N: usize>(&mut self) -> Result<Option<[u8; N]>, StoreError> {
        let Some((from, to)) = self.next()? else { return Ok(None) };
        self.tuple[from..to]
            .try_into()
            .map(Some)
            .map_err(|_| StoreError::Malformed(format!("a field has {} bytes, not {N}", to - from)))
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        self.optional()?.ok_or_else(|| StoreError::Malformed("a field is null".into()))
    }

    fn i64(&mut self) -> Result<i64, StoreError> {
        self.fixed().map(i64::from_be_bytes)
    }

    fn i16(&mut self) -> Result<i16, StoreError> {
        self.fixed().map(i16::from_be_bytes)
    }

    fn bytes(&mut self) -> Result<Bytes, StoreError> {
        let (from, to) = self.next()?.ok_or_else(|| StoreError::Malformed("a payload is null".into()))?;
        Ok(self.tuple.slice(from..to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_or_wrong_tuple_is_malformed_and_never_read_past_its_end() {
        let mut tuple = FIELDS.to_be_bytes().to_vec();
        for field in [&[0u8; 8][..], &[0; 8], &[7; 16], &[0, 1]] {
            tuple.extend((field.len() as i32).to_be_bytes());
            tuple.extend(field);
        }
        for length in 0..tuple.len() {
            assert!(Raw::from_tuple(&Bytes::copy_from_slice(&tuple[..length])).is_err());
        }
        assert!(Raw::from_tuple(&Bytes::from_static(&[0, 14, 0x7f, 0xff, 0xff, 0xff])).is_err());
    }
}

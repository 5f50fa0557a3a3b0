//! The hash chain: each event's SHA-256 covers the one before it.
//!
//! It is taken over the ciphertext, so it verifies without keys and survives their destruction. A chain
//! alone does not stop somebody who rewrites the whole tail: compare its head with copies kept elsewhere
//! (see [`crate::Store::verify_with`]).
//!
//! The hashed bytes are, all numbers big-endian: `"myco/1"`, chain before (32), position (8), recorded_at in
//! µs since 1970 (8), stream id (16), category (2), version (8), event id (16), type id (2), length of the
//! type name (2), type name, schema version (2), key id (8), then correlation, causation position and actor
//! (each one byte 0 or 1, and if 1 the 16, 8 or 16 bytes), length of the payload (4), payload ciphertext.

use ring::digest::{Context, SHA256};
use uuid::Uuid;

/// Everything of one stored event that the hash covers, except the value before it.
pub(crate) struct Link<'a> {
    pub position: i64,
    pub recorded_at_us: i64,
    pub stream_id: Uuid,
    pub category: i16,
    pub version: i64,
    pub event_id: Uuid,
    pub type_id: i16,
    pub type_name: &'a str,
    pub schema_version: i16,
    pub key_id: i64,
    pub correlation: Option<Uuid>,
    pub causation: Option<i64>,
    pub actor: Option<Uuid>,
    pub ciphertext: &'a [u8],
}

impl Link<'_> {
    /// The chain value of this event after `before`.
    pub fn after(&self, before: &[u8; 32]) -> [u8; 32] {
        let mut hash = Context::new(&SHA256);
        hash.update(b"myco/1");
        hash.update(before);
        hash.update(&self.position.to_be_bytes());
        hash.update(&self.recorded_at_us.to_be_bytes());
        hash.update(self.stream_id.as_bytes());
        hash.update(&self.category.to_be_bytes());
        hash.update(&self.version.to_be_bytes());
        hash.update(self.event_id.as_bytes());
        hash.update(&self.type_id.to_be_bytes());
        hash.update(&(self.type_name.len() as u16).to_be_bytes());
        hash.update(self.type_name.as_bytes());
        hash.update(&self.schema_version.to_be_bytes());
        hash.update(&self.key_id.to_be_bytes());
        optional(&mut hash, self.correlation.as_ref().map(|id| &id.as_bytes()[..]));
        optional(&mut hash, self.causation.map(i64::to_be_bytes).as_ref().map(|bytes| &bytes[..]));
        optional(&mut hash, self.actor.as_ref().map(|id| &id.as_bytes()[..]));
        hash.update(&(self.ciphertext.len() as u32).to_be_bytes());
        hash.update(self.ciphertext);
        let mut chain = [0; 32];
        chain.copy_from_slice(hash.finish().as_ref());
        chain
    }
}

fn optional(hash: &mut Context, value: Option<&[u8]>) {
    match value {
        None => hash.update(&[0]),
        Some(bytes) => {
            hash.update(&[1]);
            hash.update(bytes);
        }
    }
}

/// What a payload is bound to. Moved to another row, stream, type or key, it does not open. The position is
/// not in it, because it is not known before the group forms; the chain covers that.
pub(crate) fn payload_aad(
    stream_id: Uuid,
    version: i64,
    type_id: i16,
    schema_version: i16,
    key_id: i64,
) -> [u8; 36] {
    let mut aad = [0; 36];
    aad[..16].copy_from_slice(stream_id.as_bytes());
    aad[16..24].copy_from_slice(&version.to_be_bytes());
    aad[24..26].copy_from_slice(&type_id.to_be_bytes());
    aad[26..28].copy_from_slice(&schema_version.to_be_bytes());
    aad[28..].copy_from_slice(&key_id.to_be_bytes());
    aad
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(ciphertext: &[u8]) -> Link<'_> {
        Link {
            position: 1,
            recorded_at_us: 2,
            stream_id: Uuid::from_u128(3),
            category: 1,
            version: 4,
            event_id: Uuid::from_u128(5),
            type_id: 6,
            type_name: "a.b",
            schema_version: 7,
            key_id: 8,
            correlation: None,
            causation: None,
            actor: None,
            ciphertext,
        }
    }

    #[test]
    fn every_field_changes_the_hash() {
        let base = link(b"x").after(&[0; 32]);
        let changed = [
            Link { position: 2, ..link(b"x") },
            Link { recorded_at_us: 3, ..link(b"x") },
            Link { stream_id: Uuid::from_u128(4), ..link(b"x") },
            Link { category: 2, ..link(b"x") },
            Link { version: 5, ..link(b"x") },
            Link { event_id: Uuid::from_u128(6), ..link(b"x") },
            Link { type_id: 7, ..link(b"x") },
            Link { type_name: "a.c", ..link(b"x") },
            Link { schema_version: 8, ..link(b"x") },
            Link { key_id: 9, ..link(b"x") },
            Link { correlation: Some(Uuid::nil()), ..link(b"x") },
            Link { causation: Some(0), ..link(b"x") },
            Link { actor: Some(Uuid::nil()), ..link(b"x") },
            link(b"y"),
        ];
        let mut seen = std::collections::HashSet::from([base, link(b"x").after(&[1; 32])]);
        for (n, other) in changed.iter().enumerate() {
            assert!(seen.insert(other.after(&[0; 32])), "field {n}");
        }
    }
}

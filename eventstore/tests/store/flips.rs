//! The columns of the log by their kinds, and SQL that flips one bit of them.

#[derive(Clone, Copy)]
pub enum Kind {
    Int8,
    Int2,
    Uuid,
    Time,
    Bytes(i32),
    Text(i32),
}

impl Kind {
    pub fn bytes(self) -> i32 {
        match self {
            Self::Int8 => 8,
            Self::Int2 => 2,
            Self::Uuid => 16,
            // Up to 2^52 µs, 142 years: beyond it an interval is not exact.
            Self::Time => 6,
            Self::Bytes(count) | Self::Text(count) => count,
        }
    }

    /// Bytes to try one by one: all of a number, every fifth of longer ones, which reaches each part of a payload.
    pub fn classes(self) -> impl Iterator<Item = i32> {
        (0..self.bytes()).step_by(if self.bytes() > 8 { 5 } else { 1 })
    }

    /// The column with one bit flipped; an empty optional one gets a value.
    pub fn flipped(self, column: &str, byte: i32, bit: i32) -> String {
        let (all, c) = (byte * 8 + bit, column);
        match self {
            Self::Int8 => format!("coalesce({c}, 0) # (1::bigint << {all})"),
            Self::Int2 => format!("{c} # (1::smallint << {all})"),
            Self::Bytes(_) => format!("set_bit({c}, {all}, 1 - get_bit({c}, {all}))"),
            Self::Uuid => {
                let sent = format!("uuid_send(coalesce({c}, '{}'::uuid))", uuid::Uuid::nil());
                format!("encode(set_bit({sent}, {all}, 1 - get_bit({sent}, {all})), 'hex')::uuid")
            }
            Self::Time => format!(
                "'2000-01-01 00:00+00'::timestamptz + interval '1 microsecond' * \
                 (((extract(epoch from {c}) * 1000000)::bigint - 946684800000000) # (1::bigint << {all}))"
            ),
            Self::Text(_) => {
                let at = byte + 1;
                format!("overlay({c} placing chr(ascii(substr({c}, {at}, 1)) # 1) from {at} for 1)")
            }
        }
    }
}

pub const EVENT_COLUMNS: [(&str, Kind); 14] = [
    ("position", Kind::Int8),
    ("recorded_at", Kind::Time),
    ("stream_id", Kind::Uuid),
    ("category", Kind::Int2),
    ("version", Kind::Int8),
    ("event_id", Kind::Uuid),
    ("type_id", Kind::Int2),
    ("schema_version", Kind::Int2),
    ("key_id", Kind::Int8),
    ("correlation_id", Kind::Uuid),
    ("causation_position", Kind::Int8),
    ("actor_id", Kind::Uuid),
    ("chain", Kind::Bytes(32)),
    // Nonce, ciphertext and tag of the shortest payload here: {"text":"event 0 of turn 0"} and 28 bytes.
    ("payload", Kind::Bytes(56)),
];
pub const SEAL_COLUMNS: [(&str, Kind); 7] = [
    ("first_position", Kind::Int8),
    ("position", Kind::Int8),
    ("chain", Kind::Bytes(32)),
    ("merkle_root", Kind::Bytes(32)),
    ("signature", Kind::Bytes(64)),
    ("key_id", Kind::Text(16)),
    ("sealed_at", Kind::Time),
];
pub const STREAM_COLUMNS: [(&str, Kind); 4] = [
    ("stream_id", Kind::Uuid),
    ("category", Kind::Int2),
    ("version", Kind::Int8),
    ("last_position", Kind::Int8),
];

//! The event of every workload: about 600 bytes of JSON, the same for the same aggregate and sequence.
//!
//! Begin with [`fact`]. Only `at_us`, when its append began, is not derived from the two numbers.

use serde::{Deserialize, Serialize};
use std::time::{SystemTime, UNIX_EPOCH};
use uuid::Uuid;

/// The eight event types, by `sequence mod 8`.
pub const KINDS: [&str; 8] =
    ["Declared", "Previewed", "Approved", "Applied", "Observed", "Changed", "Paused", "Resumed"];

/// What an event says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Body {
    pub vmid: u32,
    pub node: String,
    pub revision: i64,
    /// When the append began, in microseconds since 1970.
    pub at_us: i64,
    pub actor: String,
    pub reason: String,
    pub spec: Spec,
    /// 64 hexadecimal digits.
    pub preview_hash: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    pub name: String,
    pub cores: i32,
    pub memory_mib: i64,
    pub machine: String,
    pub disks: Vec<Disk>,
    pub nics: Vec<Nic>,
    pub tags: Vec<String>,
    pub onboot: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Disk {
    pub slot: String,
    pub storage: String,
    pub size_gib: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Nic {
    pub slot: String,
    pub bridge: String,
    pub mac: String,
}

/// An event with its type, as the peers' crates want it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Fact {
    Declared(Body),
    Previewed(Body),
    Approved(Body),
    Applied(Body),
    Observed(Body),
    Changed(Body),
    Paused(Body),
    Resumed(Body),
}

impl Fact {
    pub fn of(kind: usize, body: Body) -> Self {
        match kind % KINDS.len() {
            0 => Self::Declared(body),
            1 => Self::Previewed(body),
            2 => Self::Approved(body),
            3 => Self::Applied(body),
            4 => Self::Observed(body),
            5 => Self::Changed(body),
            6 => Self::Paused(body),
            _ => Self::Resumed(body),
        }
    }

    /// Index into [`KINDS`].
    pub fn kind(&self) -> usize {
        match self {
            Self::Declared(_) => 0,
            Self::Previewed(_) => 1,
            Self::Approved(_) => 2,
            Self::Applied(_) => 3,
            Self::Observed(_) => 4,
            Self::Changed(_) => 5,
            Self::Paused(_) => 6,
            Self::Resumed(_) => 7,
        }
    }

    pub fn body(&self) -> &Body {
        match self {
            Self::Declared(body)
            | Self::Previewed(body)
            | Self::Approved(body)
            | Self::Applied(body)
            | Self::Observed(body)
            | Self::Changed(body)
            | Self::Paused(body)
            | Self::Resumed(body) => body,
        }
    }
}

/// Microseconds since 1970, now.
pub fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// The id of an aggregate in one run; `salt` keeps runs apart that share a database.
pub fn aggregate_id(salt: u64, aggregate: u64) -> Uuid {
    Uuid::from_u64_pair(mix(salt ^ 0x6d79_636f), mix(salt).wrapping_add(mix(aggregate)))
}

/// The event of an aggregate at a sequence, counted from 0.
pub fn fact(aggregate: u64, sequence: u64, at_us: i64) -> Fact {
    Fact::of((sequence % 8) as usize, body(aggregate, sequence, at_us))
}

pub fn body(aggregate: u64, sequence: u64, at_us: i64) -> Body {
    const REASONS: [&str; 4] = [
        "asked for on the dashboard by its owner",
        "the nightly comparison found a difference",
        "more memory for the photo library import",
        "brought back to what its declaration says",
    ];
    let (fixed, moving) = (mix(aggregate), mix(aggregate.wrapping_mul(1_000_003).wrapping_add(sequence)));
    let hash = [1, 2, 3, 4].map(|n| mix(moving ^ n));
    let mac = (fixed as u32).to_be_bytes();
    Body {
        vmid: 100 + (aggregate % 900_000) as u32,
        node: format!("pve-{:02}", fixed % 16),
        revision: sequence as i64 + 1,
        at_us,
        actor: Uuid::from_u64_pair(mix(moving % 32), 0x8000_0000_0000_0001).to_string(),
        reason: REASONS[(moving % 4) as usize].to_owned(),
        spec: Spec {
            name: format!("homelab-vm-{:06}", aggregate % 1_000_000),
            cores: 1 + (moving % 16) as i32,
            memory_mib: 1024 * (1 + (moving >> 8) % 64) as i64,
            machine: "q35".into(),
            disks: vec![
                Disk {
                    slot: "scsi0".into(),
                    storage: "local-zfs".into(),
                    size_gib: 8 + (fixed % 120) as u32,
                },
                Disk {
                    slot: "scsi1".into(),
                    storage: "tank-nvme".into(),
                    size_gib: 32 + (moving % 900) as u32,
                },
            ],
            nics: vec![Nic {
                slot: "net0".into(),
                bridge: "vmbr0".into(),
                mac: format!("BC:24:{:02X}:{:02X}:{:02X}:{:02X}", mac[0], mac[1], mac[2], mac[3]),
            }],
            tags: vec!["homelab".into(), format!("rack-{}", fixed % 4), "backup-daily".into()],
            onboot: fixed.is_multiple_of(2),
        },
        preview_hash: format!("{:016x}{:016x}{:016x}{:016x}", hash[0], hash[1], hash[2], hash[3]),
    }
}

/// SplitMix64's finaliser: spreads neighbouring numbers over all 64 bits.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_about_600_bytes_and_the_same_every_time() {
        for (aggregate, sequence) in [(0, 0), (49_999, 19), (7, 1_000_000)] {
            let json = serde_json::to_vec(&body(aggregate, sequence, 1_760_000_000_000_000)).unwrap();
            assert!((560..=660).contains(&json.len()), "{} bytes", json.len());
            assert_eq!(fact(aggregate, sequence, 5), fact(aggregate, sequence, 5));
        }
        assert_ne!(body(1, 2, 0), body(1, 3, 0));
        assert_ne!(aggregate_id(1, 2), aggregate_id(1, 3));
        assert_ne!(aggregate_id(1, 2), aggregate_id(2, 2));
    }

    #[test]
    fn an_event_keeps_its_type_and_body() {
        for sequence in 0..8 {
            let fact = fact(3, sequence, 0);
            assert_eq!(fact.kind(), sequence as usize);
            let json = serde_json::to_string(&fact).unwrap();
            assert!(json.starts_with(&format!("{{\"{}\"", KINDS[fact.kind()])));
            assert_eq!(serde_json::from_str::<Fact>(&json).unwrap(), fact);
        }
    }
}

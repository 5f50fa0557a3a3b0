//! The only source of chance: MAC addresses, UUIDs, process numbers and fault lots, all from one seed.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::sync::{Mutex, PoisonError};

/// A seeded source. The same seed and the same calls give the same cluster.
pub struct Chance {
    source: Mutex<StdRng>,
    /// First bytes of MAC addresses, as the cluster's options say.
    mac_prefix: Mutex<String>,
}

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self {
            source: Mutex::new(StdRng::seed_from_u64(seed)),
            mac_prefix: Mutex::new(crate::cluster::options::MAC_PREFIX.to_owned()),
        }
    }

    fn with<T>(&self, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        draw(&mut self.source.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// MAC addresses begin like this from now on, `BC:24:11` for example.
    pub fn set_mac_prefix(&self, prefix: &str) {
        *self.mac_prefix.lock().unwrap_or_else(PoisonError::into_inner) = prefix.to_owned();
    }

    /// A MAC address with the prefix of the cluster.
    pub fn mac(&self) -> String {
        let prefix = self.mac_prefix.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let rest = self.with(|r| r.random::<[u8; 6]>());
        let given = prefix.trim_end_matches(':').to_uppercase();
        let kept = given.split(':').count().min(5);
        let more = rest[kept..].iter().map(|b| format!(":{b:02X}")).collect::<String>();
        format!("{given}{more}")
    }

    /// A random UUID (version 4).
    pub fn uuid(&self) -> String {
        uuid::Builder::from_random_bytes(self.with(|r| r.random::<[u8; 16]>())).into_uuid().to_string()
    }

    /// True with probability `p`.
    pub fn lot(&self, p: f64) -> bool {
        self.with(|r| r.random::<f64>()) < p
    }

    /// A start time of a process in clock ticks.
    pub fn ticks(&self) -> u32 {
        self.with(|r| r.random_range(0x0010_0000..0x0FFF_FFFF))
    }
}

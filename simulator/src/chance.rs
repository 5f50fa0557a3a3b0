//! The only source of chance: MAC addresses, UUIDs, process numbers and fault lots, all from one seed.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::sync::{Mutex, PoisonError};

/// A seeded source. The same seed and the same calls give the same cluster.
pub struct Chance(Mutex<StdRng>);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }

    fn with<T>(&self, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        draw(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A MAC address with the vendor prefix of Proxmox.
    pub fn mac(&self) -> String {
        let [a, b, c] = self.with(|r| r.random::<[u8; 3]>());
        format!("BC:24:11:{a:02X}:{b:02X}:{c:02X}")
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

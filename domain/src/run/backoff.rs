//! Waiting times between attempts: 1, 2, 4 s …, each varied a little so that many do not come at once.

use crate::limits::{BACKOFF_FIRST_MS, BACKOFF_JITTER_PERCENT};

/// Milliseconds before attempt `attempt` (2 is the first repetition). `chance` is between 0 and 1 and is
/// passed in, so that the same chance gives the same waiting time.
pub fn wait_ms(attempt: u32, chance: f64) -> u64 {
    let middle = BACKOFF_FIRST_MS << attempt.saturating_sub(2).min(16);
    let spread = middle * BACKOFF_JITTER_PERCENT / 100;
    middle - spread + (chance.clamp(0.0, 1.0) * (2 * spread) as f64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_doubles_and_stays_within_a_fifth() {
        assert_eq!((wait_ms(2, 0.0), wait_ms(2, 0.5), wait_ms(2, 1.0)), (800, 1_000, 1_200));
        assert_eq!(wait_ms(3, 0.5), 2_000);
        assert_eq!(wait_ms(4, 0.5), 4_000);
    }
}

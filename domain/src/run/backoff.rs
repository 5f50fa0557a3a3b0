//! What follows trouble: another attempt after a waiting time, or a person.
//!
//! Waiting times between attempts: 1, 2, 4 s …, each varied a little so that many do not come at once.

use crate::limits::{ATTEMPTS_MAX, BACKOFF_FIRST_MS, BACKOFF_JITTER_PERCENT};

/// What follows when a call did not work out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// This attempt, after its waiting time.
    Attempt(u32),
    Person,
}

/// `used`: attempts of the call so far.
pub fn after(used: u32, transient: bool) -> Next {
    if transient && used < ATTEMPTS_MAX { Next::Attempt(used + 1) } else { Next::Person }
}

/// Whether a waiting time lies within the bounds of its attempt.
pub fn is_wait(attempt: u32, ms: u64) -> bool {
    (wait_ms(attempt, 0.0)..=wait_ms(attempt, 1.0)).contains(&ms)
}

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

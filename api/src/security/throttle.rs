//! Slows guessing: from the fifth failure a try has to wait, from the tenth nobody gets in for a while, per
//! account name and per address. Kept in memory: a restart forgets it, and takes longer than it would save.

use crate::limits;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    Name(String),
    Address(IpAddr),
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: DateTime<Utc>,
    shut_until: DateTime<Utc>,
}

#[derive(Default)]
pub struct Throttle(Mutex<HashMap<Who, Failures>>);

impl Throttle {
    /// Seconds until any of these may try again; none if now. The right password does not open it sooner.
    pub fn wait_s(&self, who: &[Who], now: DateTime<Utc>) -> Option<i64> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = |who| known.get(who).map_or(0, |f: &Failures| (f.shut_until - now).num_milliseconds());
        let longest = who.iter().map(left).max().unwrap_or(0);
        (longest > 0).then_some((longest + 999) / 1_000)
    }

    /// One more failure of each.
    pub fn fail(&self, who: &[Who], now: DateTime<Utc>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() + who.len() > limits::THROTTLED_MAX {
            known.retain(|_, f| !is_old(f, now));
        }
        if known.len() + who.len() > limits::THROTTLED_MAX {
            // Everything is fresh: forget those nearest to being forgotten, never those that are shut.
            known.retain(|_, f| f.shut_until > now);
        }
        for who in who {
            let failures =
                known.entry(who.clone()).or_insert(Failures { count: 0, last: now, shut_until: now });
            if is_old(failures, now) {
                failures.count = 0;
            }
            failures.count += 1;
            failures.last = now;
            failures.shut_until = match failures.count {
                count if count >= limits::FAILURES_BEFORE_LOCK => now + TimeDelta::seconds(limits::LOCK_S),
                count if count >= limits::FAILURES_BEFORE_DELAY => now + TimeDelta::seconds(limits::DELAY_S),
                _ => now,
            };
        }
    }

    /// A sign-in that worked clears the name. The address only gets this try back: others may guess from there.
    pub fn succeed(&self, who: &[Who]) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for who in who {
            match who {
                Who::Name(_) => drop(known.remove(who)),
                Who::Address(_) => {
                    if let Some(failures) = known.get_mut(who) {
                        failures.count = failures.count.saturating_sub(1);
                        if failures.count < limits::FAILURES_BEFORE_DELAY {
                            failures.shut_until = failures.last;
                        }
                    }
                }
            }
        }
    }
}

fn is_old(failures: &Failures, now: DateTime<Utc>) -> bool {
    failures.shut_until <= now && now - failures.last > TimeDelta::seconds(limits::LOCK_S)
}

/// "Too many tries. Try again in 30 s."
pub fn words(wait_s: i64) -> String {
    match wait_s {
        s if s < 60 => format!("Too many tries. Try again in {s} s."),
        s => format!("Too many tries. Try again in {} min.", (s + 59) / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Vec<Who> {
        vec![Who::Name(text.into())]
    }

    #[test]
    fn the_fifth_failure_delays_and_the_tenth_locks() {
        let (throttle, mut now) = (Throttle::default(), DateTime::UNIX_EPOCH);
        for _ in 0..4 {
            throttle.fail(&name("ada"), now);
        }
        assert_eq!(throttle.wait_s(&name("ada"), now), None);
        throttle.fail(&name("ada"), now);
        assert_eq!(throttle.wait_s(&name("ada"), now), Some(30));
        assert_eq!(throttle.wait_s(&name("bo"), now), None, "others are not affected");
        for _ in 0..5 {
            now += TimeDelta::seconds(31);
            throttle.fail(&name("ada"), now);
        }
        assert_eq!(throttle.wait_s(&name("ada"), now), Some(900));
        assert_eq!(words(900), "Too many tries. Try again in 15 min.");
    }

    #[test]
    fn failures_are_forgotten_after_the_lock_or_a_success() {
        let (throttle, now) = (Throttle::default(), DateTime::UNIX_EPOCH);
        for _ in 0..4 {
            throttle.fail(&name("ada"), now);
        }
        throttle.fail(&name("ada"), now + TimeDelta::seconds(limits::LOCK_S + 1));
        assert_eq!(throttle.wait_s(&name("ada"), now + TimeDelta::seconds(limits::LOCK_S + 1)), None);
        for _ in 0..4 {
            throttle.fail(&name("bo"), now);
        }
        throttle.succeed(&name("bo"));
        throttle.fail(&name("bo"), now);
        assert_eq!(throttle.wait_s(&name("bo"), now), None);
    }

    #[test]
    fn memory_is_bounded_and_a_lock_survives_the_flood() {
        let (throttle, now) = (Throttle::default(), DateTime::UNIX_EPOCH);
        for _ in 0..10 {
            throttle.fail(&name("ada"), now);
        }
        for n in 0..limits::THROTTLED_MAX + 10 {
            throttle.fail(&name(&format!("guess-{n}")), now);
        }
        assert!(throttle.0.lock().unwrap().len() <= limits::THROTTLED_MAX);
        assert!(throttle.wait_s(&name("ada"), now).is_some());
    }
}

//! Which keys may stand in the shadow table: a Bloom filter of fixed size.
//!
//! A key it does not know is surely not there, and need not be looked up. One it seems to know is looked up; being wrong
//! about it costs a statement and nothing else.

use crate::limits::FILTER_BITS;
use std::hash::{DefaultHasher, Hash, Hasher};

const PROBES: u64 = 4;

pub(super) struct Filter {
    /// Empty until the first key comes.
    words: Vec<u64>,
}

impl Filter {
    pub fn new() -> Self {
        Self { words: Vec::new() }
    }

    /// Word and mask of each probe.
    fn probes(key: &str) -> impl Iterator<Item = (usize, u64)> {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let hash = hasher.finish();
        // Two halves of one hash make as many probes as wanted; the second is odd, so that it reaches every bit.
        let (first, second) = (hash, hash.rotate_left(32) | 1);
        (0..PROBES).map(move |n| {
            let bit = first.wrapping_add(n.wrapping_mul(second)) % FILTER_BITS as u64;
            ((bit / 64) as usize, 1 << (bit % 64))
        })
    }

    pub fn add(&mut self, key: &str) {
        if self.words.is_empty() {
            self.words = vec![0; FILTER_BITS / 64];
        }
        for (word, mask) in Self::probes(key) {
            if let Some(word) = self.words.get_mut(word) {
                *word |= mask;
            }
        }
    }

    pub fn may_hold(&self, key: &str) -> bool {
        Self::probes(key).all(|(word, mask)| self.words.get(word).is_some_and(|word| word & mask != 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_found_and_little_else() {
        let mut filter = Filter::new();
        assert!(!filter.may_hold("a"));
        (0..20_000).for_each(|n| filter.add(&format!("{n:020}")));
        assert!((0..20_000).all(|n| filter.may_hold(&format!("{n:020}"))));
        let wrong = (20_000..60_000).filter(|n| filter.may_hold(&format!("{n:020}"))).count();
        assert!(wrong < 40, "{wrong} of 40,000");
    }
}

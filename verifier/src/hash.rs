//! The two hashes of the log: of an event ([`Event::hash`]) and of a range of events ([`Tree`]).

use sha2::{Digest, Sha256};

/// A SHA-256 value.
pub type Hash = [u8; 32];

/// A row of `log.events` with its type's name.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    pub position: i64,
    /// In µs since 1970-01-01 UTC.
    pub recorded_at_us: i64,
    pub stream: [u8; 16],
    pub category: i16,
    pub version: i64,
    pub event: [u8; 16],
    pub type_id: i16,
    pub type_name: &'a str,
    pub schema_version: i16,
    pub key_id: i64,
    pub correlation: Option<[u8; 16]>,
    pub causation: Option<i64>,
    pub actor: Option<[u8; 16]>,
    /// The stored hash of this event.
    pub chain: Hash,
    pub payload: &'a [u8],
}

impl Event<'_> {
    /// What the stored hash must be, given the one of the event before.
    pub fn hash(&self, before: &Hash) -> Hash {
        // Everything but the payload goes through one buffer: fewer, larger updates.
        let mut bytes = Vec::with_capacity(400);
        bytes.extend_from_slice(b"myco/1");
        bytes.extend_from_slice(before);
        bytes.extend_from_slice(&self.position.to_be_bytes());
        bytes.extend_from_slice(&self.recorded_at_us.to_be_bytes());
        bytes.extend_from_slice(&self.stream);
        bytes.extend_from_slice(&self.category.to_be_bytes());
        bytes.extend_from_slice(&self.version.to_be_bytes());
        bytes.extend_from_slice(&self.event);
        bytes.extend_from_slice(&self.type_id.to_be_bytes());
        bytes.extend_from_slice(&(self.type_name.len() as u16).to_be_bytes());
        bytes.extend_from_slice(self.type_name.as_bytes());
        bytes.extend_from_slice(&self.schema_version.to_be_bytes());
        bytes.extend_from_slice(&self.key_id.to_be_bytes());
        maybe(&mut bytes, self.correlation.as_ref().map(|id| &id[..]));
        maybe(&mut bytes, self.causation.map(i64::to_be_bytes).as_ref().map(|at| &at[..]));
        maybe(&mut bytes, self.actor.as_ref().map(|id| &id[..]));
        bytes.extend_from_slice(&(self.payload.len() as u32).to_be_bytes());
        Sha256::new().chain_update(&bytes).chain_update(self.payload).finalize().into()
    }
}

fn maybe(bytes: &mut Vec<u8>, value: Option<&[u8]>) {
    bytes.push(u8::from(value.is_some()));
    bytes.extend_from_slice(value.unwrap_or_default());
}

/// The Merkle tree of RFC 6962, section 2.1, built leaf by leaf in O(log n) memory.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    leaves: i64,
    /// Roots of complete subtrees, the largest first; their sizes are the powers of two that make up `leaves`.
    complete: Vec<Hash>,
}

impl Tree {
    /// Adds the hash of the next event.
    pub fn push(&mut self, value: &Hash) {
        let mut root: Hash = Sha256::new().chain_update([0]).chain_update(value).finalize().into();
        // As carrying in a binary counter: two subtrees of one size make one of twice the size.
        let mut count = self.leaves;
        while count & 1 == 1 {
            if let Some(left) = self.complete.pop() {
                root = node(&left, &root);
            }
            count >>= 1;
        }
        self.complete.push(root);
        self.leaves += 1;
    }

    pub fn leaves(&self) -> i64 {
        self.leaves
    }

    /// The root; zeros for no leaf.
    pub fn root(&self) -> Hash {
        let mut from_right = self.complete.iter().rev();
        let Some(last) = from_right.next() else { return [0; 32] };
        from_right.fold(*last, |right, left| node(left, &right))
    }
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition of RFC 6962, word for word.
    fn defined(values: &[Hash]) -> Hash {
        match values {
            [] => [0; 32],
            [one] => Sha256::new().chain_update([0]).chain_update(one).finalize().into(),
            _ => {
                let mut k = 1;
                while k * 2 < values.len() {
                    k *= 2;
                }
                node(&defined(&values[..k]), &defined(&values[k..]))
            }
        }
    }

    #[test]
    fn a_tree_built_leaf_by_leaf_is_the_defined_one() {
        let values: Vec<Hash> = (0..260_u16).map(|n| Sha256::digest(n.to_be_bytes()).into()).collect();
        let mut tree = Tree::default();
        for n in 0..=values.len() {
            assert_eq!((tree.leaves(), tree.root()), (n as i64, defined(&values[..n])), "{n} leaves");
            if let Some(value) = values.get(n) {
                tree.push(value);
            }
        }
    }

    #[test]
    fn an_absent_value_and_a_zero_one_hash_differently() {
        let event = Event {
            position: 1,
            recorded_at_us: 2,
            stream: [3; 16],
            category: 4,
            version: 5,
            event: [6; 16],
            type_id: 7,
            type_name: "a.b",
            schema_version: 1,
            key_id: 8,
            correlation: None,
            causation: None,
            actor: None,
            chain: [0; 32],
            payload: b"sealed",
        };
        let base = event.hash(&[0; 32]);
        assert_ne!(base, Event { causation: Some(0), ..event }.hash(&[0; 32]));
        assert_ne!(base, Event { actor: Some([0; 16]), ..event }.hash(&[0; 32]));
        assert_ne!(base, Event { correlation: Some([0; 16]), ..event }.hash(&[0; 32]));
        assert_ne!(base, event.hash(&[1; 32]));
        assert_eq!(base, Event { chain: [9; 32], ..event }.hash(&[0; 32]), "it does not cover itself");
    }
}

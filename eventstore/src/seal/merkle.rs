//! Merkle trees over chain values, made as in RFC 6962: a leaf is SHA-256 of byte 0 and the value, a node is
//! SHA-256 of byte 1 and its two children, and a tree of n leaves splits at the largest power of two below n.
//!
//! Begin with [`root`]; [`path`] and [`root_from`] prove that one leaf is in a tree.

use ring::digest::{Context, SHA256};

pub(crate) type Hash = [u8; 32];

fn hash(prefix: u8, parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(&[prefix]);
    parts.iter().for_each(|part| context.update(part));
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

fn leaf(value: &Hash) -> Hash {
    hash(0, &[value])
}

fn node(left: &Hash, right: &Hash) -> Hash {
    hash(1, &[left, right])
}

/// Where a tree of this many leaves (at least 2) splits.
fn split(leaves: usize) -> usize {
    leaves.next_power_of_two() / 2
}

/// The root over these chain values; zeros for none.
pub(crate) fn root(values: &[Hash]) -> Hash {
    match values {
        [] => [0; 32],
        [value] => leaf(value),
        _ => {
            let (left, right) = values.split_at(split(values.len()));
            node(&root(left), &root(right))
        }
    }
}

/// The siblings on the way from the leaf at `index` up to the root.
pub(crate) fn path(values: &[Hash], index: usize) -> Vec<Hash> {
    if values.len() < 2 {
        return Vec::new();
    }
    let at = split(values.len());
    let (left, right) = values.split_at(at);
    let (mut below, sibling) = match index < at {
        true => (path(left, index), root(right)),
        false => (path(right, index - at), root(left)),
    };
    below.push(sibling);
    below
}

/// The root that follows from a value at `index` of `count` and its siblings; `None` if they do not fit.
pub(crate) fn root_from(value: &Hash, index: usize, count: usize, path: &[Hash]) -> Option<Hash> {
    if index >= count {
        return None;
    }
    match path.split_last() {
        None => (count == 1).then(|| leaf(value)),
        Some(_) if count < 2 => None,
        Some((sibling, below)) => {
            let at = split(count);
            match index < at {
                true => Some(node(&root_from(value, index, at, below)?, sibling)),
                false => Some(node(sibling, &root_from(value, index - at, count - at, below)?)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_leaf_of_every_size_proves_its_root_and_no_other() {
        for count in 1..=40_usize {
            let values: Vec<Hash> = (0..count).map(|n| [n as u8; 32]).collect();
            let root = root(&values);
            for index in 0..count {
                let mut path = path(&values, index);
                assert!(path.len() <= 6);
                assert_eq!(root_from(&values[index], index, count, &path), Some(root), "{index} of {count}");
                assert_ne!(root_from(&[99; 32], index, count, &path), Some(root));
                assert_ne!(
                    root_from(&values[index], (index + 1) % count, count, &path),
                    Some(root).filter(|_| count > 1)
                );
                if let Some(first) = path.first_mut() {
                    first[0] ^= 1;
                    assert_ne!(root_from(&values[index], index, count, &path), Some(root));
                }
                path.push([0; 32]);
                assert_ne!(root_from(&values[index], index, count, &path), Some(root));
            }
        }
    }

    #[test]
    fn the_tree_is_the_one_of_rfc_6962() {
        // SHA-256 of a byte 0 alone is its test vector for an empty leaf; ours hold 32 bytes, so one by hand.
        let (a, b, c) = ([1; 32], [2; 32], [3; 32]);
        assert_eq!(root(&[a, b, c]), node(&node(&leaf(&a), &leaf(&b)), &leaf(&c)));
    }
}

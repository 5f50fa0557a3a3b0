//! Misspelt words of the trade and what they were meant to be.
//!
//! Begin with [`mend`].

use super::lexicon::{SOFTWARE, SYSTEMS, is_common, noun};

/// Words worth mending when misspelt.
pub const MENDED: &[&str] = &[
    "create",
    "called",
    "named",
    "debian",
    "ubuntu",
    "alpine",
    "cores",
    "core",
    "memory",
    "container",
    "containers",
    "virtual",
    "machine",
    "machines",
    "with",
    "disk",
    "storage",
    "address",
    "snapshot",
    "backup",
    "delete",
    "please",
    "kubernetes",
    "cluster",
    "network",
    "gateway",
    "server",
    "mount",
    "windows",
    "running",
    "worker",
    "workers",
    "control",
    "terabyte",
    "gigabyte",
    "gigabytes",
    "gigs",
    "start",
    "stop",
    "rename",
    "destroy",
    "remove",
    "from",
    "each",
];

/// Right words that look like misspelt ones.
pub const RIGHT: &[&str] = &[
    "created",
    "creates",
    "creating",
    "disks",
    "score",
    "scores",
    "more",
    "store",
    "stores",
    "starts",
    "started",
    "stopped",
    "stops",
    "removed",
    "removes",
    "mounts",
    "mounted",
    "clusters",
    "networks",
    "servers",
    "addresses",
    "backups",
    "snapshots",
    "deleted",
    "deletes",
    "renamed",
    "machined",
    "memories",
    "dish",
    "wish",
    "risk",
    "form",
    "reach",
    "teach",
    "served",
    "pleased",
    "serve",
    "storages",
    "called",
    "recreate",
];

/// The word of the trade that a misspelt one was meant to be.
pub fn mend(word: &str) -> Option<&'static str> {
    match word {
        "rma" | "rsm" => return Some("ram"),
        "wit" | "wth" | "whit" => return Some("with"),
        "caled" | "caleld" => return Some("called"),
        "nmaed" | "namd" => return Some("named"),
        "dsik" | "dik" => return Some("disk"),
        "ubntu" | "ubunto" => return Some("ubuntu"),
        _ => {}
    }
    let known =
        is_common(word) || RIGHT.contains(&word) || SOFTWARE.contains(&word) || SYSTEMS.contains(&word);
    if known || word.len() < 4 || !word.bytes().all(|b| b.is_ascii_lowercase()) || MENDED.contains(&word) {
        return None;
    }
    MENDED.iter().copied().find(|right| {
        let swapped = right.len() == word.len() && is_swap(word.as_bytes(), right.as_bytes());
        let near = right.len() >= 6 && right.as_bytes().first() == word.as_bytes().first();
        swapped || (near && one_apart(word.as_bytes(), right.as_bytes()))
    })
}

/// The unit that a misspelt word behind a number was meant to be.
pub fn mend_unit(word: &str) -> Option<&'static str> {
    const UNITS: &[&str] = &["cores", "vcpus", "gigs", "gigabytes", "megabytes", "workers", "nodes"];
    let known = is_common(word)
        || RIGHT.contains(&word)
        || SYSTEMS.contains(&word)
        || SOFTWARE.contains(&word)
        || noun(word).is_some();
    if known || word.len() < 4 {
        return None;
    }
    let same_end = |unit: &&&str| unit.as_bytes().first() == word.as_bytes().first();
    UNITS.iter().filter(same_end).copied().find(|unit| {
        one_apart(word.as_bytes(), unit.as_bytes())
            || (unit.len() == word.len() && is_swap(word.as_bytes(), unit.as_bytes()))
    })
}

pub fn is_swap(a: &[u8], b: &[u8]) -> bool {
    let differ: Vec<usize> = (0..a.len()).filter(|i| a.get(*i) != b.get(*i)).collect();
    matches!(differ.as_slice(), [i, j] if *j == i + 1 && a.get(*i) == b.get(*j) && a.get(*j) == b.get(*i))
}

/// One letter more, less or other.
pub fn one_apart(a: &[u8], b: &[u8]) -> bool {
    let head = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let tail = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    let most = a.len().max(b.len());
    a.len().abs_diff(b.len()) <= 1 && head + tail + 1 >= most
}

//! Words that mean a loss, told apart from words that only tell of one.
//!
//! Begin with [`verb`].

use super::reader::Reader;

pub(super) const VERBS: &[&str] = &[
    "delete",
    "destroy",
    "remove",
    "get rid of",
    "drop",
    "kill",
    "tear down",
    "wipe",
    "erase",
    "trash",
    "scrap",
    "nuke",
    "decommission",
    "retire",
    "throw away",
    "purge",
    "no longer need",
    "no longer needed",
    "not needed",
    "not need",
    "bin",
    "throw out",
    "deleted",
    "destroyed",
    "removed",
    "clean up",
    "clear out",
    "dispose of",
    "can go",
    "must go",
    "don't need",
    "do not need",
    "tear",
    "take away",
    "toss",
    "eliminate",
    "obliterate",
    "be gone",
    "should go",
    "should be gone",
    "removing",
    "deleting",
    "destroying",
    "getting rid of",
    "gone",
    "rid of",
    "dismantle",
    "decommissioned",
    "retired",
    "blow away",
    "ditch",
    "axe",
    "scrapped",
    "trashed",
    "wiped",
    "erased",
    "killed",
    "dropped",
    "nuked",
    "purged",
    "binned",
    "thrown away",
    "thrown out",
    "torn down",
    "disposed of",
    "throw",
    "be rid of",
];

/// Tokens of the first verb of loss in a range.
pub fn verb(reader: &Reader<'_>, range: (usize, usize)) -> Option<(usize, usize)> {
    let mut start = range.0;
    while let Some((at, n)) = reader.find((start, range.1), VERBS) {
        if !is_told(reader, range, at) && (!reader.is(at, &["throw"]) || away(reader, at, range.1)) {
            return Some((at, at + n));
        }
        start = at + 1;
    }
    None
}

/// `throw web-old away`, `throw it out`; not `throw in a container`.
pub(super) fn away(reader: &Reader<'_>, at: usize, to: usize) -> bool {
    (at + 1..to).any(|i| reader.is(i, &["away", "out"]))
}

/// True if the words tell what was, and ask for nothing: `I deleted web-old yesterday`, `db-1 was removed`.
pub(super) fn is_told(reader: &Reader<'_>, range: (usize, usize), at: usize) -> bool {
    if !reader.low(at).ends_with("ed") && !reader.is(at, &["torn", "thrown"]) {
        return false;
    }
    // `I re-seated the cable and wiped the dust`: an order never stands in the past, a wish says be, get, want.
    let wished = [
        "be", "get", "gets", "want", "wants", "need", "needs", "must", "should", "shall", "can", "have",
        "longer", "no",
    ];
    if !reader.has((at.saturating_sub(5).max(range.0), at), &wished) {
        return true;
    }
    let before = (at.saturating_sub(2).max(range.0), at);
    reader
        .has(before, &["i", "we", "was", "were", "been", "got", "had", "he", "she", "they", "who", "already"])
        && !reader
            .has((at.saturating_sub(4).max(range.0), at), &["want", "need", "should", "must", "can", "to be"])
}

/// Somebody is said to have agreed to a loss, or to plan it: that is no wish yet.
pub(super) const HEARSAY: &[&str] = &[
    "agreed to",
    "agrees to",
    "agreed that",
    "wanted to",
    "wants to",
    "promised to",
    "told me to",
    "told you to",
    "asked to",
    "asked me to",
    "asked you to",
    "decided to",
    "plan to",
    "plans to",
    "planned to",
    "planning to",
    "thinking of",
    "thinking about",
    "allowed to",
    "going to",
    "about to",
    "used to",
    "forgot to",
    "tempted to",
    "agreed on",
    "consented to",
    "happy to",
    "permission to",
    "wondering",
    "whether",
];

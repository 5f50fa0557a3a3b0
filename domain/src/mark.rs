//! The ownership mark: how a guest says that it is ours (I8).
//!
//! A tag `mycopod` for people and lists, and a first line `mycopod mark=<uuid>` in the description for proof.
//! The line is written by the very call that creates the guest, so no guest of ours exists without it.

use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// The tag every guest of ours carries.
pub const TAG: &str = "mycopod";
const PREFIX: &str = "mycopod mark=";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mark(pub Uuid);

impl Mark {
    /// The mark of the guest that one declaration makes under one name and number: always the same, so a plan
    /// made twice marks alike.
    pub fn derive(declaration: Uuid, name: &str, vmid: u32) -> Self {
        Self(Uuid::new_v5(&declaration, format!("{name}/{vmid}").as_bytes()))
    }

    /// The mark in a guest's description, if its first line is one.
    pub fn find(description: &str) -> Option<Self> {
        let line = description.lines().next()?.trim();
        line.strip_prefix(PREFIX)?.parse().ok().map(Mark)
    }

    /// A description that carries the mark, then the person's own words.
    pub fn describe(&self, words: Option<&str>) -> String {
        match words {
            Some(words) if !words.is_empty() => format!("{self}\n{words}"),
            _ => format!("{self}\n"),
        }
    }

    /// A locally plausible MAC address for network card `index`, in Proxmox's own prefix `BC:24:11`.
    pub fn mac(&self, index: u8) -> String {
        let bytes = Uuid::new_v5(&self.0, &[b'm', index]).into_bytes();
        format!("BC:24:11:{:02X}:{:02X}:{:02X}", bytes[0], bytes[1], bytes[2])
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_described_mark_is_found_again() {
        let mark = Mark::derive(Uuid::from_u128(7), "k8s-1", 201);
        assert_eq!(Mark::find(&mark.describe(Some("for the children"))), Some(mark));
        assert_eq!(Mark::find(&mark.describe(None)), Some(mark));
        assert_eq!(Mark::find("notes\nmycopod mark=00000000-0000-0000-0000-000000000000"), None);
    }
}

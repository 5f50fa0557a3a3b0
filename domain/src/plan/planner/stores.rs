//! Storages as the planner sees them: those that were seen, and those the same plan makes first.

use super::config;
use crate::interpretation::{Change, StorageWish};
use crate::observation::{GuestSeen, Observation, StorageSeen};
use std::collections::{BTreeMap, BTreeSet};

/// The key of a shared storage's free space in a picture.
const ANY: &str = "any";

pub(super) struct Store {
    pub shared: bool,
    pub content: Vec<String>,
    /// Where it can be used.
    pub nodes: Vec<String>,
    /// None for a storage that does not exist yet: its space is not known.
    seen: Option<StorageSeen>,
}

pub(super) struct Stores {
    all: BTreeMap<String, Store>,
}

impl Stores {
    pub fn new(seen: &Observation, wishes: &[StorageWish]) -> Self {
        let mut all: BTreeMap<String, Store> = seen
            .storages
            .iter()
            .map(|(id, storage)| {
                let store = Store {
                    shared: storage.shared,
                    content: storage.content.clone(),
                    nodes: storage.nodes.clone(),
                    seen: Some(storage.clone()),
                };
                (id.clone(), store)
            })
            .collect();
        for wish in wishes.iter().filter(|wish| wish.change == Change::Create) {
            let everywhere = || seen.nodes.keys().cloned().collect();
            all.entry(wish.id.clone()).or_insert_with(|| Store {
                shared: true,
                content: wish.content.clone(),
                nodes: if wish.nodes.is_empty() { everywhere() } else { wish.nodes.clone() },
                seen: None,
            });
        }
        Self { all }
    }

    pub fn get(&self, id: &str) -> Option<&Store> {
        self.all.get(id)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Store)> {
        self.all.iter().map(|(id, store)| (id.as_str(), store))
    }
}

impl Store {
    pub fn holds(&self, content: &str) -> bool {
        self.content.iter().any(|kind| kind == content)
    }

    pub fn on(&self, node: &str) -> bool {
        self.nodes.iter().any(|name| name == node)
    }

    /// The node's own space, or the one space of a shared storage.
    pub fn space<'n>(&self, node: &'n str) -> &'n str {
        if self.shared { "" } else { node }
    }

    /// Free space as seen from a node, in GiB; none where it is not known.
    pub fn free_gib(&self, node: &str) -> Option<u64> {
        self.seen.as_ref().map(|seen| free_gib(seen, node))
    }
}

/// Free space of a storage from a node, in GiB. A shared storage is the same from everywhere.
pub(super) fn free_gib(storage: &StorageSeen, node: &str) -> u64 {
    let free = &storage.free_gib;
    let shared = || free.get(ANY).or_else(|| free.values().max()).filter(|_| storage.shared);
    free.get(node).or_else(shared).copied().unwrap_or(0)
}

/// The storages that hold the volumes of a guest, CD drives included.
pub(super) fn of_guest(guest: &GuestSeen) -> BTreeSet<String> {
    let volumes = guest.config.iter().filter(|(key, _)| config::is_disk(key) || *key == "rootfs");
    volumes
        .filter_map(|(_, value)| value.split(',').next()?.split_once(':'))
        .map(|(id, _)| id.to_owned())
        .collect()
}

/// The volume id of a file that a node can read: the named storage first, then the others by name.
pub(super) fn volume(
    seen: &Observation,
    first: Option<&str>,
    content: &str,
    file: &str,
    node: &str,
) -> Option<String> {
    let named = first.and_then(|id| seen.storages.get_key_value(id));
    let others = seen.storages.iter().filter(|(id, _)| Some(id.as_str()) != first);
    named.into_iter().chain(others).find_map(|(id, storage)| {
        let wanted = format!("{id}:{content}/{file}");
        let own = storage.files.get(node).into_iter().flatten();
        let shared = storage.files.values().flatten().filter(|_| storage.shared);
        let usable = storage.nodes.iter().any(|name| name == node);
        own.chain(shared).any(|volume| *volume == wanted && usable).then_some(wanted)
    })
}

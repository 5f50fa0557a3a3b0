//! The definition of an NFS share and the calls that make, change and remove it.

use super::NFS;
use crate::observation::StorageSeen;
use crate::plan::planner::sentence;
use crate::plan::{Call, Condition, Guard, Verb};
use std::collections::BTreeMap;

/// One definition, as the calls and conditions write it.
pub(super) struct Share {
    pub id: String,
    pub server: String,
    pub export: String,
    pub content: Vec<String>,
    /// Empty: all nodes.
    pub nodes: Vec<String>,
}

impl Share {
    fn is(&self) -> Condition {
        Condition::StorageIs {
            id: self.id.clone(),
            kind: NFS.into(),
            server: self.server.clone(),
            export: self.export.clone(),
            content: self.content.clone(),
            nodes: self.nodes.clone(),
        }
    }

    pub fn make(&self) -> Call {
        let mut args: BTreeMap<String, String> = [
            ("storage", self.id.clone()),
            ("type", NFS.to_owned()),
            ("server", self.server.clone()),
            ("export", self.export.clone()),
            ("content", self.content.join(",")),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into();
        if !self.nodes.is_empty() {
            args.insert("nodes".into(), self.nodes.join(","));
        }
        Call {
            verb: Verb::Post,
            path: "/storage".into(),
            args,
            purpose: "tell Proxmox about the share".into(),
            done_when: self.is(),
            guards: vec![Guard::StorageFree { id: self.id.clone() }],
        }
    }

    pub fn set(&self) -> Call {
        let mut args = BTreeMap::from([("content".to_owned(), self.content.join(","))]);
        if !self.nodes.is_empty() {
            args.insert("nodes".into(), self.nodes.join(","));
        }
        Call {
            verb: Verb::Put,
            path: format!("/storage/{}", self.id),
            args,
            purpose: "change what the storage holds and where".into(),
            done_when: self.is(),
            guards: Vec::new(),
        }
    }

    pub fn seen(id: &str, storage: &StorageSeen) -> Option<Self> {
        Some(Self {
            id: id.to_owned(),
            server: storage.server.clone()?,
            export: storage.export.clone()?,
            content: sorted(&storage.content),
            nodes: sorted(&storage.nodes),
        })
    }
}

pub(super) fn delete(id: &str) -> Call {
    Call {
        verb: Verb::Delete,
        path: format!("/storage/{id}"),
        args: BTreeMap::new(),
        purpose: "make Proxmox forget the share".into(),
        done_when: Condition::StorageGone { id: id.to_owned() },
        guards: Vec::new(),
    }
}

pub(super) fn sorted(items: &[String]) -> Vec<String> {
    let mut items = items.to_vec();
    items.sort();
    items.dedup();
    items
}

pub(super) fn places(nodes: &[String]) -> String {
    if nodes.is_empty() { "all nodes".into() } else { sentence::list(nodes) }
}

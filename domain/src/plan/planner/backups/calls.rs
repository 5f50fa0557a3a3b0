//! The calls that make a backup job and change it.

use crate::ids::Vmid;
use crate::plan::{Call, Condition, Guard, Verb};
use crate::surroundings::BackupJobSeen;
use std::collections::BTreeMap;

fn args(job: &BackupJobSeen) -> BTreeMap<String, String> {
    let list = job.guests.iter().map(Vmid::to_string).collect::<Vec<_>>().join(",");
    let pairs = [
        ("vmid", (!job.wide).then_some(list)),
        ("storage", job.storage.clone()),
        ("schedule", job.schedule.clone()),
        ("mode", job.mode.clone()),
        ("prune-backups", job.keep_last.map(|keep| format!("keep-last={keep}"))),
    ];
    pairs.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

pub(super) fn create(id: &str, job: &BackupJobSeen) -> Call {
    let mut args = args(job);
    args.insert("id".into(), id.to_owned());
    args.insert("enabled".into(), u8::from(job.enabled).to_string());
    Call {
        verb: Verb::Post,
        path: "/cluster/backup".into(),
        args,
        purpose: "make the job".into(),
        done_when: Condition::BackupJobIs { id: id.to_owned(), job: job.clone() },
        guards: vec![Guard::BackupJobFree { id: id.to_owned() }],
    }
}

/// Only what differs is written.
pub(super) fn update(id: &str, old: &BackupJobSeen, new: &BackupJobSeen) -> Call {
    let (before, mut changed) = (args(old), args(new));
    changed.retain(|key, value| before.get(key) != Some(value));
    let gone: Vec<&str> =
        before.keys().map(String::as_str).filter(|key| !args(new).contains_key(*key)).collect();
    if !gone.is_empty() {
        changed.insert("delete".into(), gone.join(","));
    }
    Call {
        verb: Verb::Put,
        path: format!("/cluster/backup/{id}"),
        args: changed,
        purpose: "change the job".into(),
        done_when: Condition::BackupJobIs { id: id.to_owned(), job: new.clone() },
        guards: Vec::new(),
    }
}

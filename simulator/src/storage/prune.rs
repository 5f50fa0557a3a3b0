//! Which backups a retention rule keeps: `keep-last=3,keep-daily=7,keep-weekly=4`.
//!
//! Begin with [`marked`]. Each guest has a list of its own, newest first. Every part of the rule keeps the newest
//! backup of so many hours, days, weeks, months or years that no earlier part has kept one of; protected backups
//! stand outside.

use crate::api::{Call, Fail, Reply};
use crate::state::{Volume, World};
use crate::storage;
use crate::tasks::{Halves, Job, Log};
use chrono::{DateTime, Datelike, Timelike, Utc};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The parts of a rule in the order in which they keep.
const PARTS: [&str; 6] =
    ["keep-last", "keep-hourly", "keep-daily", "keep-weekly", "keep-monthly", "keep-yearly"];

/// A rule of retention.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule(BTreeMap<String, usize>);

impl Rule {
    /// Reads a property string that has passed the schema.
    pub fn read(text: &str) -> Self {
        let parts = text.split(',').filter_map(|part| part.split_once('='));
        Self(parts.filter_map(|(key, count)| Some((key.to_owned(), count.parse().ok()?))).collect())
    }

    /// Does it keep everything?
    pub fn keeps_all(&self) -> bool {
        self.0.get("keep-all").is_some_and(|all| *all > 0) || self.0.values().all(|count| *count == 0)
    }

    /// As the log of a backup shows it.
    pub fn shown(&self) -> String {
        self.0.iter().map(|(key, count)| format!("{key}={count}")).collect::<Vec<_>>().join(", ")
    }
}

/// What is to become of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Keep,
    Remove,
    Protected,
}

impl Mark {
    fn word(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Remove => "remove",
            Self::Protected => "protected",
        }
    }
}

/// The hour, day, week, month or year a moment belongs to; for `keep-last` the moment itself.
fn period(part: &str, at: i64) -> String {
    let time = DateTime::<Utc>::from_timestamp(at, 0).unwrap_or_default();
    match part {
        "keep-hourly" => format!("{}-{}", time.date_naive(), time.hour()),
        "keep-daily" => time.date_naive().to_string(),
        "keep-weekly" => format!("{:?}", time.iso_week()),
        "keep-monthly" => format!("{}-{}", time.year(), time.month()),
        "keep-yearly" => time.year().to_string(),
        _ => at.to_string(),
    }
}

/// The marks for the backups of one guest, which are given as time and protection, newest first.
pub fn marked(backups: &[(i64, bool)], rule: &Rule) -> Vec<Mark> {
    let mut marks: Vec<Option<Mark>> =
        backups.iter().map(|(_, protected)| protected.then_some(Mark::Protected)).collect();
    if rule.keeps_all() {
        return marks.into_iter().map(|mark| mark.unwrap_or(Mark::Keep)).collect();
    }
    for part in PARTS {
        let Some(count) = rule.0.get(part).filter(|count| **count > 0) else { continue };
        let of = |at: usize| backups.get(at).map(|(time, _)| period(part, *time)).unwrap_or_default();
        let kept: BTreeSet<String> =
            (0..backups.len()).filter(|at| marks[*at] == Some(Mark::Keep)).map(of).collect();
        let mut new = BTreeSet::new();
        for (at, mark) in marks.iter_mut().enumerate() {
            let period = of(at);
            if mark.is_some() || kept.contains(&period) {
                continue;
            }
            if new.contains(&period) {
                *mark = Some(Mark::Remove);
                continue;
            }
            if new.len() >= *count {
                break;
            }
            new.insert(period);
            *mark = Some(Mark::Keep);
        }
    }
    marks.into_iter().map(|mark| mark.unwrap_or(Mark::Remove)).collect()
}

/// A backup with its mark.
struct Marked {
    vmid: u32,
    at: i64,
    volid: String,
    mark: Mark,
}

/// All backups on a storage, or those of one guest or kind, guest by guest and newest first.
fn on(
    world: &World,
    store: &str,
    node: &str,
    vmid: Option<u32>,
    kind: Option<&str>,
    rule: &Rule,
) -> Vec<Marked> {
    let here = |v: &&Volume| {
        v.storage == store && v.content == "backup" && v.node.as_ref().is_none_or(|n| n == node)
    };
    let mut groups: BTreeMap<(u32, &str), Vec<(i64, String)>> = BTreeMap::new();
    for volume in world.volumes.iter().filter(here) {
        let (id, of) = (volume.vmid.unwrap_or_default(), kind_of(&volume.name));
        if vmid.is_none_or(|vmid| vmid == id) && kind.is_none_or(|kind| kind == of) {
            groups.entry((id, of)).or_default().push((volume.created_at, storage::volid(volume)));
        }
    }
    let mut out = Vec::new();
    for ((vmid, _), mut backups) in groups {
        backups.sort_by(|a, b| b.cmp(a));
        let seen: Vec<(i64, bool)> = backups.iter().map(|(at, id)| (*at, is_protected(world, id))).collect();
        let marks = marked(&seen, rule);
        out.extend(backups.into_iter().zip(marks).map(|((at, volid), mark)| Marked {
            vmid,
            at,
            volid,
            mark,
        }));
    }
    out
}

fn kind_of(name: &str) -> &'static str {
    if name.contains("-lxc-") { "lxc" } else { "qemu" }
}

fn is_protected(world: &World, volid: &str) -> bool {
    let configs = world.sections.get(crate::sections::backup::CONFIGS);
    configs
        .and_then(|all| all.get(volid))
        .is_some_and(|one| one.get("_protected").is_some_and(|flag| flag == "1"))
}

/// Prunes the backups of one guest after a new one was made, as the backup's log tells it.
pub fn after_backup(world: &mut World, log: &mut Log, store: &str, node: &str, vmid: u32, rule: &Rule) {
    log.push(format!("INFO: prune older backups with retention: {}", rule.shown()));
    let doomed: Vec<String> = on(world, store, node, Some(vmid), None, rule)
        .into_iter()
        .filter(|one| one.mark == Mark::Remove)
        .map(|one| one.volid)
        .collect();
    for volid in &doomed {
        log.push(format!("INFO: removing backup '{volid}'"));
        storage::remove(world, volid, node);
    }
    log.push(format!("INFO: pruned {} backup(s) not covered by keep-retention policy", doomed.len()));
}

/// `GET|DELETE /nodes/{node}/storage/{storage}/prunebackups`: which backups would go, or their removal.
pub fn call(call: &Call) -> Result<Reply, Fail> {
    let store = call.text("storage").unwrap_or_default().to_owned();
    let home = call.node().to_owned();
    let world = call.engine.world();
    let config = storage::usable(&world, &store, &home)?.config.get("prune-backups").cloned();
    let rule = call.text("prune-backups").map(str::to_owned).or(config);
    let Some(rule) = rule else {
        return Err(Fail::text(format!("no prune-backups options configured for storage '{store}'")));
    };
    let vmid = call.number("vmid").and_then(|id| u32::try_from(id).ok());
    let list = on(&world, &store, &home, vmid, call.text("type"), &Rule::read(&rule));
    if call.verb == "GET" {
        let shown = list.iter().map(|one| {
            json!({"volid": one.volid, "vmid": one.vmid, "ctime": one.at, "mark": one.mark.word(),
                "type": kind_of(&one.volid)})
        });
        return Ok(Reply::data(Value::Array(shown.collect())));
    }
    drop(world);
    let doomed: Vec<String> =
        list.into_iter().filter(|one| one.mark == Mark::Remove).map(|one| one.volid).collect();
    let job = Job {
        kind: "prunebackups",
        id: call.text("vmid").map_or_else(|| store.clone(), |id| format!("{id}@{store}")),
        node: home.clone(),
        duration_ms: 500,
        locks: Vec::new(),
        wait_ms: 0,
        work: Box::new(move |_, _, _| {
            Ok(Halves::then(move |_, world, _| {
                for volid in doomed {
                    storage::remove(world, &volid, &home);
                }
                Ok(())
            }))
        }),
    };
    Ok(Reply::data(json!(call.engine.start(call, job))))
}

#[cfg(test)]
mod tests {
    use super::{Mark, Rule, marked};

    const DAY: i64 = 86_400;
    /// Noon of Sunday, the third of May 2026.
    const NOON: i64 = 1_777_809_600;

    fn kept(rule: &str, ages_h: &[i64]) -> Vec<i64> {
        let backups: Vec<(i64, bool)> = ages_h.iter().map(|age| (NOON - age * 3_600, false)).collect();
        let marks = marked(&backups, &Rule::read(rule));
        ages_h.iter().zip(marks).filter(|(_, mark)| *mark == Mark::Keep).map(|(age, _)| *age).collect()
    }

    #[test]
    fn each_part_of_a_rule_keeps_what_no_earlier_part_has() {
        let daily: Vec<i64> = (0..20).map(|day| day * 24).collect();
        assert_eq!(kept("keep-last=3", &daily), [0, 24, 48]);
        assert_eq!(kept("keep-daily=2", &[0, 1, 2, 24, 25, 48]), [0, 24]);
        assert_eq!(kept("keep-last=2,keep-daily=2", &[0, 1, 24, 25, 48, 49]), [0, 1, 24, 48]);
        // Weeks end on Sunday: this one, and the Sunday before.
        assert_eq!(kept("keep-weekly=2", &daily), [0, 7 * 24]);
        assert_eq!(kept("keep-monthly=2", &daily), [0, 3 * 24]);
        assert_eq!(kept("keep-hourly=1", &[0, 0, 1]), [0]);
        assert_eq!(kept("keep-yearly=5", &daily), [0]);
    }

    #[test]
    fn a_rule_of_nothing_or_of_all_keeps_everything() {
        for rule in ["keep-all=1", "keep-last=0", ""] {
            assert_eq!(kept(rule, &[0, 24, 48]).len(), 3, "{rule}");
        }
    }

    #[test]
    fn a_protected_backup_stays_and_does_not_count() {
        let backups = [(NOON, true), (NOON - DAY, false), (NOON - 2 * DAY, false)];
        let marks = marked(&backups, &Rule::read("keep-last=1"));
        assert_eq!(marks, [Mark::Protected, Mark::Keep, Mark::Remove]);
    }
}

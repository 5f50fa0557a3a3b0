//! Comparing what is in force with one look at the cluster.
//!
//! Three outcomes for each guest and storage: judged, with its differences; cannot be told, with why; or not in force.
//! A guest counts as missing only where its absence was proven (I9).

use super::applied::{Applied, AppliedGuest, AppliedStorage};
use super::{Drift, guest, words};
use crate::ids::Vmid;
use crate::observation::{GuestSeen, Observation, StorageSeen};
use crate::plan::{Condition, Expected, Look, Verdict};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// One look, with what is known about how good it is.
pub struct Sight<'a> {
    pub seen: &'a Observation,
    /// Guests that were really read in this look. What a picture keeps from an earlier one is not among them.
    pub fresh: &'a BTreeSet<Vmid>,
    /// Guests whose absence two reads proved.
    pub gone: &'a BTreeSet<Vmid>,
    /// Guests and storages, as subjects, at which a run is at work: they change while one looks.
    pub at_work: &'a BTreeSet<String>,
}

/// What came of one comparison.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judged {
    pub differences: Vec<Drift>,
    /// Subjects that were compared, whether they differ or not.
    pub judged: BTreeSet<String>,
    /// Subjects nobody can judge now, and why.
    pub unjudged: BTreeMap<String, String>,
}

/// Compares everything that is in force.
pub fn judge(applied: &Applied, sight: &Sight<'_>) -> Judged {
    let mut out = Judged::default();
    for (vmid, wanted) in &applied.guests {
        let subject = guest(*vmid);
        match found(*vmid, wanted, &subject, sight) {
            Err(why) => {
                out.unjudged.insert(subject, why);
            }
            Ok(found) => {
                let mut differ =
                    Differ { at: sight.seen.at, found: &mut out.differences, wanted, vmid: *vmid };
                match found {
                    Some(seen) => differ.guest(seen),
                    None => differ.add("existence", "there", "missing"),
                }
                out.judged.insert(subject);
            }
        }
    }
    for (id, wanted) in &applied.storages {
        let subject = format!("storage/{id}");
        match readable(sight, &subject) {
            Err(why) => {
                out.unjudged.insert(subject, why);
            }
            Ok(()) => {
                storage(id, wanted, sight, &subject, &mut out.differences);
                out.judged.insert(subject);
            }
        }
    }
    out
}

fn readable(sight: &Sight<'_>, subject: &str) -> Result<(), String> {
    if sight.at_work.contains(subject) {
        return Err("a run is at work on it".into());
    }
    if !sight.seen.quorate {
        return Err("the cluster has no quorum".into());
    }
    Ok(())
}

/// The guest as it was read now, none where it is proven absent, or why nobody can tell.
fn found<'a>(
    vmid: Vmid,
    wanted: &AppliedGuest,
    subject: &str,
    sight: &Sight<'a>,
) -> Result<Option<&'a GuestSeen>, String> {
    readable(sight, subject)?;
    let offline = |node: &String| sight.seen.nodes.get(node).is_some_and(|node| !node.online);
    if sight.gone.contains(&vmid) {
        return Ok(None);
    }
    match sight.seen.guests.get(&vmid) {
        Some(seen) if offline(&seen.node) => Err(format!("node {} does not answer", seen.node)),
        Some(seen) if sight.fresh.contains(&vmid) => match &seen.lock {
            // While it is copied, moved or restored its configuration is on its way.
            Some(lock) => Err(format!("it is locked ({lock})")),
            None => Ok(Some(seen)),
        },
        _ if offline(&wanted.node) => Err(format!("node {} does not answer", wanted.node)),
        _ => Err("it could not be read, and nothing proves that it is gone".into()),
    }
}

struct Differ<'a> {
    at: DateTime<Utc>,
    found: &'a mut Vec<Drift>,
    wanted: &'a AppliedGuest,
    vmid: Vmid,
}

impl Differ<'_> {
    fn add(&mut self, field: &str, declared: impl Into<String>, observed: impl Into<String>) {
        self.found.push(Drift {
            subject: guest(self.vmid),
            name: self.wanted.name.clone(),
            vmid: Some(self.vmid),
            field: field.to_owned(),
            declared: declared.into(),
            observed: observed.into(),
            since: self.at,
            by: None,
            task: None,
            declaration: Some(self.wanted.plan.declaration),
        });
    }

    fn guest(&mut self, seen: &GuestSeen) {
        let wanted = self.wanted;
        if seen.kind != wanted.kind || wanted.mark.is_some_and(|mark| seen.mark() != Some(mark)) {
            // Another guest under this number, or ours without its mark: its other fields are nobody's business.
            let observed = if seen.mark().is_some() { "another mark" } else { "not there" };
            return self.add("ownership mark", "ours", observed);
        }
        for (key, expected) in &wanted.fields {
            self.field(seen, key, expected);
        }
        for (key, size) in &wanted.disks {
            match seen.disk(key).map(|disk| disk.size_gib) {
                Some(Some(now)) if now < *size => self.add("disk", gib(*size), gib(now)),
                // Not read, or large enough.
                Some(_) => {}
                None => self.add("disk", gib(*size), "not there"),
            }
        }
        match wanted.running {
            Some(running) if running != seen.running => {
                self.add("power", power(running), power(seen.running))
            }
            _ => {}
        }
    }

    fn field(&mut self, seen: &GuestSeen, key: &str, expected: &Expected) {
        let now = seen.config.get(key).map(String::as_str);
        match (key, expected) {
            // Cores are counted over all sockets, however they are spread.
            ("cores", Expected::Number(cores)) => {
                if u64::from(seen.cores()) != self.sockets() * cores {
                    self.add("cores", (self.sockets() * cores).to_string(), seen.cores().to_string());
                }
            }
            ("sockets", _) if self.wanted.fields.contains_key("cores") => {}
            ("memory", Expected::Number(mib)) if seen.memory_mib() == *mib => {}
            // A flag that is off may also be left out.
            ("onboot" | "protection" | "unprivileged", Expected::Number(0)) if now.is_none() => {}
            // What made the guest decides whether a line end stands after its notes.
            ("description", Expected::Equal(text))
                if now.is_some_and(|now| now.trim_end() == text.trim_end()) => {}
            (_, Expected::Options(options)) => self.options(key, options, now),
            _ if holds(seen, key, expected) => {}
            _ => {
                let observed = now.map_or_else(|| "not set".to_owned(), |now| words::value(key, now));
                self.add(&words::field(key), words::expected(key, expected), observed);
            }
        }
    }

    fn sockets(&self) -> u64 {
        match self.wanted.fields.get("sockets") {
            Some(Expected::Number(sockets)) => *sockets,
            _ => 1,
        }
    }

    /// One difference for each part of a property string, so that a changed VLAN is called VLAN.
    fn options(&mut self, key: &str, wanted: &BTreeMap<String, String>, now: Option<&str>) {
        let Some(now) = now else {
            let whole = words::expected(key, &Expected::Options(wanted.clone()));
            return self.add(&words::field(key), whole, "not set");
        };
        let seen: BTreeMap<&str, &str> = now.split(',').filter_map(|part| part.split_once('=')).collect();
        for (option, value) in wanted {
            let found = seen.get(option.as_str()).copied();
            if !found.is_some_and(|found| found.eq_ignore_ascii_case(value)) {
                self.add(&words::part(key, option), value.clone(), found.unwrap_or("not set"));
            }
        }
    }
}

/// Judged by the condition itself, as the executor does.
fn holds(seen: &GuestSeen, key: &str, expected: &Expected) -> bool {
    let condition = Condition::ConfigHas {
        vmid: seen.vmid,
        kind: seen.kind,
        node: seen.node.clone(),
        values: BTreeMap::from([(key.to_owned(), expected.clone())]),
    };
    condition.judge(&Look::Guest(Box::new(seen.clone()))) == Verdict::Holds
}

fn gib(size: u64) -> String {
    format!("{size} GiB")
}

fn power(running: bool) -> &'static str {
    if running { "running" } else { "stopped" }
}

fn storage(id: &str, wanted: &AppliedStorage, sight: &Sight<'_>, subject: &str, out: &mut Vec<Drift>) {
    let mut add = |field: &str, declared: String, observed: String| {
        out.push(Drift {
            subject: subject.to_owned(),
            name: id.to_owned(),
            vmid: None,
            field: field.to_owned(),
            declared,
            observed,
            since: sight.seen.at,
            by: None,
            task: None,
            declaration: Some(wanted.plan.declaration),
        });
    };
    let Some(seen) = sight.seen.storages.get(id) else {
        return add("existence", "there".into(), "missing".into());
    };
    let share = |server: Option<&str>, export: Option<&str>| {
        format!("{}:{}", server.unwrap_or("no server"), export.unwrap_or("no export"))
    };
    let declared = share(Some(&wanted.server), Some(&wanted.export));
    let observed = share(seen.server.as_deref(), seen.export.as_deref());
    if declared != observed || wanted.kind != seen.kind {
        add("share", format!("{} {declared}", wanted.kind), format!("{} {observed}", seen.kind));
    }
    if sorted(&wanted.content) != sorted(&seen.content) {
        add("content", wanted.content.join(", "), seen.content.join(", "));
    }
    let elsewhere = |seen: &StorageSeen, node: &String| {
        let up = sight.seen.nodes.get(node).is_some_and(|node| node.online);
        up && !seen.nodes.contains(node)
    };
    // A node that is down shows no storage; only nodes that answer count.
    let added = seen.nodes.iter().any(|node| !wanted.nodes.contains(node));
    if !wanted.nodes.is_empty() && (added || wanted.nodes.iter().any(|node| elsewhere(seen, node))) {
        add("nodes", wanted.nodes.join(", "), seen.nodes.join(", "));
    }
}

fn sorted(words: &[String]) -> Vec<&str> {
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    words.sort_unstable();
    words
}

//! The owner's limits, held against the cluster as the plan would leave it.
//!
//! What is beyond a limit already may stay and may shrink; a plan may not go beyond one, whoever wrote the text and
//! whatever understood it (S31).

use super::NoPlan;
use super::context::Context;
use super::sentence;
use crate::observation::{GuestSeen, Observation};

/// Who can change a limit.
const ADVICE: &str = "Ask for something within the limits, or let an Admin change them in Settings, Rules.";

pub(super) fn check(context: &Context<'_>, end: &Observation) -> Result<(), NoPlan> {
    let limits = context.limits();
    if limits.is_open() {
        return Ok(());
    }
    for guest in end.guests.values() {
        let before = context.seen().guests.get(&guest.vmid);
        if before != Some(guest) {
            places(context, guest, before)?;
        }
    }
    for job in end.around.backup_jobs.iter().flatten() {
        let before = context.seen().around.backup_jobs.as_ref().and_then(|all| all.get(job.0));
        if before != Some(job.1) {
            job.1
                .storage
                .as_ref()
                .map_or(Ok(()), |id| storage(context, id, &format!("Backup job {}", job.0)))?;
        }
    }
    for (key, backup) in &end.around.backups {
        if !context.seen().around.backups.contains_key(key) {
            storage(context, &backup.storage, "A backup")?;
        }
    }
    sums(context, end)
}

fn places(context: &Context<'_>, guest: &GuestSeen, before: Option<&GuestSeen>) -> Result<(), NoPlan> {
    let limits = context.limits();
    let name = &guest.name;
    let refuse = |what: String, allowed: Vec<String>| {
        Err(NoPlan::new(format!("{what}, and the rules allow only {}.", sentence::list(&allowed)), ADVICE))
    };
    if !limits.allows_node(&guest.node) && before.is_none_or(|old| old.node != guest.node) {
        return refuse(format!("{name} would be on {}", guest.node), limits.nodes.clone());
    }
    for disk in guest.disks() {
        let there = |old: &GuestSeen| old.disk(&disk.key).is_some_and(|old| old.storage == disk.storage);
        if !limits.allows_storage(&disk.storage) && !before.is_some_and(there) {
            return refuse(format!("{name} would have a disk on {}", disk.storage), limits.storages.clone());
        }
    }
    if !limits.allows_vlan(guest.vlan()) && before.is_none_or(|old| old.vlan() != guest.vlan()) {
        let word = |tag: u16| if tag == 0 { "untagged".to_owned() } else { format!("VLAN {tag}") };
        let allowed = limits.vlans.iter().map(|tag| word(*tag)).collect();
        return refuse(format!("{name} would be in {}", word(guest.vlan().unwrap_or(0))), allowed);
    }
    if let Some(ip) = guest.ip().filter(|ip| !limits.allows_address(ip))
        && before.is_none_or(|old| old.ip().as_ref() != Some(&ip))
    {
        let allowed = limits.addresses.iter().map(ToString::to_string).collect();
        return refuse(format!("{name} would have the address {ip}"), allowed);
    }
    Ok(())
}

fn storage(context: &Context<'_>, id: &str, what: &str) -> Result<(), NoPlan> {
    let limits = context.limits();
    if limits.allows_storage(id) {
        return Ok(());
    }
    Err(NoPlan::new(
        format!("{what} would lie on {id}, and the rules allow only {}.", sentence::list(&limits.storages)),
        ADVICE,
    ))
}

/// What is summed: its noun, its limit, what one guest adds, and a sum in words.
type Sum<'a> = (&'a str, Option<u64>, fn(&GuestSeen) -> u64, fn(u64) -> String);

/// What all guests of ours have together, before and after.
fn sums(context: &Context<'_>, end: &Observation) -> Result<(), NoPlan> {
    let limits = context.limits();
    let ours = |seen: &Observation, value: fn(&GuestSeen) -> u64| -> u64 {
        let marked = seen.guests.values().filter(|guest| !guest.template && is_ours(context, guest));
        marked.map(value).sum()
    };
    let disks = |guest: &GuestSeen| guest.disks().iter().filter_map(|disk| disk.size_gib).sum();
    let all: [Sum<'_>; 4] = [
        ("guests", limits.guests_max.map(u64::from), |_| 1, |n| n.to_string()),
        ("virtual cores", limits.cores_max.map(u64::from), |guest| guest.cores().into(), |n| n.to_string()),
        ("memory", limits.memory_mib_max, GuestSeen::memory_mib, sentence::memory),
        ("disks", limits.disk_gib_max, disks, sentence::disk),
    ];
    for (noun, max, value, words) in all {
        let Some(max) = max else { continue };
        let (before, after) = (ours(context.seen(), value), ours(end, value));
        if after > max && after > before {
            return Err(NoPlan::new(
                format!(
                    "MycoPod's guests have {} of {noun}; with this plan they would have {}, and the rules allow {}.",
                    words(before),
                    words(after),
                    words(max)
                ),
                ADVICE,
            ));
        }
    }
    Ok(())
}

/// Ours already, or marked by this plan.
fn is_ours(context: &Context<'_>, guest: &GuestSeen) -> bool {
    let old = context.seen().guests.get(&guest.vmid);
    context.request.cluster.owns(guest) || (guest.mark().is_some() && old.and_then(GuestSeen::mark).is_none())
}

//! Disks that change their storage, the guest staying where it is.

use super::Route;
use crate::interpretation::GuestKind;
use crate::observation::{DiskSeen, GuestSeen};
use crate::plan::planner::context::Context;
use crate::plan::planner::draft::{Draft, Target, change, step};
use crate::plan::planner::{NoPlan, power, sentence};
use crate::plan::{Call, Condition, HazardKind, Reverse, StepVerb, TimeClass, Verb};
use std::collections::BTreeMap;

/// Disks that are not on the storage yet.
pub(super) fn to_move(guest: &GuestSeen, id: &str, boot_only: bool) -> Vec<DiskSeen> {
    let boot = guest.boot_disk().map(|disk| disk.key);
    let meant = |disk: &DiskSeen| !boot_only || Some(&disk.key) == boot.as_ref();
    guest.disks().into_iter().filter(|disk| disk.storage != id && meant(disk)).collect()
}

/// A storage that only the target node has is reached together with the guest.
pub(super) fn moves_along(context: &Context<'_>, route: &Route<'_>) -> bool {
    let store = route.storage().and_then(|id| context.stores.get(id));
    store.is_some_and(|store| !store.on(&route.guest.node))
}

/// Can the storage take these disks on this node?
pub(super) fn usable(context: &Context<'_>, guest: &GuestSeen, id: &str, node: &str) -> Result<(), NoPlan> {
    let content = if guest.kind == GuestKind::Vm { "images" } else { "rootdir" };
    let legal = || {
        let fits = context.stores.iter().filter(|(_, store)| store.on(node) && store.holds(content));
        let names: Vec<&str> = fits.map(|(id, _)| id).collect();
        format!("{node} could use {}.", sentence::list(&names))
    };
    match context.stores.get(id) {
        Some(store) if store.on(node) && store.holds(content) => Ok(()),
        Some(store) if store.on(node) => {
            Err(NoPlan::new(format!("Storage {id} cannot hold disks of a {}.", guest.kind.noun()), legal()))
        }
        _ => Err(NoPlan::new(format!("{node} has no storage {id}."), legal())),
    }
}

pub(super) fn plan(
    context: &Context<'_>,
    route: &Route<'_>,
    target: &mut Target,
    mut after: Vec<u32>,
    draft: &mut Draft,
) -> Result<Vec<u32>, NoPlan> {
    let Some((id, origin)) = &route.to_storage else { return Ok(after) };
    let guest = route.guest;
    usable(context, guest, id, &guest.node)?;
    let moved = to_move(guest, id, route.boot_only);
    if guest.running && moved.iter().any(|disk| disk.key.starts_with("tpmstate")) {
        return Err(NoPlan::new(
            format!("The TPM of {} cannot be moved while the VM runs.", guest.name),
            "Stop the VM first, then ask again.",
        ));
    }
    // A container's volumes are moved while it is stopped.
    let stops = guest.kind == GuestKind::Container && guest.running;
    let words = target.subject().words();
    if stops {
        after = power::pause(target, &route.phrases, "its disks cannot be moved while it runs", after, draft);
    }
    // Proxmox refuses to delete a source that a snapshot still needs.
    let keeps = !guest.snapshots.is_empty();
    let sizes: Vec<String> = moved.iter().map(size).collect();
    let from: Vec<String> = sources(&moved);
    let end = if keeps { " The old copies stay as unused disks, because snapshots need them." } else { "" };
    let text = format!(
        "Move {} of {words} on {} from {} to {id}.{end}",
        sentence::list(&sizes),
        guest.node,
        sentence::list(&from)
    );
    let mut step = step(StepVerb::Change, target.subject(), text, route.phrases.clone());
    step.after = after;
    step.time = TimeClass::Minutes;
    step.changes = moved
        .iter()
        .map(|disk| {
            change(
                &format!("storage of {}", disk.key),
                Some(disk.storage.clone()),
                Some(id.clone()),
                origin.clone(),
            )
        })
        .collect();
    let back = moved.iter().map(|disk| (disk.key.clone(), disk.storage.clone())).collect::<Vec<_>>();
    // The stamp of a container is its root volume, which has another name afterwards.
    let old = target.clone();
    if guest.kind == GuestKind::Container && moved.iter().any(|disk| disk.key == "rootfs") {
        target.stamp = None;
    }
    let mut seen = old;
    step.calls = moved
        .iter()
        .map(|disk| {
            let call = self::call(&seen, &disk.key, id, !keeps);
            seen = target.clone();
            call
        })
        .collect();
    step.reverse = Reverse::Calls {
        sentence: format!("Move the disks of {words} back to {}.", sentence::list(&from)),
        loses_data: false,
        calls: back.iter().map(|(key, storage)| self::call(target, key, storage, true)).collect(),
    };
    let no = draft.push(step);
    let gib: u64 = moved.iter().filter_map(|disk| disk.size_gib).sum();
    draft.hazard(
        HazardKind::Caution,
        format!("{} of {words} are copied; that takes time and load.", sentence::disk(gib)),
        Some(no),
    );
    if stops {
        return Ok(power::go_on(target, &route.phrases, vec![no], draft));
    }
    Ok(vec![no])
}

fn size(disk: &DiskSeen) -> String {
    match disk.size_gib {
        Some(gib) => format!("disk {} of {}", disk.key, sentence::disk(gib)),
        None => format!("disk {}", disk.key),
    }
}

fn sources(disks: &[DiskSeen]) -> Vec<String> {
    let mut from: Vec<String> = disks.iter().map(|disk| disk.storage.clone()).collect();
    from.sort();
    from.dedup();
    from
}

fn call(target: &Target, key: &str, storage: &str, delete: bool) -> Call {
    let vm = target.kind == GuestKind::Vm;
    let args = [
        (if vm { "disk" } else { "volume" }, key.to_owned()),
        ("storage", storage.to_owned()),
        ("delete", u8::from(delete).to_string()),
    ];
    Call {
        verb: Verb::Post,
        path: target.path(if vm { "/move_disk" } else { "/move_volume" }),
        args: args.map(|(key, value)| (key.to_owned(), value)).into_iter().collect::<BTreeMap<_, _>>(),
        purpose: format!("move {key} to {storage}"),
        done_when: Condition::DiskOn {
            vmid: target.vmid,
            kind: target.kind,
            node: target.node.clone(),
            disk: key.to_owned(),
            storage: storage.to_owned(),
        },
        guards: vec![target.guard()],
    }
}

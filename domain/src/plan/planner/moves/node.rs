//! A guest that changes its node: live where that works, else stopped, moved and started again.

use super::{Route, disks};
use crate::interpretation::GuestKind;
use crate::observation::{DiskSeen, GuestSeen};
use crate::plan::planner::context::Context;
use crate::plan::planner::draft::{Draft, Target, change, step};
use crate::plan::planner::{NoPlan, power, sentence};
use crate::plan::{Call, Condition, Effect, HazardKind, Reverse, StepVerb, TimeClass, Verb};
use std::collections::BTreeMap;

/// How long a container may take to shut down before its restart elsewhere, in seconds.
const RESTART_S: u32 = 60;

/// How the guest gets there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// A VM that goes on running.
    Live,
    /// A container that Proxmox stops here and starts there.
    Restart,
    /// It is stopped, or is stopped for the move.
    Stopped,
}

/// `along`: its disks go to another storage on the way.
pub(super) fn plan(
    context: &Context<'_>,
    route: &Route<'_>,
    along: bool,
    target: &mut Target,
    mut after: Vec<u32>,
    draft: &mut Draft,
) -> Result<Vec<u32>, NoPlan> {
    let Some((node, origin)) = &route.to_node else { return Ok(after) };
    let guest = route.guest;
    fits(context, route, node)?;
    let local = local_disks(context, route, along);
    let storage = route.storage().filter(|_| along);
    for disk in &local {
        disks::usable(context, guest, storage.unwrap_or(&disk.storage), node)?;
    }
    refuse(context, guest, node, &local, storage.is_some())?;
    let way = way(route)?;
    let stops = guest.running && way == Way::Stopped;
    let words = target.subject().words();
    if stops {
        after = power::pause(
            target,
            &route.phrases,
            "the text asks to move it while it is stopped",
            after,
            draft,
        );
    }
    let from = guest.node.clone();
    let how = match way {
        Way::Live => "while it runs",
        Way::Restart => "with a short stop: a container is stopped here and started there",
        Way::Stopped => "while it is stopped",
    };
    let copied: u64 = local.iter().filter_map(|disk| disk.size_gib).sum();
    let copy = match (local.is_empty(), storage) {
        (true, _) => String::new(),
        (false, Some(id)) => format!(" Its disks ({}) are copied to {id} there.", sentence::disk(copied)),
        (false, None) => format!(" Its local disks ({}) are copied.", sentence::disk(copied)),
    };
    let text = format!("Move {words} from {from} to {node} {how}.{copy}");
    let mut step = step(StepVerb::Change, target.subject(), text, route.phrases.clone());
    step.after = after;
    step.time = TimeClass::Minutes;
    step.effect = if way == Way::Restart { Effect::Interrupts } else { Effect::None };
    step.changes = vec![change("node", Some(from.clone()), Some(node.clone()), origin.clone())];
    if let (Some(id), Some((_, why))) = (storage, &route.to_storage) {
        let before = local.first().map(|disk| disk.storage.clone());
        step.changes.push(change("storage", before, Some(id.to_owned()), why.clone()));
    }
    step.calls = vec![call(target, node, way, !local.is_empty(), storage)];
    let mut moved = Target { node: node.clone(), ..target.clone() };
    // Copied volumes may have other names, and the root volume is a container's stamp.
    if guest.kind == GuestKind::Container && !local.is_empty() {
        moved.stamp = None;
    }
    let home = local.first().map(|disk| disk.storage.as_str()).filter(|_| storage.is_some());
    step.reverse = Reverse::Calls {
        sentence: format!("Move {words} back to {from}."),
        loses_data: false,
        calls: vec![call(&moved, &from, way, !local.is_empty(), home)],
    };
    let no = draft.push(step);
    *target = moved;
    if way == Way::Restart {
        draft.hazard(
            HazardKind::Interrupts,
            format!("{words} is unreachable while it is stopped on {from} and started on {node}."),
            Some(no),
        );
    }
    if !local.is_empty() {
        let text = format!(
            "{} of local disks of {words} are copied over the network to {node}.",
            sentence::disk(copied)
        );
        draft.hazard(HazardKind::Caution, text, Some(no));
    }
    if stops {
        return Ok(power::go_on(target, &route.phrases, vec![no], draft));
    }
    Ok(vec![no])
}

/// Can the guest live on that node at all?
fn fits(context: &Context<'_>, route: &Route<'_>, node: &str) -> Result<(), NoPlan> {
    let guest = route.guest;
    let online: Vec<&str> = context
        .seen()
        .nodes
        .iter()
        .filter(|(name, seen)| seen.online && **name != guest.node)
        .map(|(name, _)| name.as_str())
        .collect();
    let Some(seen) = context.online(node) else {
        return Err(NoPlan::new(
            format!("{} cannot move to {node}: there is no such node, or it is offline.", guest.name),
            format!("It could go to {}.", sentence::list(&online)),
        ));
    };
    if let Some(bridge) = guest.bridge().filter(|bridge| !seen.bridges.contains_key(bridge)) {
        return Err(NoPlan::new(
            format!("{} uses the bridge {bridge}, which {node} does not have.", guest.name),
            "Make the bridge there first, or name another node.",
        ));
    }
    // As it shall be once it is there.
    let wished =
        context.desired().guests.iter().find(|wish| wish.name == guest.name).and_then(|wish| wish.cores);
    let cores = wished.unwrap_or_else(|| guest.cores());
    if cores > seen.threads && context.house().policy.over_threads == "refuse" {
        return Err(NoPlan::new(
            format!("{} has {cores} cores, {node} has {} threads.", guest.name, seen.threads),
            "Name a larger node, or give the guest fewer cores first.",
        ));
    }
    Ok(())
}

/// Disks that only this node can read.
fn local_disks(context: &Context<'_>, route: &Route<'_>, along: bool) -> Vec<DiskSeen> {
    // Disks that were moved to another storage before are where that storage is.
    let settled = route.storage().filter(|_| !along);
    let shared = |id: &str| context.stores.get(id).is_some_and(|store| store.shared);
    let going = disks::to_move(route.guest, settled.unwrap_or_default(), route.boot_only);
    let disks = route.guest.disks().into_iter().map(|disk| match settled {
        Some(id) if going.contains(&disk) => DiskSeen { storage: id.to_owned(), ..disk },
        _ => disk,
    });
    disks.filter(|disk| !shared(&disk.storage)).collect()
}

/// What holds a guest where it is.
fn refuse(
    context: &Context<'_>,
    guest: &GuestSeen,
    node: &str,
    local: &[DiskSeen],
    elsewhere: bool,
) -> Result<(), NoPlan> {
    let shared = |id: &str| context.stores.get(id).is_some_and(|store| store.shared);
    let device = guest.config.iter().find(|(key, value)| {
        let stem = key.trim_end_matches(|c: char| c.is_ascii_digit());
        ["hostpci", "usb", "parallel"].contains(&stem)
            && !value.contains("mapping=")
            && !value.contains("spice")
    });
    if let Some((key, _)) = device {
        return Err(NoPlan::new(
            format!("{} uses {key}, a device of {}.", guest.name, guest.node),
            "Take the device out in Proxmox first; it cannot move along.",
        ));
    }
    let medium = guest.config.iter().find(|(_, value)| {
        let storage = value.split_once(':').map(|(id, _)| id);
        value.contains("media=cdrom") && !value.contains("cloudinit") && storage.is_some_and(|id| !shared(id))
    });
    if let Some((key, _)) = medium {
        return Err(NoPlan::new(
            format!("{} has a CD of {} in {key}, which {node} does not have.", guest.name, guest.node),
            "Take the CD out in Proxmox first.",
        ));
    }
    if !local.is_empty() && !guest.snapshots.is_empty() && (guest.running || elsewhere) {
        return Err(NoPlan::new(
            format!("{} has local disks with snapshots ({}).", guest.name, sentence::list(&guest.snapshots)),
            "Proxmox copies such disks only while the guest is stopped and to a storage of the same name. Stop it, or delete the snapshots first.",
        ));
    }
    Ok(())
}

fn way(route: &Route<'_>) -> Result<Way, NoPlan> {
    let guest = route.guest;
    match (guest.running, guest.kind, route.online) {
        (false, _, _) => Ok(Way::Stopped),
        (true, _, Some(false)) => Ok(Way::Stopped),
        (true, GuestKind::Vm, _) => Ok(Way::Live),
        (true, GuestKind::Container, None) => Ok(Way::Restart),
        (true, GuestKind::Container, Some(true)) => Err(NoPlan::new(
            format!("Container {} cannot move without being stopped.", guest.name),
            "Proxmox restarts a container on the other node. Leave out that it must not stop.",
        )),
    }
}

fn call(target: &Target, node: &str, way: Way, local: bool, storage: Option<&str>) -> Call {
    let vm = target.kind == GuestKind::Vm;
    let mut args = BTreeMap::from([("target".to_owned(), node.to_owned())]);
    match way {
        Way::Live => drop(args.insert("online".into(), "1".into())),
        Way::Restart => {
            args.insert("restart".into(), "1".into());
            args.insert("timeout".into(), RESTART_S.to_string());
        }
        Way::Stopped => {}
    }
    if local && vm {
        args.insert("with-local-disks".into(), "1".into());
    }
    if let Some(id) = storage {
        args.insert(if vm { "targetstorage" } else { "target-storage" }.into(), id.to_owned());
    }
    Call {
        verb: Verb::Post,
        path: target.path("/migrate"),
        args,
        purpose: format!("move it to {node}"),
        done_when: Condition::GuestOn {
            vmid: target.vmid,
            kind: target.kind,
            from: target.node.clone(),
            node: node.to_owned(),
        },
        guards: vec![target.guard()],
    }
}

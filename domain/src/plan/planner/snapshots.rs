//! Snapshots: taken before other changes, deleted and gone back to last, and only where the text says so.

use super::context::Context;
use super::draft::{Draft, Target, step};
use super::tasks::Tasks;
use super::{NoPlan, power, sentence};
use crate::interpretation::{Change, GuestKind, SnapshotWish};
use crate::observation::GuestSeen;
use crate::plan::{Call, Condition, Effect, Hazard, HazardKind, Reverse, StepVerb, Subject, TimeClass, Verb};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Storage types whose volumes can be snapshotted, whatever their format.
const ABLE: [&str; 6] = ["rbd", "zfspool", "zfs", "lvmthin", "btrfs", "cephfs"];

/// Snapshots to take. They come first, so that there is a way back from everything else.
pub(super) fn take(context: &Context<'_>, tasks: &Tasks<'_>, draft: &mut Draft) -> Result<(), NoPlan> {
    for (index, wish) in all(context, Change::Create) {
        let guest = guest(context, tasks, wish)?;
        let target = Target::seen(guest)?;
        let phrases = context.phrases("snapshots", index, wish);
        let name = name(context, guest, wish);
        let subject = subject(guest, &name);
        if guest.snapshots.contains(&name) {
            let text = format!("Snapshot {name} of {} is there already.", target.subject().words());
            draft.push(step(StepVerb::AlreadySo, subject, text, phrases));
            continue;
        }
        able(context, guest)?;
        let memory = wish.with_memory == Some(true);
        if memory && guest.kind == GuestKind::Container {
            return Err(NoPlan::new(
                format!("A snapshot of container {} cannot hold its memory.", guest.name),
                "Ask for a snapshot without memory.",
            ));
        }
        let with = if memory && guest.running { " with its memory" } else { "" };
        let text = format!("Take the snapshot {name} of {}{with}.", target.subject().words());
        let mut taken = step(StepVerb::Create, subject, text, phrases);
        taken.lane = format!("guest {}", guest.vmid);
        taken.time = if memory { TimeClass::Minutes } else { TimeClass::Seconds };
        taken.calls = vec![create(&target, &name, memory && guest.running)];
        taken.reverse = Reverse::Calls {
            sentence: format!("Delete the snapshot {name} of {}.", target.subject().words()),
            loses_data: false,
            calls: vec![delete(&target, &name)],
        };
        draft.push(taken);
    }
    Ok(())
}

/// Snapshots to delete or to go back to: near the end, because neither has a way back.
pub(super) fn end(context: &Context<'_>, tasks: &Tasks<'_>, draft: &mut Draft) -> Result<(), NoPlan> {
    for (index, wish) in all(context, Change::Remove).chain(all(context, Change::Destroy)) {
        let guest = guest(context, tasks, wish)?;
        let target = Target::seen(guest)?;
        let name = said(wish)?;
        let phrases = context.phrases("snapshots", index, wish);
        let words = target.subject().words();
        if !guest.snapshots.contains(name) {
            let text = format!("There is no snapshot {name} of {words}.");
            draft.push(step(StepVerb::AlreadySo, subject(guest, name), text, phrases));
            continue;
        }
        let text = format!("Delete the snapshot {name} of {words}. The guest stays as it is.");
        let mut deleted = step(StepVerb::Destroy, subject(guest, name), text, phrases);
        deleted.lane = format!("guest {}", guest.vmid);
        deleted.effect = Effect::Destroys;
        deleted.time = TimeClass::Minutes;
        deleted.calls = vec![delete(&target, name)];
        deleted.reverse = Reverse::None { why: "what a snapshot held cannot be had again.".into() };
        let no = draft.push(deleted);
        hazard(
            format!("The snapshot {name} of {words} will be gone for good; nobody can go back to it."),
            name,
            no,
            draft,
        );
    }
    for (index, wish) in all(context, Change::Rollback) {
        rollback(context, tasks, index, wish, draft)?;
    }
    Ok(())
}

fn rollback(
    context: &Context<'_>,
    tasks: &Tasks<'_>,
    index: usize,
    wish: &SnapshotWish,
    draft: &mut Draft,
) -> Result<(), NoPlan> {
    let guest = guest(context, tasks, wish)?;
    let target = Target::seen(guest)?;
    let name = said(wish)?;
    let words = target.subject().words();
    if !guest.snapshots.contains(name) {
        let known = match guest.snapshots.as_slice() {
            [] => "It has no snapshot.".to_owned(),
            names => format!("It has {}.", sentence::list(names)),
        };
        return Err(NoPlan::new(format!("There is no snapshot {name} of {words}."), known));
    }
    // Such storages keep a straight line: what came after must go first.
    let newer: Vec<&String> = guest.snapshots.iter().filter(|other| *other != name).collect();
    let zfs = guest.disks().iter().any(|disk| kind_of(context, &disk.storage) == Some("zfspool"));
    if zfs && guest.config.get("parent").is_some_and(|parent| parent != name) {
        return Err(NoPlan::new(
            format!("{words} can go back only to its newest snapshot: its disks lie on ZFS."),
            format!("Delete the newer ones first. It has {}.", sentence::list(&newer)),
        ));
    }
    let phrases = context.phrases("snapshots", index, wish);
    let text = format!(
        "Take {words} back to the snapshot {name}. Everything written since is lost{}.",
        if guest.running { ", and it is started again" } else { "" }
    );
    let mut back = step(StepVerb::Change, target.subject(), text, phrases.clone());
    back.effect = Effect::Destroys;
    back.time = TimeClass::Minutes;
    back.calls = vec![Call {
        verb: Verb::Post,
        path: target.path(&format!("/snapshot/{name}/rollback")),
        args: BTreeMap::new(),
        purpose: format!("go back to {name}"),
        done_when: Condition::TaskDone {
            vmid: guest.vmid,
            node: guest.node.clone(),
            task: if guest.kind == GuestKind::Vm { "qmrollback" } else { "vzrollback" }.into(),
            since: context.request.made_at.timestamp(),
        },
        guards: vec![target.guard()],
    }];
    back.reverse = Reverse::None {
        why: format!("what was written since {name} is gone; only a backup brings it back."),
    };
    let no = draft.push(back);
    hazard(
        format!("Everything {words} wrote since the snapshot {name} will be lost for good."),
        &guest.name,
        no,
        draft,
    );
    if guest.running {
        // Going back makes a VM anew in the eyes of the cluster: its generation id changes.
        let target = Target { stamp: None, ..target };
        power::go_on(&target, &phrases, vec![no], draft);
    }
    Ok(())
}

fn hazard(text: String, confirm: &str, no: u32, draft: &mut Draft) {
    let confirm = Some(confirm.to_owned());
    draft.hazards.push(Hazard { kind: HazardKind::Destroys, text, confirm, step: Some(no) });
}

fn all<'a>(context: &Context<'a>, change: Change) -> impl Iterator<Item = (usize, &'a SnapshotWish)> {
    context.desired().snapshots.iter().enumerate().filter(move |(_, wish)| wish.change == change)
}

fn subject(guest: &GuestSeen, name: &str) -> Subject {
    Subject {
        noun: format!("snapshot of {} {}", guest.kind.noun(), guest.name),
        name: name.to_owned(),
        vmid: Some(guest.vmid),
        node: Some(guest.node.clone()),
    }
}

/// The guest a snapshot is about. Losing one is a change of the guest; taking one is not.
fn guest<'a>(context: &Context<'a>, tasks: &Tasks<'_>, wish: &SnapshotWish) -> Result<&'a GuestSeen, NoPlan> {
    if tasks.created.iter().any(|(_, created)| created.name == wish.guest) {
        return Err(NoPlan::new(
            format!("{} is made by the same text, so it has nothing a snapshot could keep.", wish.guest),
            "Ask for the snapshot in a declaration of its own, once the guest is there.",
        ));
    }
    let guest = context.owned_named(&wish.guest)?;
    if wish.change != Change::Create {
        context.unprotected(guest)?;
        if wish.change == Change::Rollback && tasks.compared.iter().any(|task| task.guest.vmid == guest.vmid)
        {
            return Err(NoPlan::new(
                format!("{} is to be changed and taken back to a snapshot.", guest.name),
                "Ask for one of the two first, and for the other in another declaration.",
            ));
        }
    }
    if tasks.destroyed.iter().any(|task| task.guest.vmid == guest.vmid) {
        return Err(NoPlan::new(
            format!("{} is destroyed by the same text, with its snapshots.", guest.name),
            "Leave out what is said about its snapshots.",
        ));
    }
    Ok(guest)
}

fn said(wish: &SnapshotWish) -> Result<&String, NoPlan> {
    wish.name
        .as_ref()
        .ok_or_else(|| NoPlan::new(format!("Which snapshot of {} is meant?", wish.guest), "Write its name."))
}

/// The name of the text, or one that is the same whenever this declaration is read.
fn name(context: &Context<'_>, guest: &GuestSeen, wish: &SnapshotWish) -> String {
    let made_up = || {
        let id = Uuid::new_v5(&context.request.declaration.0, format!("snapshot/{}", guest.vmid).as_bytes());
        format!("mycopod-{}", id.simple().to_string().get(..8).unwrap_or_default())
    };
    wish.name.clone().unwrap_or_else(made_up)
}

fn kind_of<'c>(context: &'c Context<'_>, id: &str) -> Option<&'c str> {
    context.seen().storages.get(id).map(|storage| storage.kind.as_str())
}

/// Can every disk of the guest be snapshotted?
fn able(context: &Context<'_>, guest: &GuestSeen) -> Result<(), NoPlan> {
    let unable = guest.disks().into_iter().find(|disk| {
        let kind = kind_of(context, &disk.storage).unwrap_or_default();
        !(ABLE.contains(&kind) || disk.volume.ends_with(".qcow2"))
    });
    match unable {
        None => Ok(()),
        Some(disk) => Err(NoPlan::new(
            format!("{} cannot be snapshotted: its disk {} lies on {}.", guest.name, disk.key, disk.storage),
            "That storage has no snapshots for disks of this format. Ask for a backup, or move the disk first.",
        )),
    }
}

fn is(target: &Target, name: &str, present: bool) -> Condition {
    let (vmid, kind, node) = (target.vmid, target.kind, target.node.clone());
    Condition::SnapshotIs { vmid, kind, node, name: name.to_owned(), present }
}

fn create(target: &Target, name: &str, memory: bool) -> Call {
    let mut args = BTreeMap::from([("snapname".to_owned(), name.to_owned())]);
    if memory {
        args.insert("vmstate".into(), "1".into());
    }
    Call {
        verb: Verb::Post,
        path: target.path("/snapshot"),
        args,
        purpose: format!("take the snapshot {name}"),
        done_when: is(target, name, true),
        guards: vec![target.guard()],
    }
}

fn delete(target: &Target, name: &str) -> Call {
    Call {
        verb: Verb::Delete,
        path: target.path(&format!("/snapshot/{name}")),
        args: BTreeMap::new(),
        purpose: format!("delete the snapshot {name}"),
        done_when: is(target, name, false),
        guards: vec![target.guard()],
    }
}

//! Destroying a guest: only ours, only unprotected, only the very one that was seen (I8).

use super::context::Context;
use super::draft::{Draft, Target, step};
use super::tasks::Task;
use super::{NoPlan, ha, power, reverse, sentence};
use crate::interpretation::GuestWish;
use crate::observation::GuestSeen;
use crate::plan::{Effect, Guard, Hazard, HazardKind, Reverse, StepVerb, Subject, TimeClass};

pub(super) fn plan(context: &Context<'_>, task: &Task<'_>, draft: &mut Draft) -> Result<(), NoPlan> {
    let guest = task.guest;
    let target = Target::seen(guest)?;
    let subject = target.subject().words();
    if target.stamp.is_none() {
        return Err(NoPlan::new(
            format!("{subject} cannot be told from a later guest of the same number."),
            "Its creation stamp cannot be read. Destroy it in Proxmox itself if you are sure.",
        ));
    }
    if let Some(lock) = &guest.lock {
        let text = format!("{subject} is locked ({lock}); Proxmox may refuse to destroy it until that ends.");
        draft.hazard(HazardKind::Caution, text, None);
    }
    let phrases = context.phrases("guests", task.index, task.wish);
    let mut after = Vec::new();
    // The manager would start again what is stopped behind its back.
    if context.seen().around.ha_of(guest.kind, guest.vmid).is_some() {
        after.push(ha::leave(context, &target, Vec::new(), phrases.clone(), draft));
    }
    if guest.running {
        let sentence = format!("Switch off {subject} on {}, because it will be destroyed.", guest.node);
        let mut stopped = step(StepVerb::Change, target.subject(), sentence, phrases.clone());
        stopped.after = after.clone();
        stopped.effect = Effect::Interrupts;
        stopped.calls = vec![power::stop_call(&target)];
        stopped.reverse = reverse::start(&target);
        after.push(draft.push(stopped));
    }
    let what = contents(guest);
    let sentence = format!(
        "Destroy {subject} on {}{}.",
        guest.node,
        if what.is_empty() { String::new() } else { format!(" with {what}") }
    );
    let mut destroyed = step(StepVerb::Destroy, target.subject(), sentence, phrases);
    destroyed.after = after;
    destroyed.effect = Effect::Destroys;
    destroyed.time = TimeClass::Minutes;
    let mut call = reverse::destroy_call(&target);
    call.guards.push(Guard::HoldsOnly {
        vmid: guest.vmid,
        kind: guest.kind,
        node: guest.node.clone(),
        volumes: guest.volumes(),
        snapshots: guest.snapshots.clone(),
    });
    destroyed.calls = vec![call];
    destroyed.reverse =
        Reverse::None { why: "what was on its disks is gone; only a backup brings it back.".into() };
    let no = draft.push(destroyed);
    let what = if what.is_empty() { String::new() } else { format!(", with {what}") };
    let address = match guest.ip() {
        Some(ip) if ip != "dhcp" => format!(" Its address is {ip}."),
        _ => String::new(),
    };
    draft.hazards.push(Hazard {
        kind: HazardKind::Destroys,
        text: format!("{subject} on {} will be gone for good{what}.{address}", guest.node),
        confirm: Some(guest.name.clone()),
        step: Some(no),
    });
    Ok(())
}

/// A guest that is not there needs no destroying.
pub(super) fn absent(context: &Context<'_>, index: usize, wish: &GuestWish, draft: &mut Draft) {
    let (noun, name, vmid) = (wish.kind.noun().to_owned(), wish.name.clone(), wish.vmid);
    let subject = Subject { noun, name, vmid, node: None };
    let text = format!("{} is not there.", subject.words());
    draft.push(step(StepVerb::AlreadySo, subject, text, context.phrases("guests", index, wish)));
}

/// What goes with the guest: its disks and snapshots.
fn contents(guest: &GuestSeen) -> String {
    let disk = |key: &String| {
        let disk = guest.disk(key)?;
        let size = disk.size_gib.map_or("of unknown size".into(), sentence::disk);
        Some(format!("a disk of {size} on {}", disk.storage))
    };
    let mut parts: Vec<String> = guest.config.keys().filter_map(disk).collect();
    let unused = guest.config.keys().filter(|key| key.starts_with("unused")).count();
    if unused > 0 {
        parts.push(sentence::count(u64::try_from(unused).unwrap_or(u64::MAX), "unused disk"));
    }
    if !guest.snapshots.is_empty() {
        let noun = if guest.snapshots.len() == 1 { "snapshot" } else { "snapshots" };
        parts.push(format!("the {noun} {}", sentence::list(&guest.snapshots)));
    }
    sentence::list(&parts)
}

//! A guest that exists: what differs becomes one step, and power another; no difference is said too.

use super::context::Context;
use super::draft::{Draft, Target, step};
use super::fields::Edit;
use super::tasks::Task;
use super::{NoPlan, create_vm, power, reverse, sentence};
use crate::interpretation::{GuestChange, Power};
use crate::plan::{Effect, FieldChange, HazardKind, NoteKind, Step, StepVerb, TimeClass};
use std::collections::BTreeMap;

/// `storages`: the steps that make storages of this plan, which a further disk waits for.
pub(super) fn plan(
    context: &Context<'_>,
    task: &Task<'_>,
    edit: &Edit,
    storages: &BTreeMap<String, u32>,
    draft: &mut Draft,
) -> Result<(), NoPlan> {
    let (wish, guest) = (task.wish, task.guest);
    for text in &edit.not_yet {
        draft.note(NoteKind::NotYet, text.clone(), None);
    }
    let power = wanted_power(context, task).filter(|running| *running != guest.running);
    let mut target = Target::seen(guest)?;
    if edit.is_empty() && power.is_none() {
        // An update of which nothing is left but what this version cannot do is not "already so".
        if !(edit.same.is_empty() && wish.power.is_none() && !edit.not_yet.is_empty()) {
            let phrases = context.phrases("guests", task.index, wish);
            draft.push(step(StepVerb::AlreadySo, target.subject(), already(&target, task, edit), phrases));
        }
        return Ok(());
    }
    context.unprotected(guest)?;
    if let Some(lock @ ("create" | "clone")) = guest.lock.as_deref() {
        return Err(NoPlan::new(
            format!("{} is still being made ({lock}).", target.subject().words()),
            "Wait until that ends, then preview again. A lock that stays is removed in Proxmox.",
        ));
    }
    if let Some(lock) = &guest.lock {
        let text = format!(
            "{} is locked ({lock}); Proxmox may refuse changes until that ends.",
            target.subject().words()
        );
        draft.hazard(HazardKind::Caution, text, None);
    }
    let mut after = Vec::new();
    if !edit.is_empty() {
        let mut changed = change(context, task, edit, &mut target);
        changed.after = edit.takes.iter().filter_map(|(id, _)| storages.get(id).copied()).collect();
        let no = draft.push(changed);
        if edit.effect == Effect::Interrupts {
            let words = task.guest.kind.noun();
            let text = format!(
                "{words} {} ({}) will be unreachable for a moment while its network changes.",
                guest.name, guest.vmid
            );
            draft.hazard(HazardKind::Interrupts, text, Some(no));
        }
        after.push(no);
    }
    match power {
        Some(true) => power::start_seen(context, task, target, after, draft),
        Some(false) => power::shut_down(context, task, target, after, draft),
        None => {}
    }
    Ok(())
}

/// A new guest that was made before is to run as the house rules say; an update says nothing about power on its own.
pub(super) fn wanted_power(context: &Context<'_>, task: &Task<'_>) -> Option<bool> {
    let said = task.wish.power.map(|power| power == Power::Running);
    let house = context.defaults(task.wish.kind).power == "running";
    said.or_else(|| (task.wish.change == GuestChange::Create && house).then_some(true))
}

/// The step that sets what differs; a new name holds for the calls that follow.
fn change(context: &Context<'_>, task: &Task<'_>, edit: &Edit, target: &mut Target) -> Step {
    let guest = task.guest;
    let old = target.clone();
    let mut calls = Vec::new();
    if !edit.args.is_empty() {
        let mut args = edit.args.clone();
        // The server refuses the call if anybody changed the configuration since it was seen.
        if !guest.digest.is_empty() {
            args.insert("digest".into(), guest.digest.clone());
        }
        let words: Vec<&str> =
            edit.changes.iter().map(|change| change.field.as_str()).filter(|f| *f != "disk").collect();
        let purpose = format!("set {}", sentence::list(&words));
        calls.push(reverse::configure_call(target, args, edit.expected.clone(), &purpose));
    }
    if let Some(name) = &edit.new_name {
        target.name.clone_from(name);
    }
    if let Some((disk, size)) = &edit.grow {
        calls.push(create_vm::resize(target, disk, *size));
    }
    let phrases = context.phrases("guests", task.index, task.wish);
    let mut changed = step(StepVerb::Change, old.subject(), words(&old, task, edit), phrases);
    changed.effect = edit.effect;
    changed.changes = edit.changes.clone();
    changed.calls = calls;
    changed.reverse = reverse::of_update(target, &edit.before, &edit.stays);
    if edit.grow.is_some() {
        changed.time = TimeClass::Minutes;
    }
    changed
}

fn words(target: &Target, task: &Task<'_>, edit: &Edit) -> String {
    let one = |change: &FieldChange| {
        let after = change.after.as_deref().unwrap_or("nothing");
        match change.before.as_deref().filter(|before| !before.is_empty()) {
            Some(before) => format!("{} from {before} to {after}", change.field),
            None => format!("{} {after}", change.field),
        }
    };
    let parts: Vec<String> = edit.changes.iter().map(one).collect();
    let end = match edit.waits.as_slice() {
        [] => String::new(),
        waits => format!(" At the next start of the {}: {}.", task.wish.kind.noun(), sentence::list(waits)),
    };
    format!("Change {} on {}: {}.{end}", target.subject().words(), target.node, parts.join("; "))
}

fn already(target: &Target, task: &Task<'_>, edit: &Edit) -> String {
    let mut parts = edit.same.clone();
    if let Some(power) = task.wish.power {
        parts.push(if power == Power::Running { "running".into() } else { "stopped".to_owned() });
    }
    let waiting: Vec<&str> = task.guest.pending.iter().map(String::as_str).collect();
    let end = match waiting.as_slice() {
        [] => String::new(),
        waiting => format!(" It waits for its next start to take: {}.", sentence::list(waiting)),
    };
    let subject = target.subject().words();
    match parts.as_slice() {
        [] => format!("{subject} on {} is there already.{end}", target.node),
        parts => format!("{subject} on {} is so already: {}.{end}", target.node, parts.join("; ")),
    }
}

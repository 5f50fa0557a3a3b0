//! A guest that exists: what differs becomes one step, and power another; no difference is said too.

use super::context::{Context, Silent};
use super::draft::{Draft, Target, step};
use super::fields::Edit;
use super::moves::{self, Route};
use super::tasks::Task;
use super::{Made, NoPlan, create_vm, ha, pools, power, reverse, sentence};
use crate::interpretation::{GuestChange, Power};
use crate::plan::{Effect, FieldChange, HazardKind, NoteKind, Step, StepVerb, TimeClass};

/// What an existing guest is told besides its own configuration.
struct Beside {
    /// The pool it goes into.
    pool: Option<String>,
    /// True to make it highly available, false to end that.
    ha: Option<bool>,
    /// Whether it shall run, where that differs.
    power: Option<bool>,
}

/// `made`: the steps that make storages and pools of this plan, which a further disk or a membership waits for.
pub(super) fn plan(
    context: &Context<'_>,
    task: &Task<'_>,
    edit: &Edit,
    route: Option<&Route<'_>>,
    made: &Made,
    draft: &mut Draft,
) -> Result<(), NoPlan> {
    let (wish, guest) = (task.wish, task.guest);
    let route = route.filter(|route| route.to_node.is_some() || route.to_storage.is_some());
    for text in &edit.not_yet {
        draft.note(NoteKind::NotYet, text.clone(), None);
    }
    let beside = beside(context, task)?;
    let mut target = Target::seen(guest)?;
    let untouched = beside.pool.is_none() && beside.ha.is_none() && beside.power.is_none() && route.is_none();
    if edit.is_empty() && untouched {
        // An update of which nothing is left but what this version cannot do is not "already so".
        let spoken = wish.power.is_some() || wish.pool.is_some() || wish.ha.is_some();
        if !edit.same.is_empty() || spoken || edit.not_yet.is_empty() {
            let phrases = context.phrases("guests", task.index, wish);
            let mut same = step(StepVerb::AlreadySo, target.subject(), already(&target, task, edit), phrases);
            if guest.running && !guest.pending.is_empty() {
                same.effect = Effect::RestartNeeded;
            }
            draft.push(same);
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
        changed.after = edit.takes.iter().filter_map(|(id, _)| made.storages.get(id).copied()).collect();
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
    if let Some(pool) = &beside.pool {
        let origin = context.origin(task.index, "pool", Silent::Planner("the text says so"));
        let shown = super::draft::change("pool", guest.pool.clone(), Some(pool.clone()), origin);
        let mut after = after.clone();
        after.extend(made.pools.get(pool));
        let said = context.phrase("guests", task.index, "pool");
        pools::join(&target, guest.pool.as_deref(), shown, said, after, draft);
    }
    let shown = |on: bool| {
        let origin = context.origin(task.index, "ha", Silent::Planner("the text says so"));
        let word = sentence::on_off;
        super::draft::change("high availability", Some(word(!on)), Some(word(on)), origin)
    };
    let said = || context.phrase("guests", task.index, "ha");
    if beside.ha == Some(false) {
        after.push(ha::leave(context, &target, vec![shown(false)], said(), draft));
    }
    if let Some(route) = route {
        let managed = context.seen().around.ha_of(guest.kind, guest.vmid).is_some_and(|ha| ha.acts());
        after = moves::plan(context, route, managed && beside.ha.is_none(), &mut target, after, draft)?;
    }
    let stays = target.clone();
    match beside.power {
        Some(true) => after = vec![power::start_seen(context, task, target, after, draft)],
        Some(false) => after = vec![power::shut_down(context, task, target, after, draft)],
        None => {}
    }
    if beside.ha == Some(true) {
        let disks = guest.disks();
        let moved = route.and_then(Route::storage);
        ha::movable(context, &guest.name, disks.iter().map(|disk| moved.unwrap_or(&disk.storage)))?;
        let running = beside.power.unwrap_or(guest.running);
        ha::manage(context, &stays, running, shown(true), said(), after, draft);
    }
    Ok(())
}

fn beside(context: &Context<'_>, task: &Task<'_>) -> Result<Beside, NoPlan> {
    let (wish, guest) = (task.wish, task.guest);
    let pool = wish.pool.clone().filter(|pool| Some(pool) != guest.pool.as_ref());
    if let Some(pool) = &pool {
        pools::known(context, pool)?;
    }
    Ok(Beside {
        pool,
        ha: ha::differs(context, guest.kind, guest.vmid, wish.ha)?,
        power: wanted_power(context, task).filter(|running| *running != guest.running),
    })
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
    parts.extend(task.wish.pool.as_ref().map(|pool| format!("pool {pool}")));
    parts.extend(task.wish.ha.map(|on| format!("high availability {}", sentence::on_off(on))));
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

//! What a plan says besides its steps: gaps filled by house rules, what is not done, what nobody used, what the
//! plan relies on.

use super::context::Context;
use super::draft::Draft;
use super::placement::{NewGuest, Placed};
use super::tasks::Tasks;
use super::{NoPlan, sentence};
use crate::interpretation::{Change, GuestKind, Label, WarningAbout};
use crate::plan::{HazardKind, NoteKind, Origin, StepVerb};
use std::collections::BTreeMap;

/// Less than one part in this many of a node's memory is little.
const LITTLE_MEMORY_PART: u64 = 10;
/// Most characters of an unused passage that a note repeats.
const UNUSED_CHARS_MAX: usize = 160;

pub(super) fn add(
    context: &Context<'_>,
    tasks: &Tasks<'_>,
    placed: &Placed<'_>,
    draft: &mut Draft,
) -> Result<(), NoPlan> {
    not_yet(context, &placed.guests, draft);
    let unfinished = draft.notes.iter().find(|note| note.kind == NoteKind::NotYet);
    if let Some(note) = unfinished.filter(|_| draft.steps.is_empty()) {
        return Err(NoPlan::new(
            note.text.clone(),
            "Nothing else is asked for, so there is nothing to plan. VMs, containers and NFS storages can be declared.",
        ));
    }
    kept(context, tasks, draft);
    defaults(draft);
    unused(context, draft);
    assumes(context, placed, draft);
    Ok(())
}

/// Asked for, understood and not carried out by this version.
fn not_yet(context: &Context<'_>, guests: &[NewGuest<'_>], draft: &mut Draft) {
    let desired = context.desired();
    let span = |list: &str, index: usize, field: &str| context.phrase(list, index, field).first().copied();
    for (n, cluster) in desired.kubernetes.iter().enumerate() {
        let distribution =
            cluster.distribution.as_deref().unwrap_or(&context.house().defaults.kubernetes.distribution);
        let planes = cluster.control_planes.iter().flatten();
        let members: Vec<&String> = planes.chain(cluster.workers.iter().flatten()).collect();
        let members: Vec<&str> = members.into_iter().map(String::as_str).collect();
        let place = if members.is_empty() { cluster.name.clone() } else { members.join(", ") };
        let text = match cluster.change {
            Change::Create => format!(
                "Kubernetes ({distribution}) on {place} is not installed yet: this version makes the guests and stops there."
            ),
            _ => format!(
                "The Kubernetes cluster {} ({distribution}) is not changed yet: this version makes the guests and stops there.",
                cluster.name
            ),
        };
        draft.note(NoteKind::NotYet, text, span("kubernetes", n, "name"));
    }
    for (n, mount) in desired.mounts.iter().enumerate() {
        let text = format!(
            "{} in {} is not {} yet: work inside guests is part of a later version.",
            mount.path,
            mount.guest,
            if mount.change == Change::Remove { "unmounted" } else { "mounted" }
        );
        draft.note(NoteKind::NotYet, text, span("mounts", n, "path"));
    }
    for (n, wish) in desired.moves.iter().enumerate() {
        let text =
            format!("{} is not moved: moving guests and disks is part of a later version.", wish.guest);
        draft.note(NoteKind::NotYet, text, span("moves", n, "guest"));
    }
    for (n, wish) in desired.snapshots.iter().enumerate() {
        let text =
            format!("Snapshots of {} are left as they are: they are part of a later version.", wish.guest);
        draft.note(NoteKind::NotYet, text, span("snapshots", n, "guest"));
    }
    for (n, wish) in desired.backups.iter().enumerate() {
        let name = wish.name.as_deref().map_or(String::new(), |name| format!(" {name}"));
        let text = format!("The backup{name} is not made or changed: backups are part of a later version.");
        draft.note(NoteKind::NotYet, text, span("backups", n, "guests"));
    }
    for (n, wish) in desired.pools.iter().enumerate() {
        let text =
            format!("The pool {} is not made or removed: pools are part of a later version.", wish.name);
        draft.note(NoteKind::NotYet, text, span("pools", n, "name"));
    }
    for guest in guests {
        let wish = guest.spec.wish;
        if wish.pool.is_some() && guest.spec.pool.is_none() {
            let text =
                format!("{} is made outside the pool {}.", wish.name, wish.pool.as_deref().unwrap_or(""));
            draft.note(NoteKind::NotYet, text, span("guests", guest.spec.index, "pool"));
        }
        if wish.ha == Some(true) {
            let text =
                format!("High availability of {} is not set up: it is part of a later version.", wish.name);
            draft.note(NoteKind::NotYet, text, span("guests", guest.spec.index, "ha"));
        }
        if wish.kind == GuestKind::Container && wish.login_user.is_some() {
            let text = format!("{} gets no login of its own: containers have only root.", wish.name);
            draft.note(NoteKind::NotYet, text, span("guests", guest.spec.index, "login_user"));
        }
        if wish.kind == GuestKind::Vm && wish.swap_mib.is_some() {
            let text = format!("{} is a VM: its swap is set inside it.", wish.name);
            draft.note(NoteKind::NotYet, text, span("guests", guest.spec.index, "swap_mib"));
        }
    }
}

fn kept(context: &Context<'_>, tasks: &Tasks<'_>, draft: &mut Draft) {
    for (index, wish) in &tasks.kept {
        let span = context.phrase("guests", *index, "name").first().copied();
        draft.note(NoteKind::Assumes, format!("{} {} is left as it is.", wish.kind.noun(), wish.name), span);
    }
}

/// One note for each rule and value, with the guests it was taken for.
fn defaults(draft: &mut Draft) {
    let mut taken: BTreeMap<(String, String, String), Vec<String>> = BTreeMap::new();
    for step in &draft.steps {
        for change in &step.changes {
            if let Origin::Label { label: Label::Default { rule } } = &change.origin {
                let rule = rule.trim_start_matches("/defaults/").to_owned();
                let value = change.after.clone().unwrap_or_default();
                taken.entry((rule, change.field.clone(), value)).or_default().push(step.subject.name.clone());
            }
        }
    }
    for ((rule, field, value), names) in taken {
        let text = format!("House rule {rule} gives {field}: {value} (for {}).", sentence::list(&names));
        draft.note(NoteKind::Default, text, None);
    }
}

fn unused(context: &Context<'_>, draft: &mut Draft) {
    let desired = context.desired();
    for words in &desired.unused {
        let said = words.span.and_then(|span| span.of(context.request.text)).or(words.text.as_deref());
        if let Some(said) = said {
            draft.note(
                NoteKind::Unused,
                format!("Nothing in the plan uses the words \"{}\".", cut(said)),
                words.span,
            );
        }
    }
    for warning in &desired.warnings {
        let text = match &warning.text {
            Some(text) => text.clone(),
            None => format!("The interpreter warns: {}.", warning.about.as_str().replace('-', " ")),
        };
        if warning.about == WarningAbout::InterpretersDisagree {
            draft.hazard(HazardKind::Caution, text.clone(), None);
        }
        draft.note(NoteKind::Warning, text, warning.span);
    }
}

/// The beginning of a long passage; its span marks the whole.
fn cut(words: &str) -> String {
    if words.chars().count() <= UNUSED_CHARS_MAX {
        return words.to_owned();
    }
    let start: String = words.chars().take(UNUSED_CHARS_MAX).collect();
    format!("{}…", start.trim_end())
}

fn assumes(context: &Context<'_>, placed: &Placed<'_>, draft: &mut Draft) {
    let seen = context.seen();
    let at = seen.at.format("%Y-%m-%d %H:%M:%S UTC");
    let text = format!("The cluster was seen on {at}, running Proxmox VE {}.", seen.pve_version);
    draft.note(NoteKind::Assumes, text, None);
    let mut nodes: Vec<&str> = draft
        .steps
        .iter()
        .filter(|step| step.verb != StepVerb::AlreadySo)
        .filter_map(|step| step.subject.node.as_deref())
        .collect();
    nodes.sort_unstable();
    nodes.dedup();
    let mut said = Vec::new();
    for name in nodes {
        let (Some(free), Some(node)) = (placed.budget.memory.get(name), seen.nodes.get(name)) else {
            continue;
        };
        let text = format!(
            "{name} keeps {} of {} of memory free.",
            sentence::about(*free),
            sentence::memory(node.memory_mib)
        );
        said.push((NoteKind::Assumes, text));
        if free.saturating_mul(LITTLE_MEMORY_PART) < node.memory_mib && !placed.guests.is_empty() {
            let text = format!("Only {} of memory will be free on {name}.", sentence::about(*free));
            draft.hazards.push(crate::plan::Hazard {
                kind: HazardKind::Caution,
                text,
                confirm: None,
                step: None,
            });
        }
    }
    for (id, node) in placed.budget.taken.keys() {
        let Some(store) = context.stores.get(id) else { continue };
        let Some(free) = placed.budget.free_gib(id, store, node) else { continue };
        let place = if node.is_empty() { id.clone() } else { format!("{id} on {node}") };
        said.push((NoteKind::Assumes, format!("{place} keeps {} free.", sentence::disk(free))));
    }
    for (kind, text) in said {
        draft.note(kind, text, None);
    }
    crowded(context, placed, draft);
}

/// Guests that were to be apart and are more than there are nodes.
fn crowded(context: &Context<'_>, placed: &Placed<'_>, draft: &mut Draft) {
    for group in
        context.desired().placement.iter().filter(|g| g.rule == crate::interpretation::PlacementRule::Spread)
    {
        let mut nodes: BTreeMap<&str, u32> = BTreeMap::new();
        for guest in placed.guests.iter().filter(|guest| group.guests.contains(&guest.spec.wish.name)) {
            *nodes.entry(&guest.node).or_default() += 1;
        }
        let several: Vec<String> = nodes
            .iter()
            .filter(|(_, count)| **count > 1)
            .map(|(node, count)| format!("{count} on {node}"))
            .collect();
        if !several.is_empty() {
            let text =
                format!("There are more guests to be kept apart than nodes: {}.", sentence::list(&several));
            draft.hazard(HazardKind::Caution, text, None);
        }
    }
}

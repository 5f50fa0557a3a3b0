//! What a plan says besides its steps: gaps filled by house rules, what is not done, what nobody used, what the
//! plan relies on.

use super::context::Context;
use super::draft::Draft;
use super::placement::{NewGuest, Placed};
use super::tasks::Tasks;
use super::{NoPlan, sentence};
use crate::interpretation::{Change, GuestKind, Label, WarningAbout};
use crate::plan::{HazardKind, NoteKind, Origin, Rehearsal, StepVerb};
use std::collections::BTreeMap;

/// Less than one part in this many of a node's memory is little.
const LITTLE_MEMORY_PART: u64 = 10;
/// Most characters of an unused passage that a note repeats.
const UNUSED_CHARS_MAX: usize = 160;

pub(super) fn add(
    context: &Context<'_>,
    tasks: &Tasks<'_>,
    placed: &Placed<'_>,
    rehearsal: &Rehearsal,
    draft: &mut Draft,
) -> Result<(), NoPlan> {
    mounts(context)?;
    not_yet(context, &placed.guests, draft);
    let unfinished = draft.notes.iter().find(|note| note.kind == NoteKind::NotYet);
    if let Some(note) = unfinished.filter(|_| draft.steps.is_empty()) {
        return Err(NoPlan::new(
            note.text.clone(),
            "Nothing else is asked for, so there is nothing to plan. Guests, their places and snapshots, pools, backups and NFS storages can be declared.",
        ));
    }
    kept(context, tasks, draft);
    defaults(draft);
    unused(context, draft);
    assumes(context, placed, rehearsal, draft);
    Ok(())
}

/// A share inside a container would be a bind mount, which no token may make.
fn mounts(context: &Context<'_>) -> Result<(), NoPlan> {
    for mount in &context.desired().mounts {
        let new = context.desired().guests.iter().find(|wish| wish.name == mount.guest).map(|wish| wish.kind);
        let old =
            context.seen().guests.values().find(|guest| guest.name == mount.guest).map(|guest| guest.kind);
        if new.or(old) == Some(GuestKind::Container) {
            return Err(NoPlan::new(
                format!(
                    "{} is a container: a share inside it is a bind mount, which Proxmox allows only to root@pam.",
                    mount.guest
                ),
                format!(
                    "Ask for a VM, or add the share on the node as root: pct set VMID --mp0 /mnt/pve/STORAGE,mp={}.",
                    mount.path
                ),
            ));
        }
    }
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
    for guest in guests {
        let wish = guest.spec.wish;
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

fn assumes(context: &Context<'_>, placed: &Placed<'_>, rehearsal: &Rehearsal, draft: &mut Draft) {
    let seen = context.seen();
    let at = seen.at.format("%Y-%m-%d %H:%M:%S UTC");
    let text = format!("The cluster was seen on {at}, running Proxmox VE {}.", seen.pve_version);
    draft.note(NoteKind::Assumes, text, None);
    let touched = draft.steps.iter().filter(|step| step.verb != StepVerb::AlreadySo);
    let mut nodes: Vec<String> = touched.filter_map(|step| step.subject.node.clone()).collect();
    nodes.extend(rehearsal.guests.iter().map(|guest| guest.node.clone()));
    nodes.sort_unstable();
    nodes.dedup();
    let mut said = Vec::new();
    for node in rehearsal.nodes.iter().filter(|node| nodes.contains(&node.name)) {
        let free = node.free_after_mib();
        let text = format!(
            "{} keeps {} of {} of memory free.",
            node.name,
            sentence::about(free),
            sentence::memory(node.memory_mib)
        );
        said.push((NoteKind::Assumes, text));
        let grows = node.promised_after_mib > node.promised_before_mib;
        if grows && free.saturating_mul(LITTLE_MEMORY_PART) < node.memory_mib {
            let text = format!("Only {} of memory will be free on {}.", sentence::about(free), node.name);
            draft.hazard(HazardKind::Caution, text, None);
        }
    }
    for store in &rehearsal.storages {
        let place = store.node.as_ref().map_or(store.id.clone(), |node| format!("{} on {node}", store.id));
        said.push((
            NoteKind::Assumes,
            format!("{place} keeps {} free.", sentence::disk(store.free_after_gib)),
        ));
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

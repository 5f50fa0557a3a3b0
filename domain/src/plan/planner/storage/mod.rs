//! Storages: NFS shares that Proxmox mounts. Their definitions are made, changed and removed; their data never is.

mod share;

use super::context::Context;
use super::draft::{Draft, change, step};
use super::{NoPlan, sentence};
use crate::interpretation::{Change, StorageWish};
use crate::plan::{Effect, FieldChange, Hazard, HazardKind, Origin, Reverse, StepVerb, Subject};
use share::{Share, delete, places, sorted};
use std::collections::BTreeMap;

/// The only type of storage that is managed.
const NFS: &str = "nfs";
/// What a storage holds when the text is silent; what Proxmox itself takes.
const CONTENT: [&str; 2] = ["images", "rootdir"];

/// Creations and updates. Returns the steps that make storages, which guests on them wait for.
pub(super) fn plan(context: &Context<'_>, draft: &mut Draft) -> Result<BTreeMap<String, u32>, NoPlan> {
    let mut made = BTreeMap::new();
    for (index, wish) in context.desired().storages.iter().enumerate() {
        known_nodes(context, wish)?;
        match wish.change {
            Change::Create => {
                if let Some(no) = create(context, index, wish, draft)? {
                    made.insert(wish.id.clone(), no);
                }
            }
            Change::Update => update(context, index, wish, draft)?,
            Change::Remove | Change::Destroy | Change::Rollback => {}
        }
    }
    Ok(made)
}

fn known_nodes(context: &Context<'_>, wish: &StorageWish) -> Result<(), NoPlan> {
    match wish.nodes.iter().find(|node| !context.seen().nodes.contains_key(*node)) {
        None => Ok(()),
        Some(node) => Err(NoPlan::new(
            format!("Storage {} is to be on {node}, which is not a node of the cluster.", wish.id),
            "Name nodes of the cluster, or none for all.",
        )),
    }
}

fn subject(id: &str) -> Subject {
    Subject { noun: "storage".into(), name: id.to_owned(), vmid: None, node: None }
}

fn fields(
    context: &Context<'_>,
    index: usize,
    all: &[(&str, &str, Option<String>, String)],
) -> Vec<FieldChange> {
    let origin = |field: &str| match context.desired().label(&format!("/storages/{index}/{field}")) {
        Some(label) => Origin::Label { label: label.clone() },
        None => Origin::Planner { why: "what Proxmox itself takes".into() },
    };
    all.iter()
        .map(|(field, word, before, after)| change(word, before.clone(), Some(after.clone()), origin(field)))
        .collect()
}

fn create(
    context: &Context<'_>,
    index: usize,
    wish: &StorageWish,
    draft: &mut Draft,
) -> Result<Option<u32>, NoPlan> {
    if let Some(kind) = wish.kind.as_deref().filter(|kind| *kind != NFS) {
        return Err(NoPlan::new(format!("Storages of type {kind} are not managed."), "Only NFS shares are."));
    }
    let (Some(server), Some(export)) = (wish.server.clone(), wish.export.clone()) else {
        return Err(NoPlan::new(
            format!("Storage {} has no server or no export.", wish.id),
            "Write both, such as 10.0.20.5:/tank/backup.",
        ));
    };
    let content =
        if wish.content.is_empty() { CONTENT.map(str::to_owned).to_vec() } else { sorted(&wish.content) };
    let share = Share { id: wish.id.clone(), server, export, content, nodes: sorted(&wish.nodes) };
    let phrases = context.phrases("storages", index, wish);
    let where_from = format!("{}:{}", share.server, share.export);
    if let Some(storage) = context.seen().storages.get(&wish.id) {
        let same_share = storage.kind == NFS
            && storage.server.as_ref() == Some(&share.server)
            && storage.export.as_ref() == Some(&share.export)
            && (wish.content.is_empty() || sorted(&storage.content) == share.content)
            && (share.nodes.is_empty() || sorted(&storage.nodes) == share.nodes);
        if !same_share {
            return Err(NoPlan::new(
                format!("A storage {} exists and is not the one asked for.", wish.id),
                "Choose another name, or ask to change what it holds.",
            ));
        }
        let text = format!(
            "Storage {} is so already: {where_from} for {}.",
            wish.id,
            sentence::list(&sorted(&storage.content))
        );
        draft.push(step(StepVerb::AlreadySo, subject(&wish.id), text, phrases));
        return Ok(None);
    }
    let text = format!(
        "Add NFS storage {} from {where_from} for {} on {}.",
        wish.id,
        sentence::list(&share.content),
        places(&share.nodes)
    );
    let mut made = step(StepVerb::Create, subject(&wish.id), text, phrases);
    made.changes = fields(
        context,
        index,
        &[
            ("server", "server", None, share.server.clone()),
            ("export", "export", None, share.export.clone()),
            ("content", "content", None, share.content.join(", ")),
            ("nodes", "nodes", None, places(&share.nodes)),
        ],
    );
    made.calls = vec![share.make()];
    made.reverse = Reverse::Calls {
        sentence: format!("Remove storage {} from Proxmox. The data on the server stays.", wish.id),
        loses_data: false,
        calls: vec![delete(&wish.id)],
    };
    Ok(Some(draft.push(made)))
}

/// The storage to be changed or removed: an NFS share that was seen.
fn existing(context: &Context<'_>, wish: &StorageWish) -> Result<Share, NoPlan> {
    let seen = context.seen().storages.get(&wish.id).filter(|storage| storage.kind == NFS);
    seen.and_then(|storage| Share::seen(&wish.id, storage)).ok_or_else(|| {
        NoPlan::new(
            format!("There is no NFS storage {}.", wish.id),
            "Only NFS storages are changed or removed. The Cluster page lists all storages.",
        )
    })
}

fn update(context: &Context<'_>, index: usize, wish: &StorageWish, draft: &mut Draft) -> Result<(), NoPlan> {
    let old = existing(context, wish)?;
    let moved = wish.server.as_ref().is_some_and(|server| *server != old.server)
        || wish.export.as_ref().is_some_and(|export| *export != old.export);
    if moved {
        return Err(NoPlan::new(
            format!("Storage {} cannot be pointed at another share.", wish.id),
            "Proxmox fixes server and export. Add the other share under another name.",
        ));
    }
    let said =
        |wanted: &[String], seen: &[String]| if wanted.is_empty() { seen.to_vec() } else { sorted(wanted) };
    let new = Share {
        id: old.id.clone(),
        server: old.server.clone(),
        export: old.export.clone(),
        content: said(&wish.content, &old.content),
        // Nodes nobody speaks of are not written, so that a storage of all nodes stays one.
        nodes: sorted(&wish.nodes),
    };
    let phrases = context.phrases("storages", index, wish);
    let same_nodes = new.nodes.is_empty() || new.nodes == old.nodes;
    if new.content == old.content && same_nodes {
        let text = format!(
            "Storage {} is so already: {} on {}.",
            wish.id,
            sentence::list(&old.content),
            places(&old.nodes)
        );
        draft.push(step(StepVerb::AlreadySo, subject(&wish.id), text, phrases));
        return Ok(());
    }
    let mut all = Vec::new();
    if new.content != old.content {
        all.push(("content", "content", Some(old.content.join(", ")), new.content.join(", ")));
    }
    if !same_nodes {
        all.push(("nodes", "nodes", Some(places(&old.nodes)), places(&new.nodes)));
    }
    let words: Vec<String> = all
        .iter()
        .map(|(_, word, before, after)| {
            format!("{word} from {} to {after}", before.as_deref().unwrap_or("nothing"))
        })
        .collect();
    let text = format!("Change storage {}: {}.", wish.id, words.join("; "));
    let mut changed = step(StepVerb::Change, subject(&wish.id), text, phrases);
    changed.changes = fields(context, index, &all);
    changed.calls = vec![new.set()];
    let back = if same_nodes { Share { nodes: Vec::new(), ..old } } else { old };
    changed.reverse = Reverse::Calls {
        sentence: format!("Set the old content and nodes of storage {} again.", wish.id),
        loses_data: false,
        calls: vec![back.set()],
    };
    draft.push(changed);
    Ok(())
}

/// Removals come last: guests of the same plan may leave the storage before.
pub(super) fn remove(context: &Context<'_>, draft: &mut Draft) -> Result<(), NoPlan> {
    let wishes = context.desired().storages.iter().enumerate();
    for (index, wish) in wishes.filter(|(_, wish)| matches!(wish.change, Change::Remove | Change::Destroy)) {
        if !context.seen().storages.contains_key(&wish.id) {
            let text = format!("There is no storage {}.", wish.id);
            let phrases = context.phrases("storages", index, wish);
            draft.push(step(StepVerb::AlreadySo, subject(&wish.id), text, phrases));
            continue;
        }
        let old = existing(context, wish)?;
        let prefix = format!("{}:", wish.id);
        let users = context
            .seen()
            .guests
            .values()
            .filter(|guest| guest.config.values().any(|v| v.starts_with(&prefix)));
        let users: Vec<&String> = users.map(|guest| &guest.name).collect();
        if !users.is_empty() {
            return Err(NoPlan::new(
                format!("Storage {} is used by {}.", wish.id, sentence::list(&users)),
                "Move or destroy what is on it first.",
            ));
        }
        let text = format!(
            "Remove storage {} from Proxmox. The data on {}:{} stays.",
            wish.id, old.server, old.export
        );
        let phrases = context.phrases("storages", index, wish);
        let mut removed = step(StepVerb::Destroy, subject(&wish.id), text.clone(), phrases);
        removed.effect = Effect::Interrupts;
        removed.calls = vec![delete(&wish.id)];
        removed.reverse = Reverse::Calls {
            sentence: format!("Add storage {} again.", wish.id),
            loses_data: false,
            calls: vec![old.make()],
        };
        let no = draft.push(removed);
        let kept = context.seen().storages.get(&wish.id);
        let files = kept.map_or(0, |storage| storage.files.values().flatten().count());
        let what = if files > 0 { " Images and ISOs on it can no longer be used." } else { "" };
        draft.hazards.push(Hazard {
            kind: HazardKind::Destroys,
            text: format!("{text}{what}"),
            confirm: Some(wish.id.clone()),
            step: Some(no),
        });
    }
    Ok(())
}

//! What committed declarations said before: another text about the same guest, and this very one.
//!
//! Begin with [`add`]. A field that this text said before, that came to be, and that differs now was changed by another
//! hand (three-way: last applied, declared, observed). A field on which another text disagrees is a contradiction.
//!
//! The newer text holds once it is approved; the contradiction is shown, because the older one, previewed again,
//! would set its own value back.

use super::context::Context;
use super::draft::Draft;
use super::fields::Edit;
use super::tasks::{Task, Tasks};
use crate::interpretation::{GuestChange, GuestWish, Interpretation};
use crate::plan::HazardKind;
use serde_json::Value;

/// Fields that say which guest is meant, not how it shall be.
const IDENTITY: [&str; 7] = ["change", "kind", "name", "vmid", "new_name", "image", "copy_of"];

pub(super) fn add(context: &Context<'_>, tasks: &Tasks<'_>, edits: &[(&Task<'_>, Edit)], draft: &mut Draft) {
    for own in context.request.others.iter().filter(|other| other.own) {
        edits.iter().for_each(|(task, edit)| by_another_hand(task, edit, &own.desired, draft));
    }
    for other in context.request.others.iter().filter(|other| !other.own) {
        for task in tasks.compared.iter().chain(&tasks.destroyed) {
            let named = |wish: &&GuestWish| {
                wish.vmid.map_or(wish.name == task.guest.name, |vmid| vmid == task.guest.vmid)
            };
            for wish in other.desired.guests.iter().filter(named) {
                for text in contradictions(task.wish, wish) {
                    let text =
                        format!("The declaration \"{}\" says {text} for {}.", other.title, task.guest.name);
                    draft.hazard(HazardKind::Caution, text, None);
                }
            }
        }
        let moved = context.desired().moves.iter().filter_map(|m| Some((&m.guest, m.to_node.as_ref()?)));
        for (guest, node) in moved {
            if let Some(pinned) = pinned(&other.desired, guest).filter(|pinned| *pinned != node) {
                let text = format!(
                    "The declaration \"{}\" says node {pinned} for {guest}; this one {node}.",
                    other.title
                );
                draft.hazard(HazardKind::Caution, text, None);
            }
        }
    }
}

/// Fields that this declaration put in force before, says again, and finds otherwise.
fn by_another_hand(task: &Task<'_>, edit: &Edit, applied: &Interpretation, draft: &mut Draft) {
    let Some(before) = applied.guests.iter().find(|wish| wish.name == task.wish.name) else { return };
    let (before, now) = (object(before), object(task.wish));
    let same = |key: &str| now.get(key).is_some_and(|value| before.get(key) == Some(value));
    let found: Vec<String> = edit
        .keys
        .iter()
        .zip(&edit.changes)
        .filter(|(key, _)| same(key.split('/').next().unwrap_or(key)))
        .map(|(_, change)| {
            let seen = change.before.as_deref().filter(|seen| !seen.is_empty()).unwrap_or("nothing");
            format!("{} is {seen} and was {}", change.field, change.after.as_deref().unwrap_or("nothing"))
        })
        .collect();
    if !found.is_empty() {
        let text = format!(
            "Another hand changed {} since this declaration was carried out: {}.",
            task.guest.name,
            found.join("; ")
        );
        draft.hazard(HazardKind::Caution, text, None);
    }
}

fn object(wish: &GuestWish) -> serde_json::Map<String, Value> {
    match serde_json::to_value(wish) {
        Ok(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    }
}

/// The node that another text names for a guest.
fn pinned<'o>(other: &'o Interpretation, guest: &str) -> Option<&'o String> {
    let own = other.guests.iter().find(|wish| wish.name == guest).and_then(|wish| wish.node.as_ref());
    own.or_else(|| other.moves.iter().find(|m| m.guest == guest).and_then(|m| m.to_node.as_ref()))
}

/// Fields on which the two disagree, in words.
fn contradictions(mine: &GuestWish, theirs: &GuestWish) -> Vec<String> {
    if theirs.change == GuestChange::Keep {
        return vec!["that it is left as it is; this one changes it".to_owned()];
    }
    if theirs.change == GuestChange::Adopt {
        return Vec::new();
    }
    match (mine.change, theirs.change) {
        (GuestChange::Destroy, GuestChange::Destroy) => return Vec::new(),
        (GuestChange::Destroy, _) => {
            return vec!["that there shall be such a guest; this one destroys it".to_owned()];
        }
        (_, GuestChange::Destroy) => {
            return vec!["that it shall be destroyed; this one changes it".to_owned()];
        }
        _ => {}
    }
    let theirs = object(theirs);
    let differs = object(mine).into_iter().filter(|(key, _)| !IDENTITY.contains(&key.as_str())).filter_map(
        |(key, mine)| {
            let theirs = theirs.get(&key).filter(|theirs| **theirs != mine)?;
            Some(format!("{} {}; this one says {}", key.replace('_', " "), plain(theirs), plain(&mine)))
        },
    );
    differs.collect()
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

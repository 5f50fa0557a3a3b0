//! A backup job in words and as a table of fields, each with where its value comes from.

use crate::ids::Vmid;
use crate::interpretation::Label;
use crate::plan::planner::context::Context;
use crate::plan::planner::draft::change;
use crate::plan::planner::placement::Placed;
use crate::plan::planner::sentence;
use crate::plan::{FieldChange, Origin};
use crate::surroundings::BackupJobSeen;

fn names(context: &Context<'_>, placed: &Placed<'_>, guests: &[Vmid]) -> String {
    let name = |vmid: &Vmid| {
        let new =
            placed.guests.iter().find(|guest| guest.vmid == *vmid).map(|guest| guest.spec.wish.name.clone());
        let old = context.seen().guests.get(vmid).map(|guest| guest.name.clone());
        new.or(old).unwrap_or_else(|| vmid.to_string())
    };
    sentence::list(&guests.iter().map(name).collect::<Vec<_>>())
}

pub(super) fn words(context: &Context<'_>, placed: &Placed<'_>, job: &BackupJobSeen) -> String {
    let what = if job.wide { "more than named guests".into() } else { names(context, placed, &job.guests) };
    let none = "nothing";
    let keep = job.keep_last.map_or("all kept".into(), |keep| format!("the newest {keep} kept"));
    format!(
        "{what} to {} at {}, mode {}, {keep}",
        job.storage.as_deref().unwrap_or(none),
        job.schedule.as_deref().unwrap_or(none),
        job.mode.as_deref().unwrap_or("snapshot")
    )
}

pub(super) fn field(
    context: &Context<'_>,
    index: usize,
    pointer: &str,
    word: &str,
    before: Option<String>,
    after: &str,
    rule: &str,
) -> FieldChange {
    let label = context.desired().label(&format!("/backups/{index}/{pointer}")).cloned();
    let label = label.unwrap_or_else(|| Label::Default { rule: format!("/defaults/{rule}") });
    change(word, before, Some(after.to_owned()), Origin::Label { label })
}

pub(super) fn fields(
    context: &Context<'_>,
    placed: &Placed<'_>,
    index: usize,
    old: Option<&BackupJobSeen>,
    new: &BackupJobSeen,
) -> Vec<FieldChange> {
    let keep = |job: &BackupJobSeen| job.keep_last.map(|keep| keep.to_string());
    let pairs = [
        (
            "guests",
            "guests",
            old.map(|job| names(context, placed, &job.guests)),
            Some(names(context, placed, &new.guests)),
            "",
        ),
        (
            "storage",
            "storage",
            old.and_then(|job| job.storage.clone()),
            new.storage.clone(),
            "backup/storage",
        ),
        ("schedule", "schedule", old.and_then(|job| job.schedule.clone()), new.schedule.clone(), ""),
        ("mode", "mode", old.and_then(|job| job.mode.clone()), new.mode.clone(), "backup/mode"),
        ("keep_last", "kept backups", old.and_then(keep), keep(new), "backup/keep_last"),
    ];
    let differs = pairs.into_iter().filter(|(_, _, before, after, _)| before != after);
    differs
        .filter_map(|(pointer, word, before, after, rule)| {
            Some(field(context, index, pointer, word, before, &after?, rule))
        })
        .collect()
}

//! Backups: one now, or a job that makes them again and again.
//!
//! A backup now carries a key of its declaration in its notes, so that the same text makes it once. Older backups are
//! never pruned by one of ours: only a job's own rule does that, and it is shown.

mod calls;
mod fields;

use super::context::Context;
use super::draft::{Draft, Target, step};
use super::placement::Placed;
use super::{NoPlan, sentence};
use crate::ids::Vmid;
use crate::interpretation::{BackupWish, Change, GuestChange, GuestWish};
use crate::plan::{Call, Condition, Effect, Hazard, HazardKind, Reverse, StepVerb, Subject, TimeClass, Verb};
use crate::surroundings::{BackupJobSeen, BackupKey};
use calls::{create, update};
use fields::{field, fields, words};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Backups to make now, before anything else is changed.
pub(super) fn now(context: &Context<'_>, draft: &mut Draft) -> Result<(), NoPlan> {
    for (index, wish) in
        wishes(context).filter(|(_, wish)| wish.schedule.is_none() && wish.change == Change::Create)
    {
        if wish.guests.is_empty() {
            return Err(NoPlan::new("Nothing is named that shall be backed up.", "Name the guests."));
        }
        for name in &wish.guests {
            one(context, index, wish, name, draft)?;
        }
    }
    Ok(())
}

fn one(
    context: &Context<'_>,
    index: usize,
    wish: &BackupWish,
    name: &str,
    draft: &mut Draft,
) -> Result<(), NoPlan> {
    // Backed up, then destroyed by this very text: once it is gone, there is nothing left to do.
    let ends = context.desired().guests.iter().any(|wish| destroys(wish, name));
    if ends && !context.seen().guests.values().any(|guest| guest.name == name && !guest.template) {
        return Ok(());
    }
    let guest = context.owned_named(name)?;
    let target = Target::seen(guest)?;
    let words = target.subject().words();
    let phrases = context.phrases("backups", index, wish);
    let (storage, mode) = (storage(context, wish), mode(context, wish));
    place(context, &storage, &guest.node)?;
    let key = BackupKey::derive(context.request.declaration.0, guest.vmid);
    let subject = Subject { noun: "backup of".into(), ..target.subject() };
    if let Some(made) = context.seen().around.backups.get(&key).filter(|made| made.vmid == guest.vmid) {
        let text = format!("The backup of {words} that this text asks for is there: {}.", made.volume);
        draft.push(step(StepVerb::AlreadySo, subject, text, phrases));
        return Ok(());
    }
    let how = match mode.as_str() {
        "stop" => "; it is shut down for that and started again",
        "suspend" => "; it is paused for that",
        _ => " while it goes on as it is",
    };
    let text = format!("Back up {words} to {storage}{how}. Older backups stay.");
    let mut made = step(StepVerb::Create, subject, text, phrases);
    made.lane = format!("storage {storage}");
    made.time = TimeClass::Minutes;
    made.effect = if mode == "snapshot" || !guest.running { Effect::None } else { Effect::Interrupts };
    made.changes = vec![
        field(context, index, "storage", "storage", None, &storage, "backup/storage"),
        field(context, index, "mode", "mode", None, &mode, "backup/mode"),
    ];
    let args = [
        ("vmid", guest.vmid.to_string()),
        ("storage", storage.clone()),
        ("mode", mode),
        ("compress", "zstd".into()),
        ("notes-template", key.notes()),
        // Without it old backups would be pruned by the storage's rule.
        ("remove", "0".into()),
    ];
    made.calls = vec![Call {
        verb: Verb::Post,
        path: format!("/nodes/{}/vzdump", guest.node),
        args: args.map(|(key, value)| (key.to_owned(), value)).into(),
        purpose: "make the backup".into(),
        done_when: Condition::BackupMade { vmid: guest.vmid, node: guest.node.clone(), storage, key },
        guards: vec![target.guard()],
    }];
    made.reverse = Reverse::None {
        why: "a backup takes nothing away; delete it in Proxmox if it is in the way.".into(),
    };
    let interrupts = made.effect == Effect::Interrupts;
    let no = draft.push(made);
    if interrupts {
        draft.hazard(
            HazardKind::Interrupts,
            format!("{words} is unreachable while it is backed up."),
            Some(no),
        );
    }
    Ok(())
}

/// Jobs to make, change or remove; made and changed after new guests are there.
pub(super) fn jobs(context: &Context<'_>, placed: &Placed<'_>, draft: &mut Draft) -> Result<(), NoPlan> {
    for (index, wish) in wishes(context) {
        match wish.change {
            Change::Create if wish.schedule.is_some() => make(context, placed, index, wish, draft)?,
            Change::Update => set(context, placed, index, wish, draft)?,
            _ => {}
        }
    }
    Ok(())
}

pub(super) fn remove(context: &Context<'_>, draft: &mut Draft) -> Result<(), NoPlan> {
    for (index, wish) in
        wishes(context).filter(|(_, wish)| matches!(wish.change, Change::Remove | Change::Destroy))
    {
        let id = named(wish)?;
        let phrases = context.phrases("backups", index, wish);
        let Some(job) = seen(context)?.get(id) else {
            draft.push(step(
                StepVerb::AlreadySo,
                subject(id),
                format!("There is no backup job {id}."),
                phrases,
            ));
            continue;
        };
        let text = format!("Remove the backup job {id}. Backups it made stay; no new ones are made.");
        let mut removed = step(StepVerb::Destroy, subject(id), text.clone(), phrases);
        removed.calls = vec![Call {
            verb: Verb::Delete,
            path: format!("/cluster/backup/{id}"),
            args: BTreeMap::new(),
            purpose: "remove the job".into(),
            done_when: Condition::BackupJobGone { id: id.to_owned() },
            guards: Vec::new(),
        }];
        removed.reverse = match job.wide {
            true => Reverse::None {
                why: "the job covered more than named guests, which is not kept here.".into(),
            },
            false => Reverse::Calls {
                sentence: format!("Make the backup job {id} again."),
                loses_data: false,
                calls: vec![create(id, job)],
            },
        };
        let no = draft.push(removed);
        let confirm = Some(id.to_owned());
        draft.hazards.push(Hazard { kind: HazardKind::Destroys, text, confirm, step: Some(no) });
    }
    Ok(())
}

fn wishes<'a>(context: &Context<'a>) -> impl Iterator<Item = (usize, &'a BackupWish)> {
    context.desired().backups.iter().enumerate()
}

fn destroys(wish: &GuestWish, name: &str) -> bool {
    wish.change == GuestChange::Destroy && wish.name == name
}

fn subject(id: &str) -> Subject {
    Subject { noun: "backup job".into(), name: id.to_owned(), vmid: None, node: None }
}

fn seen<'a>(context: &Context<'a>) -> Result<&'a BTreeMap<String, BackupJobSeen>, NoPlan> {
    context.seen().around.backup_jobs.as_ref().ok_or_else(|| {
        NoPlan::new("The backup jobs of the cluster cannot be read.", "Give the token Sys.Audit on /.")
    })
}

fn named(wish: &BackupWish) -> Result<&str, NoPlan> {
    wish.name.as_deref().ok_or_else(|| {
        NoPlan::new(
            "Which backup job is meant?",
            "Write its name; the jobs are listed in Proxmox under Datacenter, Backup.",
        )
    })
}

fn storage(context: &Context<'_>, wish: &BackupWish) -> String {
    wish.storage.clone().unwrap_or_else(|| context.house().defaults.backup.storage.clone())
}

fn mode(context: &Context<'_>, wish: &BackupWish) -> String {
    wish.mode.clone().unwrap_or_else(|| context.house().defaults.backup.mode.clone())
}

/// May backups lie there?
fn place(context: &Context<'_>, id: &str, node: &str) -> Result<(), NoPlan> {
    if context.desired().storages.iter().any(|wish| wish.change == Change::Remove && wish.id == *id) {
        return Err(NoPlan::new(
            format!("{id} is removed by the same text, and backups shall lie on it."),
            "Name another storage for the backups, or remove this one in a declaration of its own.",
        ));
    }
    let fits = |store: &super::stores::Store| store.holds("backup") && (node.is_empty() || store.on(node));
    if context.stores.get(id).is_some_and(fits) {
        return Ok(());
    }
    let able: Vec<&str> = context.stores.iter().filter(|(_, store)| fits(store)).map(|(id, _)| id).collect();
    Err(NoPlan::new(
        format!(
            "Backups cannot lie on {id}{}.",
            if node.is_empty() { String::new() } else { format!(" of {node}") }
        ),
        match able.as_slice() {
            [] => "No storage of the cluster holds backups. Add one, or allow the content backup on one."
                .to_owned(),
            able => format!("They could lie on {}.", sentence::list(able)),
        },
    ))
}

/// Numbers of the guests a job shall cover; those this plan makes among them.
fn numbers(context: &Context<'_>, placed: &Placed<'_>, wish: &BackupWish) -> Result<Vec<Vmid>, NoPlan> {
    let mut all = Vec::new();
    for name in &wish.guests {
        if context.desired().guests.iter().any(|wish| destroys(wish, name)) {
            return Err(NoPlan::new(
                format!("{name} is destroyed by the same text, and a backup job shall cover it."),
                format!("Leave {name} out of the backup job, or keep it."),
            ));
        }
        let new = placed.guests.iter().find(|guest| guest.spec.wish.name == *name).map(|guest| guest.vmid);
        all.push(match new {
            Some(vmid) => vmid,
            None => context.owned_named(name)?.vmid,
        });
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

fn make(
    context: &Context<'_>,
    placed: &Placed<'_>,
    index: usize,
    wish: &BackupWish,
    draft: &mut Draft,
) -> Result<(), NoPlan> {
    if wish.guests.is_empty() {
        return Err(NoPlan::new("Nothing is named that shall be backed up.", "Name the guests."));
    }
    let storage = storage(context, wish);
    place(context, &storage, "")?;
    let keep = wish.keep_last.unwrap_or(context.house().defaults.backup.keep_last);
    let job = BackupJobSeen {
        guests: numbers(context, placed, wish)?,
        storage: Some(storage),
        schedule: wish.schedule.clone(),
        mode: Some(mode(context, wish)),
        keep_last: Some(keep),
        enabled: true,
        wide: false,
    };
    let made_up = || {
        let id = Uuid::new_v5(&context.request.declaration.0, format!("job/{index}").as_bytes());
        format!("mycopod-{}", id.simple().to_string().get(..8).unwrap_or_default())
    };
    let ours = wish.name.is_none();
    let id = wish.name.clone().unwrap_or_else(made_up);
    match seen(context)?.get(&id) {
        Some(old) if *old == job => {
            let text = format!("Backup job {id} is so already: {}.", words(context, placed, &job));
            let phrases = context.phrases("backups", index, wish);
            draft.push(step(StepVerb::AlreadySo, subject(&id), text, phrases));
            Ok(())
        }
        Some(old) if ours => change_job(context, placed, index, wish, (&id, old, job), draft),
        Some(_) => Err(NoPlan::new(
            format!("A backup job {id} exists and is set otherwise."),
            "Ask to change it, or choose another name.",
        )),
        None => {
            let text = format!("Make the backup job {id}: {}.", words(context, placed, &job));
            let mut made =
                step(StepVerb::Create, subject(&id), text, context.phrases("backups", index, wish));
            made.changes = fields(context, placed, index, None, &job);
            made.calls = vec![create(&id, &job)];
            made.reverse = Reverse::Calls {
                sentence: format!("Remove the backup job {id}. Backups it made stay."),
                loses_data: false,
                calls: vec![Call {
                    verb: Verb::Delete,
                    path: format!("/cluster/backup/{id}"),
                    args: BTreeMap::new(),
                    purpose: "remove the job".into(),
                    done_when: Condition::BackupJobGone { id: id.clone() },
                    guards: Vec::new(),
                }],
            };
            draft.push(made);
            Ok(())
        }
    }
}

fn set(
    context: &Context<'_>,
    placed: &Placed<'_>,
    index: usize,
    wish: &BackupWish,
    draft: &mut Draft,
) -> Result<(), NoPlan> {
    let id = named(wish)?;
    let old = seen(context)?.get(id).ok_or_else(|| {
        let known: Vec<&String> =
            context.seen().around.backup_jobs.iter().flat_map(|all| all.keys()).collect();
        NoPlan::new(
            format!("There is no backup job {id}."),
            format!("There are: {}.", sentence::list(&known)),
        )
    })?;
    if old.wide && !wish.guests.is_empty() {
        return Err(NoPlan::new(
            format!("Backup job {id} covers a pool or everything, not named guests."),
            "Change what it covers in Proxmox, or make another job.",
        ));
    }
    let mut new = old.clone();
    if !wish.guests.is_empty() {
        new.guests = numbers(context, placed, wish)?;
    }
    if let Some(storage) = &wish.storage {
        place(context, storage, "")?;
        new.storage = Some(storage.clone());
    }
    new.schedule = wish.schedule.clone().or(new.schedule);
    new.mode = wish.mode.clone().or(new.mode);
    new.keep_last = wish.keep_last.or(new.keep_last);
    if new == *old {
        let text = format!("Backup job {id} is so already: {}.", words(context, placed, old));
        draft.push(step(StepVerb::AlreadySo, subject(id), text, context.phrases("backups", index, wish)));
        return Ok(());
    }
    change_job(context, placed, index, wish, (id, old, new), draft)
}

fn change_job(
    context: &Context<'_>,
    placed: &Placed<'_>,
    index: usize,
    wish: &BackupWish,
    (id, old, new): (&str, &BackupJobSeen, BackupJobSeen),
    draft: &mut Draft,
) -> Result<(), NoPlan> {
    let all = fields(context, placed, index, Some(old), &new);
    let said: Vec<String> = all
        .iter()
        .map(|field| {
            let (before, after) = (field.before.as_deref(), field.after.as_deref().unwrap_or("nothing"));
            format!("{} from {} to {after}", field.field, before.unwrap_or("nothing"))
        })
        .collect();
    let text = format!("Change the backup job {id}: {}.", said.join("; "));
    let mut changed = step(StepVerb::Change, subject(id), text, context.phrases("backups", index, wish));
    changed.changes = all;
    changed.calls = vec![update(id, old, &new)];
    changed.reverse = Reverse::Calls {
        sentence: format!("Set the old values of the backup job {id} again."),
        loses_data: false,
        calls: vec![update(id, &new, old)],
    };
    let no = draft.push(changed);
    if let (Some(before), Some(after)) = (old.keep_last, new.keep_last)
        && after < before
    {
        let text = format!(
            "Backup job {id} will keep {after} backups instead of {before}: older ones are deleted when it runs next."
        );
        draft.hazard(HazardKind::Caution, text, Some(no));
    }
    Ok(())
}

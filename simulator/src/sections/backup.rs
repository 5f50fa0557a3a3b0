//! Backup jobs. What a job or a person has made is in [`vzdump`].
//!
//! Begin with [`dispatch`].

use super::jobs::SINCE;
use super::{Entry, typed, vzdump};
use crate::api::{Call, Fail, Reply, words};
use crate::state::World;
use serde_json::{Value, json};

/// Key of the jobs in the sections.
pub const JOBS: &str = "backup";
/// Configurations inside backups, by volume id.
pub const CONFIGS: &str = "backup/config";

/// Sends a call on backups to its handler; none when it is not about them.
pub fn dispatch(call: &Call) -> Option<Result<Reply, Fail>> {
    Some(match (call.verb.as_str(), call.template.as_str()) {
        ("GET", "/cluster/backup") => list(call),
        ("POST", "/cluster/backup") => create(call),
        ("GET", "/cluster/backup/{id}") => one(call),
        ("PUT", "/cluster/backup/{id}") => update(call),
        ("DELETE", "/cluster/backup/{id}") => delete(call),
        ("GET", "/cluster/backup-info/not-backed-up") => Ok(unprotected(call)),
        ("POST", "/nodes/{node}/vzdump") => vzdump::vzdump(call),
        ("GET", "/nodes/{node}/vzdump/defaults") => {
            Ok(Reply::data(json!({"mode": "snapshot", "storage": "local"})))
        }
        _ => return None,
    })
}

/// A job that is there from the start.
pub fn seed(world: &mut World, id: &str, guests: &[String], store: &str, schedule: &str, keep: Option<u32>) {
    let mut job: Entry = [
        ("enabled", "1".to_owned()),
        ("vmid", guests.join(",")),
        ("storage", store.to_owned()),
        ("schedule", schedule.to_owned()),
        ("mode", "snapshot".to_owned()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into();
    job.extend(keep.map(|keep| ("prune-backups".to_owned(), format!("keep-last={keep}"))));
    world.sections.entry(JOBS.into()).or_default().insert(id.to_owned(), job);
}

fn entry(call: &Call, id: &str, job: &Entry) -> Value {
    let mut out = json!({"id": id, "type": "vzdump"});
    for (key, value) in job.iter().filter(|(key, _)| *key != SINCE) {
        out[key] = typed(call, "POST", "/cluster/backup", key, value);
    }
    out
}

fn list(call: &Call) -> Result<Reply, Fail> {
    let world = call.engine.world();
    let all = world.sections.get(JOBS).into_iter().flatten().map(|(id, job)| {
        let mut out = entry(call, id, job);
        if job.get("enabled").is_some_and(|e| e == "1") {
            let next = job.get("schedule").and_then(|plan| super::jobs::next_run(plan, call.engine.now()));
            if let Some(next) = next {
                out["next-run"] = json!(next);
            }
        }
        out
    });
    Ok(Reply::data(json!(all.collect::<Vec<_>>())))
}

fn one(call: &Call) -> Result<Reply, Fail> {
    let world = call.engine.world();
    let id = call.text("id").unwrap_or_default();
    match world.sections.get(JOBS).and_then(|s| s.get(id)) {
        Some(job) => Ok(Reply::data(entry(call, id, job))),
        None => Err(Fail::param("id", format!("No such job '{id}'"))),
    }
}

/// Options that contradict each other, or none that says what to back up.
pub(super) fn verified(of: impl Fn(&str) -> Option<String>, check_missing: bool) -> Result<(), Fail> {
    let said = |key: &str| of(key).is_some_and(|v| !v.is_empty() && v != "0");
    for other in ["all", "exclude", "pool"] {
        if said(other) && said("vmid") {
            return Err(Fail::param(other, "option conflicts with option 'vmid'"));
        }
    }
    if of("prune-backups").is_some() && of("maxfiles").is_some() {
        return Err(Fail::param("prune-backups", "option conflicts with option 'maxfiles'"));
    }
    let some = ["all", "stop", "pool", "exclude", "vmid"].iter().any(|key| said(key));
    match check_missing && !some {
        true => Err(Fail::param("vmid", "property is missing")),
        false => Ok(()),
    }
}

/// An error of parameters that passed through a lock: it has become a text.
fn nested(fail: Fail) -> Fail {
    let lines: String = fail.errors.iter().map(|(key, text)| format!("{key}: {text}\n")).collect();
    match fail.errors.is_empty() {
        true => fail,
        false => Fail { status: 500, message: format!("400 {}{lines}", fail.message), ..Fail::default() },
    }
}

pub(super) fn root_only(call: &Call) -> Result<(), Fail> {
    for key in ["tmpdir", "dumpdir", "script", "job-id"] {
        if call.text(key).is_some() && !call.access().is_root() {
            return Err(Fail::param(key, "Only root may set this option."));
        }
    }
    Ok(())
}

fn create(call: &Call) -> Result<Reply, Fail> {
    root_only(call)?;
    match (call.text("schedule"), call.text("starttime")) {
        (Some(_), Some(_)) => {
            return Err(Fail::param("starttime", "'starttime' and 'schedule' cannot both be set"));
        }
        (None, None) => return Err(Fail::param("schedule", "neither 'starttime' nor 'schedule' were set")),
        _ => {}
    }
    let mut world = call.engine.world();
    let id = call.text("id").map_or_else(|| call.engine.chance.uuid(), str::to_owned);
    if world.sections.get(JOBS).is_some_and(|s| s.contains_key(&id)) {
        return Err(Fail::text(format!("Job '{id}' already exists")));
    }
    let since = call.engine.now().to_string();
    let mut job = Entry::from([("enabled".to_owned(), "1".to_owned()), (SINCE.to_owned(), since)]);
    take(call, &mut job);
    scheduled(&mut job);
    verified(|key| job.get(key).cloned(), true).map_err(nested)?;
    world.sections.entry(JOBS.into()).or_default().insert(id, job);
    Ok(Reply::null())
}

/// What the call says, guests and node included: elsewhere these two say where a call goes.
fn take(call: &Call, job: &mut Entry) {
    super::shelf::take(call, "id", job);
    for key in ["vmid", "node"] {
        if let Some(value) = call.text(key) {
            job.insert(key.to_owned(), value.to_owned());
        }
    }
}

/// The old pair of time and days as one schedule.
fn scheduled(job: &mut Entry) {
    if let Some(start) = job.remove("starttime") {
        let days = job.remove("dow").filter(|d| d.split(',').count() < 7);
        job.insert("schedule".into(), days.map_or_else(|| start.clone(), |d| format!("{d} {start}")));
    }
}

fn update(call: &Call) -> Result<Reply, Fail> {
    root_only(call)?;
    let id = call.text("id").unwrap_or_default();
    let delete = words(call, "delete");
    if delete.is_empty() && !call.params.keys().any(|k| !matches!(k.as_str(), "id" | "delete")) {
        return Err(Fail::text("no options specified"));
    }
    let mut world = call.engine.world();
    let found = world.sections.get_mut(JOBS).and_then(|s| s.get_mut(id));
    let job = found.ok_or_else(|| Fail::text("no such vzdump job"))?;
    let mut new = job.clone();
    for key in &delete {
        if new.remove(key).is_none()
            && call.contract().method("PUT", &call.template).is_some_and(|m| m.param(key).is_none())
        {
            return Err(Fail::param("delete", format!("unknown option '{key}'")));
        }
    }
    // Saying what to back up takes the place of what was said before.
    for key in ["vmid", "all", "pool"] {
        if call.text(key).is_some() {
            ["vmid", "all", "pool", "exclude"]
                .iter()
                .filter(|o| **o != key && call.text(o).is_none())
                .for_each(|o| {
                    new.remove(*o);
                });
        }
    }
    take(call, &mut new);
    scheduled(&mut new);
    if new.get("schedule") != job.get("schedule") {
        new.insert(SINCE.into(), call.engine.now().to_string());
    }
    verified(|key| new.get(key).cloned(), true).map_err(nested)?;
    *job = new;
    Ok(Reply::null())
}

fn delete(call: &Call) -> Result<Reply, Fail> {
    let id = call.text("id").unwrap_or_default();
    let mut world = call.engine.world();
    match world.sections.get_mut(JOBS).and_then(|s| s.remove(id)) {
        Some(_) => Ok(Reply::null()),
        None => Err(Fail::param("id", format!("No such job '{id}'"))),
    }
}

/// Does a job cover this guest?
pub fn covers(world: &World, job: &Entry, vmid: u32) -> bool {
    let named =
        |key: &str| job.get(key).is_some_and(|l| l.split([',', ' ', ';']).any(|v| v.parse() == Ok(vmid)));
    match (job.get("all").is_some_and(|a| a == "1"), job.get("pool")) {
        (true, _) => !named("exclude"),
        (_, Some(pool)) => {
            world.pools.get(pool).is_some_and(|p| p.guests.contains(&vmid)) && !named("exclude")
        }
        _ => named("vmid"),
    }
}

fn unprotected(call: &Call) -> Reply {
    let world = call.engine.world();
    let access = call.access();
    let bare = world.guests.values().filter(|g| {
        !world.sections.get(JOBS).into_iter().flatten().any(|(_, job)| covers(&world, job, g.vmid))
            && access.allows(&world, &format!("/vms/{}", g.vmid), "VM.Audit")
    });
    Reply::data(json!(
        bare.map(|g| json!({"vmid": g.vmid, "type": g.kind.word(), "name": crate::guests::views::name(g)}))
            .collect::<Vec<_>>()
    ))
}

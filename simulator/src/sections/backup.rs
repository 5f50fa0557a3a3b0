//! Backups: jobs, and the backups that `vzdump` makes of guests.
//!
//! Begin with [`dispatch`]. A backup keeps the guest's configuration, so that it can be restored.

use super::jobs::SINCE;
use super::{Entry, typed};
use crate::api::{Call, Fail, Reply, words};
use crate::guests::disks::unlocked;
use crate::state::{Guest, Kind, Volume, World};
use crate::storage;
use crate::storage::prune::{self, Rule};
use crate::tasks::{Halves, Job, Log};
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
        ("POST", "/nodes/{node}/vzdump") => vzdump(call),
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
fn verified(of: impl Fn(&str) -> Option<String>, check_missing: bool) -> Result<(), Fail> {
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

fn root_only(call: &Call) -> Result<(), Fail> {
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

/// `POST /nodes/{node}/vzdump`.
pub fn vzdump(call: &Call) -> Result<Reply, Fail> {
    root_only(call)?;
    if call.text("stdout").is_some_and(|s| s == "1") {
        return Err(Fail::param("stdout", "option is only allowed on the command line interface."));
    }
    verified(|key| call.text(key).map(str::to_owned), true)?;
    let node = call.node().to_owned();
    let store = call.text("storage").unwrap_or("local").to_owned();
    let job: Entry =
        call.params.iter().filter_map(|(k, v)| v.as_str().map(|t| (k.clone(), t.to_owned()))).collect();
    let world = call.engine.world();
    let mut wanted: Vec<u32> =
        world.guests.values().filter(|g| covers(&world, &job, g.vmid)).map(|g| g.vmid).collect();
    // A guest that is named but gone fails later, where it can be seen.
    let named = words(call, "vmid").iter().filter_map(|v| v.parse().ok()).collect::<Vec<u32>>();
    wanted.extend(named.iter().filter(|id| !world.guests.contains_key(id)));
    wanted.retain(|id| world.guests.get(id).is_none_or(|g| g.node == node));
    if wanted.is_empty() && call.text("all") != Some("1") {
        return Ok(Reply::data(json!("OK")));
    }
    call.demand(&world, &format!("/storage/{store}"), "Datastore.AllocateSpace")?;
    let allowed = |id: &u32| call.access().allows(&world, &format!("/vms/{id}"), "VM.Backup");
    if !named.is_empty()
        && let Some(id) = wanted.iter().find(|id| !allowed(id))
    {
        return Err(Fail::forbidden(format!("/vms/{id}, VM.Backup")));
    }
    wanted.retain(allowed);
    drop(world);
    let mode = call.text("mode").unwrap_or("snapshot").to_owned();
    let order = Order {
        keep: call.text("protected") == Some("1"),
        notes: call.text("notes-template").map(str::to_owned),
        rule: call.text("prune-backups").map(str::to_owned),
        prune: call.text("remove") != Some("0"),
        store: store.clone(),
        node: node.clone(),
    };
    let id = if let [one] = wanted[..] { one.to_string() } else { String::new() };
    let upid = call.engine.start(
        call,
        Job {
            kind: "vzdump",
            id,
            node: node.clone(),
            duration_ms: 4_000 * wanted.len().max(1) as u64,
            locks: Vec::new(),
            wait_ms: 0,
            work: Box::new(move |_, world, log| {
                place(world, &store, &node)?;
                log.push(format!(
                    "INFO: starting new backup job: vzdump {} --storage {store} --mode {mode}",
                    wanted.iter().map(u32::to_string).collect::<Vec<_>>().join(" ")
                ));
                let mut held = Vec::new();
                for id in &wanted {
                    if let Some(guest) = world.guests.get_mut(id).filter(|g| unlocked(g).is_ok()) {
                        guest.config.insert("lock".into(), "backup".into());
                        held.push(*id);
                    }
                }
                let back = held.clone();
                Ok(Halves::then(move |engine, world, log| {
                    let at = engine.now();
                    let bad = wanted.iter().filter(|id| !save(world, log, (**id, at), &held, &order)).count();
                    match bad {
                        0 => {
                            log.push("INFO: Backup job finished successfully".into());
                            Ok(())
                        }
                        _ => {
                            log.push("INFO: Backup job finished with errors".into());
                            Err("job errors".into())
                        }
                    }
                })
                .or_undo(move |_, world, _| unlock(world, &back)))
            }),
        },
    );
    Ok(Reply::data(json!(upid)))
}

fn unlock(world: &mut World, ids: &[u32]) {
    for id in ids {
        if let Some(guest) = world.guests.get_mut(id) {
            guest.config.remove("lock");
        }
    }
}

/// May backups lie on this storage?
fn place(world: &World, store: &str, node: &str) -> Result<(), String> {
    let wrap = |text: String| format!("could not get storage information for '{store}': {text}");
    let storage = storage::usable(world, store, node).map_err(wrap)?;
    match storage.accepts("backup") {
        true => Ok(()),
        false => Err(wrap(format!("can't use storage '{store}' for backups - wrong content type"))),
    }
}

/// How backups are to be made.
struct Order {
    store: String,
    node: String,
    /// Protect the new backup.
    keep: bool,
    notes: Option<String>,
    /// Which older ones stay; none: what the storage says.
    rule: Option<String>,
    prune: bool,
}

/// Makes one backup; false when it failed, with the reason in the log.
fn save(world: &mut World, log: &mut Log, (vmid, at): (u32, i64), held: &[u32], order: &Order) -> bool {
    let Order { store, node, .. } = order;
    let Some(guest) = world.guests.get(&vmid).cloned() else {
        log.push(format!("ERROR: Backup of VM {vmid} failed - unable to find VM '{vmid}'"));
        return false;
    };
    let label = guest.kind.label();
    log.push(format!("INFO: Starting Backup of {label} {vmid} ({})", guest.kind.word()));
    if !held.contains(&vmid) {
        let lock = guest.get("lock").unwrap_or("backup");
        log.push(format!("ERROR: Backup of {label} {vmid} failed - {label} is locked ({lock})"));
        return false;
    }
    unlock(world, &[vmid]);
    let ending = if guest.kind == Kind::Vm { "vma.zst" } else { "tar.zst" };
    let stamp = chrono::DateTime::<chrono::Utc>::from_timestamp(at, 0).unwrap_or_default();
    let stamp = stamp.format("%Y_%m_%d-%H_%M_%S");
    let name = format!("backup/vzdump-{}-{vmid}-{stamp}.{ending}", guest.kind.word());
    let size: u64 = world
        .volumes
        .iter()
        .filter(|v| v.vmid == Some(vmid) && v.content != "backup")
        .map(|v| v.size_bytes)
        .sum();
    let volid = format!("{store}:{name}");
    let shared = world.storages.get(store).is_some_and(crate::state::Storage::is_shared);
    world.volumes.push(Volume {
        storage: store.clone(),
        node: (!shared).then(|| node.clone()),
        format: ending.into(),
        name,
        content: "backup".into(),
        // A third of the disks is what compression usually leaves.
        size_bytes: size / 3 + 4096,
        vmid: Some(vmid),
        created_at: at,
        ..Volume::default()
    });
    let mut config = without_lock(&guest);
    config.insert("_kind".into(), guest.kind.word().into());
    if order.keep {
        config.insert("_protected".into(), "1".into());
    }
    config.insert("_notes".into(), filled(order.notes.as_deref(), &guest, node, world.cluster.as_deref()));
    world.sections.entry(CONFIGS.into()).or_default().insert(volid.clone(), config);
    log.push(format!("INFO: creating vzdump archive '{volid}'"));
    prune_older(world, log, vmid, order);
    log.push(format!("INFO: Finished Backup of {label} {vmid} (00:00:04)"));
    true
}

/// Removes the guest's older backups that the rule does not keep.
fn prune_older(world: &mut World, log: &mut Log, vmid: u32, order: &Order) {
    let own = || world.storages.get(&order.store)?.config.get("prune-backups").cloned();
    let rule = order.rule.clone().or_else(own).map(|text| Rule::read(&text));
    if let Some(rule) = rule.filter(|rule| order.prune && !rule.keeps_all()) {
        prune::after_backup(world, log, &order.store, &order.node, vmid, &rule);
    }
}

fn without_lock(guest: &Guest) -> Entry {
    let mut config = guest.config.clone();
    config.remove("lock");
    config
}

fn filled(notes: Option<&str>, guest: &Guest, node: &str, cluster: Option<&str>) -> String {
    notes
        .unwrap_or("{{guestname}}")
        .replace("{{guestname}}", &crate::guests::views::name(guest))
        .replace("{{vmid}}", &guest.vmid.to_string())
        .replace("{{node}}", node)
        .replace("{{cluster}}", cluster.unwrap_or("standalone node"))
        .replace("\\n", "\n")
}

//! Storages as a node sees them, and their volumes.

use super::config::{directory_name, file_path};
use super::{file_format, find, remove, usable, volid};
use crate::api::{Call, Fail, Reply};
use crate::cluster::may_see;
use crate::guests::disks::parse_size;
use crate::sections::backup::CONFIGS;
use crate::state::{Kind, Storage, Volume, World, now};
use crate::tasks::{Halves, Job};
use serde_json::{Value, json};

fn status(world: &World, id: &str, storage: &Storage, node: &str) -> Value {
    let active = storage.enabled() && storage.on_node(node);
    let (total, used) = if active { (storage.total(node), storage.used(world, id, node)) } else { (0, 0) };
    json!({
        "type": storage.kind, "content": storage.content(), "shared": u8::from(storage.is_shared()),
        "active": u8::from(active), "enabled": u8::from(active),
        "total": total, "used": used, "avail": total.saturating_sub(used),
    })
}

/// `GET /nodes/{node}/storage`.
pub fn stores(call: &Call) -> Result<Reply, Fail> {
    let world = call.listed_world();
    let access = call.access();
    let node = call.node();
    let mut out = Vec::new();
    for (id, storage) in &world.storages {
        let wanted = call.text("storage").is_none_or(|s| s == id)
            && call.text("content").is_none_or(|c| c.split([',', ' ', ';']).any(|c| storage.accepts(c)))
            && (!call.flag("enabled") || (storage.enabled() && storage.on_node(node)))
            && call.text("target").is_none_or(|t| storage.is_shared() && storage.on_node(t));
        if !wanted || !may_see(&access, &world, id) {
            continue;
        }
        let mut entry = status(&world, id, storage, node);
        entry["storage"] = json!(id);
        if let (Some(total), Some(used)) = (entry["total"].as_f64(), entry["used"].as_f64())
            && total > 0.0
        {
            entry["used_fraction"] = json!(used / total);
        }
        out.push(entry);
    }
    Ok(Reply::data(json!(out)))
}

/// `GET /nodes/{node}/storage/{storage}/status`.
pub fn store_status(call: &Call) -> Result<Reply, Fail> {
    let world = call.listed_world();
    let id = call.text("storage").unwrap_or_default();
    let storage = world.storages.get(id).ok_or_else(|| Fail::param("storage", "No such storage."))?;
    Ok(Reply::data(status(&world, id, storage, call.node())))
}

fn content_of(world: &World, volume: &Volume) -> String {
    let owner = volume.vmid.and_then(|id| world.guests.get(&id)).map(|g| g.kind);
    match (volume.content.as_str(), owner) {
        ("images" | "rootdir", Some(Kind::Ct)) => "rootdir".into(),
        ("images" | "rootdir", Some(Kind::Vm)) => "images".into(),
        (other, _) => other.into(),
    }
}

fn parent(storage: &Storage, volume: &Volume) -> Value {
    let Some(name) = volume.base.as_deref().and_then(|b| b.split_once(':')).map(|(_, n)| n) else {
        return Value::Null;
    };
    if storage.holds_files() { json!(format!("../{name}")) } else { json!(format!("{name}@__base__")) }
}

fn entry(world: &World, storage: &Storage, volume: &Volume) -> Value {
    let mut out = json!({
        "volid": volid(volume), "format": volume.format, "size": volume.size_bytes, "ctime": volume.created_at,
        "content": content_of(world, volume),
    });
    if let Some(kept) = world.sections.get(CONFIGS).and_then(|s| s.get(&volid(volume))) {
        out["subtype"] = json!(kept.get("_kind"));
        if let Some(notes) = kept.get("_notes").filter(|n| !n.is_empty()) {
            out["notes"] = json!(notes);
        }
        if kept.get("_protected").is_some_and(|p| p == "1") {
            out["protected"] = json!(1);
        }
    }
    if volume.content == "backup" {
        out["vmid"] = json!(volume.vmid);
    } else if let Some(vmid) = volume.vmid {
        out["vmid"] = json!(vmid);
        out["used"] = json!(volume.size_bytes);
        out["parent"] = parent(storage, volume);
    }
    out
}

/// `GET /nodes/{node}/storage/{storage}/content`.
pub fn list(call: &Call) -> Result<Reply, Fail> {
    let world = call.listed_world();
    let id = call.text("storage").unwrap_or_default();
    let node = call.node();
    let storage = usable(&world, id, node)?;
    let vmid = call.number("vmid");
    let wanted = call.text("content");
    let access = call.access();
    let mut out: Vec<Value> = Vec::new();
    for volume in
        world.volumes.iter().filter(|v| v.storage == id && v.node.as_deref().is_none_or(|n| n == node))
    {
        let content = content_of(&world, volume);
        let mine = match (vmid, volume.vmid) {
            (None, _) => true,
            (Some(asked), Some(owner)) => asked == u64::from(owner),
            (Some(_), None) => matches!(content.as_str(), "import" | "snippets"),
        };
        let seen = volume.vmid.is_none_or(|owner| {
            access.allows(&world, &format!("/storage/{id}"), "Datastore.Allocate")
                || access.allows(&world, &format!("/vms/{owner}"), "VM.Audit")
        });
        if mine && seen && wanted.is_none_or(|w| w == content) {
            out.push(entry(&world, storage, volume));
        }
    }
    out.sort_by(|a, b| a["volid"].as_str().cmp(&b["volid"].as_str()));
    Ok(Reply::data(json!(out)))
}

/// `POST /nodes/{node}/storage/{storage}/content`: makes an image at once.
pub fn allocate(call: &Call) -> Result<Reply, Fail> {
    let mut world = call.engine.world();
    let id = call.text("storage").unwrap_or_default();
    let node = call.node();
    let storage = usable(&world, id, node)?.clone();
    let file = call.text("filename").unwrap_or_default();
    let vmid = call.number("vmid").and_then(|n| u32::try_from(n).ok()).unwrap_or_default();
    let size = call.text("size").unwrap_or_default();
    // A number without a unit means KiB here.
    let size_bytes = match size.parse::<u64>() {
        Ok(kib) => kib * 1024,
        Err(_) => parse_size(size).unwrap_or(0),
    };
    let ending = file.rsplit_once('.').map(|(_, e)| e).filter(|e| matches!(*e, "raw" | "qcow2" | "vmdk"));
    if let (Some(format), Some(ending)) = (call.text("format"), ending)
        && format != ending
    {
        return Err(Fail::param("format", format!("different storage formats ({format} != {ending})")));
    }
    let known = file.starts_with("vm-") || file.starts_with("base-") || file.starts_with("subvol-");
    if !known || (storage.holds_files() && ending.is_none()) {
        return Err(Fail::text(format!("unable to parse volume filename '{file}'")));
    }
    let name = if storage.holds_files() { format!("{vmid}/{file}") } else { file.to_owned() };
    let volid = format!("{id}:{name}");
    if find(&world, &volid, node).is_some() {
        return Err(Fail::text(format!("disk image '{}' already exists", file_path(&storage, &name))));
    }
    world.volumes.push(Volume {
        storage: id.to_owned(),
        node: (!storage.is_shared()).then(|| node.to_owned()),
        name,
        content: "images".into(),
        format: ending.or(call.text("format")).unwrap_or("raw").to_owned(),
        size_bytes,
        vmid: Some(vmid),
        created_at: now(),
        base: None,
        ..Volume::default()
    });
    Ok(Reply::data(json!(volid)))
}

/// The full id of the volume in the path.
fn named(call: &Call, world: &World) -> Result<(String, Storage), Fail> {
    let id = call.text("storage").unwrap_or_default();
    let volume = call.text("volume").unwrap_or_default();
    let name = match volume.split_once(':') {
        Some((store, _)) if store != id => {
            return Err(Fail::param("volume", format!("storage ID mismatch ({store} != {id})\n")));
        }
        Some((_, name)) => name,
        None => volume,
    };
    let storage = usable(world, id, call.node())?.clone();
    if storage.holds_files() && !directory_name(name) {
        return Err(Fail::text(format!("unable to parse directory volume name '{name}'")));
    }
    Ok((format!("{id}:{name}"), storage))
}

/// `GET /nodes/{node}/storage/{storage}/content/{volume}`.
pub fn one(call: &Call) -> Result<Reply, Fail> {
    let world = call.engine.world();
    let (volid, storage) = named(call, &world)?;
    let volume = find(&world, &volid, call.node())
        .ok_or_else(|| Fail::text(format!("volume_size_info on '{volid}' failed - no format")))?;
    let format = if file_format(&volume.name) == "iso" { "raw" } else { volume.format.as_str() };
    // A fresh raw image takes one block; a file takes what it holds.
    let used = if volume.vmid.is_some() { 4096 } else { volume.size_bytes };
    Ok(Reply::data(
        json!({"path": file_path(&storage, &volume.name), "format": format, "size": volume.size_bytes, "used": used}),
    ))
}

/// `PUT …/content/{volume}`: notes and protection belong to backups.
pub fn annotate(call: &Call) -> Result<Reply, Fail> {
    let mut world = call.engine.world();
    let (volid, _) = named(call, &world)?;
    let backup = volid.contains(":backup/");
    if call.text("notes").is_some() && !backup {
        return Err(Fail::text("only backups can have notes"));
    }
    if call.text("protected").is_some() && !backup {
        return Err(Fail::text("only backups support attribute 'protected'"));
    }
    if find(&world, &volid, call.node()).is_none() && backup {
        return Err(Fail::text(format!("volume '{volid}' does not exist")));
    }
    if backup {
        let kept = world.sections.entry(CONFIGS.into()).or_default().entry(volid).or_default();
        for (name, key) in [("notes", "_notes"), ("protected", "_protected")] {
            if let Some(text) = call.text(name) {
                kept.insert(key.into(), text.to_owned());
            }
        }
    }
    Ok(Reply::null())
}

/// `DELETE /nodes/{node}/storage/{storage}/content/{volume}`.
pub async fn delete(call: &Call) -> Result<Reply, Fail> {
    let (volid, storage, id) = {
        let world = call.engine.world();
        let (volid, storage) = named(call, &world)?;
        let kept = world.sections.get(CONFIGS).and_then(|s| s.get(&volid));
        if kept.is_some_and(|k| k.get("_protected").is_some_and(|p| p == "1")) {
            return Err(Fail::text(format!("can't remove protected archive '{volid}'")));
        }
        if world.volumes.iter().any(|v| v.base.as_deref() == Some(&volid)) {
            return Err(Fail::text(format!("base volume '{volid}' is still in use by linked cloned")));
        }
        let name = volid.split_once(':').map_or("", |(_, n)| n);
        let owner = name
            .split('/')
            .next()
            .filter(|f| !f.is_empty() && f.bytes().all(|b| b.is_ascii_digit()))
            .map(str::to_owned)
            .or_else(|| find(&world, &volid, call.node()).and_then(|v| v.vmid).map(|v| v.to_string()));
        let store = call.text("storage").unwrap_or_default();
        let id = owner.map_or_else(|| store.to_owned(), |owner| format!("{owner}@{store}"));
        (volid, storage, id)
    };
    let node = call.node().to_owned();
    let upid = call.engine.start(
        call,
        Job {
            kind: "imgdel",
            id,
            node: node.clone(),
            duration_ms: 300,
            locks: Vec::new(),
            wait_ms: 0,
            work: Box::new(move |_, _, _| {
                Ok(Halves::then(move |_, world, log| {
                    if !remove(world, &volid, &node) {
                        let name = volid.split_once(':').map_or("", |(_, n)| n);
                        log.push(format!("disk image '{}' does not exist", file_path(&storage, name)));
                    }
                    log.push(format!("Removed volume '{volid}'"));
                    Ok(())
                }))
            }),
        },
    );
    match call.number("delay") {
        Some(delay) if delay > 0 && call.engine.task_within(&upid, delay * 1000).await => Ok(Reply::null()),
        _ => Ok(Reply::data(json!(upid))),
    }
}

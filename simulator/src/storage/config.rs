//! The storage configuration: entries that exist, are added, changed and removed.
//!
//! What stands behind a new entry is believed, except that no server answers on loopback.

use super::file_format;
use crate::api::{Call, Fail, Reply};
use crate::cluster::may_see;
use crate::state::{Storage, World, sha1_hex};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::IpAddr;

const COMMON: &[&str] = &[
    "bwlimit",
    "content",
    "content-dirs",
    "create-base-path",
    "create-subdirs",
    "disable",
    "format",
    "max-protected-backups",
    "maxfiles",
    "mkdir",
    "nodes",
    "preallocation",
    "prune-backups",
    "shared",
];
const NUMBERS: &[&str] = &[
    "shared",
    "disable",
    "mkdir",
    "create-base-path",
    "create-subdirs",
    "maxfiles",
    "max-protected-backups",
];

/// Options of a type, and which of them are required and fixed.
fn options(kind: &str) -> (&'static [&'static str], &'static [&'static str]) {
    match kind {
        "dir" => (&["path"], &["path", "is_mountpoint"]),
        "nfs" => (&["server", "export"], &["server", "export", "options", "path"]),
        "cifs" => (
            &["server", "share"],
            &["server", "share", "username", "password", "domain", "smbversion", "subdir", "options"],
        ),
        "btrfs" => (&["path"], &["path", "is_mountpoint"]),
        "lvm" => (&["vgname"], &["vgname", "base", "saferemove", "saferemove_throughput", "tagged_only"]),
        "lvmthin" => (&["vgname", "thinpool"], &["vgname", "thinpool"]),
        "zfspool" => (&["pool"], &["pool", "blocksize", "sparse", "mountpoint"]),
        "rbd" => (&["pool"], &["pool", "monhost", "username", "krbd", "data-pool", "namespace", "keyring"]),
        "cephfs" => {
            (&[], &["monhost", "username", "fs-name", "subdir", "fuse", "keyring", "options", "path"])
        }
        "pbs" => (
            &["server", "datastore"],
            &[
                "server",
                "datastore",
                "namespace",
                "port",
                "username",
                "password",
                "fingerprint",
                "encryption-key",
                "master-pubkey",
            ],
        ),
        "iscsi" => (&["portal", "target"], &["portal", "target"]),
        "glusterfs" => (&["volume"], &["server", "server2", "volume", "transport", "path"]),
        _ => (&[], &[]),
    }
}

fn digest(world: &World) -> String {
    sha1_hex(&format!(
        "{:?}",
        world.storages.iter().map(|(id, s)| (id, &s.kind, &s.config)).collect::<Vec<_>>()
    ))
}

fn entry(world: &World, id: &str, storage: &Storage) -> Value {
    let mut out =
        json!({"storage": id, "type": storage.kind, "digest": digest(world), "content": storage.content()});
    for (name, value) in &storage.config {
        out[name] = match value.parse::<u64>() {
            Ok(number) if NUMBERS.contains(&name.as_str()) => json!(number),
            _ => json!(value),
        };
    }
    if storage.is_shared() {
        out["shared"] = json!(1);
    }
    out
}

/// `GET /storage`.
pub fn list(call: &Call) -> Result<Reply, Fail> {
    let world = call.listed_world();
    let access = call.access();
    let wanted = call.text("type");
    let seen = world
        .storages
        .iter()
        .filter(|(id, s)| wanted.is_none_or(|t| t == s.kind) && may_see(&access, &world, id));
    Ok(Reply::data(json!(seen.map(|(id, s)| entry(&world, id, s)).collect::<Vec<_>>())))
}

/// `GET /storage/{storage}`.
pub fn one(call: &Call) -> Result<Reply, Fail> {
    let world = call.engine.world();
    let id = call.text("storage").unwrap_or_default();
    let storage =
        world.storages.get(id).ok_or_else(|| Fail::text(format!("storage '{id}' does not exist")))?;
    Ok(Reply::data(entry(&world, id, storage)))
}

/// `POST /storage`.
pub fn create(call: &Call) -> Result<Reply, Fail> {
    let id = call.text("storage").unwrap_or_default().to_owned();
    let kind = call.text("type").unwrap_or_default().to_owned();
    let (required, own) = options(&kind);
    if own.is_empty() {
        let message = format!("The simulator cannot create storages of type '{kind}'\n");
        return Err(Fail { status: 501, message, ..Fail::default() });
    }
    let mut config = BTreeMap::new();
    for (name, value) in call.params.iter().filter(|(name, _)| !matches!(name.as_str(), "storage" | "type")) {
        if !COMMON.contains(&name.as_str()) && !own.contains(&name.as_str()) {
            return Err(Fail::text(format!("unexpected property '{name}'")));
        }
        config.insert(name.clone(), value.as_str().unwrap_or_default().to_owned());
    }
    if let Some(missing) = required.iter().find(|name| !config.contains_key(**name)) {
        return Err(Fail::text(format!("missing value for required option '{missing}'")));
    }
    let mut world = call.engine.world();
    if world.storages.contains_key(&id) {
        return Err(Fail::text(format!("create storage failed: storage ID '{id}' already defined")));
    }
    // Secrets go to files of their own and are never read back.
    for secret in ["password", "keyring", "encryption-key", "master-pubkey"] {
        config.remove(secret);
    }
    if matches!(kind.as_str(), "nfs" | "cifs" | "cephfs" | "glusterfs") && !config.contains_key("path") {
        config.insert("path".into(), format!("/mnt/pve/{id}"));
    }
    let storage = Storage { kind: kind.clone(), config, total_bytes: BTreeMap::new() };
    // The node that was asked is the one that tries the storage; one address stands for all nodes here.
    let contacted = world.nodes.keys().next().cloned().unwrap_or_default();
    if storage.enabled() && storage.on_node(&contacted) && !answers(call, &storage) {
        return Err(Fail::text(format!("create storage failed: storage '{id}' is not online")));
    }
    world.storages.insert(id.clone(), storage);
    Ok(Reply::data(json!({"storage": id, "type": kind})))
}

/// Nothing serves on loopback, nor where the configuration says so.
fn answers(call: &Call, storage: &Storage) -> bool {
    let Some(server) = storage.config.get("server") else { return true };
    let loopback = server == "localhost" || server.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    !loopback && !call.engine.unreachable.iter().any(|u| u == server)
}

/// `PUT /storage/{storage}`.
pub fn update(call: &Call) -> Result<Reply, Fail> {
    let id = call.text("storage").unwrap_or_default();
    let fail = |text: String| Fail::text(format!("update storage failed: {text}"));
    let mut world = call.engine.world();
    let now = digest(&world);
    let Some(storage) = world.storages.get_mut(id) else {
        return Err(fail(format!("storage '{id}' does not exist")));
    };
    if call.text("digest").is_some_and(|d| d != now) {
        return Err(fail("detected modified configuration - file changed by other user? Try again.".into()));
    }
    let (required, own) = options(&storage.kind);
    let mut config = storage.config.clone();
    for name in call.text("delete").unwrap_or_default().split([',', ';', ' ']).filter(|n| !n.is_empty()) {
        if required.contains(&name) || (name == "path" && own.contains(&name)) {
            return Err(fail(format!("unable to delete required option '{name}'")));
        }
        if !COMMON.contains(&name) && !own.contains(&name) {
            return Err(fail(format!("no such option '{name}'")));
        }
        config.remove(name);
    }
    for (name, value) in &call.params {
        if matches!(name.as_str(), "storage" | "digest" | "delete") {
            continue;
        }
        if !COMMON.contains(&name.as_str()) && !own.contains(&name.as_str()) {
            return Err(fail(format!("unexpected property '{name}'")));
        }
        config.insert(name.clone(), value.as_str().unwrap_or_default().to_owned());
    }
    storage.config = config;
    Ok(Reply::data(json!({"storage": id, "type": storage.kind})))
}

/// `DELETE /storage/{storage}`. The data stays; only the entry goes.
pub fn delete(call: &Call) -> Result<Reply, Fail> {
    let id = call.text("storage").unwrap_or_default();
    let fail = |text: String| Fail::text(format!("delete storage failed: {text}"));
    let mut world = call.engine.world();
    if !world.storages.contains_key(id) {
        return Err(fail(format!("storage '{id}' does not exist")));
    }
    if let Some(base) =
        world.volumes.iter().filter_map(|v| v.base.as_ref()).find(|b| b.starts_with(&format!("{id}:")))
    {
        return Err(fail(format!("volume '{base}' is in use by a linked clone")));
    }
    world.storages.remove(id);
    Ok(Reply::null())
}

/// Path of a volume on a file storage, as messages show it.
pub fn file_path(storage: &Storage, name: &str) -> String {
    let root = storage.path();
    match name.split_once('/') {
        Some(("iso", rest)) => format!("{root}/template/iso/{rest}"),
        Some(("vztmpl", rest)) => format!("{root}/template/cache/{rest}"),
        Some(("import" | "snippets" | "backup", _)) => format!("{root}/{name}"),
        _ => format!("{root}/images/{name}"),
    }
}

/// Is this a name that a directory storage understands?
pub fn directory_name(name: &str) -> bool {
    let Some((folder, rest)) = name.split_once('/') else { return false };
    match folder {
        "iso" => matches!(file_format(name), "iso"),
        "vztmpl" | "import" | "snippets" | "backup" => !rest.is_empty(),
        _ => folder.bytes().all(|b| b.is_ascii_digit()) && !rest.is_empty(),
    }
}

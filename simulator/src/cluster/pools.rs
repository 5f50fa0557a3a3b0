//! Pools of guests and storages.

use crate::api::{Call, Fail, Reply};
use crate::guests::views;
use crate::state::{Pool, World};
use serde_json::{Value, json};

fn entry(name: &str, pool: &Pool) -> Value {
    let mut out = json!({"poolid": name});
    if let Some(comment) = &pool.comment {
        out["comment"] = json!(comment);
    }
    out
}

fn members(call: &Call, world: &World, pool: &Pool) -> Vec<Value> {
    let only = call.text("type");
    let mut out = Vec::new();
    for guest in pool.guests.iter().filter_map(|id| world.guests.get(id)) {
        if only.is_none_or(|t| t == guest.kind.word()) {
            out.push(views::resource(world, guest, call.engine.node_online(world, &guest.node)));
        }
    }
    if only.is_none_or(|t| t == "storage") {
        for node in world.nodes.keys() {
            let here = crate::cluster::storages_of(call, world, node);
            out.extend(
                here.into_iter()
                    .filter(|s| s["storage"].as_str().is_some_and(|id| pool.storages.contains(id))),
            );
        }
    }
    out
}

fn with_members(call: &Call, world: &World, name: &str) -> Result<Value, Fail> {
    let pool = world.pools.get(name).ok_or_else(|| Fail::text(format!("pool '{name}' does not exist")))?;
    let mut out = entry(name, pool);
    out["members"] = json!(members(call, world, pool));
    Ok(out)
}

/// `GET /pools`.
pub fn list(call: &Call) -> Result<Reply, Fail> {
    let world = call.listed_world();
    if let Some(name) = call.text("poolid") {
        call.demand(&world, &format!("/pool/{name}"), "Pool.Audit")?;
        return Ok(Reply::data(json!([with_members(call, &world, name)?])));
    }
    let access = call.access();
    let seen = world.pools.iter().filter(|(name, _)| {
        let path = format!("/pool/{name}");
        access.allows(&world, &path, "Pool.Audit") || access.allows(&world, &path, "Pool.Allocate")
    });
    Ok(Reply::data(json!(seen.map(|(name, pool)| entry(name, pool)).collect::<Vec<_>>())))
}

/// `GET /pools/{poolid}`.
pub fn one(call: &Call) -> Result<Reply, Fail> {
    let world = call.listed_world();
    Ok(Reply::data(with_members(call, &world, call.text("poolid").unwrap_or_default())?))
}

/// `POST /pools`.
pub fn create(call: &Call) -> Result<Reply, Fail> {
    let name = call.text("poolid").unwrap_or_default();
    let mut world = call.engine.world();
    if world.pools.contains_key(name) {
        return Err(Fail::text(format!("create pool failed: pool '{name}' already exists")));
    }
    if let Some((parent, _)) = name.rsplit_once('/')
        && !world.pools.contains_key(parent)
    {
        return Err(Fail::text(format!(
            "create pool failed: parent '{parent}' of pool '{name}' does not exist"
        )));
    }
    let pool = Pool { comment: call.text("comment").map(str::to_owned), ..Pool::default() };
    world.pools.insert(name.to_owned(), pool);
    Ok(Reply::null())
}

/// `PUT /pools` and `PUT /pools/{poolid}`.
pub fn update(call: &Call) -> Result<Reply, Fail> {
    let name = call.text("poolid").unwrap_or_default();
    let fail = |text: String| Fail::text(format!("update pools failed: {text}"));
    let mut world = call.engine.world();
    let Some(mut pool) = world.pools.get(name).cloned() else {
        return Err(fail(format!("pool '{name}' does not exist")));
    };
    let remove = call.flag("delete");
    let words = |key: &str| -> Vec<String> {
        call.text(key)
            .unwrap_or_default()
            .split([',', ';', ' '])
            .filter(|w| !w.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let mut left = None;
    for vmid in words("vms").iter().filter_map(|w| w.parse::<u32>().ok()) {
        if remove {
            if !pool.guests.remove(&vmid) {
                return Err(fail(format!("VM {vmid} is not a pool member")));
            }
            continue;
        }
        if pool.guests.contains(&vmid) {
            return Err(fail(format!("VM {vmid} is already a pool member")));
        }
        if let Some(other) = world.pool_of(vmid) {
            if !call.flag("allow-move") {
                return Err(fail(format!(
                    "VM {vmid} belongs already to pool '{other}' and 'allow-move' is not set"
                )));
            }
            left = Some((other.to_owned(), vmid));
        }
        pool.guests.insert(vmid);
    }
    for storage in words("storage") {
        let known =
            if remove { pool.storages.remove(&storage) } else { pool.storages.insert(storage.clone()) };
        if !known {
            let text = if remove { "is not a pool member" } else { "is already a pool member" };
            return Err(fail(format!("Storage '{storage}' {text}")));
        }
    }
    if let Some(comment) = call.text("comment") {
        pool.comment = Some(comment.to_owned());
    }
    if let Some((other, vmid)) = left
        && let Some(old) = world.pools.get_mut(&other)
    {
        old.guests.remove(&vmid);
    }
    world.pools.insert(name.to_owned(), pool);
    Ok(Reply::null())
}

/// `DELETE /pools` and `DELETE /pools/{poolid}`.
pub fn delete(call: &Call) -> Result<Reply, Fail> {
    let name = call.text("poolid").unwrap_or_default();
    let fail = |text: String| Fail::text(format!("delete pool failed: {text}"));
    let mut world = call.engine.world();
    let Some(pool) = world.pools.get(name) else { return Err(fail(format!("pool '{name}' does not exist"))) };
    let below = format!("{name}/");
    let held = world
        .pools
        .keys()
        .find(|p| p.starts_with(&below))
        .map(|p| format!("pool '{p}'"))
        .or_else(|| pool.guests.iter().find(|id| world.guests.contains_key(id)).map(|id| format!("VM {id}")))
        .or_else(|| {
            pool.storages.iter().find(|s| world.storages.contains_key(*s)).map(|s| format!("storage '{s}'"))
        });
    if let Some(held) = held {
        return Err(fail(format!("pool '{name}' is not empty (contains {held})")));
    }
    world.pools.remove(name);
    Ok(Reply::null())
}

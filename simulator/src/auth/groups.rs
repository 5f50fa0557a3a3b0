//! Calls on `/access/groups`.

use super::Group;
use crate::api::{Call, Fail, Reply};
use serde_json::{Value, json};

fn groupid(call: &Call) -> &str {
    call.text("groupid").unwrap_or_default()
}

/// `GET /access/groups`.
pub fn list(call: &Call) -> Result<Reply, Fail> {
    let world = call.engine.world();
    let access = call.access();
    let mut out: Vec<Value> = Vec::new();
    for (name, group) in &world.access.groups {
        let path = format!("/access/groups/{name}");
        if !["User.Modify", "Sys.Audit", "Group.Allocate"].iter().any(|p| access.allows(&world, &path, p)) {
            continue;
        }
        let users: Vec<&str> = group.users.iter().map(String::as_str).collect();
        let mut shown = json!({"groupid": name, "users": users.join(",")});
        if let Some(comment) = &group.comment {
            shown["comment"] = json!(comment);
        }
        out.push(shown);
    }
    Ok(Reply::data(json!(out)))
}

/// `GET /access/groups/{groupid}`.
pub fn one(call: &Call) -> Result<Reply, Fail> {
    let world = call.engine.world();
    let name = groupid(call);
    let group =
        world.access.groups.get(name).ok_or_else(|| Fail::text(format!("group '{name}' does not exist")))?;
    let mut out = json!({"members": group.users});
    if let Some(comment) = &group.comment {
        out["comment"] = json!(comment);
    }
    Ok(Reply::data(out))
}

fn comment(call: &Call) -> Option<String> {
    call.text("comment").filter(|c| !c.is_empty()).map(str::to_owned)
}

/// `POST /access/groups`.
pub fn create(call: &Call) -> Result<Reply, Fail> {
    let name = groupid(call);
    let mut world = call.engine.world();
    if world.access.groups.contains_key(name) {
        return Err(Fail::text(format!("create group failed: group '{name}' already exists")));
    }
    world.access.groups.insert(name.to_owned(), Group { comment: comment(call), ..Group::default() });
    Ok(Reply::null())
}

/// `PUT /access/groups/{groupid}`.
pub fn update(call: &Call) -> Result<Reply, Fail> {
    let name = groupid(call);
    let mut world = call.engine.world();
    let group = world
        .access
        .groups
        .get_mut(name)
        .ok_or_else(|| Fail::text(format!("update group failed: group '{name}' does not exist")))?;
    if call.text("comment").is_some() {
        group.comment = comment(call);
    }
    Ok(Reply::null())
}

/// `DELETE /access/groups/{groupid}`.
pub fn delete(call: &Call) -> Result<Reply, Fail> {
    let name = groupid(call);
    let mut world = call.engine.world();
    if world.access.groups.remove(name).is_none() {
        return Err(Fail::text(format!("delete group failed: group '{name}' does not exist")));
    }
    world.access.drop_acl(|entry| entry.kind == super::Principal::Group && entry.id == name);
    Ok(Reply::null())
}

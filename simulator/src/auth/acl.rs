//! Calls on `/access/acl`.

use super::rights::{self, normalized};
use super::{AclEntry, Principal, user_parts};
use crate::api::{Call, Fail, Reply, words};
use crate::limits::VMID_MIN;
use crate::state::World;
use serde_json::json;
use std::collections::BTreeMap;

/// Areas of the access list, with how many names may follow each.
const AREAS: &[(&str, usize)] = &[
    ("/access", 0),
    ("/access/groups", 1),
    ("/access/realm", 1),
    ("/nodes", 1),
    ("/pool", 3),
    ("/sdn", 0),
    ("/sdn/controllers", 1),
    ("/sdn/dns", 1),
    ("/sdn/ipams", 1),
    ("/sdn/zones", 3),
    ("/storage", 1),
    ("/vms", 1),
    ("/mapping", 2),
    ("/mapping/notifications", 1),
];

/// Is this a path that entries can be made for?
fn possible(path: &str) -> bool {
    if path == "/" {
        return true;
    }
    let vmid = |name: &str| name.parse::<u32>().is_ok_and(|n| n >= VMID_MIN && !name.starts_with('0'));
    AREAS.iter().any(|(area, most)| {
        let Some(rest) = path.strip_prefix(area) else { return false };
        let names: Vec<&str> = rest.split('/').skip(1).collect();
        (rest.is_empty() || rest.starts_with('/'))
            && names.len() <= *most
            && (*area != "/vms" || names.iter().all(|n| vmid(n)))
    })
}

/// `GET /access/acl`.
pub fn list(call: &Call) -> Result<Reply, Fail> {
    let world = call.engine.world();
    let access = call.access();
    let audit = access.allows(&world, "/access", "Sys.Audit");
    let mut out = Vec::new();
    for (path, entries) in &world.access.acl {
        if !audit && rights::modify(&access, &world, path).is_err() {
            continue;
        }
        out.extend(entries.iter().map(|e| {
            json!({"path": path, "type": e.kind, "ugid": e.id, "roleid": e.role, "propagate": u8::from(e.propagate)})
        }));
    }
    Ok(Reply::data(json!(out)))
}

/// `PUT /access/acl`: sets or, with `delete`, removes entries; both may be said twice.
pub fn update(call: &Call) -> Result<Reply, Fail> {
    let kinds = [("groups", Principal::Group), ("users", Principal::User), ("tokens", Principal::Token)];
    if kinds.iter().all(|(name, _)| call.text(name).is_none_or(str::is_empty)) {
        let text = "either 'users', 'groups' or 'tokens' is required.";
        let errors: BTreeMap<String, String> =
            kinds.iter().map(|(name, _)| ((*name).to_owned(), text.to_owned())).collect();
        return Err(Fail::params(errors));
    }
    let given = call.text("path").unwrap_or_default();
    let remove = call.flag("delete");
    let path = normalized(given).filter(|p| remove || possible(p));
    let path = path.ok_or_else(|| Fail::param("path", format!("invalid ACL path '{given}'")))?;
    let propagate = call.text("propagate").is_none_or(|p| p == "1");
    let mut world = call.engine.world();
    let fail = |text: String| Fail::text(format!("ACL update failed: {text}"));
    let mut entries = world.access.acl.get(&path).cloned().unwrap_or_default();
    for role in words(call, "roles") {
        if !world.access.has_role(&role) {
            return Err(fail(format!("role '{role}' does not exist")));
        }
        may_hand_out(call, &world, &path, &role, propagate, remove)?;
        for (name, kind) in kinds {
            for id in words(call, name) {
                exists(&world, kind, &id).map_err(fail)?;
                entries.retain(|e| !(e.kind == kind && e.id == id && e.role == role));
                if !remove {
                    entries.push(AclEntry { kind, id, role: role.clone(), propagate });
                }
            }
        }
    }
    match entries.is_empty() {
        true => world.access.acl.remove(&path),
        false => world.access.acl.insert(path, entries),
    };
    Ok(Reply::null())
}

fn exists(world: &World, kind: Principal, id: &str) -> Result<(), String> {
    let known = match kind {
        Principal::Group => world.access.groups.contains_key(id).then_some(()).ok_or("group"),
        Principal::User => {
            user_parts(id)?;
            world.access.users.contains_key(id).then_some(()).ok_or("user")
        }
        Principal::Token => {
            let (user, name) = id.split_once('!').ok_or_else(|| {
                format!("'{id}' is not a valid token ID - not able to split into user and token parts")
            })?;
            return world.access.token(user, name).map(|_| ());
        }
    };
    known.map_err(|what| format!("{what} '{id}' does not exist"))
}

/// Without `Permissions.Modify` one may hand out only what one holds oneself.
fn may_hand_out(
    call: &Call,
    world: &World,
    path: &str,
    role: &str,
    propagate: bool,
    remove: bool,
) -> Result<(), Fail> {
    let access = call.access();
    if access.allows(world, path, "Permissions.Modify") {
        return Ok(());
    }
    let verb = if remove { "remove" } else { "add" };
    for privilege in world.access.role_privileges(role) {
        match access.propagates(world, path, privilege) {
            None => {
                let text = format!(
                    "Cannot {verb} role '{role}' - requires 'Permissions.Modify' or superset of privileges."
                );
                return Err(Fail::param("role", text));
            }
            Some(false) if propagate && !remove => {
                let text = format!(
                    "Cannot {verb} role '{role}' with propagation - requires 'Permissions.Modify' or propagated superset of privileges."
                );
                return Err(Fail::param("role", text));
            }
            Some(_) => {}
        }
    }
    match role {
        "NoAccess" => {
            Err(Fail::param("role", format!("Cannot {verb} role '{role}' - requires 'Permissions.Modify'")))
        }
        _ => Ok(()),
    }
}

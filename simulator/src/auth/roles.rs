//! Privileges and roles, the built-in ones and those made by calls on `/access/roles`.

use super::AccessDb;
use crate::api::{Call, Fail, Reply, words};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Privileges of the role Administrator, as Proxmox VE 8.4 knows them.
pub const PRIVILEGES: &[&str] = &[
    "Datastore.Allocate",
    "Datastore.AllocateSpace",
    "Datastore.AllocateTemplate",
    "Datastore.Audit",
    "Group.Allocate",
    "Mapping.Audit",
    "Mapping.Modify",
    "Mapping.Use",
    "Permissions.Modify",
    "Pool.Allocate",
    "Pool.Audit",
    "Realm.Allocate",
    "Realm.AllocateUser",
    "SDN.Allocate",
    "SDN.Audit",
    "SDN.Use",
    "Sys.AccessNetwork",
    "Sys.Audit",
    "Sys.Console",
    "Sys.Incoming",
    "Sys.Modify",
    "Sys.PowerMgmt",
    "Sys.Syslog",
    "User.Modify",
    "VM.Allocate",
    "VM.Audit",
    "VM.Backup",
    "VM.Clone",
    "VM.Config.CDROM",
    "VM.Config.CPU",
    "VM.Config.Cloudinit",
    "VM.Config.Disk",
    "VM.Config.HWType",
    "VM.Config.Memory",
    "VM.Config.Network",
    "VM.Config.Options",
    "VM.Console",
    "VM.Migrate",
    "VM.Monitor",
    "VM.PowerMgmt",
    "VM.Snapshot",
    "VM.Snapshot.Rollback",
];

/// Privileges only the role Administrator holds.
const ROOT_ONLY: &[&str] = &[
    "Permissions.Modify",
    "Realm.Allocate",
    "Sys.AccessNetwork",
    "Sys.Incoming",
    "Sys.Modify",
    "Sys.PowerMgmt",
    "Mapping.Modify",
];
/// Privileges of the user roles.
const USER: &[&str] = &[
    "VM.Config.CDROM",
    "VM.Config.Cloudinit",
    "VM.Console",
    "VM.Backup",
    "VM.PowerMgmt",
    "Datastore.AllocateSpace",
    "SDN.Use",
    "Pool.Audit",
    "Mapping.Use",
];
/// Privileges of the auditor.
const AUDIT: &[&str] =
    &["VM.Audit", "Sys.Audit", "Datastore.Audit", "SDN.Audit", "Pool.Audit", "Mapping.Audit"];
const AREAS: &[&str] = &["VM", "Sys", "Datastore", "SDN", "Pool", "Mapping"];
const USER_AREA: &[&str] = &["Group.Allocate", "Realm.AllocateUser", "User.Modify"];

fn in_area(area: &str, privilege: &str) -> bool {
    privilege.strip_prefix(area).is_some_and(|rest| rest.starts_with('.'))
}

/// Names of the built-in roles.
pub fn special_names() -> Vec<String> {
    let mut out: Vec<String> =
        ["Administrator", "NoAccess", "PVEAdmin", "PVEAuditor", "PVETemplateUser", "PVEUserAdmin"]
            .iter()
            .map(|n| (*n).to_owned())
            .collect();
    for area in AREAS {
        out.push(format!("PVE{area}Admin"));
        if USER.iter().any(|p| in_area(area, p)) {
            out.push(format!("PVE{area}User"));
        }
    }
    out
}

/// Does the built-in role `name` hold `privilege`? None when there is no such built-in role.
pub fn special_holds(name: &str, privilege: &str) -> Option<bool> {
    let admin = |p: &str| !ROOT_ONLY.contains(&p) || p == "Mapping.Modify";
    Some(match name {
        "Administrator" => true,
        "NoAccess" => false,
        "PVEAdmin" => admin(privilege) && privilege != "Mapping.Modify",
        "PVEAuditor" => AUDIT.contains(&privilege),
        "PVETemplateUser" => matches!(privilege, "VM.Clone" | "VM.Audit"),
        "PVEUserAdmin" => USER_AREA.contains(&privilege),
        _ => {
            let rest = name.strip_prefix("PVE")?;
            let (area, user) = match rest.strip_suffix("Admin") {
                Some(area) => (area, false),
                None => (rest.strip_suffix("User")?, true),
            };
            if !AREAS.contains(&area) || (user && !USER.iter().any(|p| in_area(area, p))) {
                return None;
            }
            let kept =
                if user { USER.contains(&privilege) || AUDIT.contains(&privilege) } else { admin(privilege) };
            in_area(area, privilege) && kept
        }
    })
}

impl AccessDb {
    /// Is there such a role?
    pub fn has_role(&self, name: &str) -> bool {
        special_holds(name, "").is_some() || self.roles.contains_key(name)
    }

    /// Does the role hold the privilege?
    pub fn role_holds(&self, name: &str, privilege: &str) -> bool {
        special_holds(name, privilege)
            .unwrap_or_else(|| self.roles.get(name).is_some_and(|r| r.contains(privilege)))
    }

    /// All privileges of a role, sorted.
    pub fn role_privileges(&self, name: &str) -> Vec<&'static str> {
        PRIVILEGES.iter().copied().filter(|p| self.role_holds(name, p)).collect()
    }
}

fn roleid(call: &Call) -> &str {
    call.text("roleid").unwrap_or_default()
}

/// `GET /access/roles`.
pub fn list(call: &Call) -> Result<Reply, Fail> {
    let world = call.engine.world();
    let entry = |name: &str, special: u8| json!({"roleid": name, "special": special, "privs": world.access.role_privileges(name).join(",")});
    let mut out: Vec<Value> = special_names().iter().map(|n| entry(n, 1)).collect();
    out.extend(world.access.roles.keys().map(|n| entry(n, 0)));
    Ok(Reply::data(json!(out)))
}

/// `GET /access/roles/{roleid}`.
pub fn one(call: &Call) -> Result<Reply, Fail> {
    let world = call.engine.world();
    let name = roleid(call);
    if !world.access.has_role(name) {
        return Err(Fail::text(format!("role '{name}' does not exist")));
    }
    let held: Map<String, Value> =
        world.access.role_privileges(name).iter().map(|p| ((*p).to_owned(), json!(1))).collect();
    Ok(Reply::data(Value::Object(held)))
}

fn privileges(call: &Call) -> BTreeSet<String> {
    words(call, "privs").into_iter().collect()
}

/// `POST /access/roles`.
pub fn create(call: &Call) -> Result<Reply, Fail> {
    let name = roleid(call);
    if name.get(..3).is_some_and(|p| p.eq_ignore_ascii_case("pve")) {
        return Err(Fail::param(
            "roleid",
            "cannot use role ID starting with the (case-insensitive) 'PVE' namespace",
        ));
    }
    let mut world = call.engine.world();
    if world.access.has_role(name) {
        return Err(Fail::text(format!("create role failed: role '{name}' already exists")));
    }
    world.access.roles.insert(name.to_owned(), privileges(call));
    Ok(Reply::null())
}

/// `PUT /access/roles/{roleid}`.
pub fn update(call: &Call) -> Result<Reply, Fail> {
    let name = roleid(call);
    if special_holds(name, "").is_some() {
        return Err(Fail::text(format!("auto-generated role '{name}' cannot be modified")));
    }
    let mut world = call.engine.world();
    let role = world
        .access
        .roles
        .get_mut(name)
        .ok_or_else(|| Fail::text(format!("update role failed: role '{name}' does not exist")))?;
    if !call.flag("append") {
        role.clear();
    }
    role.extend(privileges(call));
    Ok(Reply::null())
}

/// `DELETE /access/roles/{roleid}`.
pub fn delete(call: &Call) -> Result<Reply, Fail> {
    let name = roleid(call);
    if special_holds(name, "").is_some() {
        return Err(Fail::text(format!("auto-generated role '{name}' cannot be deleted")));
    }
    let mut world = call.engine.world();
    if world.access.roles.remove(name).is_none() {
        return Err(Fail::text(format!("delete role failed: role '{name}' does not exist")));
    }
    Ok(Reply::null())
}

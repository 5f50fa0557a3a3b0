//! The evaluation of rights: access lists, roles, groups, pools, and the separation of tokens from users.
//!
//! Begin with [`Access::allows`] for one privilege, [`permitted`] for the declared permission of a method.

use super::{AccessDb, Principal, ROOT, Who, roles::PRIVILEGES, user_parts};
use crate::state::World;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Paths that the map of rights always looks at.
const TOP_PATHS: &[&str] =
    &["/", "/access", "/access/groups", "/mapping", "/nodes", "/pool", "/sdn", "/storage", "/vms"];

/// Roles with whether they reach below their path.
type Roles = BTreeMap<String, bool>;

/// The rights of one caller.
#[derive(Clone)]
pub struct Access {
    who: String,
}

/// A path as the access list knows it; none when it cannot be one.
pub fn normalized(path: &str) -> Option<String> {
    if path.is_empty() {
        return None;
    }
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
    let good = path.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/".contains(&b));
    good.then(|| format!("/{}", parts.join("/")))
}

impl Access {
    pub fn of(who: &Who) -> Self {
        Self { who: who.full() }
    }

    /// The rights of any user or token, by full id.
    pub fn of_id(id: &str) -> Self {
        Self { who: id.to_owned() }
    }

    /// Is this the user root@pam itself, not one of its tokens?
    pub fn is_root(&self) -> bool {
        self.who == ROOT
    }

    /// Does the caller hold `privilege` on `path`? Members of a pool inherit the pool's roles.
    pub fn allows(&self, world: &World, path: &str, privilege: &str) -> bool {
        self.propagates(world, path, privilege).is_some()
    }

    /// Whether the privilege is held on the path, and then whether it reaches below.
    pub fn propagates(&self, world: &World, path: &str, privilege: &str) -> Option<bool> {
        let db = &world.access;
        let Some((user, name)) = self.who.split_once('!') else {
            return user_holds(db, world, &self.who, path, privilege);
        };
        let token = db.users.get(user)?.tokens.get(name)?;
        let user_right = user_holds(db, world, user, path, privilege);
        if !token.privsep {
            return user_right;
        }
        let own = own_roles(db, world, &self.who, path);
        let own = held(db, &own, privilege)?;
        user_right.map(|reaches| reaches && own)
    }

    /// The map of `GET /access/permissions` for one path or for all that matter.
    pub fn map(&self, world: &World, only: Option<&str>) -> Value {
        let on = |path: &str| -> Map<String, Value> {
            PRIVILEGES
                .iter()
                .filter_map(|p| {
                    self.propagates(world, path, p).map(|reaches| ((*p).to_owned(), json!(u8::from(reaches))))
                })
                .collect()
        };
        if let Some(path) = only {
            return json!({path: on(path)});
        }
        let mut paths: BTreeSet<String> = TOP_PATHS.iter().map(|p| (*p).to_owned()).collect();
        paths.extend(world.access.acl.keys().cloned());
        for pool in world.pools.values() {
            paths.extend(pool.guests.iter().map(|id| format!("/vms/{id}")));
            paths.extend(pool.storages.iter().map(|id| format!("/storage/{id}")));
        }
        let all = paths.into_iter().map(|path| {
            let held = on(&path);
            (path, Value::Object(held))
        });
        Value::Object(all.filter(|(_, held)| held.as_object().is_some_and(|m| !m.is_empty())).collect())
    }
}

fn user_holds(db: &AccessDb, world: &World, user: &str, path: &str, privilege: &str) -> Option<bool> {
    if user == ROOT {
        return PRIVILEGES.contains(&privilege).then_some(true);
    }
    if !db.users.contains_key(user) {
        return None;
    }
    held(db, &own_roles(db, world, user, path), privilege)
}

fn held(db: &AccessDb, roles: &Roles, privilege: &str) -> Option<bool> {
    let mut found = None;
    for (_, reaches) in roles.iter().filter(|(role, _)| db.role_holds(role, privilege)) {
        found = Some(found.unwrap_or(false) || *reaches);
    }
    found
}

/// Roles of one user or token on a path, those of its pools included.
fn own_roles(db: &AccessDb, world: &World, id: &str, path: &str) -> Roles {
    let mut roles = acl_roles(db, id, path);
    if roles.contains_key("NoAccess") {
        return roles;
    }
    let vmid = path.strip_prefix("/vms/").and_then(|v| v.parse::<u32>().ok());
    let storage = path.strip_prefix("/storage/");
    if vmid.is_none() && storage.is_none() {
        return roles;
    }
    let mut pooled = BTreeSet::new();
    for (name, pool) in &world.pools {
        if vmid.is_some_and(|id| pool.guests.contains(&id))
            || storage.is_some_and(|s| pool.storages.contains(s))
        {
            pooled.extend(acl_roles(db, id, &format!("/pool/{name}")).into_keys());
        }
    }
    if pooled.contains("NoAccess") {
        return Roles::from([("NoAccess".to_owned(), false)]);
    }
    for role in pooled {
        roles.entry(role).or_insert(false);
    }
    roles
}

/// Roles out of the access list alone: the nearest path with an entry decides, a user's own entries
/// come before those of groups, and NoAccess beats all others.
fn acl_roles(db: &AccessDb, id: &str, path: &str) -> Roles {
    let kind = if id.contains('!') { Principal::Token } else { Principal::User };
    let mut roles = Roles::new();
    let mut ends: Vec<usize> = vec![0];
    ends.extend(path.char_indices().skip(1).filter(|(_, c)| *c == '/').map(|(at, _)| at));
    if path != "/" {
        ends.push(path.len());
    }
    for end in &ends {
        let at = if *end == 0 { "/" } else { &path[..*end] };
        let last = Some(end) == ends.last();
        let Some(entries) = db.acl.get(at) else { continue };
        let usable = |e: &&super::AclEntry| last || e.propagate;
        let own: Roles = entries
            .iter()
            .filter(|e| e.kind == kind && e.id == id)
            .filter(usable)
            .map(|e| (e.role.clone(), e.propagate))
            .collect();
        if !own.is_empty() {
            roles = own;
            continue;
        }
        let grouped: Roles = entries
            .iter()
            .filter(|e| e.kind == Principal::Group && kind == Principal::User)
            .filter(|e| db.groups.get(&e.id).is_some_and(|g| g.users.contains(id)))
            .filter(usable)
            .map(|e| (e.role.clone(), e.propagate))
            .collect();
        if !grouped.is_empty() {
            roles = grouped;
        }
    }
    match roles.get("NoAccess") {
        Some(reaches) => Roles::from([("NoAccess".to_owned(), *reaches)]),
        None => roles,
    }
}

/// Checks the declared permission of a method. The error is the text of the 403, without its newline.
pub fn permitted(
    perm: &Value,
    params: &BTreeMap<String, Value>,
    access: &Access,
    world: &World,
) -> Result<(), Refused> {
    if access.is_root() {
        return Ok(());
    }
    let Some(perm) = perm.as_object() else {
        return Err(Refused::right("user != root@pam"));
    };
    if perm.get("user").and_then(Value::as_str) == Some("all") {
        return Ok(());
    }
    match perm.get("check") {
        Some(check) => holds(check, params, access, world),
        None => Ok(()),
    }
}

/// Why a call was refused before its parameters were looked at.
#[derive(Debug)]
pub enum Refused {
    /// 403; the text in brackets may be empty.
    Right(String),
    /// 500 from the check itself.
    Text(String),
}

impl Refused {
    fn right(what: impl Into<String>) -> Self {
        Self::Right(what.into())
    }
}

fn holds(
    check: &Value,
    params: &BTreeMap<String, Value>,
    access: &Access,
    world: &World,
) -> Result<(), Refused> {
    let list = check.as_array().map(Vec::as_slice).unwrap_or_default();
    let option =
        |name: &str| list.iter().position(|v| v.as_str() == Some(name)).and_then(|at| list.get(at + 1));
    match list.first().and_then(Value::as_str).unwrap_or_default() {
        "and" => list[1..].iter().try_for_each(|part| holds(part, params, access, world)),
        "or" => match list[1..].iter().any(|part| holds(part, params, access, world).is_ok()) {
            true => Ok(()),
            false => Err(Refused::right("")),
        },
        "perm" => {
            if let Some(needed) = option("require_param").and_then(Value::as_str)
                && !params.contains_key(needed)
            {
                return Err(Refused::right(""));
            }
            let path = normalized(&fill(list.get(1).and_then(Value::as_str).unwrap_or("/"), params));
            let wanted = texts(list.get(2));
            held_all(access, world, path.as_deref(), &wanted, option("any").is_some())
        }
        "perm-modify" => {
            let path = normalized(&fill(list.get(1).and_then(Value::as_str).unwrap_or("/"), params));
            modify(access, world, path.as_deref().unwrap_or("/access"))
        }
        "userid-param" => userid_param(list, params, access, world),
        "userid-group" => userid_group(list, option("groups_param"), params, access, world),
        _ => Err(Refused::right("")),
    }
}

/// Who may change the access list of a path?
pub fn modify(access: &Access, world: &World, path: &str) -> Result<(), Refused> {
    let below = |area: &str| path.strip_prefix(area).is_some_and(|rest| rest.len() > 1);
    let mut wanted = vec!["Permissions.Modify"];
    wanted.extend(below("/storage").then_some("Datastore.Allocate"));
    wanted.extend(below("/vms").then_some("VM.Allocate"));
    wanted.extend(below("/pool").then_some("Pool.Allocate"));
    held_all(access, world, Some(path), &wanted, true)
}

fn texts(value: Option<&Value>) -> Vec<&str> {
    value.and_then(Value::as_array).map(|l| l.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}

fn held_all(
    access: &Access,
    world: &World,
    path: Option<&str>,
    wanted: &[&str],
    any: bool,
) -> Result<(), Refused> {
    // A name that cannot be part of a path gives no path at all, and nobody has rights there.
    let shown = path.unwrap_or_default();
    let holds = |p: &&&str| path.is_some_and(|path| access.allows(world, path, p));
    if any {
        return match wanted.iter().find(holds) {
            Some(_) => Ok(()),
            None => Err(Refused::right(format!("{shown}, {}", wanted.join("|")))),
        };
    }
    match wanted.iter().find(|p| !holds(p)) {
        None => Ok(()),
        Some(missing) => Err(Refused::right(format!("{shown}, {missing}"))),
    }
}

fn userid_param(
    list: &[Value],
    params: &BTreeMap<String, Value>,
    access: &Access,
    world: &World,
) -> Result<(), Refused> {
    let id = params.get("userid").and_then(Value::as_str).unwrap_or_default();
    let (_, realm) = user_parts(id).map_err(Refused::Text)?;
    match list.get(1).and_then(Value::as_str) {
        Some("self") if !world.access.users.contains_key(id) => {
            Err(Refused::Text(format!("no such user ('{id}')")))
        }
        Some("self") if access.who == id => Ok(()),
        Some("self") => Err(Refused::right("")),
        Some(privilege) => {
            held_all(access, world, Some(&format!("/access/realm/{realm}")), &[privilege], false)
        }
        None => Err(Refused::right("")),
    }
}

/// A privilege on all groups, or on a group of the user concerned.
fn userid_group(
    list: &[Value],
    groups_param: Option<&Value>,
    params: &BTreeMap<String, Value>,
    access: &Access,
    world: &World,
) -> Result<(), Refused> {
    let id = params.get("userid").and_then(Value::as_str).unwrap_or_default();
    let wanted = texts(list.get(1));
    let creates = groups_param.and_then(Value::as_str) == Some("create");
    if !creates && !world.access.users.contains_key(id) {
        return Err(Refused::Text(format!("no such user ('{id}')")));
    }
    let on = |path: &str| wanted.iter().any(|p| access.allows(world, path, p));
    if on("/access/groups") {
        return Ok(());
    }
    if groups_param.is_some() {
        let named = params.get("groups").and_then(Value::as_str).unwrap_or_default();
        for group in named.split([',', ';', ' ']).filter(|g| !g.is_empty()) {
            let path = format!("/access/groups/{group}");
            if !on(&path) {
                return Err(Refused::right(format!("{path}, {}", wanted.join("|"))));
            }
        }
        if creates && named.is_empty() {
            return Err(Refused::right(format!("/access/groups, {}", wanted.join("|"))));
        }
    }
    let member = |(name, group): (&String, &super::Group)| {
        group.users.contains(id) && on(&format!("/access/groups/{name}"))
    };
    match creates || world.access.groups.iter().any(member) {
        true => Ok(()),
        false => Err(Refused::right("")),
    }
}

fn fill(template: &str, params: &BTreeMap<String, Value>) -> String {
    let mut out = template.to_owned();
    for (name, value) in params {
        match value {
            Value::String(text) => out = out.replace(&format!("{{{name}}}"), text),
            Value::Number(number) => out = out.replace(&format!("{{{name}}}"), &number.to_string()),
            _ => {}
        }
    }
    // What was not said stands as a dash.
    while let Some((head, rest)) = out.split_once('{').map(|(h, r)| (h.to_owned(), r.to_owned())) {
        let tail = rest.split_once('}').map_or("", |(_, t)| t);
        out = format!("{head}-{tail}");
    }
    out
}

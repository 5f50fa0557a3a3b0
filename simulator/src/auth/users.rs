//! Calls on `/access/users`, and the map of rights.

use super::{Access, AccessDb, User, hashed, user_parts};
use crate::api::{Call, Fail, Reply, words};
use crate::state::World;
use serde_json::{Value, json};

const TEXTS: &[&str] = &["firstname", "lastname", "email", "comment", "keys"];

fn entry(user: &User) -> Value {
    let mut out = json!({"enable": u8::from(user.enable), "expire": user.expire});
    for (name, text) in &user.texts {
        out[name] = json!(text);
    }
    out
}

fn groups_of(db: &AccessDb, id: &str) -> Vec<String> {
    db.groups.iter().filter(|(_, g)| g.users.contains(id)).map(|(name, _)| name.clone()).collect()
}

/// Does the caller see this user?
fn visible(access: &Access, world: &World, own: &str, id: &str) -> bool {
    let on =
        |path: &str| access.allows(world, path, "User.Modify") || access.allows(world, path, "Sys.Audit");
    id == own
        || on("/access/groups")
        || groups_of(&world.access, id).iter().any(|g| on(&format!("/access/groups/{g}")))
}

/// `GET /access/users`.
pub fn list(call: &Call) -> Result<Reply, Fail> {
    let world = call.engine.world();
    let access = call.access();
    let mut out = Vec::new();
    for (id, user) in &world.access.users {
        if !visible(&access, &world, &call.who.full(), id)
            || call.text("enabled").is_some_and(|wanted| (wanted == "1") != user.enable)
        {
            continue;
        }
        let mut shown = entry(user);
        shown["userid"] = json!(id);
        if let Some(kind) = id.rsplit_once('@').and_then(|(_, r)| world.access.realms.get(r)?.get("type")) {
            shown["realm-type"] = json!(kind);
        }
        if call.flag("full") {
            shown["groups"] = json!(groups_of(&world.access, id).join(","));
            if !user.tokens.is_empty() {
                let tokens = user.tokens.iter().map(|(name, token)| {
                    let mut shown = super::tokens::entry(token);
                    shown["tokenid"] = json!(name);
                    shown
                });
                shown["tokens"] = json!(tokens.collect::<Vec<_>>());
            }
        }
        out.push(shown);
    }
    Ok(Reply::data(json!(out)))
}

/// `GET /access/users/{userid}`.
pub fn one(call: &Call) -> Result<Reply, Fail> {
    let id = userid(call)?;
    let world = call.engine.world();
    let user = world.access.users.get(id).ok_or_else(|| absent(id))?;
    let mut out = entry(user);
    out["groups"] = json!(groups_of(&world.access, id));
    out["tokens"] = match user.tokens.is_empty() {
        true => Value::Null,
        false => user.tokens.iter().map(|(n, t)| (n.clone(), super::tokens::entry(t))).collect(),
    };
    Ok(Reply::data(out))
}

fn userid(call: &Call) -> Result<&str, Fail> {
    let id = call.text("userid").unwrap_or_default();
    user_parts(id)?;
    Ok(id)
}

fn absent(id: &str) -> Fail {
    Fail::text(format!("no such user ('{id}')"))
}

fn set_texts(call: &Call, user: &mut User) {
    for name in TEXTS {
        match call.text(name) {
            Some("") => {
                user.texts.remove(*name);
            }
            Some(text) => {
                user.texts.insert((*name).to_owned(), text.to_owned());
            }
            None => {}
        }
    }
}

fn join_groups(call: &Call, db: &mut AccessDb, id: &str, failed: &str) -> Result<(), Fail> {
    for name in words(call, "groups") {
        let group = db
            .groups
            .get_mut(&name)
            .ok_or_else(|| Fail::text(format!("{failed}: no such group '{name}'")))?;
        group.users.insert(id.to_owned());
    }
    Ok(())
}

/// `POST /access/users`.
pub fn create(call: &Call) -> Result<Reply, Fail> {
    let id = userid(call)?;
    let (_, realm) = user_parts(id)?;
    let mut world = call.engine.world();
    let db = &mut world.access;
    if db.users.contains_key(id) {
        return Err(Fail::text(format!("create user failed: user '{id}' already exists")));
    }
    if call.text("password").is_some() && !db.realms.contains_key(realm) {
        return Err(Fail::text(format!("create user failed: auth domain '{realm}' does not exist")));
    }
    if let Some(name) = words(call, "groups").iter().find(|g| !db.groups.contains_key(*g)) {
        return Err(Fail::text(format!("create user failed: no such group '{name}'")));
    }
    let mut user = User {
        enable: call.text("enable").is_none_or(|e| e == "1"),
        expire: call.text("expire").and_then(|e| e.parse().ok()).unwrap_or(0),
        password: call.text("password").map(|p| hashed(id, p)),
        ..User::default()
    };
    set_texts(call, &mut user);
    db.users.insert(id.to_owned(), user);
    join_groups(call, db, id, "create user failed")?;
    Ok(Reply::null())
}

/// `PUT /access/users/{userid}`.
pub fn update(call: &Call) -> Result<Reply, Fail> {
    let id = userid(call)?;
    let mut world = call.engine.world();
    let db = &mut world.access;
    if let Some(name) = words(call, "groups").iter().find(|g| !db.groups.contains_key(*g)) {
        return Err(Fail::text(format!("update user failed: no such group '{name}'")));
    }
    let user = db
        .users
        .get_mut(id)
        .ok_or_else(|| Fail::text(format!("update user failed: no such user ('{id}')")))?;
    if let Some(enable) = call.text("enable") {
        user.enable = enable == "1";
    }
    if let Some(expire) = call.text("expire").and_then(|e| e.parse().ok()) {
        user.expire = expire;
    }
    set_texts(call, user);
    if call.text("groups").is_some() && !call.flag("append") {
        db.groups.values_mut().for_each(|g| {
            g.users.remove(id);
        });
    }
    join_groups(call, db, id, "update user failed")?;
    Ok(Reply::null())
}

/// `DELETE /access/users/{userid}`: with its tokens, memberships and entries of access lists.
pub fn delete(call: &Call) -> Result<Reply, Fail> {
    let id = userid(call)?;
    let mut world = call.engine.world();
    let db = &mut world.access;
    if db.users.remove(id).is_none() {
        return Err(absent(id));
    }
    db.groups.values_mut().for_each(|g| {
        g.users.remove(id);
    });
    // The first user is always there; without its tokens from now on.
    if id == super::ROOT {
        db.users.insert(id.to_owned(), User { enable: true, ..User::default() });
    }
    let own = format!("{id}!");
    db.drop_acl(|entry| entry.id == id || entry.id.starts_with(&own));
    Ok(Reply::null())
}

/// `GET /access/permissions`.
pub fn permissions(call: &Call) -> Result<Reply, Fail> {
    let world = call.engine.world();
    let own = call.who.full();
    let id = call.text("userid").unwrap_or(&own);
    let owned = id.split_once('!').is_some_and(|(user, _)| user == own);
    if id != own && !owned {
        call.demand(&world, "/access", "Sys.Audit")?;
    }
    Ok(Reply::data(Access::of_id(id).map(&world, call.text("path"))))
}

//! Calls on `/access/users/{userid}/token`. The secret is shown once.

use super::{Token, hashed, user_parts};
use crate::api::{Call, Fail, Reply, words};
use serde_json::{Value, json};

/// A token as it is read back.
pub fn entry(token: &Token) -> Value {
    let mut out = json!({"privsep": u8::from(token.privsep), "expire": token.expire});
    if let Some(comment) = &token.comment {
        out["comment"] = json!(comment);
    }
    out
}

fn ids(call: &Call) -> Result<(String, String), Fail> {
    let user = call.text("userid").unwrap_or_default();
    user_parts(user)?;
    Ok((user.to_owned(), call.text("tokenid").unwrap_or_default().to_owned()))
}

/// `GET /access/users/{userid}/token`.
pub fn list(call: &Call) -> Result<Reply, Fail> {
    let (user, _) = ids(call)?;
    let world = call.engine.world();
    let user = world.access.users.get(&user).ok_or_else(|| Fail::text(format!("no such user ('{user}')")))?;
    let shown = user.tokens.iter().map(|(name, token)| {
        let mut shown = entry(token);
        shown["tokenid"] = json!(name);
        shown
    });
    Ok(Reply::data(json!(shown.collect::<Vec<_>>())))
}

/// `GET /access/users/{userid}/token/{tokenid}`.
pub fn one(call: &Call) -> Result<Reply, Fail> {
    let (user, name) = ids(call)?;
    Ok(Reply::data(entry(call.engine.world().access.token(&user, &name)?)))
}

/// `POST /access/users/{userid}/token/{tokenid}`.
pub fn create(call: &Call) -> Result<Reply, Fail> {
    let (user, name) = ids(call)?;
    let value = call.engine.chance.uuid();
    let mut world = call.engine.world();
    let entry =
        world.access.users.get_mut(&user).ok_or_else(|| Fail::text(format!("no such user ('{user}')")))?;
    if entry.tokens.contains_key(&name) {
        return Err(Fail::param("tokenid", "Token already exists."));
    }
    let full = format!("{user}!{name}");
    let comment = call.text("comment").filter(|c| !c.is_empty()).map(str::to_owned);
    let expire = call.text("expire").and_then(|e| e.parse().ok());
    // What was said comes back as it was said; the default is a number.
    let mut info = json!({"privsep": call.text("privsep").map_or(json!(1), |p| json!(p))});
    if let Some(text) = call.text("expire") {
        info["expire"] = json!(text);
    }
    if let Some(text) = &comment {
        info["comment"] = json!(text);
    }
    let token = Token {
        privsep: call.text("privsep").is_none_or(|p| p == "1"),
        expire: expire.unwrap_or(0),
        comment,
        secret: hashed(&full, &value),
    };
    entry.tokens.insert(name, token);
    Ok(Reply::data(json!({"info": info, "value": value, "full-tokenid": full})))
}

/// `PUT /access/users/{userid}/token/{tokenid}`.
pub fn update(call: &Call) -> Result<Reply, Fail> {
    let (user, name) = ids(call)?;
    let mut world = call.engine.world();
    world.access.token(&user, &name)?;
    if let Some(bad) = words(call, "delete").iter().find(|w| *w != "comment") {
        return Err(Fail::param("delete", format!("unknown option '{bad}'")));
    }
    let Some(token) = world.access.users.get_mut(&user).and_then(|u| u.tokens.get_mut(&name)) else {
        return Err(Fail::text(format!("no such token '{name}' for user '{user}'")));
    };
    if let Some(privsep) = call.text("privsep") {
        token.privsep = privsep == "1";
    }
    if let Some(expire) = call.text("expire").and_then(|e| e.parse().ok()) {
        token.expire = expire;
    }
    if let Some(comment) = call.text("comment") {
        token.comment = Some(comment.to_owned()).filter(|c| !c.is_empty());
    }
    if !words(call, "delete").is_empty() {
        token.comment = None;
    }
    let mut out = entry(token);
    for key in ["privsep", "expire"] {
        if let Some(text) = call.text(key) {
            out[key] = json!(text);
        }
    }
    if call.flag("regenerate") {
        let value = call.engine.chance.uuid();
        let full = format!("{user}!{name}");
        token.secret = hashed(&full, &value);
        out["value"] = json!(value);
        out["full-tokenid"] = json!(full);
    }
    Ok(Reply::data(out))
}

/// `DELETE /access/users/{userid}/token/{tokenid}`. Its entries in access lists go with it.
pub fn delete(call: &Call) -> Result<Reply, Fail> {
    let (user, name) = ids(call)?;
    let mut world = call.engine.world();
    world.access.token(&user, &name)?;
    if let Some(entry) = world.access.users.get_mut(&user) {
        entry.tokens.remove(&name);
    }
    let full = format!("{user}!{name}");
    world.access.drop_acl(|entry| entry.id == full);
    Ok(Reply::null())
}

//! Calls on `/access/domains`. No directory server stands behind a realm of type `ldap`, `ad` or `openid`.

use crate::api::{Call, Fail, Reply, words};
use crate::state::sha1_hex;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn realm(call: &Call) -> &str {
    call.text("realm").unwrap_or_default()
}

/// `GET /access/domains`.
pub fn list(call: &Call) -> Result<Reply, Fail> {
    let world = call.engine.world();
    let shown = world.access.realms.iter().map(|(name, config)| {
        let mut out = json!({"realm": name, "type": config.get("type")});
        if let Some(comment) = config.get("comment").filter(|c| !c.is_empty()) {
            out["comment"] = json!(comment);
        }
        if config.get("default").is_some_and(|d| d == "1") {
            out["default"] = json!(1);
        }
        out
    });
    Ok(Reply::data(json!(shown.collect::<Vec<Value>>())))
}

fn digest(realms: &BTreeMap<String, BTreeMap<String, String>>) -> String {
    sha1_hex(&format!("{realms:?}"))
}

/// `GET /access/domains/{realm}`.
pub fn one(call: &Call) -> Result<Reply, Fail> {
    let world = call.engine.world();
    let name = realm(call);
    let config =
        world.access.realms.get(name).ok_or_else(|| Fail::text(format!("domain '{name}' does not exist")))?;
    let mut out = json!({"digest": digest(&world.access.realms)});
    for (key, value) in config {
        out[key] = crate::sections::typed(call, "POST", "/access/domains", key, value);
    }
    Ok(Reply::data(out))
}

fn take(call: &Call, config: &mut BTreeMap<String, String>) {
    for (key, value) in &call.params {
        if !matches!(key.as_str(), "realm" | "password" | "check-connection" | "digest" | "delete") {
            config.insert(key.clone(), value.as_str().unwrap_or_default().to_owned());
        }
    }
}

fn only_default(realms: &mut BTreeMap<String, BTreeMap<String, String>>, name: &str) {
    if realms.get(name).is_some_and(|r| r.get("default").is_some_and(|d| d == "1")) {
        realms.iter_mut().filter(|(other, _)| *other != name).for_each(|(_, r)| {
            r.remove("default");
        });
    }
}

/// `POST /access/domains`.
pub fn create(call: &Call) -> Result<Reply, Fail> {
    let name = realm(call);
    let fail = |text: String| Fail::text(format!("add auth server failed: {text}"));
    let kind = call.text("type").unwrap_or_default();
    let mut world = call.engine.world();
    if world.access.realms.contains_key(name) {
        return Err(fail(format!("domain '{name}' already exists")));
    }
    if matches!(kind, "pam" | "pve") {
        return Err(fail(format!("unable to create builtin type '{kind}'")));
    }
    let mut config = BTreeMap::new();
    take(call, &mut config);
    let required: &[&str] = match kind {
        "ldap" => &["base_dn", "server1", "user_attr"],
        "ad" => &["domain", "server1"],
        _ => &["client-id", "issuer-url"],
    };
    if let Some(missing) = required.iter().find(|k| !config.contains_key(**k)) {
        return Err(fail(format!("missing value for required option '{missing}'")));
    }
    world.access.realms.insert(name.to_owned(), config);
    only_default(&mut world.access.realms, name);
    Ok(Reply::null())
}

/// `PUT /access/domains/{realm}`.
pub fn update(call: &Call) -> Result<Reply, Fail> {
    let name = realm(call);
    let fail = |text: String| Fail::text(format!("update auth server failed: {text}"));
    let mut world = call.engine.world();
    let current = digest(&world.access.realms);
    if call.text("digest").is_some_and(|d| d != current) {
        return Err(fail("detected modified configuration - file changed by other user? Try again.".into()));
    }
    let Some(config) = world.access.realms.get_mut(name) else {
        return Err(fail(format!("domain '{name}' does not exist")));
    };
    let delete = words(call, "delete");
    let said = call.params.keys().any(|k| !matches!(k.as_str(), "realm" | "digest" | "delete"));
    if delete.is_empty() && !said {
        return Err(fail("no options specified".into()));
    }
    for key in &delete {
        config.remove(key);
    }
    take(call, config);
    only_default(&mut world.access.realms, name);
    Ok(Reply::null())
}

/// `DELETE /access/domains/{realm}`.
pub fn delete(call: &Call) -> Result<Reply, Fail> {
    let name = realm(call);
    let mut world = call.engine.world();
    if world.access.realms.remove(name).is_none() {
        let text = format!("authentication domain '{name}' does not exist");
        return Err(Fail::text(format!("delete auth server failed: {text}")));
    }
    Ok(Reply::null())
}

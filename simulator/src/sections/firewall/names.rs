//! What rules call by name: aliases, sets of addresses, groups of rules.

use super::{Entry, Firewall, Group, IpSet, digest, taken, unchanged};
use crate::api::{Call, Fail, Reply};
use serde_json::{Value, json};

pub(super) fn alias(wall: &Firewall, name: &str, entry: &Entry) -> Value {
    let mut out = json!({"name": name, "digest": digest(&wall.aliases)});
    for (key, value) in entry {
        out[key] = json!(value);
    }
    let six = entry.get("cidr").is_some_and(|c| c.contains(':'));
    out["ipversion"] = json!(if six { 6 } else { 4 });
    out
}

pub(super) fn aliases(call: &Call, wall: &mut Firewall) -> Result<Reply, Fail> {
    let name = call.text("name").unwrap_or_default().to_owned();
    let missing = || Fail::param("name", "no such alias");
    if call.verb == "POST" {
        if wall.aliases.contains_key(&name) {
            return Err(Fail::param("name", format!("alias '{name}' already exists")));
        }
        let mut entry = Entry::new();
        taken(call, &mut entry, &["name"]);
        wall.aliases.insert(name, entry);
        return Ok(Reply::null());
    }
    let mut entry = wall.aliases.get(&name).cloned().ok_or_else(missing)?;
    match call.verb.as_str() {
        "GET" => return Ok(Reply::data(alias(wall, &name, &entry))),
        "DELETE" => {
            unchanged(call, &wall.aliases)?;
            wall.aliases.remove(&name);
        }
        _ => {
            unchanged(call, &wall.aliases)?;
            taken(call, &mut entry, &["name"]);
            let new = call.text("rename").filter(|n| *n != name);
            if let Some(new) = new.filter(|n| wall.aliases.contains_key(*n)) {
                return Err(Fail::param("name", format!("alias '{new}' already exists")));
            }
            wall.aliases.remove(&name);
            wall.aliases.insert(new.map_or(name, str::to_owned), entry);
        }
    }
    Ok(Reply::null())
}

fn comment(call: &Call) -> Option<String> {
    call.text("comment").filter(|c| !c.is_empty()).map(str::to_owned)
}

pub(super) fn sets(call: &Call, wall: &mut Firewall) -> Result<Reply, Fail> {
    if call.verb == "GET" {
        let all = wall.sets.iter().map(|(name, set)| {
            let mut out = json!({"name": name, "digest": digest(&wall.sets)});
            if let Some(comment) = &set.comment {
                out["comment"] = json!(comment);
            }
            out
        });
        return Ok(Reply::data(json!(all.collect::<Vec<_>>())));
    }
    let name = call.text("name").unwrap_or_default().to_owned();
    if let Some(old) = call.text("rename") {
        unchanged(call, &wall.sets)?;
        let Some(mut set) = wall.sets.remove(old) else {
            return Err(Fail::param("name", format!("IPSet '{old}' does not exist")));
        };
        if call.text("comment").is_some() {
            set.comment = comment(call);
        }
        wall.sets.insert(name, set);
        return Ok(Reply::null());
    }
    if wall.sets.contains_key(&name) {
        return Err(Fail::param("name", format!("IPSet '{name}' already exists")));
    }
    wall.sets.insert(name, IpSet { comment: comment(call), ..IpSet::default() });
    Ok(Reply::null())
}

pub(super) fn set_entries(call: &Call, wall: &mut Firewall) -> Result<Reply, Fail> {
    let name = call.text("name").unwrap_or_default().to_owned();
    let cidr = call.text("cidr").unwrap_or_default().to_owned();
    let one = call.template.ends_with("/{cidr}");
    let set = wall.sets.get_mut(&name).ok_or_else(|| Fail::text(format!("no such IPSet '{name}'")))?;
    let sum = digest(&set.entries);
    let shown = |cidr: &str, entry: &Entry| {
        let mut out = json!({"cidr": cidr, "digest": sum});
        for (key, value) in entry {
            out[key] = if key == "nomatch" { json!(1) } else { json!(value) };
        }
        out
    };
    match (call.verb.as_str(), one) {
        ("GET", false) => {
            return Ok(Reply::data(json!(set.entries.iter().map(|(c, e)| shown(c, e)).collect::<Vec<_>>())));
        }
        ("POST", _) => {
            if set.entries.contains_key(&cidr) {
                return Err(Fail::param("cidr", format!("address '{cidr}' already exists")));
            }
            if cidr.ends_with("/0") {
                return Err(Fail::param("cidr", "a zero prefix is not allowed in ipset entries"));
            }
            let mut entry = Entry::new();
            taken(call, &mut entry, &["name", "cidr"]);
            set.entries.insert(cidr, entry);
            return Ok(Reply::null());
        }
        ("DELETE", false) => {
            if !set.entries.is_empty() && !call.flag("force") {
                return Err(Fail::text(format!("IPSet '{name}' is not empty")));
            }
            wall.sets.remove(&name);
            return Ok(Reply::null());
        }
        _ => {}
    }
    let mut entry =
        set.entries.get(&cidr).cloned().ok_or_else(|| Fail::param("cidr", "no such IP/Network"))?;
    match call.verb.as_str() {
        "GET" => return Ok(Reply::data(shown(&cidr, &entry))),
        "DELETE" => {
            set.entries.remove(&cidr);
        }
        _ => {
            taken(call, &mut entry, &["name", "cidr"]);
            if entry.get("nomatch").is_some_and(|n| n == "0") {
                entry.remove("nomatch");
            }
            set.entries.insert(cidr, entry);
        }
    }
    Ok(Reply::null())
}

pub(super) fn groups(call: &Call, wall: &mut Firewall) -> Result<Reply, Fail> {
    if call.verb == "GET" {
        let all = wall.groups.iter().map(|(name, group)| {
            let mut out = json!({"group": name, "digest": digest(&wall.groups)});
            if let Some(comment) = &group.comment {
                out["comment"] = json!(comment);
            }
            out
        });
        return Ok(Reply::data(json!(all.collect::<Vec<_>>())));
    }
    let name = call.text("group").unwrap_or_default().to_owned();
    if let Some(old) = call.text("rename") {
        unchanged(call, &wall.groups)?;
        let Some(mut group) = wall.groups.remove(old) else {
            return Err(Fail::param("group", format!("Security group '{old}' does not exist")));
        };
        if call.text("comment").is_some() {
            group.comment = comment(call);
        }
        wall.groups.insert(name, group);
        return Ok(Reply::null());
    }
    if wall.groups.contains_key(&name) {
        return Err(Fail::param("group", format!("Security group '{name}' already exists")));
    }
    wall.groups.insert(name, Group { comment: comment(call), ..Group::default() });
    Ok(Reply::null())
}

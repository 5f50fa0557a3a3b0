//! Firewalls of the datacenter, of nodes, of guests and of virtual networks: rules by position, aliases, IP sets,
//! groups of rules, options. Nothing is filtered; only the configuration is kept.
//!
//! Begin with [`dispatch`]. A new rule comes to position 0, as on the real server.

use super::{Entry, typed};
use crate::api::{Call, Fail, Reply, words};
use crate::state::{World, sha1_hex};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One firewall.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Firewall {
    pub options: Entry,
    pub rules: Vec<Entry>,
    pub aliases: BTreeMap<String, Entry>,
    pub sets: BTreeMap<String, IpSet>,
    pub groups: BTreeMap<String, Group>,
}

/// A named set of addresses.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct IpSet {
    pub comment: Option<String>,
    pub entries: BTreeMap<String, Entry>,
}

/// A named list of rules.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Group {
    pub comment: Option<String>,
    pub rules: Vec<Entry>,
}

/// Whose firewall, and the rest of the path below it.
fn scope(call: &Call) -> Option<(String, &str)> {
    let template = call.template.as_str();
    if let Some(rest) = template.strip_prefix("/cluster/firewall") {
        return Some(("dc".into(), rest));
    }
    if let Some(rest) = template.strip_prefix("/nodes/{node}/firewall") {
        return Some((format!("node/{}", call.node()), rest));
    }
    if let Some(rest) = template.strip_prefix("/cluster/sdn/vnets/{vnet}/firewall") {
        return Some((format!("vnet/{}", call.text("vnet").unwrap_or_default()), rest));
    }
    let below = template.strip_prefix("/nodes/{node}/qemu/{vmid}/firewall");
    let rest = below.or_else(|| template.strip_prefix("/nodes/{node}/lxc/{vmid}/firewall"))?;
    Some((format!("guest/{}", call.vmid()), rest))
}

/// Sends a call on a firewall to its handler; none when it is not about one.
pub fn dispatch(call: &Call) -> Option<Result<Reply, Fail>> {
    let (scope, rest) = scope(call)?;
    let mut world = call.engine.world();
    let refs = (rest == "/refs").then(|| refs(call, &world, &scope));
    if let Some(refs) = refs {
        return Some(Ok(refs));
    }
    let wall = world.firewalls.entry(scope).or_default();
    Some(match (call.verb.as_str(), rest) {
        ("GET", "/options") => Ok(Reply::data(options(call, wall))),
        ("PUT", "/options") => set_options(call, wall),
        ("GET", "/log") => Ok(Reply::with_total(json!([{"n": 1, "t": "no content"}]), 1)),
        ("GET", "/macros") => Ok(Reply::data(json!(
            [
                ("SSH", "Secure shell traffic"),
                ("HTTP", "Hypertext Transfer Protocol"),
                ("HTTPS", "HTTP over TLS"),
                ("Ping", "ICMP echo request"),
                ("DNS", "Domain Name System traffic"),
                ("NFS", "Network file system")
            ]
            .map(|(name, descr)| json!({"macro": name, "descr": descr}))
        ))),
        (_, "/rules" | "/rules/{pos}") => rules(call, &mut wall.rules, "/rules"),
        ("GET", "/aliases") => {
            Ok(Reply::data(json!(wall.aliases.iter().map(|(n, e)| alias(wall, n, e)).collect::<Vec<_>>())))
        }
        (_, "/aliases" | "/aliases/{name}") => aliases(call, wall),
        ("GET" | "POST", "/ipset") => sets(call, wall),
        (_, "/ipset/{name}" | "/ipset/{name}/{cidr}") => set_entries(call, wall),
        ("GET" | "POST", "/groups") => groups(call, wall),
        (_, "/groups/{group}" | "/groups/{group}/{pos}") => group_rules(call, wall),
        _ => return None,
    })
}

const MODIFIED: &str = "detected modified configuration - file changed by other user? Try again.";

fn digest<T: std::fmt::Debug>(part: &T) -> String {
    sha1_hex(&format!("{part:?}"))
}

fn unchanged<T: std::fmt::Debug>(call: &Call, part: &T) -> Result<(), Fail> {
    match call.text("digest").is_some_and(|d| d != digest(part)) {
        true => Err(Fail::text(MODIFIED)),
        false => Ok(()),
    }
}

fn taken(call: &Call, entry: &mut Entry, without: &[&str]) {
    for (key, value) in &call.params {
        let control = matches!(
            key.as_str(),
            "node" | "vmid" | "vnet" | "digest" | "delete" | "rename" | "pos" | "moveto"
        );
        if !control
            && !without.contains(&key.as_str())
            && let Some(text) = value.as_str()
        {
            entry.insert(key.clone(), text.to_owned());
        }
    }
}

fn options(call: &Call, wall: &Firewall) -> Value {
    let mut out = json!({"digest": digest(&wall.options)});
    for (key, value) in &wall.options {
        out[key] = typed(call, "PUT", &call.template, key, value);
    }
    out
}

fn set_options(call: &Call, wall: &mut Firewall) -> Result<Reply, Fail> {
    unchanged(call, &wall.options)?;
    for key in words(call, "delete") {
        wall.options.remove(&key);
    }
    taken(call, &mut wall.options, &[]);
    Ok(Reply::null())
}

fn rule_value(call: &Call, list: &[Entry], pos: usize, rule: &Entry, template: &str) -> Value {
    let mut out = json!({"pos": pos, "digest": digest(&list)});
    for (key, value) in rule {
        out[key] = typed(call, "POST", template, key, value);
    }
    out
}

/// What the server refuses about a rule besides its form.
fn good(rule: &Entry) -> Result<(), Fail> {
    let has = |key: &str| rule.get(key).is_some_and(|v| !v.is_empty());
    if rule.get("type").is_some_and(|t| t == "group") {
        return Ok(());
    }
    for key in ["dport", "sport"] {
        if has(key)
            && !rule.get("proto").is_some_and(|p| {
                matches!(p.as_str(), "tcp" | "udp" | "sctp" | "udplite" | "dccp" | "icmp" | "ipv6-icmp")
            })
        {
            return Err(Fail::param("proto", format!("missing property - '{key}' requires this property")));
        }
    }
    if has("icmp-type") && !rule.get("proto").is_some_and(|p| p.contains("icmp")) {
        return Err(Fail::param("proto", "missing property - 'icmp-type' requires this property"));
    }
    match has("macro") && has("proto") {
        true => Err(Fail::param("proto", "macro already define protocol value")),
        false => Ok(()),
    }
}

fn rules(call: &Call, list: &mut Vec<Entry>, end: &str) -> Result<Reply, Fail> {
    let base = call.template.trim_end_matches("/{pos}").to_owned();
    debug_assert!(base.ends_with(end) || end.is_empty());
    let one = call.template.ends_with("/{pos}");
    let pos = call.number("pos").and_then(|p| usize::try_from(p).ok()).unwrap_or(0);
    if one && pos >= list.len() {
        return Err(Fail::text(format!("no rule at position {pos}")));
    }
    match (call.verb.as_str(), one) {
        ("GET", false) => {
            let all = list.iter().enumerate().map(|(pos, rule)| rule_value(call, list, pos, rule, &base));
            Ok(Reply::data(json!(all.collect::<Vec<_>>())))
        }
        ("GET", true) => Ok(Reply::data(rule_value(call, list, pos, &list[pos], &base))),
        ("POST", _) => {
            let mut rule = Entry::new();
            taken(call, &mut rule, &["group"]);
            rule.entry("enable".into()).or_insert_with(|| "0".into());
            good(&rule)?;
            list.insert(0, rule);
            Ok(Reply::null())
        }
        ("DELETE", _) => {
            unchanged(call, &list.as_slice())?;
            list.remove(pos);
            Ok(Reply::null())
        }
        _ => {
            unchanged(call, &list.as_slice())?;
            if let Some(target) = call.number("moveto").and_then(|p| usize::try_from(p).ok()) {
                let rule = list.remove(pos);
                let target = if target > pos { target - 1 } else { target };
                list.insert(target.min(list.len()), rule);
                return Ok(Reply::null());
            }
            let mut rule = list[pos].clone();
            taken(call, &mut rule, &["group"]);
            for key in words(call, "delete") {
                rule.remove(&key);
            }
            good(&rule)?;
            list[pos] = rule;
            Ok(Reply::null())
        }
    }
}

fn alias(wall: &Firewall, name: &str, entry: &Entry) -> Value {
    let mut out = json!({"name": name, "digest": digest(&wall.aliases)});
    for (key, value) in entry {
        out[key] = json!(value);
    }
    let six = entry.get("cidr").is_some_and(|c| c.contains(':'));
    out["ipversion"] = json!(if six { 6 } else { 4 });
    out
}

fn aliases(call: &Call, wall: &mut Firewall) -> Result<Reply, Fail> {
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

fn sets(call: &Call, wall: &mut Firewall) -> Result<Reply, Fail> {
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

fn set_entries(call: &Call, wall: &mut Firewall) -> Result<Reply, Fail> {
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

fn groups(call: &Call, wall: &mut Firewall) -> Result<Reply, Fail> {
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

fn group_rules(call: &Call, wall: &mut Firewall) -> Result<Reply, Fail> {
    let name = call.text("group").unwrap_or_default();
    let group =
        wall.groups.get_mut(name).ok_or_else(|| Fail::text(format!("no such security group '{name}'")))?;
    if call.verb == "DELETE" && call.template.ends_with("/{group}") {
        if !group.rules.is_empty() {
            return Err(Fail::text(format!("Security group '{name}' is not empty")));
        }
        wall.groups.remove(name);
        return Ok(Reply::null());
    }
    rules(call, &mut group.rules, "")
}

/// Aliases and sets that a rule of this firewall may name.
fn refs(call: &Call, world: &World, scope: &str) -> Reply {
    let wanted = call.text("type");
    let mut out = Vec::new();
    for (place, prefix) in [("dc", "dc"), (scope, "guest")] {
        if place == "dc" && prefix == "guest" {
            continue;
        }
        let Some(wall) = world.firewalls.get(place) else { continue };
        if wanted.is_none_or(|t| t == "alias") {
            out.extend(wall.aliases.keys().map(
                |n| json!({"type": "alias", "name": n, "ref": format!("{prefix}/{n}"), "scope": prefix}),
            ));
        }
        if wanted.is_none_or(|t| t == "ipset") {
            out.extend(wall.sets.keys().map(
                |n| json!({"type": "ipset", "name": n, "ref": format!("+{prefix}/{n}"), "scope": prefix}),
            ));
        }
    }
    Reply::data(json!(out))
}

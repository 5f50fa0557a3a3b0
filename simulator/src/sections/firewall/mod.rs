//! Firewalls of the datacenter, of nodes, of guests and of virtual networks: rules by position, aliases, IP sets,
//! groups of rules, options. Nothing is filtered; only the configuration is kept.
//!
//! Begin with [`dispatch`]; [`rules`] has the lists, [`names`] what they call by name. A new rule comes to position 0, as on the real server.

mod names;
mod rules;

use super::{Entry, typed};
use crate::api::{Call, Fail, Reply, words};
use crate::state::{World, sha1_hex};
use names::{alias, aliases, groups, set_entries, sets};
use rules::{group_rules, rules};
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

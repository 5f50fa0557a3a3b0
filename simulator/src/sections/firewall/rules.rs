//! Lists of rules, of a firewall or of a group, addressed by position.

use super::{Entry, Firewall, digest, taken, typed, unchanged};
use crate::api::{Call, Fail, Reply, words};
use serde_json::{Value, json};

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

pub(super) fn rules(call: &Call, list: &mut Vec<Entry>, end: &str) -> Result<Reply, Fail> {
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

pub(super) fn group_rules(call: &Call, wall: &mut Firewall) -> Result<Reply, Fail> {
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

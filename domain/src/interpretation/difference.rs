//! What differs in meaning between two readings of one text.
//!
//! Begin with [`between`]. Where values come from, warnings, unused words and the order of entries are no meaning: two
//! documents without a difference ask for the same.
//!
//! Never here: judging which reading is right.

use super::{Interpretation, Kind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One difference, in the words of a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// What it is about: a guest's name, `storage nas`, `the text`.
    pub subject: String,
    /// The field with words instead of underscores; none where one of the two has no such entry at all.
    pub field: Option<String>,
    /// The value with its unit; none where there is none.
    pub before: Option<String>,
    pub after: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
        match (&self.field, &self.after) {
            (Some(field), _) => {
                write!(f, "{}: {field} {}, was {}", self.subject, value(&self.after), value(&self.before))
            }
            (None, Some(change)) => write!(f, "{}: {change}, was not asked for", self.subject),
            (None, None) => {
                write!(f, "{}: not asked for any more, was {}", self.subject, value(&self.before))
            }
        }
    }
}

/// The lists of a document, with what stands before an entry's name on the page.
const LISTS: [(&str, &str); 9] = [
    ("guests", ""),
    ("placement", "placement of "),
    ("moves", "move of "),
    ("storages", "storage "),
    ("mounts", "mount in "),
    ("kubernetes", "Kubernetes cluster "),
    ("snapshots", "snapshot "),
    ("backups", "backup "),
    ("pools", "pool "),
];

/// Fields that say which thing an entry is about, in the order in which they are said.
const NAMES: [&str; 5] = ["name", "id", "guest", "path", "guests"];

/// From one reading to the other, ordered by list and name.
pub fn between(before: &Interpretation, after: &Interpretation) -> Vec<Difference> {
    let mut found = Vec::new();
    if before.kind != after.kind {
        found.push(Difference {
            subject: "the text".to_owned(),
            field: Some("outcome".to_owned()),
            before: Some(outcome(before.kind).to_owned()),
            after: Some(outcome(after.kind).to_owned()),
        });
    }
    let (before, after) = (document(before), document(after));
    for (list, words) in LISTS {
        let (old, new) = (entries(&before, list), entries(&after, list));
        for key in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
            let subject = format!("{words}{key}");
            match (old.get(key), new.get(key)) {
                (Some(old), Some(new)) => fields(&subject, old, new, &mut found),
                (old, new) => found.push(Difference {
                    subject,
                    field: None,
                    before: old.map(|entry| asked_for(entry)),
                    after: new.map(|entry| asked_for(entry)),
                }),
            }
        }
    }
    found
}

fn outcome(kind: Kind) -> &'static str {
    match kind {
        Kind::Desired => "a plan",
        Kind::Question => "a question",
        Kind::Refusal => "a refusal",
    }
}

fn document(of: &Interpretation) -> Map<String, Value> {
    match serde_json::to_value(of) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// Entries by name; a second one of the same name has its number behind it.
fn entries<'a>(document: &'a Map<String, Value>, list: &str) -> BTreeMap<String, &'a Map<String, Value>> {
    let mut found = BTreeMap::new();
    let entries = document.get(list).and_then(Value::as_array).into_iter().flatten();
    for entry in entries.filter_map(Value::as_object) {
        let names: Vec<String> = NAMES.iter().filter_map(|field| entry.get(*field).map(plain)).collect();
        let name = if names.is_empty() { "without a name".to_owned() } else { names.join(" ") };
        let number = (2..).map(|n| format!("{name} ({n})"));
        let free = std::iter::once(name.clone()).chain(number).find(|key| !found.contains_key(key));
        found.insert(free.unwrap_or(name), entry);
    }
    found
}

fn fields(subject: &str, old: &Map<String, Value>, new: &Map<String, Value>, found: &mut Vec<Difference>) {
    for field in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
        let (before, after) = (old.get(field), new.get(field));
        if before == after {
            continue;
        }
        let (words, unit) = words(field);
        let value = |value: Option<&Value>| value.map(|value| format!("{}{unit}", plain(value)));
        found.push(Difference {
            subject: subject.to_owned(),
            field: Some(words),
            before: value(before),
            after: value(after),
        });
    }
}

/// `memory_mib` is memory in MiB.
fn words(field: &str) -> (String, &'static str) {
    let units = [("_mib", " MiB"), ("_gib", " GiB"), ("_s", " s")];
    let (stem, unit) = units
        .iter()
        .find_map(|(end, unit)| field.strip_suffix(end).map(|stem| (stem, *unit)))
        .unwrap_or((field, ""));
    (stem.replace('_', " "), unit)
}

/// What is asked for of a thing, in a word or two: `create vm`, `spread`.
fn asked_for(entry: &Map<String, Value>) -> String {
    let said: Vec<String> =
        ["change", "rule", "kind", "type"].iter().filter_map(|field| entry.get(*field).map(plain)).collect();
    if said.is_empty() { "asked for".to_owned() } else { said.join(" ") }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Array(all) => all.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => fields
            .iter()
            .map(|(field, value)| {
                let (words, unit) = words(field);
                format!("{words} {}{unit}", plain(value))
            })
            .collect::<Vec<_>>()
            .join(" "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(document: Value) -> Interpretation {
        serde_json::from_value(document).unwrap()
    }

    fn two(memory: u64) -> Value {
        json!({"version": 1, "kind": "desired", "guests": [
            {"change": "create", "kind": "vm", "name": "web", "cores": 2, "memory_mib": memory},
            {"change": "create", "kind": "container", "name": "dns", "tags": ["lab", "net"]},
        ]})
    }

    fn said(before: Value, after: Value) -> Vec<String> {
        between(&read(before), &read(after)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_no_meaning_is_no_difference() {
        let mut other = two(4096);
        other["guests"].as_array_mut().unwrap().reverse();
        other["provenance"] = json!({"/guests/1/cores": {"from": "said"}});
        other["warnings"] = json!([{"about": "slow-disk"}]);
        other["unused"] = json!([{"text": "please"}]);
        other["language"] = json!("en");
        assert_eq!(said(two(4096), other), [""; 0]);
    }

    #[test]
    fn each_changed_added_and_left_out_thing_is_named_once() {
        let mut other = two(8192);
        other["guests"].as_array_mut().unwrap().remove(1);
        other["storages"] = json!([{"change": "create", "id": "nas", "type": "nfs", "server": "10.0.0.5"}]);
        assert_eq!(
            said(two(4096), other.clone()),
            [
                "dns: not asked for any more, was create container",
                "web: memory 8192 MiB, was 4096 MiB",
                "storage nas: create nfs, was not asked for",
            ]
        );
        assert_eq!(said(other, two(4096)).len(), 3);
    }

    #[test]
    fn every_field_of_a_guest_counts() {
        let whole = json!({"change": "create", "kind": "vm", "name": "web", "node": "pve1", "cores": 2,
            "memory_mib": 1024, "disk_gib": 8, "storage": "tank", "bridge": "vmbr0", "vlan": 3, "ip": "dhcp",
            "tags": ["a"], "pool": "lab", "power": "running", "start_on_boot": true, "ha": true,
            "extra_disks": [{"size_gib": 8}], "login_user": "sample"});
        let of = |guest: &Value| json!({"version": 1, "kind": "desired", "guests": [guest]});
        for field in whole
            .as_object()
            .unwrap()
            .keys()
            .filter(|field| !["change", "kind", "name"].contains(&field.as_str()))
        {
            let mut less = whole.clone();
            less.as_object_mut().unwrap().remove(field);
            let found = between(&read(of(&whole)), &read(of(&less)));
            assert_eq!(found.len(), 1, "{field}: {found:?}");
            assert_eq!((found[0].subject.as_str(), &found[0].after), ("web", &None), "{field}");
        }
    }

    #[test]
    fn another_outcome_is_said_first() {
        let question = json!({"version": 1, "kind": "question", "questions": [{"about": "how-many", "text": "How many?", "options": []}]});
        let found = said(two(4096), question);
        assert_eq!(found[0], "the text: outcome a question, was a plan");
        assert_eq!(found.len(), 3, "{found:?}");
    }

    #[test]
    fn two_of_one_name_are_told_apart() {
        let snapshot = |name: &str| json!({"change": "create", "guest": "web", "name": name});
        let of = |all: Vec<Value>| json!({"version": 1, "kind": "desired", "snapshots": all});
        let found = said(of(vec![snapshot("a")]), of(vec![snapshot("a"), snapshot("a")]));
        assert_eq!(found, ["snapshot a web (2): create, was not asked for"]);
    }
}

//! Putting back what drifted: exact calls, made from what is in force and from the guest as it is now.
//!
//! Only configuration is put back. Power never is (a guest its owner stopped stays stopped), nor is a missing guest made
//! again, nor a mark written onto a guest that lost it: those need a person and a new declaration.

use super::applied::AppliedGuest;
use super::{Drift, guest, words};
use crate::contract::Contract;
use crate::observation::{GuestSeen, Observation};
use crate::plan::{
    Base, Call, Condition, Effect, Expected, FieldChange, Guard, Origin, Plan, Reverse, Rights, Step,
    StepVerb, Subject, TimeClass, Verb,
};
use std::collections::BTreeMap;

/// The plan that puts one guest back, as far as calls can; none where nothing can be done by itself.
pub fn plan(
    wanted: &AppliedGuest,
    seen: &GuestSeen,
    drifted: &[&Drift],
    picture: &Observation,
) -> Option<Plan> {
    let mark = seen.mark()?;
    let subject = guest(seen.vmid);
    let mut set = Set::default();
    for (key, expected) in &wanted.fields {
        let named =
            drifted.iter().any(|drift| drift.subject == subject && names(key, expected, &drift.field));
        if named {
            set.add(key, expected, seen);
        }
    }
    let Set { mut args, values, delete } = set;
    if values.is_empty() {
        return None;
    }
    if !delete.is_empty() {
        args.insert("delete".into(), delete.join(","));
    }
    let noun = seen.kind.noun();
    let fields: Vec<&Drift> = drifted.iter().copied().filter(|drift| drift.subject == subject).collect();
    let told: Vec<String> = fields
        .iter()
        .map(|drift| format!("{} from {} to {}", drift.field, drift.observed, drift.declared))
        .collect();
    let node = seen.node.clone();
    let call = Call {
        verb: Verb::Put,
        path: format!("/nodes/{node}/{}/{}/config", seen.kind.api(), seen.vmid),
        args,
        purpose: "put it back as declared".into(),
        done_when: Condition::ConfigHas { vmid: seen.vmid, kind: seen.kind, node: node.clone(), values },
        guards: vec![Guard::GuestIs {
            vmid: seen.vmid,
            kind: seen.kind,
            node: node.clone(),
            name: seen.name.clone(),
            mark,
            stamp: seen.stamp().map(str::to_owned),
        }],
    };
    // What the contract refuses is never offered.
    Contract::v8_4().check(call.verb.as_str(), &call.path, &call.args).ok()?;
    let change = |drift: &&Drift| FieldChange {
        field: drift.field.clone(),
        before: Some(drift.observed.clone()),
        after: Some(drift.declared.clone()),
        origin: Origin::Planner { why: "as the last run left it".into() },
    };
    let step = Step {
        no: 1,
        verb: StepVerb::Change,
        subject: Subject {
            noun: noun.to_owned(),
            name: seen.name.clone(),
            vmid: Some(seen.vmid),
            node: Some(node.clone()),
        },
        sentence: format!("Put back {noun} {} ({}) on {node}: {}.", seen.name, seen.vmid, told.join("; ")),
        phrases: vec![],
        after: vec![],
        lane: format!("guest {}", seen.vmid),
        effect: if seen.running { Effect::RestartNeeded } else { Effect::None },
        time: TimeClass::Seconds,
        changes: fields.iter().map(change).collect(),
        calls: vec![call],
        reverse: Reverse::None { why: "what stood there was nobody's declaration.".into() },
    };
    Some(Plan {
        made_at: picture.at,
        base: Base::of(picture),
        steps: vec![step],
        hazards: vec![],
        notes: vec![],
        rights: Rights::default(),
        rehearsal: None,
        ..(*wanted.plan).clone()
    })
}

/// Whether a difference of this name comes from this key.
fn names(key: &str, expected: &Expected, field: &str) -> bool {
    match expected {
        Expected::Options(options) => {
            words::field(key) == field || options.keys().any(|option| words::part(key, option) == field)
        }
        Expected::Present => false,
        _ => words::field(key) == field,
    }
}

#[derive(Default)]
struct Set {
    args: BTreeMap<String, String>,
    values: BTreeMap<String, Expected>,
    delete: Vec<String>,
}

impl Set {
    fn add(&mut self, key: &str, expected: &Expected, seen: &GuestSeen) {
        let value = match expected {
            Expected::Number(number) => number.to_string(),
            Expected::Equal(text) => text.clone(),
            Expected::Tags(tags) => tags.join(";"),
            Expected::Options(options) => merged(seen.config.get(key).map_or("", String::as_str), options),
            Expected::Absent => {
                self.delete.push(key.to_owned());
                self.values.insert(key.to_owned(), Expected::Absent);
                return;
            }
            _ => return,
        };
        self.args.insert(key.to_owned(), value);
        self.values.insert(key.to_owned(), expected.clone());
    }
}

/// The options as they are now, with the declared ones set: what nobody declared stays.
fn merged(now: &str, wanted: &BTreeMap<String, String>) -> String {
    let mut rest = wanted.clone();
    let mut parts: Vec<String> = Vec::new();
    for part in now.split(',').filter(|part| !part.is_empty()) {
        let key = part.split_once('=').map_or(part, |(key, _)| key);
        match rest.remove(key) {
            Some(value) => parts.push(format!("{key}={value}")),
            None => parts.push(part.to_owned()),
        }
    }
    parts.extend(rest.into_iter().map(|(key, value)| format!("{key}={value}")));
    parts.join(",")
}

//! A small plan for tests: two calls that make a VM, one that starts it.

use super::*;
use crate::interpretation::{GuestKind, Kind};
use crate::mark::Mark;
use std::collections::BTreeMap;
use uuid::Uuid;

pub(crate) const DECLARATION: DeclarationId = DeclarationId(Uuid::from_u128(14));

pub(crate) fn plan(text: &str, number: u32) -> Plan {
    Plan {
        format: 1,
        declaration: DECLARATION,
        number,
        made_at: DateTime::UNIX_EPOCH,
        text: Digest::of_bytes(text.as_bytes()),
        desired: Interpretation::empty(Kind::Desired),
        interpreter: InterpreterIdentity {
            provider: "scripted".into(),
            model: "grammar".into(),
            version: "1".into(),
        },
        base: Base {
            observed_at: DateTime::UNIX_EPOCH,
            pve_version: "8.4.1".into(),
            fingerprint: Digest::of_bytes(b"seen"),
        },
        contract: "8.4.1".into(),
        policy: Digest::of_bytes(b"rules"),
        steps: vec![
            step(1, StepVerb::Create, vec![call("clone"), call("config")]),
            step(2, StepVerb::Change, vec![call("start")]),
        ],
        hazards: vec![],
        notes: vec![],
        rights: Rights::default(),
        rehearsal: None,
    }
}

pub(crate) fn destroying(text: &str) -> Plan {
    Plan { steps: vec![step(1, StepVerb::Destroy, vec![call("delete")])], ..plan(text, 1) }
}

pub(crate) fn empty(text: &str) -> Plan {
    Plan { steps: vec![step(1, StepVerb::AlreadySo, vec![])], ..plan(text, 1) }
}

fn step(no: u32, verb: StepVerb, calls: Vec<Call>) -> Step {
    Step {
        no,
        verb,
        subject: Subject {
            noun: "VM".into(),
            name: "web-old".into(),
            vmid: Some(200),
            node: Some("pve1".into()),
        },
        sentence: "A sentence.".into(),
        phrases: vec![],
        after: vec![],
        lane: "guest 200".into(),
        effect: Effect::None,
        time: TimeClass::Seconds,
        changes: vec![],
        calls,
        reverse: Reverse::None { why: "a test".into() },
    }
}

fn call(purpose: &str) -> Call {
    Call {
        verb: Verb::Post,
        path: format!("/nodes/pve1/qemu/200/{purpose}"),
        args: BTreeMap::new(),
        purpose: purpose.into(),
        done_when: Condition::GuestExists {
            vmid: 200,
            kind: GuestKind::Vm,
            node: "pve1".into(),
            mark: Mark(Uuid::from_u128(1)),
        },
        guards: vec![],
    }
}

//! The way back from a step, made together with the step and shown beside it.

use super::config;
use super::draft::Target;
use super::power;
use crate::interpretation::GuestKind;
use crate::plan::{Call, Condition, Expected, Reverse, Verb};
use std::collections::BTreeMap;

/// A guest that was made is undone by destroying it.
pub(super) fn of_create(target: &Target, may_run: bool, protected: bool) -> Reverse {
    let words = target.subject().words();
    let mut calls = Vec::new();
    if may_run {
        calls.push(power::stop_call(target));
    }
    if protected {
        // Proxmox refuses to destroy a guest whose protection is on.
        let args = BTreeMap::from([("protection".to_owned(), "0".to_owned())]);
        let values = config::all_expected(target.kind, &args);
        calls.push(configure_call(target, args, values, "lift its protection"));
    }
    calls.push(destroy_call(target));
    Reverse::Calls {
        sentence: format!("Destroy {words}. Everything on its disks is lost."),
        loses_data: true,
        calls,
    }
}

/// A change of a guest's configuration, done when the values read back.
pub(super) fn configure_call(
    target: &Target,
    args: BTreeMap<String, String>,
    values: BTreeMap<String, Expected>,
    purpose: &str,
) -> Call {
    Call {
        verb: Verb::Put,
        path: target.path("/config"),
        args,
        purpose: purpose.to_owned(),
        done_when: Condition::ConfigHas {
            vmid: target.vmid,
            kind: target.kind,
            node: target.node.clone(),
            values,
        },
        guards: vec![target.guard()],
    }
}

pub(super) fn destroy_call(target: &Target) -> Call {
    let mut args = BTreeMap::from([("purge".to_owned(), "1".to_owned())]);
    if target.kind == GuestKind::Vm {
        args.insert("destroy-unreferenced-disks".into(), "1".into());
    }
    Call {
        verb: Verb::Delete,
        path: target.path(""),
        args,
        purpose: "destroy it with its disks".into(),
        done_when: Condition::GuestGone { vmid: target.vmid, kind: target.kind, node: target.node.clone() },
        guards: vec![target.guard()],
    }
}

pub(super) fn start(target: &Target) -> Reverse {
    Reverse::Calls {
        sentence: format!("Start {}.", target.subject().words()),
        loses_data: false,
        calls: vec![power::start_call(target)],
    }
}

/// Sets the old values again. `before`: every changed key with what it held; `stays`: what cannot be taken back.
pub(super) fn of_update(
    target: &Target,
    before: &BTreeMap<String, Option<String>>,
    stays: &[String],
) -> Reverse {
    let end = match stays {
        [] => String::new(),
        stays => format!(" What stays: {}.", stays.join(", ")),
    };
    if before.is_empty() {
        return Reverse::None { why: format!("there is no way back.{end}").replace("..", ".") };
    }
    let mut args = BTreeMap::new();
    let mut values = BTreeMap::new();
    let mut delete = Vec::new();
    for (key, value) in before {
        match value {
            Some(value) => {
                args.insert(key.clone(), value.clone());
                values.insert(key.clone(), config::expected(target.kind, key, value));
            }
            None => {
                delete.push(key.clone());
                values.insert(key.clone(), Expected::Absent);
            }
        }
    }
    if !delete.is_empty() {
        args.insert("delete".into(), delete.join(","));
    }
    Reverse::Calls {
        sentence: format!("Set the old values of {} again.{end}", target.subject().words()),
        loses_data: false,
        calls: vec![configure_call(target, args, values, "set the old values")],
    }
}

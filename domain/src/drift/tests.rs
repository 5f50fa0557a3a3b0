//! Drift, told as stories: what a run put in force, what was seen, what differs.

use super::*;
use crate::interpretation::GuestKind;
use crate::mark::Mark;
use crate::observation::{GuestSeen, NodeSeen, Observation};
use crate::plan::{Call, Condition, Expected, Verb, sample};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use uuid::Uuid;

const MARK: Mark = Mark(Uuid::from_u128(1));

fn call(args: &[(&str, &str)], done_when: Condition) -> Call {
    Call {
        verb: Verb::Post,
        path: "/nodes/pve1/qemu".into(),
        args: args.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        purpose: "test".into(),
        done_when,
        guards: vec![],
    }
}

fn condition(values: &[(&str, Expected)]) -> Condition {
    let values = values.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    Condition::ConfigHas { vmid: 200, kind: GuestKind::Vm, node: "pve1".into(), values }
}

/// A VM that was copied, configured, grown and started.
fn applied() -> Applied {
    let plan = Arc::new(sample::plan("text", 1));
    let mut applied = Applied::default();
    let (vmid, kind, node) = (200, GuestKind::Vm, "pve1".to_owned());
    let card =
        BTreeMap::from([("bridge".to_owned(), "vmbr0".to_owned()), ("tag".to_owned(), "30".to_owned())]);
    let calls = [
        call(
            &[("newid", "200"), ("name", "web"), ("full", "1"), ("storage", "ceph-vm")],
            Condition::GuestExists { vmid, kind, node: node.clone(), mark: MARK },
        ),
        call(
            &[],
            condition(&[
                ("cores", Expected::Number(2)),
                ("memory", Expected::Number(4096)),
                ("onboot", Expected::Number(0)),
                ("net0", Expected::Options(card)),
                ("tags", Expected::Tags(vec!["mycopod".into(), "web".into()])),
            ]),
        ),
        call(
            &[],
            Condition::DiskAtLeast { vmid, kind, node: node.clone(), disk: "scsi0".into(), size_gib: 30 },
        ),
        call(&[], Condition::PowerIs { vmid, kind, node, running: true }),
    ];
    for call in &calls {
        applied.note(&plan, "web", call);
    }
    applied
}

fn picture(change: impl FnOnce(&mut GuestSeen)) -> Observation {
    let config = [
        ("name", "web"),
        ("cores", "2"),
        ("memory", "4096"),
        ("net0", "virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=30,firewall=1"),
        ("tags", "web;mycopod"),
        ("scsi0", "ceph-vm:vm-200-disk-0,size=30G"),
    ];
    let mut config: BTreeMap<String, String> =
        config.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    config.insert("description".into(), MARK.describe(None));
    let mut guest = GuestSeen {
        vmid: 200,
        kind: GuestKind::Vm,
        name: "web".into(),
        node: "pve1".into(),
        running: true,
        template: false,
        lock: None,
        pool: None,
        config,
        pending: vec![],
        digest: "d".into(),
        snapshots: vec![],
    };
    change(&mut guest);
    let node =
        NodeSeen { online: true, threads: 4, memory_mib: 8192, address: None, bridges: BTreeMap::new() };
    Observation {
        at: DateTime::UNIX_EPOCH,
        cluster: String::new(),
        pve_version: "8.4.1".into(),
        quorate: true,
        nodes: BTreeMap::from([("pve1".to_owned(), node)]),
        storages: BTreeMap::new(),
        guests: BTreeMap::from([(200, guest)]),
        around: Default::default(),
    }
}

fn judged(seen: &Observation, fresh: &[Vmid], gone: &[Vmid], at_work: &[&str]) -> Judged {
    let sight = Sight {
        seen,
        fresh: &fresh.iter().copied().collect(),
        gone: &gone.iter().copied().collect(),
        at_work: &at_work.iter().map(|subject| (*subject).to_owned()).collect::<BTreeSet<_>>(),
    };
    judge(&applied(), &sight)
}

fn differences(change: impl FnOnce(&mut GuestSeen)) -> Vec<(String, String, String)> {
    let judged = judged(&picture(change), &[200], &[], &[]);
    judged.differences.into_iter().map(|drift| (drift.field, drift.declared, drift.observed)).collect()
}

fn set(key: &'static str, value: &'static str) -> impl FnOnce(&mut GuestSeen) {
    move |guest| {
        guest.config.insert(key.into(), value.into());
    }
}

#[test]
fn what_was_just_put_in_force_does_not_differ() {
    assert_eq!(differences(|_| {}), []);
    // Nobody declared these.
    assert_eq!(differences(set("agent", "1")), []);
    assert_eq!(differences(set("net0", "virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=30")), []);
    assert_eq!(differences(set("scsi0", "ceph-vm:vm-200-disk-0,size=64G")), []);
}

#[test]
fn each_changed_field_is_one_difference_with_its_name() {
    let one = |field: &str, declared: &str, observed: &str| {
        vec![(field.to_owned(), declared.to_owned(), observed.to_owned())]
    };
    assert_eq!(differences(set("memory", "8192")), one("memory", "4 GiB", "8 GiB"));
    assert_eq!(differences(set("cores", "4")), one("cores", "2", "4"));
    assert_eq!(differences(set("sockets", "2")), one("cores", "2", "4"));
    assert_eq!(differences(set("onboot", "1")), one("start on boot", "off", "on"));
    assert_eq!(differences(set("tags", "mycopod")), one("tags", "mycopod, web", "mycopod"));
    let card = "virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=40";
    assert_eq!(differences(set("net0", card)), one("VLAN", "30", "40"));
    assert_eq!(differences(set("scsi0", "ceph-vm:vm-200-disk-0,size=20G")), one("disk", "30 GiB", "20 GiB"));
    assert_eq!(differences(set("name", "www")), one("name", "web", "www"));
    assert_eq!(differences(|guest| guest.running = false), one("power", "running", "stopped"));
    // Without its mark it may be anybody's: nothing else is said of it.
    assert_eq!(differences(set("description", "mine")), one("ownership mark", "ours", "not there"));
}

#[test]
fn what_cannot_be_told_is_neither_drift_nor_well() {
    let cannot = |seen: &Observation, fresh: &[Vmid], at_work: &[&str]| {
        let judged = judged(seen, fresh, &[], at_work);
        assert_eq!(judged.differences, []);
        assert!(judged.judged.is_empty());
        judged.unjudged.into_values().next().unwrap()
    };
    let differing = || picture(set("memory", "8192"));
    let mut offline = differing();
    offline.nodes.get_mut("pve1").unwrap().online = false;
    assert_eq!(cannot(&offline, &[200], &[]), "node pve1 does not answer");
    let mut split = differing();
    split.quorate = false;
    assert_eq!(cannot(&split, &[200], &[]), "the cluster has no quorum");
    // Kept from an earlier look, not read in this one.
    assert!(cannot(&differing(), &[], &[]).contains("could not be read"));
    assert!(cannot(&differing(), &[200], &["guest/200"]).contains("run is at work"));
    let locked = picture(|guest| guest.lock = Some("clone".into()));
    assert!(cannot(&locked, &[200], &[]).contains("locked"));
}

#[test]
fn missing_needs_proof() {
    let mut empty = picture(|_| {});
    empty.guests.clear();
    assert!(judged(&empty, &[], &[], &[]).differences.is_empty());
    let proven = judged(&empty, &[], &[200], &[]);
    assert_eq!(proven.differences[0].field, "existence");
}

#[test]
fn putting_back_sets_what_differs_and_keeps_what_nobody_declared() {
    let seen = picture(|guest| {
        guest.config.insert("memory".into(), "8192".into());
        guest.config.insert("net0".into(), "virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=40,firewall=1".into());
        guest.running = false;
    });
    let judged = judged(&seen, &[200], &[], &[]);
    let drifted: Vec<&Drift> = judged.differences.iter().collect();
    let applied = applied();
    let plan = put_back::plan(&applied.guests[&200], &seen.guests[&200], &drifted, &seen).unwrap();
    let call = &plan.steps[0].calls[0];
    assert_eq!(call.args["memory"], "4096");
    assert_eq!(call.args["net0"], "virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=30,firewall=1");
    assert_eq!(call.args.len(), 2, "power is nobody's to put back: {:?}", call.args);
}

#[test]
fn a_guest_that_only_stopped_is_left_stopped() {
    let seen = picture(|guest| guest.running = false);
    let judged = judged(&seen, &[200], &[], &[]);
    let drifted: Vec<&Drift> = judged.differences.iter().collect();
    let applied = applied();
    assert!(put_back::plan(&applied.guests[&200], &seen.guests[&200], &drifted, &seen).is_none());
}

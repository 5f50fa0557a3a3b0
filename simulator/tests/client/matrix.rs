//! Every fault of the simulator with every class of call: what the client then says may be done.
//!
//! Retry: nothing was done, the same call may be sent again. Unknown: look first. Stop: a person or a new plan.

use crate::lab::{cluster, https, inject, patient, quiet, start};
use proxmox::client::GuestKind;
use proxmox::requests::{Guest, VolumeId, guests, storages};
use proxmox::transport::Transport;
use proxmox::{CallError, FilePart, Kind, Reply, Request, Timeouts, Verb};
use serde_json::{Value, json};
use simulator::{Running, Simulator};
use std::collections::BTreeMap;
use std::time::Duration;

/// What may be done after a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Fine,
    Retry,
    Unknown,
    Stop,
}

use Class::{Fine, Retry, Stop, Unknown};

fn class(outcome: &Result<Reply, CallError>) -> Class {
    match outcome {
        Ok(_) => Fine,
        Err(error) if error.outcome_unknown() => Unknown,
        Err(error) if error.is_transient() => Retry,
        Err(_) => Stop,
    }
}

const CLASSES: [&str; 6] = ["read", "list", "change", "task", "removal", "upload"];

/// One call of each class, all done by the node pve1.
fn calls() -> [Request; 6] {
    let template = Guest { node: "pve1", kind: GuestKind::Vm, vmid: 9000 };
    let machine = Guest { node: "pve1", kind: GuestKind::Vm, vmid: 110 };
    let upload = Request::new(Verb::Post, "/nodes/pve1/storage/local/upload", BTreeMap::new());
    let mut upload = upload.arg("content", "iso");
    upload.file = Some(FilePart { name: "seed.iso".into(), bytes: b"CD001".to_vec() });
    [
        Request::get("/nodes/pve1/qemu/110/config"),
        Request::get("/nodes/pve1/qemu"),
        guests::configure(machine).unwrap().arg("description", "changed"),
        guests::clone(template, 300).unwrap(),
        storages::delete_volume("pve1", "local", VolumeId("local:iso/old.iso")).unwrap(),
        upload,
    ]
}

/// The same for reads, and for changes.
fn split(read: Class, change: Class) -> [Class; 6] {
    [read, read, change, change, change, change]
}

fn status(code: u16, reason: &str) -> Value {
    json!({"kind": "status", "code": code, "reason": reason})
}

/// The rows: a fault, and the class of each call under it.
fn rows() -> Vec<(&'static str, Value, [Class; 6])> {
    let kind = |kind: &str| json!({ "kind": kind });
    let mut stolen = split(Fine, Fine);
    stolen[3] = Stop;
    // The node that takes an upload carries the file to the other one itself, and says how that failed.
    let mut offline = split(Retry, Retry);
    offline[5] = Stop;
    vec![
        ("400", status(400, "Parameter verification failed."), split(Stop, Stop)),
        ("401", status(401, "invalid token value!"), split(Stop, Stop)),
        ("403", status(403, "Permission check failed (/vms/110, VM.Audit)"), split(Stop, Stop)),
        ("500", status(500, "volume is broken"), split(Stop, Stop)),
        ("500 busy", status(500, "VM is locked (backup)"), split(Retry, Retry)),
        ("501", status(501, "Method 'GET /x' not implemented"), split(Stop, Stop)),
        ("595", status(595, "No route to host"), split(Retry, Retry)),
        ("596", status(596, "Broken pipe"), split(Retry, Unknown)),
        ("597", status(597, "Connection reset by peer"), split(Retry, Unknown)),
        ("599", status(599, "Too many redirections"), split(Retry, Unknown)),
        ("dropped before the effect", kind("drop_before_effect"), split(Retry, Unknown)),
        ("dropped after the effect", kind("drop_after_effect"), split(Retry, Unknown)),
        ("truncated", kind("truncate"), split(Retry, Unknown)),
        ("reset", kind("reset"), split(Retry, Unknown)),
        ("lock", kind("lock_text"), split(Retry, Retry)),
        ("no quorum", kind("no_quorum"), split(Fine, Retry)),
        ("node offline", json!({"kind": "offline_node", "node": "pve1"}), offline),
        ("stale list", kind("stale_list"), split(Fine, Fine)),
        ("stolen id", kind("stolen_vmid"), stolen),
        ("slow task", json!({"kind": "task_slow", "factor": 2.0}), split(Fine, Fine)),
        ("failing task", json!({"kind": "task_fail", "text": "no space"}), split(Fine, Fine)),
    ]
}

/// Was anything done, by the simulator's own account?
fn done(sim: &Running) -> bool {
    sim.ledger().iter().any(|entry| entry.effect)
}

#[tokio::test]
async fn every_fault_gives_every_class_of_call_its_class() {
    let sim = start().await;
    let mut wrong = Vec::new();
    for (name, action, expected) in rows() {
        for ((call, what), expected) in calls().iter().zip(CLASSES).zip(expected) {
            quiet(&sim).await;
            sim.reset();
            inject(&sim, json!({"id": "x", "action": action}));
            // A client of its own: no connection is left over from the call before.
            let outcome = https(&sim, patient()).send(call).await;
            quiet(&sim).await;
            let found = class(&outcome);
            if found != expected {
                wrong.push(format!("{name} x {what}: {found:?} instead of {expected:?}: {outcome:?}"));
            }
            // The class must be true: what may be sent again or was refused has done nothing.
            if matches!(found, Retry | Stop) && done(&sim) {
                wrong.push(format!("{name} x {what}: {found:?}, but it was done"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_leaves_a_change_unknown() {
    let impatient = Duration::from_millis(300);
    let timeouts = Timeouts { read: impatient, write: impatient, upload: impatient, ..patient() };
    for ((call, what), expected) in calls().iter().zip(CLASSES).zip(split(Retry, Unknown)) {
        let sim = start().await;
        inject(&sim, json!({"id": "x", "action": {"kind": "delay_ms", "ms": 60_000}}));
        let outcome = https(&sim, timeouts).send(call).await;
        assert_eq!(class(&outcome), expected, "{what}: {outcome:?}");
    }
}

#[tokio::test]
async fn where_nobody_listens_every_call_may_be_sent_again() {
    let sim = start().await;
    let transport = https(&sim, patient());
    sim.shutdown().await.unwrap();
    for (call, what) in calls().iter().zip(CLASSES) {
        let outcome = transport.send(call).await;
        assert_eq!(class(&outcome), Retry, "{what}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_read_survives_one_lost_answer_and_a_change_is_sent_once() {
    let sim = start().await;
    for (call, what) in calls().iter().zip(CLASSES) {
        quiet(&sim).await;
        sim.reset();
        inject(&sim, json!({"id": "x", "nth": [1, 1], "action": {"kind": "drop_after_effect"}}));
        let outcome = https(&sim, patient()).send(call).await;
        let expected = if call.verb.is_write() { Unknown } else { Fine };
        assert_eq!(class(&outcome), expected, "{what}: {outcome:?}");
        let asked = sim.ledger().len();
        assert_eq!(asked, usize::from(call.verb.is_write()), "{what}");
    }
}

#[tokio::test]
async fn a_stolen_id_is_named_as_taken() {
    let sim = start().await;
    inject(&sim, json!({"id": "x", "action": {"kind": "stolen_vmid"}}));
    let [_, _, _, clone, ..] = calls();
    let error = https(&sim, patient()).send(&clone).await.unwrap_err();
    assert_eq!(error.kind(), Kind::AlreadyExists, "{error}");
}

#[tokio::test]
async fn one_chance_in_two_is_drawn_from_the_seed() {
    let mut told = Vec::new();
    for _ in 0..2 {
        let sim =
            Simulator::start(cluster().with_token(crate::lab::TOKEN, crate::lab::SECRET)).await.unwrap();
        inject(&sim, json!({"id": "x", "probability": 0.5, "action": status(595, "No route to host")}));
        let transport = https(&sim, patient());
        let mut classes = Vec::new();
        for _ in 0..20 {
            classes.push(class(&transport.send(&Request::get("/version")).await));
        }
        assert!(classes.contains(&Fine) && classes.contains(&Retry), "{classes:?}");
        told.push(classes);
    }
    assert_eq!(told[0], told[1]);
}

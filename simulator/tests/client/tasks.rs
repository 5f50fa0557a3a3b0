//! Faults inside tasks: the call is answered well, and what went wrong is in the task's end.

use crate::lab::{SECRET, TOKEN, cluster, https, inject, patient};
use proxmox::client::{Client, GuestKind, WaitError};
use proxmox::requests::{Guest, guests};
use proxmox::transport::Https;
use proxmox::{Kind, TaskOutcome, Upid};
use serde_json::json;
use simulator::{Running, Simulator};
use std::time::Duration;
use tokio::time::Instant;

const TEMPLATE: Guest<'static> = Guest { node: "pve1", kind: GuestKind::Vm, vmid: 9000 };

async fn cloning(client: &Client<Https>) -> Upid {
    client.send_raw(&guests::clone(TEMPLATE, 300).unwrap()).await.unwrap().upid().unwrap()
}

async fn lab(scale: f64) -> (Running, Client<Https>) {
    let config = cluster().with_time_scale(scale).with_token(TOKEN, SECRET);
    let sim = Simulator::start(config).await.unwrap();
    let client = Client::new(https(&sim, patient()));
    (sim, client)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

#[tokio::test]
async fn the_text_of_a_failed_task_says_whether_it_may_be_tried_again() {
    let (sim, client) = lab(0.0).await;
    for (text, transient) in [
        ("clone failed: no space left on device", false),
        ("can't lock file '/var/lock/qemu-server/lock-9000.conf' - got timeout", true),
        ("VM is locked (backup)", true),
        ("cfs-lock 'storage-local' error: no quorum!", true),
    ] {
        sim.reset();
        inject(&sim, json!({"id": "x", "action": {"kind": "task_fail", "text": text}}));
        let upid = cloning(&client).await;
        let TaskOutcome::Failed(told) = client.wait_task(&upid, soon(), |_| {}).await.unwrap() else {
            panic!("{text} must fail the task")
        };
        assert_eq!((told.as_str(), Kind::of_text(&told).is_transient()), (text, transient));
    }
}

#[tokio::test]
async fn a_slow_task_is_left_at_the_deadline_and_found_again() {
    let (sim, client) = lab(1.0).await;
    inject(&sim, json!({"id": "x", "action": {"kind": "task_slow", "factor": 1000.0}}));
    let upid = cloning(&client).await;
    let early = Instant::now() + Duration::from_millis(300);
    let left = client.wait_task(&upid, early, |_| {}).await.unwrap_err();
    assert_eq!(left, WaitError::Deadline { last: None }, "a deadline is no failure of the task");
    assert!(!client.task_status(&upid).await.unwrap().is_stopped());
    client.stop_task(&upid).await.unwrap();
    let outcome = client.wait_task(&upid, soon(), |_| {}).await.unwrap();
    assert_eq!(outcome, TaskOutcome::Unexpected, "a task that was stopped may have done anything");
}

#[tokio::test]
async fn a_task_is_followed_through_lost_answers() {
    let (sim, client) = lab(0.05).await;
    let upid = cloning(&client).await;
    let polls = json!({"path": "/nodes/pve1/tasks"});
    inject(&sim, json!({"id": "x", "match": polls, "nth": [1, 4], "action": {"kind": "drop_before_effect"}}));
    let mut lines = Vec::new();
    let outcome = client.wait_task(&upid, soon(), |new| lines.extend(new.to_vec())).await.unwrap();
    assert_eq!(outcome, TaskOutcome::Ok);
    assert_eq!(lines.last().map(|line| line.t.as_str()), Some("TASK OK"));
    let mut numbers: Vec<u64> = lines.iter().map(|line| line.n).collect();
    numbers.dedup();
    assert_eq!(numbers.len(), lines.len(), "every line comes once");
}

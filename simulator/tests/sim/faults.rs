//! Faults, the ledger and the control port.

use crate::client::{Lab, TOKEN, lab};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn inject(lab: &Lab, rule: Value) {
    assert!(lab.sim.inject(serde_json::from_value(rule).unwrap()));
}

async fn quiet(lab: &Lab) {
    assert!(lab.sim.idle(std::time::Duration::from_secs(10)).await);
}

#[tokio::test]
async fn an_answer_that_is_lost_after_the_effect_leaves_the_guest_made() {
    let lab = lab().await;
    inject(
        &lab,
        json!({"id": "lost", "match": {"method": "POST", "path": "/nodes/pve1/qemu"}, "nth": [1, 1],
        "action": {"kind": "drop_after_effect"}}),
    );
    assert!(lab.send_as(TOKEN, "POST", "/nodes/pve1/qemu", "vmid=200&name=made").await.is_none());
    quiet(&lab).await;
    assert_eq!(lab.get("/nodes/pve1/qemu/200/config").await["name"], "made");
    let entry = lab.sim.ledger().pop().unwrap();
    assert_eq!((entry.effect, entry.delivered, entry.outcome.as_str()), (true, false, "OK"));
    assert_eq!((entry.who.as_str(), entry.path.as_str()), (TOKEN, "/nodes/pve1/qemu"));
    // The rule is spent: the next create answers.
    assert_eq!(lab.task("POST", "/nodes/pve1/qemu", "vmid=201").await, "OK");
}

#[tokio::test]
async fn a_call_cut_off_before_its_effect_changes_nothing() {
    let lab = lab().await;
    for kind in ["drop_before_effect", "reset"] {
        inject(&lab, json!({"id": "cut", "match": {"method": "POST"}, "action": {"kind": kind}}));
        assert!(lab.send_as(TOKEN, "POST", "/nodes/pve1/qemu", "vmid=200").await.is_none());
        let entry = lab.sim.ledger().pop().unwrap();
        assert_eq!((entry.effect, entry.delivered), (false, false));
    }
    lab.sim.clear_faults();
    assert_eq!(lab.send("GET", "/nodes/pve1/qemu/200/config", "").await.status, 500);
}

#[tokio::test]
async fn answers_can_be_cut_replaced_and_delayed_by_lock_texts() {
    let lab = lab().await;
    inject(
        &lab,
        json!({"id": "a", "match": {"path": "/version"}, "nth": [1, 1], "action": {"kind": "truncate"}}),
    );
    assert!(lab.send_as(TOKEN, "GET", "/version", "").await.is_none());
    assert_eq!(lab.get("/version").await["release"], "8.4");
    inject(
        &lab,
        json!({"id": "b", "match": {"path": "/version"}, "action": {"kind": "status", "code": 596, "reason": "Broken pipe"}}),
    );
    let answer = lab.send("GET", "/version", "").await;
    assert_eq!((answer.status, answer.reason.as_str(), answer.body.as_str()), (596, "Broken pipe", ""));
    inject(&lab, json!({"id": "c", "match": {"method": "PUT"}, "action": {"kind": "lock_text"}}));
    let locked = lab.send("PUT", "/nodes/pve1/qemu/110/config", "cores=3").await;
    assert_eq!(locked.message(), "can't lock file '/var/lock/qemu-server/lock-110.conf' - got timeout");
}

#[tokio::test]
async fn a_task_that_fails_leaves_nothing_half_made() {
    let lab = lab().await;
    inject(
        &lab,
        json!({"id": "f", "match": {"path": "/nodes/*/clone"}, "action": {"kind": "task_fail", "text": "clone failed: no space"}}),
    );
    assert_eq!(lab.task("POST", "/nodes/pve1/qemu/9000/clone", "newid=300").await, "clone failed: no space");
    assert_eq!(lab.send("GET", "/nodes/pve1/qemu/300/config", "").await.status, 500);
    let entry = lab.sim.ledger().pop().unwrap();
    assert_eq!(
        (entry.effect, entry.delivered, entry.outcome.as_str()),
        (false, true, "clone failed: no space")
    );
}

#[tokio::test]
async fn an_id_can_be_stolen_just_before_its_use() {
    let lab = lab().await;
    inject(
        &lab,
        json!({"id": "s", "match": {"method": "POST", "path": "/nodes/*/clone"}, "action": {"kind": "stolen_vmid"}}),
    );
    let answer = lab.send("POST", "/nodes/pve1/qemu/9000/clone", "newid=300").await;
    assert_eq!(answer.message(), "unable to create VM 300: config file already exists");
    assert_eq!(lab.get("/nodes/pve1/qemu/300/config").await["name"], "taken-by-another");
}

#[tokio::test]
async fn a_dead_node_a_lost_quorum_and_a_stale_list_are_seen() {
    let lab = lab().await;
    inject(&lab, json!({"id": "n", "action": {"kind": "offline_node", "node": "pve2"}}));
    assert_eq!(lab.send("GET", "/nodes/pve2/qemu", "").await.status, 595);
    let guests = lab.get("/cluster/resources?type=vm").await;
    let build = guests.as_array().unwrap().iter().find(|g| g["vmid"] == 113).unwrap().clone();
    assert_eq!(build["status"], "unknown");
    lab.sim.clear_faults();
    inject(&lab, json!({"id": "q", "action": {"kind": "no_quorum"}}));
    let refused = lab.send("POST", "/nodes/pve1/qemu", "vmid=200").await;
    assert_eq!(refused.message(), "cluster not ready - no quorum?");
    assert_eq!(lab.get("/cluster/status").await[0]["quorate"], 0);
    lab.sim.clear_faults();
    inject(
        &lab,
        json!({"id": "l", "match": {"path": "/cluster/resources"}, "action": {"kind": "stale_list"}}),
    );
    assert_eq!(lab.task("POST", "/nodes/pve1/qemu", "vmid=200").await, "OK");
    let seen = |list: &Value| list.as_array().unwrap().iter().any(|g| g["vmid"] == 200);
    assert!(!seen(&lab.get("/cluster/resources?type=vm").await));
    assert!(seen(&lab.get("/nodes/pve1/qemu").await));
    lab.sim.clear_faults();
    assert!(seen(&lab.get("/cluster/resources?type=vm").await));
}

async fn control(lab: &Lab, verb: &str, path: &str, body: &str) -> Value {
    let mut tcp = tokio::net::TcpStream::connect(lab.sim.control_addr()).await.unwrap();
    let request = format!(
        "{verb} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    tcp.read_to_string(&mut text).await.unwrap();
    serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[tokio::test]
async fn the_control_port_sets_faults_shows_the_ledger_and_resets() {
    let lab = lab().await;
    let rule =
        r#"{"id":"x","match":{"path":"/version"},"action":{"kind":"status","code":503,"reason":"Later"}}"#;
    assert_eq!(control(&lab, "PUT", "/faults", rule).await[0]["id"], "x");
    assert_eq!(lab.send("GET", "/version", "").await.status, 503);
    assert_eq!(control(&lab, "DELETE", "/faults", "").await, json!([]));
    assert_eq!(lab.task("DELETE", "/nodes/pve2/qemu/113", "").await, "OK");
    let ledger = control(&lab, "GET", "/ledger", "").await;
    assert_eq!((&ledger[0]["method"], &ledger[0]["effect"]), (&json!("DELETE"), &json!(true)));
    assert!(control(&lab, "GET", "/state", "").await["guests"]["113"].is_null());
    control(&lab, "POST", "/reset", "").await;
    assert_eq!(lab.get("/nodes/pve2/qemu/113/config").await["name"], "build");
    assert_eq!(control(&lab, "GET", "/ledger", "").await, json!([]));
}

//! The typed client over a replayed conversation.

use proxmox::client::{Client, GuestKind, TaskFilter, WaitError};
use proxmox::transport::{Exchange, Recording, Replaying, Transport};
use proxmox::{CallError, FilePart, Kind, Lost, NotSent, Reply, Request, TaskOutcome, Upid, Verb};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

const UPID: &str = "UPID:pve1:00000DCC:0002B80C:6B0346CC:qmcreate:100:a@pve!t:";

fn reply(data: Value) -> Reply {
    Reply {
        status: 200,
        reason: "OK".into(),
        message: None,
        errors: BTreeMap::new(),
        data,
        beside: BTreeMap::new(),
        latency: Duration::ZERO,
    }
}

fn answered(request: Request, data: Value) -> Exchange {
    Exchange { request, outcome: Ok(reply(data)) }
}

fn refused(request: Request, status: u16, text: &str, errors: &[(&str, &str)]) -> Exchange {
    let errors = errors.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let error = CallError::Answered { status, reason: text.into(), message: None, errors };
    Exchange { request, outcome: Err(error) }
}

fn client(exchanges: impl IntoIterator<Item = Exchange>) -> Client<Replaying> {
    Client::new(Replaying::new(exchanges))
}

#[tokio::test]
async fn answers_of_a_perl_server_are_read() {
    let client = client([
        answered(Request::get("/cluster/nextid"), json!("100")),
        answered(
            Request::get("/nodes/pve1/qemu/100/config"),
            json!({"memory": "512", "cores": 2, "onboot": 1, "digest": "ab", "net0": "virtio=A,bridge=vmbr0"}),
        ),
        answered(
            Request::get("/access/permissions"),
            json!({"/": {"VM.Audit": 1, "Sys.Audit": "0"}, "/vms": {"VM.Config.CPU": true}}),
        ),
        answered(
            Request::get("/nodes"),
            json!([{"node": "pve1", "status": "online", "maxmem": "8589934592", "cpu": "0.25", "maxcpu": 4}]),
        ),
        answered(
            Request::get("/nodes/pve1/qemu/100/status/current"),
            json!({"status": "running", "qmpstatus": "paused", "pid": "77", "agent": "1", "ha": {"managed": 0}}),
        ),
        answered(
            Request::get("/nodes/pve1/qemu/100/pending"),
            json!([{"key": "memory", "value": 512, "pending": "1024"}, {"key": "net1", "value": "x", "delete": "1"},
                   {"key": "cores", "value": 2}]),
        ),
    ]);
    assert_eq!(client.next_id().await.unwrap(), 100);
    let config = client.qemu_config("pve1", 100).await.unwrap();
    assert_eq!(
        (config.get("memory"), config.get("cores"), config.get("onboot")),
        (Some("512"), Some("2"), Some("1"))
    );
    assert_eq!((config.digest.as_deref(), config.get("digest")), (Some("ab"), None));
    let permissions = client.permissions().await.unwrap();
    assert!(
        permissions["/"]["VM.Audit"]
            && !permissions["/"]["Sys.Audit"]
            && permissions["/vms"]["VM.Config.CPU"]
    );
    let node = client.nodes().await.unwrap().remove(0);
    assert_eq!(
        (node.is_online(), node.maxmem, node.cpu, node.maxcpu),
        (true, Some(8_589_934_592), Some(0.25), Some(4))
    );
    let status = client.guest_status(GuestKind::Vm, "pve1", 100).await.unwrap();
    assert!(status.is_running() && !status.is_ha_managed());
    assert_eq!(
        (status.pid, status.agent, status.qmpstatus.as_deref()),
        (Some(77), Some(true), Some("paused"))
    );
    let pending = client.qemu_pending("pve1", 100).await.unwrap();
    let waiting: Vec<&str> = pending.iter().filter(|o| o.is_pending()).map(|o| o.key.as_str()).collect();
    assert_eq!(waiting, ["memory", "net1"]);
    assert_eq!(client.transport().left(), 0);
}

#[tokio::test]
async fn a_lone_node_is_quorate_and_a_minority_is_not() {
    let lone = json!([{"type": "node", "name": "pve1", "online": 1, "local": "1"}]);
    let minority = json!([
        {"type": "cluster", "name": "lab", "quorate": "0", "nodes": 3},
        {"type": "node", "name": "pve1", "online": 1},
        {"type": "node", "name": "pve2", "online": 0},
    ]);
    let status = Request::get("/cluster/status");
    let client = client([answered(status.clone(), lone), answered(status, minority)]);
    let lone = client.cluster_status().await.unwrap();
    assert!(lone.is_quorate() && lone.name.is_none() && lone.members[0].local == Some(true));
    let minority = client.cluster_status().await.unwrap();
    assert!(!minority.is_quorate());
    assert_eq!((minority.name.as_deref(), minority.members.len()), (Some("lab"), 2));
}

#[tokio::test]
async fn refusals_that_answer_the_question_are_answers() {
    let failed = "Parameter verification failed.";
    let client = client([
        refused(
            Request::get("/cluster/nextid").arg("vmid", 100),
            400,
            failed,
            &[("vmid", "VM 100 already exists")],
        ),
        answered(Request::get("/cluster/nextid").arg("vmid", 101), json!("101")),
        refused(Request::get("/pools").arg("poolid", "x"), 500, "pool 'x' does not exist", &[]),
    ]);
    assert!(!client.is_free(100).await.unwrap());
    assert!(client.is_free(101).await.unwrap());
    assert_eq!(client.pool("x").await.unwrap(), None);
}

#[tokio::test]
async fn only_the_known_release_is_talked_to() {
    let answers =
        ["8.4.1", "9.0.3"].map(|version| answered(Request::get("/version"), json!({"version": version})));
    let client = client(answers);
    assert_eq!(client.known_release().await.unwrap().to_string(), "8.4.1");
    let error = client.known_release().await.unwrap_err();
    assert!(matches!(error, CallError::NotSent { cause: NotSent::OtherRelease, .. }), "{error}");
    let advice = error.advice();
    assert!(
        advice.contains("made for Proxmox VE 8.4") && advice.contains("9.0.3, which is newer"),
        "{advice}"
    );
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_name_cannot_lead_to_another_call() {
    let error = client([]).qemu_config("pve1/../../access", 100).await.unwrap_err();
    assert!(matches!(error, CallError::NotSent { cause: NotSent::Malformed, .. }), "{error}");
}

#[tokio::test]
async fn an_answer_of_another_shape_is_not_read_as_empty() {
    let client = client([answered(Request::get("/nodes"), json!("nodes"))]);
    let error = client.nodes().await.unwrap_err();
    assert!(matches!(error, CallError::Unknown { cause: Lost::Unreadable, .. }), "{error}");
    assert!(!error.is_transient());
}

fn status_request() -> Request {
    Request::get(format!("/nodes/pve1/tasks/{UPID}/status"))
}

fn log_request(start: u64) -> Request {
    Request::get(format!("/nodes/pve1/tasks/{UPID}/log")).arg("start", start).arg("limit", 500)
}

#[tokio::test(start_paused = true)]
async fn a_task_is_followed_to_its_end_with_every_line_once() {
    let lost = Err(CallError::Unknown { verb: Verb::Get, cause: Lost::Timeout, detail: String::new() });
    let client = client([
        answered(status_request(), json!({"status": "running"})),
        answered(log_request(0), json!([{"n": "1", "t": "begin"}])),
        Exchange { request: status_request(), outcome: lost },
        answered(status_request(), json!({"status": "stopped", "exitstatus": "WARNINGS: 1"})),
        answered(log_request(1), json!([{"n": 1, "t": "begin"}, {"n": 2, "t": "TASK WARNINGS: 1"}])),
    ]);
    let upid: Upid = UPID.parse().unwrap();
    let mut lines = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(60);
    let outcome = client
        .wait_task(&upid, deadline, |new| lines.extend(new.iter().map(|line| line.t.clone())))
        .await
        .unwrap();
    assert_eq!(outcome, TaskOutcome::Warnings(1));
    assert_eq!(lines, ["begin", "TASK WARNINGS: 1"]);
    assert_eq!(client.transport().left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_runs_on_is_left_at_the_deadline() {
    let running = |_| answered(status_request(), json!({"status": "running"}));
    let logs = |_| answered(log_request(0), json!([]));
    let client = client((0..100).map(running).chain((0..100).map(logs)));
    let deadline = Instant::now() + Duration::from_secs(10);
    let error = client.wait_task(&UPID.parse().unwrap(), deadline, |_| {}).await.unwrap_err();
    assert_eq!(error, WaitError::Deadline { last: None });
    let asked = (200 - client.transport().left()) / 2;
    assert!((12..=20).contains(&asked), "the pause grows from 100 ms to 1 s: {asked} looks in 10 s");
}

#[tokio::test]
async fn an_unknown_task_is_an_error_and_its_log_is_one_line() {
    let failed = "Parameter verification failed.";
    let client = client([
        refused(status_request(), 400, failed, &[("upid", "no such task")]),
        answered(log_request(0), json!({"n": 1, "t": "unable to open file - x"})),
    ]);
    let upid = UPID.parse().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    match client.wait_task(&upid, deadline, |_| {}).await {
        Err(WaitError::Call(error)) => assert_eq!(error.kind(), Kind::DoesNotExist),
        other => panic!("{other:?}"),
    }
    assert_eq!(client.task_log(&upid, 0).await.unwrap().len(), 1);
}

#[tokio::test]
async fn tasks_are_listed_running_and_ended() {
    let request = Request::get("/nodes/pve1/tasks")
        .arg("source", "all")
        .arg("since", 1_700_000_000)
        .arg("typefilter", "qmcreate")
        .arg("vmid", 100);
    let client =
        client([answered(request, json!([{"upid": UPID, "type": "qmcreate", "starttime": "1795376844"}]))]);
    let filter = TaskFilter {
        since: Some(1_700_000_000),
        kind: Some("qmcreate".into()),
        vmid: Some(100),
        ..TaskFilter::default()
    };
    let task = client.tasks("pve1", &filter).await.unwrap().remove(0);
    assert_eq!(
        (task.starttime, task.status, task.kind.as_deref()),
        (Some(1_795_376_844), None, Some("qmcreate"))
    );
}

#[tokio::test]
async fn a_recorded_upload_keeps_the_name_and_not_the_file() {
    let mut upload = Request::new(Verb::Post, "/nodes/pve1/storage/local/upload", BTreeMap::new());
    upload.file = Some(FilePart { name: "seed.iso".into(), bytes: b"canary".to_vec() });
    let recording = Recording::new(Replaying::new([answered(upload.clone(), json!(UPID))]));
    let first = recording.send(&upload).await;
    let text = serde_json::to_string(&recording.take()).unwrap();
    assert!(text.contains("seed.iso") && !text.contains("canary") && !text.contains("99,97,110"), "{text}");
    let replay = Replaying::new(serde_json::from_str::<Vec<Exchange>>(&text).unwrap());
    assert_eq!(replay.send(&upload).await, first);
}

#[tokio::test]
async fn a_recording_has_no_secrets_and_can_be_replayed() {
    let request =
        Request::new(Verb::Put, "/nodes/pve1/qemu/100/config", BTreeMap::new()).arg("cipassword", "canary");
    let token = Request::new(Verb::Post, "/access/users/a@pve/token/t", BTreeMap::new());
    let recording = Recording::new(Replaying::new([
        refused(request.clone(), 500, "VM is locked (backup)", &[("cipassword", "bad value 'canary'")]),
        answered(token.clone(), json!({"full-tokenid": "a@pve!t", "value": "canary"})),
    ]));
    let first = recording.send(&request).await;
    assert_eq!(recording.send(&token).await.unwrap().data["value"], "canary", "the caller gets it");
    let text = serde_json::to_string(&recording.take()).unwrap();
    assert!(!text.contains("canary"), "{text}");
    let replay = Replaying::new(serde_json::from_str::<Vec<Exchange>>(&text).unwrap());
    assert_ne!(replay.send(&request).await, first, "the secret in the refusal is masked");
    let again = replay.send(&request).await.unwrap_err();
    assert!(matches!(again, CallError::NotSent { cause: NotSent::NotRecorded, .. }), "{again}");
    assert_eq!((recording.take().len(), recording.dropped()), (0, 0));
}

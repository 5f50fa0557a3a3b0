//! Backups: retention, planned jobs by the cluster's clock, and the checksums of files.

use crate::client::{Lab, TOKEN, cluster, lab, lab_of};
use serde_json::{Value, json};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(20);

/// Of the file "CD001", worked out by other tools.
const MD5: &str = "4ff94367ea854f3774c3d3b260d155e9";
const SHA256: &str = "6d4e9dd31bfba84763495db2394739d782e1ab3c7efbc37b6deadc9a732573d8";

async fn backups(lab: &Lab) -> Vec<String> {
    let list = lab.get("/nodes/pve1/storage/local/content?content=backup").await;
    list.as_array().unwrap().iter().map(|b| b["volid"].as_str().unwrap().to_owned()).collect()
}

fn told(lab: &Lab, upid: &Value) -> Vec<String> {
    let state = lab.sim.state_json();
    let tasks = state["tasks"].as_array().unwrap().clone();
    let task = tasks.into_iter().find(|task| task["upid"] == *upid).unwrap();
    task["log"].as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_backup_removes_the_older_ones_that_its_rule_does_not_keep() {
    let lab = lab().await;
    let form = "vmid=110&storage=local&mode=snapshot&prune-backups=keep-last%3D2";
    for _ in 0..3 {
        // Names and times of backups are in whole seconds.
        lab.sim.advance(Duration::from_secs(60));
        assert_eq!(lab.task("POST", "/nodes/pve1/vzdump", form).await, "OK");
    }
    assert_eq!(backups(&lab).await.len(), 2);
    let state = lab.sim.state_json();
    let last = state["tasks"].as_array().unwrap().last().unwrap()["upid"].clone();
    let log = told(&lab, &last);
    assert!(
        log.iter().any(|line| line == "INFO: prune older backups with retention: keep-last=2"),
        "{log:?}"
    );
    assert!(log.iter().any(|line| line == "INFO: pruned 1 backup(s) not covered by keep-retention policy"));
    // Without pruning everything stays, and a rule can be tried before it is used.
    lab.sim.advance(Duration::from_secs(60));
    assert_eq!(lab.task("POST", "/nodes/pve1/vzdump", &format!("{form}&remove=0")).await, "OK");
    assert_eq!(backups(&lab).await.len(), 3);
    let dry = lab.get("/nodes/pve1/storage/local/prunebackups?prune-backups=keep-last%3D1").await;
    let marks: Vec<&str> = dry.as_array().unwrap().iter().map(|b| b["mark"].as_str().unwrap()).collect();
    assert_eq!(marks, ["keep", "remove", "remove"]);
    let task =
        lab.task("DELETE", "/nodes/pve1/storage/local/prunebackups", "prune-backups=keep-last%3D1").await;
    assert_eq!((task.as_str(), backups(&lab).await.len()), ("OK", 1));
    let none = lab.send("GET", "/nodes/pve1/storage/local/prunebackups", "").await;
    assert_eq!(none.message(), "no prune-backups options configured for storage 'local'");
}

#[tokio::test]
async fn a_planned_backup_runs_when_its_time_has_come() {
    let lab = lab().await;
    // The cluster's own jobs have their time too.
    for job in lab.get("/cluster/backup").await.as_array().unwrap() {
        let path = format!("/cluster/backup/{}", job["id"].as_str().unwrap());
        assert_eq!(lab.send("DELETE", &path, "").await.status, 200);
    }
    let form = "id=planned&schedule=02%3A30&vmid=110,113&storage=local&mode=snapshot";
    let made = lab.send("POST", "/cluster/backup", form).await;
    assert_eq!(made.status, 200, "{made:?}");
    let off = "id=off&schedule=02%3A30&vmid=111&storage=local&enabled=0";
    assert_eq!(lab.send("POST", "/cluster/backup", off).await.status, 200);
    let jobs = lab.get("/cluster/backup").await;
    let next = jobs.as_array().unwrap().iter().find(|j| j["id"] == "planned").unwrap()["next-run"].clone();
    assert_eq!(next.as_i64().unwrap() % 86_400, 2 * 3_600 + 30 * 60);
    let started = |state: &Value| {
        let all = state["tasks"].as_array().unwrap();
        all.iter().filter(|t| t["kind"] == "vzdump" && t["exit"] == "OK").count()
    };
    lab.sim.advance(Duration::from_secs(86_400));
    assert!(lab.sim.until(LONG, |state| started(state) == 2).await, "one task on each of two nodes");
    let state = lab.sim.state_json();
    let who: Vec<&Value> = state["tasks"].as_array().unwrap().iter().map(|t| &t["who"]).collect();
    assert_eq!(who, ["root@pam", "root@pam"]);
    assert!(backups(&lab).await.iter().all(|volid| volid.contains("-110-")), "113 is on another node");
    // The next day it runs once more, and the one that is off never.
    lab.sim.advance(Duration::from_secs(86_400));
    assert!(lab.sim.until(LONG, |state| started(state) == 4).await);
    assert!(lab.sim.ledger().iter().all(|entry| entry.who == TOKEN), "nobody asked for these");
}

#[tokio::test]
async fn backups_of_one_node_come_one_after_another() {
    let lab = lab_of(cluster().with_time_scale(0.05)).await;
    let mut tasks = Vec::new();
    for _ in 0..2 {
        let form = "vmid=110&storage=local&mode=snapshot";
        tasks.push(lab.send("POST", "/nodes/pve1/vzdump", form).await.data().clone());
    }
    let ended = |state: &Value| {
        let all = state["tasks"].as_array().unwrap();
        all.iter().filter(|t| t["kind"] == "vzdump" && t["exit"] == "OK").count()
    };
    assert!(
        lab.sim.until(LONG, |state| ended(state) == 2).await,
        "neither finds the guest locked by the other"
    );
    assert_eq!(told(&lab, &tasks[1])[0], "INFO: trying to get global lock - waiting...");
}

#[tokio::test]
async fn the_next_times_of_a_plan_are_told() {
    let lab = lab().await;
    let ask = "/cluster/jobs/schedule-analyze?schedule=sat%2003%3A00&starttime=1777593600&iterations=2";
    let times = lab.get(ask).await;
    assert_eq!(
        times,
        json!([{"timestamp": 1_777_690_800, "utc": "2026-05-02 03:00:00 UTC"},
            {"timestamp": 1_778_295_600, "utc": "2026-05-09 03:00:00 UTC"}])
    );
    let bad = lab.send("GET", "/cluster/jobs/schedule-analyze", "schedule=never").await;
    assert_eq!(bad.status, 400);
}

async fn upload(lab: &Lab, name: &str, checksum: &str) -> String {
    let fields = format!(
        "--b\r\nContent-Disposition: form-data; name=\"content\"\r\n\r\niso\r\n{checksum}--b\r\nContent-Disposition: \
         form-data; name=\"filename\"; filename=\"{name}\"\r\n\r\nCD001\r\n--b--\r\n"
    );
    let secret = crate::client::SECRET;
    let request = format!(
        "POST /api2/json/nodes/pve1/storage/local/upload HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Authorization: PVEAPIToken={TOKEN}={secret}\r\nContent-Type: multipart/form-data; boundary=b\r\n\
         Content-Length: {}\r\n\r\n{fields}",
        fields.len()
    );
    let answer = lab.raw(&request).await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(lab.sim.idle(LONG).await);
    let upid = answer.data();
    lab.get(&format!("/nodes/pve1/tasks/{}/status", upid.as_str().unwrap())).await["exitstatus"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn field(name: &str, value: &str) -> String {
    format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

#[tokio::test]
async fn an_uploaded_file_is_there_and_its_checksum_counts() {
    let lab = lab_of(cluster()).await;
    assert_eq!(upload(&lab, "plain.iso", "").await, "OK");
    for (kind, sum) in [("md5", MD5), ("sha256", SHA256)] {
        let both = format!("{}{}", field("checksum-algorithm", kind), field("checksum", sum));
        assert_eq!(upload(&lab, &format!("{kind}.iso"), &both).await, "OK");
    }
    let wrong = format!("{}{}", field("checksum-algorithm", "sha256"), field("checksum", &"0".repeat(64)));
    let end = upload(&lab, "bad.iso", &wrong).await;
    assert_eq!(end, format!("checksum mismatch: got '{SHA256}' != expect '{}'", "0".repeat(64)));
    let files = lab.get("/nodes/pve1/storage/local/content?content=iso").await;
    let names: Vec<&str> = files.as_array().unwrap().iter().map(|f| f["volid"].as_str().unwrap()).collect();
    for name in ["plain", "md5", "sha256"] {
        assert!(names.contains(&format!("local:iso/{name}.iso").as_str()), "{names:?}");
    }
    assert!(!names.contains(&"local:iso/bad.iso"));
}

#[tokio::test]
async fn a_file_that_is_there_is_held_against_the_checksum() {
    let lab = lab().await;
    let form = |sum: &str| {
        format!(
            "url=https%3A%2F%2Fimages.example.org%2Fa.iso&filename=a.iso&content=iso&checksum-algorithm=sha256&checksum={sum}"
        )
    };
    let at = "/nodes/pve1/storage/local/download-url";
    let (one, other) = ("a".repeat(64), "b".repeat(64));
    assert_eq!(lab.task("POST", at, &form(&one)).await, "OK");
    assert_eq!(lab.task("POST", at, &form(&one)).await, "OK", "the same file again is no work");
    assert_eq!(
        lab.task("POST", at, &form(&other)).await,
        format!("checksum mismatch: got '{one}' != expect '{other}', aborting")
    );
    let bare = "url=https%3A%2F%2Fimages.example.org%2Fa.iso&filename=a.iso&content=iso";
    assert!(lab.task("POST", at, bare).await.starts_with("refusing to override existing file"));
}

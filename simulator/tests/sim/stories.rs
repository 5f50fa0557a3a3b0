//! Longer stories: high availability, backups, migration, networks, old lists, guests inside.

use crate::client::{Lab, bare_lab, cluster, lab};
use serde_json::json;
use simulator::{Base, SimConfig};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn nodes(count: usize) -> Lab {
    bare_lab(SimConfig { base: Base::Nodes(count), time_scale: 0.0, ..SimConfig::default() }).await
}

async fn made(lab: &Lab, vmid: u32, more: &str) {
    let form = format!("vmid={vmid}&name=g{vmid}&memory=512&scsi0=local-lvm%3A1&agent=1{more}");
    assert_eq!(lab.task("POST", "/nodes/pve1/qemu", &form).await, "OK");
}

#[tokio::test]
async fn a_managed_guest_is_started_by_the_manager() {
    let lab = nodes(3).await;
    made(&lab, 100, "").await;
    assert_eq!(lab.send("POST", "/cluster/ha/resources", "sid=vm%3A100&state=stopped").await.status, 200);
    let twice = lab.send("POST", "/cluster/ha/resources", "sid=100").await;
    assert_eq!(twice.message(), "create resource failed: resource ID 'vm:100' already defined");
    let answer = lab.send("POST", "/nodes/pve1/qemu/100/status/start", "").await;
    assert!(answer.data().as_str().unwrap().contains(":hastart:100:"));
    assert!(
        lab.sim
            .until(Duration::from_secs(20), |state| !state["guests"]["100"]["running_since"].is_null())
            .await
    );
    let refused = lab.send("DELETE", "/nodes/pve1/qemu/100", "").await;
    assert_eq!(
        refused.message(),
        "unable to remove VM 100 - used in HA resources and purge parameter not set."
    );
}

#[tokio::test]
async fn a_backup_brings_a_guest_back() {
    let lab = nodes(1).await;
    made(&lab, 100, "&description=kept").await;
    assert_eq!(lab.task("POST", "/nodes/pve1/vzdump", "vmid=100&storage=local").await, "OK");
    let listed = lab.send("GET", "/nodes/pve1/storage/local/content", "content=backup").await.data();
    let volid = listed[0]["volid"].as_str().unwrap().to_owned();
    assert_eq!(lab.task("DELETE", "/nodes/pve1/qemu/100", "").await, "OK");
    let form = format!("vmid=101&archive={}", volid.replace(':', "%3A").replace('/', "%2F"));
    assert_eq!(lab.task("POST", "/nodes/pve1/qemu", &form).await, "OK");
    let config = lab.get("/nodes/pve1/qemu/101/config").await;
    assert_eq!(
        (&config["description"], &config["scsi0"]),
        (&json!("kept"), &json!("local-lvm:vm-101-disk-0,size=1G"))
    );
    let nothing = lab.send("POST", "/nodes/pve1/vzdump", "").await;
    assert_eq!((nothing.status, nothing.error("vmid").as_str()), (400, "property is missing"));
    let job = lab.send("POST", "/cluster/backup", "schedule=daily").await;
    assert_eq!(job.message(), "400 Parameter verification failed.\nvmid: property is missing");
}

#[tokio::test]
async fn a_guest_moves_with_its_local_disk() {
    let lab = nodes(2).await;
    made(&lab, 100, "").await;
    assert_eq!(lab.task("POST", "/nodes/pve1/qemu/100/status/start", "").await, "OK");
    let path = "/nodes/pve1/qemu/100/migrate";
    let offline = lab.send("POST", path, "target=pve2").await;
    assert_eq!(offline.message(), "can't migrate running VM without --online");
    let alone = lab.task("POST", path, "target=pve2&online=1").await;
    assert!(alone.contains("Problem found while scanning volumes"), "{alone}");
    assert_eq!(lab.task("POST", path, "target=pve2&online=1&with-local-disks=1").await, "OK");
    assert_eq!(lab.get("/nodes/pve2/qemu/100/status/current").await["status"], "running");
    let gone = lab.send("GET", "/nodes/pve1/qemu/100/config", "").await;
    assert_eq!(gone.message(), "Configuration file 'nodes/pve1/qemu-server/100.conf' does not exist");
}

#[tokio::test]
async fn a_network_defined_by_software_is_there_once_applied() {
    let lab = nodes(2).await;
    assert_eq!(lab.send("POST", "/cluster/sdn/zones", "zone=lab&type=simple").await.status, 200);
    assert_eq!(lab.send("POST", "/cluster/sdn/vnets", "vnet=blue&zone=lab").await.status, 200);
    let pending = lab.send("GET", "/cluster/sdn/vnets", "pending=1").await.data();
    assert_eq!(pending[0]["state"], "new");
    let in_use = lab.send("DELETE", "/cluster/sdn/zones/lab", "").await;
    assert_eq!(in_use.message(), "delete sdn zone object failed: zone lab is used by vnet blue");
    assert_eq!(lab.task("PUT", "/cluster/sdn", "").await, "OK");
    assert_eq!(lab.get("/nodes/pve2/sdn/zones").await, json!([{"zone": "lab", "status": "available"}]));
    made(&lab, 100, "&net0=virtio%2Cbridge%3Dblue").await;
    assert_eq!(lab.task("POST", "/nodes/pve1/qemu/100/status/start", "").await, "OK");
}

#[tokio::test]
async fn a_new_firewall_rule_comes_first_and_is_off() {
    let lab = lab().await;
    let path = "/nodes/pve1/qemu/110/firewall/rules";
    for port in ["22", "80"] {
        let form = format!("action=ACCEPT&type=in&proto=tcp&dport={port}");
        assert_eq!(lab.send("POST", path, &form).await.status, 200);
    }
    let rules = lab.get(path).await;
    assert_eq!((&rules[0]["dport"], &rules[0]["enable"]), (&json!("80"), &json!(0)));
    assert_eq!(lab.send("PUT", &format!("{path}/0"), "moveto=2").await.status, 200);
    assert_eq!(lab.get(path).await[0]["dport"], "22");
    assert_eq!(lab.send("DELETE", &format!("{path}/5"), "").await.message(), "no rule at position 5");
}

#[tokio::test]
async fn resources_are_as_old_as_the_last_word_of_the_nodes() {
    let config = SimConfig { stale_resources: true, time_scale: 1.0, ..cluster() };
    let lab = bare_lab(config).await;
    assert_eq!(lab.send("GET", "/cluster/resources", "type=vm").await.data()[0]["status"], "running");
    assert_eq!(lab.send("POST", "/nodes/pve1/qemu", "vmid=999&name=fresh").await.status, 200);
    let listed = lab.send("GET", "/cluster/resources", "type=vm").await.data();
    let fresh = listed.as_array().unwrap().iter().find(|g| g["vmid"] == 999).unwrap().clone();
    assert_eq!((&fresh["status"], fresh.get("name")), (&json!("unknown"), None));
}

#[tokio::test]
async fn a_scripted_guest_runs_commands_and_hands_their_outcome_out_once() {
    let lab = nodes(1).await;
    made(&lab, 100, "").await;
    assert_eq!(lab.task("POST", "/nodes/pve1/qemu/100/status/start", "").await, "OK");
    let body = r#"{"script":{"commands":{"uname -r":{"exitcode":0,"out-data":"6.1\n"}}}}"#;
    let mut control = tokio::net::TcpStream::connect(lab.sim.control_addr()).await.unwrap();
    let request = format!(
        "PUT /guests/100 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    control.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    control.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let agent = "/nodes/pve1/qemu/100/agent";
    let pid =
        lab.send("POST", &format!("{agent}/exec"), "command=uname&command=-r").await.data()["pid"].clone();
    let status = lab.send("GET", &format!("{agent}/exec-status"), &format!("pid={pid}")).await;
    assert_eq!(status.data(), json!({"exited": 1, "exitcode": 0, "out-data": "6.1\n"}));
    let again = lab.send("GET", &format!("{agent}/exec-status"), &format!("pid={pid}")).await;
    assert_eq!(again.status, 500);
}

#[tokio::test]
async fn coverage_tells_what_has_state() {
    let all = simulator::coverage().await.unwrap();
    assert_eq!(all.len(), 605);
    let state = |verb: &str, path: &str| all.iter().find(|m| m.verb == verb && m.path == path).unwrap().state;
    assert!(state("POST", "/nodes/{node}/qemu") && state("GET", "/cluster") && state("PUT", "/access/acl"));
    assert!(!state("POST", "/nodes/{node}/ceph/init"));
}

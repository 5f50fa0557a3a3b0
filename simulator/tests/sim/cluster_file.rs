//! A cluster made from the fixture file shows what the file says.

use crate::client::{cluster, lab, lab_of};
use serde_json::{Value, json};

fn named<'v>(list: &'v Value, key: &str, value: &Value) -> &'v Value {
    list.as_array().unwrap().iter().find(|e| &e[key] == value).unwrap_or_else(|| panic!("no {key} {value}"))
}

#[tokio::test]
async fn nodes_guests_templates_and_files_are_there() {
    let lab = lab().await;
    let all = lab.get("/cluster/resources?type=vm").await;
    assert_eq!(named(&all, "vmid", &json!(9000))["template"], 1);
    assert_eq!(named(&all, "vmid", &json!(112))["pool"], "infra");
    let web = lab.get("/nodes/pve1/qemu/110/config").await;
    assert_eq!(web["tags"], "mycopod;web");
    let mark =
        web["description"].as_str().unwrap().lines().next().unwrap().strip_prefix("mycopod mark=").unwrap();
    let expected = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, b"fixture/110");
    assert_eq!(mark, expected.to_string());
    assert_eq!(web["parent"], "before-upgrade");
    assert_eq!(web["ipconfig0"], "ip=10.0.20.80/24,gw=10.0.20.1");
    // A guest that is protected by the file, and one that is only unmanaged.
    assert_eq!(lab.get("/nodes/pve1/qemu/100/config").await["protection"], 1);
    assert!(lab.get("/nodes/pve2/qemu/102/config").await["protection"].is_null());
    let templates = lab.get("/nodes/pve2/storage/local/content?content=vztmpl").await;
    assert_eq!(templates.as_array().unwrap().len(), 2);
    let isos = lab.get("/nodes/pve3/storage/tank-nfs/content?content=iso").await;
    named(&isos, "volid", &json!("tank-nfs:iso/Win11_24H2_x64.iso"));
    assert_eq!(lab.get("/cluster/nextid").await, "103");
    let status = lab.get("/cluster/status").await;
    assert_eq!(named(&status, "type", &json!("cluster"))["quorate"], 1);
}

#[tokio::test]
async fn free_memory_and_space_are_those_of_the_file_and_move_with_the_guests() {
    let lab = lab().await;
    let free = |status: &Value| status["memory"]["free"].as_u64().unwrap() / 1_048_576;
    assert_eq!(free(&lab.get("/nodes/pve1/status").await), 32_768);
    assert_eq!(free(&lab.get("/nodes/pve2/status").await), 23_040);
    assert_eq!(lab.task("POST", "/nodes/pve2/qemu/113/status/start", "").await, "OK");
    assert_eq!(free(&lab.get("/nodes/pve2/status").await), 23_040 - 8_192);
    assert_eq!(lab.task("POST", "/nodes/pve2/qemu/113/status/stop", "").await, "OK");
    assert_eq!(free(&lab.get("/nodes/pve2/status").await), 23_040);
    let gib = 1_073_741_824_u64;
    let avail = |list: &Value, id: &str| named(list, "storage", &json!(id))["avail"].as_u64().unwrap() / gib;
    let stores = lab.get("/nodes/pve3/storage").await;
    assert_eq!(
        (avail(&stores, "local-lvm"), avail(&stores, "ceph-vm"), avail(&stores, "tank-nfs")),
        (190, 1400, 5200)
    );
    assert_eq!(lab.task("POST", "/nodes/pve3/qemu", "vmid=200&scsi0=local-lvm:10").await, "OK");
    assert_eq!(avail(&lab.get("/nodes/pve3/storage").await, "local-lvm"), 180);
}

#[tokio::test]
async fn a_disk_larger_than_its_storage_is_refused_in_the_task() {
    let lab = lab().await;
    let exit = lab.task("POST", "/nodes/pve3/qemu", "vmid=200&scsi0=local-lvm:500").await;
    assert!(exit.starts_with("unable to create VM 200 - ") && exit.contains("space"), "{exit}");
    assert_eq!(lab.send("GET", "/nodes/pve3/qemu/200/config", "").await.status, 500);
}

#[tokio::test]
async fn a_state_file_carries_the_cluster_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.json");
    let config = || {
        let mut config = cluster();
        config.state_file = Some(file.clone());
        config
    };
    let first = lab_of(config()).await;
    assert_eq!(first.task("POST", "/nodes/pve1/qemu", "vmid=300&name=kept").await, "OK");
    first.sim.shutdown().await.unwrap();
    let second = lab_of(config()).await;
    assert_eq!(second.get("/nodes/pve1/qemu/300/config").await["name"], "kept");
    second.sim.reset();
    assert_eq!(second.send("GET", "/nodes/pve1/qemu/300/config", "").await.status, 500);
}

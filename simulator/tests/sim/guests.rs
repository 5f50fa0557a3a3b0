//! Lives of machines and containers, and storages.

use crate::client::{cluster, lab, lab_of};
use serde_json::json;

#[tokio::test]
async fn a_machine_is_made_changed_started_stopped_and_destroyed() {
    let lab = lab().await;
    let form =
        "vmid=200&name=web&cores=2&memory=2048&scsi0=ceph-vm:8&net0=virtio%2Cbridge%3Dvmbr0&tags=b%3Ba";
    assert_eq!(lab.task("POST", "/nodes/pve1/qemu", form).await, "OK");
    let at = "/nodes/pve1/qemu/200";
    let config = lab.get(&format!("{at}/config")).await;
    assert_eq!(config["scsi0"], "ceph-vm:vm-200-disk-0,size=8G");
    assert_eq!(config["boot"], "order=scsi0;net0");
    assert!(config["net0"].as_str().unwrap().starts_with("virtio=BC:24:11:"));
    let digest = config["digest"].as_str().unwrap();
    assert_eq!(
        lab.send("PUT", &format!("{at}/config"), &format!("cores=4&digest={digest}")).await.status,
        200
    );
    let stale = lab.send("PUT", &format!("{at}/config"), &format!("cores=3&digest={digest}")).await;
    assert_eq!(stale.message(), "checksum mismatch (file change by other user?)");

    assert_eq!(lab.task("POST", &format!("{at}/status/start"), "").await, "OK");
    assert_eq!(lab.task("POST", &format!("{at}/status/start"), "").await, "VM 200 already running");
    // On a running machine memory waits for the next start and the name does not.
    assert_eq!(lab.send("PUT", &format!("{at}/config"), "memory=4096&name=web2").await.status, 200);
    assert_eq!(lab.get(&format!("{at}/config?current=1")).await["memory"], "2048");
    assert_eq!(lab.get(&format!("{at}/config?current=1")).await["name"], "web2");
    let pending = lab.get(&format!("{at}/pending")).await;
    let memory = pending.as_array().unwrap().iter().find(|e| e["key"] == "memory").unwrap().clone();
    assert_eq!(memory, json!({"key": "memory", "value": "2048", "pending": "4096"}));
    assert_eq!(lab.send("DELETE", at, "").await.message(), "VM 200 is running - destroy failed");
    assert_eq!(lab.task("POST", &format!("{at}/status/reboot"), "").await, "OK");
    assert_eq!(lab.get(&format!("{at}/status/current")).await["maxmem"], json!(4_294_967_296_u64));

    assert_eq!(lab.task("PUT", &format!("{at}/resize"), "disk=scsi0&size=%2B2G").await, "OK");
    assert_eq!(
        lab.task("PUT", &format!("{at}/resize"), "disk=scsi0&size=1G").await,
        "shrinking disks is not supported"
    );
    assert_eq!(lab.get(&format!("{at}/config")).await["scsi0"], "ceph-vm:vm-200-disk-0,size=10G");
    assert_eq!(lab.task("POST", &format!("{at}/status/shutdown"), "").await, "OK");
    assert_eq!(lab.task("DELETE", at, "purge=1").await, "OK");
    assert_eq!(
        lab.send("GET", &format!("{at}/config"), "").await.message(),
        "Configuration file 'nodes/pve1/qemu-server/200.conf' does not exist"
    );
    let left = lab.get("/nodes/pve1/storage/ceph-vm/content?vmid=200").await;
    assert_eq!(left, json!([]));
}

#[tokio::test]
async fn a_linked_clone_of_a_template_lands_on_another_node() {
    let lab = lab().await;
    let form = "newid=300&name=app&target=pve2&pool=infra";
    assert_eq!(lab.task("POST", "/nodes/pve1/qemu/9000/clone", form).await, "OK");
    let config = lab.get("/nodes/pve2/qemu/300/config").await;
    assert_eq!(config["scsi0"], "ceph-vm:base-9000-disk-0/vm-300-disk-0,discard=on,size=4G");
    assert!(config["template"].is_null() && config["lock"].is_null());
    let source = lab.get("/nodes/pve1/qemu/9000/config").await;
    assert_ne!(config["net0"], source["net0"]);
    assert_ne!(config["vmgenid"], source["vmgenid"]);
    assert_eq!(
        lab.task("DELETE", "/nodes/pve1/qemu/9000", "").await,
        "base volume 'ceph-vm:base-9000-disk-0' is still in use by linked cloned"
    );
    // A full clone stands alone; a machine on local storage cannot go elsewhere.
    assert_eq!(
        lab.task("POST", "/nodes/pve1/qemu/9001/clone", "newid=301&full=1&storage=local-lvm").await,
        "OK"
    );
    assert_eq!(
        lab.get("/nodes/pve1/qemu/301/config").await["scsi0"],
        "local-lvm:vm-301-disk-0,discard=on,size=3G"
    );
    let refused = lab.send("POST", "/nodes/pve1/qemu/301/clone", "newid=302&full=1&target=pve2").await;
    assert_eq!(refused.message(), "can't clone VM to node 'pve2' (VM uses local storage)");
}

#[tokio::test]
async fn one_of_two_creates_with_the_same_id_loses() {
    let lab = lab().await;
    let (a, b) = tokio::join!(
        lab.send("POST", "/nodes/pve1/qemu", "vmid=200"),
        lab.send("POST", "/nodes/pve2/qemu", "vmid=200"),
    );
    let (winner, loser) = if a.status == 200 { (a, b) } else { (b, a) };
    assert_eq!((winner.status, loser.status), (200, 500));
    assert!(
        loser.message().starts_with("unable to create VM 200 - VM 200 already exists on node 'pve"),
        "{loser:?}"
    );
    let template = "ostemplate=local:vztmpl/alpine-3.21-default_20241217_amd64.tar.xz";
    let ct = lab.send("POST", "/nodes/pve3/lxc", &format!("vmid=110&{template}")).await;
    assert_eq!(ct.message(), "VM 110 already exists on node 'pve1'");
    let clone = lab.send("POST", "/nodes/pve1/qemu/9000/clone", "newid=110").await;
    assert_eq!(clone.message(), "unable to create VM 110: config file already exists");
    assert_eq!(lab.send("GET", "/cluster/nextid", "vmid=110").await.error("vmid"), "VM 110 already exists");
}

#[tokio::test]
async fn a_container_is_made_and_started() {
    let lab = lab().await;
    let form = "vmid=210&hostname=dns&unprivileged=1&features=nesting%3D1&memory=256&start=1\
        &ostemplate=local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst&rootfs=local-lvm:4\
        &net0=name%3Deth0%2Cbridge%3Dvmbr0%2Cip%3Ddhcp";
    assert_eq!(lab.task("POST", "/nodes/pve3/lxc", form).await, "OK");
    let config = lab.get("/nodes/pve3/lxc/210/config").await;
    assert_eq!(config["rootfs"], "local-lvm:vm-210-disk-0,size=4G");
    assert_eq!(
        (&config["ostype"], &config["swap"], &config["unprivileged"]),
        (&json!("debian"), &json!(512), &json!(1))
    );
    let net = config["net0"].as_str().unwrap();
    assert!(
        net.starts_with("name=eth0,bridge=vmbr0,hwaddr=BC:24:11:") && net.ends_with(",ip=dhcp,type=veth"),
        "{net}"
    );
    assert_eq!(lab.get("/nodes/pve3/lxc/210/status/current").await["status"], "running");
    assert_eq!(
        lab.send("POST", "/nodes/pve3/lxc/210/status/start", "").await.message(),
        "CT 210 already running"
    );
    assert_eq!(lab.task("POST", "/nodes/pve3/lxc/210/status/shutdown", "").await, "OK");
    assert_eq!(lab.send("POST", "/nodes/pve3/lxc/210/status/stop", "").await.message(), "CT 210 not running");
    assert_eq!(lab.task("DELETE", "/nodes/pve3/lxc/210", "purge=1").await, "OK");
}

#[tokio::test]
async fn a_second_writer_is_told_of_the_lock() {
    let mut config = cluster();
    config.time_scale = 0.01;
    let lab = lab_of(config).await;
    lab.sim.inject(
        serde_json::from_value(json!({"id": "slow", "match": {"method": "POST", "path": "/nodes/*/clone"},
        "action": {"kind": "task_slow", "factor": 1000.0}}))
        .unwrap(),
    );
    let clone = lab.send("POST", "/nodes/pve1/qemu/9000/clone", "newid=300&full=1").await;
    let upid = clone.data().as_str().unwrap().to_owned();
    let target = lab.get("/nodes/pve1/qemu/300/config").await;
    assert_eq!(target["lock"], "clone");
    let source = lab.send("PUT", "/nodes/pve1/qemu/9000/config", "cores=3").await;
    assert_eq!(source.message(), "can't lock file '/var/lock/qemu-server/lock-9000.conf' - got timeout");
    let running = lab.get("/nodes/pve1/tasks?source=active").await;
    assert_eq!(running[0]["upid"], json!(upid));
    assert!(running[0]["status"].is_null());
    // Stopped by request: the half-made guest and its lock stay behind.
    assert_eq!(lab.send("DELETE", &format!("/nodes/pve1/tasks/{upid}"), "").await.status, 200);
    assert!(lab.sim.idle(std::time::Duration::from_secs(5)).await);
    assert_eq!(
        lab.get(&format!("/nodes/pve1/tasks/{upid}/status")).await["exitstatus"],
        "received interrupt"
    );
    assert_eq!(
        lab.send("PUT", "/nodes/pve1/qemu/300/config", "cores=3").await.message(),
        "VM is locked (clone)"
    );
}

#[tokio::test]
async fn an_nfs_storage_is_added_once() {
    let mut config = cluster();
    config.unreachable.push("10.0.20.250".into());
    let lab = lab_of(config).await;
    let form = "storage=media&type=nfs&server=10.0.20.5&export=/tank/media&content=images,iso";
    let answer = lab.send("POST", "/storage", form).await;
    assert_eq!(answer.data(), json!({"storage": "media", "type": "nfs"}));
    let entry = lab.get("/storage/media").await;
    assert_eq!((&entry["path"], &entry["shared"]), (&json!("/mnt/pve/media"), &json!(1)));
    let again = lab.send("POST", "/storage", form).await;
    assert_eq!(again.message(), "create storage failed: storage ID 'media' already defined");
    let dead = lab.send("POST", "/storage", "storage=dead&type=nfs&server=10.0.20.250&export=/x").await;
    assert_eq!(dead.message(), "create storage failed: storage 'dead' is not online");
    let missing = lab.send("POST", "/storage", "storage=dead&type=nfs&server=10.0.20.5").await;
    assert_eq!(missing.message(), "missing value for required option 'export'");
    assert_eq!(lab.send("DELETE", "/storage/media", "").await.status, 200);
    assert_eq!(lab.send("GET", "/storage/media", "").await.message(), "storage 'media' does not exist");
}

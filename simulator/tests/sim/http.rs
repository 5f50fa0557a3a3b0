//! What every call has in common: credentials, envelopes, parameter errors, rights.

use crate::client::{LIMITED, TOKEN, lab};

#[tokio::test]
async fn the_version_is_that_of_the_contract() {
    let lab = lab().await;
    let answer = lab.send("GET", "/version", "").await;
    assert_eq!(answer.data()["version"], "8.4.1");
    assert!(answer.head.contains("server: pve-api-daemon/3.0"));
    assert_eq!(lab.sim.fingerprint().split(':').filter(|p| p.len() == 2).count(), 32);
}

#[tokio::test]
async fn without_a_token_there_is_only_a_reason() {
    let lab = lab().await;
    let answer = lab.send_as("", "GET", "/nodes", "").await.unwrap();
    assert_eq!((answer.status, answer.reason.as_str(), answer.body.as_str()), (401, "No ticket", ""));
    let wrong = "root@pam!other";
    let answer = lab.send_as(wrong, "GET", "/nodes", "").await.unwrap();
    assert_eq!(answer.reason, "no such token 'other' for user 'root@pam'");
}

#[tokio::test]
async fn all_bad_parameters_are_named_together() {
    let lab = lab().await;
    let form = "vmid=99&cores=0&net0=virtio%2Cfoo%3D1&nosuch=1&name=bad_name";
    let answer = lab.send("POST", "/nodes/pve1/qemu", form).await;
    assert_eq!((answer.status, answer.reason.as_str()), (400, "Parameter verification failed."));
    assert_eq!(answer.error("vmid"), "invalid format - value does not look like a valid VM ID\n");
    assert_eq!(answer.error("cores"), "value must have a minimum value of 1");
    assert_eq!(
        answer.error("net0"),
        "invalid format - format error\nnet0.foo: property is not defined in schema and the schema does not allow additional properties\n"
    );
    assert_eq!(
        answer.error("nosuch"),
        "property is not defined in schema and the schema does not allow additional properties"
    );
    assert_eq!(answer.error("name"), "invalid format - value does not look like a valid DNS name\n");
    assert!(answer.head.contains("connection: close"));
}

#[tokio::test]
async fn unknown_nodes_paths_and_guests_have_their_own_texts() {
    let lab = lab().await;
    let answer = lab.send("GET", "/nodes/nope/qemu", "").await;
    assert!(answer.reason.starts_with("hostname lookup 'nope' failed"), "{answer:?}");
    let answer = lab.send("GET", "/nonexist", "").await;
    assert_eq!((answer.status, answer.reason.as_str()), (501, "Method 'GET /nonexist' not implemented"));
    // On another node the guest is absent, though the cluster has it.
    let answer = lab.send("GET", "/nodes/pve2/qemu/110/config", "").await;
    assert_eq!(answer.message(), "Configuration file 'nodes/pve2/qemu-server/110.conf' does not exist");
}

#[tokio::test]
async fn a_token_with_a_role_is_held_to_it() {
    let lab = lab().await;
    let seen = lab.send_as(LIMITED, "GET", "/nodes/pve1/qemu/110/config", "").await.unwrap();
    assert_eq!(seen.status, 200);
    let refused = lab.send_as(LIMITED, "POST", "/nodes/pve1/qemu/110/status/stop", "").await.unwrap();
    assert_eq!(
        (refused.status, refused.message().as_str()),
        (403, "Permission check failed (/vms/110, VM.PowerMgmt)")
    );
    let stores = lab.send_as(LIMITED, "GET", "/storage", "").await.unwrap();
    assert_eq!(stores.data().as_array().unwrap().len(), 0);
    let root_only = lab.send_as(TOKEN, "POST", "/nodes/pve1/execute", "commands=%5B%5D").await.unwrap();
    assert_eq!(root_only.message(), "Permission check failed (user != root@pam)");
}

#[tokio::test]
async fn transport_limits_are_answered_with_501() {
    let lab = lab().await;
    let head = format!(
        "Host: x\r\nAuthorization: PVEAPIToken={TOKEN}={}\r\nConnection: close\r\n",
        crate::client::SECRET
    );
    let chunked =
        format!("POST /api2/json/pools HTTP/1.1\r\n{head}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    assert_eq!(lab.raw(&chunked).await.unwrap().reason, "chunked transfer encoding not supported");
    let large = format!("POST /api2/json/pools HTTP/1.1\r\n{head}Content-Length: 600000\r\n\r\n");
    assert_eq!(lab.raw(&large).await.unwrap().reason, "for data too large");
    let patch = format!("PATCH /api2/json/version HTTP/1.1\r\n{head}\r\n");
    assert_eq!(lab.raw(&patch).await.unwrap().reason, "method 'PATCH' not available");
}

#[tokio::test]
async fn what_has_no_state_says_so() {
    let lab = lab().await;
    let answer = lab.send("GET", "/nodes/pve1/hardware/pci", "").await;
    assert_eq!(answer.status, 501);
    assert!(answer.message().starts_with("The simulator has no state behind"));
}

//! The private server.

use crate::support::{PATIENCE, append, connect, stream};
use eventstore::{
    EventLog, Expected, Store, StoreConfig,
    embedded::{Cluster, EmbeddedError},
};
use secrets::KeyRing;
use std::{
    io::{BufRead, BufReader},
    os::unix::fs::MetadataExt,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_keeps_its_data_and_nobody_else_may_enter() {
    let parent =
        tempfile::Builder::new().permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755)).tempdir();
    let parent = parent.unwrap();
    // Long enough that the socket has to live elsewhere.
    let folder = parent.path().join("a-folder-with-a-long-name-".repeat(4));
    let ring = KeyRing::ephemeral().unwrap();
    let cluster = Cluster::start(Some(&folder)).await.unwrap();
    let store = Store::connect(StoreConfig::new(cluster.url(), ring.clone())).await.unwrap();
    store.append(append(stream(), Expected::New, &["kept"])).await.unwrap();
    drop(store);
    assert_eq!(std::fs::metadata(&folder).unwrap().mode() & 0o077, 0);
    assert!(matches!(Cluster::start(Some(&folder)).await, Err(EmbeddedError::AlreadyRunning { .. })));
    let pid = cluster.pid().unwrap();
    cluster.stop().await.unwrap();
    assert!(!Path::new(&format!("/proc/{pid}")).exists());

    let cluster = Cluster::start(Some(&folder)).await.unwrap();
    let store = Store::connect(StoreConfig::new(cluster.url(), ring)).await.unwrap();
    assert_eq!(store.head().await.unwrap().position, 1);
    let owner = connect(&cluster.owner_url()).await;
    for (setting, value) in
        [("fsync", "on"), ("full_page_writes", "on"), ("synchronous_commit", "on"), ("listen_addresses", "")]
    {
        let row = owner.query_one("select current_setting($1)", &[&setting]).await.unwrap();
        assert_eq!(row.get::<_, &str>(0), value, "{setting}");
    }
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_setting_the_server_does_not_know_is_told() {
    let refused = Cluster::start_with(None, &[("no_such_setting", "1")]).await.err().unwrap();
    assert!(refused.to_string().contains("no_such_setting"), "{refused}");
}

/// Only does something when the test below runs it in a process of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_to_be_killed() {
    if std::env::var_os("MYCOPOD_TEST_TO_BE_KILLED").is_none() {
        return;
    }
    let cluster = Cluster::start(None).await.unwrap();
    println!("server {}", cluster.pid().unwrap());
    std::future::pending::<()>().await;
}

#[test]
fn a_killed_process_takes_its_server_along() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "embedded::a_process_to_be_killed", "--nocapture"])
        .env("MYCOPOD_TEST_TO_BE_KILLED", "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let pid: i32 = lines
        .map_while(Result::ok)
        .find_map(|line| line.split_once("server ").and_then(|(_, pid)| pid.trim().parse().ok()))
        .expect("the server's process id");
    let process = format!("/proc/{pid}");
    let data = std::fs::read_link(format!("{process}/cwd")).unwrap();
    assert!(Path::new(&process).exists() && data.exists());
    child.kill().unwrap();
    child.wait().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while Path::new(&process).exists() || data.exists() {
        assert!(Instant::now() < deadline, "the server or its folder is still there");
        std::thread::yield_now();
    }
}

//! Signing in with a user and a password at the simulator, whose tickets age like the real ones.

use crate::lab::{cluster, patient, trust};
use proxmox::client::Client;
use proxmox::transport::{Https, Transport};
use proxmox::{Kind, Login, Request, Secret, Timeouts, Verb};
use simulator::{Running, SimConfig, Simulator};
use std::collections::BTreeMap;
use std::time::Duration;

const PASSWORD: &str = "right horse; 50% = +more";

async fn lab() -> Running {
    let config = SimConfig { passwords: vec![("root@pam".into(), PASSWORD.into())], ..cluster() };
    Simulator::start(config).await.unwrap()
}

fn client(sim: &Running, password: &str, timeouts: Timeouts) -> Client<Https> {
    let login = Login { user: "root@pam".into(), password: Secret::new(password) };
    Client::new(Https::signed_in(&[sim.base_url()], &trust(sim), login, timeouts).unwrap())
}

fn pool(name: &str) -> Request {
    Request::new(Verb::Post, "/pools", BTreeMap::new()).arg("poolid", name)
}

#[tokio::test]
async fn a_ticket_reads_changes_and_is_fetched_anew_when_it_is_too_old() {
    let sim = lab().await;
    let client = client(&sim, PASSWORD, patient());
    assert_eq!(client.known_release().await.unwrap().to_string(), "8.4.1");
    client.send_raw(&pool("one")).await.unwrap();
    // The life of a ticket goes by for the server alone: the client learns it from the refusal.
    sim.advance(Duration::from_secs(3 * 3_600));
    client.send_raw(&pool("two")).await.unwrap();
    let pools: Vec<String> = client.pools().await.unwrap().into_iter().map(|pool| pool.poolid).collect();
    assert!(pools.contains(&"one".to_owned()) && pools.contains(&"two".to_owned()), "{pools:?}");
    let made = sim.ledger().iter().filter(|entry| entry.path == "/pools").count();
    assert_eq!(made, 2, "the refused attempt never reached its work");
    assert!(client.permissions().await.unwrap()["/"].contains_key("VM.Allocate"));
}

#[tokio::test]
async fn a_ticket_is_renewed_before_its_time() {
    let sim = lab().await;
    let client = client(&sim, PASSWORD, Timeouts { renew_ticket: Duration::ZERO, ..patient() });
    for name in ["one", "two", "three"] {
        client.send_raw(&pool(name)).await.unwrap();
    }
    assert_eq!(sim.ledger().iter().filter(|entry| entry.path == "/access/ticket").count(), 3);
}

#[tokio::test]
async fn a_wrong_password_stops_and_is_nowhere_to_be_seen() {
    let sim = lab().await;
    let client = client(&sim, "canary", patient());
    let error = client.transport().send(&pool("one")).await.unwrap_err();
    assert_eq!((error.kind(), error.is_transient()), (Kind::Unauthorised, false), "{error}");
    assert!(!format!("{error:?} {:?} {}", client, error.advice()).contains("canary"));
    assert!(sim.ledger().iter().all(|entry| entry.path == "/access/ticket"));
}

//! A conversation with the simulator is recorded, written down, read back and replayed: the same results, no secrets.

use crate::lab::{SECRET, https, patient, start};
use proxmox::client::{Client, GuestKind, TaskFilter};
use proxmox::requests::{Guest, guests, storages};
use proxmox::transport::{Exchange, Recording, Replaying, Transport};
use proxmox::{Kind, TaskOutcome, Upid};
use std::time::Duration;
use tokio::time::Instant;

const CANARY: &str = "canary-4711";
const VM: Guest<'static> = Guest { node: "pve1", kind: GuestKind::Vm, vmid: 300 };

async fn ended<T: Transport>(client: &Client<T>, request: proxmox::Request, told: &mut Vec<String>) -> Upid {
    let upid = client.send_raw(&request).await.unwrap().upid().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    let outcome = client.wait_task(&upid, deadline, |new| told.extend(new.iter().map(|line| line.t.clone())));
    let outcome = outcome.await.unwrap();
    assert!(matches!(outcome, TaskOutcome::Ok), "{outcome:?}");
    upid
}

/// The life of a guest; what was seen on the way.
async fn story<T: Transport>(client: &Client<T>) -> Vec<String> {
    let mut told = vec![client.known_release().await.unwrap().to_string()];
    told.push(client.next_id().await.unwrap().to_string());
    let clone = guests::clone(Guest { vmid: 9000, ..VM }, VM.vmid).unwrap().arg("name", "made");
    ended(client, clone, &mut told).await;
    let set = guests::configure(VM).unwrap().arg("cipassword", CANARY).arg("cores", 2);
    client.send_raw(&set).await.unwrap();
    let config = client.qemu_config("pve1", VM.vmid).await.unwrap();
    told.extend(config.options.iter().map(|(key, value)| format!("{key}={value}")));
    ended(client, guests::start(VM).unwrap(), &mut told).await;
    told.push(format!("{:?}", client.guest_status(VM.kind, VM.node, VM.vmid).await.unwrap().is_running()));
    let refused = client.send_raw(&storages::remove("absent").unwrap()).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::DoesNotExist);
    told.push(refused.to_string());
    let bad = guests::configure(VM).unwrap().arg("cipassword", CANARY).arg("bios", "none");
    told.push(client.send_raw(&bad).await.unwrap_err().advice());
    ended(client, guests::stop(VM).unwrap(), &mut told).await;
    let gone = ended(client, guests::destroy(VM).unwrap(), &mut told).await;
    told.push(gone.as_str().to_owned());
    let filter = TaskFilter { vmid: Some(VM.vmid), ..TaskFilter::default() };
    told.extend(client.tasks("pve1", &filter).await.unwrap().into_iter().map(|task| task.upid));
    told
}

#[tokio::test]
async fn a_recorded_conversation_replays_to_the_same_results_without_secrets() {
    let sim = start().await;
    let live = Client::new(Recording::new(https(&sim, patient())));
    let told = story(&live).await;
    assert!(told.iter().any(|line| line == "cipassword=**********"), "{told:?}");
    let exchanges = live.transport().take();
    assert_eq!(live.transport().dropped(), 0);
    let text = serde_json::to_string(&exchanges).unwrap();
    assert!(!text.contains(CANARY) && !text.contains(SECRET), "a secret is in the recording");

    let read: Vec<Exchange> = serde_json::from_str(&text).unwrap();
    assert_eq!(read, exchanges, "what was written is what is read");
    let replayed = Client::new(Replaying::new(read));
    assert_eq!(story(&replayed).await, told);
    assert_eq!(replayed.transport().left(), 0);
}

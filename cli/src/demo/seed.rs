//! What a demonstration starts with: two people, house rules, and the guests the simulated cluster says are ours.
//! All of it is recorded as demonstration data.

use crate::context::{refused, store_failed};
use crate::failure::Failure;
use crate::passwords;
use domain::account::{self, Account, Role};
use domain::cluster::{self, Cluster, Origin};
use domain::event::Category;
use domain::facts::Facts;
use domain::ids::{CLUSTER, SETTINGS};
use domain::interpretation::GuestKind;
use domain::mark::Mark;
use domain::settings::{self, Limits, Rules, Settings};
use eventstore::{EventLog, Meta, Store, StreamId};
use std::collections::BTreeSet;
use uuid::Uuid;

/// Somebody who can sign in to the demonstration.
pub struct Login {
    pub name: &'static str,
    pub role: Role,
    pub password: String,
}

/// People of the demonstration: ids are fixed, so that starting a kept one again adds nobody.
const PEOPLE: [(&str, Role, Uuid); 2] = [
    ("ada", Role::Admin, Uuid::from_u128(0x6465_6d6f_0000_4000_8000_0000_0000_0001)),
    ("bo", Role::User, Uuid::from_u128(0x6465_6d6f_0000_4000_8000_0000_0000_0002)),
];

/// Rules for the cluster of the facts: its house rules, guests protected by name, numbers from 200.
pub fn rules(facts: &Facts, poll_interval_s: u32) -> Rules {
    Rules {
        vmid_first: 200,
        vmid_last: 999,
        protected: facts
            .guests
            .values()
            .filter(|guest| guest.protected)
            .map(|guest| guest.name.clone())
            .collect(),
        poll_interval_s,
        observe_interval_s: 30,
        drift: Default::default(),
        house: facts.house.clone(),
        limits: Limits::default(),
    }
}

/// Records people, rules, the cluster and its fixture guests, each once. `password` makes one up or finds it again.
pub async fn seed(
    store: &Store,
    facts: &Facts,
    poll_interval_s: u32,
    address: String,
    fingerprint: String,
    mut password: impl FnMut(&str) -> Result<String, Failure>,
) -> Result<Vec<Login>, Failure> {
    let mut logins = Vec::new();
    for (name, role, id) in PEOPLE {
        let password = password(name)?;
        let stream = StreamId::new(Category::Account, id);
        if store.read_stream(stream, 1).await.map_err(store_failed)?.is_empty() {
            let password_hash = passwords::hash(&password).await?;
            let command = account::Command::Register {
                name: name.to_owned(),
                role,
                password_hash,
                by: None,
                demo: true,
            };
            store.handle::<Account>(stream, command, Meta::default(), None).await.map_err(refused)?;
        }
        logins.push(Login { name, role, password });
    }
    let command = settings::Command::SetRules { rules: Box::new(rules(facts, poll_interval_s)), by: None };
    let settings = StreamId::new(Category::Settings, SETTINGS);
    store.handle::<Settings>(settings, command, Meta::default(), None).await.map_err(refused)?;
    let stream = StreamId::new(Category::Cluster, CLUSTER);
    let command = cluster::Command::Register {
        name: facts.cluster.clone(),
        addresses: vec![address],
        fingerprint: Some(fingerprint),
        demo: true,
    };
    store.handle::<Cluster>(stream, command, Meta::default(), None).await.map_err(refused)?;
    // A guest that was destroyed since stays released; the simulated cluster keeps it away too.
    let before = claimed(store, stream).await?;
    for guest in facts.guests.values().filter(|guest| guest.managed && !before.contains(&guest.vmid)) {
        let command = cluster::Command::Claim {
            vmid: guest.vmid,
            name: guest.name.clone(),
            kind: if guest.kind == "vm" { GuestKind::Vm } else { GuestKind::Container },
            mark: fixture_mark(guest.vmid),
            origin: Origin::Fixture {},
        };
        store.handle::<Cluster>(stream, command, Meta::default(), None).await.map_err(refused)?;
    }
    Ok(logins)
}

/// Numbers that were ever claimed, released ones included.
async fn claimed(store: &Store, stream: StreamId) -> Result<BTreeSet<u32>, Failure> {
    let history = store.read_stream(stream, 1).await.map_err(store_failed)?;
    let claims = history.iter().filter_map(|recorded| match eventstore::decode(recorded) {
        Ok(cluster::Event::GuestClaimed { vmid, .. }) => Some(vmid),
        _ => None,
    });
    Ok(claims.collect())
}

/// The mark that the simulator gives a fixture guest: the same derivation on both sides.
fn fixture_mark(vmid: u32) -> Mark {
    Mark(Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("fixture/{vmid}").as_bytes()))
}

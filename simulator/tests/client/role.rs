//! The least role: worked out from every request the client can build and every read it makes, and tried at the
//! simulator, which evaluates rights by its own code.

use crate::lab::{SECRET, TOKEN, https, of_the_examples, patient, quiet};
use crate::requests::examples;
use domain::contract::Contract;
use domain::contract::rights::{self, Held};
use proxmox::transport::Transport;
use proxmox::{Kind, Request};
use simulator::{Grant, PRIVILEGES, Running, Simulator};
use std::collections::{BTreeMap, BTreeSet};

/// What the client and the Agent read. Lists are filtered instead of refused, so these need rights to be of use.
const READS: [&str; 17] = [
    "/version",
    "/nodes",
    "/nodes/pve1/status",
    "/nodes/pve1/network",
    "/nodes/pve1/storage",
    "/nodes/pve1/storage/local/content",
    "/nodes/pve1/tasks",
    "/nodes/pve1/qemu/101/config",
    "/nodes/pve1/qemu/101/pending",
    "/nodes/pve1/qemu/101/status/current",
    "/nodes/pve1/qemu/101/snapshot",
    "/nodes/pve1/lxc/201/config",
    "/cluster/status",
    "/cluster/resources",
    "/cluster/ha/resources",
    "/storage",
    "/pools",
];

/// Rights by which lists are filtered; the calls themselves are open, so the contract does not name them.
const FILTERS: [(&str, &str); 4] = [
    ("VM.Audit", "guests in the lists of nodes and cluster"),
    ("Datastore.Audit", "storages in the lists of nodes and cluster"),
    ("Pool.Audit", "pools and their members"),
    ("SDN.Audit", "networks in the cluster's resources"),
];

/// A privilege with what it is for, and what only root@pam may do.
pub struct Role {
    pub privileges: BTreeMap<String, BTreeSet<String>>,
    pub root_only: Vec<String>,
}

/// Everything that is asked for, with a name.
fn calls() -> Vec<(String, Request)> {
    let reads = READS.iter().map(|path| ((*path).to_owned(), Request::get(*path)));
    let changes = examples().into_iter().map(|example| (example.name, example.request));
    reads.map(|(path, request)| (format!("GET {path}"), request)).chain(changes).collect()
}

fn missing(request: &Request, held: &Held) -> Vec<domain::contract::Missing> {
    let needed = Contract::v8_4().privileges(request.verb.as_str(), &request.path, &request.args).unwrap();
    needed.evaluate(held).err().unwrap_or_default()
}

pub fn role() -> Role {
    let mut role = Role { privileges: BTreeMap::new(), root_only: Vec::new() };
    for (privilege, what) in FILTERS {
        role.privileges.entry(privilege.to_owned()).or_default().insert(what.to_owned());
    }
    let all = calls();
    let wants = || {
        all.iter().flat_map(|(name, request)| {
            missing(request, &Held::default()).into_iter().map(move |one| (name, one))
        })
    };
    role.root_only = wants().filter(|(_, one)| one.is_root_only()).map(|(name, _)| name.clone()).collect();
    // Where one of several would do, it is one that is there already for another call.
    for either in [false, true] {
        for (name, one) in wants().filter(|(_, one)| one.any == either && !one.is_root_only()) {
            let there = one.privs.iter().find(|name| either && role.privileges.contains_key(*name));
            let names: Vec<&str> = there.map_or_else(|| one.least().collect(), |there| vec![there.as_str()]);
            for privilege in names {
                role.privileges.entry(privilege.to_owned()).or_default().insert(name.clone());
            }
        }
    }
    role
}

fn held(privileges: &[String]) -> Held {
    let names: Vec<&str> = privileges.iter().map(String::as_str).collect();
    Held::default().grant("/", &names)
}

async fn with_rights(privileges: &[String]) -> Running {
    let mut config = of_the_examples().with_token(TOKEN, SECRET);
    config.grants.push(Grant { token: TOKEN.into(), path: "/".into(), privileges: privileges.to_vec() });
    Simulator::start(config).await.unwrap()
}

async fn forbidden(sim: &Running, request: &Request) -> bool {
    let outcome = https(sim, patient()).send(request).await;
    quiet(sim).await;
    outcome.is_err_and(|error| matches!(error.kind(), Kind::Forbidden { .. }))
}

#[test]
fn the_role_is_enough_for_everything_and_no_request_is_for_root_alone() {
    let role = role();
    assert_eq!(role.root_only, [""; 0], "what no token may do is not offered");
    let privileges: Vec<String> = role.privileges.keys().cloned().collect();
    assert_eq!(privileges, rights::PRIVILEGES, "the list in the domain is what is needed");
    assert!(privileges.iter().all(|name| PRIVILEGES.contains(&name.as_str())), "{privileges:?}");
    for (name, request) in calls() {
        assert_eq!(missing(&request, &held(&privileges)), [], "{name}");
    }
}

#[tokio::test]
async fn the_simulator_forbids_nothing_to_a_token_with_the_role() {
    let privileges: Vec<String> = role().privileges.keys().cloned().collect();
    let sim = with_rights(&privileges).await;
    let mut wrong = Vec::new();
    for (name, request) in calls() {
        if forbidden(&sim, &request).await {
            wrong.push(name);
        }
        sim.reset();
    }
    assert_eq!(wrong, [""; 0]);
}

#[tokio::test]
async fn each_privilege_taken_away_is_named_before_and_refused_by_the_simulator() {
    let role = role();
    let (mut idle, mut covered) = (Vec::new(), Vec::new());
    for gone in role.privileges.keys().filter(|name| !FILTERS.iter().any(|(filter, _)| filter == *name)) {
        let rest: Vec<String> = role.privileges.keys().filter(|name| *name != gone).cloned().collect();
        let lacking: Vec<_> =
            calls().into_iter().filter(|(_, request)| !missing(request, &held(&rest)).is_empty()).collect();
        if lacking.is_empty() {
            covered.push(gone.as_str());
            continue;
        }
        assert!(
            lacking.iter().any(|(_, request)| {
                missing(request, &held(&rest)).iter().any(|one| one.privs.contains(gone))
            }),
            "{gone} is not named"
        );
        let sim = with_rights(&rest).await;
        let mut refused = false;
        for (_, request) in &lacking {
            refused |= forbidden(&sim, request).await;
            sim.reset();
        }
        if !refused {
            idle.push((gone.clone(), lacking.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>()));
        }
    }
    // Downloads need it from those who leave Sys.Modify out.
    assert_eq!(covered, ["Sys.AccessNetwork"]);
    assert!(idle.is_empty(), "the simulator lets these pass: {idle:?}");
}

//! What the cluster's commands record and refuse.

use super::*;
use crate::account::Role;
use crate::decider::story::given;
use uuid::Uuid;

const BO: Actor = Actor { id: AccountId(Uuid::from_u128(2)), role: Role::User };

fn picture() -> Observation {
    let node = NodeSeen {
        online: true,
        threads: 4,
        memory_mib: 8192,
        address: None,
        bridges: BTreeMap::from([("vmbr0".to_owned(), true)]),
    };
    Observation {
        at: DateTime::UNIX_EPOCH,
        cluster: String::new(),
        pve_version: "8.4.1".into(),
        quorate: true,
        nodes: BTreeMap::from([("pve1".to_owned(), node)]),
        storages: BTreeMap::new(),
        guests: BTreeMap::new(),
        around: Surroundings::default(),
    }
}

fn observed() -> Event {
    Event::Observed { at: DateTime::UNIX_EPOCH, pve_version: "8.4.1".into(), quorate: true, reads: vec![] }
}

#[test]
fn only_differences_are_recorded() {
    let node = picture().nodes.remove("pve1").unwrap();
    given::<Cluster>([Event::NodeObserved { name: "pve1".into(), node }, observed()])
        .when(Command::Observe { seen: Box::new(picture()), gone: vec![], reads: vec![] })
        .then([observed()]);
}

#[test]
fn a_number_claimed_under_one_mark_is_not_claimed_under_another() {
    let claim = |mark| Event::GuestClaimed {
        vmid: 200,
        name: "a".into(),
        kind: GuestKind::Vm,
        mark: Mark(Uuid::from_u128(mark)),
        origin: Origin::Fixture {},
    };
    given::<Cluster>([claim(1)])
        .when(Command::Claim {
            vmid: 200,
            name: "a".into(),
            kind: GuestKind::Vm,
            mark: Mark(Uuid::from_u128(2)),
            origin: Origin::Fixture {},
        })
        .then_refused(Refusal::ClaimedOtherwise(200));
}

#[test]
fn a_user_does_not_freeze() {
    given::<Cluster>([])
        .when(Command::Freeze { by: Some(BO), reason: "storm".into() })
        .then_refused(Refusal::AdminOnly);
}

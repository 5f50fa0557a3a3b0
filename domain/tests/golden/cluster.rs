//! Samples of the facts about the cluster.

use crate::{BY, every, plan};
use domain::cluster::{Event, Origin, Read};
use domain::drift::{Drift, LeftAlone};
use domain::ids::RunId;
use domain::interpretation::GuestKind;
use domain::observation::{GuestSeen, NodeSeen, StorageSeen};
use domain::surroundings::{BackupJobSeen, BackupKey, BackupSeen, HaSeen, PoolSeen, Surroundings};
use std::collections::BTreeMap;
use uuid::Uuid;

pub fn samples() -> Vec<Event> {
    let registered = |fingerprint, demo| Event::Registered {
        name: "lab".into(),
        addresses: vec!["10.0.20.11:8006".into()],
        fingerprint,
        demo,
    };
    let observed =
        |quorate, reads| Event::Observed { at: crate::at(), pve_version: "8.4.1".into(), quorate, reads };
    let claimed =
        |kind, origin| Event::GuestClaimed { vmid: 200, name: "web".into(), kind, mark: plan::MARK, origin };
    let made = Origin::Made { declaration: plan::DECLARATION, run: RunId(Uuid::from_u128(0xc)) };
    let adopted = Origin::Adopted { declaration: plan::DECLARATION, run: RunId(Uuid::from_u128(0xc)) };
    let node = |name: &str, node| Event::NodeObserved { name: name.into(), node };
    let storage = |id: &str, storage| Event::StorageObserved { id: id.into(), storage };
    let mut samples = vec![
        registered(None, true),
        registered(Some("AA:BB:CC".into()), false),
        node("pve1", online()),
        node("pve2", NodeSeen { online: false, address: None, bridges: BTreeMap::new(), ..online() }),
        storage("tank-nfs", shared()),
        storage("local", local()),
        Event::StorageGone { id: "old-nfs".into() },
        Event::GuestGone { vmid: 200 },
        observed(true, vec![Read { path: "/cluster/resources".into(), status: 200, ms: 14 }]),
        observed(false, vec![]),
        Event::ObservationFailed { why: "pve1 gave no answer".into(), advice: "Is it powered on?".into() },
        claimed(GuestKind::Vm, made),
        claimed(GuestKind::Container, Origin::Fixture {}),
        claimed(GuestKind::Vm, adopted),
        Event::SurroundingsObserved { around: Box::new(surroundings()) },
        Event::SurroundingsObserved { around: Box::default() },
        Event::GuestReleased { vmid: 200, mark: plan::MARK },
        Event::WritesFrozen { by: Some(BY), reason: "storm".into() },
        Event::WritesFrozen { by: None, reason: "storm".into() },
        Event::WritesThawed { by: Some(BY) },
        Event::WritesThawed { by: None },
        Event::DriftSeen { drift: Box::new(drift(Some(200), Some("root@pam".into()))) },
        Event::DriftSeen { drift: Box::new(drift(None, None)) },
        Event::DriftSettled {
            subject: "guest/200".into(),
            field: "memory".into(),
            how: "it is as declared again".into(),
        },
        left_alone(None),
        left_alone(Some(crate::at())),
        Event::DriftUnjudged { subjects: BTreeMap::new() },
        Event::DriftUnjudged {
            subjects: BTreeMap::from([("guest/200".into(), "node pve1 does not answer".into())]),
        },
        Event::PutBackProposed {
            subject: "guest/200".into(),
            digest: plan::empty().digest(),
            plan: plan::empty(),
        },
        put_back(None),
        put_back(Some(BY)),
    ];
    let guests = every().into_iter().flat_map(|kind| [guest(kind), bare(kind)]);
    samples.extend(guests.map(|guest| Event::GuestObserved { guest: Box::new(guest) }));
    samples
}

fn drift(vmid: Option<u32>, by: Option<String>) -> Drift {
    Drift {
        subject: vmid.map_or("storage/tank".into(), |vmid| format!("guest/{vmid}")),
        name: "web".into(),
        vmid,
        field: "memory".into(),
        declared: "4 GiB".into(),
        observed: "8 GiB".into(),
        since: crate::at(),
        task: by.as_ref().map(|_| "UPID:pve1:000A1B2C:00D3E4F5:6743D1A0:qmconfig:200:root@pam:".to_owned()),
        declaration: by.as_ref().map(|_| plan::DECLARATION),
        by,
    }
}

fn left_alone(until: Option<chrono::DateTime<chrono::Utc>>) -> Event {
    let left = LeftAlone { by: BY, why: "a test".into(), until, observed: "8 GiB".into() };
    Event::DriftLeftAlone { subject: "guest/200".into(), field: "memory".into(), left }
}

fn put_back(by: Option<domain::ids::AccountId>) -> Event {
    let (digest, run) = (plan::empty().digest(), RunId(Uuid::from_u128(0xc)));
    Event::PutBackApproved { subject: "guest/200".into(), digest, run, by }
}

pub fn job() -> BackupJobSeen {
    BackupJobSeen {
        guests: vec![200],
        storage: Some("tank-nfs".into()),
        schedule: Some("02:30".into()),
        mode: Some("snapshot".into()),
        keep_last: Some(7),
        enabled: true,
        wide: false,
    }
}

fn surroundings() -> Surroundings {
    let pool = PoolSeen { guests: [200].into(), storages: ["local".to_owned()].into() };
    let backup = BackupSeen {
        vmid: 200,
        storage: "tank-nfs".into(),
        volume: "tank-nfs:backup/vzdump-qemu-200.vma.zst".into(),
    };
    let ha = |group: Option<&str>| HaSeen { state: "started".into(), group: group.map(str::to_owned) };
    Surroundings {
        pools: Some([("lab".to_owned(), pool)].into()),
        ha: Some([("vm:200".to_owned(), ha(None)), ("ct:201".to_owned(), ha(Some("rack")))].into()),
        backup_jobs: Some(
            [
                ("nightly".to_owned(), job()),
                ("all".to_owned(), BackupJobSeen { wide: true, ..Default::default() }),
            ]
            .into(),
        ),
        backups: [(BackupKey(Uuid::from_u128(0xb)), backup)].into(),
        rights: Some(domain::contract::Permissions::default().grant("/vms", &["VM.Audit"])),
        token: Some("mycopod@pve!agent".into()),
    }
}

fn online() -> NodeSeen {
    NodeSeen {
        online: true,
        threads: 8,
        memory_mib: 32_768,
        address: Some("10.0.20.11".into()),
        bridges: BTreeMap::from([("vmbr0".into(), true), ("vmbr1".into(), false)]),
    }
}

fn shared() -> StorageSeen {
    StorageSeen {
        kind: "nfs".into(),
        shared: true,
        content: vec!["images".into(), "iso".into()],
        nodes: vec!["pve1".into(), "pve2".into()],
        server: Some("10.0.20.5".into()),
        export: Some("/tank".into()),
        free_gib: BTreeMap::from([("pve1".into(), 900), ("pve2".into(), 900)]),
        files: BTreeMap::from([("pve1".into(), vec!["tank-nfs:iso/debian.iso".into()])]),
    }
}

fn local() -> StorageSeen {
    StorageSeen {
        kind: "dir".into(),
        shared: false,
        content: vec![],
        nodes: vec![],
        server: None,
        export: None,
        free_gib: BTreeMap::new(),
        files: BTreeMap::new(),
    }
}

fn guest(kind: GuestKind) -> GuestSeen {
    GuestSeen {
        vmid: 200,
        kind,
        name: "web".into(),
        node: "pve1".into(),
        running: true,
        template: false,
        lock: Some("backup".into()),
        pool: Some("lab".into()),
        config: BTreeMap::from([
            ("cores".into(), "4".into()),
            ("description".into(), plan::MARK.describe(None)),
        ]),
        pending: vec!["memory".into()],
        digest: "6b4c".into(),
        snapshots: vec!["before".into()],
    }
}

fn bare(kind: GuestKind) -> GuestSeen {
    GuestSeen {
        running: false,
        template: true,
        lock: None,
        pool: None,
        config: BTreeMap::new(),
        pending: vec![],
        snapshots: vec![],
        ..guest(kind)
    }
}

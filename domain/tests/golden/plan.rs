//! One plan with everything a plan can hold, and one with nothing.

use domain::canonical::Digest;
use domain::ids::DeclarationId;
use domain::interpretation::{GuestKind, Interpretation, Kind, Label, Span};
use domain::mark::Mark;
use domain::plan::*;
use std::collections::BTreeMap;
use uuid::Uuid;

pub const VM: GuestKind = GuestKind::Vm;
pub const MARK: Mark = Mark(Uuid::from_u128(0x200));
pub const DECLARATION: DeclarationId = DeclarationId(Uuid::from_u128(0xd));

pub fn digest(of: &str) -> Digest {
    Digest::of_bytes(of.as_bytes())
}

pub fn interpreter() -> InterpreterIdentity {
    InterpreterIdentity { provider: "scripted".into(), model: "grammar".into(), version: "1".into() }
}

pub fn empty() -> Box<Plan> {
    let at = crate::at();
    Box::new(Plan {
        format: 1,
        declaration: DECLARATION,
        number: 1,
        made_at: at,
        text: digest("A VM called web."),
        desired: Interpretation::empty(Kind::Desired),
        interpreter: interpreter(),
        base: Base { observed_at: at, pve_version: "8.4.1".into(), fingerprint: digest("seen") },
        contract: "8.4.1".into(),
        policy: digest("rules"),
        steps: vec![],
        hazards: vec![],
        notes: vec![],
        rights: Rights::default(),
        rehearsal: None,
    })
}

pub fn full() -> Box<Plan> {
    let mut plan = empty();
    plan.number = 2;
    plan.desired = crate::interpretation::full();
    let verbs = [StepVerb::Create, StepVerb::Change, StepVerb::Destroy, StepVerb::AlreadySo];
    let effects = [Effect::None, Effect::RestartNeeded, Effect::Interrupts, Effect::Destroys];
    plan.steps =
        verbs.into_iter().zip(effects).zip(1..).map(|((verb, effect), no)| step(no, verb, effect)).collect();
    let kinds =
        crate::every::<HazardKind>().into_iter().zip([(Some("web"), Some(3)), (None, Some(2)), (None, None)]);
    plan.rights = rights();
    plan.rehearsal = Some(rehearsal());
    plan.hazards = kinds
        .map(|(kind, (confirm, step))| Hazard {
            kind,
            text: "look twice".into(),
            confirm: confirm.map(Into::into),
            step,
        })
        .collect();
    plan.notes = crate::every::<NoteKind>()
        .into_iter()
        .flat_map(|kind| {
            [None, Some(Span::new(0, 4))].map(|span| Note { kind, text: "so it is".into(), span })
        })
        .collect();
    plan
}

fn rights() -> Rights {
    let missing = |any| domain::contract::Missing {
        path: "/vms/200".into(),
        privs: vec!["VM.Migrate".into(), "VM.Audit".into()],
        any,
    };
    Rights {
        missing: vec![missing(false), missing(true)],
        commands: vec!["pveum role modify MycoPod".into()],
    }
}

fn rehearsal() -> Rehearsal {
    use domain::plan::rehearsal::{Blink, GuestAfter, NodeAfter, Quorum, StorageAfter};
    let store = |node: Option<&str>| StorageAfter {
        id: "local".into(),
        node: node.map(str::to_owned),
        free_before_gib: 100,
        free_after_gib: 80,
    };
    let guest = |storage: Option<&str>| GuestAfter {
        vmid: 200,
        name: "web".into(),
        node: "pve1".into(),
        running: storage.is_some(),
        cores: 2,
        memory_mib: 4096,
        disk_gib: 20,
        storage: storage.map(str::to_owned),
    };
    Rehearsal {
        nodes: vec![NodeAfter {
            name: "pve1".into(),
            memory_mib: 32_768,
            promised_before_mib: 8192,
            promised_after_mib: 12_288,
            running: 3,
        }],
        storages: vec![store(Some("pve1")), store(None)],
        guests: vec![guest(Some("local")), guest(None)],
        gone: vec![110],
        blinks: vec![Blink { guest: "web".into(), step: 2, why: "Shut down VM web (200).".into() }],
        quorum: Quorum { online: 3, nodes: 3, needed: 2 },
    }
}

fn step(no: u32, verb: StepVerb, effect: Effect) -> Step {
    let create = verb == StepVerb::Create;
    let reverse = match create {
        true => Reverse::Calls {
            sentence: "Remove VM web (200).".into(),
            loses_data: true,
            calls: vec![call(
                Verb::Delete,
                Condition::GuestGone { vmid: 200, kind: VM, node: "pve1".into() },
            )],
        },
        false => Reverse::None { why: "what is gone is gone".into() },
    };
    Step {
        no,
        verb,
        subject: Subject {
            noun: if create { "VM" } else { "storage" }.into(),
            name: "web".into(),
            vmid: create.then_some(200),
            node: create.then(|| "pve1".into()),
        },
        sentence: "Make VM web (200) on pve1.".into(),
        phrases: vec![Span::new(0, 4)],
        after: (1..no).collect(),
        lane: "guest 200".into(),
        effect,
        time: if create { TimeClass::Minutes } else { TimeClass::Seconds },
        changes: if create { changes() } else { vec![] },
        calls: if create { calls() } else { vec![] },
        reverse,
    }
}

fn changes() -> Vec<FieldChange> {
    let planner = Origin::Planner { why: "the node with the most free memory".into() };
    let origins = crate::interpretation::labels().into_iter().map(|label| Origin::Label { label });
    let values = [(None, Some("2")), (Some("2"), Some("4")), (Some("4"), None)].into_iter().cycle();
    origins
        .chain([planner])
        .zip(values)
        .map(|(origin, (before, after))| FieldChange {
            field: "cores".into(),
            before: before.map(Into::into),
            after: after.map(Into::into),
            origin,
        })
        .collect()
}

fn calls() -> Vec<Call> {
    let (vmid, kind, node) = (200, VM, || "pve1".to_owned());
    let values = BTreeMap::from([
        ("name".to_owned(), Expected::Equal("web".into())),
        ("cores".to_owned(), Expected::Number(4)),
        ("tags".to_owned(), Expected::Tags(vec!["mycopod".into()])),
        ("net0".to_owned(), Expected::Options(BTreeMap::from([("bridge".into(), "vmbr0".into())]))),
        ("ide2".to_owned(), Expected::Present),
        ("lock".to_owned(), Expected::Absent),
    ]);
    let storage = Condition::StorageIs {
        id: "tank-nfs".into(),
        kind: "nfs".into(),
        server: "10.0.20.5".into(),
        export: "/tank".into(),
        content: vec!["images".into()],
        nodes: vec![node()],
    };
    vec![
        call(Verb::Post, Condition::GuestExists { vmid, kind, node: node(), mark: MARK }),
        call(Verb::Put, Condition::ConfigHas { vmid, kind, node: node(), values }),
        call(
            Verb::Put,
            Condition::DiskAtLeast { vmid, kind, node: node(), disk: "scsi0".into(), size_gib: 32 },
        ),
        call(Verb::Post, Condition::PowerIs { vmid, kind, node: node(), running: true }),
        call(Verb::Get, storage),
        call(Verb::Delete, Condition::StorageGone { id: "old-nfs".into() }),
    ]
    .into_iter()
    .chain(around(vmid, kind).into_iter().map(|when| call(Verb::Post, when)))
    .collect()
}

fn around(vmid: u32, kind: GuestKind) -> Vec<Condition> {
    let (node, lab, sid) = (|| "pve1".to_owned(), || "lab".to_owned(), || "vm:200".to_owned());
    vec![
        Condition::GuestAdopted { vmid, kind, node: node(), mark: MARK },
        Condition::GuestOn { vmid, kind, from: node(), node: "pve2".into() },
        Condition::DiskOn { vmid, kind, node: node(), disk: "scsi0".into(), storage: "local".into() },
        Condition::SnapshotIs { vmid, kind, node: node(), name: "before".into(), present: true },
        Condition::TaskDone { vmid, node: node(), task: "qmrollback".into(), since: 1_760_000_000 },
        Condition::PoolExists { id: lab() },
        Condition::PoolHas { id: lab(), vmid, member: false },
        Condition::PoolGone { id: lab() },
        Condition::HaIs { sid: sid(), state: "started".into() },
        Condition::HaGone { sid: sid() },
        Condition::BackupJobIs { id: lab(), job: crate::cluster::job() },
        Condition::BackupJobGone { id: lab() },
        Condition::BackupMade {
            vmid,
            node: node(),
            storage: "tank-nfs".into(),
            key: domain::surroundings::BackupKey(Uuid::from_u128(0xb)),
        },
    ]
}

fn call(verb: Verb, done_when: Condition) -> Call {
    let (vmid, node) = (200, || "pve1".to_owned());
    let is = |kind, stamp| Guard::GuestIs { vmid, kind, node: node(), name: "web".into(), mark: MARK, stamp };
    Call {
        verb,
        path: "/nodes/pve1/qemu/200/config".into(),
        args: BTreeMap::from([("cores".into(), "4".into())]),
        purpose: "set".into(),
        done_when,
        guards: vec![
            is(VM, Some("4d1f".into())),
            is(GuestKind::Container, None),
            Guard::VmidFree { vmid, kind: VM, node: node() },
            Guard::StorageFree { id: "tank-nfs".into() },
            Guard::GuestUnmarked { vmid, kind: VM, node: node(), name: "web".into(), stamp: None },
            Guard::HoldsOnly {
                vmid,
                kind: VM,
                node: node(),
                volumes: vec!["local:vm-200-disk-0".into()],
                snapshots: vec!["before".into()],
            },
            Guard::AsSeen { vmid, kind: VM, node: node(), digest: "6b4c".into(), running: true },
            Guard::BackupJobFree { id: "nightly".into() },
        ],
    }
}

/// What a person said, as every label there is.
pub fn said() -> Label {
    Label::Said { quote: Some("web".into()), span: Some(Span::new(12, 15)) }
}

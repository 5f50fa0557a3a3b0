//! One story from first account to finished run, as events: the facts most tests start from.

use chrono::{DateTime, TimeDelta, Utc};
use domain::canonical::Digest;
use domain::declaration::{self, Stage};
use domain::event::{AnyEvent, Category};
use domain::ids::{AccountId, CLUSTER, DeclarationId, REPOSITORY, RunId, SETTINGS};
use domain::interpretation::{GuestKind, Interpretation, Kind};
use domain::mark::Mark;
use domain::observation::GuestSeen;
use domain::plan::{
    Base, Call, Condition, Effect, InterpreterIdentity, Plan, Reverse, Rights, Step, StepVerb, Subject,
    TimeClass, Verb,
};
use domain::run::{self, CallNo, TaskEnd};
use domain::{account, cluster, repository, settings};
use projections::fold::Known;
use std::collections::BTreeMap;
use uuid::Uuid;

pub const ADA: AccountId = AccountId(Uuid::from_u128(0xada));
pub const BO: AccountId = AccountId(Uuid::from_u128(0xb0));
pub const FIRST: DeclarationId = DeclarationId(Uuid::from_u128(0xd1));
pub const SECOND: DeclarationId = DeclarationId(Uuid::from_u128(0xd2));
pub const RUN: RunId = RunId(Uuid::from_u128(0x41));
pub const MARK: Mark = Mark(Uuid::from_u128(0x3a));
pub const HASH: &str = "$argon2id$v=19$the-hash-of-ada";
pub const TEXT: &str = "A Debian VM called scratch.";

/// An event with the stream it belongs to.
pub type Fact = (Category, Uuid, AnyEvent);

pub fn at(position: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(position)
}

/// Facts as projections see them: positions from 1, a second apart.
pub fn known(facts: &[Fact]) -> Vec<Known> {
    let mut versions = BTreeMap::new();
    let known = facts.iter().zip(1..).map(|((category, id, event), position)| {
        let version = versions.entry(*id).and_modify(|version| *version += 1).or_insert(1);
        let json = serde_json::to_value(event).unwrap();
        let tag = json["type"].as_str().unwrap().to_owned();
        let (category, id, event) = (*category, *id, Some(event.clone()));
        let (at, version) = (at(position), *version);
        Known { position, at, category, id, version, tag, actor: None, correlation: None, event }
    });
    known.collect()
}

pub fn declared(id: DeclarationId, event: declaration::Event) -> Fact {
    (Category::Declaration, id.0, AnyEvent::Declaration(event))
}

pub fn ran(event: run::Event) -> Fact {
    (Category::Run, RUN.0, AnyEvent::Run(event))
}

pub fn seen(event: cluster::Event) -> Fact {
    (Category::Cluster, CLUSTER, AnyEvent::Cluster(event))
}

pub fn person(id: AccountId, event: account::Event) -> Fact {
    (Category::Account, id.0, AnyEvent::Account(event))
}

pub fn set(event: settings::Event) -> Fact {
    (Category::Settings, SETTINGS, AnyEvent::Settings(event))
}

pub fn pushed(event: repository::Event) -> Fact {
    (Category::Repository, REPOSITORY, AnyEvent::Repository(event))
}

pub fn drafted(id: DeclarationId, title: &str, text: &str) -> Fact {
    declared(
        id,
        declaration::Event::Drafted { author: BO, title: title.into(), text: text.into(), follows: None },
    )
}

pub fn revised(title: &str, text: &str) -> declaration::Event {
    declaration::Event::Revised { by: BO, title: title.into(), text: text.into() }
}

pub fn registered(id: AccountId, name: &str, role: account::Role) -> Fact {
    let event =
        account::Event::Registered { name: name.into(), role, password_hash: HASH.into(), demo: false };
    person(id, event)
}

fn scripted() -> InterpreterIdentity {
    InterpreterIdentity { provider: "scripted".into(), model: "grammar".into(), version: "1".into() }
}

fn step(no: u32, verb: StepVerb, calls: &[&str]) -> Step {
    let call = |purpose: &&str| Call {
        verb: Verb::Post,
        path: format!("/nodes/pve1/qemu/200/{purpose}"),
        args: BTreeMap::from([("newid".to_owned(), "200".to_owned())]),
        purpose: (*purpose).to_owned(),
        done_when: Condition::GuestExists { vmid: 200, kind: GuestKind::Vm, node: "pve1".into(), mark: MARK },
        guards: vec![],
    };
    Step {
        no,
        verb,
        subject: Subject {
            noun: "VM".into(),
            name: "scratch".into(),
            vmid: Some(200),
            node: Some("pve1".into()),
        },
        sentence: format!("Step {no} of VM scratch (200)."),
        phrases: vec![],
        after: vec![],
        lane: "guest 200".into(),
        effect: Effect::None,
        time: TimeClass::Seconds,
        changes: vec![],
        calls: calls.iter().map(call).collect(),
        reverse: Reverse::None { why: "a test".into() },
    }
}

/// A plan with two calls in its first step and one in its second.
pub fn plan(number: u32) -> Plan {
    Plan {
        format: 1,
        declaration: FIRST,
        number,
        made_at: at(0),
        text: Digest::of_bytes(TEXT.as_bytes()),
        desired: Interpretation::empty(Kind::Desired),
        interpreter: scripted(),
        base: Base {
            observed_at: at(0),
            pve_version: "8.4.1".into(),
            fingerprint: Digest::of_bytes(b"seen"),
        },
        contract: "8.4.1".into(),
        policy: Digest::of_bytes(b"rules"),
        steps: vec![step(1, StepVerb::Create, &["clone", "config"]), step(2, StepVerb::Change, &["start"])],
        hazards: vec![],
        notes: vec![],
        rights: Rights::default(),
        rehearsal: None,
    }
}

fn preview(no: u32, number: u32) -> Vec<Fact> {
    use declaration::Event as D;
    let desired = Box::new(Interpretation::empty(Kind::Desired));
    let read = D::Interpreted { preview: no, interpreter: scripted(), interpretation: desired, took_ms: 7 };
    let plan = Box::new(plan(number));
    let mut events = vec![D::PreviewRequested { by: BO, preview: no }];
    events.extend(Stage::ALL.map(|stage| D::PreviewAdvanced { preview: no, stage }));
    events.extend([read, D::PlanProposed { preview: no, digest: plan.digest(), plan }]);
    events.into_iter().map(|event| declared(FIRST, event)).collect()
}

/// Everything that happens in the first step: a failed call, a retry, a task, and a call that was not needed.
fn first_step() -> Vec<run::Event> {
    use run::Event as R;
    let clone = CallNo { step: 0, call: 0 };
    let config = CallNo { step: 0, call: 1 };
    let upid = "UPID:pve1:0001:0002:0003:qmclone:9000:root@pam:".to_owned();
    vec![
        R::CallIssued { at: clone, attempt: 1, request: "POST clone".into() },
        R::CallFailed {
            at: clone,
            attempt: 1,
            status: Some(500),
            message: "can't lock file".into(),
            transient: true,
            advice: "It is tried again.".into(),
            ms: 12,
        },
        R::RetryScheduled {
            at: clone,
            attempt: 2,
            wait_ms: 1_000,
            not_before: at(99),
            cause: "a lock".into(),
        },
        R::CallIssued { at: clone, attempt: 2, request: "POST clone".into() },
        R::CallAnswered {
            at: clone,
            attempt: 2,
            status: 200,
            reason: "OK".into(),
            answer: format!("{{\"data\":\"{upid}\"}}"),
            ms: 40,
        },
        R::TaskStarted { at: clone, upid: upid.clone() },
        R::TaskProgressed {
            at: clone,
            upid: upid.clone(),
            from_line: 0,
            lines: (0..150).map(|n| format!("line {n}")).collect(),
        },
        R::TaskProgressed {
            at: clone,
            upid: upid.clone(),
            from_line: 150,
            lines: (150..230).map(|n| format!("line {n}")).collect(),
        },
        R::TaskEnded { at: clone, upid, end: TaskEnd::Ok {}, transient: false, advice: String::new() },
        R::CallSettled { at: clone, done: true, how: "the guest is there".into() },
        R::CallSatisfied { at: config },
        R::StepSucceeded { step: 0 },
    ]
}

pub fn guest(running: bool) -> GuestSeen {
    GuestSeen {
        vmid: 200,
        kind: GuestKind::Vm,
        name: "scratch".into(),
        node: "pve1".into(),
        running,
        template: false,
        lock: None,
        pool: None,
        config: BTreeMap::from([("memory".to_owned(), "4096".to_owned())]),
        pending: vec![],
        digest: "d".into(),
        snapshots: vec![],
    }
}

/// Accounts, a cluster, a declaration with two plans of which the second is approved, committed and carried out with
/// one retry, and a second draft.
pub fn whole() -> Vec<Fact> {
    use account::{Event as A, Role};
    use cluster::Event as C;
    use declaration::Event as D;
    use run::Event as R;
    let digest = plan(2).digest();
    let mut facts = vec![
        registered(ADA, "Ada", Role::Admin),
        registered(BO, "Bo", Role::User),
        person(BO, A::SignInFailed {}),
        person(BO, A::SignedIn {}),
        person(ADA, A::SignInFailed {}),
        seen(C::Registered {
            name: "lab".into(),
            addresses: vec!["pve1".into()],
            fingerprint: None,
            demo: true,
        }),
        set(settings::Event::CredentialStored {
            name: "proxmox".into(),
            fingerprint: "ab12".into(),
            by: Some(ADA),
        }),
        drafted(FIRST, "Scratch", TEXT),
    ];
    facts.extend(preview(1, 1));
    facts.push(declared(FIRST, D::Commented { by: ADA, text: "Why?".into() }));
    facts.extend(preview(2, 2));
    facts.extend([
        declared(FIRST, D::ApprovalRequested { by: BO, plan: digest.clone() }),
        drafted(SECOND, "Other", "Another one."),
        declared(FIRST, D::PlanApproved { by: ADA, plan: digest.clone(), confirmed: vec![], alone: false }),
        declared(FIRST, D::CommitRequested { by: ADA, plan: digest.clone() }),
        declared(
            FIRST,
            D::DeclarationCommitted {
                plan: digest.clone(),
                commit: "c0ffee0123456789".into(),
                branch: "main".into(),
            },
        ),
        pushed(repository::Event::CommitSeen {
            commit: "c0ffee0123456789".into(),
            author: "MycoPod".into(),
            subject: "Scratch".into(),
            declaration: Some(FIRST),
            plan: Some(digest.clone()),
        }),
        ran(R::RunStarted {
            declaration: FIRST,
            digest,
            commit: "c0ffee0123456789".into(),
            plan: Box::new(plan(2)),
            cause: Default::default(),
        }),
    ]);
    facts.extend(first_step().into_iter().map(ran));
    facts.extend([
        seen(C::GuestObserved { guest: Box::new(guest(false)) }),
        ran(R::CallSatisfied { at: CallNo { step: 1, call: 0 } }),
        ran(R::StepSatisfied { step: 1 }),
        ran(R::RunCompleted { done: 1, already: 1, skipped: 0 }),
        seen(C::WritesFrozen { by: Some(ADA), reason: "a storm".into() }),
        pushed(repository::Event::PollFailed { why: "no route".into() }),
        pushed(repository::Event::RefreshRequested { by: ADA }),
    ]);
    facts
}

//! Every page with believable content. `say` passes each text that came from outside: the tests replace it by a
//! hostile one, the example leaves it as it is.

use chrono::{DateTime, TimeDelta, Utc};
use domain::account::Role;
use domain::canonical::Digest;
use domain::contract::Missing;
use domain::declaration::{Failure, Stage, Status};
use domain::ids::DeclarationId;
use domain::interpretation::difference::Difference;
use domain::interpretation::{
    Interpretation, Kind as Meaning, Label, Question, QuestionAbout, RefusalReason, Span,
};
use domain::mark::Mark;
use domain::plan::rehearsal::{Blink, GuestAfter, NodeAfter, Quorum, Score, StorageAfter, Wrong};
use domain::plan::{
    Base, Call, Condition, Effect, FieldChange, Hazard, HazardKind, InterpreterIdentity, Note, NoteKind,
    Origin, Plan, Rehearsal, Reverse, Rights, Step, StepVerb, Subject, TimeClass, Verb,
};
use uuid::Uuid;
use web::Template;
use web::frame::{Banner, Dot, Frame, Me, Refresh, Section};
use web::pages::*;
use web::parts::{Ago, Badge, Bar, Copy, From, Kind, Message, Moment};
use web::views;

pub type Say<'a> = &'a dyn Fn(&str) -> String;

pub const TEXT: &str = "Three Ubuntu VMs for Kubernetes, named k8s-1 to k8s-3, with 4 cores and 8 GiB each.\n\nGive web-old 4 cores. Destroy the container scratch; nobody needs it any more.\nMake it nice.";

pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_777_816_951, 0).unwrap_or_default()
}

fn before(seconds: i64) -> Ago {
    Ago { at: now() - TimeDelta::seconds(seconds), now: now() }
}

fn frame(title: &str, here: Section, role: Role, say: Say) -> Frame {
    let mut f = Frame::new(title, here, now());
    f.me = Some(Me { name: say(if role == Role::Admin { "ada" } else { "bo" }), role });
    f.csrf = "token".into();
    f.approvals = 2;
    f.position = 8_412;
    f.dots = vec![
        Dot { kind: Kind::Good, text: "Proxmox ok".into() },
        Dot { kind: Kind::Good, text: "Repository ok".into() },
        Dot { kind: Kind::Good, text: "Agent ok".into() },
    ];
    f.banner =
        Some(Banner { kind: Kind::Calm, text: say("Demonstration: nothing here is real."), link: None });
    f.seed = Uuid::from_u128(9);
    f
}

fn span(words: &str) -> Span {
    let start = TEXT.find(words).unwrap_or_default();
    Span::new(start, start + words.len())
}

fn said(words: &str) -> Origin {
    Origin::Label { label: Label::Said { quote: None, span: Some(span(words)) } }
}

fn call(verb: Verb, path: &str, args: &[(&str, &str)], purpose: &str, say: Say) -> Call {
    Call {
        verb,
        path: say(path),
        args: args.iter().map(|(key, value)| ((*key).to_owned(), say(value))).collect(),
        purpose: say(purpose),
        done_when: Condition::StorageGone { id: "x".into() },
        guards: vec![],
    }
}

fn field(field: &str, before: Option<&str>, after: Option<&str>, origin: Origin, say: Say) -> FieldChange {
    FieldChange { field: say(field), before: before.map(say), after: after.map(say), origin }
}

pub fn plan(say: Say) -> Plan {
    let mut steps = Vec::new();
    for n in 1..=3u32 {
        let vmid = 200 + n;
        steps.push(Step {
            no: n,
            verb: StepVerb::Create,
            subject: Subject { noun: "VM".into(), name: say(&format!("k8s-{n}")), vmid: Some(vmid), node: Some(format!("pve{n}")) },
            sentence: say(&format!("Clones template ubuntu-24.04 (9000) to VM k8s-{n} ({vmid}) on pve{n}, sets 4 cores and 8 GiB of memory, and starts it.")),
            phrases: vec![span("Three Ubuntu VMs for Kubernetes"), span("named k8s-1 to k8s-3")],
            after: if n > 1 { vec![n - 1] } else { vec![] },
            lane: "template 9000".into(),
            effect: Effect::None,
            time: TimeClass::Minutes,
            changes: vec![
                field("cores", None, Some("4"), said("4 cores"), say),
                field("memory", None, Some("8 GiB"), said("8 GiB each"), say),
                field("disk", None, Some("32 GiB"), Origin::Label { label: Label::Default { rule: "/defaults/vm/disk_gib".into() } }, say),
                field("node", None, Some(&format!("pve{n}")), Origin::Planner { why: "most memory left".into() }, say),
                field("template", None, Some("ubuntu-24.04 (9000)"), Origin::Label { label: Label::Observed { fact: "/images/vm/ubuntu-24.04".into() } }, say),
            ],
            calls: vec![
                call(Verb::Post, "/nodes/pve1/qemu/9000/clone", &[("newid", &vmid.to_string()), ("name", &format!("k8s-{n}")), ("full", "1"), ("target", &format!("pve{n}"))], "copy the template", say),
                call(Verb::Put, &format!("/nodes/pve{n}/qemu/{vmid}/config"), &[("cores", "4"), ("memory", "8192"), ("cipassword", "hunter2"), ("tags", "mycopod")], "set cores, memory and address", say),
                call(Verb::Post, &format!("/nodes/pve{n}/qemu/{vmid}/status/start"), &[], "start it", say),
            ],
            reverse: Reverse::Calls {
                sentence: say(&format!("Stops and removes VM k8s-{n} ({vmid}).")),
                loses_data: true,
                calls: vec![call(Verb::Delete, &format!("/nodes/pve{n}/qemu/{vmid}"), &[("purge", "1")], "remove it", say)],
            },
        });
    }
    steps.push(Step {
        no: 4,
        verb: StepVerb::Change,
        subject: Subject {
            noun: "VM".into(),
            name: say("web-old"),
            vmid: Some(110),
            node: Some("pve1".into()),
        },
        sentence: say("Changes cores of VM web-old (110) from 2 to 4. It takes effect at the next start."),
        phrases: vec![span("Give web-old 4 cores")],
        after: vec![],
        lane: "guest 110".into(),
        effect: Effect::RestartNeeded,
        time: TimeClass::Seconds,
        changes: vec![
            field("cores", Some("2"), Some("4"), said("Give web-old 4 cores"), say),
            field(
                "memory",
                Some("4 GiB"),
                Some("4 GiB"),
                Origin::Planner { why: "not asked for".into() },
                say,
            ),
        ],
        calls: vec![call(Verb::Put, "/nodes/pve1/qemu/110/config", &[("cores", "4")], "set the cores", say)],
        reverse: Reverse::Calls {
            sentence: say("Sets cores of VM web-old (110) back to 2."),
            loses_data: false,
            calls: vec![],
        },
    });
    steps.push(Step {
        no: 5,
        verb: StepVerb::Destroy,
        subject: Subject {
            noun: "container".into(),
            name: say("scratch"),
            vmid: Some(131),
            node: Some("pve2".into()),
        },
        sentence: say("Stops container scratch (131) and removes it with its disk."),
        phrases: vec![span("Destroy the container scratch")],
        after: vec![],
        lane: "guest 131".into(),
        effect: Effect::Destroys,
        time: TimeClass::Seconds,
        changes: vec![],
        calls: vec![call(Verb::Delete, "/nodes/pve2/lxc/131", &[("purge", "1")], "remove it", say)],
        reverse: Reverse::None { why: say("its disk is gone; there is no backup of it.") },
    });
    steps.push(Step {
        no: 6,
        verb: StepVerb::AlreadySo,
        subject: Subject { noun: "storage".into(), name: say("tank-nfs"), vmid: None, node: None },
        sentence: say("Storage tank-nfs is as declared."),
        phrases: vec![],
        after: vec![],
        lane: "storage tank-nfs".into(),
        effect: Effect::None,
        time: TimeClass::Seconds,
        changes: vec![],
        calls: vec![],
        reverse: Reverse::None { why: "nothing is done.".into() },
    });
    Plan {
        format: 1,
        declaration: DeclarationId(Uuid::from_u128(14)),
        number: 2,
        made_at: now() - TimeDelta::minutes(3),
        text: Digest::of_bytes(TEXT.as_bytes()),
        desired: Interpretation::empty(Meaning::Desired),
        interpreter: InterpreterIdentity {
            provider: say("scripted"),
            model: say("grammar"),
            version: say("1"),
        },
        base: Base {
            observed_at: now() - TimeDelta::minutes(3),
            pve_version: say("8.4.1"),
            fingerprint: Digest::of_bytes(b"seen"),
        },
        contract: say("8.4.1"),
        policy: Digest::of_bytes(b"rules"),
        steps,
        hazards: vec![
            Hazard {
                kind: HazardKind::Caution,
                text: say("Node pve3 has 3 GiB of memory left afterwards."),
                confirm: None,
                step: Some(3),
            },
            Hazard {
                kind: HazardKind::Destroys,
                text: say("Container scratch (131) and its 8 GiB disk are lost for good."),
                confirm: Some(say("scratch")),
                step: Some(5),
            },
        ],
        notes: vec![
            Note {
                kind: NoteKind::Default,
                text: say("Disks have 32 GiB because the text says nothing about them."),
                span: None,
            },
            Note {
                kind: NoteKind::NotYet,
                text: say("Kubernetes itself is not installed by this version."),
                span: Some(span("for Kubernetes")),
            },
            Note {
                kind: NoteKind::Unused,
                text: say("Nothing in the plan uses these words:"),
                span: Some(span("Make it nice.")),
            },
        ],
        rights: Rights {
            missing: vec![Missing { path: say("/vms/131"), privs: vec![say("VM.Allocate")], any: false }],
            commands: vec![say(
                "pveum acl modify /vms/131 --users 'mycopod@pve' --tokens 'mycopod@pve!agent' --roles MycoPod",
            )],
        },
        rehearsal: Some(rehearsal(say)),
    }
}

fn rehearsal(say: Say) -> Rehearsal {
    let node = |name: &str, gib: u64, before: u64, after: u64, running: u32| NodeAfter {
        name: say(name),
        memory_mib: gib * 1024,
        promised_before_mib: before * 1024,
        promised_after_mib: after * 1024,
        running,
    };
    Rehearsal {
        nodes: vec![node("pve1", 64, 32, 40, 7), node("pve2", 32, 8, 16, 4), node("pve3", 16, 5, 15, 3)],
        storages: vec![
            StorageAfter { id: say("ceph-vm"), node: None, free_before_gib: 1_400, free_after_gib: 1_304 },
            StorageAfter {
                id: say("local-lvm"),
                node: Some(say("pve2")),
                free_before_gib: 380,
                free_after_gib: 388,
            },
        ],
        guests: vec![GuestAfter {
            vmid: 201,
            name: say("k8s-1"),
            node: say("pve1"),
            running: true,
            cores: 4,
            memory_mib: 8192,
            disk_gib: 32,
            storage: Some(say("ceph-vm")),
        }],
        gone: vec![131],
        blinks: vec![Blink { guest: say("web-old"), step: 4, why: say("It is restarted.") }],
        quorum: Quorum { online: 3, nodes: 3, needed: 2 },
    }
}

fn lines(say: Say) -> Vec<history::Line> {
    [
        (8_412, 12, "Ada approved plan 2 of “Three Ubuntu VMs” with 5 steps", false),
        (8_398, 190, "Step 3 of run 17 failed: storage local-zfs is full", true),
        (8_377, 4_000, "Bo asked for approval of plan 2 of “Three Ubuntu VMs”", false),
        (8_371, 90_000, "The cluster was observed: 3 nodes, 12 guests", false),
    ]
    .into_iter()
    .map(|(position, s, sentence, bad)| history::Line {
        position,
        at: before(s),
        sentence: say(sentence),
        bad,
    })
    .collect()
}

fn comments(say: Say) -> Vec<plan::Comment> {
    vec![plan::Comment {
        by: say("bo"),
        at: before(600),
        text: say("The new cluster is for the course on Friday."),
    }]
}

fn reread(say: Say) -> web::pages::reread::Reread {
    let line = |field: Option<&str>, before: Option<&str>, after: Option<&str>| Difference {
        subject: say("k8s-1"),
        field: field.map(say),
        before: before.map(say),
        after: after.map(say),
    };
    web::pages::reread::Reread {
        before: say("scripted grammar 1, no model"),
        now: say("claude, claude-sonnet 3"),
        lines: vec![
            line(Some("memory"), Some("4096 MiB"), Some("8192 MiB")),
            line(None, None, Some("create vm")),
            line(None, Some("create container"), None),
        ],
    }
}

pub fn plan_page(role: Role, say: Say) -> plan::PlanPage {
    let plan = plan(say);
    let parts = plan::PlanParts::of(&plan, TEXT, now());
    let mut f = frame("Plan 2 waits for approval", Section::Declarations, role, say);
    f.live = Some("/declarations/14/plans/2/live".into());
    let admin = role == Role::Admin;
    let guard = |action: &str| f.guard(action, 7);
    plan::PlanPage {
        status: plan::StatusRegion {
            declaration: "14".into(),
            declaration_title: say("Three Ubuntu VMs for Kubernetes"),
            no: 2,
            badge: Badge::new(Kind::Waiting, "awaiting approval"),
            lede: say("The plan waits for an Admin to approve it."),
            counts: parts.counts,
            digest: plan.digest(),
            digest_copy: Copy { text: plan.digest().as_str().to_owned(), label: "Copy digest" },
            made: before(180),
            author: say("bo"),
            messages: vec![],
        },
        decide: plan::DecideRegion {
            at: "/declarations/14/plans/2".into(),
            declaration: "14".into(),
            digest: plan.digest(),
            to_do: 5,
            approve: admin.then(|| guard("approve")),
            commit: None,
            send_back: admin.then(|| guard("send-back")),
            ask: (!admin).then(|| guard("ask")),
            withdraw: (!admin).then(|| guard("withdraw")),
            preview: None,
            comment: guard("comment"),
            edit: !admin,
            confirm: plan.names_to_confirm(),
            why_not: if admin { String::new() } else { say("An Admin approves plans. Ask one of: ada, cy.") },
        },
        f,
        english: parts.english,
        reread: Some(reread(say)),
        scored: say("right on 109 of 111 declarations (98 %), nothing invented, on 2026-11-20"),
        steps: parts.steps,
        hazards: parts.hazards,
        destroys: parts.destroys,
        notes: parts.notes,
        back: parts.back,
        rights: parts.rights,
        rehearsal: parts.rehearsal,
        score: Some(plan::ScoreView::of(&Score {
            fields: 8,
            right: 7,
            wrong: vec![Wrong {
                vmid: 201,
                field: say("memory"),
                predicted: say("8192 MiB"),
                seen: say("4096 MiB"),
            }],
        })),
        assumes: parts.assumes,
        comments: comments(say),
        command: "mycopod approve 14 2 --digest sha256:…".into(),
    }
}

fn declaration_page(status: Status, say: Say) -> declaration::DeclarationPage {
    let mut f = frame("Three Ubuntu VMs", Section::Declarations, Role::User, say);
    f.live = Some("/declarations/14/live".into());
    f.refresh = Some(Refresh { stop: "/declarations/14?still=1".into() });
    let guard = |action: &str| f.guard(action, 3);
    let began = [
        (Stage::Reading, now() - TimeDelta::milliseconds(2_400)),
        (Stage::Interpreting, now() - TimeDelta::milliseconds(2_100)),
    ];
    let stages = match status {
        Status::Previewing { stage, .. } => declaration::stages(stage, &began, now()),
        _ => vec![],
    };
    let questions = match &status {
        Status::Asking { questions } => {
            Some(declaration::QuestionForm { guard: guard("answer"), questions: questions.clone() })
        }
        _ => None,
    };
    let messages = match &status {
        Status::Failed { failure } => vec![declaration::failure_message(failure)],
        _ => vec![],
    };
    declaration::DeclarationPage {
        state: declaration::StateRegion {
            id: "14".into(),
            title: say("Three Ubuntu VMs for Kubernetes"),
            badge: declaration::badge(&status),
            lede: declaration::lede(&status, &say("bo")),
            author: say("bo"),
            changed: before(40),
            reread: Some(reread(say)),
            cancel: (!stages.is_empty()).then(|| guard("cancel")),
            stages,
            questions,
            messages,
            plan: Some((1, say("3 to create · 1 to change · 1 to destroy · 1 already so"))),
            run: Some((17, runs::badge(&domain::run::Status::Running))),
            commit: Some(say("9f2c1d7e4a")),
            preview: Some(guard("preview")),
            withdraw: Some(guard("withdraw")),
            edit: true,
            new_version: true,
            why_not: say("An Admin approves plans. Ask one of: ada, cy."),
        },
        text: say(TEXT),
        history: declaration::HistoryRegion {
            id: "14".into(),
            plans: vec![declaration::PlanLine {
                no: 1,
                at: before(3_600),
                words: say("3 to create · 2 already so"),
            }],
            answers: vec![(say("Which share?"), say("10.0.20.5:/tank/vm"))],
            comments: comments(say),
            comment: guard("comment"),
        },
        f,
        command: "mycopod preview 14".into(),
    }
}

fn run_page(say: Say) -> run::RunPage {
    let mut f = frame("Run 17, step 3 of 6", Section::Runs, Role::Admin, say);
    f.live = Some("/runs/17/live".into());
    f.refresh = Some(Refresh { stop: "/runs/17?still=1".into() });
    let stage = |kind, word, by: &str, s: Option<i64>, detail: &str| run::StageLine {
        view: declaration::StageView { kind, word, since: None, took: String::new() },
        by: say(by),
        at: s.map(before),
        detail: say(detail),
    };
    let attempt = |title: &str, badge: Badge, status: &str| run::AttemptView {
        title: title.into(),
        badge,
        request: say("POST /nodes/pve1/qemu/9000/clone full=1 name=k8s-3 newid=203 target=pve3"),
        status: say(status),
        took: "0.1 s".into(),
        at: Some(before(30)),
        answer: say("{\"data\":\"UPID:pve1:0000A1:…\"}"),
        note: String::new(),
        wait: String::new(),
        task: None,
    };
    let step = |no, verb, badge, object: &str, open| run::StepView {
        no,
        verb: Badge::verb(verb),
        badge,
        object: say(object),
        sentence: say("Clones template ubuntu-24.04 (9000) to VM k8s-3 (203) on pve3."),
        took: "1 min 12 s".into(),
        note: String::new(),
        advice: String::new(),
        timeline: vec![],
        attempts: vec![],
        open,
    };
    let mut third = step(3, StepVerb::Create, Badge::new(Kind::Waiting, "waiting"), "VM k8s-3 (203)", true);
    third.timeline = vec![
        run::Segment { x: 0, width: 22, class: "bad" },
        run::Segment { x: 22, width: 10, class: "wait" },
        run::Segment { x: 32, width: 40, class: "active" },
    ];
    third.note = say("Template 9000 is locked by another copy.");
    third.advice = say("It is tried again by itself.");
    let mut failed =
        attempt("Call 1, attempt 1 of 3", Badge::new(Kind::Bad, "failed"), "500 can't lock file");
    failed.wait = "next try in 2 s (2 of 3)".into();
    let mut task = attempt("Call 1, attempt 2 of 3", Badge::new(Kind::Active, "task running"), "200 OK");
    task.task = Some(run::TaskView {
        upid: say("UPID:pve1:0000A1B2:00C3D4:683500:qmclone:9000:root@pam:"),
        end: String::new(),
        lines: vec![
            say("create full clone of drive scsi0 (ceph-vm:base-9000-disk-0)"),
            say("transferred 1.2 GiB of 32.0 GiB (3.75%)"),
        ],
        cut: true,
    });
    third.attempts = vec![failed, task];
    let steps = vec![
        step(1, StepVerb::Create, Badge::new(Kind::Good, "succeeded"), "VM k8s-1 (201)", false),
        step(2, StepVerb::Create, Badge::new(Kind::Good, "succeeded"), "VM k8s-2 (202)", false),
        third,
        step(4, StepVerb::Change, Badge::new(Kind::Calm, "to come"), "VM web-old (110)", false),
    ];
    run::RunPage {
        no: 17,
        status: run::StatusRegion {
            no: 17,
            declaration: "14".into(),
            title: say("Three Ubuntu VMs for Kubernetes"),
            badge: runs::badge(&domain::run::Status::Running),
            lede: say("Step 3 of 6: cloning template 9000 to k8s-3 on pve3, 1 min 12 s"),
            milestone: "Step 2 done".into(),
            bar: Bar::of(2, 6, "active"),
            bar_words: "2 of 6 steps done".into(),
            stages: vec![
                stage(Kind::Good, "Approved", "ada", Some(400), ""),
                stage(Kind::Good, "Committed", "", Some(380), "9f2c1d7e4a"),
                stage(Kind::Active, "Running", "", Some(360), ""),
                stage(Kind::Calm, "Done", "", None, ""),
            ],
            message: Some(
                Message::new(Kind::Waiting, say("Paused at step 3"), say("Storage is full.")).quiet(),
            ),
        },
        steps: run::StepsRegion { total: steps.len(), steps },
        act: run::ActRegion {
            no: 17,
            stop: Some(f.guard("stop", 3)),
            resume: Some(f.guard("resume", 3)),
            waiting: vec![run::WaitingStep {
                no: 3,
                words: say("step 3: create VM k8s-3 (203)"),
                retry: f.guard("retry 3", 3),
                skip: f.guard("skip 3", 3),
            }],
            undo: true,
            stopping: false,
            over: false,
            declaration: "14".into(),
            why_not: String::new(),
        },
        filter: run::Filter::All,
        command: "mycopod runs show 17".into(),
        f,
    }
}

fn drift_page(say: Say) -> drift::DriftPage {
    let mut f = frame("Drift", Section::Cluster, Role::Admin, say);
    f.live = Some("/cluster/drift/live".into());
    let row = |index: usize, left: &str| drift::Row {
        index,
        vmid: (index == 1).then_some(110),
        name: say("web-old"),
        subject: say("guest/110"),
        field: say("memory"),
        declared: say("4 GiB"),
        observed: say("8 GiB"),
        since: before(400),
        by: say("root@pam"),
        badge: Badge::new(Kind::Drift, "drifted"),
        left: say(left),
        leave: left.is_empty().then(|| f.guard("leave", index as i64)),
    };
    drift::DriftPage {
        picture: drift::DriftRegion {
            seen: Some(before(12)),
            lede: say("2 fields differ from what was put in force."),
            messages: vec![],
            rows: vec![row(1, ""), row(2, "ada until 3 May: a test")],
            put_backs: vec![drift::PutBack {
                subject: say("guest/110"),
                name: say("web-old (110)"),
                sentences: vec![say("Put back VM web-old (110) on pve1: memory from 8 GiB to 4 GiB.")],
                calls: vec![say("PUT /nodes/pve1/qemu/110/config memory=4096")],
                digest: say("sha256:00"),
                short: say("00"),
                approve: Some(f.guard("put back", 1)),
            }],
            unjudged: vec![(say("k8s-2 (202)"), say("node pve2 does not answer"))],
            why_not: String::new(),
        },
        command: "mycopod drift --exit-code",
        f,
    }
}

fn undo_page(say: Say) -> undo::UndoPage {
    let f = frame("Undo run 17", Section::Runs, Role::Admin, say);
    undo::UndoPage {
        no: 17,
        lede: say("1 step would take back what this run did."),
        steps: vec![undo::UndoStep {
            no: 1,
            sentence: say("Destroy VM k8s-1 (201). Everything on its disks is lost."),
            calls: vec![say("DELETE /nodes/pve1/qemu/201 purge=1")],
            loses_data: true,
        }],
        hazards: vec![say("VM k8s-1 (201) will be gone for good.")],
        stays: vec![say("Step 2 stays: disks cannot be made smaller.")],
        approve: Some(undo::Approve {
            guard: f.guard("undo", 3),
            digest: say("sha256:00"),
            short: say("00"),
            names: vec![say("k8s-1")],
        }),
        command: say("mycopod runs undo 17"),
        f,
    }
}

fn cluster_page(say: Say) -> cluster::ClusterPage {
    let mut f = frame("Cluster", Section::Cluster, Role::User, say);
    f.live = Some("/cluster/live".into());
    let guest = |vmid, name: &str, matches, health, declared: bool| cluster::Guest {
        vmid,
        name: say(name),
        kind: "VM",
        node: say("pve1"),
        matches,
        health,
        declared_by: declared.then(|| ("14".to_owned(), say("Three Ubuntu VMs"))),
    };
    cluster::ClusterPage {
        f,
        name: say("homelab"),
        picture: cluster::PictureRegion {
            seen: Some(before(12)),
            lede: say("3 nodes, quorate, Proxmox VE 8.4.1."),
            messages: vec![
                Message::new(
                    Kind::Waiting,
                    say("Node pve3 does not answer"),
                    say("What runs there cannot be told."),
                )
                .quiet(),
            ],
            nodes: (1..=3)
                .map(|n| cluster::Node {
                    name: say(&format!("pve{n}")),
                    badge: if n == 3 {
                        Badge::new(Kind::Unknown, "cannot tell")
                    } else {
                        Badge::new(Kind::Good, "online")
                    },
                    threads: 16,
                    memory: "38 of 64 GiB".into(),
                    bar: Bar::of(38, 64, "active"),
                    address: say("10.0.20.11"),
                    guests: 4,
                })
                .collect(),
            storages: vec![cluster::Storage {
                id: say("ceph-vm"),
                kind: say("rbd"),
                content: say("images, rootdir"),
                nodes: say("all"),
                free: "1,204 GiB".into(),
            }],
            drift: 1,
            guests: vec![
                guest(
                    110,
                    "web-old",
                    Badge::new(Kind::Drift, "drifted"),
                    Badge::new(Kind::Good, "running"),
                    true,
                ),
                guest(
                    201,
                    "k8s-1",
                    Badge::new(Kind::Good, "in step"),
                    Badge::new(Kind::Good, "running"),
                    true,
                ),
                guest(
                    300,
                    "plex",
                    Badge::new(Kind::Calm, "not declared"),
                    Badge::new(Kind::Calm, "stopped"),
                    false,
                ),
                guest(
                    301,
                    "nas",
                    Badge::new(Kind::Unknown, "cannot tell"),
                    Badge::new(Kind::Unknown, "cannot tell"),
                    false,
                ),
            ],
        },
    }
}

fn guest_page(say: Say) -> guest::GuestPage {
    let field = |name: &str, declared: Option<&str>, observed: &str| guest::Field {
        name: name.to_owned(),
        differs: declared.is_some_and(|d| d != observed),
        declared: declared.map(say),
        observed: say(observed),
        from: declared.map(|_| From { word: "said", why: String::new() }),
    };
    guest::GuestPage {
        f: frame("k8s-1 (201)", Section::Cluster, Role::User, say),
        vmid: 201,
        name: say("k8s-1"),
        kind: "VM",
        lede: say("On pve1. One field differs from what was declared."),
        matches: Badge::new(Kind::Drift, "drifted"),
        health: Badge::new(Kind::Good, "running"),
        seen: Some(before(12)),
        fields: vec![
            field("cores", Some("4"), "4"),
            field("memory", Some("8 GiB"), "6 GiB"),
            field("bridge", None, "vmbr0"),
        ],
        declared_by: Some(("14".into(), say("Three Ubuntu VMs"))),
        made_by: Some(17),
        notes: say("for the children"),
        config: vec![(say("cores"), say("4"))],
        mark: Some(Copy { text: Mark::derive(Uuid::from_u128(14), "k8s-1", 201).to_string(), label: "Copy" }),
    }
}

fn settings_pages(say: Say) -> Vec<(&'static str, String)> {
    let f = |title| frame(title, Section::Settings, Role::Admin, say);
    let guard = f("x").guard("x", 1);
    let person = |name: &str, role: Role, me, disabled| settings::Person {
        id: "1".into(),
        name: say(name),
        badge: match (disabled, role) {
            (true, _) => Badge::new(Kind::Bad, "disabled"),
            (_, Role::Admin) => Badge::new(Kind::Active, "admin"),
            _ => Badge::new(Kind::Calm, "user"),
        },
        is_admin: role == Role::Admin,
        disabled,
        me,
        signed_in: Some(before(300)),
        role: guard.clone(),
        able: guard.clone(),
    };
    let people = settings::PeoplePage {
        f: f("People"),
        tab: settings::Tab::People,
        people: vec![
            person("ada", Role::Admin, true, false),
            person("bo", Role::User, false, false),
            person("eve", Role::User, false, true),
        ],
        add: guard.clone(),
        typed_name: say("cy cy"),
        typed_role: "user".into(),
        error: Some((
            settings::Wrong::Name,
            say("The name must be 1 to 40 letters, digits, dots, dashes or underscores."),
        )),
    };
    let rules = settings::RulesPage {
        f: f("Rules"),
        tab: settings::Tab::Rules,
        frozen: Some(settings::Frozen { why: say("storm coming"), by: say("ada"), at: Some(before(500)) }),
        freeze: guard.clone(),
        refresh: guard.clone(),
        save: guard.clone(),
        rules: Some(settings::RulesForm {
            vmid_first: say("200"),
            vmid_last: say("299"),
            protected: say("plex\nnas"),
            poll_interval_s: say("30"),
            observe_interval_s: say("30"),
            drift: say("ask"),
            nodes: say("pve1\npve2"),
            storages: say("ceph-vm\ntank-nfs"),
            vlans: say("0\n30"),
            addresses: say("10.0.20.50-10.0.20.99"),
            guests_max: say("40"),
            cores_max: say("64"),
            memory_gib_max: say("96"),
            disk_gib_max: say("2000"),
            destroys_max: say("1"),
            own_plans: say("ada"),
            linked_clones: true,
        }),
        error: Some(say("Guest numbers must run from 100 to 999999999, first to last.")),
        repository: settings::RepositoryCard {
            badge: Badge::new(Kind::Good, "ok"),
            words: say("Newest commit seen:"),
            last: say("9f2c1d7e4a"),
            quarantined: vec![settings::QuarantineLine {
                commit: say("77aa"),
                subject: say("tweak"),
                author: say("mallory"),
                why: settings::quarantine_words(domain::repository::Quarantine::LockEdited),
                detail: say("k8s.lock.toml"),
            }],
        },
        house: vec![(say("VM image"), say("ubuntu-24.04"))],
    };
    let system = settings::SystemPage {
        f: f("System"),
        tab: settings::Tab::System,
        position: "8,412".into(),
        projections: vec![settings::Projection {
            name: say("declarations"),
            position: "8,412".into(),
            lag: "0".into(),
            badge: Badge::new(Kind::Good, "up to date"),
        }],
        cards: vec![settings::Card {
            title: say("Proxmox"),
            badge: Badge::new(Kind::Good, "ok"),
            words: say("Seen 12 s ago."),
            advice: say(""),
        }],
        credentials: vec![(say("proxmox"), say("SHA256:ab12"))],
    };
    let [proxmox, model] = connection_pages(say);
    let one = || repository::SetAside {
        commit: say("77aa"),
        subject: say("tweak"),
        author: say("mallory"),
        why: settings::quarantine_words(domain::repository::Quarantine::EnglishEdited),
        detail: say("web.md"),
        seen: before(90),
        badge: Badge::new(Kind::Bad, "set aside"),
        outcome: say("That could not be done."),
        drafts: vec!["0198c7a0-0000-7000-8000-000000000001".into()],
        choices: domain::repository::Quarantine::EnglishEdited
            .decisions()
            .iter()
            .map(|decision| repository::choice(*decision, true, false))
            .collect(),
        guard: guard.clone(),
    };
    let repository = repository::RepositoryPage {
        f: f("Repository"),
        tab: settings::Tab::Repository,
        badge: Badge::new(Kind::Good, "ok"),
        words: say("Newest commit seen:"),
        refresh: guard.clone(),
        doubt: Some(repository::DoubtNote {
            what: repository::doubt_words(domain::repository::Doubt::Forked),
            detail: say("at 42"),
            commit: say("77aa"),
            since: before(90),
            advice: repository::doubt_advice(domain::repository::Doubt::Forked),
        }),
        waiting: vec![one()],
        settled: vec![one()],
    };
    vec![
        ("people", draw(&people)),
        ("rules", draw(&rules)),
        ("repository", draw(&repository)),
        ("system", draw(&system)),
        ("connection", draw(&proxmox)),
        ("connection without a channel", draw(&model)),
    ]
}

/// A failing connection with everything on it, and one where nothing is stored and nothing can be sent.
pub fn connection_pages(say: Say) -> [connection::ConnectionPage; 2] {
    use domain::settings::{Check, Outcome};
    use projections::model::{ClusterMeta, CredentialRow, RepositoryRow, SettingsRow, TestRow};
    let f = |title: &str| frame(title, Section::Settings, Role::Admin, say);
    let at = f("").now - TimeDelta::seconds(60);
    let check = |outcome, next: &[&str]| Check {
        what: say("Rights"),
        outcome,
        found: say("missing: VM.Clone"),
        next: next
            .iter()
            .map(|line| if line.starts_with("pveum ") { (*line).to_owned() } else { say(line) })
            .collect(),
    };
    let settings = SettingsRow {
        credentials: vec![CredentialRow {
            name: "proxmox-token".into(),
            fingerprint: say("ab12cd34ab12cd34"),
            stored_at: at,
            by: None,
        }],
        tests: vec![TestRow {
            name: "proxmox-token".into(),
            asked_at: at,
            by: None,
            checks: vec![
                check(Outcome::Passed, &[]),
                check(Outcome::Noted, &["pveum role modify MycoPod --append 1 --privs \"VM.Clone\""]),
                check(Outcome::Failed, &["Replace it in Settings."]),
            ],
            ended: Some((at, false)),
        }],
        ..SettingsRow::default()
    };
    let meta = ClusterMeta {
        name: say("homelab"),
        addresses: vec![say("pve1:8006")],
        failing: Some((say("refused"), say("Replace it."), at)),
        ..ClusterMeta::default()
    };
    let (none, repository) = (SettingsRow::default(), RepositoryRow::default());
    let draw = |title, service, settings, has_channel, error| {
        let (meta, repository) = (&meta, &repository);
        let facts = views::connection::Facts { settings, meta, repository, has_channel, error };
        views::connection::page(f(title), service, &views::Names::of(&[]), facts)
    };
    let error = Message::new(Kind::Bad, say("It was not stored"), say("Copy it again."));
    let error = Some(("proxmox-token".to_owned(), error));
    [
        draw("Proxmox", domain::settings::Service::Proxmox, &settings, true, error),
        draw("Model", domain::settings::Service::Model, &none, false, None),
    ]
}

fn draw(page: &impl Template) -> String {
    page.render().unwrap_or_else(|error| format!("not drawn: {error}"))
}

/// All pages in all states, by name.
pub fn all(say: Say) -> Vec<(&'static str, String)> {
    let f = |title, here| frame(title, here, Role::Admin, say);
    let question = Question {
        about: QuestionAbout::WhichShare,
        text: say("Which share is meant?"),
        options: vec![say("10.0.20.5:/tank/vm"), say("10.0.20.5:/tank/iso")],
        span: None,
    };
    let refused =
        Failure::Refused { reason: RefusalReason::ShrinkDisk, text: say("Disks cannot be made smaller.") };
    let mut pages = vec![
        ("plan-admin", draw(&plan_page(Role::Admin, say))),
        ("plan-user", draw(&plan_page(Role::User, say))),
        (
            "declaration-previewing",
            draw(&declaration_page(Status::Previewing { preview: 1, stage: Some(Stage::Interpreting) }, say)),
        ),
        ("declaration-asking", draw(&declaration_page(Status::Asking { questions: vec![question] }, say))),
        ("declaration-refused", draw(&declaration_page(Status::Failed { failure: refused }, say))),
        ("run", draw(&run_page(say))),
        ("cluster", draw(&cluster_page(say))),
        ("drift", draw(&drift_page(say))),
        ("undo", draw(&undo_page(say))),
        ("guest", draw(&guest_page(say))),
    ];
    pages.push((
        "declarations",
        draw(&declarations::DeclarationsPage {
            f: f("Declarations", Section::Declarations),
            filter: declarations::Filter { words: say("ubuntu"), ..Default::default() },
            statuses: vec![("draft", "draft")],
            authors: vec![say("ada"), say("bo")],
            list: declarations::ListRegion {
                rows: [
                    Status::AwaitingApproval { by: domain::ids::AccountId(Uuid::nil()) },
                    Status::Draft,
                    Status::Committed { commit: String::new() },
                ]
                .iter()
                .map(|status| declarations::Row {
                    id: "14".into(),
                    title: say("Three Ubuntu VMs for Kubernetes, named k8s-1 to k8s-3"),
                    badge: declaration::badge(status),
                    author: say("bo"),
                    changed: before(400),
                    guests: "3".into(),
                })
                .collect(),
                filtered: true,
                pager: Pager { newer: None, older: Some("/declarations?page=2".into()) },
            },
        }),
    ));
    pages.push((
        "declarations-empty",
        draw(&declarations::DeclarationsPage {
            f: f("Declarations", Section::Declarations),
            filter: Default::default(),
            statuses: vec![],
            authors: vec![],
            list: declarations::ListRegion { rows: vec![], filtered: false, pager: Pager::default() },
        }),
    ));
    pages.push((
        "new",
        draw(&edit::EditPage {
            guard: f("x", Section::None).guard("draft", 0),
            f: f("New declaration", Section::Declarations),
            id: "14".into(),
            existing: false,
            follows: Some(("12".into(), 12)),
            title: say(""),
            text: say("A VM"),
            error: Some(say("The text is empty; say what the cluster should look like.")),
            examples: edit::EXAMPLES.to_vec(),
        }),
    ));
    pages.push((
        "overview",
        draw(&overview::OverviewPage {
            f: f("Overview", Section::Overview),
            needs: overview::NeedsRegion {
                needs: vec![
                    overview::Need {
                        badge: Badge::new(Kind::Waiting, "awaiting approval"),
                        what: say("Three Ubuntu VMs for Kubernetes"),
                        detail: say("asked by bo"),
                        at: Some(before(400)),
                        href: "/declarations/14/plans/2".into(),
                        button: "Open plan 2".into(),
                    },
                    overview::Need {
                        badge: Badge::new(Kind::Waiting, "paused"),
                        what: say("Run 16: Backups"),
                        detail: say("Storage local-zfs is full."),
                        at: Some(before(4_000)),
                        href: "/runs/16".into(),
                        button: "Open run 16".into(),
                    },
                ],
                running: vec![overview::Running {
                    no: 17,
                    title: say("Three Ubuntu VMs"),
                    words: say("Step 3 of 6: cloning template 9000"),
                    bar: Bar::of(2, 6, "active"),
                }],
                checked: Some(before(12)),
            },
            cluster: overview::ClusterRegion {
                nodes: (1..=3)
                    .map(|n| overview::NodeLine {
                        name: say(&format!("pve{n}")),
                        badge: Badge::new(Kind::Good, "online"),
                        guests: "4 running, 1 stopped".into(),
                        memory: "38 of 64 GiB".into(),
                        bar: Bar::of(38, 64, "active"),
                        storage: "1,204 GiB".into(),
                    })
                    .collect(),
                note: say("Seen 12 s ago."),
            },
            lately: overview::LatelyRegion { lines: lines(say) },
        }),
    ));
    pages.push((
        "approvals",
        draw(&approvals::ApprovalsPage {
            f: f("Approvals", Section::Approvals),
            queue: approvals::QueueRegion {
                cards: vec![approvals::Card {
                    id: "14".into(),
                    no: 2,
                    title: say("Three Ubuntu VMs for Kubernetes"),
                    english: say(TEXT),
                    badge: Badge::new(Kind::Waiting, "awaiting approval"),
                    counts: plan::counts(&plan(say)),
                    hazards: 2,
                    author: say("bo"),
                    at: before(400),
                }],
            },
        }),
    ));
    pages.push((
        "runs",
        draw(&runs::RunsPage {
            f: f("Runs", Section::Runs),
            list: runs::ListRegion {
                rows: vec![runs::Row {
                    no: 17,
                    title: say("Three Ubuntu VMs"),
                    badge: runs::badge(&domain::run::Status::Running),
                    words: "2 of 6".into(),
                    started: before(300),
                    lasted: "5 min 0 s".into(),
                }],
                pager: Pager::default(),
            },
        }),
    ));
    pages.push((
        "history",
        draw(&history::HistoryPage {
            f: f("History", Section::History),
            filter: history::Filter { person: say("ada"), declaration: say("14"), ..Default::default() },
            people: vec![say("ada")],
            lines: lines(say),
            pager: Pager::default(),
            export: "?person=ada".into(),
        }),
    ));
    pages.push((
        "event",
        draw(&history::EventPage {
            f: f("Event 8,412", Section::History),
            position: 8_412,
            sentence: say("Ada approved plan 2 with 5 steps"),
            at: Moment(now()),
            ago: before(12),
            id: "0190".into(),
            tag: say("declaration.plan_approved.v1"),
            stream: say("declaration/14"),
            version: 9,
            actor: say("ada"),
            correlation: Some("c".into()),
            causation: Some(8_400),
            chain: lines(say),
            payload: Some(say("{\n  \"by\": \"ada\"\n}")),
            hash: "9f2c".repeat(16),
            copy: Copy { text: "9f2c".repeat(16), label: "Copy" },
            before: Some(8_411),
            after: None,
        }),
    ));
    pages.extend(settings_pages(say));
    pages.push((
        "account",
        draw(&account::AccountPage {
            name: say("ada"),
            role: "admin",
            sessions: vec![account::Session { this: true, began: before(900), seen: before(2) }],
            change: f("x", Section::None).guard("p", 0),
            end: f("x", Section::None).guard("s", 0),
            f: f("My account", Section::Account),
            error: Some(say("The present password is wrong.")),
        }),
    ));
    pages.push((
        "sign-in",
        draw(&sign_in::SignInPage {
            f: Frame::new("Sign in", Section::None, now()),
            name: say("ada"),
            next: say("/runs/17"),
            token: "t".into(),
            error: Some(say("Name or password is wrong.")),
        }),
    ));
    pages.push((
        "error-404",
        draw(&error::ErrorPage {
            f: f("No such run", Section::None),
            title: say("There is no run 91"),
            text: say("The newest is 88."),
            advice: say(""),
            link: Some(("/runs".into(), "All runs".into())),
            typed: Some(say("A VM called web")),
        }),
    ));
    pages.push(("help", draw(&help::HelpPage { f: f("Help", Section::None) })));
    pages
}

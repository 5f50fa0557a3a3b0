//! A declaration, its plan, and what stands beside them.

use super::*;

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

pub fn rehearsal(say: Say) -> Rehearsal {
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

pub fn comments(say: Say) -> Vec<plan::Comment> {
    vec![plan::Comment {
        by: say("bo"),
        at: before(600),
        text: say("The new cluster is for the course on Friday."),
    }]
}

pub fn reread(say: Say) -> web::pages::reread::Reread {
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

pub fn declaration_page(status: Status, say: Say) -> declaration::DeclarationPage {
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

//! Runs, drift and the way back.

use super::*;

pub fn run_page(say: Say) -> run::RunPage {
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

pub fn drift_page(say: Say) -> drift::DriftPage {
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

pub fn undo_page(say: Say) -> undo::UndoPage {
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

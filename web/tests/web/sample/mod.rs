//! Every page with believable content. `say` passes each text that came from outside: the tests replace it by a
//! hostile one, the example leaves it as it is.

mod carried_out;
mod declared;
pub mod places;

use carried_out::{drift_page, run_page, undo_page};
use chrono::{DateTime, TimeDelta, Utc};
pub use declared::plan_page;
use declared::{declaration_page, plan};
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
use places::{cluster_page, guest_page, settings_pages};
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

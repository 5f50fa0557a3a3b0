//! From a text to an approval, and what a forged or repeated form does.

use crate::lab::{ADA, BO, Browser, Lab, actor};
use axum::http::StatusCode;
use chrono::Utc;
use domain::account::Role;
use domain::canonical::Digest;
use domain::declaration::{Command, Declaration, Status};
use domain::ids::DeclarationId;
use domain::interpretation::{Interpretation, Kind};
use domain::plan::{
    Base, Call, Condition, Effect, InterpreterIdentity, Plan, Reverse, Rights, Step, StepVerb, Subject,
    TimeClass, Verb,
};
use eventstore::Category;
use std::collections::BTreeMap;
use uuid::Uuid;

const TEXT: &str = "A VM called web <script>alert(1)</script>";

fn plan(declaration: DeclarationId, number: u32) -> Plan {
    let call = Call {
        verb: Verb::Post,
        path: "/nodes/pve1/qemu/9000/clone".into(),
        args: BTreeMap::from([("newid".to_owned(), "200".to_owned())]),
        purpose: "copy the template".into(),
        done_when: Condition::StorageGone { id: "x".into() },
        guards: vec![],
    };
    let step = Step {
        no: 1,
        verb: StepVerb::Create,
        subject: Subject {
            noun: "VM".into(),
            name: "web".into(),
            vmid: Some(200),
            node: Some("pve1".into()),
        },
        sentence: "Clones a template.".into(),
        phrases: vec![domain::interpretation::Span::new(0, 15)],
        after: vec![],
        lane: "guest 200".into(),
        effect: Effect::None,
        time: TimeClass::Minutes,
        changes: vec![],
        calls: vec![call],
        reverse: Reverse::None { why: "a test".into() },
    };
    Plan {
        format: 1,
        declaration,
        number,
        made_at: Utc::now(),
        text: Digest::of_bytes(TEXT.as_bytes()),
        desired: Interpretation::empty(Kind::Desired),
        interpreter: InterpreterIdentity {
            provider: "scripted".into(),
            model: "grammar".into(),
            version: "1".into(),
        },
        base: Base {
            observed_at: Utc::now(),
            pve_version: "8.4.1".into(),
            fingerprint: Digest::of_bytes(b"seen"),
        },
        contract: "8.4.1".into(),
        policy: Digest::of_bytes(b"rules"),
        steps: vec![step],
        hazards: vec![],
        notes: vec![],
        rights: Rights::default(),
        rehearsal: None,
    }
}

/// Writes a declaration through the pages and asks for a preview.
async fn draft(browser: &mut Browser) -> DeclarationId {
    let page = browser.get("/declarations/new").await;
    let id = page.hidden("/declarations", "id");
    let fields = [("id", id.as_str()), ("title", ""), ("text", TEXT), ("do", "preview")];
    let sent = browser.submit(&page, "/declarations", &fields).await;
    let again = browser.submit(&page, "/declarations", &fields).await;
    assert_eq!(sent.location.split('?').next(), again.location.split('?').next());
    let shown = browser.follow(&sent).await;
    assert!(shown.html.contains("previewing"), "{}", shown.html);
    assert!(!shown.html.contains("<script>alert"), "the text became markup");
    id.parse().unwrap()
}

async fn proposed(lab: &Lab, id: DeclarationId, number: u32) -> Plan {
    let plan = plan(id, number);
    let command = Command::Propose { preview: number, plan: Box::new(plan.clone()) };
    lab.command::<Declaration>(Category::Declaration, id.0, command).await;
    plan
}

#[tokio::test]
async fn a_text_becomes_an_approved_plan_and_each_form_counts_once() {
    let lab = Lab::start().await;
    let mut bo = lab.signed_in("bo").await;
    let id = draft(&mut bo).await;
    assert_eq!(lab.declaration(id).await.previews, 1, "a double click made two previews");
    proposed(&lab, id, 1).await;

    let at = format!("/declarations/{id}/plans/1");
    let page = bo.get(&at).await;
    assert!(page.html.contains("Ask for approval") && !page.html.contains("/approve\""));
    assert!(page.html.contains("Ask one of: ada, cy."));
    let digest = page.hidden(&format!("{at}/ask"), "digest");
    let asked = bo.submit(&page, &format!("{at}/ask"), &[("digest", &digest)]).await;
    assert!(bo.follow(&asked).await.html.contains("awaiting approval"));

    let mut ada = lab.signed_in("ada").await;
    assert!(ada.get("/approvals").await.html.contains("Open plan 1"));
    let page = ada.get(&at).await;
    assert!(page.html.contains("Approve 1 step"));
    let fields = [("digest", digest.as_str()), ("do", "apply")];
    let before = lab.events().await;
    let mut twin = ada.clone();
    let approve = format!("{at}/approve");
    let (first, second) =
        tokio::join!(ada.submit(&page, &approve, &fields), twin.submit(&page, &approve, &fields));
    assert_eq!(
        (first.status, second.status),
        (StatusCode::SEE_OTHER, StatusCode::SEE_OTHER),
        "{}",
        second.html
    );
    assert_eq!(lab.events().await, before + 2, "a double click is one approval and one commit");
    assert_eq!(lab.declaration(id).await.status, Status::Committing { by: actor(ADA, Role::Admin).id });
    assert!(ada.follow(&first).await.html.contains("committing"));
}

#[tokio::test]
async fn a_user_who_forges_an_approval_is_refused_and_nothing_is_recorded() {
    let lab = Lab::start().await;
    let mut bo = lab.signed_in("bo").await;
    let id = draft(&mut bo).await;
    let plan = proposed(&lab, id, 1).await;
    let csrf = bo.csrf().await;
    let before = lab.events().await;
    let key = Uuid::from_u128(77).to_string();
    for action in ["approve", "commit", "send-back"] {
        let fields = [
            ("csrf", csrf.as_str()),
            ("key", key.as_str()),
            ("digest", plan.digest().as_str()),
            ("do", "apply"),
            ("why", "forged"),
        ]
        .map(|(name, value)| (name, value.to_owned()));
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = bo.post(&format!("/declarations/{id}/plans/1/{action}"), &fields).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{action}");
    }
    assert_eq!(lab.events().await, before);
}

#[tokio::test]
async fn a_plan_that_changed_meanwhile_is_not_approved() {
    let lab = Lab::start().await;
    let mut bo = lab.signed_in("bo").await;
    let id = draft(&mut bo).await;
    proposed(&lab, id, 1).await;
    let mut ada = lab.signed_in("ada").await;
    let at = format!("/declarations/{id}/plans/1");
    let opened = ada.get(&at).await;
    let digest = opened.hidden(&format!("{at}/approve"), "digest");
    lab.command::<Declaration>(Category::Declaration, id.0, Command::Preview { by: actor(BO, Role::User) })
        .await;
    proposed(&lab, id, 2).await;
    let answer = ada.submit(&opened, &format!("{at}/approve"), &[("digest", &digest)]).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(answer.html.contains("look again") && answer.html.contains("<nav"), "{}", answer.html);
    let old = ada.get(&at).await;
    assert!(old.html.contains("Open plan 2") && !old.html.contains("/approve\""));
}

#[tokio::test]
async fn mistakes_keep_the_text_and_are_never_our_fault() {
    let lab = Lab::start().await;
    let mut bo = lab.signed_in("bo").await;
    let page = bo.get("/declarations/new").await;
    let id = page.hidden("/declarations", "id");
    let empty = bo
        .submit(&page, "/declarations", &[("id", &id), ("text", "  "), ("title", "kept"), ("do", "draft")])
        .await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(empty.html.contains("The text is empty") && empty.html.contains("value=\"kept\""));
    let long = "x".repeat(domain::limits::TEXT_BYTES_MAX + 1);
    let too_long = bo
        .submit(&page, "/declarations", &[("id", &id), ("text", &long), ("title", ""), ("do", "draft")])
        .await;
    assert_eq!(too_long.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(too_long.html.contains(&long), "the text was lost");
    let huge = "x".repeat(api::limits::BODY_BYTES_MAX + 1);
    let refused = bo.submit(&page, "/declarations", &[("id", &id), ("text", &huge), ("do", "draft")]).await;
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
}

/// Reads a live stream until an event of this region holds these words.
async fn until(body: &mut axum::body::Body, region: &str, words: &str) -> String {
    use http_body_util::BodyExt;
    let mut text = String::new();
    loop {
        let frame = body.frame().await.expect("the stream goes on").unwrap();
        text.push_str(std::str::from_utf8(frame.data_ref().expect("data")).unwrap());
        while let Some((event, rest)) = text.split_once("\n\n") {
            let found = event.contains(&format!("event: {region}")) && event.contains(words);
            let (event, rest) = (event.to_owned(), rest.to_owned());
            text = rest;
            if found {
                return event;
            }
        }
    }
}

#[tokio::test]
async fn an_open_page_sees_the_plan_arrive_and_its_stream_ends_with_the_session() {
    let lab = Lab::start().await;
    let mut bo = lab.signed_in("bo").await;
    let id = draft(&mut bo).await;
    let mut stream = bo.open(&format!("/declarations/{id}/live")).await;
    until(&mut stream, "state", "previewing").await;
    proposed(&lab, id, 1).await;
    let event = until(&mut stream, "state", "Look at plan 1").await;
    assert!(event.contains("id: ") && !event.contains("<script>alert"), "{event}");
    // Drawn together with the state; what was drawn before the session ended may still be read.
    until(&mut stream, "history", "Plan 1").await;

    let page = bo.get("/account").await;
    bo.submit(&page, "/sign-out", &[]).await;
    use http_body_util::BodyExt;
    while let Some(frame) = stream.frame().await {
        let text = String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap();
        assert!(!text.contains("event: "), "a page of a session that ended was sent: {text}");
    }
}

#[tokio::test]
async fn another_users_text_is_read_but_not_changed() {
    let lab = Lab::start().await;
    let id = draft(&mut lab.signed_in("ada").await).await;
    let mut bo = lab.signed_in("bo").await;
    assert_eq!(bo.get(&format!("/declarations/{id}")).await.status, StatusCode::OK);
    assert_eq!(bo.get(&format!("/declarations/{id}/edit")).await.status, StatusCode::FORBIDDEN);
    let csrf = bo.csrf().await;
    let key = Uuid::from_u128(5).to_string();
    let fields = [("csrf", csrf.as_str()), ("key", key.as_str()), ("text", "mine now"), ("title", "")];
    let answer = bo.post(&format!("/declarations/{id}"), &fields).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.html.contains("mine now"), "the typed text was lost");
    assert_eq!(lab.declaration(id).await.text, TEXT);
}

#[tokio::test]
async fn freezing_needs_a_reason_and_shows_on_every_page() {
    let lab = Lab::start().await;
    let mut ada = lab.signed_in("ada").await;
    let page = ada.get("/settings/rules").await;
    let none = ada.submit(&page, "/settings/freeze", &[("reason", " ")]).await;
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY);
    let frozen = ada.submit(&page, "/settings/freeze", &[("reason", "storm coming")]).await;
    ada.follow(&frozen).await;
    assert!(ada.get("/declarations").await.html.contains("Writes are frozen by ada"));
    let page = ada.get("/settings/rules").await;
    let thawed = ada.submit(&page, "/settings/thaw", &[]).await;
    assert!(!ada.follow(&thawed).await.html.contains("Writes are frozen"));
}

#[tokio::test]
async fn when_the_database_is_gone_the_page_says_what_to_do() {
    let mut lab = Lab::start().await;
    let mut ada = lab.signed_in("ada").await;
    lab.postgres.crash().await.unwrap();
    let answer = ada.get("/declarations").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.html.contains("Nothing was lost."), "{}", answer.html);
    assert_eq!(ada.get("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ada.get("/healthz").await.status, StatusCode::OK);
}

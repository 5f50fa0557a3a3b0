//! Deciding about commits that were set aside, and where anchors that do not hold are said.

use crate::lab::Lab;
use axum::http::StatusCode;
use domain::ids::REPOSITORY;
use domain::repository::{Command, Doubt, Quarantine, Repository};
use eventstore::Category;

async fn told(lab: &Lab, command: Command) {
    lab.command::<Repository>(Category::Repository, REPOSITORY, command).await;
}

#[tokio::test]
async fn an_admin_decides_once_about_a_commit_that_was_set_aside() {
    let lab = Lab::start().await;
    let commit = "c".repeat(40);
    let quarantine = Command::Quarantine {
        commit: commit.clone(),
        author: "mallory".into(),
        subject: "more <b>memory</b>".into(),
        why: Quarantine::LockEdited,
        detail: "declarations/web.lock.toml changed".into(),
        drafts: vec![],
    };
    told(&lab, quarantine).await;
    let mut ada = lab.signed_in("ada").await;
    assert!(ada.get("/overview").await.html.contains("1 commit not acted upon"));
    let page = ada.get("/settings/repository").await;
    assert!(page.html.contains("Restore what was approved") && page.html.contains("Leave it as it is"));
    assert!(!page.html.contains("Take its English"), "a lock file is no English");
    let decide = "/settings/repository/decide";
    for (decision, status) in
        [("take", StatusCode::UNPROCESSABLE_ENTITY), ("apply", StatusCode::UNPROCESSABLE_ENTITY)]
    {
        let refused = ada.submit(&page, decide, &[("commit", &commit), ("decision", decision)]).await;
        assert_eq!(refused.status, status, "{decision}");
    }
    let before = lab.events().await;
    let form = [("commit", commit.as_str()), ("decision", "restore")];
    let decided = ada.submit(&page, decide, &form).await;
    let shown = ada.follow(&decided).await;
    assert!(shown.html.contains("ada decided") && shown.html.contains("The Agent does it"), "{}", shown.html);
    assert!(!ada.get("/overview").await.html.contains("not acted upon"));
    // Sent twice, done once; another decision comes too late.
    ada.submit(&page, decide, &form).await;
    let mut cy = lab.signed_in("cy").await;
    let csrf = cy.csrf().await;
    let late =
        [("csrf", csrf.as_str()), ("key", "00000000-0000-4000-8000-000000000002"), ("commit", &commit)];
    let late = cy.post(decide, &[&late[..], &[("decision", "leave")]].concat()).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert_eq!(lab.store_events_but_sign_in(before).await, 1);

    // The Agent cannot do it: it is asked for again, and the form is another one.
    told(&lab, Command::FailDecision { commit: commit.clone(), why: "the branch is protected".into() }).await;
    let page = ada.get("/settings/repository").await;
    assert!(page.html.contains("could not be done: the branch is protected"), "{}", page.html);
    let again = ada.submit(&page, decide, &form).await;
    ada.follow(&again).await;
    assert_eq!(lab.store_events_but_sign_in(before).await, 3);
    told(&lab, Command::Settle { commit, drafts: vec![], restored: Some("d".repeat(40)) }).await;
    let page = ada.get("/settings/repository").await.html;
    assert!(page.contains("Nothing waits") && page.contains(&"d".repeat(40)), "{page}");
}

#[tokio::test]
async fn anchors_that_do_not_hold_are_said_on_every_page_until_they_hold_again() {
    let lab = Lab::start().await;
    let mut ada = lab.signed_in("ada").await;
    assert!(
        ada.get("/settings/system").await.html.contains("No commit of the repository contradicts the log.")
    );
    let doubt = Command::DoubtAnchors {
        doubt: Doubt::Forked,
        position: 42,
        commit: "c".repeat(40),
        detail: "at 42 the log has another hash".into(),
    };
    told(&lab, doubt).await;
    for page in ["/settings/system", "/settings/repository", "/overview"] {
        let html = ada.get(page).await.html;
        assert!(html.contains("tell different histories") && html.contains("At 42"), "{page}: {html}");
    }
    assert!(ada.get("/declarations").await.html.contains("Repository differs from the log"));
    told(&lab, Command::TrustAnchors).await;
    assert!(!ada.get("/settings/repository").await.html.contains("tell different histories"));
    assert!(!ada.get("/declarations").await.html.contains("Repository differs from the log"));
}

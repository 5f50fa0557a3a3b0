//! Looking at pages as they were: what they show, where they lead, and that nothing on them can be sent.

use crate::lab::{ADA, Lab, actor};
use axum::http::StatusCode;
use domain::account::Role;
use domain::declaration::{Command, Declaration};
use domain::ids::DeclarationId;
use eventstore::Category;
use uuid::Uuid;

async fn draft(lab: &Lab, title: &str) -> (DeclarationId, i64) {
    let id = DeclarationId(Uuid::now_v7());
    let by = actor(ADA, Role::Admin);
    let draft =
        Command::Draft { by, title: title.into(), text: format!("A VM called {title}."), follows: None };
    lab.command::<Declaration>(Category::Declaration, id.0, draft).await;
    (id, lab.events().await)
}

#[tokio::test]
async fn a_page_shows_what_was_and_leads_to_pages_of_the_same_moment() {
    let lab = Lab::start().await;
    let (first, then) = draft(&lab, "early").await;
    let (second, now) = draft(&lab, "late").await;
    let mut user = lab.signed_in("bo").await;

    let page = user.get(&format!("/history/at/{then}/declarations")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.html);
    assert!(page.html.contains("early") && !page.html.contains("late"), "{}", page.html);
    assert!(page.html.contains("You are looking at ") && page.html.contains("Back to now"));
    assert!(page.html.contains(&format!("href=\"/history/at/{then}/declarations/{first}\"")));
    assert!(!page.html.contains("href=\"/declarations"), "a link leads out of the moment");
    assert!(!page.html.contains("sse-connect"), "nothing moves");
    let later = user.get(&format!("/history/at/{now}/declarations")).await;
    assert!(later.html.contains("early") && later.html.contains("late"));

    let one = user.get(&format!("/history/at/{then}/declarations/{first}")).await;
    assert_eq!(one.status, StatusCode::OK, "{}", one.html);
    assert!(one.html.contains("<fieldset class=\"then\" disabled>"), "its forms cannot be sent");
    let unborn = user.get(&format!("/history/at/{then}/declarations/{second}")).await;
    assert_eq!(unborn.status, StatusCode::NOT_FOUND, "it was not there yet");
}

#[tokio::test]
async fn every_page_with_a_past_has_one_and_the_role_of_today_decides() {
    let lab = Lab::start().await;
    let (_, then) = draft(&lab, "early").await;
    let mut admin = lab.signed_in("ada").await;
    let home = admin.get(&format!("/history/at/{then}")).await;
    assert_eq!(home.location, format!("/history/at/{then}/overview"));
    for page in ["overview", "declarations", "approvals", "runs", "cluster", "cluster/drift"] {
        let answer = admin.get(&format!("/history/at/{then}/{page}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{page}: {}", answer.html);
        assert!(answer.html.contains(&format!("As it was at log position {then}")), "{page}");
    }
    let mut user = lab.signed_in("bo").await;
    let home = user.get(&format!("/history/at/{then}")).await;
    assert_eq!(home.location, format!("/history/at/{then}/declarations"));
    for page in ["overview", "approvals"] {
        let answer = user.get(&format!("/history/at/{then}/{page}")).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{page}");
    }
    for page in ["settings/people", "declarations/new/x", "account", "runs/1"] {
        let answer = admin.get(&format!("/history/at/{then}/{page}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{page}");
    }
    for position in ["0", "-1", "x", "99999999", "9223372036854775807", "9223372036854775808"] {
        let answer = admin.get(&format!("/history/at/{position}/runs")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{position}: {}", answer.html);
    }
}

#[tokio::test]
async fn the_history_is_given_as_a_file_by_the_filter_of_the_page() {
    let lab = Lab::start().await;
    for n in 0..230 {
        draft(&lab, &format!("guest-{n}")).await;
    }
    let mut user = lab.signed_in("bo").await;
    lab.shown(lab.events().await).await;
    let csv = user.get("/history/export.csv?kind=declaration").await;
    assert_eq!(csv.status, StatusCode::OK);
    assert_eq!(csv.headers["content-disposition"], "attachment; filename=\"history.csv\"");
    let lines: Vec<&str> = csv.html.trim_end().split("\r\n").collect();
    assert_eq!(lines.len(), 231, "a head and every draft");
    assert!(lines[0].starts_with("position,time,person") && lines[1].contains("guest-229"), "{}", lines[1]);
    let json = user.get("/history/export.json?kind=declaration").await;
    let rows: Vec<serde_json::Value> = serde_json::from_str(&json.html).unwrap();
    assert_eq!(rows.len(), 230);
    let none = user.get("/history/export.json?person=nobody").await;
    assert_eq!(serde_json::from_str::<Vec<serde_json::Value>>(&none.html).unwrap().len(), 0);
}

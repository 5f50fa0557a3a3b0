//! Every route against everybody: the table of routes is the table of this test.

use crate::lab::Lab;
use api::{Access, routes};
use axum::http::StatusCode;

const KEY: &str = "00000000-0000-4000-8000-000000000001";

/// An address with ids that nothing has.
fn address(path: &str) -> String {
    path.replace("{id}", "00000000-0000-4000-8000-00000000abcd")
        .replace("{no}", "99")
        .replace("{vmid}", "99")
        .replace("{position}", "99999")
        .replace("{*path}", "declarations")
        .replace("{name}", "app-0.js")
}

#[tokio::test]
async fn each_route_lets_in_whom_it_names_and_nobody_else() {
    let lab = Lab::start().await;
    let before = lab.events().await;
    for route in routes().into_iter().filter(|route| matches!(route.access, Access::SignedIn | Access::Admin))
    {
        let mut nobody = lab.browser();
        let answer = match route.method {
            "GET" => nobody.get(&address(route.path)).await,
            _ => nobody.post(&address(route.path), &[("csrf", "x"), ("key", KEY)]).await,
        };
        let sent_away = answer.status == StatusCode::UNAUTHORIZED
            || (answer.status == StatusCode::SEE_OTHER && answer.location.starts_with("/sign-in"));
        assert!(sent_away, "{} {} let nobody in: {}", route.method, route.path, answer.status);
    }
    assert_eq!(lab.events().await, before, "somebody without a session left a trace");

    let mut user = lab.signed_in("bo").await;
    let csrf = user.csrf().await;
    let before = lab.events().await;
    for route in routes().into_iter().filter(|route| route.access == Access::Admin) {
        let answer = match route.method {
            "GET" => user.get(&address(route.path)).await,
            _ => user.post(&address(route.path), &[("csrf", &csrf), ("key", KEY)]).await,
        };
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{} {}", route.method, route.path);
        assert!(answer.html.contains("Ask one of: ada, cy."), "{}", answer.html);
    }
    assert_eq!(lab.events().await, before, "a User did an Admin's work");
}

#[tokio::test]
async fn no_form_is_taken_without_its_proof() {
    let lab = Lab::start().await;
    let mut admin = lab.signed_in("ada").await;
    let csrf = admin.csrf().await;
    let foreign = lab.signed_in("cy").await.csrf().await;
    let before = lab.events().await;
    for route in routes().into_iter().filter(|route| route.method == "POST") {
        let path = address(route.path);
        let no_token = admin.post(&path, &[("key", KEY)]).await;
        let others = admin.post(&path, &[("csrf", &foreign), ("key", KEY)]).await;
        let good = [("csrf", csrf.as_str()), ("key", KEY)];
        let other_site = admin.post_with(&path, &good, &[("origin", "https://evil.example")]).await;
        let cross = admin.post_with(&path, &good, &[("sec-fetch-site", "cross-site")]).await;
        let plain = admin.post_with(&path, &good, &[("content-type", "text/plain")]).await;
        for (case, answer) in [
            ("no token", no_token),
            ("another's token", others),
            ("foreign origin", other_site),
            ("cross-site", cross),
            ("another content type", plain),
        ] {
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{case}: POST {}", route.path);
        }
    }
    let after = lab.store_events_but_sign_in(before).await;
    assert_eq!(after, 0, "a form without proof left a trace");
}

#[tokio::test]
async fn addresses_that_lead_nowhere_say_so() {
    let lab = Lab::start().await;
    let mut admin = lab.signed_in("ada").await;
    for path in [
        "/nowhere",
        "/runs/91",
        "/runs/x",
        "/declarations/not-an-id",
        "/declarations/00000000-0000-4000-8000-00000000abcd",
        "/declarations/00000000-0000-4000-8000-00000000abcd/plans/1",
        "/cluster/guests/4711",
        "/history/99999999",
        "/history/-1",
        "/assets/../Cargo.toml",
    ] {
        let answer = admin.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}: {}", answer.html);
    }
    assert!(admin.get("/runs/91").await.html.contains("There is no run 91"));
}

#[tokio::test]
async fn every_page_is_drawn_for_who_may_see_it() {
    let lab = Lab::start().await;
    let mut admin = lab.signed_in("ada").await;
    for route in routes()
        .into_iter()
        .filter(|route| route.method == "GET" && !route.path.contains('{') && !route.path.ends_with("/live"))
    {
        let answer = admin.get(route.path).await;
        let fine = answer.status == StatusCode::OK || answer.status == StatusCode::SEE_OTHER;
        assert!(fine, "{}: {} {}", route.path, answer.status, answer.html);
        let policy = answer.headers.get("content-security-policy").unwrap().to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{}", route.path);
        assert_eq!(answer.headers.get("cache-control").unwrap(), "no-store", "{}", route.path);
    }
}

/// A route that is not in the table has no role: nothing else may add one.
#[test]
fn routes_are_added_in_one_place_only() {
    fn sources(folder: &std::path::Path, found: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else {
                found.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    sources(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    let adding: Vec<&str> =
        found.iter().filter(|(_, text)| text.contains(".route(")).map(|(path, _)| path.as_str()).collect();
    assert_eq!(adding.len(), 1, "{adding:?}");
    assert!(adding[0].ends_with("router.rs"));
    let mut table = routes();
    let all = table.len();
    table.dedup_by_key(|route| (route.method, route.path));
    assert_eq!(table.len(), all, "a route stands twice in the table");
}

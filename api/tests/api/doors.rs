//! Sessions and sign-in.

use crate::lab::{ADA, Lab, PASSWORD, actor};
use axum::http::StatusCode;
use domain::account::{Account, Command, Role};
use eventstore::Category;

#[tokio::test]
async fn the_session_cookie_is_bound_to_this_host_and_new_at_each_sign_in() {
    let lab = Lab::start().await;
    let mut browser = lab.browser();
    let first = browser.sign_in("ada", PASSWORD).await;
    let cookie = first.set_cookies.iter().find(|cookie| cookie.starts_with("__Host-mycopod=")).unwrap();
    for part in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Strict"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let old = browser.clone();
    let mut thief = old.clone();
    assert_eq!(thief.get("/account").await.status, StatusCode::OK);
    let page = browser.get("/account").await;
    let left = browser.submit(&page, "/sign-out", &[]).await;
    assert_eq!(left.location, "/sign-in");
    assert_eq!(thief.get("/account").await.status, StatusCode::SEE_OTHER, "the session outlived its end");
    browser.sign_in("ada", PASSWORD).await;
    assert_ne!(browser.cookies.get("__Host-mycopod"), old.cookies.get("__Host-mycopod"));
}

#[tokio::test]
async fn unknown_names_and_wrong_passwords_are_told_alike() {
    let lab = Lab::start().await;
    let wrong = lab.browser().sign_in("ada", "wrong password").await;
    let unknown = lab.browser().sign_in("eve", "wrong password").await;
    assert_eq!(
        (wrong.status, unknown.status),
        (StatusCode::UNPROCESSABLE_ENTITY, StatusCode::UNPROCESSABLE_ENTITY)
    );
    assert!(
        wrong.html.contains("Name or password is wrong.")
            && unknown.html.contains("Name or password is wrong.")
    );
    assert!(!wrong.html.contains("wrong password"), "the password came back");
}

#[tokio::test]
async fn after_five_failures_even_the_right_password_waits() {
    let lab = Lab::start().await;
    for _ in 0..5 {
        lab.browser().sign_in("ada", "wrong password").await;
    }
    let right = lab.browser().sign_in("ada", PASSWORD).await;
    assert_eq!(right.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(right.html.contains("Too many tries. Try again in "), "{}", right.html);
}

#[tokio::test]
async fn a_changed_password_ends_all_other_sessions() {
    let lab = Lab::start().await;
    let (mut here, mut there) = (lab.signed_in("bo").await, lab.signed_in("bo").await);
    let page = here.get("/account").await;
    let wrong = here
        .submit(&page, "/account/password", &[("old", "not this one"), ("new", "a new long password")])
        .await;
    assert!(wrong.html.contains("The present password is wrong."));
    let short = here.submit(&page, "/account/password", &[("old", PASSWORD), ("new", "short")]).await;
    assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
    let changed =
        here.submit(&page, "/account/password", &[("old", PASSWORD), ("new", "a new long password")]).await;
    assert!(here.follow(&changed).await.html.contains("The password is changed"));
    assert_eq!(there.get("/account").await.status, StatusCode::SEE_OTHER);
    assert_eq!(lab.browser().sign_in("bo", PASSWORD).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(lab.browser().sign_in("bo", "a new long password").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_disabled_account_is_out_at_once() {
    let lab = Lab::start().await;
    let mut bo = lab.signed_in("bo").await;
    let command = Command::Disable { by: actor(ADA, Role::Admin), other_admins: 1 };
    lab.command::<Account>(Category::Account, crate::lab::BO, command).await;
    assert_eq!(bo.get("/declarations").await.status, StatusCode::SEE_OTHER);
    assert!(lab.browser().sign_in("bo", PASSWORD).await.html.contains("This account is disabled."));
}

#[tokio::test]
async fn people_are_added_once_and_the_last_admin_stays() {
    let lab = Lab::start().await;
    let mut ada = lab.signed_in("ada").await;
    let page = ada.get("/settings/people").await;
    let fields = [("name", "dee"), ("password", "first password here"), ("role", "user")];
    let (first, again) = (
        ada.submit(&page, "/settings/people", &fields).await,
        ada.submit(&page, "/settings/people", &fields).await,
    );
    assert_eq!(first.status, StatusCode::SEE_OTHER, "{}", first.html);
    assert!(again.status == StatusCode::SEE_OTHER || again.status == StatusCode::CONFLICT);
    let shown = ada.follow(&first).await;
    assert_eq!(shown.html.matches(">dee<").count(), 1, "{}", shown.html);
    assert_eq!(lab.browser().sign_in("dee", "first password here").await.status, StatusCode::SEE_OTHER);

    let bad = [("name", "<script>"), ("password", "first password here"), ("role", "admin")];
    let refused = ada.submit(&shown, "/settings/people", &bad).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!refused.html.contains("<script>\"") && !refused.html.contains("first password here"));

    for (id, expected) in [(crate::lab::CY, StatusCode::SEE_OTHER), (ADA, StatusCode::CONFLICT)] {
        let page = ada.get("/settings/people").await;
        let answer = ada.submit(&page, &format!("/settings/people/{id}/role"), &[("role", "user")]).await;
        assert_eq!(answer.status, expected, "{}", answer.html);
        let position = lab.events().await;
        lab.shown(position).await;
    }
}

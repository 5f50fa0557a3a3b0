//! What a test of the token finds, and what it advises.

use crate::rig::{Kind, Rig, to};
use agent::repository::Repository;
use agent::repository::github::GitHub;
use domain::settings::{Check, Outcome};
use secrets::Secret;
use simulator::github::{GitHubFault, GitHubTrouble};

fn find<'a>(checks: &'a [Check], what: &str) -> &'a Check {
    checks.iter().find(|check| check.what == what).unwrap_or_else(|| panic!("no {what} in {checks:?}"))
}

/// The checks while every such request is answered so.
async fn while_answered(rig: &Rig, method: &str, path: &str, trouble: GitHubTrouble) -> Vec<Check> {
    rig.sim().inject(GitHubFault::once(method, path, trouble));
    let checks = rig.backend.examine().await;
    rig.sim().clear_faults();
    checks
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_may_all_is_told_so_and_nothing_is_written() {
    let rig = Rig::begun(Kind::GitHub).await;
    let before = rig.hand.log().await.unwrap();
    let checks = rig.backend.examine().await;
    assert!(checks.iter().all(|check| check.outcome == Outcome::Passed), "{checks:?}");
    for what in ["Token", "Repository", "Rights", "Branch", "Calls"] {
        find(&checks, what);
    }
    assert_eq!(rig.hand.log().await.unwrap(), before);
    assert!(rig.sim().calls().iter().all(|call| call.status != 201), "no object was made either");
    let local = Rig::begun(Kind::Local).await;
    assert!(local.backend.examine().await.is_empty(), "there is nothing to try");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_repository_is_noted_and_is_no_failure() {
    let rig = Rig::new(Kind::GitHub).await;
    let checks = rig.backend.examine().await;
    assert_eq!(find(&checks, "Rights").outcome, Outcome::Noted);
    assert_eq!(find(&checks, "Branch").outcome, Outcome::Noted);
    assert!(checks.iter().all(|check| check.outcome != Outcome::Failed), "{checks:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_thing_that_lacks_is_named_with_the_step_that_mends_it() {
    let rig = Rig::begun(Kind::GitHub).await;
    let mut config = to(rig.sim());
    config.token = Secret::from("github_pat_another");
    let wrong = GitHub::new(&config).unwrap().examine().await;
    let token = find(&wrong, "Token");
    assert!(
        token.found.contains("mistyped, expired or revoked (Bad")
            || token.found.contains("mistyped, expired or revoked")
    );
    assert!(
        token.next[0].contains(
            "/settings/personal-access-tokens/new: resource owner ada, only the repository homelab"
        )
    );
    assert!(!format!("{wrong:?}").contains("github_pat_another"));

    let wanted = GitHubTrouble::status_with(
        403,
        "Resource not accessible by personal access token",
        &[("x-accepted-github-permissions", "contents=write")],
    );
    let reads = while_answered(&rig, "POST", "/git/commits", wanted).await;
    let rights = find(&reads, "Rights");
    assert_eq!(
        (rights.outcome, rights.found.as_str()),
        (Outcome::Failed, "may read the contents, not write them")
    );
    assert!(rights.next[0].contains("Contents: Read and write") && rights.next[1].contains("contents=write"));

    let hidden =
        while_answered(&rig, "GET", "/repos/ada/homelab", GitHubTrouble::status(404, "Not Found")).await;
    let repository = find(&hidden, "Repository");
    assert!(repository.next.iter().any(|next| next.contains("repository access to ada/homelab")));
    assert!(repository.next.iter().any(|next| next.contains("its owner has to approve")));

    let sso = GitHubTrouble::status_with(
        403,
        "Resource protected by organization SAML",
        &[("x-github-sso", "required; url=https://x")],
    );
    let sso = while_answered(&rig, "GET", "/repos/ada/homelab", sso).await;
    assert!(
        find(&sso, "Token").next[0].contains("Configure SSO") && !format!("{sso:?}").contains("https://x")
    );

    let limit =
        GitHubTrouble::status_with(403, "You have exceeded a secondary rate limit", &[("retry-after", "40")]);
    let limit = while_answered(&rig, "GET", "/repos/ada/homelab", limit).await;
    assert!(find(&limit, "Calls").found.contains("40 s"));

    let moved =
        while_answered(&rig, "GET", "/repos/ada/homelab", GitHubTrouble::status(301, "Moved Permanently"))
            .await;
    assert!(find(&moved, "Repository").found.contains("renamed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ends_soon_is_noted() {
    let rig = Rig::begun(Kind::GitHub).await;
    for (days, outcome) in [(3, Outcome::Noted), (90, Outcome::Passed)] {
        let ends =
            (chrono::Utc::now() + chrono::TimeDelta::days(days)).format("%Y-%m-%d %H:%M:%S UTC").to_string();
        let headers = [("github-authentication-token-expiration", ends.as_str())];
        let seen = GitHubTrouble::status_with(200, "", &headers);
        let checks = while_answered(&rig, "GET", "/repos/ada/homelab", seen).await;
        let expiry = find(&checks, "Expiry");
        assert_eq!(expiry.outcome, outcome, "{expiry:?}");
        assert_eq!(expiry.next.is_empty(), outcome == Outcome::Passed);
    }
}

/// Whatever was refused before, a test asks again: something may have been changed at GitHub meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_test_does_not_wait_for_the_pause_after_a_refusal() {
    let rig = Rig::begun(Kind::GitHub).await;
    rig.sim().inject(GitHubFault::once("GET", "/git/ref/", GitHubTrouble::status(401, "Bad credentials")));
    assert!(rig.backend.tip().await.is_err() && rig.backend.tip().await.is_err());
    let checks = rig.backend.examine().await;
    assert!(checks.iter().all(|check| check.outcome == Outcome::Passed), "{checks:?}");
    assert!(rig.backend.tip().await.is_ok(), "and the way is open again");
}

//! What holds for GitHub besides: marks, limits, lost answers, refusals.

use crate::rig::{BOTH, Kind, Rig, file, line, lock, ours, to};
use agent::repository::github::GitHub;
use agent::repository::{Repository, RepositoryError, put_once};
use simulator::github::{GitHubFault, GitHubTrouble};
use std::time::Duration;

/// Commits on the branch that carry the line.
async fn times(rig: &Rig, name: &str) -> usize {
    let mut found = 0;
    for commit in rig.hand.log().await.unwrap() {
        found += usize::from(rig.hand.message(&commit).await.unwrap().contains(&line(name)));
    }
    found
}

/// As the publication does it: again and again until there is an answer that is not about waiting.
async fn put(rig: &Rig, name: &str) -> Result<String, RepositoryError> {
    for _ in 0..10 {
        match put_once(&*rig.backend, &ours(name, name), &line(name), &lock(name)).await {
            Err(error) if error.is_transient() => {}
            outcome => return outcome,
        }
    }
    panic!("it waits for ever");
}

#[tokio::test(flavor = "multi_thread")]
async fn said_twice_it_is_committed_once() {
    for kind in BOTH {
        let rig = Rig::begun(kind).await;
        let id = put(&rig, "a").await.unwrap();
        rig.hand.commit(&[("n.md", file("n"))], "between", "grace").await.unwrap();
        assert_eq!(put(&rig, "a").await.unwrap(), id, "{kind:?}");
        assert_eq!(times(&rig, "a").await, 1, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_commit_that_names_our_plan_is_not_taken_for_ours() {
    for kind in BOTH {
        let rig = Rig::begun(kind).await;
        let message = format!("forged\n\n{}\n", line("a"));
        let forged = rig.hand.commit(&[(&lock("a"), file("other"))], &message, "mallory").await.unwrap();
        let id = put(&rig, "a").await.unwrap();
        assert_ne!(id, forged, "{kind:?}");
        let lock_file = rig.backend.file(&id, &lock("a")).await.unwrap();
        assert_eq!(lock_file.as_deref(), Some(&b"# a\n"[..]), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_writers_at_once_both_get_their_commit() {
    for kind in BOTH {
        let rig = Rig::begun(kind).await;
        let (first, second) = tokio::join!(put(&rig, "a"), put(&rig, "b"));
        assert_ne!(first.unwrap(), second.unwrap(), "{kind:?}");
        assert_eq!((times(&rig, "a").await, times(&rig, "b").await), (1, 1), "{kind:?}");
        assert_eq!(rig.hand.log().await.unwrap().len(), 3, "{kind:?}");
    }
}

/// Every trouble at every call of one commit, its answer lost or its effect: one commit in the end.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_call_fails_in_whatever_way_there_is_one_commit() {
    let calls = [
        ("GET", "/git/ref/"),
        ("GET", "/commits"),
        ("GET", "/git/commits/"),
        ("POST", "/git/blobs"),
        ("POST", "/git/trees"),
        ("POST", "/git/commits"),
        ("PATCH", "/git/refs/"),
    ];
    let troubles = [
        GitHubTrouble::LostAnswer,
        GitHubTrouble::Drop,
        GitHubTrouble::Truncate,
        GitHubTrouble::Overtake,
        GitHubTrouble::status(500, "trouble"),
        GitHubTrouble::status(502, "bad gateway"),
    ];
    let conflicts =
        [GitHubTrouble::status(409, "conflict"), GitHubTrouble::status(422, "Update is not a fast forward")];
    let rig = Rig::begun(Kind::GitHub).await;
    let mut tried = 0;
    for (method, path) in calls {
        let of_writes = if method == "GET" { &[][..] } else { &conflicts[..] };
        for trouble in troubles.iter().chain(of_writes) {
            tried += 1;
            let name = format!("d{tried}");
            rig.sim().inject(GitHubFault::once(method, path, trouble.clone()));
            let id = put(&rig, &name).await.unwrap();
            assert_eq!(times(&rig, &name).await, 1, "{method} {path} {trouble:?}");
            assert_eq!(
                rig.backend.file(&id, &lock(&name)).await.unwrap().unwrap(),
                format!("# {name}\n").as_bytes()
            );
            rig.sim().clear_faults();
        }
    }
    assert_eq!(tried, 7 * 6 + 4 * 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_that_stays_ends_with_githubs_own_words() {
    let rig = Rig::begun(Kind::GitHub).await;
    let rule = GitHubTrouble::status(422, "Repository rule violations found");
    let mut fault = GitHubFault::once("PATCH", "/git/refs/", rule);
    fault.times = 0;
    rig.sim().inject(fault);
    let error = put(&rig, "a").await.unwrap_err();
    assert!(error.to_string().contains("Repository rule violations found"), "{error}");
    assert_eq!(times(&rig, "a").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_again_costs_nothing_while_nothing_changes() {
    let rig = Rig::begun(Kind::GitHub).await;
    let tip = rig.backend.tip().await.unwrap();
    let used = rig.sim().used();
    for _ in 0..5 {
        assert_eq!(rig.backend.commits_since(tip.as_deref()).await.unwrap(), []);
    }
    assert_eq!(rig.sim().used(), used);
    let answers: Vec<u16> = rig.sim().calls().iter().rev().take(5).map(|call| call.status).collect();
    assert_eq!(answers, [304; 5]);
    let next = rig.hand.commit(&[("n.md", file("n"))], "next", "grace").await.unwrap();
    let commits = rig.backend.commits_since(tip.as_deref()).await.unwrap();
    assert_eq!(commits.iter().map(|commit| &commit.id).collect::<Vec<_>>(), [&next]);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_github_asks_to_wait_nothing_is_sent() {
    let reset = (chrono::Utc::now().timestamp() + 600).to_string();
    let limits = [
        GitHubTrouble::status_with(429, "slow down", &[("retry-after", "600")]),
        GitHubTrouble::status_with(
            403,
            "You have exceeded a secondary rate limit",
            &[("retry-after", "600")],
        ),
        GitHubTrouble::status(403, "You have exceeded a secondary rate limit"),
        GitHubTrouble::status_with(
            403,
            "API rate limit exceeded",
            &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &reset)],
        ),
        GitHubTrouble::status_with(503, "later", &[("retry-after", "600")]),
    ];
    for limit in limits {
        let rig = Rig::begun(Kind::GitHub).await;
        rig.sim().inject(GitHubFault::once("GET", "", limit.clone()));
        let first = rig.backend.tip().await.unwrap_err();
        assert!(first.is_transient(), "{limit:?}: {first}");
        for _ in 0..3 {
            // The same words each time, so that a lasting state is one event.
            assert_eq!(rig.backend.tip().await.unwrap_err().to_string(), first.to_string());
            assert!(rig.backend.commit(&ours("a", "A")).await.is_err());
        }
        assert_eq!(rig.sim().calls().len(), 1, "{limit:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_wait_is_over_it_goes_on() {
    let rig = Rig::begun(Kind::GitHub).await;
    let limit = GitHubTrouble::status_with(429, "slow down", &[("retry-after", "0")]);
    rig.sim().inject(GitHubFault::once("GET", "", limit));
    assert!(rig.backend.tip().await.is_err());
    assert!(rig.backend.tip().await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_a_missing_right_and_a_hidden_repository_are_told_apart() {
    let rig = Rig::begun(Kind::GitHub).await;
    let with = |change: &dyn Fn(&mut agent::repository::github::GitHubConfig)| {
        let mut config = to(rig.sim());
        config.refused_pause = Duration::ZERO;
        change(&mut config);
        GitHub::new(&config).unwrap()
    };
    let said = async |github: &GitHub| match github.tip().await {
        Err(RepositoryError::Refused(said)) => said,
        other => panic!("{other:?}"),
    };
    let wrong = with(&|config| config.token = secrets::Secret::from("github_pat_wrong"));
    let text = said(&wrong).await;
    assert!(text.contains("refuses the token") && !text.contains("github_pat"), "{text}");
    let hidden = with(&|config| config.name = "other".into());
    assert!(said(&hidden).await.contains("no such repository"));
    let other_branch = with(&|config| config.branch = "other".into());
    assert_eq!(other_branch.tip().await.unwrap(), None);
    let right = GitHubTrouble::status(403, "Resource not accessible by personal access token");
    rig.sim().inject(GitHubFault::once("GET", "", right));
    let github = with(&|_| {});
    assert!(said(&github).await.contains("lacks a right"));
    assert!(github.tip().await.unwrap().is_some(), "it goes on when the right is there");
    let redirect = GitHubTrouble::status_with(301, "Moved", &[("location", "http://127.0.0.1:1/evil")]);
    rig.sim().inject(GitHubFault::once("GET", "", redirect));
    assert!(said(&github).await.contains("another address"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_or_absent_github_is_unavailable_and_comes_back() {
    let rig = Rig::begun(Kind::GitHub).await;
    let mut config = to(rig.sim());
    config.call_wait = Duration::from_millis(200);
    let github = GitHub::new(&config).unwrap();
    for trouble in [GitHubTrouble::Silence, GitHubTrouble::Drop, GitHubTrouble::Truncate] {
        rig.sim().inject(GitHubFault::once("GET", "", trouble.clone()));
        let outcome = github.tip().await;
        assert!(matches!(outcome, Err(RepositoryError::Unavailable(_))), "{trouble:?}: {outcome:?}");
    }
    assert!(github.tip().await.unwrap().is_some());
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    config.api = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let error = GitHub::new(&config).unwrap().tip().await.unwrap_err();
    assert!(error.to_string().contains("no connection"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_branch_beside_others_is_no_empty_repository() {
    let rig = Rig::begun(Kind::GitHub).await;
    let tip = rig.hand.tip().await.unwrap().unwrap();
    // The same repository, looked at by a name that no branch has.
    let mut config = to(rig.sim());
    config.branch = "feature/new".into();
    let github = GitHub::new(&config).unwrap();
    assert_eq!(github.tip().await.unwrap(), None);
    let gone = github.commits_since(Some(&tip)).await;
    assert!(matches!(gone, Err(RepositoryError::Rewritten(_))), "{gone:?}");
    // A first commit makes the branch, from nothing.
    let id = github.commit(&ours("a", "A")).await.unwrap();
    assert_eq!(github.tip().await.unwrap(), Some(id));
    assert_eq!(rig.hand.tip().await.unwrap(), Some(tip), "other branches stay");
}

//! The whole way with the repository at GitHub: one commit, one run; and GitHub away, slow or against us meanwhile.

use crate::SCRATCH;
use domain::declaration::{Declaration, Status};
use domain::event::Category;
use domain::ids::REPOSITORY;
use domain::repository::{Event, Repository};
use domain::run::{self, Run};
use eventstore::{EventLog, StreamId};
use simulator::github::{GitHubFault, GitHubTrouble};
use tests::{ADA, World, settled};

/// Commits on the branch whose message has this text.
async fn with(world: &World, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for commit in world.hand().log().await.unwrap() {
        if world.hand().message(&commit).await.unwrap().contains(text) {
            found.push(commit);
        }
    }
    found
}

async fn about_repository(world: &World) -> Vec<Event> {
    let stream = StreamId::new(Category::Repository, REPOSITORY);
    let history = world.store.read_stream(stream, 1).await.unwrap();
    history.iter().map(|recorded| eventstore::decode(recorded).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_plan_becomes_one_commit_at_github_and_is_carried_out() {
    let world = World::start_at_github().await;
    let agent = world.agent();
    let (id, _) = world.declare(SCRATCH).await;
    let digest = world.approve(id).await;
    assert_eq!(
        with(&world, "MycoPod-Plan").await,
        [] as [String; 0],
        "nothing is committed before it is asked for"
    );
    world.commit(id, &digest, ADA).await;
    let run = world.run_of(id, &digest).await;
    let run = world.until::<Run>(Category::Run, run.0, settled).await;
    assert_eq!(run.status, run::Status::Completed);
    assert_eq!(world.guests_named("scratch"), 1);
    let commits = with(&world, &format!("MycoPod-Plan: {digest}")).await;
    assert_eq!(commits.len(), 1);
    let message = world.hand().message(&commits[0]).await.unwrap();
    assert!(
        message.contains("\nMycoPod-Approved-By: ada\n") && message.contains("\nMycoPod-Log: "),
        "{message}"
    );
    let state: Declaration = world.load(Category::Declaration, id.0).await;
    assert_eq!(state.status, Status::Committed { commit: commits[0].clone() });
    let token = std::fs::read_to_string(world.dir.path().join("keys/github-token")).unwrap();
    let told = format!("{:?}{:?}", about_repository(&world).await, world.github.as_ref().unwrap().calls());
    assert!(!told.contains(token.trim()), "the token is nowhere");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn github_that_is_away_is_told_once_and_everything_goes_on_when_it_is_back() {
    let world = World::start_at_github().await;
    let github = world.github.as_ref().unwrap();
    let agent = world.agent();
    let (id, _) = world.declare(SCRATCH).await;
    let digest = world.approve(id).await;
    github.inject(GitHubFault::always(GitHubTrouble::Drop));
    world.commit(id, &digest, ADA).await;
    world.until::<Repository>(Category::Repository, REPOSITORY, |state| state.failing.is_some()).await;
    // The Agent keeps running: another text is previewed meanwhile.
    let (_, other) = world.declare(crate::PIHOLE).await;
    assert_eq!(other.status, Status::Proposed);
    let state: Declaration = world.load(Category::Declaration, id.0).await;
    assert!(matches!(state.status, Status::Committing { .. }), "{:?}", state.status);
    assert_eq!(world.mutations(), 0);
    github.clear_faults();
    let run = world.run_of(id, &digest).await;
    let run = world.until::<Run>(Category::Run, run.0, settled).await;
    assert_eq!(run.status, run::Status::Completed);
    assert_eq!(with(&world, &format!("MycoPod-Plan: {digest}")).await.len(), 1);
    let failed = |event: &&Event| matches!(event, Event::PollFailed { .. });
    let recovered = |event: &&Event| matches!(event, Event::PollRecovered {});
    let events = about_repository(&world).await;
    assert_eq!(
        (events.iter().filter(failed).count(), events.iter().filter(recovered).count()),
        (1, 1),
        "{events:?}"
    );
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_and_an_agent_killed_behind_it_leave_one_commit_and_one_run() {
    let world = World::start_at_github().await;
    let github = world.github.as_ref().unwrap();
    let agent = world.agent();
    let (id, _) = world.declare(SCRATCH).await;
    let digest = world.approve(id).await;
    github.inject(GitHubFault::once("PATCH", "/git/refs/", GitHubTrouble::LostAnswer));
    github.inject(GitHubFault::once("POST", "/git/refs", GitHubTrouble::LostAnswer));
    world.commit(id, &digest, ADA).await;
    // The commit is on the branch, and nobody here knows it yet.
    let plan = format!("MycoPod-Plan: {digest}");
    while with(&world, &plan).await.is_empty() {
        tokio::task::yield_now().await;
    }
    agent.stop().await;
    let agent = world.agent();
    let run = world.run_of(id, &digest).await;
    let run = world.until::<Run>(Category::Run, run.0, settled).await;
    assert_eq!(run.status, run::Status::Completed);
    assert_eq!(with(&world, &plan).await.len(), 1);
    assert_eq!(world.guests_named("scratch"), 1);
    agent.stop().await;
}

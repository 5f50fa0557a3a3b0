//! Something is gone: it is said plainly, nothing is lost, and it goes on when it is back.

use crate::SCRATCH;
use domain::declaration::{Declaration, Failure, Status};
use domain::event::Category;
use domain::ids::REPOSITORY;
use domain::repository::Repository;
use domain::run::{self, Run};
use eventstore::EventLog;
use tests::{ADA, World, settled};

#[tokio::test(flavor = "multi_thread")]
async fn without_the_cluster_a_preview_ends_with_what_to_do() {
    let world = World::start().await;
    let agent = world.agent();
    world.sim.inject(simulator::FaultRule {
        id: "away".into(),
        matches: simulator::FaultMatch::default(),
        nth: None,
        probability: None,
        action: simulator::FaultAction::Reset,
    });
    let (id, state) = world.declare(SCRATCH).await;
    match state.status {
        Status::Failed { failure: Failure::Unavailable { text, advice } } => {
            assert!(text.contains("cluster") && !advice.is_empty(), "{text} {advice}");
        }
        other => panic!("{other:?}"),
    }
    world.sim.clear_faults();
    let (_, again) = world.preview(id).await;
    assert_eq!(again.status, Status::Proposed, "the text was kept");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_repository_a_commit_waits_and_then_goes_on() {
    let world = World::start().await;
    let agent = world.agent();
    let (id, _) = world.declare(SCRATCH).await;
    let digest = world.approve(id).await;
    let away = world.dir.path().join("away.git");
    std::fs::rename(world.repository(), &away).unwrap();
    world.commit(id, &digest, ADA).await;
    // The watcher tells it once; the commit is still asked for.
    world.until::<Repository>(Category::Repository, REPOSITORY, |state| state.failing.is_some()).await;
    let state: Declaration = world.load(Category::Declaration, id.0).await;
    assert!(matches!(state.status, Status::Committing { .. }), "{:?}", state.status);
    assert_eq!(world.mutations(), 0);
    std::fs::rename(&away, world.repository()).unwrap();
    let run = world.run_of(id, &digest).await;
    let run = world.until::<Run>(Category::Run, run.0, settled).await;
    assert_eq!(run.status, run::Status::Completed);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_killed_in_the_middle_of_a_run_loses_nothing() {
    let mut world = World::start().await;
    let agent = world.agent();
    let (id, _) = world.declare(SCRATCH).await;
    let digest = world.approve(id).await;
    world.commit(id, &digest, ADA).await;
    let run = world.run_of(id, &digest).await;
    world.until::<Run>(Category::Run, run.0, |run| run.status != run::Status::None).await;
    world.postgres.crash().await.unwrap();
    world.postgres.restart().await.unwrap();
    while world.store.head().await.is_err() {
        tokio::task::yield_now().await;
    }
    let run = world.until::<Run>(Category::Run, run.0, settled).await;
    assert_eq!(run.status, run::Status::Completed);
    assert_eq!(world.guests_named("scratch"), 1);
    agent.stop().await;
}

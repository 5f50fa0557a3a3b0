//! Faults of the cluster: tried again with waiting times, then a pause with advice, then Resume.

use crate::SCRATCH;
use domain::event::Category;
use domain::run::{self, Command, Event, Run};
use eventstore::{EventLog, StreamId};
use simulator::{FaultAction, FaultMatch, FaultRule};
use tests::{ADA, World, settled};

fn on_clone(action: FaultAction, times: u32) -> FaultRule {
    FaultRule {
        id: "clone".into(),
        matches: FaultMatch {
            method: Some("POST".into()),
            path: Some("/nodes/*/qemu/*/clone".into()),
            node: None,
        },
        nth: Some((1, times)),
        probability: None,
        action,
    }
}

async fn events(world: &World, run: uuid::Uuid) -> Vec<Event> {
    let history = world.store.read_stream(StreamId::new(Category::Run, run), 1).await.unwrap();
    history.iter().map(|recorded| eventstore::decode(recorded).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transient_fault_is_tried_again_after_a_recorded_wait() {
    let world = World::start().await;
    let agent = world.agent();
    let (id, _) = world.declare(SCRATCH).await;
    let busy = FaultAction::LockText;
    assert!(world.sim.inject(on_clone(busy, 1)));
    let digest = world.approve(id).await;
    world.commit(id, &digest, ADA).await;
    let run = world.run_of(id, &digest).await;
    let state = world.until::<Run>(Category::Run, run.0, settled).await;
    assert_eq!(state.status, run::Status::Completed);
    let waits: Vec<u64> = events(&world, run.0)
        .await
        .into_iter()
        .filter_map(|event| match event {
            Event::RetryScheduled { attempt: 2, wait_ms, .. } => Some(wait_ms),
            _ => None,
        })
        .collect();
    assert_eq!(waits.len(), 1);
    assert!((800..=1_200).contains(&waits[0]), "{waits:?}");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_three_attempts_a_run_pauses_with_advice_and_resume_finishes_it() {
    let world = World::start().await;
    let agent = world.agent();
    let (id, _) = world.declare(SCRATCH).await;
    let busy = FaultAction::LockText;
    assert!(world.sim.inject(on_clone(busy, 100)));
    let digest = world.approve(id).await;
    world.commit(id, &digest, ADA).await;
    let run = world.run_of(id, &digest).await;
    let state = world.until::<Run>(Category::Run, run.0, settled).await;
    let run::Status::Paused { cause, advice } = &state.status else { panic!("{:?}", state.status) };
    assert!(cause.contains("3 attempts"), "{cause}");
    assert!(!advice.is_empty());
    let issued =
        events(&world, run.0).await.into_iter().filter(|e| matches!(e, Event::CallIssued { .. })).count();
    assert_eq!(issued, 3);
    world.sim.clear_faults();
    world.tell::<Run>(Category::Run, run.0, Command::Resume { by: ADA }).await;
    let state = world.until::<Run>(Category::Run, run.0, Run::is_over).await;
    assert_eq!(state.status, run::Status::Completed);
    assert_eq!(world.guests_named("scratch"), 1);
    let replayed = world.bundle(run).await.replay().unwrap();
    assert!(replayed.is_ok(), "{replayed:?}");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_lost_after_the_effect_makes_no_second_guest() {
    let world = World::start().await;
    let agent = world.agent();
    let (id, _) = world.declare(SCRATCH).await;
    assert!(world.sim.inject(on_clone(FaultAction::DropAfterEffect, 1)));
    let run = world.apply(id).await;
    assert_eq!(run.status, run::Status::Completed);
    assert_eq!(world.guests_named("scratch"), 1);
    let lost = world.sim.ledger().into_iter().filter(|entry| !entry.delivered).count();
    assert_eq!(lost, 1, "the answer was really lost");
    let clones = world.sim.ledger().into_iter().filter(|entry| entry.path.ends_with("/clone")).count();
    assert_eq!(clones, 1, "nothing was sent twice");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frozen_writes_leave_nothing_and_go_on_after_thawing() {
    use domain::cluster::{self, Cluster};
    use domain::ids::CLUSTER;
    let world = World::start().await;
    let agent = world.agent();
    let (id, _) = world.declare(SCRATCH).await;
    let freeze = cluster::Command::Freeze { by: Some(ADA), reason: "storm".into() };
    world.tell::<Cluster>(Category::Cluster, CLUSTER, freeze).await;
    let paused = world.apply(id).await;
    assert!(
        matches!(&paused.status, run::Status::Paused { cause, .. } if cause.contains("storm")),
        "{:?}",
        paused.status
    );
    assert_eq!(world.mutations(), 0);
    world.tell::<Cluster>(Category::Cluster, CLUSTER, cluster::Command::Thaw { by: Some(ADA) }).await;
    let digest = paused.digest.clone().unwrap();
    let run = world.run_of(id, &digest).await;
    world.tell::<Run>(Category::Run, run.0, Command::Resume { by: ADA }).await;
    let state = world.until::<Run>(Category::Run, run.0, Run::is_over).await;
    assert_eq!(state.status, run::Status::Completed);
    agent.stop().await;
}

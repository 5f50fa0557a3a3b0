//! Undoing a run, trying a step again, stopping: an Admin's words, and what the cluster then holds.

use crate::{SCRATCH, THREE};
use domain::event::Category;
use domain::run::{self, Cause, Command, Run, way_back};
use simulator::{FaultAction, FaultMatch, FaultRule};
use tests::{ADA, World, settled};

fn refuse(id: &str, path: &str, nth: Option<(u32, u32)>) -> FaultRule {
    FaultRule {
        id: id.into(),
        matches: FaultMatch { method: Some("POST".into()), path: Some(path.into()), node: None },
        nth,
        probability: None,
        action: FaultAction::Status { code: 500, reason: "no such thing".into() },
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_run_is_undone_and_the_cluster_is_as_before() {
    let world = World::start().await;
    let agent = world.agent();
    let before = world.sim.state_json()["guests"].clone();
    let (id, _) = world.declare(SCRATCH).await;
    let done = world.apply(id).await;
    assert_eq!(done.status, run::Status::Completed);
    assert_eq!(world.guests_named("scratch"), 1);
    let back = way_back::plan(&done).expect("there is a way back");
    let digest = back.digest();
    let run = world.run_of(id, done.digest.as_ref().unwrap()).await;
    let undo = Command::Undo { by: ADA, digest: digest.clone(), confirmed: vec!["scratch".into()] };
    world.tell::<Run>(Category::Run, run.0, undo.clone()).await;
    let undoing = run::undo_id(run, &digest);
    let undone = world.until::<Run>(Category::Run, undoing.0, settled).await;
    assert_eq!(undone.status, run::Status::Completed, "{undone:?}");
    assert!(matches!(undone.cause, Cause::Undo { by, .. } if by == ADA.id));
    assert_eq!(world.sim.state_json()["guests"], before, "nothing is left of it");
    // Said twice, done once.
    let mutations = world.mutations();
    world.tell::<Run>(Category::Run, run.0, undo).await;
    agent.stop().await;
    let agent = world.agent();
    world.look().await;
    assert_eq!(world.mutations(), mutations);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_failed_half_way_is_undone_and_nothing_is_left() {
    let world = World::start().await;
    let agent = world.agent();
    let before = world.sim.state_json()["guests"].clone();
    assert!(world.sim.inject(refuse("start", "/nodes/*/qemu/*/status/start", None)));
    let (id, _) = world.declare(THREE).await;
    let paused = world.apply(id).await;
    assert!(matches!(paused.status, run::Status::Paused { .. }), "{:?}", paused.status);
    world.sim.clear_faults();
    let run = world.run_of(id, paused.digest.as_ref().unwrap()).await;
    // Other lanes may still be on their way to their end.
    let still = world.until::<Run>(Category::Run, run.0, |run| !run.is_under_way()).await;
    let back = way_back::plan(&still).expect("there is a way back");
    let confirmed = back.names_to_confirm();
    assert!(!confirmed.is_empty());
    world
        .tell::<Run>(Category::Run, run.0, Command::Undo { by: ADA, digest: back.digest(), confirmed })
        .await;
    let undone = world.until::<Run>(Category::Run, run::undo_id(run, &back.digest()).0, settled).await;
    assert_eq!(undone.status, run::Status::Completed, "{undone:?}");
    assert_eq!(world.sim.state_json()["guests"], before);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_step_is_tried_again_and_the_run_goes_on() {
    let world = World::start().await;
    let agent = world.agent();
    assert!(world.sim.inject(refuse("clone", "/nodes/*/qemu/*/clone", Some((1, 1)))));
    let (id, _) = world.declare(SCRATCH).await;
    let paused = world.apply(id).await;
    assert!(matches!(paused.status, run::Status::Paused { .. }), "{:?}", paused.status);
    let run = world.run_of(id, paused.digest.as_ref().unwrap()).await;
    world.tell::<Run>(Category::Run, run.0, Command::TryAgain { by: ADA, step: Some(0) }).await;
    let done = world.until::<Run>(Category::Run, run.0, settled).await;
    assert_eq!(done.status, run::Status::Completed);
    assert_eq!(world.guests_named("scratch"), 1);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_of_one_template_never_run_at_once_and_other_steps_do_not_wait_for_them() {
    let world = World::start().await;
    let agent = world.agent();
    let (id, _) = world.declare(THREE).await;
    let run = world.apply(id).await;
    assert_eq!(run.status, run::Status::Completed);
    let id = world.run_of(id, run.digest.as_ref().unwrap()).await;
    use eventstore::{EventLog, StreamId};
    let history = world.store.read_stream(StreamId::new(Category::Run, id.0), 1).await.unwrap();
    let plan = run.plan.as_ref().unwrap();
    let (mut copying, mut most) = (0_i32, 0_i32);
    let (mut under_way, mut side_by_side) = (std::collections::BTreeSet::new(), 0);
    for recorded in &history {
        match eventstore::decode::<run::Event>(recorded).unwrap() {
            run::Event::CallIssued { at, .. } => {
                let call = &plan.steps[at.step].calls[at.call];
                copying += i32::from(call.path.ends_with("/clone"));
                most = most.max(copying);
                under_way.insert(at.step);
                side_by_side = side_by_side.max(under_way.len());
            }
            run::Event::CallSettled { at, done: true, .. } => {
                let call = &plan.steps[at.step].calls[at.call];
                copying -= i32::from(call.path.ends_with("/clone"));
            }
            run::Event::StepSucceeded { step } => {
                under_way.remove(&step);
            }
            _ => {}
        }
    }
    assert_eq!(most, 1, "one copy of a template at a time");
    assert!(side_by_side >= 2, "a guest is started while the next one is copied");
    agent.stop().await;
}

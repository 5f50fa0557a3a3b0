//! One writer: a leader that is stopped and goes on later neither writes nor acts.

use crate::SCRATCH;
use domain::event::Category;
use domain::run::{self, Run};
use std::process::{Child, Command};
use tests::{ADA, World};

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().expect("kill is there");
    assert!(sent.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_was_stopped_and_goes_on_does_nothing_twice() {
    let world = World::start().await;
    let preparing = world.agent();
    let (id, _) = world.declare(SCRATCH).await;
    let digest = world.approve(id).await;
    preparing.stop().await;
    // Long enough to be stopped in the middle of it.
    assert!(world.sim.inject(simulator::FaultRule {
        id: "slow".into(),
        matches: simulator::FaultMatch {
            method: Some("POST".into()),
            path: Some("/nodes/*/qemu/*/clone".into()),
            node: None,
        },
        nth: None,
        probability: None,
        action: simulator::FaultAction::TaskSlow { factor: 100.0 },
    }));
    let (log, program) = (world.dir.path().join("kills"), env!("CARGO_BIN_EXE_mycopod-lab"));
    let mut leader = world.lab_agent(program, &log, "never");
    // Kept open: it would end by itself when its parent lets go of it.
    let pipe = leader.stdin.take();
    world.commit(id, &digest, ADA).await;
    let run = world.run_of(id, &digest).await;
    let under_way = |run: &Run| run.progress.iter().any(|step| matches!(step.phase, run::Phase::Task { .. }));
    world.until::<Run>(Category::Run, run.0, under_way).await;
    signal(&leader, "-STOP");

    // Another one, on another machine as it were: it waits until the lease has run out, and goes on.
    let second = world.agent();
    let done = world.until::<Run>(Category::Run, run.0, Run::is_over).await;
    assert_eq!(done.status, run::Status::Completed);
    let (mutations, head) = (world.mutations(), world.bundle(run).await.events.len());

    // The first one finds that it is no longer the leader, and ends.
    signal(&leader, "-CONT");
    let ended = leader.wait().expect("it can be waited for");
    assert!(!ended.success(), "it says that it was fenced");
    drop(pipe);
    assert_eq!(world.mutations(), mutations, "it sent nothing");
    assert_eq!(world.bundle(run).await.events.len(), head, "it wrote nothing");
    assert_eq!(world.guests_named("scratch"), 1);
    second.stop().await;
}

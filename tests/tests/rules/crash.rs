//! The Agent is killed at every point of every call, and the cluster holds exactly what was declared.

use crate::THREE;
use domain::event::Category;
use domain::run::{self, Run};
use std::time::Duration;
use tests::{ADA, World, settled};

/// Kills the issue asks for, at least.
const KILLS_MIN: usize = 40;

#[tokio::test(flavor = "multi_thread")]
async fn killed_anywhere_the_agent_makes_each_guest_once_and_loses_nothing() {
    let kills = killed("").await;
    for point in ["before intent", "after intent", "after bytes sent", "after answer", "during back-off"] {
        assert!(kills.lines().any(|kill| kill.starts_with(point)), "never killed {point}");
    }
    assert!(kills.lines().count() >= KILLS_MIN, "only {} kills", kills.lines().count());
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_the_outcome_and_while_tasks_run_it_goes_on_where_it_was() {
    let kills = killed("after outcome,while the task runs,before task end").await;
    for point in ["after outcome", "while the task runs", "before task end"] {
        assert!(kills.lines().any(|kill| kill.starts_with(point)), "never killed {point}");
    }
}

/// Text 2 with the Agent killed at these points (none named: all), started again each time. Answers with the kills.
async fn killed(at: &str) -> String {
    let world = World::start().await;
    let preparing = world.agent();
    let (id, _) = world.declare(THREE).await;
    let digest = world.approve(id).await;
    preparing.stop().await;

    // Slow enough that the Agent can be killed between its bytes and the answer.
    assert!(world.sim.inject(simulator::FaultRule {
        id: "slow".into(),
        matches: simulator::FaultMatch { method: Some("POST".into()), ..Default::default() },
        nth: None,
        probability: None,
        action: simulator::FaultAction::DelayMs { ms: 60 },
    }));
    let kill_log = world.dir.path().join("kills");
    world.commit(id, &digest, ADA).await;
    let mut starts = 0;
    let run = loop {
        let mut agent = world.lab_agent(env!("CARGO_BIN_EXE_mycopod-lab"), &kill_log, at);
        starts += 1;
        let died = wait_for_death_or_end(&world, id, &digest, &mut agent).await;
        if let Some(run) = died {
            drop(agent.stdin.take());
            agent.wait().expect("the agent stops");
            break run;
        }
        assert!(starts < 400, "the agent never gets through");
    };
    assert_eq!(run.status, run::Status::Completed);
    assert_eq!((run.done, run.already), (6, 0), "every step was done, none found done by somebody else");

    let kills = std::fs::read_to_string(&kill_log).unwrap();
    let plan = run.plan.as_ref().unwrap();
    for step in plan.steps.iter().filter(|step| step.subject.vmid.is_some()) {
        assert_eq!(world.guests_named(&step.subject.name), 1, "{}", step.subject.name);
    }
    // By the cluster's own account: each guest was cloned once.
    let clones: Vec<_> = world
        .sim
        .ledger()
        .into_iter()
        .filter(|entry| entry.path.ends_with("/clone") && entry.effect)
        .collect();
    assert_eq!(clones.len(), 3, "{clones:?}");
    // However often it died, each decision follows from what was recorded: today's code makes the same ones.
    let bundle = world.bundle(world.run_of(id, &digest).await).await;
    let decided = bundle.replay().unwrap().unwrap_or_else(|divergence| panic!("{divergence}"));
    assert!(decided > 30, "only {decided} decisions");
    kills
}

/// None if the process died, the run if it ended.
async fn wait_for_death_or_end(
    world: &World,
    id: domain::ids::DeclarationId,
    digest: &domain::canonical::Digest,
    agent: &mut std::process::Child,
) -> Option<Run> {
    let mut look = tokio::time::interval(Duration::from_millis(20));
    loop {
        look.tick().await;
        if agent.try_wait().expect("the process can be asked").is_some() {
            return None;
        }
        let state: domain::declaration::Declaration = world.load(Category::Declaration, id.0).await;
        if let domain::declaration::Status::Committed { commit } = state.status {
            let run: Run = world.load(Category::Run, run::id_for(id, &commit, digest).0).await;
            if settled(&run) {
                return Some(run);
            }
        }
    }
}

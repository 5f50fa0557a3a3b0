//! R1 to R4 for every kind of step: an error at each call, death at each boundary, everything twice, undone twice.
//!
//! A kind of step without an entry in the registry fails the test.

use crate::plans::{self, KINDS};
use crate::state::Faults;
use crate::story::Story;
use domain::ids::RunId;
use domain::plan::{Condition, Guard, Plan, Reverse};
use domain::run::{Cause, Status};
use domain::upcast::variants;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Kills that all kinds together must have seen.
const KILLS_MIN: usize = 1_000;

/// Kinds that no plan of the registry has, because the model does not know their calls. A new kind that is in neither place
/// fails the test; one that gets a plan has to leave this list.
const UNTRIED: [&str; 15] = [
    "guest-adopted",
    "guest-on",
    "disk-on",
    "snapshot-is",
    "task-done",
    "pool-exists",
    "pool-has",
    "pool-gone",
    "ha-is",
    "ha-gone",
    "backup-job-is",
    "backup-job-gone",
    "backup-made",
    "guest-unmarked",
    "backup-job-free",
];

fn registry() -> Vec<(&'static str, Plan)> {
    KINDS.iter().map(|(name, text)| (*name, plans::plan(text))).collect()
}

/// What is undone can be undone whole.
fn is_reversible(plan: &Plan) -> bool {
    plan.steps_to_do().all(|step| matches!(step.reverse, Reverse::Calls { .. }))
}

fn calls(plan: &Plan) -> usize {
    plan.steps.iter().map(|step| step.calls.len()).sum()
}

#[test]
fn every_kind_of_condition_and_guard_is_in_the_registry() {
    let text =
        serde_json::to_string(&registry().into_iter().map(|(_, plan)| plan).collect::<Vec<_>>()).unwrap();
    for (key, names) in
        [("when", variants::<Condition>(Some("when"))), ("guard", variants::<Guard>(Some("guard")))]
    {
        for name in names {
            let tried = text.contains(&format!(r#""{key}":"{name}""#));
            assert!(
                tried != UNTRIED.contains(name),
                "{key} {name}: a plan of the registry has it, or it stands among those without, and not both"
            );
        }
    }
    let kinds: BTreeSet<&str> = KINDS.iter().map(|(name, _)| *name).collect();
    assert_eq!(kinds.len(), KINDS.len());
}

#[test]
fn r1_an_error_at_any_call_pauses_exactly_there_and_undoing_leaves_nothing() {
    for (name, plan) in registry() {
        for call in 0..calls(&plan) {
            let mut story = Story::new(1, &plan, Faults::default());
            let before = story.shared.state();
            story.shared.world().refuse_send = Some(call);
            story.run_to_its_pause();
            let told = format!("{name}, error at call {call}");
            story.assert_well(&told);
            let run = story.state();
            assert!(matches!(run.status, Status::Paused { .. }), "{told}: {:?}", run.status);
            assert_eq!(run.progress.iter().filter(|step| step.held).count(), 1, "{told}");
            if is_reversible(&plan) {
                story.undo();
                story.assert_well(&format!("{told}, undone"));
                assert_eq!(story.shared.state(), before, "{told}: undone");
            } else {
                story.run_to_its_end();
                assert_eq!(story.state().status, Status::Completed, "{told}");
            }
        }
    }
}

#[test]
fn r2_killed_at_every_boundary_everything_is_done_once() {
    let mut kills = 0;
    for (name, plan) in registry() {
        let mut whole = Story::new(1, &plan, Faults::default());
        whole.run_to_its_end();
        whole.assert_well(name);
        assert_eq!(whole.state().status, Status::Completed, "{name}");
        let (end, made, boundaries) = {
            let world = whole.shared.world();
            (world.model.state(), world.model.made.clone(), world.passed)
        };
        for boundary in 1..=boundaries {
            let mut story = Story::new(1, &plan, Faults::default());
            story.shared.world().die_at = Some(boundary);
            story.run_to_its_end();
            let told = format!("{name}, killed at boundary {boundary} of {boundaries}");
            story.assert_well(&told);
            assert_eq!(story.kills, 1, "{told}");
            kills += story.kills;
            assert_eq!(story.state().status, Status::Completed, "{told}");
            let world = story.shared.world();
            assert_eq!(world.model.state(), end, "{told}: lost, or an orphan");
            assert_eq!(world.model.made, made, "{told}: made twice");
        }
    }
    println!("{kills} kills");
    assert!(kills >= KILLS_MIN, "only {kills} kills");
}

#[test]
fn r3_killed_at_random_again_and_again_it_ends_the_same() {
    for (name, plan) in registry() {
        let mut whole = Story::new(1, &plan, Faults::default());
        whole.run_to_its_end();
        let end = whole.shared.state();
        for seed in 0..30 {
            let mut story = Story::new(seed, &plan, Faults::default());
            let mut chance = crate::clock::Chance::new(seed);
            for _ in 0..6 {
                let passed = story.shared.world().passed;
                story.shared.world().die_at = Some(passed + 1 + chance.below(25));
                story.run_until_it_dies();
            }
            story.run_to_its_end();
            story.assert_well(&format!("{name}, seed {seed}"));
            assert_eq!(story.shared.state(), end, "{name}, seed {seed}");
        }
    }
}

#[test]
fn r4_twice_is_once_and_undone_twice_is_undone_once() {
    for (name, plan) in registry() {
        let mut story = Story::new(1, &plan, Faults::default());
        let before = story.shared.state();
        story.run_to_its_end();
        let (first, sends) = (story.run, story.shared.world().sends);
        let end = story.shared.state();
        story.begin(RunId(Uuid::from_u128(2)), &plan, Cause::Commit);
        story.run_to_its_end();
        story.assert_well(&format!("{name}, twice"));
        assert_eq!(story.shared.world().sends, sends, "{name}: nothing is sent the second time");
        assert_eq!(story.state().already, plan.steps.len(), "{name}");
        assert_eq!(story.shared.state(), end, "{name}");
        if !is_reversible(&plan) {
            continue;
        }
        story.run = first;
        assert!(story.undo(), "{name} has a way back");
        story.assert_well(&format!("{name}, undone"));
        assert_eq!(story.shared.state(), before, "{name}, undone");
        // The same way back once more finds nothing to do, or stops: it sends nothing.
        let (again, sends) = (story.state().plan.clone().unwrap(), story.shared.world().sends);
        story.begin(RunId(Uuid::from_u128(3)), &again, Cause::Commit);
        story.run_to_its_pause();
        assert_eq!(story.shared.world().sends, sends, "{name}, undone twice");
        assert_eq!(story.shared.state(), before, "{name}, undone twice");
    }
}

#[test]
fn killed_at_every_boundary_of_the_way_back_nothing_is_left() {
    for (name, plan) in registry().into_iter().filter(|(_, plan)| is_reversible(plan)) {
        let mut whole = Story::new(1, &plan, Faults::default());
        let before = whole.shared.state();
        whole.run_to_its_end();
        let begun = whole.shared.world().passed;
        whole.undo();
        let boundaries = whole.shared.world().passed;
        for boundary in begun + 1..=boundaries {
            let mut story = Story::new(1, &plan, Faults::default());
            story.shared.world().die_at = Some(boundary);
            story.run_to_its_end();
            story.undo();
            let told = format!("{name}, killed at boundary {boundary} of its way back");
            story.assert_well(&told);
            assert_eq!(story.kills, 1, "{told}");
            assert_eq!(story.shared.state(), before, "{told}");
        }
    }
}

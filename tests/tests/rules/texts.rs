//! What an owner writes, and what becomes of it in the cluster.

use crate::{MORE, NAS, PIHOLE, RID, SCRATCH, THREE, UNCLEAR};
use domain::declaration::{Command, Declaration, Failure, Status};
use domain::event::Category;
use domain::interpretation::RefusalReason;
use domain::plan::NoteKind;
use domain::run;
use tests::{BO, World};

/// Previews, applies, and expects a run that completes with no error; then the same text changes nothing.
async fn applies(world: &World, text: &str, create: usize, change: usize, destroy: usize) -> Declaration {
    let (id, state) = world.declare(text).await;
    assert_eq!(state.status, Status::Proposed, "{text}");
    let counts = state.plan.as_ref().unwrap().counts();
    assert_eq!(
        (counts.create, counts.change, counts.destroy),
        (create, change, destroy),
        "{text}: {counts:?}"
    );
    let run = world.apply(id).await;
    assert_eq!(run.status, run::Status::Completed, "{text}");
    state
}

#[tokio::test(flavor = "multi_thread")]
async fn the_texts_of_an_owner_are_carried_out_and_said_again_change_nothing() {
    let world = World::start().await;
    let agent = world.agent();
    applies(&world, SCRATCH, 1, 1, 0).await;
    let three = applies(&world, THREE, 3, 3, 0).await;
    let plan = three.plan.unwrap();
    let nodes: std::collections::BTreeSet<_> =
        plan.steps.iter().filter_map(|step| step.subject.node.clone()).collect();
    assert_eq!(nodes.len(), 3, "one per server");
    assert!(plan.notes.iter().any(|note| note.kind == NoteKind::NotYet && note.text.contains("Kubernetes")));
    applies(&world, PIHOLE, 1, 1, 0).await;
    applies(&world, NAS, 1, 0, 0).await;
    applies(&world, MORE, 0, 1, 0).await;
    let before = world.mutations();
    for text in [SCRATCH, THREE, PIHOLE, NAS, MORE] {
        let (_, again) = world.declare(text).await;
        match again.status {
            Status::Proposed => assert!(again.plan.unwrap().is_empty(), "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
    assert_eq!(world.mutations(), before);
    applies(&world, RID, 0, 1, 1).await;
    assert_eq!(world.guests_named("web-old"), 0);
    assert_eq!(world.guests_named("scratch"), 1);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_asked_with_options_and_its_answer_makes_a_plan() {
    let world = World::start().await;
    let agent = world.agent();
    let (id, state) = world.declare(UNCLEAR).await;
    let Status::Asking { questions } = state.status else { panic!("{:?}", state.status) };
    assert!((1..=3).contains(&questions.len()));
    assert!(questions.iter().all(|question| !question.options.is_empty()));
    let answers = questions.iter().map(|question| question.options[0].clone()).collect();
    world.tell::<Declaration>(Category::Declaration, id.0, Command::Answer { by: BO, answers }).await;
    let ended = |state: &Declaration| !matches!(state.status, Status::Previewing { .. });
    let state = world.until::<Declaration>(Category::Declaration, id.0, ended).await;
    assert_eq!(state.status, Status::Proposed);
    assert_eq!(state.plan.unwrap().counts().create, 3);
    assert_eq!(world.mutations(), 0);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_declaration_is_refused_with_a_reason_and_nothing_else() {
    let world = World::start().await;
    let agent = world.agent();
    let refused = [
        (
            "Take 200 g of butter, 3 eggs and 250 g of flour, and bake for 40 minutes.",
            RefusalReason::NotADeclaration,
        ),
        ("Delete everything.", RefusalReason::MassDestroy),
    ];
    for (text, expected) in refused {
        let (_, state) = world.declare(text).await;
        match state.status {
            Status::Failed { failure: Failure::Refused { reason, text } } => {
                assert_eq!(reason, expected);
                assert!(!text.is_empty());
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    assert_eq!(world.mutations(), 0);
    agent.stop().await;
}

//! A new version of a declaration means the guests of the one before; the same words without that are a new wish.

use crate::SCRATCH;
use domain::declaration::{Command, Declaration, Status};
use domain::event::Category;
use domain::ids::DeclarationId;
use domain::plan::StepVerb;
use domain::run;
use tests::{BO, World};
use uuid::Uuid;

async fn drafted(world: &World, text: &str, follows: Option<DeclarationId>) -> (DeclarationId, Declaration) {
    let id = DeclarationId(Uuid::now_v7());
    let draft = Command::Draft { by: BO, title: String::new(), text: text.into(), follows };
    world.tell::<Declaration>(Category::Declaration, id.0, draft).await;
    world.preview(id).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_changes_the_guests_of_the_one_before_and_makes_none() {
    let world = World::start().await;
    let agent = world.agent();
    let (first, _) = world.declare(SCRATCH).await;
    assert_eq!(world.apply(first).await.status, run::Status::Completed);

    let larger = SCRATCH.replace("4 gigs", "6 gigs");
    let (_, alone) = drafted(&world, &larger, None).await;
    assert!(matches!(alone.status, Status::Asking { .. }), "{:?}", alone.status);

    let (second, version) = drafted(&world, &larger, Some(first)).await;
    assert_eq!(version.status, Status::Proposed);
    let plan = version.plan.unwrap();
    let verbs: Vec<StepVerb> = plan.steps.iter().map(|step| step.verb).collect();
    assert_eq!(verbs, [StepVerb::Change]);
    assert_eq!(world.apply(second).await.status, run::Status::Completed);
    assert_eq!(world.guests_named("scratch"), 1);

    // The version after next still knows them, and what holds already is no step.
    let (_, third) = drafted(&world, &larger.replace("2 cores", "3 cores"), Some(second)).await;
    assert_eq!(third.status, Status::Proposed);
    let plan = third.plan.unwrap();
    let said: Vec<&str> =
        plan.steps.iter().flat_map(|step| &step.changes).map(|change| change.field.as_str()).collect();
    assert!(said.iter().all(|field| !field.contains("memory")), "{said:?}");
    assert_eq!(plan.steps.len(), 1);
    agent.stop().await;
}

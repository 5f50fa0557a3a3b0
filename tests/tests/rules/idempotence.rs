//! Applied twice, restarted, rebuilt: nothing is done again.

use crate::SCRATCH;
use domain::run;
use tests::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_agent_does_nothing_again() {
    let world = World::start().await;
    let agent = world.agent();
    let (id, _) = world.declare(SCRATCH).await;
    assert_eq!(world.apply(id).await.status, run::Status::Completed);
    agent.stop().await;
    let before = world.mutations();
    let agent = world.agent();
    // The same declaration previewed again by the restarted agent: everything is already so.
    let (_, again) = world.preview(id).await;
    assert!(again.plan.expect("a plan").is_empty());
    assert_eq!(world.mutations(), before);
    agent.stop().await;
}

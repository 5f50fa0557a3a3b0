//! Read models are folds of the log: dropped, rebuilt, kept by two at once, they are the same byte for byte (I4).

use crate::SCRATCH;
use domain::run;
use eventstore::EventLog;
use projections::{HistoryFilter, Projector, Reader, rebuild};
use tests::{WAIT, World};

async fn reader(world: &World) -> Reader {
    Reader::connect(&world.postgres.url(), world.keyring()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn rebuilt_read_models_equal_the_live_ones_byte_for_byte() {
    let world = World::start().await;
    let reader = reader(&world).await;
    let live = |_| Projector::start(world.store.clone(), reader.pool().clone(), world.keyring());
    // Two projectors on the same tables: each event is folded once all the same.
    let (one, two) = (live(1).await.unwrap(), live(2).await.unwrap());
    let agent = world.agent();
    let (id, _) = world.declare(SCRATCH).await;
    assert_eq!(world.apply(id).await.status, run::Status::Completed);
    agent.stop().await;
    let head = world.store.head().await.unwrap().position;
    assert!(reader.wait_for(head, WAIT).await.unwrap(), "the read models come up");

    let row = reader.declaration(id).await.unwrap().expect("the declaration has a row");
    assert_eq!((row.no, row.runs.as_slice()), (1, &[1][..]));
    let run = reader.run(1).await.unwrap().expect("the run has a row");
    assert_eq!((run.done, run.steps.len()), (2, 2));
    assert!(run.steps.iter().flat_map(|step| &step.calls).all(|call| call.done));
    let told =
        reader.history(&HistoryFilter { declaration_no: Some(1), ..Default::default() }, 200).await.unwrap();
    assert!(told.iter().any(|row| row.sentence.starts_with("Ada approved declaration 1")), "{told:?}");

    for (name, _) in rebuild::list() {
        let made = rebuild::rebuild(&world.store, reader.pool(), &world.keyring(), name, true, |_| {}).await;
        let made = made.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((made.equal, made.position), (Some(true), head), "{name}");
    }
    // The live projectors find the swapped tables and go on.
    let (second, _) = {
        let agent = world.agent();
        let declared = world.declare("Delete everything.").await;
        agent.stop().await;
        declared
    };
    let head = world.store.head().await.unwrap().position;
    assert!(reader.wait_for(head, WAIT).await.unwrap(), "the read models go on after the swap");
    assert_eq!(reader.declaration(second).await.unwrap().unwrap().no, 2);
    one.stop().await;
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_read_models_heal_at_the_next_start() {
    let world = World::start().await;
    let reader = reader(&world).await;
    let first = Projector::start(world.store.clone(), reader.pool().clone(), world.keyring()).await.unwrap();
    let head = world.store.head().await.unwrap().position;
    assert!(reader.wait_for(head, WAIT).await.unwrap());
    let before = reader.cluster().await.unwrap();
    assert!(!before.guests.is_empty());
    first.stop().await;
    let (client, connection) =
        tokio_postgres::connect(world.postgres.owner_url().expose(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("drop table read.cluster; drop table read.history").await.unwrap();
    let second = Projector::start(world.store.clone(), reader.pool().clone(), world.keyring()).await.unwrap();
    assert!(reader.wait_for(head, WAIT).await.unwrap());
    assert_eq!(reader.cluster().await.unwrap(), before);
    second.stop().await;
}

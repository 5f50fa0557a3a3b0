//! P1 and the projector of L1: the read model folded from the log.
//!
//! Begin with [`rebuild`] and [`follow`]. Both are kept apart from the rest, so that what the projections crate offers
//! can take their place.

use crate::store::{MycoPod, decode, kind_of};
use anyhow::{Result, ensure};
use bench_core::{
    model::{Columns, Row, UPSERT_GROUP, create_sql},
    outcome::Outcome,
};
use eventstore::{EventLog, Recorded, Store, StoreError};
use futures::pin_mut;
use serde::Deserialize;
use std::{collections::HashMap, time::Instant};
use tokio_postgres::{
    Client,
    binary_copy::BinaryCopyInWriter,
    types::{ToSql, Type},
};
use uuid::Uuid;

/// The fields of an event that the read model shows; the others are skipped.
#[derive(Deserialize)]
struct Shown {
    node: String,
    revision: i64,
    at_us: i64,
    spec: ShownSpec,
}

#[derive(Deserialize)]
struct ShownSpec {
    name: String,
    cores: i32,
    memory_mib: i64,
}

fn row_of(recorded: &Recorded) -> Result<(Uuid, Row), StoreError> {
    let Shown { node, revision, at_us, spec } = decode(recorded)?;
    let row = Row {
        last_revision: revision,
        last_kind: kind_of(recorded)?,
        node,
        name: spec.name,
        cores: spec.cores,
        memory: spec.memory_mib,
        events: 1,
        last_at_us: at_us,
    };
    Ok((recorded.stream.id, row))
}

fn fold(rows: &mut HashMap<Uuid, Row>, id: Uuid, row: Row) {
    match rows.get_mut(&id) {
        Some(before) => before.then(row),
        None => drop(rows.insert(id, row)),
    }
}

/// P1: decoded by the replay's workers, folded in memory, copied into a shadow table, swapped.
pub async fn rebuild(bench: &mut MycoPod, events: u64) -> Result<Outcome> {
    let began = Instant::now();
    let mut rows = HashMap::new();
    let mut replay = bench.store.replay_map(0, i64::MAX, |recorded| row_of(&recorded));
    let mut folded = 0;
    while let Some(chunk) = replay.next().await {
        for (id, row) in chunk? {
            fold(&mut rows, id, row);
            folded += 1;
        }
    }
    ensure!(folded == events, "{folded} events were folded, not {events}");
    let folded_after = began.elapsed();
    let count = rows.len() as u64;
    swap_in(&mut bench.client, rows).await?;
    let took = began.elapsed();
    bench_core::model::check(&bench.client, count, events).await?;
    Ok(Outcome::rate("p1", "events", events, took)
        .with("rows", count as f64)
        .with("fold_seconds", folded_after.as_secs_f64()))
}

async fn swap_in(client: &mut Client, rows: HashMap<Uuid, Row>) -> Result<()> {
    const TYPES: [Type; 9] = [
        Type::UUID,
        Type::INT8,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::INT4,
        Type::INT8,
        Type::INT8,
        Type::INT8,
    ];
    let swap = client.transaction().await?;
    swap.batch_execute(&format!("drop table if exists read_model_next; {}", create_sql("read_model_next")))
        .await?;
    let sink = swap.copy_in("copy read_model_next from stdin (format binary)").await?;
    let writer = BinaryCopyInWriter::new(sink, &TYPES);
    pin_mut!(writer);
    for (id, row) in &rows {
        let last_type = row.last_type();
        let fields: [&(dyn ToSql + Sync); 9] = [
            id,
            &row.last_revision,
            &last_type,
            &row.node,
            &row.name,
            &row.cores,
            &row.memory,
            &row.events,
            &row.last_at_us,
        ];
        writer.as_mut().write(&fields).await?;
    }
    writer.finish().await?;
    swap.batch_execute(
        "alter table read_model_next add primary key (id); analyze read_model_next; \
         drop table if exists read_model; alter table read_model_next rename to read_model",
    )
    .await?;
    Ok(swap.commit().await?)
}

/// The projector of L1: folds what waits and writes it with the checkpoint in one statement, until it is dropped.
pub async fn follow(store: Store, client: Client) -> Result<()> {
    let mut position = store.head().await?.position;
    client
        .batch_execute(&format!(
            "drop table if exists checkpoint; create table checkpoint (position bigint not null); \
             insert into checkpoint values ({position})"
        ))
        .await?;
    let swap = UPSERT_GROUP
        .replace("select * from unnest(", "select u.* from c, unnest(")
        .replace("$9::bigint[])", "$9::bigint[]) as u");
    let swap = client
        .prepare(&format!(
            "with c as (update checkpoint set position = $10 where position = $11 returning 1) {swap}"
        ))
        .await?;
    let mut log = store.subscribe(position);
    loop {
        let group = log.next().await?;
        let mut rows = HashMap::new();
        for recorded in &group {
            let (id, row) = row_of(recorded)?;
            fold(&mut rows, id, row);
        }
        let mut columns = Columns::default();
        rows.into_iter().for_each(|(id, row)| columns.push(id, row));
        let reached = log.position();
        let written = client
            .execute(
                &swap,
                &[
                    &columns.ids,
                    &columns.last_revisions,
                    &columns.last_types,
                    &columns.nodes,
                    &columns.names,
                    &columns.cores,
                    &columns.memories,
                    &columns.events,
                    &columns.last_at_us,
                    &reached,
                    &position,
                ],
            )
            .await?;
        ensure!(written == columns.ids.len() as u64, "somebody else moved the checkpoint");
        position = reached;
    }
}

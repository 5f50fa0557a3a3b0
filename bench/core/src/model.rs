//! The read model of P1 and L1: one row per aggregate, the same table in every store's database.

use crate::event::{Fact, KINDS};
use anyhow::{Result, ensure};
use tokio_postgres::Client;
use uuid::Uuid;

/// The columns; `{}` is the table's name.
const COLUMNS: &str = "(id uuid, last_revision bigint not null, last_type text not null, node text not null, \
     name text not null, cores integer not null, memory bigint not null, events bigint not null, \
     last_at_us bigint not null)";

/// Folds one event into its row: what a handler does that sees one event at a time.
pub const UPSERT: &str = "\
insert into read_model as m (id, last_revision, last_type, node, name, cores, memory, events, last_at_us)
values ($1, $2, $3, $4, $5, $6, $7, 1, $8)
on conflict (id) do update set last_revision = excluded.last_revision, last_type = excluded.last_type,
    node = excluded.node, name = excluded.name, cores = excluded.cores, memory = excluded.memory,
    events = m.events + 1, last_at_us = excluded.last_at_us";

/// The same for a group of rows folded beforehand; `events` are those added.
pub const UPSERT_GROUP: &str = "\
insert into read_model as m (id, last_revision, last_type, node, name, cores, memory, events, last_at_us)
select * from unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::int[], $7::bigint[],
    $8::bigint[], $9::bigint[])
on conflict (id) do update set last_revision = excluded.last_revision, last_type = excluded.last_type,
    node = excluded.node, name = excluded.name, cores = excluded.cores, memory = excluded.memory,
    events = m.events + excluded.events, last_at_us = excluded.last_at_us";

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub last_revision: i64,
    pub last_kind: usize,
    pub node: String,
    pub name: String,
    pub cores: i32,
    pub memory: i64,
    pub events: i64,
    pub last_at_us: i64,
}

impl Row {
    /// The row of an aggregate whose only event this is.
    pub fn of(fact: &Fact) -> Self {
        let body = fact.body();
        Self {
            last_revision: body.revision,
            last_kind: fact.kind(),
            node: body.node.clone(),
            name: body.spec.name.clone(),
            cores: body.spec.cores,
            memory: body.spec.memory_mib,
            events: 1,
            last_at_us: body.at_us,
        }
    }

    pub fn last_type(&self) -> &'static str {
        KINDS[self.last_kind % KINDS.len()]
    }

    /// The row after those that `later` stands for.
    pub fn then(&mut self, later: Row) {
        let events = self.events + later.events;
        *self = Row { events, ..later };
    }
}

pub fn create_sql(table: &str) -> String {
    format!("create table {table} {COLUMNS}")
}

/// An empty read model, ready for upserts.
pub async fn reset(client: &Client) -> Result<()> {
    let create = create_sql("read_model");
    let sql =
        format!("drop table if exists read_model; {create}; alter table read_model add primary key (id)");
    Ok(client.batch_execute(&sql).await?)
}

/// Fails unless the read model holds this many rows and events, and every row is the fold of its events.
pub async fn check(client: &Client, rows: u64, events: u64) -> Result<()> {
    let found = client
        .query_one(
            "select count(*), coalesce(sum(events), 0)::bigint, count(*) filter (where last_revision <> events), \
             count(distinct id) from read_model",
            &[],
        )
        .await?;
    let [found_rows, found_events, wrong, distinct] = [0, 1, 2, 3].map(|column| found.get::<_, i64>(column));
    ensure!(
        found_rows == rows as i64 && found_events == events as i64 && wrong == 0 && distinct == found_rows,
        "the read model has {found_rows} rows ({distinct} ids) of {found_events} events, {wrong} of them wrong; \
         {rows} rows of {events} events were due"
    );
    Ok(())
}

/// Events that the rows stand for, and rows.
pub async fn size(client: &Client) -> Result<(u64, u64)> {
    let found =
        client.query_one("select count(*), coalesce(sum(events), 0)::bigint from read_model", &[]).await?;
    Ok((found.get::<_, i64>(0) as u64, found.get::<_, i64>(1) as u64))
}

/// Parameters of [`UPSERT_GROUP`], column by column.
#[derive(Default)]
pub struct Columns {
    pub ids: Vec<Uuid>,
    pub last_revisions: Vec<i64>,
    pub last_types: Vec<&'static str>,
    pub nodes: Vec<String>,
    pub names: Vec<String>,
    pub cores: Vec<i32>,
    pub memories: Vec<i64>,
    pub events: Vec<i64>,
    pub last_at_us: Vec<i64>,
}

impl Columns {
    pub fn push(&mut self, id: Uuid, row: Row) {
        self.ids.push(id);
        self.last_revisions.push(row.last_revision);
        self.last_types.push(row.last_type());
        self.nodes.push(row.node);
        self.names.push(row.name);
        self.cores.push(row.cores);
        self.memories.push(row.memory);
        self.events.push(row.events);
        self.last_at_us.push(row.last_at_us);
    }
}

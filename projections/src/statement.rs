//! A statement as data: its text and its values, so that whoever holds a transaction can run it.
//!
//! The projector runs them by itself ([`Statement::run`]); for an inline model the committer of the log does, in the
//! transaction that records the events.

use crate::error::ReadError;
use crate::fold::Projection;
use crate::rows::Change;
use crate::table::{Checkpoint, Columns, Rest, Spot};
use sqlx::{PgExecutor, Row as _};

/// The value of a parameter, in the type that Postgres gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Int8(i64),
    MaybeInt8(Option<i64>),
    Int4(i32),
    Text(String),
    MaybeText(Option<String>),
    Texts(Vec<String>),
    Int8s(Vec<i64>),
}

/// Text with `$1`, `$2` … and their values. It answers with one row whose first column is a bigint: 1 if the checkpoint
/// was where it had to be; 0 if it was not, and then nothing was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pub sql: String,
    pub values: Vec<Value>,
}

/// In whose transaction a statement runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transaction {
    /// Its own. A read model can be made anew, so its commit need not wait for the disk.
    Own,
    /// The one that appends to the log, which always waits for the disk.
    Appends,
}

impl Statement {
    /// Swaps the checkpoint of a projection and, only if that holds, writes rows.
    pub(crate) fn advance(
        projection: &dyn Projection,
        rest: &Rest,
        (from, to): (&Checkpoint, &Checkpoint),
        changes: &[Change],
        transaction: Transaction,
    ) -> Result<Self, ReadError> {
        let spot = Spot::live(projection);
        let mut kept = Columns::default();
        let mut gone = Vec::new();
        for (key, row) in changes {
            match row {
                Some(row) => kept.push(rest, &spot, key, row)?,
                None => gone.push(key.clone()),
            }
        }
        let durability = match transaction {
            Transaction::Own => "set_config('synchronous_commit', 'off', true)",
            Transaction::Appends => "1",
        };
        let sql = format!(
            "with swapped as (
                 update read.checkpoints
                 set position = $1, poison_position = $2, poison = $3, moved_at = clock_timestamp(), age_us = $12
                 where projection = $4 and position = $5 and generation = $6 and version = $7
                 returning {durability}
             ), kept as (
                 insert into {table} (key, rank, doc)
                 select row.* from swapped, unnest($8::text[], $9::bigint[], $10::text[]) as row
                 on conflict (key) do update set rank = excluded.rank, doc = excluded.doc
             ), gone as (
                 delete from {table} where key = any($11::text[]) and exists (select from swapped)
             )
             select count(*) from swapped",
            table = spot.table
        );
        let poison = to.poison.as_ref();
        let values = vec![
            Value::Int8(to.position),
            Value::MaybeInt8(poison.map(|(position, _)| *position)),
            Value::MaybeText(poison.map(|(_, why)| why.replace('\0', "\u{fffd}"))),
            Value::Text(projection.name().to_owned()),
            Value::Int8(from.position),
            Value::Int4(from.generation),
            Value::Int4(from.version),
            Value::Texts(kept.keys),
            Value::Int8s(kept.ranks),
            Value::Texts(kept.docs),
            Value::Texts(gone),
            Value::MaybeInt8(to.moved.map(|(_, age_us)| age_us)),
        ];
        Ok(Self { sql, values })
    }

    /// Runs it; whether the checkpoint was where it had to be.
    pub(crate) async fn run(self, executor: impl PgExecutor<'_>) -> Result<bool, ReadError> {
        let mut query = sqlx::query(&self.sql);
        for value in self.values {
            query = match value {
                Value::Int8(value) => query.bind(value),
                Value::MaybeInt8(value) => query.bind(value),
                Value::Int4(value) => query.bind(value),
                Value::Text(value) => query.bind(value),
                Value::MaybeText(value) => query.bind(value),
                Value::Texts(value) => query.bind(value),
                Value::Int8s(value) => query.bind(value),
            };
        }
        Ok(query.fetch_one(executor).await?.get::<i64, _>(0) == 1)
    }
}

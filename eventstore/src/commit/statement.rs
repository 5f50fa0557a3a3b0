//! The statements of the committer.

use super::plan::{Moved, Plan};
use std::fmt::Write;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

type Value = Box<dyn ToSql + Sync + Send>;

/// One group, recorded as a whole or not at all. Answers with the number of head rows moved: 1, or 0 if
/// somebody else moved it first or the epoch changed. A stream whose version is not the one the group was
/// built on raises an error, which undoes everything.
///
/// A group without new keys or without idempotency keys gets a statement without that part: setting up an
/// insert of nothing costs the server about as much as inserting a row. There are 32 forms at most.
pub(super) struct AppendStatement<'a> {
    sql: String,
    values: Vec<&'a (dyn ToSql + Sync)>,
}

/// The parts of a plan that are not columns in it already.
pub(super) struct AppendValues<'a> {
    plan: &'a Plan,
    built_on: &'a [u8],
    head: &'a [u8],
    new_streams: Option<Vec<Value>>,
    old_streams: Option<Vec<Value>>,
    keys: Option<Vec<Value>>,
    keyed: Option<Vec<Value>>,
    chains: Vec<&'a [u8]>,
    payloads: Vec<&'a [u8]>,
    notify: bool,
}

fn column<T: ToSql + Sync + Send + 'static>(values: impl Iterator<Item = T>) -> Value {
    Box::new(values.collect::<Vec<T>>())
}

impl<'a> AppendValues<'a> {
    pub fn of(plan: &'a Plan, notify: bool) -> Self {
        let (new, old): (Vec<_>, Vec<_>) = plan.streams.iter().partition(|(_, moved)| moved.before == 0);
        let versions = |streams: &[(_, &Moved)]| column(streams.iter().map(|(_, moved)| moved.version));
        let positions =
            |streams: &[(_, &Moved)]| column(streams.iter().map(|(_, moved)| moved.last_position));
        let new_streams = (!new.is_empty()).then(|| {
            let ids = column(new.iter().map(|(stream, _)| stream.id));
            let categories = column(new.iter().map(|(stream, _)| stream.category.number()));
            vec![ids, categories, versions(&new), positions(&new)]
        });
        let old_streams = (!old.is_empty()).then(|| {
            let ids = column(old.iter().map(|(stream, _)| stream.id));
            vec![ids, column(old.iter().map(|(_, moved)| moved.before)), versions(&old), positions(&old)]
        });
        let new_keys = &plan.new_keys;
        let keys = (!new_keys.is_empty()).then(|| {
            vec![
                column(new_keys.iter().map(|key| key.key_id)),
                column(new_keys.iter().map(|key| key.subject)),
                column(new_keys.iter().map(|key| key.wrapped.clone())),
                column(new_keys.iter().map(|key| key.kek_id.clone())),
                column(new_keys.iter().map(|key| key.uses)),
            ]
        });
        let first = plan.built_on.position + 1;
        let stream_at = |position: i64| -> Uuid { plan.stream_ids[(position - first) as usize] };
        let answers = || plan.keyed.iter().map(|(_, index)| &plan.answers[*index]);
        let keyed = (!plan.keyed.is_empty()).then(|| {
            vec![
                column(plan.keyed.iter().map(|(key, _)| *key)),
                column(answers().map(|answer| stream_at(answer.first_position))),
                column(answers().map(|answer| answer.first_position)),
                column(answers().map(|answer| answer.last_position)),
                column(answers().map(|answer| answer.version)),
            ]
        });
        Self {
            plan,
            built_on: &plan.built_on.chain,
            head: &plan.head.chain,
            new_streams,
            old_streams,
            keys,
            keyed,
            chains: plan.chains.iter().map(|chain| &chain[..]).collect(),
            payloads: plan.payloads.iter().map(|payload| &payload[..]).collect(),
            notify,
        }
    }

    /// The number of this form; forms with the same number have the same text.
    pub fn form(&self) -> u8 {
        let parts = [
            self.new_streams.is_some(),
            self.old_streams.is_some(),
            self.keys.is_some(),
            self.keyed.is_some(),
            self.notify,
        ];
        parts.iter().fold(0, |form, part| form * 2 + u8::from(*part))
    }

    pub fn statement(&'a self) -> AppendStatement<'a> {
        let plan = self.plan;
        let mut made = AppendStatement { sql: String::with_capacity(2_000), values: Vec::with_capacity(40) };
        made.values =
            vec![&plan.built_on.position, &self.built_on, &plan.epoch, &plan.head.position, &self.head];
        made.sql.push_str(
            "with head as (update log.head set position = $4, chain = $5 \
             where position = $1 and chain = $2 and epoch = $3 returning 1)",
        );
        if let Some(values) = &self.new_streams {
            made.part("new_streams", "insert into log.streams (stream_id, category, version, last_position) select u.* from head, ");
            made.unnest(&["uuid", "smallint", "bigint", "bigint"], values);
            made.sql.push(')');
        }
        let mut expected = None;
        if let Some(values) = &self.old_streams {
            made.part(
                "old_streams",
                "update log.streams s set version = u.version, last_position = u.last_position from head, ",
            );
            expected = Some(made.values.len() + 1);
            made.unnest(&["uuid", "bigint", "bigint", "bigint"], values);
            made.sql.push_str(
                "(stream_id, before, version, last_position) \
                 where s.stream_id = u.stream_id and s.version = u.before returning 1)",
            );
        }
        if let Some(values) = &self.keys {
            made.part(
                "keys",
                "insert into log.keys (key_id, subject, wrapped, kek_id, uses) select u.* from head, ",
            );
            made.unnest(&["bigint", "uuid", "bytea", "text", "bigint"], values);
            made.sql.push_str(" on conflict (key_id) do nothing)");
        }
        if let Some(values) = &self.keyed {
            made.part("idempotency", "insert into log.idempotency (key, stream_id, first_position, last_position, version) select u.* from head, ");
            made.unnest(&["uuid", "uuid", "bigint", "bigint", "bigint"], values);
            made.sql.push(')');
        }
        made.part(
            "events",
            "insert into log.events (position, recorded_at, stream_id, category, version, event_id, type_id, \
             schema_version, key_id, correlation_id, causation_position, actor_id, chain, payload) \
             select u.* from head, ",
        );
        let columns: [(&str, &(dyn ToSql + Sync)); 14] = [
            ("bigint", &plan.positions),
            ("timestamptz", &plan.recorded_at),
            ("uuid", &plan.stream_ids),
            ("smallint", &plan.categories),
            ("bigint", &plan.versions),
            ("uuid", &plan.event_ids),
            ("smallint", &plan.type_ids),
            ("smallint", &plan.schema_versions),
            ("bigint", &plan.key_ids),
            ("uuid", &plan.correlations),
            ("bigint", &plan.causations),
            ("uuid", &plan.actors),
            ("bytea", &self.chains),
            ("bytea", &self.payloads),
        ];
        made.unnest_columns(columns.into_iter());
        made.sql.push(')');
        if self.notify {
            made.sql.push_str(", told as (select pg_notify('mycopod_log', $4::text) from head)");
        }
        made.sql.push_str(" select (select count(*) from head)");
        if let Some(ids) = expected {
            let _ = write!(
                made.sql,
                ", case when (select count(*) from old_streams) <> (select count(*) from head) * cardinality(${ids}::uuid[]) \
                 then log.refuse('a stream is not at the version the append was built on') end"
            );
        }
        if self.notify {
            made.sql.push_str(", (select count(*) from told)");
        }
        made
    }
}

impl<'a> AppendStatement<'a> {
    pub fn sql(&self) -> &str {
        &self.sql
    }

    pub fn values(&self) -> &[&'a (dyn ToSql + Sync)] {
        &self.values
    }

    fn part(&mut self, name: &str, begin: &str) {
        let _ = write!(self.sql, ", {name} as ({begin}");
    }

    fn unnest(&mut self, types: &[&str], values: &'a [Value]) {
        let typed = types.iter().copied().zip(values.iter().map(|value| &**value as &(dyn ToSql + Sync)));
        self.unnest_columns(typed);
    }

    fn unnest_columns<'t>(&mut self, columns: impl Iterator<Item = (&'t str, &'a (dyn ToSql + Sync))>) {
        self.sql.push_str("unnest(");
        for (n, (kind, value)) in columns.enumerate() {
            self.values.push(value);
            let _ = write!(self.sql, "{}${}::{kind}[]", if n > 0 { ", " } else { "" }, self.values.len());
        }
        self.sql.push_str(") as u");
    }
}

/// The append statement looks everything up by primary key, however small or large a table is at the moment:
/// planned anew each time, or with a scan of all streams, it would cost more than the flush to disk.
pub(super) const SETTINGS: &str = "set plan_cache_mode = force_generic_plan; set enable_seqscan = off; \
                                   set enable_hashjoin = off; set enable_mergejoin = off";

pub(super) const HEAD: &str = "select position, chain, epoch from log.head";
pub(super) const LEASES: &str = "select name, epoch from log.leases";
pub(super) const VERSIONS: &str = "select stream_id, version from log.streams where stream_id = any($1)";
pub(super) const MOVED: &str = "select stream_id, max(version) from log.events \
                                where position > $1 and position <= $2 group by stream_id";
pub(super) const CHAIN_AT: &str = "select chain from log.events where position = $1";
pub(super) const RECORDED_UNDER: &str =
    "select key, first_position, last_position, version from log.idempotency where key = any($1)";
pub(super) const ENSURE_PARTITION: &str = "select log.ensure_partition($1)";
pub(super) const NOTIFY: &str = "select pg_notify('mycopod_log', $1)";

//! The statements of the committer.

use super::plan::Plan;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

/// One group as the arguments of `log.append` (migrations), in its order.
///
/// Answers 1, or 0 if somebody else moved the head first or the epoch changed. A stream whose version is not the
/// one the group was built on raises an error, which undoes everything.
pub(super) struct AppendValues<'a> {
    plan: &'a Plan,
    built_on_chain: &'a [u8],
    head_chain: &'a [u8],
    tell: bool,
    chains: Vec<&'a [u8]>,
    payloads: Vec<&'a [u8]>,
    streams: Streams,
    keys: Keys<'a>,
    keyed: Keyed,
}

#[derive(Default)]
struct Streams {
    ids: Vec<Uuid>,
    categories: Vec<i16>,
    before: Vec<i64>,
    versions: Vec<i64>,
    last_positions: Vec<i64>,
}

#[derive(Default)]
struct Keys<'a> {
    ids: Vec<i64>,
    subjects: Vec<Uuid>,
    wrapped: Vec<&'a [u8]>,
    kek_ids: Vec<&'a str>,
    uses: Vec<i64>,
}

#[derive(Default)]
struct Keyed {
    keys: Vec<Uuid>,
    streams: Vec<Uuid>,
    first_positions: Vec<i64>,
    last_positions: Vec<i64>,
    versions: Vec<i64>,
}

pub(super) const APPEND: &str = "select log.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, \
                                 $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, \
                                 $32, $33, $34, $35)";

impl<'a> AppendValues<'a> {
    /// `tell` notifies followers of the log.
    pub fn of(plan: &'a Plan, tell: bool) -> Self {
        let (mut streams, mut keys, mut keyed) = (Streams::default(), Keys::default(), Keyed::default());
        for (stream, moved) in &plan.streams {
            streams.ids.push(stream.id);
            streams.categories.push(stream.category.number());
            streams.before.push(moved.before);
            streams.versions.push(moved.version);
            streams.last_positions.push(moved.last_position);
        }
        for new in &plan.new_keys {
            keys.ids.push(new.key_id);
            keys.subjects.push(new.subject);
            keys.wrapped.push(&new.wrapped);
            keys.kek_ids.push(&new.kek_id);
            keys.uses.push(new.uses);
        }
        let first = plan.built_on.position + 1;
        for (key, index) in &plan.keyed {
            let answer = &plan.answers[*index];
            keyed.keys.push(*key);
            keyed.streams.push(plan.stream_ids[(answer.first_position - first) as usize]);
            keyed.first_positions.push(answer.first_position);
            keyed.last_positions.push(answer.last_position);
            keyed.versions.push(answer.version);
        }
        Self {
            plan,
            built_on_chain: &plan.built_on.chain,
            head_chain: &plan.head.chain,
            tell,
            chains: plan.chains.iter().map(|chain| &chain[..]).collect(),
            payloads: plan.payloads.iter().map(|payload| &payload[..]).collect(),
            streams,
            keys,
            keyed,
        }
    }

    pub fn values(&self) -> [&(dyn ToSql + Sync); 35] {
        let Self { plan, streams, keys, keyed, .. } = self;
        [
            &plan.built_on.position,
            &self.built_on_chain,
            &plan.epoch,
            &plan.head.position,
            &self.head_chain,
            &self.tell,
            &plan.positions,
            &plan.recorded_at,
            &plan.stream_ids,
            &plan.categories,
            &plan.versions,
            &plan.event_ids,
            &plan.type_ids,
            &plan.schema_versions,
            &plan.key_ids,
            &plan.correlations,
            &plan.causations,
            &plan.actors,
            &self.chains,
            &self.payloads,
            &streams.ids,
            &streams.categories,
            &streams.before,
            &streams.versions,
            &streams.last_positions,
            &keys.ids,
            &keys.subjects,
            &keys.wrapped,
            &keys.kek_ids,
            &keys.uses,
            &keyed.keys,
            &keyed.streams,
            &keyed.first_positions,
            &keyed.last_positions,
            &keyed.versions,
        ]
    }
}

/// The append looks everything up by primary key, however small or large a table is at the moment: planned anew
/// each time, or with a scan of all streams, it would cost more than the flush to disk.
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

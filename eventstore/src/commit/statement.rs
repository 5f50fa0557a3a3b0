//! The statements of the committer.

/// One group, recorded as a whole or not at all. Answers with the number of head rows moved: 1, or 0 if
/// somebody else moved it first or the epoch changed. A stream whose version is not the one the group was
/// built on raises an error, which undoes everything.
pub(super) const APPEND: &str = "\
with head as (
    update log.head set position = $4, chain = $5
    where position = $1 and chain = $2 and epoch = $3
    returning 1
), new_streams as (
    insert into log.streams (stream_id, category, version, last_position)
    select u.* from head, unnest($6::uuid[], $7::smallint[], $8::bigint[], $9::bigint[]) as u
    returning 1
), old_streams as (
    update log.streams s set version = u.version, last_position = u.last_position
    from head, unnest($10::uuid[], $11::bigint[], $12::bigint[], $13::bigint[])
        as u(stream_id, before, version, last_position)
    where s.stream_id = u.stream_id and s.version = u.before
    returning 1
), keys as (
    insert into log.keys (key_id, subject, wrapped, kek_id, uses)
    select u.* from head, unnest($14::bigint[], $15::uuid[], $16::bytea[], $17::text[], $18::bigint[]) as u
    on conflict (key_id) do nothing
), idempotency as (
    insert into log.idempotency (key, stream_id, first_position, last_position, version)
    select u.* from head, unnest($19::uuid[], $20::uuid[], $21::bigint[], $22::bigint[], $23::bigint[]) as u
), events as (
    insert into log.events (position, recorded_at, stream_id, category, version, event_id, type_id,
        schema_version, key_id, correlation_id, causation_position, actor_id, chain, payload)
    select u.* from head, unnest($24::bigint[], $25::timestamptz[], $26::uuid[], $27::smallint[], $28::bigint[],
        $29::uuid[], $30::smallint[], $31::smallint[], $32::bigint[], $33::uuid[], $34::bigint[], $35::uuid[],
        $36::bytea[], $37::bytea[]) as u
), told as (
    select pg_notify('mycopod_log', $4::text) from head where $38
)
select (select count(*) from head),
    case when (select count(*) from old_streams) <> (select count(*) from head) * cardinality($10::uuid[])
        then log.refuse('a stream is not at the version the append was built on') end,
    (select count(*) from told)";

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

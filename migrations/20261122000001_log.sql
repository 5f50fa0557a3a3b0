-- Schema log: what happened, for ever. It only grows: nothing in it is updated or deleted except the
-- bookkeeping rows named below (head, streams, keys, leases), none of which is history.
--
-- Run by the owner of the database. The application connects as a login role that is a member of
-- mycopod_app and owns nothing here:
--     create role mycopod login password '…' in role mycopod_app;

do $$
begin
    -- Roles belong to the whole server, so another database here may have made it already.
    create role mycopod_app nologin;
exception
    when duplicate_object or unique_violation then null;
end
$$;

create schema log;

-- One row. Every append compares and swaps it, which makes positions gapless and gives them commit order:
-- a reader that has seen 7 is never surprised by a late 6. Two processes may append: the loser gets no row,
-- reloads, and tries again.
create table log.head (
    one      boolean primary key default true check (one),
    position bigint  not null check (position >= 0),          -- of the last event; 0 in an empty log
    chain    bytea   not null check (length(chain) = 32),     -- of the last event; zeros in an empty log
    -- Goes up when a lease changes hands or a key is destroyed. An append built on older knowledge of
    -- those fails the swap and looks again.
    epoch    bigint  not null default 0
) with (fillfactor = 10);                                     -- room for in-page updates of a hot row

insert into log.head (position, chain) values (0, decode(repeat('00', 32), 'hex'));

create table log.events (
    position           bigint      not null,
    recorded_at        timestamptz not null,                  -- the writer's clock: it is in the hash
    stream_id          uuid        not null,
    category           smallint    not null,
    version            bigint      not null check (version >= 1),  -- counts from 1 within the stream
    event_id           uuid        not null,
    type_id            smallint    not null,                  -- log.event_types
    schema_version     smallint    not null check (schema_version >= 1),
    key_id             bigint      not null,                  -- log.keys
    correlation_id     uuid,
    causation_position bigint,
    actor_id           uuid,
    chain              bytea       not null check (length(chain) = 32),
    payload            bytea       not null,                  -- nonce (12) | ciphertext | tag (16)
    primary key (position),
    -- A unique index of a partitioned table must contain the partition key, so this one is made on each
    -- partition below. Across partitions log.streams and the swap of log.head keep versions unique.
    check (position >= 1)
) partition by range (position);

-- Sealed bytes do not compress.
alter table log.events alter column payload set storage external;

create function log.refuse_change() returns trigger language plpgsql
set search_path = pg_catalog, pg_temp as $$
begin
    raise exception 'log.events is append-only: % on % refused', tg_op, tg_table_name using errcode = 'MP001';
end
$$;

-- Statement triggers fire for the table that a statement names, so every partition gets its own.
create trigger append_only before update or delete or truncate on log.events
    for each statement execute function log.refuse_change();

-- Makes the partition that holds a position, if it is missing; 10 million positions each. The writer calls
-- it ahead of need. Attaching a finished table does not stop readers; creating one in place would.
create function log.ensure_partition(wanted bigint) returns void language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
declare
    width    constant bigint := 10000000;
    number   constant bigint := wanted / width;
    name     constant text   := 'events_' || lpad(number::text, 6, '0');
begin
    if wanted < 0 or number > 999999 then
        raise exception 'position % is out of range', wanted using errcode = 'MP002';
    end if;
    perform pg_advisory_xact_lock(hashtextextended('mycopod.ensure_partition', 0));
    if to_regclass('log.' || name) is not null then
        return;
    end if;
    execute format('create table log.%I (like log.events including defaults including constraints including storage)', name);
    execute format('alter table log.%I add primary key (position)', name);
    execute format('create unique index %I on log.%I (stream_id, version)', name || '_stream', name);
    execute format(
        'create trigger append_only before update or delete or truncate on log.%I '
        'for each statement execute function log.refuse_change()', name);
    execute format(
        'alter table log.events attach partition log.%I for values from (%s) to (%s)',
        name, number * width, (number + 1) * width);
end
$$;

select log.ensure_partition(0);

-- The version of each stream, so that an append need not look for it in the events.
create table log.streams (
    stream_id     uuid     primary key,
    category      smallint not null,
    version       bigint   not null check (version >= 1),
    last_position bigint   not null
) with (fillfactor = 70);

-- Names are for ever; events store the number. The hash of an event covers both.
create table log.event_types (
    type_id smallint generated always as identity primary key,
    name    text not null unique check (length(name) between 1 and 200)
);

-- Data keys, wrapped by a key-encryption key from the key ring. Destroying a subject's keys empties
-- `wrapped`: the payloads become unreadable, the chain over their ciphertext still verifies.
create sequence log.key_ids as bigint;

create table log.keys (
    key_id       bigint primary key,
    subject      uuid   not null,                             -- the stream whose payloads it seals
    wrapped      bytea  not null,
    kek_id       text   not null,
    uses         bigint not null check (uses between 0 and 2147483648),  -- reserved ahead, in blocks
    destroyed_at timestamptz
);
create index keys_subject on log.keys (subject);

-- An append that is sent twice under one key is recorded once.
create table log.idempotency (
    key            uuid   primary key,
    stream_id      uuid   not null,
    first_position bigint not null,
    last_position  bigint not null,
    version        bigint not null                            -- of the stream after the append
);

-- Who alone may act under a name, until when by this server's clock. The epoch goes up whenever a lease
-- changes hands; an append that carries an older epoch is refused.
create table log.leases (
    name    text        primary key,
    holder  text        not null,
    epoch   bigint      not null check (epoch >= 1),
    expires timestamptz not null
);

-- Signed checkpoints of the chain, exported outside this database.
create table log.seals (
    position    bigint      primary key,
    chain       bytea       not null,
    merkle_root bytea       not null,
    signature   bytea       not null,
    key_id      text        not null,
    sealed_at   timestamptz not null
);

-- Bumps the head's epoch, so that appends in flight notice. They wait on the row and then fail the swap.
create function log.bump_epoch() returns trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
begin
    update log.head set epoch = epoch + 1;
    return null;
end
$$;

create trigger fence_insert after insert on log.leases
    for each row execute function log.bump_epoch();
create trigger fence_update after update on log.leases
    for each row when (old.epoch is distinct from new.epoch) execute function log.bump_epoch();
create trigger fence_destroyed after update on log.keys
    for each row when (old.destroyed_at is distinct from new.destroyed_at) execute function log.bump_epoch();

-- Called inside the append statement when a count is not what it must be: the whole statement is undone.
create function log.refuse(reason text) returns bigint language plpgsql
set search_path = pg_catalog, pg_temp as $$
begin
    raise exception '%', reason using errcode = 'MP003';
end
$$;

-- The application appends and reads. It rewrites no history, and owns nothing that it could re-grant.
revoke all on schema log from public;
revoke all on all functions in schema log from public;
grant usage on schema log to mycopod_app;
grant select on all tables in schema log to mycopod_app;
grant insert on log.events, log.streams, log.event_types, log.keys, log.idempotency, log.leases, log.seals
    to mycopod_app;
grant update (position, chain, epoch) on log.head to mycopod_app;
grant update (version, last_position) on log.streams to mycopod_app;
grant update (wrapped, kek_id, uses, destroyed_at) on log.keys to mycopod_app;
grant update (holder, epoch, expires) on log.leases to mycopod_app;
grant usage on sequence log.key_ids to mycopod_app;
grant execute on function log.ensure_partition(bigint), log.refuse(text) to mycopod_app;

-- The append as one function: its statements keep their plans for the life of a connection, and a part with
-- nothing to do is not begun. As one statement with a part for each table, every append paid for setting all
-- of them up anew, several times what inserting its rows costs.

-- Records one group as a whole or not at all. Answers 1, or 0 if somebody else moved the head first or the epoch
-- changed; then nothing is done. A stream whose version is not the one the group was built on raises MP003, which
-- undoes everything.
--
-- Arrays that belong together are as long as each other, one element a row: e_… events, s_… streams (a stream at
-- version 0 before is new), k_… new data keys, i_… idempotency keys. `tell` notifies followers of the log.
--
-- No search_path of its own, because setting one costs more than the swap: it runs with the rights of whoever calls
-- it and names all it touches in full.
create function log.append(
    built_on bigint, built_on_chain bytea, known_epoch bigint, new_position bigint, new_chain bytea, tell boolean,
    e_position bigint[], e_recorded_at timestamptz[], e_stream_id uuid[], e_category smallint[], e_version bigint[],
    e_event_id uuid[], e_type_id smallint[], e_schema_version smallint[], e_key_id bigint[],
    e_correlation_id uuid[], e_causation_position bigint[], e_actor_id uuid[], e_chain bytea[], e_payload bytea[],
    s_stream_id uuid[], s_category smallint[], s_before bigint[], s_version bigint[], s_last_position bigint[],
    k_key_id bigint[], k_subject uuid[], k_wrapped bytea[], k_kek_id text[], k_uses bigint[],
    i_key uuid[], i_stream_id uuid[], i_first_position bigint[], i_last_position bigint[], i_version bigint[]
) returns bigint language plpgsql as $$
declare
    -- Up to here a statement a row is cheaper than one for all.
    -- (For all: `unnest` of many arrays would fill and read a store for each of them.)
    few     constant int := 4;
    streams constant int := cardinality(s_stream_id);
    moved   bigint := 0;
    done    bigint;
begin
    update log.head set position = new_position, chain = new_chain
        where position = built_on and chain = built_on_chain and epoch = known_epoch;
    if not found then
        return 0;
    end if;

    if streams <= few then
        for n in 1 .. streams loop
            if s_before[n] = 0 then
                insert into log.streams (stream_id, category, version, last_position)
                    values (s_stream_id[n], s_category[n], s_version[n], s_last_position[n]);
                moved := moved + 1;
            else
                update log.streams set version = s_version[n], last_position = s_last_position[n]
                    where stream_id = s_stream_id[n] and version = s_before[n];
                get diagnostics done = row_count;
                moved := moved + done;
            end if;
        end loop;
    else
        update log.streams s set version = s_version[n], last_position = s_last_position[n]
            from generate_series(1, streams) as n
            where s.stream_id = s_stream_id[n] and s.version = s_before[n] and s_before[n] > 0;
        get diagnostics moved = row_count;
        if moved < streams then
            insert into log.streams (stream_id, category, version, last_position)
                select s_stream_id[n], s_category[n], s_version[n], s_last_position[n]
                from generate_series(1, streams) as n where s_before[n] = 0;
            get diagnostics done = row_count;
            moved := moved + done;
        end if;
    end if;
    if moved <> streams then
        raise exception 'a stream is not at the version the append was built on' using errcode = 'MP003';
    end if;

    if cardinality(k_key_id) > 0 then
        insert into log.keys (key_id, subject, wrapped, kek_id, uses)
            select * from unnest(k_key_id, k_subject, k_wrapped, k_kek_id, k_uses)
            on conflict (key_id) do nothing;
    end if;
    if cardinality(i_key) > 0 then
        insert into log.idempotency (key, stream_id, first_position, last_position, version)
            select * from unnest(i_key, i_stream_id, i_first_position, i_last_position, i_version);
    end if;

    if cardinality(e_position) <= few then
        for n in 1 .. cardinality(e_position) loop
            insert into log.events (position, recorded_at, stream_id, category, version, event_id, type_id,
                    schema_version, key_id, correlation_id, causation_position, actor_id, chain, payload)
                values (e_position[n], e_recorded_at[n], e_stream_id[n], e_category[n], e_version[n],
                    e_event_id[n], e_type_id[n], e_schema_version[n], e_key_id[n], e_correlation_id[n],
                    e_causation_position[n], e_actor_id[n], e_chain[n], e_payload[n]);
        end loop;
    else
        insert into log.events (position, recorded_at, stream_id, category, version, event_id, type_id,
                schema_version, key_id, correlation_id, causation_position, actor_id, chain, payload)
            select e_position[n], e_recorded_at[n], e_stream_id[n], e_category[n], e_version[n], e_event_id[n],
                e_type_id[n], e_schema_version[n], e_key_id[n], e_correlation_id[n], e_causation_position[n],
                e_actor_id[n], e_chain[n], e_payload[n]
            from generate_series(1, cardinality(e_position)) as n;
    end if;

    if tell then
        perform pg_notify('mycopod_log', new_position::text);
    end if;
    return 1;
end
$$;

revoke all on function log.append from public;
grant execute on function log.append to mycopod_app;

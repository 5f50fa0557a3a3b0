-- Signed checkpoints: each covers the events after the one before it.

alter table log.seals add column first_position bigint not null check (first_position between 1 and position);
alter table log.seals add constraint seals_first_position unique (first_position);

create trigger append_only before update or delete or truncate on log.seals
    for each statement execute function log.refuse_change();

-- It protects two tables now.
create or replace function log.refuse_change() returns trigger language plpgsql
set search_path = pg_catalog, pg_temp as $$
begin
    raise exception 'log.% is append-only: % refused', tg_table_name, tg_op using errcode = 'MP001';
end
$$;

-- Schema session: who is signed in at the moment. Not history and not rebuilt from it: dropping every row
-- signs everybody out and loses nothing else.

create schema session;

create table session.sessions (
    -- SHA-256 of the token in the person's cookie: who reads this table cannot sign in with it.
    token_hash bytea       primary key check (length(token_hash) = 32),
    account    uuid        not null,
    created_at timestamptz not null,
    last_seen  timestamptz not null,
    expires_at timestamptz not null,                          -- the absolute end, whatever happens
    check (created_at <= last_seen and created_at < expires_at)
);

-- Ending all sessions of one person, and clearing away those that are over.
create index sessions_account on session.sessions (account);
create index sessions_expires on session.sessions (expires_at);

revoke all on schema session from public;
grant usage on schema session to mycopod_app;
grant select, insert, delete on session.sessions to mycopod_app;
grant update (last_seen) on session.sessions to mycopod_app;

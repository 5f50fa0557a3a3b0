-- Schema read: what pages show. Every table in it is a fold of the log and may be dropped and built again
-- at any time, so the application makes and replaces its tables itself.

create schema read;

revoke all on schema read from public;
grant usage, create on schema read to mycopod_app;

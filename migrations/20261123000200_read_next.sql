-- Schema read_next: read models being built anew beside the ones that serve. A finished table moves to schema read and
-- takes the old one's place in one transaction; whatever stands here may be dropped at any time.

create schema read_next;

revoke all on schema read_next from public;
grant usage, create on schema read_next to mycopod_app;

//! Leases: who alone may act under a name, until when by the database's clock.
//!
//! Whenever a lease changes hands its epoch goes up, and with it the epoch of the head row, in one
//! transaction. Every append swaps the head at the epoch it knows, so an append that carries an older token
//! cannot slip through behind a takeover, however late it arrives.

use crate::{connect::Pool, error::StoreError, types::LeaseToken};
use std::time::Duration;
use tokio_postgres::Row;

const ACQUIRE: &str = "\
insert into log.leases as l (name, holder, epoch, expires)
values ($1, $2, 1, clock_timestamp() + $3::bigint * interval '1 millisecond')
on conflict (name) do update set holder = excluded.holder, epoch = l.epoch + 1, expires = excluded.expires
where l.expires <= clock_timestamp() or l.holder = excluded.holder
returning name, holder, epoch, expires";

const RENEW: &str = "\
update log.leases set expires = clock_timestamp() + $4::bigint * interval '1 millisecond'
where name = $1 and holder = $2 and epoch = $3
returning name, holder, epoch, expires";

const RELEASE: &str = "\
update log.leases set expires = clock_timestamp(), epoch = epoch + 1, holder = ''
where name = $1 and holder = $2 and epoch = $3";

pub(crate) async fn acquire(
    pool: &Pool,
    name: &str,
    holder: &str,
    ttl: Duration,
) -> Result<Option<LeaseToken>, StoreError> {
    let rows = pool.query("taking a lease", ACQUIRE, &[&name, &holder, &millis(ttl)]).await?;
    Ok(rows.first().map(token))
}

pub(crate) async fn renew(
    pool: &Pool,
    held: &LeaseToken,
    ttl: Duration,
) -> Result<Option<LeaseToken>, StoreError> {
    let rows =
        pool.query("renewing a lease", RENEW, &[&held.name, &held.holder, &held.epoch, &millis(ttl)]).await?;
    Ok(rows.first().map(token))
}

pub(crate) async fn release(pool: &Pool, held: &LeaseToken) -> Result<(), StoreError> {
    pool.query("releasing a lease", RELEASE, &[&held.name, &held.holder, &held.epoch]).await.map(drop)
}

fn token(row: &Row) -> LeaseToken {
    LeaseToken { name: row.get(0), holder: row.get(1), epoch: row.get(2), expires: row.get(3) }
}

fn millis(ttl: Duration) -> i64 {
    i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX / 2)
}

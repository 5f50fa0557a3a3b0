//! The committer's own connection, and what it remembers between groups.

use super::{
    Request,
    plan::Plan,
    statement::{self, AppendValues},
};
use crate::{
    connect::{self, Connector, within_limit},
    error::{StoreError, chain_of, database, is_outage, never_sent},
    inline::InlineStatement,
    limits,
    types::{Appended, Head, LeaseToken},
};
use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
};
use tokio_postgres::{Row, Statement, types::ToSql};
use uuid::Uuid;

/// What the committer knows about the log. Versions are never above the true ones.
pub(super) struct Known {
    pub head: Head,
    pub epoch: i64,
    /// Streams expected to be new are looked up too, after one of them was not.
    pub check_new_streams: bool,
    /// Number of the last partition that was made ahead.
    pub partition_made: i64,
    /// Time given to the last event, in µs since 1970.
    recorded_at_us: i64,
    loaded: bool,
    versions: HashMap<Uuid, i64>,
    leases: HashMap<String, i64>,
    keyed: HashMap<Uuid, Appended>,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            head: Head::EMPTY,
            epoch: 0,
            check_new_streams: false,
            partition_made: 0,
            recorded_at_us: 0,
            loaded: false,
            versions: HashMap::new(),
            leases: HashMap::new(),
            keyed: HashMap::new(),
        }
    }
}

impl Known {
    pub fn version(&self, stream: Uuid) -> Option<i64> {
        self.versions.get(&stream).copied()
    }

    /// Whether a token is newer than what is known of its lease.
    pub fn is_behind(&self, lease: Option<&LeaseToken>) -> bool {
        lease.is_some_and(|lease| self.lease_epoch(&lease.name).is_none_or(|known| known < lease.epoch))
    }

    /// The time for the next events, in µs since 1970: the clock's, but never before the last one given.
    pub fn next_time(&mut self) -> i64 {
        self.recorded_at_us = self.recorded_at_us.max(chrono::Utc::now().timestamp_micros());
        self.recorded_at_us
    }

    pub fn lease_epoch(&self, name: &str) -> Option<i64> {
        self.leases.get(name).copied()
    }

    pub fn recorded_under(&self, key: Uuid) -> Option<Appended> {
        self.keyed.get(&key).copied()
    }

    pub fn remember_key(&mut self, key: Uuid, appended: Appended) {
        if self.keyed.len() >= limits::QUEUE_APPENDS_MAX {
            self.keyed.clear();
        }
        self.keyed.insert(key, appended);
    }

    pub fn forget_versions(&mut self) {
        self.versions.clear();
    }

    pub fn advance(&mut self, plan: &Plan) {
        // A settled group may lie behind what was caught up with since.
        if plan.head.position > self.head.position {
            self.head = plan.head;
        }
        if self.versions.len() + plan.streams.len() > limits::VERSIONS_CACHED_MAX {
            self.versions.clear();
        }
        for (stream, moved) in &plan.streams {
            let version = self.versions.entry(stream.id).or_insert(moved.version);
            *version = (*version).max(moved.version);
        }
    }
}

/// Why a group statement failed.
pub(super) enum Refusal {
    /// The connection broke or the answer did not come: it may be recorded.
    Lost(StoreError),
    /// The server said no for a reason that passes; nothing is recorded.
    Passing(StoreError),
    /// An idempotency key of the group was recorded before.
    KeyUsed,
    /// A stream is not at the version that was remembered or assumed.
    VersionsDiffer,
    NoPartition,
    /// A statement of an inline read model did not hold; nothing is recorded.
    Inline(String),
    Other(StoreError),
}

pub(super) struct Session {
    session: connect::Session,
    append: Statement,
    /// The head row is locked by an open transaction.
    locked: AtomicBool,
}

impl Session {
    pub async fn open(connector: &Connector) -> Result<Self, StoreError> {
        const DOING: &str = "setting up the committer's connection";
        let client = connector.connect(None).await?;
        within_limit(DOING, client.batch_execute(statement::SETTINGS))
            .await?
            .map_err(|error| database(DOING, error))?;
        let append = within_limit(DOING, client.prepare(statement::APPEND))
            .await?
            .map_err(|error| database(DOING, error))?;
        Ok(Self { session: connect::Session::new(client), append, locked: AtomicBool::new(false) })
    }

    pub fn is_lost(&self) -> bool {
        self.session.client.is_closed()
    }

    /// Sends a group, with statements for the same transaction if there are any; true if it is recorded, false if
    /// the head was moved by somebody else.
    pub async fn send(
        &self,
        plan: &Plan,
        notify: bool,
        inline: Option<&[InlineStatement]>,
    ) -> Result<bool, Refusal> {
        const DOING: &str = "recording events";
        let values = AppendValues::of(plan, notify);
        let answer = within_limit(DOING, async {
            let values = values.values();
            let append = self.session.client.query_one(&self.append, &values);
            if inline.is_none() || self.locked.swap(true, Ordering::AcqRel) {
                return append.await;
            }
            // In one go: both are on their way before the first is answered.
            let (begun, appended) = tokio::join!(self.session.client.batch_execute("begin"), append);
            begun.and(appended)
        })
        .await
        .map_err(Refusal::Lost)?;
        if let (Ok(row), Some(inline)) = (&answer, inline)
            && row.get::<_, i64>(0) == 1
            && let Err(why) = self.run_inline(inline).await
        {
            self.unlock().await;
            return Err(Refusal::Inline(why));
        }
        match answer {
            Ok(row) if row.get::<_, i64>(0) == 1 => self.commit_lock().await.map(|()| true),
            Ok(_) => {
                self.unlock().await;
                Ok(false)
            }
            Err(error) => {
                self.unlock().await;
                Err(refusal(DOING, error))
            }
        }
    }

    /// Runs the statements of inline models, all on their way at once; each has to answer 1.
    async fn run_inline(&self, inline: &[InlineStatement]) -> Result<(), String> {
        let running = inline.iter().map(async |one| {
            let values: Vec<&(dyn ToSql + Sync)> = one.values.iter().map(|value| &**value as _).collect();
            let answer = self.session.client.query_one(&one.sql, &values).await;
            match answer.map_err(|error| chain_of(&error))?.try_get::<_, i64>(0) {
                Ok(1) => Ok(()),
                Ok(_) => Err("a read model is not where it was".into()),
                Err(error) => Err(chain_of(&error)),
            }
        });
        let answers = within_limit("moving inline read models", futures::future::try_join_all(running)).await;
        answers.map_err(|error| error.to_string())?.map(drop)
    }

    /// Waits in line for the head row, holds it until the next [`Session::send`], and catches up. Racing for it
    /// could go on for ever against a process that is always a step ahead.
    pub async fn lock_and_catch_up(&self, known: &mut Known) -> Result<bool, StoreError> {
        const DOING: &str = "locking the head";
        within_limit(DOING, self.session.client.batch_execute("begin; select from log.head for update"))
            .await?
            .map_err(|error| database(DOING, error))?;
        self.locked.store(true, Ordering::Release);
        self.catch_up(known).await
    }

    /// Gives the head row free, if it was locked. A failure means that the connection is gone, and the lock
    /// with it.
    pub async fn unlock(&self) {
        if self.locked.swap(false, Ordering::AcqRel) {
            let _ = within_limit("unlocking the head", self.session.client.batch_execute("rollback")).await;
        }
    }

    async fn commit_lock(&self) -> Result<(), Refusal> {
        const DOING: &str = "committing events";
        if !self.locked.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let answer =
            within_limit(DOING, self.session.client.batch_execute("commit")).await.map_err(Refusal::Lost)?;
        answer.map_err(|error| refusal(DOING, error))
    }

    /// Reads the head and what others appended since; true if the epoch changed, which means that leases
    /// were loaded again and cached data keys may be dead. Refuses a log that ends before what was known or
    /// differs there: it was restored or rewritten under us.
    pub async fn catch_up(&self, known: &mut Known) -> Result<bool, StoreError> {
        let rows = self.query("reading the head", statement::HEAD, &[]).await?;
        let row = rows.first().ok_or(StoreError::NotMigrated)?;
        let head = Head { position: row.get(0), chain: chain_value(row, 1)? };
        let (was, epoch): (Head, i64) = (known.head, row.get(2));
        if known.loaded {
            let went_back = StoreError::WentBack { known: was.position, found: head.position };
            let there = match was.position {
                0 => Some(was.chain),
                position if position == head.position => Some(head.chain),
                position => self.chain_at(position).await?,
            };
            if head.position < was.position || there != Some(was.chain) || epoch < known.epoch {
                return Err(went_back);
            }
        }
        if head.position - was.position > limits::CATCH_UP_EVENTS_MAX {
            known.forget_versions();
        } else if head.position > was.position && !known.versions.is_empty() {
            for row in self.query("catching up", statement::MOVED, &[&was.position, &head.position]).await? {
                if let Some(version) = known.versions.get_mut(&row.get(0)) {
                    *version = (*version).max(row.get(1));
                }
            }
        }
        let epoch_changed = !known.loaded || epoch != known.epoch;
        if epoch_changed {
            let rows = self.query("reading leases", statement::LEASES, &[]).await?;
            known.leases = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        }
        (known.head, known.epoch) = (head, epoch);
        Ok(std::mem::replace(&mut known.loaded, true) && epoch_changed)
    }

    pub async fn load_versions(&self, known: &mut Known, ids: Vec<Uuid>) -> Result<(), StoreError> {
        let rows = self.query("reading stream versions", statement::VERSIONS, &[&ids]).await?;
        if known.versions.len() + ids.len() > limits::VERSIONS_CACHED_MAX {
            known.forget_versions();
        }
        for id in ids {
            known.versions.entry(id).or_insert(0);
        }
        known.versions.extend(rows.iter().map(|row| (row.get::<_, Uuid>(0), row.get::<_, i64>(1))));
        Ok(())
    }

    pub async fn recorded_under(&self, requests: &[Request]) -> Result<HashMap<Uuid, Appended>, StoreError> {
        let keys: Vec<Uuid> = requests.iter().filter_map(|request| request.idempotency_key).collect();
        self.recorded_under_keys(&keys).await
    }

    pub async fn recorded_under_keys(&self, keys: &[Uuid]) -> Result<HashMap<Uuid, Appended>, StoreError> {
        let rows = self.query("reading idempotency keys", statement::RECORDED_UNDER, &[&keys]).await?;
        Ok(rows.iter().map(keyed_row).collect())
    }

    /// The chain value of the event at this position, if there is one.
    pub async fn chain_at(&self, position: i64) -> Result<Option<[u8; 32]>, StoreError> {
        let rows = self.query("reading a chain value", statement::CHAIN_AT, &[&position]).await?;
        rows.first().map(|row| chain_value(row, 0)).transpose()
    }

    pub async fn ensure_partition(&self, position: i64) -> Result<(), StoreError> {
        self.query("making a partition", statement::ENSURE_PARTITION, &[&position]).await.map(drop)
    }

    pub async fn notify(&self, position: i64) -> Result<(), StoreError> {
        self.query("notifying", statement::NOTIFY, &[&position.to_string()]).await.map(drop)
    }

    async fn query(
        &self,
        doing: &'static str,
        sql: &'static str,
        values: &[&(dyn tokio_postgres::types::ToSql + Sync)],
    ) -> Result<Vec<Row>, StoreError> {
        self.session.query(doing, sql, values).await
    }
}

/// A row of `log.idempotency` as [`statement::RECORDED_UNDER`] reads it.
pub(super) fn keyed_row(row: &Row) -> (Uuid, Appended) {
    let appended = Appended {
        first_position: row.get(1),
        last_position: row.get(2),
        version: row.get(3),
        replayed: true,
    };
    (row.get(0), appended)
}

fn chain_value(row: &Row, column: usize) -> Result<[u8; 32], StoreError> {
    let bytes: &[u8] = row.get(column);
    bytes.try_into().map_err(|_| StoreError::Malformed("a chain value is not 32 bytes".into()))
}

fn refusal(doing: &'static str, error: tokio_postgres::Error) -> Refusal {
    if never_sent(&error) {
        return Refusal::Other(database(doing, error));
    }
    let Some(refused) = error.as_db_error() else {
        return Refusal::Lost(StoreError::Unavailable { doing, why: chain_of(&error) });
    };
    let code = refused.code().code().to_owned();
    match (code.as_str(), refused.constraint().unwrap_or_default()) {
        ("23505", "idempotency_pkey") => Refusal::KeyUsed,
        // The stream exists already (in the streams table, or in a partition's own index).
        ("23505", _) | ("MP003", _) => Refusal::VersionsDiffer,
        ("23514", "") if refused.message().contains("no partition") => Refusal::NoPartition,
        // The server ended this backend, perhaps after the commit record was written.
        (code, _) if code.starts_with("57P") => {
            Refusal::Lost(StoreError::Unavailable { doing, why: chain_of(&error) })
        }
        (code, _) if is_outage(code) => {
            Refusal::Passing(StoreError::Unavailable { doing, why: chain_of(&error) })
        }
        _ => Refusal::Other(database(doing, error)),
    }
}

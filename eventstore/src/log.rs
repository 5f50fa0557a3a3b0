//! [`EventLog`]: what every event log can do, whether it lives in Postgres or in memory.
//!
//! Begin with [`EventLog::handle`] for commands, [`EventLog::append`] for bare events, and
//! [`EventLog::subscribe`] to follow the log. Positions are contiguous and in commit order, so a reader
//! needs nothing but the last position it has seen.

use crate::{
    error::{AppendError, StoreError},
    limits,
    typed::{Desk, HandleError, Handled},
    types::{Append, Appended, Head, LeaseToken, Meta, Recorded, StreamId},
};
use domain::decider::Decider;
use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::oneshot;
use uuid::Uuid;

/// An append that is queued. Its place in the stream is decided; whether it is durable is not known yet.
pub struct Pending(pub(crate) oneshot::Receiver<Result<Appended, AppendError>>);

impl Pending {
    /// Waits until the append is durable or refused.
    pub async fn outcome(self) -> Result<Appended, AppendError> {
        self.0.await.unwrap_or(Err(AppendError::Store(StoreError::Stopped)))
    }
}

/// Appends that were decided one on top of the other before the first was durable. When one of them fails,
/// all later ones of the lineage are refused as conflicts: they were decided on something that never was.
#[derive(Clone, Debug, Default)]
pub struct Lineage(Arc<AtomicBool>);

impl Lineage {
    pub(crate) fn fail(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// An append-only log of events in streams. Cheap to clone.
pub trait EventLog: Clone + Send + Sync + 'static {
    /// Queues an append; appends of one task enter the log in the order of these calls. Most callers want
    /// [`EventLog::append`].
    fn submit(
        &self,
        append: Append,
        lineage: Option<Lineage>,
    ) -> impl Future<Output = Result<Pending, AppendError>> + Send;

    /// Records events, all or none; durable when it returns.
    fn append(&self, append: Append) -> impl Future<Output = Result<Appended, AppendError>> + Send {
        async move {
            for _ in 1..limits::HANDLE_TRIES_MAX {
                match self.submit(append.clone(), None).await?.outcome().await {
                    Err(AppendError::KeyChanged) => {}
                    outcome => return outcome,
                }
            }
            self.submit(append, None).await?.outcome().await
        }
    }

    /// Events of one stream with at least this version, in order; empty if there are none.
    fn read_stream(
        &self,
        stream: StreamId,
        from_version: i64,
    ) -> impl Future<Output = Result<Vec<Recorded>, StoreError>> + Send;

    /// Up to `limit` events after this position, in order. Fewer only at the end of the log or when
    /// they are large (a page also ends at [`limits::PAGE_BYTES_MAX`]); empty only at the end.
    fn read_from(
        &self,
        after_position: i64,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Recorded>, StoreError>> + Send;

    /// The end of the log.
    fn head(&self) -> impl Future<Output = Result<Head, StoreError>> + Send;

    /// What an idempotency key recorded, if it did.
    fn recorded_under(&self, key: Uuid) -> impl Future<Output = Result<Option<Appended>, StoreError>> + Send;

    /// Returns when the log may hold events after this position (it may wake for nothing). Never fails: while
    /// the log is out of reach it waits.
    fn wait_beyond(&self, position: i64) -> impl Future<Output = ()> + Send;

    /// Takes the lease `name` for `ttl`, or `None` if another holder has it. The same holder takes it again at
    /// once with a new epoch, which fences its own earlier incarnation.
    fn acquire_lease(
        &self,
        name: &str,
        holder: &str,
        ttl: Duration,
    ) -> impl Future<Output = Result<Option<LeaseToken>, StoreError>> + Send;

    /// Holds the lease for another `ttl` from now, or `None` if somebody else has taken it.
    fn renew_lease(
        &self,
        token: &LeaseToken,
        ttl: Duration,
    ) -> impl Future<Output = Result<Option<LeaseToken>, StoreError>> + Send;

    /// Gives the lease back: others may take it at once, and appends under this token are refused.
    fn release_lease(&self, token: &LeaseToken) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Destroys the data keys of a subject (the id of a stream): its payloads can never be read again, the
    /// chain still verifies. Returns how many keys there were. Later events get a new key.
    fn destroy_keys(&self, subject: Uuid) -> impl Future<Output = Result<u64, StoreError>> + Send;

    #[doc(hidden)]
    fn desk(&self) -> &Desk;

    /// Follows the log from the event after this position.
    fn subscribe(&self, after_position: i64) -> Subscription<Self> {
        Subscription { log: self.clone(), after: after_position }
    }

    /// Waits until the log holds this position.
    fn wait_for(
        &self,
        position: i64,
        limit: Duration,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        async move {
            let reached = async {
                while self.head().await.map_or(true, |head| head.position < position) {
                    self.wait_beyond(position - 1).await;
                }
            };
            let waited_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
            tokio::time::timeout(limit, reached).await.map_err(|_| StoreError::NotYet { position, waited_ms })
        }
    }

    /// Loads the aggregate, lets it decide, and records what follows, at the version it decided on. A
    /// conflict with somebody else's change is decided again, at most [`limits::HANDLE_TRIES_MAX`] times.
    /// No events means that what was asked for holds already.
    fn handle<D: Decider>(
        &self,
        stream: StreamId,
        command: D::Command,
        meta: Meta,
        idempotency_key: Option<Uuid>,
    ) -> impl Future<Output = Result<Handled<D>, HandleError<D::Refusal>>> + Send
    where
        D::Command: Clone + Send + Sync,
        D::Refusal: Send,
    {
        self.handle_leased(stream, command, meta, idempotency_key, None)
    }

    /// [`EventLog::handle`] under a lease: refused as [`AppendError::Fenced`] once somebody else has taken it.
    fn handle_leased<D: Decider>(
        &self,
        stream: StreamId,
        command: D::Command,
        meta: Meta,
        idempotency_key: Option<Uuid>,
        lease: Option<LeaseToken>,
    ) -> impl Future<Output = Result<Handled<D>, HandleError<D::Refusal>>> + Send
    where
        D::Command: Clone + Send + Sync,
        D::Refusal: Send,
    {
        crate::typed::handle(self, stream, command, meta, idempotency_key, lease)
    }
}

/// A reader that follows the log.
pub struct Subscription<L: EventLog> {
    log: L,
    after: i64,
}

impl<L: EventLog> Subscription<L> {
    /// The last position handed out.
    pub fn position(&self) -> i64 {
        self.after
    }

    /// Waits for the next events: at least one, at most [`limits::SUBSCRIPTION_EVENTS_MAX`], the first being the
    /// one right after the last. While the log is out of reach it waits; other errors (an event that cannot be
    /// opened or named) are returned, and the same call meets them again. Safe to drop while it waits.
    pub async fn next(&mut self) -> Result<Vec<Recorded>, StoreError> {
        loop {
            match self.log.read_from(self.after, limits::SUBSCRIPTION_EVENTS_MAX).await {
                Ok(events) if events.is_empty() => self.log.wait_beyond(self.after).await,
                Ok(events) => {
                    let mut last = self.after;
                    for event in &events {
                        if event.position != last + 1 {
                            return Err(StoreError::Gap { expected: last + 1, found: event.position });
                        }
                        last = event.position;
                    }
                    self.after = last;
                    return Ok(events);
                }
                Err(error) if error.is_transient() => {
                    tokio::time::sleep(Duration::from_millis(limits::POLL_MS)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// What every log refuses before anything is queued.
pub(crate) fn check(append: &Append) -> Result<(), AppendError> {
    let invalid = |why: String| Err(AppendError::Invalid(why));
    if append.events.is_empty() || append.events.len() > limits::APPEND_EVENTS_MAX {
        return invalid(format!(
            "it has {} events, not 1 to {}",
            append.events.len(),
            limits::APPEND_EVENTS_MAX
        ));
    }
    let bytes: usize = append.events.iter().map(|event| event.payload.len()).sum();
    if bytes > limits::APPEND_BYTES_MAX {
        return invalid(format!("it has {bytes} payload bytes, more than {}", limits::APPEND_BYTES_MAX));
    }
    if append.expected.version().is_some_and(|version| version < 0) {
        return invalid("the expected version is negative".into());
    }
    for event in &append.events {
        let name = &event.type_name;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
        if name.is_empty() || name.len() > limits::TYPE_NAME_CHARS_MAX || !name.chars().all(plain) {
            return invalid(format!("{:?} is no event type name", name.chars().take(40).collect::<String>()));
        }
        if event.schema_version == 0 || event.schema_version > i16::MAX as u16 {
            return invalid(format!("schema version {} of {name} is out of range", event.schema_version));
        }
    }
    Ok(())
}

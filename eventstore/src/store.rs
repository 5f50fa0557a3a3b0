//! [`Store`]: the event log in Postgres.
//!
//! Begin with [`Store::connect`], then use it through [`EventLog`]. It owns a committer task that records
//! everything ([`crate::commit`]), a watcher task that learns what other processes recorded, and a few
//! connections for reading. Dropping the last clone ends them; appends already queued are still recorded.

use crate::{
    chain::payload_aad,
    commit::{Body, Committer, Envelope, Request},
    connect::{Connector, Pool},
    error::{AppendError, StoreError},
    inline::InlineDesk,
    keys::KeyBook,
    lease, limits,
    log::{self, EventLog, Lineage, Pending},
    names::NameBook,
    read,
    typed::Desk,
    types::{Append, Appended, Head, LeaseToken, Recorded, StreamId},
    watch::{Tip, Watcher},
};
use secrets::{KeyRing, Secret};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot},
    task::AbortHandle,
};
use uuid::Uuid;
use zeroize::Zeroizing;

/// What a store needs to open. There is no switch for durability: a server that may lose confirmed events is
/// refused.
pub struct StoreConfig {
    /// `postgres://user:password@host/database`, or `postgres:///database?host=/socket/folder&user=name`.
    /// `sslmode` and `sslrootcert` are understood; TLS is always verified.
    pub url: Secret<String>,
    /// Wraps the data keys. Losing it loses every payload.
    pub keyring: KeyRing,
    /// How this process shows in the server's list of connections.
    pub application: String,
    /// Writes payloads in the clear and leaves the chain as it is, to measure what both cost.
    #[cfg(feature = "bench")]
    pub unprotected: bool,
}

impl StoreConfig {
    pub fn new(url: Secret<String>, keyring: KeyRing) -> Self {
        Self {
            url,
            keyring,
            application: "mycopod".into(),
            #[cfg(feature = "bench")]
            unprotected: false,
        }
    }
}

/// The event log in Postgres. Cheap to clone; all clones share one committer.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    core: Arc<Core>,
    queue: mpsc::Sender<Request>,
    watcher: AbortHandle,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

/// What the store's tasks share.
pub(crate) struct Core {
    pub pool: Pool,
    pub keys: KeyBook,
    pub names: NameBook,
    pub tip: Tip,
    pub desk: Desk,
    pub inline: InlineDesk,
}

impl Core {
    /// Forgets data keys and what was read with them: one of them may have been destroyed.
    pub fn forget(&self) {
        self.keys.forget();
        self.desk.forget();
    }

    pub async fn ensure_partition(&self, position: i64) -> Result<(), StoreError> {
        self.pool.query("making a partition", "select log.ensure_partition($1)", &[&position]).await.map(drop)
    }
}

impl Store {
    /// Opens the log. Fails if the server is out of reach, too old or unsafe, or the schema is missing; after
    /// that, lost connections are replaced by themselves.
    pub async fn connect(config: StoreConfig) -> Result<Self, StoreError> {
        let connector = Arc::new(Connector::new(config.url.expose(), &config.application)?);
        let core = Arc::new(Core {
            pool: Pool::new(connector),
            #[cfg(feature = "bench")]
            keys: KeyBook::new(config.keyring).unprotected(config.unprotected),
            #[cfg(not(feature = "bench"))]
            keys: KeyBook::new(config.keyring),
            names: NameBook::default(),
            tip: Tip::default(),
            desk: Desk::default(),
            inline: InlineDesk::default(),
        });
        core.tip.saw(read::head(&core).await?.position);
        let (queue, waiting) = mpsc::channel(limits::QUEUE_APPENDS_MAX);
        tokio::spawn(Committer::new(core.clone(), waiting).run());
        let watcher = tokio::spawn(Watcher::new(core.clone()).run()).abort_handle();
        Ok(Self { inner: Arc::new(Inner { core, queue, watcher }) })
    }

    /// Uses another key ring from now on, after a rotation or when it was loaded again.
    pub fn set_keyring(&self, keyring: KeyRing) {
        self.core().keys.set_ring(keyring);
    }

    /// Wraps every data key under the ring's current key-encryption key; payloads stay as they are. May be
    /// stopped and repeated at any time. Returns how many were wrapped again.
    pub async fn rewrap_keys(&self) -> Result<u64, StoreError> {
        self.core().keys.rewrap(&self.core().pool).await
    }

    /// The last position this process knows of, without asking the database.
    pub fn known_position(&self) -> i64 {
        self.core().tip.position()
    }

    /// Goes up when a data key is destroyed (and when a lease changes hands): what was read before may show what is
    /// erased now.
    pub async fn epoch(&self) -> Result<i64, StoreError> {
        read::epoch(self.core()).await
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.inner.core
    }
}

impl EventLog for Store {
    async fn submit(&self, append: Append, lineage: Option<Lineage>) -> Result<Pending, AppendError> {
        log::check(&append)?;
        let Core { pool, keys, names, .. } = &**self.core();
        let Append { stream, expected, events, meta, idempotency_key, lease } = append;
        let expected_version = expected.version();
        let key_generation = keys.generation();
        let key = keys.for_sealing(pool, stream.id, events.len() as i64, expected_version == Some(0)).await?;
        let mut named = Vec::with_capacity(events.len());
        for event in events {
            let (type_id, type_name) = names.number(pool, &event.type_name).await?;
            let payload = Zeroizing::new(event.payload);
            named.push((event.event_id, type_id, type_name, event.schema_version as i16, payload));
        }
        let bodies: Vec<Body> = match expected_version {
            None => named.iter_mut().map(|named| Body::Clear(std::mem::take(&mut named.4))).collect(),
            Some(before) => {
                let bound = named.iter().enumerate().map(|(n, (_, type_id, _, schema_version, payload))| {
                    let version = before + 1 + n as i64;
                    (payload_aad(stream.id, version, *type_id, *schema_version, key.key_id), &payload[..])
                });
                let sealed = match key.is_none() {
                    true => Ok(bound.map(|(_, payload)| payload.to_vec()).collect()),
                    false => secrets::seal_each(&key.key, bound),
                };
                let sealed: Vec<Vec<u8>> = sealed.map_err(|error| AppendError::Invalid(error.to_string()))?;
                sealed.into_iter().map(|sealed| Body::Sealed(sealed.into())).collect()
            }
        };
        let keep = self.core().inline.is_wanted();
        let envelope = |((event_id, type_id, type_name, schema_version, payload), body)| Envelope {
            event_id,
            type_id,
            type_name,
            schema_version,
            body,
            kept: keep.then_some(payload),
        };
        let envelopes = named.into_iter().zip(bodies).map(envelope).collect();
        let (reply, outcome) = oneshot::channel();
        let request = Request {
            stream,
            expected,
            events: envelopes,
            meta,
            idempotency_key,
            lease,
            lineage,
            key,
            key_generation,
            sealed_before: false,
            reply,
        };
        self.inner.queue.send(request).await.map_err(|_| AppendError::Store(StoreError::Stopped))?;
        Ok(Pending(outcome))
    }

    async fn read_stream(&self, stream: StreamId, from_version: i64) -> Result<Vec<Recorded>, StoreError> {
        read::stream(self.core(), stream, from_version).await
    }

    async fn read_from(&self, after_position: i64, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        read::after(self.core(), after_position, limit).await
    }

    async fn head(&self) -> Result<Head, StoreError> {
        read::head(self.core()).await
    }

    async fn recorded_under(&self, key: Uuid) -> Result<Option<Appended>, StoreError> {
        read::recorded_under(self.core(), key).await
    }

    async fn wait_beyond(&self, position: i64) {
        self.core().tip.beyond(position).await;
    }

    async fn acquire_lease(
        &self,
        name: &str,
        holder: &str,
        ttl: Duration,
    ) -> Result<Option<LeaseToken>, StoreError> {
        lease::acquire(&self.core().pool, name, holder, ttl).await
    }

    async fn renew_lease(&self, token: &LeaseToken, ttl: Duration) -> Result<Option<LeaseToken>, StoreError> {
        lease::renew(&self.core().pool, token, ttl).await
    }

    async fn release_lease(&self, token: &LeaseToken) -> Result<(), StoreError> {
        lease::release(&self.core().pool, token).await
    }

    async fn destroy_keys(&self, subject: Uuid) -> Result<u64, StoreError> {
        const DESTROY: &str = "update log.keys set wrapped = ''::bytea, destroyed_at = clock_timestamp() \
                               where subject = $1 and destroyed_at is null returning key_id";
        let destroyed = self.core().pool.query("destroying data keys", DESTROY, &[&subject]).await?;
        self.core().forget();
        Ok(destroyed.len() as u64)
    }

    fn desk(&self) -> &Desk {
        &self.inner.core.desk
    }
}

//! Data keys: one per subject (a stream), prepared and cached, stored wrapped by the key ring.
//!
//! Begin with [`KeyBook::for_sealing`]. A new key's row is written by the same statement as the first append
//! under it, so a new stream costs no commit of its own. Uses are reserved ahead in blocks: whatever a
//! stopped process had left is forfeited, so the stored counter is never below the true one, and a key stops
//! at [`limits::KEY_USES_MAX`]; then the subject gets another.
//!
//! Never here: a key in the clear outside this process.

use crate::{connect::Pool, error::StoreError, limits, rows::Keys, store::Store};
use secrets::{DataKey, KeyRing, KeyRingError};
use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
};
use uuid::Uuid;

/// A key row that is not in the database yet.
pub(crate) struct KeyRow {
    pub subject: Uuid,
    pub wrapped: Vec<u8>,
    pub kek_id: String,
    pub uses: i64,
}

/// What is wrapped under one key-encryption key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUsage {
    pub kek_id: String,
    /// Data keys that can be used.
    pub keys: i64,
    /// Subjects that these belong to.
    pub subjects: i64,
    /// Payloads sealed under them, at most: uses are reserved in blocks.
    pub uses: i64,
    /// Data keys that were destroyed; what they sealed cannot be read any more.
    pub destroyed: i64,
}

impl Store {
    /// What is wrapped under each key-encryption key, in the order of their ids.
    pub async fn key_usage(&self) -> Result<Vec<KeyUsage>, StoreError> {
        const COUNT: &str = "select kek_id, count(*) filter (where destroyed_at is null), \
                             count(distinct subject) filter (where destroyed_at is null), \
                             coalesce(sum(uses) filter (where destroyed_at is null), 0)::bigint, \
                             count(*) filter (where destroyed_at is not null) \
                             from log.keys group by kek_id order by kek_id";
        let rows = self.core().pool.query("counting data keys", COUNT, &[]).await?;
        let usage = |row: &tokio_postgres::Row| KeyUsage {
            kek_id: row.get(0),
            keys: row.get(1),
            subjects: row.get(2),
            uses: row.get(3),
            destroyed: row.get(4),
        };
        Ok(rows.iter().map(usage).collect())
    }
}

/// The key that a subject's next payloads are sealed under.
pub(crate) struct ActiveKey {
    pub key_id: i64,
    pub key: Arc<DataKey>,
    /// Set while the key is not stored; the append statement carries it.
    pub row: Option<KeyRow>,
    stored: AtomicBool,
    left: AtomicI64,
}

impl ActiveKey {
    /// Takes `uses` of those reserved, or none if fewer are left.
    pub fn take(&self, uses: i64) -> bool {
        self.left
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| (left >= uses).then_some(left - uses))
            .is_ok()
    }

    /// The row to store along with the next append, if it is not stored yet.
    pub fn unstored(&self) -> Option<&KeyRow> {
        self.row.as_ref().filter(|_| !self.stored.load(Ordering::Acquire))
    }

    /// The stand-in for a key in a store without protection; stored keys count from 1.
    pub fn is_none(&self) -> bool {
        cfg!(feature = "bench") && self.key_id == 0
    }

    pub fn mark_stored(&self) {
        self.stored.store(true, Ordering::Release);
    }
}

/// All keys in use by this process.
pub(crate) struct KeyBook {
    ring: RwLock<Arc<KeyRing>>,
    by_id: RwLock<Keys>,
    active: Mutex<HashMap<Uuid, Arc<ActiveKey>>>,
    free_ids: tokio::sync::Mutex<Range<i64>>,
    generation: AtomicU64,
    #[cfg(feature = "bench")]
    none: Option<Arc<ActiveKey>>,
}

impl KeyBook {
    pub fn new(ring: KeyRing) -> Self {
        Self {
            ring: RwLock::new(Arc::new(ring)),
            by_id: RwLock::default(),
            active: Mutex::default(),
            free_ids: tokio::sync::Mutex::new(0..0),
            generation: AtomicU64::new(0),
            #[cfg(feature = "bench")]
            none: None,
        }
    }

    #[cfg(feature = "bench")]
    pub fn unprotected(mut self, unprotected: bool) -> Self {
        self.none = DataKey::generate().ok().filter(|_| unprotected).map(|key| {
            let (stored, left) = (AtomicBool::new(true), AtomicI64::new(i64::MAX));
            Arc::new(ActiveKey { key_id: 0, key: Arc::new(key), row: None, stored, left })
        });
        self
    }

    pub fn ring(&self) -> Arc<KeyRing> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set_ring(&self, ring: KeyRing) {
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
        self.forget();
    }

    /// Goes up whenever keys are forgotten. What was sealed under an older generation is sealed again.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Forgets every cached key: one of them may have been destroyed.
    pub fn forget(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.by_id.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.active.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// A key for `uses` more payloads of this subject. `new` says that the stream has no events, so there is
    /// no key to look for.
    pub async fn for_sealing(
        &self,
        pool: &Pool,
        subject: Uuid,
        uses: i64,
        new: bool,
    ) -> Result<Arc<ActiveKey>, StoreError> {
        #[cfg(feature = "bench")]
        if let Some(none) = &self.none {
            return Ok(none.clone());
        }
        let cached = self.active.lock().unwrap_or_else(PoisonError::into_inner).get(&subject).cloned();
        let known = match cached {
            Some(key) => Some(key),
            None if new => None,
            None => self.find(pool, subject).await?,
        };
        if let Some(key) = known {
            if key.take(uses) || self.reserve(pool, &key, uses).await? {
                return Ok(key);
            }
        }
        self.make(pool, subject, uses).await
    }

    /// The keys for these ids, those not cached being loaded in one query.
    pub async fn for_opening(&self, pool: &Pool, ids: impl Iterator<Item = i64>) -> Result<Keys, StoreError> {
        const READ: &str = "select key_id, subject, wrapped, kek_id, destroyed_at is not null \
                            from log.keys where key_id = any($1)";
        let mut keys = Keys::new();
        let mut missing = HashSet::new();
        let generation = self.generation();
        #[cfg(feature = "bench")]
        let ids = ids.filter(|id| *id != 0);
        {
            let cache = self.by_id.read().unwrap_or_else(PoisonError::into_inner);
            for id in ids {
                if keys.contains_key(&id) || missing.contains(&id) {
                    continue;
                }
                match cache.get(&id) {
                    Some(key) => drop(keys.insert(id, key.clone())),
                    None => drop(missing.insert(id)),
                }
            }
        }
        if missing.is_empty() {
            return Ok(keys);
        }
        let missing: Vec<i64> = missing.into_iter().collect();
        let ring = self.ring();
        let mut loaded = Keys::new();
        for row in pool.query("reading data keys", READ, &[&missing]).await? {
            let key_id: i64 = row.get(0);
            let key = match row.get(4) {
                true => None,
                false => Some(Arc::new(unwrap(&ring, key_id, row.get(1), row.get(3), row.get(2))?)),
            };
            loaded.insert(key_id, key);
        }
        keys.extend(loaded.iter().map(|(id, key)| (*id, key.clone())));
        let mut cache = self.by_id.write().unwrap_or_else(PoisonError::into_inner);
        // A key read before others were forgotten may be the one that is gone.
        if generation == self.generation() {
            if cache.len() + loaded.len() > limits::KEYS_CACHED_MAX {
                cache.clear();
            }
            cache.extend(loaded);
        }
        Ok(keys)
    }

    /// Wraps every data key that an older key-encryption key holds under the current one. Data keys and
    /// payloads stay as they are. Can be stopped and repeated at any point. Returns how many were wrapped.
    pub async fn rewrap(&self, pool: &Pool) -> Result<u64, StoreError> {
        const OLD: &str = "select key_id, subject, wrapped, kek_id from log.keys \
                           where kek_id <> $1 and destroyed_at is null and key_id > $2 order by key_id limit 500";
        const SWAP: &str = "update log.keys set wrapped = u.wrapped, kek_id = $3 \
                            from unnest($1::bigint[], $2::bytea[], $4::bytea[]) as u(key_id, wrapped, was) \
                            where keys.key_id = u.key_id and keys.wrapped = u.was and destroyed_at is null \
                            returning keys.key_id";
        let ring = self.ring();
        let (mut done, mut after) = (0, 0_i64);
        loop {
            let rows = pool.query("reading data keys", OLD, &[&ring.current_id(), &after]).await?;
            let Some(last) = rows.last() else { return Ok(done) };
            after = last.get(0);
            let (mut ids, mut now, mut was) = (vec![], vec![], vec![]);
            for row in &rows {
                let (key_id, subject): (i64, Uuid) = (row.get(0), row.get(1));
                let key = unwrap(&ring, key_id, subject, row.get(3), row.get(2))?;
                now.push(ring.wrap(&aad(key_id, subject), &key).map_err(|e| key_error(key_id, e))?.bytes);
                ids.push(key_id);
                was.push(row.get::<_, Vec<u8>>(2));
            }
            done +=
                pool.query("wrapping data keys", SWAP, &[&ids, &now, &ring.current_id(), &was]).await?.len()
                    as u64;
        }
    }

    async fn find(&self, pool: &Pool, subject: Uuid) -> Result<Option<Arc<ActiveKey>>, StoreError> {
        const NEWEST: &str = "select key_id, wrapped, kek_id from log.keys \
                              where subject = $1 and destroyed_at is null order by key_id desc limit 1";
        let generation = self.generation();
        let rows = pool.query("reading a data key", NEWEST, &[&subject]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let key_id = row.get(0);
        let key = unwrap(&self.ring(), key_id, subject, row.get(2), row.get(1))?;
        let (stored, left) = (AtomicBool::new(true), AtomicI64::new(0));
        Ok(Some(self.remember(
            subject,
            generation,
            ActiveKey { key_id, key: Arc::new(key), row: None, stored, left },
        )))
    }

    /// Reserves another block of a stored key and takes `uses` of it; false if the key may not be used more.
    async fn reserve(&self, pool: &Pool, key: &ActiveKey, uses: i64) -> Result<bool, StoreError> {
        const RESERVE: &str = "update log.keys set uses = uses + $2 where key_id = $1 and destroyed_at is null \
                               and uses + $2 <= $3 returning key_id";
        if key.unstored().is_some() {
            return Ok(false);
        }
        let block = limits::KEY_USES_BLOCK.max(uses);
        // Not through `Pool::query`: a repeated reservation is safe, only wasteful.
        let granted =
            pool.query("reserving key uses", RESERVE, &[&key.key_id, &block, &limits::KEY_USES_MAX]).await?;
        if granted.is_empty() {
            return Ok(false);
        }
        key.left.fetch_add(block, Ordering::AcqRel);
        Ok(key.take(uses))
    }

    async fn make(&self, pool: &Pool, subject: Uuid, uses: i64) -> Result<Arc<ActiveKey>, StoreError> {
        let generation = self.generation();
        let key_id = self.free_id(pool).await?;
        let key = DataKey::generate().map_err(|error| key_error(key_id, error.into()))?;
        let wrapped = self.ring().wrap(&aad(key_id, subject), &key).map_err(|e| key_error(key_id, e))?;
        let reserved = limits::KEY_USES_FIRST_BLOCK.max(uses);
        let row = KeyRow { subject, wrapped: wrapped.bytes, kek_id: wrapped.kek_id, uses: reserved };
        let (stored, left) = (AtomicBool::new(false), AtomicI64::new(reserved - uses));
        let made = ActiveKey { key_id, key: Arc::new(key), row: Some(row), stored, left };
        Ok(self.remember(subject, generation, made))
    }

    fn remember(&self, subject: Uuid, generation: u64, key: ActiveKey) -> Arc<ActiveKey> {
        let key = Arc::new(key);
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        if generation == self.generation() {
            if active.len() >= limits::KEYS_CACHED_MAX {
                active.clear();
            }
            active.insert(subject, key.clone());
        }
        key
    }

    async fn free_id(&self, pool: &Pool) -> Result<i64, StoreError> {
        const TAKE: &str = "select nextval('log.key_ids') from generate_series(1, $1::bigint)";
        let mut free = self.free_ids.lock().await;
        if free.is_empty() {
            let rows = pool.query("taking key ids", TAKE, &[&limits::KEY_IDS_BLOCK]).await?;
            let ids: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
            let (Some(&first), Some(&last)) = (ids.first(), ids.last()) else {
                return Err(StoreError::Malformed("the key id sequence gave nothing".into()));
            };
            // Another process may have taken some in between; then only the first is surely ours.
            *free = if last - first + 1 == ids.len() as i64 { first..last + 1 } else { first..first + 1 };
        }
        let id = free.start;
        free.start += 1;
        Ok(id)
    }
}

fn unwrap(
    ring: &KeyRing,
    key_id: i64,
    subject: Uuid,
    kek_id: &str,
    wrapped: &[u8],
) -> Result<DataKey, StoreError> {
    ring.unwrap(&aad(key_id, subject), kek_id, wrapped).map_err(|error| key_error(key_id, error))
}

/// A wrapped key copied to another row or subject does not open there.
fn aad(key_id: i64, subject: Uuid) -> [u8; 24] {
    let mut aad = [0; 24];
    aad[..8].copy_from_slice(&key_id.to_be_bytes());
    aad[8..].copy_from_slice(subject.as_bytes());
    aad
}

fn key_error(key_id: i64, source: KeyRingError) -> StoreError {
    StoreError::Key { key_id, source: Arc::new(source) }
}

//! The key ring: key-encryption keys by id, one of them current, in one 0600 JSON file.
//!
//! Begin with [`KeyRing::create_if_missing`]. Data keys are wrapped under the current key; older keys stay
//! so that what they wrapped still opens. Rotation adds a key and makes it current in one atomic file
//! replacement: a crash leaves the old ring or the new one. Losing this file loses every payload.

use crate::{
    DataKey, Secret,
    files::{self, FileError},
    limits,
    seal::{self, SealError, fill_random},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};
use zeroize::{Zeroize, Zeroizing};

/// Why the ring could not be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("the key ring {path} cannot be read: {why}")]
    Damaged { path: PathBuf, why: String },
    #[error("the key ring has no key {id:?}")]
    NoKey { id: String },
    #[error("the key ring holds {0} keys already")]
    Full(usize),
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl KeyRingError {
    /// What a person can do about it.
    pub fn advice(&self) -> String {
        match self {
            Self::File(error) => error.advice(),
            Self::Damaged { path, .. } => format!("Restore {} from the backup.", path.display()),
            Self::NoKey { id } => {
                format!(
                    "This was sealed under key {id}, which the key ring lacks. Restore the ring that has it."
                )
            }
            Self::Full(_) => "The key ring is full. Start a new one and wrap the data keys again.".into(),
            Self::Seal(error) => error.advice(),
        }
    }
}

/// A data key as it is stored: sealed under the key-encryption key `kek_id`.
#[derive(Clone, PartialEq, Eq)]
pub struct Wrapped {
    pub kek_id: String,
    pub bytes: Vec<u8>,
}

/// Key-encryption keys by id. Cheap to clone; a clone wraps under the key that was current when it was loaded. What
/// was wrapped under a key that a later rotation added still opens: the file is looked into once more.
#[derive(Clone)]
pub struct KeyRing {
    current: String,
    keys: BTreeMap<String, Arc<DataKey>>,
    /// The file it was loaded from.
    path: Option<PathBuf>,
}

/// The file's form. Wiped after use, because it holds the keys.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    current: String,
    keys: BTreeMap<String, String>,
}

impl Drop for Stored {
    fn drop(&mut self) {
        self.keys.values_mut().for_each(Zeroize::zeroize);
    }
}

const FORMAT: u32 = 1;

impl KeyRing {
    /// A ring with one new key that lives in memory only, for stores that are thrown away.
    pub fn ephemeral() -> Result<Self, KeyRingError> {
        let id = new_id()?;
        let keys = BTreeMap::from([(id.clone(), Arc::new(DataKey::generate()?))]);
        Ok(Self { current: id, keys, path: None })
    }

    /// Loads the ring, or makes a file with one new key if there is none. Of two processes that start at
    /// once, one makes the file and both load it. The folder is made if it is missing.
    pub fn create_if_missing(path: &Path) -> Result<Self, KeyRingError> {
        match Self::load(path) {
            Err(KeyRingError::File(FileError::Missing { .. })) => {}
            loaded => return loaded,
        }
        if let Some(folder) = path.parent() {
            files::ensure_folder(folder)?;
        }
        match files::create(path, &Self::ephemeral()?.encode(path)?) {
            Ok(()) | Err(FileError::Exists { .. }) => Self::load(path),
            Err(error) => Err(error.into()),
        }
    }

    pub fn load(path: &Path) -> Result<Self, KeyRingError> {
        let damaged = |why: String| KeyRingError::Damaged { path: path.into(), why };
        let content = files::read(path)?;
        // Only the place of a syntax error is told: its text could quote a key.
        let stored: Stored = serde_json::from_slice(content.expose())
            .map_err(|e| damaged(format!("line {}, column {}", e.line(), e.column())))?;
        if stored.version != FORMAT {
            return Err(damaged(format!("format {} is not known", stored.version)));
        }
        let mut keys = BTreeMap::new();
        for (id, text) in &stored.keys {
            let raw = Zeroizing::new(
                STANDARD.decode(text).map_err(|_| damaged(format!("key {id} is not base64")))?,
            );
            keys.insert(id.clone(), Arc::new(DataKey::from_bytes(&raw)?));
        }
        if !keys.contains_key(&stored.current) {
            return Err(damaged(format!("the current key {} is not in it", stored.current)));
        }
        Ok(Self { current: stored.current.clone(), keys, path: Some(path.into()) })
    }

    /// Rotation: adds a new key to the file and makes it current; returns the ring as it now is. Keys that
    /// another process added meanwhile are kept, because the file is read again first.
    pub fn add_key(path: &Path) -> Result<Self, KeyRingError> {
        let mut ring = Self::load(path)?;
        if ring.keys.len() >= limits::RING_KEYS_MAX {
            return Err(KeyRingError::Full(ring.keys.len()));
        }
        let id = new_id()?;
        ring.keys.insert(id.clone(), Arc::new(DataKey::generate()?));
        ring.current = id;
        files::write(path, &ring.encode(path)?)?;
        Ok(ring)
    }

    /// The id of the key that new data keys are wrapped under.
    pub fn current_id(&self) -> &str {
        &self.current
    }

    /// All key ids, sorted.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }

    /// Wraps a data key under the current key, bound to `aad` (for instance the id of its row).
    pub fn wrap(&self, aad: &[u8], key: &DataKey) -> Result<Wrapped, KeyRingError> {
        let bytes = seal::seal(&*self.key(&self.current)?, &scoped("data-key", aad), key.raw())?;
        Ok(Wrapped { kek_id: self.current.clone(), bytes })
    }

    /// Opens a wrapped data key with the same `aad`, under whichever key wrapped it.
    pub fn unwrap(&self, aad: &[u8], kek_id: &str, wrapped: &[u8]) -> Result<DataKey, KeyRingError> {
        let raw = Zeroizing::new(seal::open(&*self.key(kek_id)?, &scoped("data-key", aad), wrapped)?);
        Ok(DataKey::from_bytes(&raw)?)
    }

    pub(crate) fn seal_text(&self, aad: &[u8], text: &str) -> Result<(&str, Vec<u8>), KeyRingError> {
        let sealed = seal::seal(&*self.key(&self.current)?, &scoped("text", aad), text.as_bytes())?;
        Ok((&self.current, sealed))
    }

    pub(crate) fn open_text(
        &self,
        aad: &[u8],
        kek_id: &str,
        sealed: &[u8],
    ) -> Result<Secret<Vec<u8>>, KeyRingError> {
        Ok(Secret::new(seal::open(&*self.key(kek_id)?, &scoped("text", aad), sealed)?))
    }

    /// A rotation writes its new key to the file before it uses it, so a key that is not here may be there.
    fn key(&self, id: &str) -> Result<Arc<DataKey>, KeyRingError> {
        let here = self.keys.get(id).cloned();
        let there = || Self::load(self.path.as_deref()?).ok()?.keys.remove(id);
        here.or_else(there).ok_or_else(|| KeyRingError::NoKey { id: id.into() })
    }

    fn encode(&self, path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyRingError> {
        let keys = self.keys.iter().map(|(id, key)| (id.clone(), STANDARD.encode(key.raw()))).collect();
        let stored = Stored { version: FORMAT, current: self.current.clone(), keys };
        serde_json::to_vec_pretty(&stored)
            .map(Zeroizing::new)
            .map_err(|e| KeyRingError::Damaged { path: path.into(), why: e.to_string() })
    }
}

/// Key names may be seen; keys may not.
impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("current", &self.current).field("keys", &self.keys.len()).finish()
    }
}

impl fmt::Debug for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wrapped").field("kek_id", &self.kek_id).finish_non_exhaustive()
    }
}

/// A context that keeps uses of one key apart: a wrapped key cannot be read as a sealed text.
fn scoped(purpose: &str, aad: &[u8]) -> Vec<u8> {
    [b"mycopod/1/", purpose.as_bytes(), b"/", aad].concat()
}

fn new_id() -> Result<String, SealError> {
    let mut id = [0; 6];
    fill_random(&mut id)?;
    Ok(format!("k{}", hex::encode(id)))
}

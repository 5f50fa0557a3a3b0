//! The Agent's credentials: taken in, recorded, put to use without a restart, and tried on request.
//!
//! Begin with [`Keeper`]. The files are the truth; the log is told names and keyed fingerprints. [`switch`] is
//! what new ones are put to use through, [`intake`] takes what the UI hands over, [`trial`] tries a credential.
//!
//! Never here: the value of a credential in an event, an error or a log line.

mod intake;
mod no_key;
mod switch;
mod trial;

pub use intake::Desk;
pub use no_key::NoKey;
pub use switch::{InterpreterSwitch, RepositorySwitch, Switch};
pub use trial::{Trials, signed_in};

use crate::limits::{KEYS_LOOK, KEYS_SETTLE, PROCESS_PAUSE};
use crate::log::{Log, LogError};
use domain::account::Actor;
use domain::event::Category;
use domain::ids::SETTINGS;
use domain::settings::{Command, Settings, credential};
use secrets::{FileError, KeyFolder, Secret};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Told the name of a credential that was stored, replaced or removed, and puts it to use.
pub type Changed = Box<dyn Fn(&str) + Send + Sync>;

/// Where the credentials are and what happens when one changes.
pub struct Keys {
    pub folder: KeyFolder,
    /// Names of those that the configuration uses.
    pub in_use: Vec<String>,
    pub changed: Changed,
    /// Takes what the UI hands over; none where there is no channel to it.
    pub receiver: Option<handover::Receiver>,
}

/// Why a credential could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Log(#[from] LogError),
}

/// What a look takes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Not what was replaced a moment ago: whoever did it is about to record it with their name.
    Only,
    Everything,
}

/// Which file stands behind each credential, as of the last look.
type Versions = BTreeMap<String, (u64, i64, i64)>;

/// Keeps the folder, the log and what is in use in step. Cheap to clone.
#[derive(Clone)]
pub struct Keeper(Arc<Inner>);

struct Inner {
    log: Log,
    folder: KeyFolder,
    changed: Changed,
    seen: Mutex<Option<Versions>>,
}

impl Keeper {
    pub fn new(log: Log, folder: KeyFolder, changed: Changed) -> Self {
        Self(Arc::new(Inner { log, folder, changed, seen: Mutex::default() }))
    }

    pub fn folder(&self) -> &KeyFolder {
        &self.0.folder
    }

    pub fn log(&self) -> &Log {
        &self.0.log
    }

    /// Looks again and again, so that what the command line or a person put into the folder is in use and recorded
    /// within seconds. Never ends by itself.
    pub async fn keep(&self) {
        let mut told = String::new();
        loop {
            match self.look(Settled::Only).await {
                Ok(()) => told.clear(),
                Err(KeepError::Log(LogError::Fenced)) => return,
                Err(error) => {
                    let words = error.to_string();
                    // An error that stays is told once.
                    if words != told {
                        tracing::error!(%error, "the credentials cannot be looked at");
                        told = words;
                    }
                    tokio::time::sleep(PROCESS_PAUSE).await;
                }
            }
            tokio::time::sleep(KEYS_LOOK).await;
        }
    }

    /// One look at the folder: what changed since the last one is put to use and recorded.
    pub async fn look(&self, which: Settled) -> Result<(), KeepError> {
        let mut seen = self.0.seen.lock().await;
        let before = seen.clone();
        let mut now = Versions::new();
        for entry in self.0.folder.entries()?.into_iter().filter(|entry| credential(&entry.name).is_some()) {
            let fresh = entry.modified.elapsed().is_ok_and(|age| age < KEYS_SETTLE);
            let earlier = before.as_ref().and_then(|before| before.get(&entry.name)).copied();
            if which == Settled::Only && fresh && before.is_some() && earlier != Some(entry.version) {
                // As it was until the next look; a version that nothing has stands for a new file.
                now.insert(entry.name, earlier.unwrap_or_default());
            } else {
                now.insert(entry.name, entry.version);
            }
        }
        if before.as_ref() == Some(&now) {
            return Ok(());
        }
        let known: Settings = self.0.log.load(Category::Settings, SETTINGS).await?;
        for (name, version) in &now {
            let earlier = before.as_ref().and_then(|before| before.get(name));
            if earlier == Some(version) || *version == <(u64, i64, i64)>::default() {
                continue;
            }
            let value = self.0.folder.read(name)?;
            let fingerprint = self.0.folder.fingerprint(name, &trimmed(&value))?;
            if before.is_some() {
                (self.0.changed)(name);
            }
            if known.credentials.get(name) != Some(&fingerprint) {
                self.record(Command::StoreCredential { name: name.clone(), fingerprint, by: None }).await?;
            }
        }
        for name in known.credentials.keys().filter(|name| credential(name).is_some()) {
            if !now.contains_key(name) {
                (self.0.changed)(name);
                self.record(Command::RemoveCredential { name: name.clone(), by: None }).await?;
            }
        }
        *seen = Some(now);
        Ok(())
    }

    /// Stores a credential for somebody, records that, and puts it to use.
    pub async fn store(&self, name: &str, by: Actor, value: Secret<Vec<u8>>) -> Result<(), KeepError> {
        let mut seen = self.0.seen.lock().await;
        let value = trimmed(&value);
        let fingerprint = self.0.folder.fingerprint(name, &value)?;
        self.0.folder.store(name, &value)?;
        (self.0.changed)(name);
        self.record(Command::StoreCredential { name: name.to_owned(), fingerprint, by: Some(by) }).await?;
        self.noted(&mut seen, name)
    }

    /// Removes a credential for somebody and records that.
    pub async fn remove(&self, name: &str, by: Actor) -> Result<(), KeepError> {
        let mut seen = self.0.seen.lock().await;
        self.0.folder.remove(name)?;
        (self.0.changed)(name);
        let command = Command::RemoveCredential { name: name.to_owned(), by: Some(by) };
        match self.record(command).await {
            // It was never recorded, so its end is none either.
            Ok(()) | Err(LogError::Refused(_)) => self.noted(&mut seen, name),
            Err(error) => Err(error.into()),
        }
    }

    /// The file as it is now was recorded; the next look need not do it.
    fn noted(&self, seen: &mut Option<Versions>, name: &str) -> Result<(), KeepError> {
        if let Some(seen) = seen {
            let entry = self.0.folder.entries()?.into_iter().find(|entry| entry.name == name);
            match entry {
                Some(entry) => seen.insert(entry.name, entry.version),
                None => seen.remove(name),
            };
        }
        Ok(())
    }

    async fn record(&self, command: Command) -> Result<(), LogError> {
        self.0.log.handle::<Settings>(Category::Settings, SETTINGS, command, None).await.map(drop)
    }
}

/// Without the white space that editors and copying add.
fn trimmed(value: &Secret<Vec<u8>>) -> Secret<Vec<u8>> {
    Secret::new(value.expose().trim_ascii().to_vec())
}

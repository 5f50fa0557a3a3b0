//! The key ring of a running service: read again when its file is replaced, as a rotation does.
//!
//! Begin with [`follow`]; a service that has more than the log waits for [`changed`] and opens everything anew.

use eventstore::Store;
use secrets::KeyRing;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::task::JoinHandle;

/// Between two looks at the file. A rotation waits for two of them before it uses its new key on what is there.
pub const LOOK: Duration = Duration::from_millis(250);

/// Gives the store every ring that replaces the one in the file, until it is aborted.
pub fn follow(store: Store, path: PathBuf, mut ring: KeyRing) -> JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            ring = changed(&path, &ring).await;
            store.set_keyring(ring.clone());
            tracing::info!(current = ring.current_id(), "the key ring was read again");
        }
    })
}

/// Waits until the file holds another ring than this one. A file that cannot be read is told once and tried again.
pub async fn changed(path: &Path, ring: &KeyRing) -> KeyRing {
    let (mut seen, mut told) = (None, false);
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        // Replaced, not written to: another file under the same name.
        let now =
            tokio::fs::metadata(path).await.ok().map(|file| (file.ino(), file.mtime(), file.mtime_nsec()));
        if now == seen {
            continue;
        }
        seen = now;
        match KeyRing::load(path) {
            Ok(found) if !found.ids().eq(ring.ids()) || found.current_id() != ring.current_id() => {
                return found;
            }
            Ok(_) => told = false,
            Err(error) if told => tracing::debug!(%error, "the key ring still cannot be read"),
            Err(error) => {
                told = true;
                tracing::error!(%error, advice = error.advice(), "the key ring cannot be read again");
            }
        }
    }
}

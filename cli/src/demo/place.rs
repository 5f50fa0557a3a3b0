//! Where a demonstration keeps its data: a temporary folder, or the one that was named.

use crate::failure::{Code, Failure};
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::path::{Path, PathBuf};

/// A file that says: this folder is a demonstration's, and may be emptied.
const MARKER: &str = "mycopod-demo";

pub struct Place {
    pub dir: PathBuf,
    pub kept: bool,
    /// Held while the demonstration runs, so that two never share one folder.
    _lock: File,
}

impl Place {
    pub fn open(keep: Option<&Path>, reset: bool) -> Result<Self, Failure> {
        let kept = keep.is_some();
        let dir = match keep {
            Some(dir) => std::path::absolute(dir)?,
            None => std::env::temp_dir().join(format!("mycopod-demo-{}", uuid::Uuid::now_v7().simple())),
        };
        let marker = dir.join(MARKER);
        let foreign = dir.exists() && !marker.exists() && std::fs::read_dir(&dir)?.next().is_some();
        if foreign {
            let what = format!("{} holds files that are not a demonstration's", dir.display());
            return Err(Failure::new(Code::Usage, what, "name an empty folder with --keep DIR"));
        }
        private_folder(&dir)?;
        let lock = File::options().create(true).truncate(false).write(true).open(&marker)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
            let what = format!("another demonstration runs in {}", dir.display());
            Failure::new(Code::Unavailable, what, "stop it, or name another folder with --keep DIR")
        })?;
        if reset {
            for entry in std::fs::read_dir(&dir)? {
                let path = entry?.path();
                if path == marker {
                } else if path.is_dir() {
                    std::fs::remove_dir_all(&path)?;
                } else {
                    std::fs::remove_file(&path)?;
                }
            }
        }
        Ok(Self { dir, kept, _lock: lock })
    }

    pub fn config_file(&self) -> PathBuf {
        self.dir.join("config.toml")
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// A temporary place is removed; a kept one stays.
    pub fn leave(&self) {
        if !self.kept
            && let Err(error) = std::fs::remove_dir_all(&self.dir)
        {
            tracing::warn!(%error, "the temporary folder could not be removed");
        }
    }
}

fn private_folder(dir: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt;
    if !dir.exists() {
        // Others may pass through, not look: the database runs as another user where this one is root.
        std::fs::DirBuilder::new().recursive(true).mode(0o711).create(dir)?;
    }
    Ok(())
}

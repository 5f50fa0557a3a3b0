//! The Agent's key files as one place: its own folder, and what systemd hands over.
//!
//! Begin with [`KeyFolder::open`], which refuses a folder that others could have read. A file that systemd hands over
//! (`LoadCredential=`, in `$CREDENTIALS_DIRECTORY`) is used before a file of the same name in the folder, and is never
//! written to: whoever set it up there changes it there.

use crate::files::{self, FileError};
use crate::fingerprint::{FingerprintKey, KEY_FILE};
use crate::{Secret, limits};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Key files that MycoPod makes for itself: nobody sets, lists or removes them as a credential.
pub const INTERNAL: [&str; 5] = ["keyring", "seal-key", KEY_FILE, "intake-agent", "intake-ui"];

/// Where a key file comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The Agent's own folder.
    Folder,
    /// `LoadCredential=` of the service; read-only.
    Systemd,
}

/// One key file, without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub source: Source,
    pub modified: SystemTime,
    /// Changes whenever the file is replaced.
    pub version: (u64, i64, i64),
}

/// Two places of key files, read as one.
#[derive(Clone, Debug)]
pub struct KeyFolder {
    own: PathBuf,
    handed: Option<PathBuf>,
}

impl KeyFolder {
    /// Opens the folder after checking it and every file in it, and removes what a killed writer left there. `handed` is `$CREDENTIALS_DIRECTORY`, where it is set.
    pub fn open(own: &Path, handed: Option<OsString>) -> Result<Self, FileError> {
        files::check_folder(own)?;
        let handed = handed.filter(|path| !path.is_empty()).map(PathBuf::from);
        let folder = Self { own: own.to_owned(), handed };
        files::remove_leftovers(own)?;
        for path in folder.files_in(own)? {
            files::check_file(&path)?;
        }
        if let Some(handed) = &folder.handed {
            files::check_handed_folder(handed)?;
            for path in folder.files_in(handed)? {
                files::check_handed(&path)?;
            }
        }
        Ok(folder)
    }

    pub fn path(&self) -> &Path {
        &self.own
    }

    /// Every credential, by name. Internal files, locks and files with other names are left out.
    pub fn entries(&self) -> Result<Vec<Entry>, FileError> {
        let mut entries: Vec<Entry> = Vec::new();
        let places = self.handed.iter().map(|path| (path, Source::Systemd));
        for (place, source) in places.chain([(&self.own, Source::Folder)]) {
            for path in self.files_in(place)? {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                if !is_credential(name) || entries.iter().any(|entry| entry.name == name) {
                    continue;
                }
                // Removed meanwhile: then it is not there.
                let Ok(found) = fs::symlink_metadata(&path) else { continue };
                let modified = found.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                let version = (found.ino(), found.mtime(), found.mtime_nsec());
                entries.push(Entry { name: name.to_owned(), source, modified, version });
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// The content of a credential. [`FileError::Missing`] if neither place has it.
    pub fn read(&self, name: &str) -> Result<Secret<Vec<u8>>, FileError> {
        files::check_name(name)?;
        if let Some(handed) = &self.handed {
            match files::read_handed(&handed.join(name)) {
                Err(FileError::Missing { .. }) => {}
                read => return read,
            }
        }
        files::read(&self.own.join(name))
    }

    /// The same as text, without white space around it: keys and tokens have none.
    pub fn read_text(&self, name: &str) -> Result<Secret<String>, FileError> {
        let bytes = self.read(name)?;
        let path = || self.own.join(name);
        let text = std::str::from_utf8(bytes.expose()).map_err(|_| FileError::NotText { path: path() })?;
        Ok(Secret::new(text.trim().to_owned()))
    }

    /// Stores or replaces a credential in the own folder.
    pub fn store(&self, name: &str, content: &Secret<Vec<u8>>) -> Result<(), FileError> {
        files::write(&self.writable(name)?, content.expose())
    }

    /// Removes a credential from the own folder; one that is not there is [`FileError::Missing`].
    pub fn remove(&self, name: &str) -> Result<(), FileError> {
        let path = self.writable(name)?;
        if !path.exists() {
            return Err(FileError::Missing { path });
        }
        files::remove(&path)
    }

    /// The fingerprint that people and the log see.
    pub fn fingerprint(&self, name: &str, content: &Secret<Vec<u8>>) -> Result<String, FileError> {
        Ok(FingerprintKey::create_if_missing(&self.own)?.fingerprint(name, content.expose()))
    }

    fn writable(&self, name: &str) -> Result<PathBuf, FileError> {
        let path = files::path_of(&self.own, name)?;
        if !is_credential(name) {
            return Err(FileError::Reserved { name: name.to_owned() });
        }
        match self.handed.as_ref().map(|handed| handed.join(name)) {
            Some(path) if path.exists() => Err(FileError::HandedOver { path }),
            _ => Ok(path),
        }
    }

    fn files_in(&self, place: &Path) -> Result<Vec<PathBuf>, FileError> {
        let failed = |source| FileError::Io { action: "listing", path: place.into(), source };
        let entries = fs::read_dir(place).map_err(failed)?;
        let mut paths = Vec::new();
        for entry in entries.take(limits::FILES_MAX) {
            paths.push(entry.map_err(failed)?.path());
        }
        Ok(paths)
    }
}

/// Whether a file of this name is somebody's credential rather than one of MycoPod's own files.
pub fn is_credential(name: &str) -> bool {
    files::check_name(name).is_ok() && !INTERNAL.contains(&name) && !name.ends_with(".lock")
}

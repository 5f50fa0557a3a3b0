//! Secret files: 0600, owned by us, in a 0700 folder owned by us, replaced as a whole or not at all.
//!
//! Begin with [`read`] and [`write`]. Rights are checked on the opened file, so nothing can be swapped in
//! between; symbolic links are not followed. A file that others could have read is refused, not repaired:
//! the secret in it may be known already, and a person has to decide.

use crate::{
    Secret, limits,
    seal::{SealError, fill_random},
};
use rustix::{
    fs::{CWD, Mode, OFlags, RenameFlags},
    process::geteuid,
};
use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Why a secret file was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("{path} does not exist")]
    Missing { path: PathBuf },
    #[error("{path} exists already")]
    Exists { path: PathBuf },
    #[error("{path} has mode {mode:04o}: others may read or change it")]
    TooOpen { path: PathBuf, mode: u32, folder: bool },
    #[error("{path} is owned by user {owner}, this process runs as user {us}")]
    WrongOwner { path: PathBuf, owner: u32, us: u32 },
    #[error("{path} is not a plain {wanted}")]
    WrongKind { path: PathBuf, wanted: &'static str },
    #[error("{path} is larger than {max} bytes")]
    TooLarge { path: PathBuf, max: u64 },
    #[error("{path} is not text")]
    NotText { path: PathBuf },
    #[error("{name:?} is not a name for a secret file")]
    BadName { name: String },
    #[error("{name} is a key file of MycoPod itself")]
    Reserved { name: String },
    #[error("{path} was handed over by systemd")]
    HandedOver { path: PathBuf },
    #[error("{path} has no folder")]
    NoFolder { path: PathBuf },
    #[error("{action} {path} failed")]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error(transparent)]
    Random(#[from] SealError),
}

impl FileError {
    /// What a person can do about it.
    pub fn advice(&self) -> String {
        match self {
            Self::Missing { path } => {
                format!("Create {} or point the configuration at the right file.", path.display())
            }
            Self::Exists { path } => format!("{} is there already. Nothing was changed.", path.display()),
            Self::TooOpen { path, folder, .. } => format!(
                "Others could have read this secret. Replace it if this machine is shared, then run: chmod {} {}",
                if *folder { "0700" } else { "0600" },
                path.display()
            ),
            Self::WrongOwner { path, us, .. } => format!("Run: chown {us} {}", path.display()),
            Self::WrongKind { path, wanted } => {
                format!("Put a plain {wanted} at {} (links are not followed).", path.display())
            }
            Self::TooLarge { path, .. } => {
                format!("{} is too large for a secret. Is it the right file?", path.display())
            }
            Self::NotText { path } => format!("{} must hold plain text in UTF-8.", path.display()),
            Self::BadName { .. } => format!(
                "Use 1 to {} lower-case letters, digits, '.', '_' and '-', beginning with a letter or digit.",
                limits::NAME_CHARS_MAX
            ),
            Self::Reserved { .. } => {
                "Choose the name of a credential; `mycopod secrets list` shows them.".into()
            }
            Self::HandedOver { path } => format!(
                "Change what LoadCredential= of the service names for {}, and restart the service.",
                path.file_name().unwrap_or_default().to_string_lossy()
            ),
            Self::NoFolder { .. } => "Give a path with a folder and a file name.".into(),
            Self::Io { path, source, .. } => format!("Check {}: {source}.", path.display()),
            Self::Random(error) => error.advice(),
        }
    }
}

/// A name that can stand in a folder of secrets: lower-case letters, digits, `.`, `_`, `-`; not hidden,
/// no way out of the folder.
pub fn check_name(name: &str) -> Result<&str, FileError> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let valid = name.len() <= limits::NAME_CHARS_MAX
        && name.starts_with(good)
        && name.chars().all(|c| good(c) || matches!(c, '.' | '_' | '-'));
    if valid { Ok(name) } else { Err(FileError::BadName { name: name.chars().take(40).collect() }) }
}

/// The path of the secret `name` in `folder`; the name is checked, the file need not exist.
pub fn path_of(folder: &Path, name: &str) -> Result<PathBuf, FileError> {
    Ok(folder.join(check_name(name)?))
}

/// Makes `folder` with mode 0700, or checks the one that is there. Parents are made the same way.
pub fn ensure_folder(folder: &Path) -> Result<(), FileError> {
    match DirBuilder::new().recursive(true).mode(0o700).create(folder) {
        Ok(()) => check_folder(folder),
        Err(source) => Err(FileError::Io { action: "making", path: folder.into(), source }),
    }
}

/// Refuses a folder that others may enter or that is not ours.
pub fn check_folder(folder: &Path) -> Result<(), FileError> {
    let found = fs::symlink_metadata(folder).map_err(|source| missing_or("looking at", folder, source))?;
    if !found.is_dir() {
        return Err(FileError::WrongKind { path: folder.into(), wanted: "folder" });
    }
    check_rights(folder, &found, true)
}

/// Refuses a file that others may read or change, that is not ours, or that is no plain file.
pub fn check_file(path: &Path) -> Result<(), FileError> {
    open_plain(path, |found| check_rights(path, found, false)).map(drop)
}

/// The content of a secret file, at most [`limits::FILE_BYTES_MAX`].
pub fn read(path: &Path) -> Result<Secret<Vec<u8>>, FileError> {
    check_folder(folder_of(path)?)?;
    read_all(path, open_plain(path, |found| check_rights(path, found, false))?)
}

/// Refuses a folder of credentials from the service manager that others may read.
pub fn check_handed_folder(folder: &Path) -> Result<(), FileError> {
    let found = fs::symlink_metadata(folder).map_err(|source| missing_or("looking at", folder, source))?;
    if !found.is_dir() {
        return Err(FileError::WrongKind { path: folder.into(), wanted: "folder" });
    }
    check_handed_rights(folder, &found, true)
}

/// Refuses a credential from the service manager that others may read.
pub fn check_handed(path: &Path) -> Result<(), FileError> {
    open_plain(path, |found| check_handed_rights(path, found, false)).map(drop)
}

/// The content of a credential from the service manager.
pub fn read_handed(path: &Path) -> Result<Secret<Vec<u8>>, FileError> {
    check_handed_folder(folder_of(path)?)?;
    read_all(path, open_plain(path, |found| check_handed_rights(path, found, false))?)
}

/// Opens a plain file, never through a link, and lets `check` look at what was really opened.
fn open_plain(
    path: &Path,
    check: impl FnOnce(&fs::Metadata) -> Result<(), FileError>,
) -> Result<(File, u64), FileError> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits() as i32;
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return Err(FileError::WrongKind { path: path.into(), wanted: "file" });
        }
        opened => opened.map_err(|source| missing_or("opening", path, source))?,
    };
    let found = file.metadata().map_err(|source| missing_or("looking at", path, source))?;
    if !found.is_file() {
        return Err(FileError::WrongKind { path: path.into(), wanted: "file" });
    }
    check(&found)?;
    Ok((file, found.len()))
}

fn read_all(path: &Path, (file, length): (File, u64)) -> Result<Secret<Vec<u8>>, FileError> {
    if length > limits::FILE_BYTES_MAX {
        return Err(FileError::TooLarge { path: path.into(), max: limits::FILE_BYTES_MAX });
    }
    // Sized beforehand, so that no half-filled copy is left behind by a growing buffer.
    let mut content = Zeroizing::new(Vec::with_capacity(length as usize + 1));
    file.take(limits::FILE_BYTES_MAX)
        .read_to_end(&mut content)
        .map_err(|source| missing_or("reading", path, source))?;
    Ok(Secret::new(std::mem::take(&mut *content)))
}

/// The content of a secret text file without the line end that editors add.
pub fn read_text(path: &Path) -> Result<Secret<String>, FileError> {
    let bytes = read(path)?;
    let text = std::str::from_utf8(bytes.expose()).map_err(|_| FileError::NotText { path: path.into() })?;
    Ok(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Writes or replaces a secret file. Readers see the old content or the new one, never a part, and never a
/// file with wider rights, whatever the umask. Durable when it returns.
pub fn write(path: &Path, content: &[u8]) -> Result<(), FileError> {
    put(path, content, RenameFlags::empty())
}

/// Writes a secret file that must not exist yet; of two racing writers one is refused.
pub fn create(path: &Path, content: &[u8]) -> Result<(), FileError> {
    put(path, content, RenameFlags::NOREPLACE)
}

/// Removes a secret file; one that is not there is fine.
pub fn remove(path: &Path) -> Result<(), FileError> {
    let folder = folder_of(path)?;
    check_folder(folder)?;
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(FileError::Io { action: "removing", path: path.into(), source }),
        Ok(()) => sync_folder(folder),
    }
}

/// Removes temporary files of writers that were killed. Those of the last minute stay: their writer may be at work.
pub fn remove_leftovers(folder: &Path) -> Result<(), FileError> {
    check_folder(folder)?;
    let failed = |source| FileError::Io { action: "listing", path: folder.into(), source };
    for entry in fs::read_dir(folder).map_err(failed)?.take(limits::FILES_MAX).flatten() {
        let name = entry.file_name();
        let is_ours = name.to_str().is_some_and(|name| name.starts_with('.') && name.ends_with(".new"));
        let is_old = entry
            .metadata()
            .and_then(|found| found.modified())
            .is_ok_and(|at| at.elapsed().is_ok_and(|age| age > limits::LEFTOVER_AGE));
        if is_ours && is_old {
            let path = entry.path();
            match fs::remove_file(&path) {
                // Somebody else was faster.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(FileError::Io { action: "removing", path, source }),
                Ok(()) => {}
            }
        }
    }
    Ok(())
}

fn put(path: &Path, content: &[u8], flags: RenameFlags) -> Result<(), FileError> {
    let folder = folder_of(path)?;
    check_folder(folder)?;
    if content.len() as u64 > limits::FILE_BYTES_MAX {
        return Err(FileError::TooLarge { path: path.into(), max: limits::FILE_BYTES_MAX });
    }
    let name = path.file_name().ok_or_else(|| FileError::NoFolder { path: path.into() })?;
    let mut salt = [0; 8];
    fill_random(&mut salt)?;
    let temporary = folder.join(format!(".{}.{}.new", name.to_string_lossy(), hex::encode(salt)));
    let done = write_temporary(&temporary, content).and_then(|()| {
        rustix::fs::renameat_with(CWD, &temporary, CWD, path, flags).map_err(|error| match error {
            rustix::io::Errno::EXIST => FileError::Exists { path: path.into() },
            other => FileError::Io { action: "replacing", path: path.into(), source: other.into() },
        })
    });
    if done.is_err() {
        // The error that matters is already in hand; a leftover is 0600 and named like one.
        let _ = fs::remove_file(&temporary);
    }
    done.and_then(|()| sync_folder(folder))
}

fn write_temporary(path: &Path, content: &[u8]) -> Result<(), FileError> {
    let failed = |source| FileError::Io { action: "writing", path: path.into(), source };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    // A umask such as 0777 may have taken rights away from us.
    file.set_permissions(Permissions::from_mode(Mode::from_raw_mode(0o600).bits())).map_err(failed)?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(failed)
}

fn sync_folder(folder: &Path) -> Result<(), FileError> {
    File::open(folder).and_then(|handle| handle.sync_all()).map_err(|source| FileError::Io {
        action: "syncing",
        path: folder.into(),
        source,
    })
}

fn folder_of(path: &Path) -> Result<&Path, FileError> {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .ok_or_else(|| FileError::NoFolder { path: path.into() })
}

fn check_rights(path: &Path, found: &fs::Metadata, folder: bool) -> Result<(), FileError> {
    let (owner, us) = (found.uid(), geteuid().as_raw());
    if owner != us {
        return Err(FileError::WrongOwner { path: path.into(), owner, us });
    }
    let mode = found.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(FileError::TooOpen { path: path.into(), mode, folder });
    }
    Ok(())
}

/// The service manager owns what it hands over, or gives it to us. Where it grants us a file by an access list, the
/// group's bits show that list's mask, so reading by the group says nothing as long as root owns the file.
fn check_handed_rights(path: &Path, found: &fs::Metadata, folder: bool) -> Result<(), FileError> {
    let (owner, us) = (found.uid(), geteuid().as_raw());
    if owner != us && owner != 0 {
        return Err(FileError::WrongOwner { path: path.into(), owner, us });
    }
    let mode = found.mode() & 0o7777;
    let by_group = if owner == 0 { 0o020 } else { 0o070 };
    if mode & (0o007 | by_group) != 0 {
        return Err(FileError::TooOpen { path: path.into(), mode, folder });
    }
    Ok(())
}

fn missing_or(action: &'static str, path: &Path, source: io::Error) -> FileError {
    match source.kind() {
        io::ErrorKind::NotFound => FileError::Missing { path: path.into() },
        _ => FileError::Io { action, path: path.into(), source },
    }
}

//! What the private server needs from the system: its programs, a user, and folders nobody else may enter.

use super::EmbeddedError;
use std::{
    env, fs,
    os::unix::{
        fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tempfile::TempDir;

/// A socket's whole path has at most 107 bytes; Postgres adds `/.s.PGSQL.5432` and, for the lock, `.lock`.
const SOCKET_FOLDER_BYTES_MAX: usize = 107 - "/.s.PGSQL.5432.lock".len();

/// The programs of one PostgreSQL version.
#[derive(Clone)]
pub(super) struct Binaries {
    pub initdb: PathBuf,
    pub postgres: PathBuf,
}

impl Binaries {
    /// The newest of those that Debian and Red Hat install side by side, else what is in PATH.
    pub fn find() -> Result<Self, EmbeddedError> {
        let debian =
            fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path());
        let red_hat = fs::read_dir("/usr").into_iter().flatten().flatten().map(|entry| entry.path());
        let red_hat = red_hat.filter(|path| path.to_string_lossy().starts_with("/usr/pgsql-"));
        let version = |path: &PathBuf| -> u32 {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.trim_start_matches("pgsql-").parse().unwrap_or(0)
        };
        let mut installed: Vec<PathBuf> = debian.chain(red_hat).filter(|path| version(path) >= 13).collect();
        installed.sort_by_key(|path| std::cmp::Reverse(version(path)));
        let folders = installed.into_iter().map(|path| path.join("bin"));
        let path = env::var_os("PATH").unwrap_or_default();
        folders
            .chain(env::split_paths(&path))
            .map(|bin| Self { initdb: bin.join("initdb"), postgres: bin.join("postgres") })
            .find(|found| found.initdb.is_file() && found.postgres.is_file())
            .ok_or(EmbeddedError::NoBinaries)
    }
}

/// The user Postgres runs as when we are root.
#[derive(Clone)]
pub(super) struct User {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
}

impl User {
    /// `None` if we are an ordinary user: then Postgres runs as us.
    pub fn for_postgres() -> Result<Option<Self>, EmbeddedError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let find = |wanted: &str| {
            users.lines().find_map(|line| {
                let fields: Vec<&str> = line.split(':').collect();
                match fields[..] {
                    [name, _, uid, gid, ..] if name == wanted => {
                        Some(Self { name: name.into(), uid: uid.parse().ok()?, gid: gid.parse().ok()? })
                    }
                    _ => None,
                }
            })
        };
        find("postgres").or_else(|| find("nobody")).map(Some).ok_or(EmbeddedError::NoUser)
    }

    /// Refuses a folder below one that this user may not enter, such as root's home.
    pub fn check_reach(&self, folder: &Path) -> Result<(), EmbeddedError> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "cd -- \"$1\"", "sh"]).arg(folder).current_dir("/");
        command.stdout(Stdio::null()).stderr(Stdio::null());
        match self.runs(&mut command).status() {
            Ok(status) if status.success() => Ok(()),
            _ => Err(EmbeddedError::Unreachable { user: self.name.clone(), path: folder.into() }),
        }
    }

    pub fn runs<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.uid(self.uid).gid(self.gid)
    }
}

/// A command that runs as the server's user.
pub(super) fn command(program: &Path, user: Option<&User>) -> Command {
    let mut command = Command::new(program);
    if let Some(user) = user {
        user.runs(&mut command);
    }
    command
}

/// Makes a folder that only the server's user (and root) may enter, or takes the one that is there.
pub(super) fn private_folder(folder: &Path, user: Option<&User>) -> Result<PathBuf, EmbeddedError> {
    let io = |action| move |source| EmbeddedError::Io { action, path: folder.into(), source };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io("making"))?;
    let folder = fs::canonicalize(folder).map_err(io("finding"))?;
    own(&folder, user)?;
    Ok(folder)
}

pub(super) fn temporary_folder(
    user: Option<&User>,
    kept: &mut Vec<TempDir>,
) -> Result<PathBuf, EmbeddedError> {
    let made = tempfile::Builder::new().prefix("mycopod-").tempdir();
    let made =
        made.map_err(|source| EmbeddedError::Io { action: "making", path: env::temp_dir(), source })?;
    let path = made.path().to_owned();
    own(&path, user)?;
    kept.push(made);
    Ok(path)
}

/// A folder for the socket with a short enough path: in the data folder, else a temporary one.
pub(super) fn socket_folder(
    folder: &Path,
    user: Option<&User>,
    kept: &mut Vec<TempDir>,
) -> Result<PathBuf, EmbeddedError> {
    let inside = folder.join("socket");
    let path = match inside.as_os_str().len() <= SOCKET_FOLDER_BYTES_MAX {
        true => private_folder(&inside, user)?,
        false => temporary_folder(user, kept)?,
    };
    match path.as_os_str().len() <= SOCKET_FOLDER_BYTES_MAX {
        true => Ok(path),
        false => Err(EmbeddedError::SocketPath { path }),
    }
}

fn own(folder: &Path, user: Option<&User>) -> Result<(), EmbeddedError> {
    let io = |source| EmbeddedError::Io { action: "taking over", path: folder.into(), source };
    let found = fs::metadata(folder).map_err(io)?;
    if found.mode() & 0o077 != 0 {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(io)?;
    }
    match user {
        Some(user) if found.uid() != user.uid => chown(folder, Some(user.uid), Some(user.gid)).map_err(io),
        _ => Ok(()),
    }
}

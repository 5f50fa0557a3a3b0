//! A private Postgres in a folder, for the demo and for tests.
//!
//! Begin with [`Cluster::start`]. The server listens on no network address, only on a socket in a folder that
//! nobody else may enter; it runs with every durability setting on, and it stops when the [`Cluster`] is
//! dropped or this process dies, even by SIGKILL. As root, Postgres runs as the user `postgres` (or `nobody`),
//! because it refuses to run as root.
//!
//! Never here: somebody's existing server. A real installation gives its own address to [`crate::Store`].

mod server;
mod system;

use crate::{
    error::{StoreError, chain_of},
    migrate,
};
use secrets::Secret;
use server::Server;
use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};
use system::{Binaries, User};
use tempfile::TempDir;
use uuid::Uuid;

/// The role the application signs in with.
pub const APP_ROLE: &str = "mycopod";
/// The role that owns the databases and runs migrations.
pub const OWNER_ROLE: &str = "postgres";
/// The database that is always there.
pub const DATABASE: &str = "mycopod";

/// Why the private server is not running.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    #[error("no PostgreSQL programs (postgres, initdb) were found")]
    NoBinaries,
    #[error("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")]
    NoUser,
    #[error("user {user} cannot enter {path}")]
    Unreachable { user: String, path: PathBuf },
    #[error("a server (process {pid}) runs in {path} already")]
    AlreadyRunning { pid: i32, path: PathBuf },
    #[error("the folder for the socket has too long a path: {path}")]
    SocketPath { path: PathBuf },
    #[error("{what} failed: {why}")]
    Failed { what: &'static str, why: String },
    #[error("the server did not answer within {limit:?}: {why}")]
    NotReady { limit: Duration, why: String },
    #[error("{action} {path} failed")]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl EmbeddedError {
    /// What a person can do about it.
    pub fn advice(&self) -> String {
        match self {
            Self::NoBinaries => "Install PostgreSQL, on Debian: apt install postgresql-15.".into(),
            Self::NoUser => "Run this as an ordinary user.".into(),
            Self::Unreachable { user, path } => {
                format!(
                    "Choose a folder that {user} can enter, such as one in /var/lib, instead of {}.",
                    path.display()
                )
            }
            Self::AlreadyRunning { path, .. } => {
                format!("Stop the other one first, or choose another folder than {}.", path.display())
            }
            Self::SocketPath { .. } => "Set TMPDIR to a short path, such as /tmp.".into(),
            Self::Failed { .. } | Self::NotReady { .. } => {
                "The reason is in postgres.log in its folder.".into()
            }
            Self::Io { path, source, .. } => format!("Check {}: {source}.", path.display()),
            Self::Store(error) => error.advice(),
        }
    }
}

/// A running private server with the database [`DATABASE`], migrated, and the roles it needs. Stops when
/// dropped, which takes some tenths of a second; [`Cluster::stop`] does the same without blocking a runtime.
pub struct Cluster {
    server: Option<Server>,
    settings: Vec<(String, String)>,
    binaries: Binaries,
    user: Option<User>,
    folder: PathBuf,
    socket: PathBuf,
    lasting: bool,
    /// Removed when dropped, after the server (fields drop in order).
    _temporary: Vec<TempDir>,
}

impl Cluster {
    /// Starts the server whose data is in `folder`, making it there the first time; without a folder, one
    /// that is thrown away at the end.
    pub async fn start(folder: Option<&Path>) -> Result<Self, EmbeddedError> {
        Self::start_with(folder, &[]).await
    }

    /// [`Cluster::start`] with further server settings, which win over ours. [`crate::Store`] refuses a server
    /// whose durability was switched off this way.
    pub async fn start_with(folder: Option<&Path>, settings: &[(&str, &str)]) -> Result<Self, EmbeddedError> {
        let folder = folder.map(Path::to_owned);
        let settings = settings.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let cluster = blocking(move || Self::launch(folder, settings)).await?;
        cluster.ready().await?;
        cluster.prepare().await?;
        Ok(cluster)
    }

    fn launch(folder: Option<PathBuf>, settings: Vec<(String, String)>) -> Result<Self, EmbeddedError> {
        let binaries = Binaries::find()?;
        let user = User::for_postgres()?;
        let mut temporary = Vec::new();
        let (folder, lasting) = match folder {
            Some(folder) => (system::private_folder(&folder, user.as_ref())?, true),
            None => (system::temporary_folder(user.as_ref(), &mut temporary)?, false),
        };
        if let Some(user) = &user {
            user.check_reach(&folder)?;
        }
        let socket = system::socket_folder(&folder, user.as_ref(), &mut temporary)?;
        server::initialise(&binaries, user.as_ref(), &folder, lasting)?;
        let server = Server::start(&binaries, user.as_ref(), &folder, &socket, lasting, &settings)?;
        Ok(Self {
            server: Some(server),
            settings,
            binaries,
            user,
            folder,
            socket,
            lasting,
            _temporary: temporary,
        })
    }

    /// The address of [`DATABASE`] for the application.
    pub fn url(&self) -> Secret<String> {
        self.url_of(DATABASE, APP_ROLE)
    }

    /// The address of [`DATABASE`] for its owner: migrations, and nothing else.
    pub fn owner_url(&self) -> Secret<String> {
        self.url_of(DATABASE, OWNER_ROLE)
    }

    /// The address of a database on this server for a role.
    pub fn url_of(&self, database: &str, role: &str) -> Secret<String> {
        let socket = self.socket.to_string_lossy();
        let socket = percent_encoding::utf8_percent_encode(&socket, percent_encoding::NON_ALPHANUMERIC);
        Secret::new(format!("postgres:///{database}?host={socket}&user={role}"))
    }

    /// A new, migrated database of its own on this server; returns its name for [`Cluster::url_of`].
    pub async fn fresh_database(&self) -> Result<String, EmbeddedError> {
        let name = format!("t_{}", Uuid::new_v4().simple());
        self.run(&format!("create database {name}")).await?;
        migrate(&self.url_of(&name, OWNER_ROLE)).await?;
        Ok(name)
    }

    /// The process id of the server.
    pub fn pid(&self) -> Option<i32> {
        server::running_pid(&self.folder)
    }

    /// Kills the server as a power cut would, and returns when it is gone. [`Cluster::restart`] brings it back.
    pub async fn crash(&mut self) -> Result<(), EmbeddedError> {
        self.end(Server::crash).await
    }

    /// Stops the server in good order (if it runs) and starts it again on the same data and address.
    pub async fn restart(&mut self) -> Result<(), EmbeddedError> {
        self.end(Server::stop).await?;
        let (binaries, user) = (self.binaries.clone(), self.user.clone());
        let (folder, socket, settings) = (self.folder.clone(), self.socket.clone(), self.settings.clone());
        let lasting = self.lasting;
        let start = move || Server::start(&binaries, user.as_ref(), &folder, &socket, lasting, &settings);
        let server = blocking(start).await?;
        self.server = Some(server);
        self.ready().await
    }

    /// Stops the server in good order: open transactions are rolled back, everything is on disk.
    pub async fn stop(mut self) -> Result<(), EmbeddedError> {
        self.end(Server::stop).await
    }

    async fn end(&mut self, how: fn(&mut Server) -> Result<(), EmbeddedError>) -> Result<(), EmbeddedError> {
        let Some(mut server) = self.server.take() else { return Ok(()) };
        blocking(move || how(&mut server)).await
    }

    /// Waits until the server answers; a server that ends instead says why.
    async fn ready(&self) -> Result<(), EmbeddedError> {
        let limit = Duration::from_millis(server::READY_MS_MAX);
        let mut why = String::new();
        let answered = async {
            loop {
                match self.connect().await {
                    Ok(_) => return Ok(()),
                    Err(error) => why = chain_of(&error),
                }
                if let Some(end) = self.server.as_ref().and_then(Server::ended) {
                    return Err(EmbeddedError::Failed { what: "starting PostgreSQL", why: end });
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(limit, answered).await.unwrap_or(Err(EmbeddedError::NotReady { limit, why }))
    }

    /// Roles, database, schema. Everything here may be there already.
    async fn prepare(&self) -> Result<(), EmbeddedError> {
        let role = "do $$ begin create role {role}; exception when duplicate_object then null; end $$";
        self.run(&role.replace("{role}", "mycopod_app nologin")).await?;
        self.run(&role.replace("{role}", &format!("{APP_ROLE} login in role mycopod_app"))).await?;
        let client = self.connect().await.map_err(|error| failed("connecting", &error))?;
        let there = client
            .query_opt("select from pg_database where datname = $1", &[&DATABASE])
            .await
            .map_err(|error| failed("looking for the database", &error))?;
        if there.is_none() {
            self.run(&format!("create database {DATABASE}")).await?;
        }
        Ok(migrate(&self.owner_url()).await?)
    }

    async fn run(&self, statement: &str) -> Result<(), EmbeddedError> {
        let client = self.connect().await.map_err(|error| failed("connecting", &error))?;
        client.batch_execute(statement).await.map_err(|error| failed("preparing the server", &error))
    }

    /// As the owner, to the maintenance database.
    async fn connect(&self) -> Result<tokio_postgres::Client, tokio_postgres::Error> {
        let mut config = tokio_postgres::Config::new();
        config.host_path(&self.socket).user(OWNER_ROLE).dbname("postgres");
        let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
        // It ends with the client; an error shows there too.
        tokio::spawn(async move { drop(connection.await) });
        Ok(client)
    }
}

fn failed(what: &'static str, error: &tokio_postgres::Error) -> EmbeddedError {
    EmbeddedError::Failed { what, why: chain_of(error) }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EmbeddedError> + Send + 'static,
) -> Result<T, EmbeddedError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(EmbeddedError::Store(StoreError::Stopped)))
}

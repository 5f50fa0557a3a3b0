//! Connections to Postgres: how they are made, checked, shared and replaced.
//!
//! Begin with [`Connector`]. [`Pool`] holds a few connections for short reads, used by many at once; the
//! committer, the listener and each replay have a connection of their own.
//!
//! Never here: servers that may lose confirmed events. They are refused by the name of the setting.

use crate::{
    error::{StoreError, chain_of, database},
    limits,
    tls::{Address, MakeTls},
};
use futures::{StreamExt, stream};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Mutex, mpsc};
use tokio_postgres::{AsyncMessage, Client, Row, Statement, types::ToSql};

/// Makes checked connections to one database.
pub(crate) struct Connector {
    config: tokio_postgres::Config,
    tls: MakeTls,
}

impl Connector {
    pub fn new(url: &str, application: &str) -> Result<Self, StoreError> {
        let address = Address::parse(url)?;
        let mut config: tokio_postgres::Config =
            address.url.parse().map_err(|error| StoreError::BadUrl(chain_of(&error)))?;
        let options = [config.get_options().unwrap_or_default(), "-c jit=off -c timezone=UTC"].join(" ");
        config
            .options(options.trim())
            .application_name(application)
            .connect_timeout(Duration::from_millis(limits::CONNECT_MS_MAX))
            .keepalives_idle(Duration::from_secs(30));
        Ok(Self { config, tls: MakeTls::new(address.root_certificate.as_deref())? })
    }

    /// A new connection to a server that keeps what it confirms. Notifications go to `notices`.
    pub async fn connect(&self, notices: Option<mpsc::Sender<()>>) -> Result<Client, StoreError> {
        let limit = Duration::from_millis(limits::CONNECT_MS_MAX);
        let connecting = self.config.connect(self.tls.clone());
        let (client, mut connection) = tokio::time::timeout(limit, connecting)
            .await
            .map_err(|_| StoreError::Unavailable {
                doing: "connecting",
                why: format!("no answer in {limit:?}"),
            })?
            .map_err(|error| connect_error(&error))?;
        tokio::spawn(async move {
            let mut messages = stream::poll_fn(|cx| connection.poll_message(cx));
            while let Some(message) = messages.next().await {
                match message {
                    // One wake-up that waits is as good as many.
                    Ok(AsyncMessage::Notification(_)) => {
                        if let Some(notices) = &notices {
                            let _ = notices.try_send(());
                        }
                    }
                    Ok(_) => {}
                    Err(error) => {
                        tracing::debug!(error = chain_of(&error), "database connection ended");
                        break;
                    }
                }
            }
        });
        refuse_forgetful(&client).await?;
        Ok(client)
    }
}

/// No SQL state: the server was not reached. With one: it answered and refused.
fn connect_error(error: &tokio_postgres::Error) -> StoreError {
    let why = chain_of(error);
    match error.code().map(|code| code.code()) {
        // invalid password or authorization, unknown database
        Some("28P01" | "28000" | "3D000") => StoreError::BadUrl(why),
        _ if why.contains("invalid peer certificate") => StoreError::Tls(why),
        _ => StoreError::Unavailable { doing: "connecting", why },
    }
}

/// A server with one of these off confirms commits that a crash can undo.
async fn refuse_forgetful(client: &Client) -> Result<(), StoreError> {
    let row = client
        .query_one(
            "select current_setting('server_version_num')::int, current_setting('server_version'), \
             current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit')",
            &[],
        )
        .await
        .map_err(|error| database("reading server settings", error))?;
    if row.get::<_, i32>(0) < 130_000 {
        return Err(StoreError::ServerTooOld { found: row.get(1) });
    }
    for (column, setting) in [(2, "fsync"), (3, "full_page_writes"), (4, "synchronous_commit")] {
        let value: String = row.get(column);
        if value == "off" {
            return Err(StoreError::UnsafeServer { setting: setting.into(), value });
        }
    }
    Ok(())
}

/// A connection with the statements prepared on it so far.
pub(crate) struct Session {
    pub client: Client,
    prepared: Mutex<HashMap<&'static str, Statement>>,
}

impl Session {
    pub fn new(client: Client) -> Self {
        Self { client, prepared: Mutex::default() }
    }

    /// Runs a statement, prepared once per connection, within the answer limit.
    pub async fn query(
        &self,
        doing: &'static str,
        sql: &'static str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, StoreError> {
        let answer = async {
            let statement = self.prepare(sql).await?;
            self.client.query(&statement, values).await
        };
        within_limit(doing, answer).await?.map_err(|error| database(doing, error))
    }

    pub async fn prepare(&self, sql: &'static str) -> Result<Statement, tokio_postgres::Error> {
        let mut prepared = self.prepared.lock().await;
        if let Some(statement) = prepared.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).await?;
        prepared.insert(sql, statement.clone());
        Ok(statement)
    }
}

/// The answer, or `Unavailable` if it takes longer than [`limits::ANSWER_MS_MAX`].
pub(crate) async fn within_limit<T>(
    doing: &'static str,
    answer: impl Future<Output = T>,
) -> Result<T, StoreError> {
    let limit = Duration::from_millis(limits::ANSWER_MS_MAX);
    tokio::time::timeout(limit, answer)
        .await
        .map_err(|_| StoreError::Unavailable { doing, why: format!("no answer in {limit:?}") })
}

/// A few shared connections for short statements. A broken one is replaced by the next caller.
pub(crate) struct Pool {
    connector: Arc<Connector>,
    slots: Vec<Mutex<Option<Arc<Session>>>>,
    next: AtomicUsize,
}

impl Pool {
    pub fn new(connector: Arc<Connector>) -> Self {
        let slots = (0..limits::READ_CONNECTIONS).map(|_| Mutex::default()).collect();
        Self { connector, slots, next: AtomicUsize::new(0) }
    }

    pub fn connector(&self) -> &Connector {
        &self.connector
    }

    pub async fn session(&self) -> Result<Arc<Session>, StoreError> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.slots.len();
        let mut slot = self.slots[turn].lock().await;
        if let Some(session) = slot.as_ref().filter(|session| !session.client.is_closed()) {
            return Ok(session.clone());
        }
        let session = Arc::new(Session::new(self.connector.connect(None).await?));
        *slot = Some(session.clone());
        Ok(session)
    }

    /// Runs a read. If the connection turns out to be dead, tries once more on a new one: only for statements
    /// that may run twice.
    pub async fn query(
        &self,
        doing: &'static str,
        sql: &'static str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, StoreError> {
        let session = self.session().await?;
        match session.query(doing, sql, values).await {
            Err(StoreError::Unavailable { .. }) if session.client.is_closed() => {
                self.session().await?.query(doing, sql, values).await
            }
            answer => answer,
        }
    }
}

//! Asking the read models. Cheap to clone.
//!
//! Begin with [`Reader`]. Single things and small wholes are here; lists with filters and pages are in `lists`. A read
//! model that is not made yet reads as empty.
//!
//! Never here: changing a row.

mod lists;

pub use lists::{DeclarationFilter, HistoryFilter, RunFilter};

use crate::error::ReadError;
use crate::folds;
use crate::limits::{ACQUIRE_S_MAX, COMMITS_SHOWN_MAX, CONNECTIONS_MAX, LOCK_MS_MAX, REACHED_POLL_MS};
use crate::model::{
    Account, ClusterMeta, ClusterView, CommitRow, DeclarationRow, GuestRow, HistoryRow, NodeRow, PlanRow,
    RepositoryRow, RunRow, SettingsRow, StorageRow,
};
use crate::table::{self, Checkpoint, Rest};
use domain::account::Role;
use domain::ids::{AccountId, DeclarationId, RunId, Vmid};
use secrets::{KeyRing, Secret};
use serde::de::DeserializeOwned;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgRow, PgSslMode};
use sqlx::{PgPool, Row as _};
use std::time::{Duration, Instant};

#[derive(Clone)]
pub struct Reader {
    pool: PgPool,
    rest: Rest,
}

impl Reader {
    /// Opens a pool of its own; `url` as for the event store. Where the address demands TLS, the server's certificate
    /// and name are checked.
    pub async fn connect(url: &Secret<String>, keyring: KeyRing) -> Result<Self, ReadError> {
        let mut options: PgConnectOptions = url
            .expose()
            .parse()
            // The address holds a password, so it is not repeated.
            .map_err(|_| ReadError::Unavailable("the database address cannot be read".into()))?;
        if matches!(options.get_ssl_mode(), PgSslMode::Require | PgSslMode::VerifyCa) {
            options = options.ssl_mode(PgSslMode::VerifyFull);
        }
        let lock = LOCK_MS_MAX.to_string();
        let settings = [("jit", "off"), ("timezone", "UTC"), ("lock_timeout", &lock)];
        let options = options.application_name("mycopod read").options(settings);
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(Duration::from_secs(ACQUIRE_S_MAX))
            .connect_with(options)
            .await?;
        Ok(Self { pool, rest: Rest { keyring } })
    }

    /// For the projector and rebuilds, too: its connections do not wait long for a table that somebody holds.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// A row that was selected as key and content.
    fn parse<T: DeserializeOwned>(&self, name: &str, row: &PgRow) -> Result<T, ReadError> {
        let key: String = row.get(0);
        let doc = self.rest.open(name, folds::is_sealed(name), &key, row.get(1))?;
        serde_json::from_str(&doc)
            .map_err(|error| ReadError::Unreadable { table: name.to_owned(), why: format!("{key}: {error}") })
    }

    async fn one<T: DeserializeOwned>(&self, name: &str, key: &str) -> Result<Option<T>, ReadError> {
        let select = format!("select key, doc from read.{name} where key = $1");
        let row = sqlx::query(&select).bind(key).fetch_optional(&self.pool).await.or_else(table::missing)?;
        row.map(|row| self.parse(name, &row)).transpose()
    }

    /// Rows whose key begins so, highest rank first, at most `limit`.
    async fn many<T: DeserializeOwned>(
        &self,
        name: &str,
        prefix: &str,
        limit: i64,
    ) -> Result<Vec<T>, ReadError> {
        let select = format!(
            "select key, doc from read.{name} where starts_with(key, $1) and rank >= 0 order by rank desc, key limit $2"
        );
        let rows = sqlx::query(&select).bind(prefix).bind(limit).fetch_all(&self.pool).await;
        rows.or_else(table::missing)?.iter().map(|row| self.parse(name, row)).collect()
    }

    async fn by_rank<T: DeserializeOwned>(&self, name: &str, rank: i64) -> Result<Option<T>, ReadError> {
        if rank < 1 {
            return Ok(None);
        }
        let select = format!("select key, doc from read.{name} where rank = $1 limit 1");
        let row = sqlx::query(&select).bind(rank).fetch_optional(&self.pool).await.or_else(table::missing)?;
        row.map(|row| self.parse(name, &row)).transpose()
    }

    pub async fn account(&self, id: AccountId) -> Result<Option<Account>, ReadError> {
        self.one("accounts", &id.to_string()).await
    }

    /// All people, by name.
    pub async fn accounts(&self) -> Result<Vec<Account>, ReadError> {
        let mut accounts: Vec<Account> = self.many("accounts", "", i64::MAX).await?;
        accounts.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(accounts)
    }

    /// Names are unique among people; case matters not.
    pub async fn account_by_name(&self, name: &str) -> Result<Option<Account>, ReadError> {
        Ok(self.accounts().await?.into_iter().find(|account| account.name.eq_ignore_ascii_case(name)))
    }

    /// Admins who can sign in.
    pub async fn active_admins(&self) -> Result<Vec<Account>, ReadError> {
        let mut accounts = self.accounts().await?;
        accounts.retain(|account| account.role == Role::Admin && !account.disabled);
        Ok(accounts)
    }

    pub async fn declaration(&self, id: DeclarationId) -> Result<Option<DeclarationRow>, ReadError> {
        self.one("declarations", &id.to_string()).await
    }

    pub async fn declaration_no(&self, no: i64) -> Result<Option<DeclarationRow>, ReadError> {
        self.by_rank("declarations", no).await
    }

    pub async fn plan(&self, declaration: DeclarationId, no: u32) -> Result<Option<PlanRow>, ReadError> {
        self.one("plans", &format!("{declaration}/{no}")).await
    }

    /// All plans of a declaration, newest first.
    pub async fn plans_of(&self, declaration: DeclarationId) -> Result<Vec<PlanRow>, ReadError> {
        self.many("plans", &format!("{declaration}/"), i64::MAX).await
    }

    pub async fn run(&self, no: i64) -> Result<Option<RunRow>, ReadError> {
        self.by_rank("runs", no).await
    }

    pub async fn run_by_id(&self, id: RunId) -> Result<Option<RunRow>, ReadError> {
        self.one("runs", &id.to_string()).await
    }

    pub async fn cluster_meta(&self) -> Result<ClusterMeta, ReadError> {
        Ok(self.one("cluster", folds::CLUSTER_META).await?.unwrap_or_default())
    }

    /// All of it from one moment, however the model moves meanwhile.
    pub async fn cluster(&self) -> Result<ClusterView, ReadError> {
        let select = "select key, doc from read.cluster order by key";
        let rows = sqlx::query(select).fetch_all(&self.pool).await.or_else(table::missing)?;
        let mut view = ClusterView::default();
        for row in &rows {
            match row.get::<&str, _>(0).split_once('/') {
                Some(("node", _)) => view.nodes.push(self.parse::<NodeRow>("cluster", row)?),
                Some(("storage", _)) => view.storages.push(self.parse::<StorageRow>("cluster", row)?),
                Some(("guest", _)) => view.guests.push(self.parse::<GuestRow>("cluster", row)?),
                _ => view.meta = self.parse("cluster", row)?,
            }
        }
        view.guests.sort_by_key(|guest| guest.vmid);
        Ok(view)
    }

    pub async fn guest(&self, vmid: Vmid) -> Result<Option<GuestRow>, ReadError> {
        self.one("cluster", &format!("guest/{vmid}")).await
    }

    /// The newest commits first.
    pub async fn repository(&self) -> Result<RepositoryRow, ReadError> {
        let state: folds::RepositoryState =
            self.one("repository", folds::REPOSITORY_STATE).await?.unwrap_or_default();
        let commits: Vec<CommitRow> = self.many("repository", "commit/", COMMITS_SHOWN_MAX).await?;
        Ok(RepositoryRow { commits, failing: state.failing, refreshed_at: state.refreshed_at })
    }

    pub async fn settings(&self) -> Result<SettingsRow, ReadError> {
        Ok(self.one("settings", folds::SETTINGS_KEY).await?.unwrap_or_default())
    }

    pub async fn history_at(&self, position: i64) -> Result<Option<HistoryRow>, ReadError> {
        self.one("history", &folds::history_key(position)).await
    }

    /// Where each projection stands; none where it was never made.
    pub async fn positions(&self) -> Result<Vec<(&'static str, Option<Checkpoint>)>, ReadError> {
        let mut found: std::collections::BTreeMap<_, _> =
            table::checkpoints(&self.pool).await?.into_iter().collect();
        Ok(crate::rebuild::list().into_iter().map(|(name, _)| (name, found.remove(name))).collect())
    }

    /// Waits until all projections that are well have reached a position; false if that takes too long.
    pub async fn wait_for(&self, position: i64, limit: Duration) -> Result<bool, ReadError> {
        let until = Instant::now() + limit;
        loop {
            let behind = |at: &Checkpoint| at.poison.is_none() && at.position < position;
            let positions = self.positions().await?;
            if !positions.iter().any(|(_, at)| at.as_ref().is_none_or(behind)) {
                return Ok(true);
            }
            if Instant::now() >= until {
                return Ok(false);
            }
            tokio::time::sleep(Duration::from_millis(REACHED_POLL_MS)).await;
        }
    }
}

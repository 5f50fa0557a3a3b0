//! Asking the read models. Cheap to clone.
//!
//! Begin with [`Reader`]. Single things and small wholes are here; lists with filters and pages are in `lists`. A read
//! model that is not made yet reads as empty. [`Reader::at`] gives a reader that answers every question as of an earlier
//! position of the log.
//!
//! Never here: changing a row.

mod lists;

pub use lists::{DeclarationFilter, HistoryFilter, RunFilter};

use crate::error::ReadError;
use crate::folds;
use crate::limits::{
    ACQUIRE_S_MAX, COMMITS_SHOWN_MAX, CONNECTIONS_MAX, LOCK_MS_MAX, PAGE_ROWS_MAX, REACHED_POLL_MS,
};
use crate::model::{
    Account, ClusterMeta, ClusterView, CommitRow, DecisionRow, DeclarationRow, DeclarationStatus, GuestRow,
    HistoryRow, NodeRow, PlanRow, RepositoryRow, RunRow, SettingsRow, StorageRow,
};
use crate::past::{AsOf, Kept};
use crate::status::Status;
use crate::table::{self, Checkpoint, Rest};
use domain::account::Role;
use domain::ids::{AccountId, DeclarationId, RunId, Vmid};
use eventstore::{EventLog, Store};
use secrets::{KeyRing, Secret};
use serde::de::DeserializeOwned;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgRow, PgSslMode};
use sqlx::{PgPool, Row as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn unreadable(name: &str, key: &str, error: &serde_json::Error) -> ReadError {
    ReadError::Unreadable { table: name.to_owned(), why: format!("{key}: {error}") }
}

#[derive(Clone)]
pub struct Reader {
    pool: PgPool,
    rest: Rest,
    /// Looks into the past that were made before; shared by all clones.
    kept: Kept,
    past: Option<Past>,
}

/// The log up to a position.
#[derive(Clone)]
struct Past {
    store: Store,
    position: i64,
}

/// What was declared and what was observed.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct StateView {
    /// Committed declarations with the plan that was committed, by number.
    pub declared: Vec<(DeclarationRow, Option<PlanRow>)>,
    pub observed: ClusterView,
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
        Ok(Self { pool, rest: Rest { keyring }, kept: Kept::default(), past: None })
    }

    /// A reader of the same models as they were when the log ended at `position`. They are folded from the log in memory
    /// when they are first asked for; the last few are kept.
    pub fn at(&self, store: &Store, position: i64) -> Self {
        Self { past: Some(Past { store: store.clone(), position: position.max(0) }), ..self.clone() }
    }

    /// The position this reader shows, if it is not the live one.
    pub fn position(&self) -> Option<i64> {
        self.past.as_ref().map(|past| past.position)
    }

    /// The model as it was; none: the live one is asked.
    async fn then(&self, name: &str) -> Result<Option<Arc<AsOf>>, ReadError> {
        match &self.past {
            Some(past) => self.kept.at(&past.store, name, past.position).await.map(Some),
            None => Ok(None),
        }
    }

    /// For the projector and rebuilds, too: its connections do not wait long for a table that somebody holds.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// A row that was selected as key and content.
    fn parse<T: DeserializeOwned>(&self, name: &str, row: &PgRow) -> Result<T, ReadError> {
        let key: String = row.get(0);
        let doc = self.rest.open(name, folds::is_sealed(name), &key, row.get(1))?;
        serde_json::from_str(&doc).map_err(|error| unreadable(name, &key, &error))
    }

    async fn one<T: DeserializeOwned>(&self, name: &str, key: &str) -> Result<Option<T>, ReadError> {
        if let Some(then) = self.then(name).await? {
            return then.get(key);
        }
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
        if let Some(then) = self.then(name).await? {
            let mut rows = then.list(prefix)?;
            rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            return Ok(rows);
        }
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
        if let Some(then) = self.then(name).await? {
            return then.ranked(rank);
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
        let mut view = ClusterView::default();
        if let Some(then) = self.then("cluster").await? {
            view.nodes = then.list("node/")?;
            view.storages = then.list("storage/")?;
            view.guests = then.list("guest/")?;
            view.drift = then.list("drift/")?;
            view.put_backs = then.list("put-back/")?;
            view.meta = then.get(folds::CLUSTER_META)?.unwrap_or_default();
        } else {
            let select = "select key, doc from read.cluster order by key";
            let rows = sqlx::query(select).fetch_all(&self.pool).await.or_else(table::missing)?;
            for row in &rows {
                match row.get::<&str, _>(0).split_once('/') {
                    Some(("node", _)) => view.nodes.push(self.parse::<NodeRow>("cluster", row)?),
                    Some(("storage", _)) => view.storages.push(self.parse::<StorageRow>("cluster", row)?),
                    Some(("guest", _)) => view.guests.push(self.parse::<GuestRow>("cluster", row)?),
                    Some(("drift", _)) => view.drift.push(self.parse("cluster", row)?),
                    Some(("put-back", _)) => view.put_backs.push(self.parse("cluster", row)?),
                    _ => view.meta = self.parse("cluster", row)?,
                }
            }
        }
        view.guests.sort_by_key(|guest| guest.vmid);
        Ok(view)
    }

    /// What is declared and what is observed.
    pub async fn state(&self) -> Result<StateView, ReadError> {
        let observed = self.cluster().await?;
        let filter = DeclarationFilter { status: Some(DeclarationStatus::Committed), ..Default::default() };
        let mut declared = Vec::new();
        for page in 0.. {
            let (rows, _) = self.declarations(&filter, page, PAGE_ROWS_MAX).await?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                let plan = match row.plan_no {
                    Some(no) => self.plan(row.id, no).await?,
                    None => None,
                };
                declared.push((row, plan));
            }
        }
        declared.sort_by_key(|(row, _)| row.no);
        Ok(StateView { declared, observed })
    }

    pub async fn guest(&self, vmid: Vmid) -> Result<Option<GuestRow>, ReadError> {
        self.one("cluster", &format!("guest/{vmid}")).await
    }

    /// The newest commits first.
    pub async fn repository(&self) -> Result<RepositoryRow, ReadError> {
        let state: folds::RepositoryState =
            self.one("repository", folds::REPOSITORY_STATE).await?.unwrap_or_default();
        let commits: Vec<CommitRow> = self.many("repository", "commit/", COMMITS_SHOWN_MAX).await?;
        let decisions: Vec<DecisionRow> = self.many("repository", "decision/", COMMITS_SHOWN_MAX).await?;
        Ok(RepositoryRow {
            commits,
            failing: state.failing,
            refreshed_at: state.refreshed_at,
            decisions: decisions.into_iter().map(|row| (row.commit.clone(), row)).collect(),
            doubt: state.doubt,
        })
    }

    pub async fn settings(&self) -> Result<SettingsRow, ReadError> {
        Ok(self.one("settings", folds::SETTINGS_KEY).await?.unwrap_or_default())
    }

    pub async fn history_at(&self, position: i64) -> Result<Option<HistoryRow>, ReadError> {
        let key = folds::history_key(position);
        match &self.past {
            Some(past) if position > past.position => Ok(None),
            Some(past) if self.has_live_history(past.position).await? => {
                self.live().one("history", &key).await
            }
            _ => self.one("history", &key).await,
        }
    }

    fn live(&self) -> Self {
        Self { past: None, ..self.clone() }
    }

    /// A row of the history is written once and never changed, so the live one shows any position that it has reached.
    async fn has_live_history(&self, position: i64) -> Result<bool, ReadError> {
        let all = table::checkpoints(&self.pool).await?;
        let found = all.into_iter().find(|(name, _)| name == "history");
        Ok(found.is_some_and(|(_, at)| at.position >= position))
    }

    /// Where each read model stands, whoever keeps it.
    pub async fn status(&self, store: &Store) -> Result<Vec<Status>, ReadError> {
        let mut found: std::collections::BTreeMap<_, _> =
            table::checkpoints(&self.pool).await?.into_iter().collect();
        // Asked afterwards, so that nobody seems to be ahead of the log.
        let head = store.head().await?.position;
        let of = |(name, purpose)| Status::of(name, purpose, found.remove(name).as_ref(), head);
        Ok(crate::rebuild::list().into_iter().map(of).collect())
    }

    /// Rows of one model as JSON, to be looked at: by key, or all in the order of keys, at most `limit`. Password hashes
    /// are left out.
    pub async fn documents(
        &self,
        name: &str,
        key: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, serde_json::Value)>, ReadError> {
        let name = crate::rebuild::named(name)?.name();
        let mut documents: Vec<(String, serde_json::Value)> = Vec::new();
        if let Some(then) = self.then(name).await? {
            let wanted = then.rows().filter(|(known, _)| key.is_none_or(|key| key == *known)).take(limit);
            for (key, row) in wanted {
                let document = serde_json::from_str(&row.doc);
                documents.push((key.to_owned(), document.map_err(|error| unreadable(name, key, &error))?));
            }
        } else {
            let select = format!(
                "select key, doc from read.{name} where $1::text is null or key = $1 order by key limit $2"
            );
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = sqlx::query(&select).bind(key).bind(limit).fetch_all(&self.pool).await;
            for row in &rows.or_else(table::missing)? {
                documents.push((row.get(0), self.parse(name, row)?));
            }
        }
        for document in documents.iter_mut().filter_map(|(_, document)| document.as_object_mut()) {
            document.remove("password_hash");
        }
        Ok(documents)
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

//! Asking the read models. Cheap to clone.

use crate::error::ReadError;
use crate::folds;
use crate::limits::{CONNECTIONS_MAX, PAGE_ROWS_MAX};
use crate::model::{
    Account, ClusterMeta, ClusterView, CommitRow, DeclarationRow, DeclarationStatus, GuestRow, HistoryRow,
    NodeRow, PlanRow, RepositoryRow, RunRow, SettingsRow, StorageRow,
};
use crate::table::{self, Checkpoint, Rest};
use domain::account::Role;
use domain::event::Category;
use domain::ids::{AccountId, DeclarationId, RunId, Vmid};
use secrets::{KeyRing, Secret};
use serde::de::DeserializeOwned;
use sqlx::postgres::PgPoolOptions;
use sqlx::{PgPool, Row as _};
use std::time::{Duration, Instant};

#[derive(Clone)]
pub struct Reader {
    pool: PgPool,
    rest: Rest,
}

/// Which declarations a list shows.
#[derive(Clone, Debug, Default)]
pub struct DeclarationFilter {
    pub status: Option<DeclarationStatus>,
    pub author: Option<AccountId>,
    /// In the title or the text, any case.
    pub word: Option<String>,
}

/// Which events a history shows, newest first.
#[derive(Clone, Debug, Default)]
pub struct HistoryFilter {
    pub person: Option<String>,
    pub category: Option<Category>,
    pub declaration_no: Option<i64>,
    pub run_no: Option<i64>,
    pub guest: Option<Vmid>,
    pub failed: bool,
    /// Only older ones.
    pub before: Option<i64>,
}

impl Reader {
    /// Opens a pool of its own; `url` as for the event store.
    pub async fn connect(url: &Secret<String>, keyring: KeyRing) -> Result<Self, ReadError> {
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(Duration::from_secs(5))
            .connect(url.expose())
            .await?;
        Ok(Self { pool, rest: Rest { keyring } })
    }

    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    async fn one<T: DeserializeOwned>(&self, name: &str, key: &str) -> Result<Option<T>, ReadError> {
        let rows = table::load(&self.pool, &self.rest, name, &[key.to_owned()]).await.or_else(missing)?;
        rows.into_iter().next().map(|(_, row)| parse(name, &row.doc)).transpose()
    }

    /// Rows of one kind, highest rank first.
    async fn many<T: DeserializeOwned>(&self, name: &str, prefix: &str) -> Result<Vec<T>, ReadError> {
        let sql =
            format!("select doc from read.{name} where key like $1 and rank >= 0 order by rank desc, key");
        let rows =
            sqlx::query(&sql).bind(format!("{prefix}%")).fetch_all(&self.pool).await.map_err(ReadError::from);
        rows.or_else(missing)?.into_iter().map(|row| parse(name, &self.rest.open(row.get(0))?)).collect()
    }

    pub async fn account(&self, id: AccountId) -> Result<Option<Account>, ReadError> {
        self.one("accounts", &id.to_string()).await
    }

    /// All people, by name.
    pub async fn accounts(&self) -> Result<Vec<Account>, ReadError> {
        let mut accounts: Vec<Account> = self.many("accounts", "").await?;
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

    async fn by_rank<T: DeserializeOwned>(&self, name: &str, rank: i64) -> Result<Option<T>, ReadError> {
        if rank < 1 {
            return Ok(None);
        }
        let sql = format!("select doc from read.{name} where rank = $1 limit 1");
        let row = sqlx::query(&sql).bind(rank).fetch_optional(&self.pool).await.map_err(ReadError::from);
        row.or_else(missing)?.map(|row| parse(name, &self.rest.open(row.get(0))?)).transpose()
    }

    /// Newest first; `page` counts from 0. Answers with how many there are in all, too.
    pub async fn declarations(
        &self,
        filter: &DeclarationFilter,
        page: i64,
        per_page: i64,
    ) -> Result<(Vec<DeclarationRow>, i64), ReadError> {
        let per_page = per_page.clamp(1, PAGE_ROWS_MAX);
        let rows = sqlx::query(
            "select doc, count(*) over () from read.declarations
             where rank > 0
               and ($1::text is null or doc::jsonb->>'status' = $1)
               and ($2::text is null or doc::jsonb->>'author' = $2)
               and ($3::text is null or position(lower($3) in lower(doc::jsonb->>'title')) > 0
                    or position(lower($3) in lower(doc::jsonb->>'text')) > 0)
             order by rank desc limit $4 offset $5",
        )
        .bind(filter.status.map(DeclarationStatus::slug))
        .bind(filter.author.map(|author| author.to_string()))
        .bind(filter.word.as_deref().filter(|word| !word.is_empty()))
        .bind(per_page)
        .bind(page.max(0).saturating_mul(per_page))
        .fetch_all(&self.pool)
        .await
        .map_err(ReadError::from)
        .or_else(missing)?;
        let total = rows.first().map_or(0, |row| row.get(1));
        let rows: Result<_, _> =
            rows.into_iter().map(|row| parse("declarations", &self.rest.open(row.get(0))?)).collect();
        Ok((rows?, total))
    }

    /// Declarations an Admin has to decide on, oldest first: asked for approval.
    pub async fn approvals_waiting(&self) -> Result<Vec<DeclarationRow>, ReadError> {
        let filter =
            DeclarationFilter { status: Some(DeclarationStatus::AwaitingApproval), ..Default::default() };
        let (mut rows, _) = self.declarations(&filter, 0, PAGE_ROWS_MAX).await?;
        rows.sort_by_key(|row| row.asked.as_ref().map(|asked| asked.at));
        Ok(rows)
    }

    pub async fn plan(&self, declaration: DeclarationId, no: u32) -> Result<Option<PlanRow>, ReadError> {
        self.one("plans", &format!("{declaration}/{no}")).await
    }

    /// All plans of a declaration, newest first.
    pub async fn plans_of(&self, declaration: DeclarationId) -> Result<Vec<PlanRow>, ReadError> {
        self.many("plans", &format!("{declaration}/")).await
    }

    /// Newest first; `page` counts from 0. Answers with how many there are in all, too.
    pub async fn runs(&self, page: i64, per_page: i64) -> Result<(Vec<RunRow>, i64), ReadError> {
        let per_page = per_page.clamp(1, PAGE_ROWS_MAX);
        let rows = sqlx::query(
            "select doc, count(*) over () from read.runs where rank > 0 order by rank desc limit $1 offset $2",
        )
        .bind(per_page)
        .bind(page.max(0).saturating_mul(per_page))
        .fetch_all(&self.pool)
        .await
        .map_err(ReadError::from)
        .or_else(missing)?;
        let total = rows.first().map_or(0, |row| row.get(1));
        let rows: Result<_, _> =
            rows.into_iter().map(|row| parse("runs", &self.rest.open(row.get(0))?)).collect();
        Ok((rows?, total))
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

    pub async fn cluster(&self) -> Result<ClusterView, ReadError> {
        let mut view = ClusterView {
            meta: self.cluster_meta().await?,
            nodes: self.many::<NodeRow>("cluster", "node/").await?,
            storages: self.many::<StorageRow>("cluster", "storage/").await?,
            guests: self.many::<GuestRow>("cluster", "guest/").await?,
        };
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
        let mut commits: Vec<CommitRow> = self.many("repository", "commit/").await?;
        commits.truncate(usize::try_from(PAGE_ROWS_MAX).unwrap_or(usize::MAX));
        Ok(RepositoryRow { commits, failing: state.failing, refreshed_at: state.refreshed_at })
    }

    pub async fn settings(&self) -> Result<SettingsRow, ReadError> {
        Ok(self.one("settings", folds::SETTINGS_KEY).await?.unwrap_or_default())
    }

    pub async fn history(&self, filter: &HistoryFilter, limit: i64) -> Result<Vec<HistoryRow>, ReadError> {
        let rows = sqlx::query(
            "select doc from read.history
             where rank > 0 and ($1::bigint is null or rank < $1)
               and ($2::text is null or doc::jsonb->>'person' = $2)
               and ($3::text is null or doc::jsonb->>'category' = $3)
               and ($4::bigint is null or (doc::jsonb->>'declaration_no')::bigint = $4)
               and ($5::bigint is null or (doc::jsonb->>'run_no')::bigint = $5)
               and ($6::bigint is null or doc::jsonb->'guests' @> to_jsonb($6))
               and (not $7 or (doc::jsonb->>'failed')::boolean)
             order by rank desc limit $8",
        )
        .bind(filter.before)
        .bind(filter.person.as_deref())
        .bind(filter.category.map(Category::name))
        .bind(filter.declaration_no)
        .bind(filter.run_no)
        .bind(filter.guest.map(i64::from))
        .bind(filter.failed)
        .bind(limit.clamp(1, PAGE_ROWS_MAX))
        .fetch_all(&self.pool)
        .await
        .map_err(ReadError::from)
        .or_else(missing)?;
        rows.into_iter().map(|row| parse("history", &self.rest.open(row.get(0))?)).collect()
    }

    pub async fn history_at(&self, position: i64) -> Result<Option<HistoryRow>, ReadError> {
        self.one("history", &folds::history_key(position)).await
    }

    /// Where each projection stands.
    pub async fn positions(&self) -> Result<Vec<(&'static str, Option<Checkpoint>)>, ReadError> {
        let mut connection = self.pool.acquire().await?;
        let mut positions = Vec::new();
        for (name, _) in crate::rebuild::list() {
            let checkpoint = table::checkpoint(&mut connection, name).await.or_else(missing)?;
            positions.push((name, checkpoint));
        }
        Ok(positions)
    }

    /// Waits until all projections that are well have reached a position; false if that takes too long.
    pub async fn wait_for(&self, position: i64, limit: Duration) -> Result<bool, ReadError> {
        let until = Instant::now() + limit;
        loop {
            let positions = self.positions().await?;
            let behind = positions.iter().any(|(_, checkpoint)| {
                checkpoint.as_ref().is_none_or(|at| at.poison.is_none() && at.position < position)
            });
            if !behind {
                return Ok(true);
            }
            if Instant::now() >= until {
                return Ok(false);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Tables that are not made yet are empty.
fn missing<T: Default>(error: ReadError) -> Result<T, ReadError> {
    match &error {
        ReadError::Unavailable(why) if why.contains("does not exist") => Ok(T::default()),
        _ => Err(error),
    }
}

fn parse<T: DeserializeOwned>(name: &str, doc: &str) -> Result<T, ReadError> {
    serde_json::from_str(doc)
        .map_err(|error| ReadError::Unreadable { table: name.to_owned(), why: error.to_string() })
}

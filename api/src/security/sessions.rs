//! Sessions on the server: a row per signed-in browser, found by the hash of its token.
//!
//! A session ends after 30 minutes without a request, after 12 hours at the latest, and at once when its person
//! signs out, changes the password, gets another role or is disabled.

use super::cookie::Token;
use crate::limits;
use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::AccountId;
use sqlx::PgPool;

/// Cheap to clone.
#[derive(Clone)]
pub struct Sessions {
    pool: PgPool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    pub account: AccountId,
    pub began: DateTime<Utc>,
    pub seen: DateTime<Utc>,
}

impl Sessions {
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Begins a session; the oldest of the account end when there are too many, and those that are over go.
    pub async fn begin(
        &self,
        token: &Token,
        account: AccountId,
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        let mut tx = self.pool.begin().await?;
        sqlx::query("delete from session.sessions where expires_at <= $1 or last_seen <= $2")
            .bind(now)
            .bind(now - TimeDelta::seconds(limits::SESSION_IDLE_S_MAX))
            .execute(&mut *tx)
            .await?;
        sqlx::query(
            "delete from session.sessions where token_hash in
               (select token_hash from session.sessions where account = $1 order by created_at desc offset $2)",
        )
        .bind(account.0)
        .bind(limits::SESSIONS_PER_ACCOUNT_MAX - 1)
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "insert into session.sessions (token_hash, account, created_at, last_seen, expires_at)
             values ($1, $2, $3, $3, $4)",
        )
        .bind(token.hash().as_slice())
        .bind(account.0)
        .bind(now)
        .bind(now + TimeDelta::seconds(limits::SESSION_AGE_S_MAX))
        .execute(&mut *tx)
        .await?;
        tx.commit().await
    }

    /// The session of a token, if it is alive. `touch` counts as a sign of life; live streams do not.
    pub async fn find(
        &self,
        token: &Token,
        now: DateTime<Utc>,
        touch: bool,
    ) -> Result<Option<Session>, sqlx::Error> {
        let row: Option<(uuid::Uuid, DateTime<Utc>, DateTime<Utc>)> = sqlx::query_as(
            "select account, created_at, last_seen from session.sessions
             where token_hash = $1 and expires_at > $2 and last_seen > $3",
        )
        .bind(token.hash().as_slice())
        .bind(now)
        .bind(now - TimeDelta::seconds(limits::SESSION_IDLE_S_MAX))
        .fetch_optional(&self.pool)
        .await?;
        let Some((account, began, seen)) = row else { return Ok(None) };
        if touch && now - seen >= TimeDelta::seconds(limits::SESSION_TOUCH_S) {
            sqlx::query(
                "update session.sessions set last_seen = $2 where token_hash = $1 and last_seen < $2",
            )
            .bind(token.hash().as_slice())
            .bind(now)
            .execute(&self.pool)
            .await?;
        }
        Ok(Some(Session { account: AccountId(account), began, seen }))
    }

    pub async fn end(&self, token: &Token) -> Result<(), sqlx::Error> {
        sqlx::query("delete from session.sessions where token_hash = $1")
            .bind(token.hash().as_slice())
            .execute(&self.pool)
            .await
            .map(drop)
    }

    /// Ends every session of an account, but the one of `keep`.
    pub async fn end_all(&self, account: AccountId, keep: Option<&Token>) -> Result<(), sqlx::Error> {
        let keep = keep.map(|token| token.hash().to_vec()).unwrap_or_default();
        sqlx::query("delete from session.sessions where account = $1 and token_hash <> $2")
            .bind(account.0)
            .bind(keep)
            .execute(&self.pool)
            .await
            .map(drop)
    }

    /// Sessions of an account that are alive, newest first, and whether each is the one of `token`.
    pub async fn of(
        &self,
        account: AccountId,
        token: &Token,
        now: DateTime<Utc>,
    ) -> Result<Vec<(Session, bool)>, sqlx::Error> {
        let rows: Vec<(Vec<u8>, DateTime<Utc>, DateTime<Utc>)> = sqlx::query_as(
            "select token_hash, created_at, last_seen from session.sessions
             where account = $1 and expires_at > $2 and last_seen > $3 order by created_at desc",
        )
        .bind(account.0)
        .bind(now)
        .bind(now - TimeDelta::seconds(limits::SESSION_IDLE_S_MAX))
        .fetch_all(&self.pool)
        .await?;
        let hash = token.hash();
        Ok(rows.into_iter().map(|(h, began, seen)| (Session { account, began, seen }, h == hash)).collect())
    }

    /// Whether the database answers.
    pub async fn reachable(&self) -> Result<(), sqlx::Error> {
        sqlx::query("select 1").execute(&self.pool).await.map(drop)
    }
}

//! Lists with filters and pages. Conditions are written only where a filter asks for them, so that each query is as
//! simple as what it asks and finds its index. A look into the past has the same filters over rows in memory.

use super::Reader;
use crate::error::ReadError;
use crate::limits::PAGE_ROWS_MAX;
use crate::model::{DeclarationRow, DeclarationStatus, HistoryRow, RunRow, RunStatus};
use crate::table;
use chrono::{DateTime, Utc};
use domain::event::Category;
use domain::ids::{AccountId, DeclarationId, Vmid};
use serde::de::DeserializeOwned;
use sqlx::{Postgres, QueryBuilder, Row as _};

/// Which declarations a list shows.
#[derive(Clone, Debug, Default)]
pub struct DeclarationFilter {
    pub status: Option<DeclarationStatus>,
    pub author: Option<AccountId>,
    /// In the title or the text, any case.
    pub word: Option<String>,
}

/// Which runs a list shows.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    pub status: Option<RunStatus>,
    pub declaration: Option<DeclarationId>,
    /// Started at that time or later.
    pub since: Option<DateTime<Utc>>,
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

impl DeclarationFilter {
    fn lets_through(&self, row: &DeclarationRow) -> bool {
        let word = self.word.as_deref().unwrap_or_default().replace('\0', "\u{fffd}").to_lowercase();
        self.status.is_none_or(|status| row.status == status)
            && self.author.is_none_or(|author| row.author == author)
            && (row.title.to_lowercase().contains(&word) || row.text.to_lowercase().contains(&word))
    }
}

impl RunFilter {
    fn lets_through(&self, row: &RunRow) -> bool {
        self.status.is_none_or(|status| row.status == status)
            && self.declaration.is_none_or(|declaration| row.declaration == declaration)
            && self.since.is_none_or(|since| row.started_at >= since)
    }
}

impl HistoryFilter {
    fn lets_through(&self, row: &HistoryRow) -> bool {
        self.before.is_none_or(|before| row.position < before)
            && self.person.as_ref().is_none_or(|person| row.person == *person)
            && self.category.is_none_or(|category| row.category == category)
            && self.declaration_no.is_none_or(|no| row.declaration_no == Some(no))
            && self.run_no.is_none_or(|no| row.run_no == Some(no))
            && self.guest.is_none_or(|vmid| row.guests.contains(&vmid))
            && (!self.failed || row.failed)
    }
}

type Query<'a> = QueryBuilder<'a, Postgres>;

/// `from … where …` of a list; `rank > 0` leaves out rows that are for the fold itself.
fn shown(select: &str, name: &str) -> Query<'static> {
    QueryBuilder::new(format!("select {select} from read.{name} where rank > 0"))
}

impl Reader {
    /// One page, highest rank first, and how many rows there are on all pages.
    async fn page<T: DeserializeOwned>(
        &self,
        name: &str,
        filter: impl Fn(&mut Query<'_>),
        lets_through: impl Fn(&T) -> bool,
        page: i64,
        per_page: i64,
    ) -> Result<(Vec<T>, i64), ReadError> {
        let per_page = per_page.clamp(1, PAGE_ROWS_MAX);
        let offset = page.max(0).saturating_mul(per_page);
        if let Some(then) = self.then(name).await? {
            let mut rows: Vec<T> = then.shown()?;
            rows.retain(lets_through);
            let total = rows.len() as i64;
            let skip = usize::try_from(offset).unwrap_or(usize::MAX);
            return Ok((rows.into_iter().skip(skip).take(per_page as usize).collect(), total));
        }
        let mut query = shown("key, doc, count(*) over ()", name);
        filter(&mut query);
        query.push(" order by rank desc limit ").push_bind(per_page).push(" offset ").push_bind(offset);
        let rows = query.build().fetch_all(self.pool()).await.or_else(table::missing)?;
        let total = match rows.first() {
            Some(row) => row.get(2),
            None if offset == 0 => 0,
            // A page beyond the last one still says how many there are.
            None => {
                let mut query = shown("count(*)", name);
                filter(&mut query);
                let count = query.build_query_scalar().fetch_optional(self.pool()).await;
                count.or_else(table::missing)?.unwrap_or_default()
            }
        };
        let rows: Result<_, _> = rows.iter().map(|row| self.parse(name, row)).collect();
        Ok((rows?, total))
    }

    /// Newest first; `page` counts from 0. Answers with how many there are in all, too.
    pub async fn declarations(
        &self,
        filter: &DeclarationFilter,
        page: i64,
        per_page: i64,
    ) -> Result<(Vec<DeclarationRow>, i64), ReadError> {
        let conditions = |query: &mut Query<'_>| {
            if let Some(status) = filter.status {
                query.push(" and doc::jsonb->>'status' = ").push_bind(status.slug());
            }
            if let Some(author) = filter.author {
                query.push(" and doc::jsonb->>'author' = ").push_bind(author.to_string());
            }
            if let Some(word) = filter.word.as_deref().filter(|word| !word.is_empty()) {
                // Postgres takes no U+0000 in a parameter, and no row holds one. It lowers both sides, so that both
                // are lowered by one rule.
                let word = word.replace('\0', "\u{fffd}");
                query.push(" and (position(lower(").push_bind(word.clone());
                query.push(") in lower(doc::jsonb->>'title')) > 0 or position(lower(").push_bind(word);
                query.push(") in lower(doc::jsonb->>'text')) > 0)");
            }
        };
        self.page("declarations", conditions, |row| filter.lets_through(row), page, per_page).await
    }

    /// Declarations an Admin has to decide on, oldest first: asked for approval.
    pub async fn approvals_waiting(&self) -> Result<Vec<DeclarationRow>, ReadError> {
        let filter =
            DeclarationFilter { status: Some(DeclarationStatus::AwaitingApproval), ..Default::default() };
        let (mut rows, _) = self.declarations(&filter, 0, PAGE_ROWS_MAX).await?;
        rows.sort_by_key(|row| row.asked.as_ref().map(|asked| asked.at));
        Ok(rows)
    }

    /// Newest first; `page` counts from 0. Answers with how many there are in all, too.
    pub async fn runs(&self, page: i64, per_page: i64) -> Result<(Vec<RunRow>, i64), ReadError> {
        self.runs_where(&RunFilter::default(), page, per_page).await
    }

    /// [`Reader::runs`] that a filter lets through.
    pub async fn runs_where(
        &self,
        filter: &RunFilter,
        page: i64,
        per_page: i64,
    ) -> Result<(Vec<RunRow>, i64), ReadError> {
        let conditions = |query: &mut Query<'_>| {
            if let Some(status) = filter.status {
                query.push(" and doc::jsonb->>'status' = ").push_bind(status.slug());
            }
            if let Some(declaration) = filter.declaration {
                query.push(" and doc::jsonb->>'declaration' = ").push_bind(declaration.to_string());
            }
            if let Some(since) = filter.since {
                query.push(" and (doc::jsonb->>'started_at')::timestamptz >= ").push_bind(since);
            }
        };
        self.page("runs", conditions, |row| filter.lets_through(row), page, per_page).await
    }

    pub async fn history(&self, filter: &HistoryFilter, limit: i64) -> Result<Vec<HistoryRow>, ReadError> {
        let Some(past) = &self.past else { return self.live_history(filter, limit).await };
        let before = filter.before.unwrap_or(i64::MAX).min(past.position.saturating_add(1));
        let filter = HistoryFilter { before: Some(before), ..filter.clone() };
        if self.has_live_history(past.position).await? {
            return self.live_history(&filter, limit).await;
        }
        let mut rows: Vec<HistoryRow> = match self.then("history").await? {
            Some(then) => then.shown()?,
            None => vec![],
        };
        rows.retain(|row| filter.lets_through(row));
        rows.truncate(limit.clamp(1, PAGE_ROWS_MAX) as usize);
        Ok(rows)
    }

    async fn live_history(&self, filter: &HistoryFilter, limit: i64) -> Result<Vec<HistoryRow>, ReadError> {
        let mut query = shown("key, doc", "history");
        if let Some(before) = filter.before {
            query.push(" and rank < ").push_bind(before);
        }
        if let Some(person) = &filter.person {
            query.push(" and doc::jsonb->>'person' = ").push_bind(person.replace('\0', "\u{fffd}"));
        }
        if let Some(category) = filter.category {
            query.push(" and doc::jsonb->>'category' = ").push_bind(category.name());
        }
        if let Some(no) = filter.declaration_no {
            query.push(" and (doc::jsonb->>'declaration_no')::bigint = ").push_bind(no);
        }
        if let Some(no) = filter.run_no {
            query.push(" and (doc::jsonb->>'run_no')::bigint = ").push_bind(no);
        }
        if let Some(vmid) = filter.guest {
            query.push(" and doc::jsonb->'guests' @> to_jsonb(").push_bind(i64::from(vmid)).push(")");
        }
        if filter.failed {
            query.push(" and (doc::jsonb->>'failed')::boolean");
        }
        query.push(" order by rank desc limit ").push_bind(limit.clamp(1, PAGE_ROWS_MAX));
        let rows = query.build().fetch_all(self.pool()).await.or_else(table::missing)?;
        rows.iter().map(|row| self.parse("history", row)).collect()
    }
}

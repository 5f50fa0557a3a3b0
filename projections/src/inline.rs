//! Small read models that move in the very transaction that appends the events, so that who wrote reads what was written.
//!
//! Begin with [`Inline::fold`]: it takes a group of events as they are about to be recorded, and answers with statements
//! for the same transaction. No database is asked: an inline model holds all its rows in memory, so it must be small.
//! After the transaction, [`Inline::settle`] says what became of it. A model that does not stand right before the group
//! (another process appended, an event could not be folded, it grew too large) takes no part, and appends go on without
//! it; [`Inline::catch_up`] brings it back. [`keep`] does all of that as a task.
//!
//! Never here: failing an append. Statements that do not hold mean a transaction without them.

use crate::error::ReadError;
use crate::fold::{self, Entry, Projection, Row, Rows};
use crate::group::{self, Advanced, Place};
use crate::limits::{GROUP_EVENTS_MAX, INLINE_BYTES_MAX, PAUSE_MS};
use crate::rebuild::{dump, select};
use crate::statement::{Statement, Transaction, Value};
use crate::table::{self, Checkpoint, Rest, Spot};
use eventstore::{EventLog, InlineModels, InlineStatement, Recorded, Store};
use futures::TryStreamExt;
use secrets::KeyRing;
use sqlx::PgPool;
use std::{sync::Arc, time::Duration};
use tokio::{sync::Mutex, task::JoinHandle};
use tokio_postgres::types::ToSql;

/// Lets models move with the appends of this process from now on, until the task is aborted: when they drop out
/// (another process appended, an event could not be folded) it brings them to the end of the log and registers them
/// again.
pub fn keep(store: Store, inline: Inline) -> JoinHandle<()> {
    let shared = Arc::new(Mutex::new(inline));
    let mut dropped_out = store.register_inline(Box::new(Handle(shared.clone())));
    tokio::spawn(async move {
        while dropped_out.await.is_ok() {
            let mut inline = shared.lock().await;
            while let Err(error) = inline.catch_up(&store).await {
                tracing::warn!(%error, "inline read models cannot catch up yet");
                tokio::time::sleep(Duration::from_millis(PAUSE_MS)).await;
            }
            drop(inline);
            dropped_out = store.register_inline(Box::new(Handle(shared.clone())));
        }
    })
}

/// What the committer holds of them.
struct Handle(Arc<Mutex<Inline>>);

impl InlineModels for Handle {
    fn fold(&mut self, group: &[Recorded]) -> Option<Vec<InlineStatement>> {
        // Held by nobody else while they are registered.
        let mut inline = self.0.try_lock().ok()?;
        let moving = inline.models.iter().filter(|model| model.checkpoint.poison.is_none()).count();
        match inline.fold(group) {
            Ok(statements) if moving > 0 && statements.len() == moving => {
                Some(statements.into_iter().map(for_the_append).collect())
            }
            Ok(_) => {
                inline.settle(false);
                None
            }
            Err(error) => {
                tracing::warn!(%error, "inline read models cannot fold a group");
                inline.settle(false);
                None
            }
        }
    }

    fn settle(&mut self, recorded: bool) {
        if let Ok(mut inline) = self.0.try_lock() {
            inline.settle(recorded);
        }
    }
}

fn for_the_append(statement: Statement) -> InlineStatement {
    let values = statement.values.into_iter().map(|value| -> Box<dyn ToSql + Sync + Send> {
        match value {
            Value::Int8(value) => Box::new(value),
            Value::MaybeInt8(value) => Box::new(value),
            Value::Int4(value) => Box::new(value),
            Value::Text(value) => Box::new(value),
            Value::MaybeText(value) => Box::new(value),
            Value::Texts(value) => Box::new(value),
            Value::Int8s(value) => Box::new(value),
        }
    });
    InlineStatement { values: values.collect(), sql: statement.sql }
}

/// Inline models. Whoever appends holds it alone.
pub struct Inline {
    place: Place,
    models: Vec<Model>,
}

struct Model {
    projection: Arc<dyn Projection>,
    checkpoint: Checkpoint,
    /// All of them.
    rows: Rows,
    /// What it was before the group whose transaction is open.
    before: Option<Before>,
}

struct Before {
    checkpoint: Checkpoint,
    rows: Vec<(String, Option<Row>)>,
}

impl Inline {
    /// Makes tables that are missing, loads all rows and catches up. Refuses a model of more than [`INLINE_BYTES_MAX`].
    pub async fn start(
        store: &Store,
        pool: PgPool,
        keyring: KeyRing,
        projections: Vec<Arc<dyn Projection>>,
    ) -> Result<Self, ReadError> {
        table::prepare(&pool).await?;
        let place = Place { pool, rest: Rest { keyring } };
        let mut models = Vec::new();
        for projection in projections {
            models.push(Model::load(&place, projection).await?);
        }
        let mut inline = Self { place, models };
        inline.catch_up(store).await?;
        Ok(inline)
    }

    /// Names of the models, which no projector may keep besides.
    pub fn names(&self) -> Vec<&'static str> {
        self.models.iter().map(|model| model.projection.name()).collect()
    }

    /// The position that all of them have reached.
    pub fn position(&self) -> i64 {
        self.models.iter().map(|model| model.checkpoint.position).min().unwrap_or(i64::MAX)
    }

    /// Statements for the transaction that records `group`: contiguous events in order, with their positions. None: no
    /// model stands right before it.
    pub fn fold(&mut self, group: &[Recorded]) -> Result<Vec<Statement>, ReadError> {
        let entries: Vec<Entry> = group.iter().map(Entry::read).collect();
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Ok(vec![]) };
        let mut statements = Vec::new();
        for model in &mut self.models {
            if model.checkpoint.position + 1 == first.position && model.checkpoint.poison.is_none() {
                statements.extend(model.fold(&self.place.rest, &entries, last.position)?);
            }
        }
        Ok(statements)
    }

    /// What became of the transaction: recorded with the statements, or not.
    pub fn settle(&mut self, recorded: bool) {
        for model in &mut self.models {
            match recorded {
                true => model.before = None,
                false => model.undo(),
            }
        }
    }

    /// Brings models that are behind to the end of the log, each with transactions of its own. An event that cannot be
    /// folded stops its model, as it does with the projector.
    pub async fn catch_up(&mut self, store: &Store) -> Result<(), ReadError> {
        let place = self.place.clone();
        for model in &mut self.models {
            model.before = None;
            let stored = table::checkpoint(&place.pool, model.projection.name()).await?;
            if stored.as_ref().map(Checkpoint::place) != Some(model.checkpoint.place()) {
                *model = Model::load(&place, model.projection.clone()).await?;
            }
            while model.checkpoint.poison.is_none() {
                let page = store.read_from(model.checkpoint.position, GROUP_EVENTS_MAX).await?;
                let entries: Arc<[Entry]> = page.iter().map(Entry::read).collect();
                let Some(to) = entries.last().map(|entry| entry.position) else { break };
                let rows = std::mem::take(&mut model.rows);
                let (projection, from) = (&model.projection, &model.checkpoint);
                match group::advance(&place, projection, from, &entries, to, rows, usize::MAX).await {
                    Ok(Advanced { checkpoint, rows, .. }) => {
                        (model.checkpoint, model.rows) = (checkpoint, rows)
                    }
                    Err(error) => {
                        *model = Model::load(&place, model.projection.clone()).await?;
                        return Err(error);
                    }
                }
            }
        }
        Ok(())
    }
}

impl Model {
    async fn load(place: &Place, projection: Arc<dyn Projection>) -> Result<Self, ReadError> {
        table::begin(&place.pool, projection.as_ref(), None).await?;
        let spot = Spot::live(projection.as_ref());
        // Checkpoint and rows of one moment.
        let mut snapshot = place.pool.begin_with("begin isolation level repeatable read read only").await?;
        let checkpoint = table::checkpoint(&mut *snapshot, spot.name).await?;
        let checkpoint = checkpoint.ok_or(ReadError::Overtaken(spot.name))?;
        let (mut rows, mut bytes) = (Rows::default(), 0);
        let select = select(&spot);
        let mut stored = std::pin::pin!(dump(&mut snapshot, &place.rest, &spot, &select));
        while let Some((key, row)) = stored.try_next().await? {
            bytes += key.len() + row.doc.len();
            if bytes > INLINE_BYTES_MAX {
                return Err(ReadError::TooLarge { name: spot.name, bytes_max: INLINE_BYTES_MAX });
            }
            rows.load(key, Some(row));
        }
        Ok(Self { projection, checkpoint: Checkpoint { poison: None, ..checkpoint }, rows, before: None })
    }

    fn fold(&mut self, rest: &Rest, entries: &[Entry], to: i64) -> Result<Option<Statement>, ReadError> {
        let (keys, poison) = fold::touched(self.projection.as_ref(), entries);
        if poison.is_some() {
            return Ok(None);
        }
        let rows = keys.iter().map(|key| (key.clone(), self.rows.stored(key).cloned())).collect();
        keys.into_iter().for_each(|key| self.rows.load(key, None));
        let projection = self.projection.as_ref();
        let folded = group::fold_group(projection, &self.checkpoint, entries, to, None, &mut self.rows);
        self.before = Some(Before { checkpoint: self.checkpoint.clone(), rows });
        if folded.checkpoint.poison.is_some() || self.rows.weight() > INLINE_BYTES_MAX {
            self.undo();
            return Ok(None);
        }
        let from = std::mem::replace(&mut self.checkpoint, folded.checkpoint);
        let moved = (&from, &self.checkpoint);
        Statement::advance(projection, rest, moved, &folded.changes, Transaction::Appends).map(Some)
    }

    fn undo(&mut self) {
        if let Some(before) = self.before.take() {
            self.checkpoint = before.checkpoint;
            before.rows.into_iter().for_each(|(key, row)| self.rows.restore(key, row));
        }
    }
}

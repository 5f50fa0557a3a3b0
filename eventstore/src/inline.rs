//! Read models that move in the very transaction that appends the events, for those who must read what they wrote.
//!
//! Begin with [`Store::register_inline`]. The committer asks the models for statements for each group and runs them
//! behind its append, in one transaction and with one flush to disk. They never fail an append: if one of their
//! statements does not hold, the transaction is undone, the group is recorded without them, and they are handed back
//! to whoever registered them, to catch up and register again.
//!
//! It fits models that one process alone moves. What another process appends makes them drop out.

use crate::{store::Store, types::Recorded};
use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::oneshot;
use tokio_postgres::types::ToSql;

/// A statement for the transaction of an append. It answers with one row whose first column is a bigint: 1 if it holds.
pub struct InlineStatement {
    pub sql: String,
    pub values: Vec<Box<dyn ToSql + Sync + Send>>,
}

/// Models in memory that follow the log.
pub trait InlineModels: Send {
    /// Statements for the transaction that records `group`: contiguous events in order. `None`: they do not stand
    /// right before it, or cannot fold it.
    fn fold(&mut self, group: &[Recorded]) -> Option<Vec<InlineStatement>>;

    /// What became of that transaction. Called once after each [`InlineModels::fold`] that gave statements.
    fn settle(&mut self, recorded: bool);
}

/// Models on their way to the committer and back.
pub(crate) struct Registered {
    pub models: Box<dyn InlineModels>,
    back: oneshot::Sender<Box<dyn InlineModels>>,
}

impl Registered {
    pub fn hand_back(self) {
        // Nobody waits for them any more: then nobody needs them.
        let _ = self.back.send(self.models);
    }
}

/// Where models wait to be taken by the committer.
#[derive(Default)]
pub(crate) struct InlineDesk {
    waiting: Mutex<Option<Registered>>,
    wanted: AtomicBool,
}

impl InlineDesk {
    /// Whether payloads have to stay readable until they are recorded.
    pub fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Acquire)
    }

    pub fn take(&self) -> Option<Registered> {
        if !self.is_wanted() {
            return None;
        }
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Store {
    /// Lets these models move with every append of this process from now on. The receiver gets them back when they
    /// drop out, or an error when this store ends. One set at a time: a second takes the place of the first.
    pub fn register_inline(&self, models: Box<dyn InlineModels>) -> oneshot::Receiver<Box<dyn InlineModels>> {
        let (back, dropped_out) = oneshot::channel();
        let desk = &self.core().inline;
        let before =
            desk.waiting.lock().unwrap_or_else(PoisonError::into_inner).replace(Registered { models, back });
        desk.wanted.store(true, Ordering::Release);
        if let Some(before) = before {
            before.hand_back();
        }
        dropped_out
    }
}

//! The log as the Agent uses it: every append under the lease, every load a fold that is kept and carried on.

use crate::lease::Lease;
use domain::decider::Decider;
use domain::event::Category;
use eventstore::{AppendError, EventLog, HandleError, Meta, Store, StoreError, StreamId, decode};
use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

type Folds = HashMap<(TypeId, StreamId), (i64, Box<dyn Any + Send>)>;

#[derive(Clone)]
pub struct Log {
    pub store: Store,
    pub lease: Lease,
    folds: Arc<Mutex<Folds>>,
}

/// Why a command of the Agent was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("the log does not answer: {0}")]
    Unavailable(String),
    #[error("another agent holds the cluster")]
    Fenced,
    #[error("refused: {0}")]
    Refused(String),
}

impl From<StoreError> for LogError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl Log {
    pub fn new(store: Store, lease: Lease) -> Self {
        Self { store, lease, folds: Arc::default() }
    }

    /// The aggregate as it is now: the fold kept from last time, carried on by what was recorded since.
    pub async fn load<D: Decider>(&self, category: Category, id: Uuid) -> Result<D, LogError> {
        let stream = StreamId::new(category, id);
        let key = (TypeId::of::<D>(), stream);
        let kept = {
            let folds = self.folds.lock().unwrap_or_else(PoisonError::into_inner);
            folds.get(&key).and_then(|(version, state)| Some((*version, state.downcast_ref::<D>()?.clone())))
        };
        let (mut version, mut state) = kept.unwrap_or_default();
        for recorded in self.store.read_stream(stream, version + 1).await? {
            state = state.evolve(&decode(&recorded)?);
            version = recorded.version;
        }
        let mut folds = self.folds.lock().unwrap_or_else(PoisonError::into_inner);
        if folds.len() >= crate::limits::FOLDS_KEPT_MAX {
            folds.clear();
        }
        folds.insert(key, (version, Box::new(state.clone())));
        Ok(state)
    }

    /// Lets the aggregate decide and records what follows; answers with its new state.
    pub async fn handle<D: Decider>(
        &self,
        category: Category,
        id: Uuid,
        command: D::Command,
        correlation: Option<Uuid>,
    ) -> Result<D, LogError>
    where
        D::Command: Clone + Send + Sync,
        D::Refusal: Send,
    {
        let meta = Meta { actor: None, correlation, causation: None };
        let stream = StreamId::new(category, id);
        let lease = Some(self.lease.token());
        match self.store.handle_leased::<D>(stream, command, meta, None, lease).await {
            Ok(handled) => Ok(handled.state),
            Err(HandleError::Refused(refusal)) => Err(LogError::Refused(refusal.to_string())),
            Err(HandleError::Append(AppendError::Fenced { .. })) => {
                self.lease.give_up();
                Err(LogError::Fenced)
            }
            Err(error) => Err(LogError::Unavailable(error.to_string())),
        }
    }
}

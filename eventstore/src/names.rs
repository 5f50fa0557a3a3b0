//! Event type names and their stored numbers. A name that was given a number keeps it for ever.

use crate::{connect::Pool, error::StoreError};
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

/// The numbers known so far.
#[derive(Clone, Default)]
pub(crate) struct Names {
    by_id: HashMap<i16, Arc<str>>,
    by_name: HashMap<Arc<str>, i16>,
}

impl Names {
    pub fn name(&self, type_id: i16) -> Option<Arc<str>> {
        self.by_id.get(&type_id).cloned()
    }

    /// As they stand in the database now, whatever was known before.
    pub async fn stored(pool: &Pool) -> Result<Self, StoreError> {
        let rows =
            pool.query("reading event types", "select type_id, name from log.event_types", &[]).await?;
        let mut names = Self::default();
        for row in rows {
            let name: Arc<str> = row.get::<_, &str>(1).into();
            names.by_id.insert(row.get(0), name.clone());
            names.by_name.insert(name, row.get(0));
        }
        Ok(names)
    }
}

/// The table of names, loaded again when a number is new.
#[derive(Default)]
pub(crate) struct NameBook(RwLock<Arc<Names>>);

impl NameBook {
    pub fn known(&self) -> Arc<Names> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The number of a name, given now if it is new.
    pub async fn number(&self, pool: &Pool, name: &str) -> Result<(i16, Arc<str>), StoreError> {
        const ADD: &str = "insert into log.event_types (name) values ($1) on conflict (name) do nothing";
        for attempt in 0..3 {
            let known = if attempt == 0 { self.known() } else { self.reload(pool).await? };
            if let Some((name, id)) = known.by_name.get_key_value(name) {
                return Ok((*id, name.clone()));
            }
            if attempt == 1 {
                pool.query("naming an event type", ADD, &[&name]).await?;
            }
        }
        Err(StoreError::Malformed(format!("the event type {name} did not get a number")))
    }

    /// Names that cover these numbers if anything does: asks the database only when one is unknown.
    pub async fn covering(
        &self,
        pool: &Pool,
        mut type_ids: impl Iterator<Item = i16>,
    ) -> Result<Arc<Names>, StoreError> {
        let known = self.known();
        if type_ids.all(|id| known.by_id.contains_key(&id)) { Ok(known) } else { self.reload(pool).await }
    }

    async fn reload(&self, pool: &Pool) -> Result<Arc<Names>, StoreError> {
        let names = Arc::new(Names::stored(pool).await?);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = names.clone();
        Ok(names)
    }
}

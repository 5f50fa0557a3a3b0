//! How this process learns that the log has grown: at once from its own committer, by notification from other
//! processes, and every [`limits::POLL_MS`] by looking, in case a notification was lost.

use crate::{error::StoreError, limits, store::Core};
use std::{sync::Arc, time::Duration};
use tokio::sync::{mpsc, watch};

/// The last position known, for all who wait.
pub(crate) struct Tip(watch::Sender<i64>);

impl Default for Tip {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Tip {
    pub fn position(&self) -> i64 {
        *self.0.borrow()
    }

    pub fn saw(&self, position: i64) {
        self.0.send_if_modified(|known| {
            let grew = position > *known;
            *known = position.max(*known);
            grew
        });
    }

    pub async fn beyond(&self, position: i64) {
        // The sender lives as long as the borrow of self, so this cannot fail.
        let _ = self.0.subscribe().wait_for(|known| *known > position).await;
    }
}

/// Listens and looks.
pub(crate) struct Watcher {
    core: Arc<Core>,
    epoch: Option<i64>,
}

impl Watcher {
    pub fn new(core: Arc<Core>) -> Self {
        Self { core, epoch: None }
    }

    /// Runs until it is aborted.
    pub async fn run(mut self) {
        let mut reached = true;
        loop {
            let error = match self.listen().await {
                Ok(never) => match never {},
                Err(error) => error,
            };
            if std::mem::replace(&mut reached, false) {
                tracing::warn!(%error, "the database is out of reach; listening again when it is back");
            } else {
                tracing::debug!(%error, "the database is still out of reach");
            }
            let pause = limits::BACKOFF_MS_MIN + rand::random_range(0..limits::POLL_MS);
            tokio::time::sleep(Duration::from_millis(pause)).await;
            if self.look().await.is_ok() {
                reached = true;
            }
        }
    }

    async fn listen(&mut self) -> Result<std::convert::Infallible, StoreError> {
        let (notices, mut noticed) = mpsc::channel(1);
        let client = self.core.pool.connector().connect(Some(notices)).await?;
        client
            .batch_execute("listen mycopod_log")
            .await
            .map_err(|error| crate::error::database("listening", error))?;
        loop {
            self.look().await?;
            tokio::select! {
                notice = noticed.recv() => if notice.is_none() {
                    return Err(StoreError::Unavailable { doing: "listening", why: "the connection ended".into() });
                },
                () = tokio::time::sleep(Duration::from_millis(limits::POLL_MS)) => {}
            }
        }
    }

    async fn look(&mut self) -> Result<(), StoreError> {
        let rows =
            self.core.pool.query("reading the head", "select position, epoch from log.head", &[]).await?;
        let row = rows.first().ok_or(StoreError::NotMigrated)?;
        let epoch: i64 = row.get(1);
        if self.epoch.replace(epoch).is_some_and(|known| known != epoch) {
            self.core.forget();
        }
        self.core.tip.saw(row.get(0));
        Ok(())
    }
}

//! Observation: one picture of the cluster, and what changed since the last one.
//!
//! Begin with [`Observer::look`]. Absence needs proof (I9): a guest that a list no longer names is asked for by its own
//! address before it counts as gone.

use crate::api::Api;
use crate::log::{Log, LogError};
use domain::cluster::{Cluster, Command};
use domain::event::Category;
use domain::ids::CLUSTER;
use domain::plan::{Look, LookAt};
use std::sync::Arc;

#[derive(Clone)]
pub struct Observer {
    pub log: Log,
    pub api: Arc<Api>,
    /// One look at a time: a preview that waits takes what the other one saw.
    pub turn: Arc<tokio::sync::Mutex<()>>,
}

/// Why there is no picture, and what to do.
pub struct Trouble {
    pub why: String,
    pub advice: String,
}

impl From<LogError> for Trouble {
    fn from(error: LogError) -> Self {
        Self { why: error.to_string(), advice: "It is tried again by itself.".into() }
    }
}

impl Observer {
    /// Looks at everything and records the differences; answers with the cluster as it is now known.
    pub async fn look(&self) -> Result<Cluster, Trouble> {
        let _turn = self.turn.lock().await;
        let known: Cluster = self.log.load(Category::Cluster, CLUSTER).await?;
        let (mut seen, reads) = match self.api.observe(&known.name).await {
            Ok(picture) => picture,
            Err(error) => {
                let (why, advice) = (error.to_string(), error.advice());
                let command = Command::FailObservation { why: why.clone(), advice: advice.clone() };
                self.log.handle::<Cluster>(Category::Cluster, CLUSTER, command, None).await?;
                return Err(Trouble { why: format!("The cluster could not be read: {why}"), advice });
            }
        };
        let mut gone = Vec::new();
        let before = known.seen.map(|seen| seen.guests).unwrap_or_default();
        for (vmid, guest) in
            before.into_iter().filter(|(vmid, _)| !seen.guests.contains_key(vmid)).collect::<Vec<_>>()
        {
            let at = LookAt::Guest { vmid, kind: guest.kind, node: guest.node.clone() };
            match self.api.look(&at).await {
                Look::Absent => gone.push(vmid),
                Look::Guest(still) => {
                    seen.guests.insert(vmid, *still);
                }
                // Not known: what was seen last stays, and nothing is decided from it being away.
                _ => {
                    seen.guests.insert(vmid, guest);
                }
            }
        }
        let command = Command::Observe { seen: Box::new(seen), gone, reads };
        Ok(self.log.handle::<Cluster>(Category::Cluster, CLUSTER, command, None).await?)
    }
}

//! Observation: one picture of the cluster, and what changed since the last one.
//!
//! Begin with [`Observer::look`]. Absence needs proof (I9): a guest that a list no longer names is asked for by its own
//! address before it counts as gone.

use crate::api::Api;
use crate::log::{Log, LogError};
use domain::cluster::{Cluster, Command};
use domain::event::Category;
use domain::ids::{CLUSTER, Vmid};
use domain::observation::Observation;
use domain::plan::{Look, LookAt};
use std::collections::BTreeSet;
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

/// One look, with what is known about how good it is.
pub struct Picture {
    /// The cluster as it is known after the look.
    pub cluster: Cluster,
    pub seen: Observation,
    /// Guests that were really read. Others are kept from an earlier look.
    pub fresh: BTreeSet<Vmid>,
    /// Guests whose absence two different reads proved.
    pub gone: BTreeSet<Vmid>,
}

impl Observer {
    /// Looks at everything and records the differences; answers with the cluster as it is now known.
    pub async fn look(&self) -> Result<Cluster, Trouble> {
        self.sight().await.map(|picture| picture.cluster)
    }

    /// The same, with what was really read and what is proven absent.
    pub async fn sight(&self) -> Result<Picture, Trouble> {
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
        let mut gone = BTreeSet::new();
        let mut fresh: BTreeSet<Vmid> = seen.guests.keys().copied().collect();
        let before = known.seen.map(|seen| seen.guests).unwrap_or_default();
        for (vmid, guest) in
            before.into_iter().filter(|(vmid, _)| !seen.guests.contains_key(vmid)).collect::<Vec<_>>()
        {
            let at = LookAt::Guest { vmid, kind: guest.kind, node: guest.node.clone() };
            match self.api.look(&at).await {
                Look::Absent => {
                    gone.insert(vmid);
                }
                Look::Guest(still) => {
                    fresh.insert(vmid);
                    seen.guests.insert(vmid, *still);
                }
                // Not known: what was seen last stays, and nothing is decided from it being away.
                _ => {
                    seen.guests.insert(vmid, guest);
                }
            }
        }
        let missing = gone.iter().copied().collect();
        let command = Command::Observe { seen: Box::new(seen.clone()), gone: missing, reads };
        let cluster = self.log.handle::<Cluster>(Category::Cluster, CLUSTER, command, None).await?;
        Ok(Picture { cluster, seen, fresh, gone })
    }
}

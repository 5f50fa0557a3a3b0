//! Drift: after each look at the cluster, what differs from what our runs put in force.
//!
//! Begin with [`DriftWatch::check`]. A difference is recorded only when a second read of the very guest shows the same
//! value, no run is at work on it, and its node and the cluster can be believed; else nobody can tell, and that is said.
//! Who changed it is taken from the cluster's task list, where a task of another hand fits.
//!
//! Never here: changing anything. What is put back is a plan, approved by an Admin or by the owner's rule, carried out by
//! a run like any other.

mod index;
mod who;

pub use index::Index;

use crate::api::Api;
use crate::limits::{HEAL_REST_S, HEALS_PER_LOOK_MAX};
use crate::log::{Log, LogError};
use crate::processes::observation::{Observer, Picture, Trouble};
use chrono::{DateTime, TimeDelta, Utc};
use domain::cluster::{Cluster, Command};
use domain::drift::{self, Applied, Choice, Drift, Judged, Sight, put_back};
use domain::event::Category;
use domain::ids::{CLUSTER, RunId, SETTINGS};
use domain::plan::{Look, LookAt};
use domain::settings::Settings;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::Mutex;
use uuid::Uuid;

pub struct DriftWatch {
    log: Log,
    api: Arc<Api>,
    observer: Observer,
    index: Mutex<Index>,
    /// When a subject was last put back by itself.
    healed: Mutex<BTreeMap<String, DateTime<Utc>>>,
}

impl DriftWatch {
    pub fn new(log: Log, api: Arc<Api>, observer: Observer) -> Self {
        Self { log, api, observer, index: Mutex::default(), healed: Mutex::default() }
    }

    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Looks at the cluster and records what differs, what is settled, and what nobody can tell.
    pub async fn check(&self) -> Result<(), Trouble> {
        let mut index = self.index.lock().await;
        index.catch_up(&self.log.store).await.map_err(LogError::from)?;
        let before = index.at_work();
        let picture = self.observer.sight().await?;
        index.catch_up(&self.log.store).await.map_err(LogError::from)?;
        // Whatever a run touched while one looked is judged at the next look.
        let at_work: BTreeSet<String> =
            before.into_iter().chain(index.at_work()).chain(index.moved()).collect();
        let sight =
            Sight { seen: &picture.seen, fresh: &picture.fresh, gone: &picture.gone, at_work: &at_work };
        let mut judged = drift::judge(&index.applied, &sight);
        self.confirm(&index.applied, &picture, &mut judged).await;
        self.name_who(&index, &picture.cluster, &mut judged).await;
        let command = Command::NoteDrift { judged: Box::new(judged) };
        let cluster = self.log.handle::<Cluster>(Category::Cluster, CLUSTER, command, None).await?;
        self.put_back(&index.applied, &picture, &cluster).await?;
        Ok(())
    }

    /// Every new difference is read a second time, at its own address. What does not show again is no difference, and its
    /// subject is not judged.
    async fn confirm(&self, applied: &Applied, picture: &Picture, judged: &mut Judged) {
        let known = &picture.cluster.drift;
        let is_known = |found: &Drift| known.get(&found.key()).is_some_and(|k| k.observed == found.observed);
        let doubtful: BTreeSet<String> = judged
            .differences
            .iter()
            .filter(|found| !is_known(found))
            .map(|found| found.subject.clone())
            .collect();
        for subject in doubtful {
            let again = self.read_again(applied, picture, &subject).await;
            let first: Vec<&Drift> = judged.differences.iter().filter(|d| d.subject == subject).collect();
            let agree = again.as_ref().is_ok_and(|again| {
                let values = |drift: &Drift| (drift.field.clone(), drift.observed.clone());
                let (a, b): (Vec<_>, Vec<_>) =
                    (first.iter().map(|d| values(d)).collect(), again.iter().map(values).collect());
                a == b
            });
            if agree {
                continue;
            }
            judged.differences.retain(|found| found.subject != subject);
            judged.judged.remove(&subject);
            let why = match again {
                Ok(_) => "two reads in a row did not agree".to_owned(),
                Err(why) => why,
            };
            judged.unjudged.insert(subject, why);
        }
    }

    async fn read_again(
        &self,
        applied: &Applied,
        picture: &Picture,
        subject: &str,
    ) -> Result<Vec<Drift>, String> {
        let mut seen = picture.seen.clone();
        let (mut fresh, mut gone) = (BTreeSet::new(), BTreeSet::new());
        match subject.split_once('/') {
            Some(("guest", id)) => {
                let vmid = id.parse().map_err(|_| format!("{subject} has no number"))?;
                let wanted = applied.guests.get(&vmid).ok_or("nothing is in force for it")?;
                let node = seen.guests.get(&vmid).map_or(&wanted.node, |guest| &guest.node).clone();
                match self.api.look(&LookAt::Guest { vmid, kind: wanted.kind, node }).await {
                    Look::Guest(guest) => {
                        // Its pool is not part of its own configuration.
                        fresh.insert(vmid);
                        seen.guests.insert(vmid, *guest);
                    }
                    Look::Absent => {
                        gone.insert(vmid);
                    }
                    Look::CannotTell { why } => return Err(why),
                    _ => return Err("something else was looked at".into()),
                }
            }
            Some(("storage", id)) => match self.api.look(&LookAt::Storage { id: id.to_owned() }).await {
                Look::Storage(storage) => {
                    seen.storages.insert(id.to_owned(), storage);
                }
                Look::Absent => {
                    seen.storages.remove(id);
                }
                Look::CannotTell { why } => return Err(why),
                _ => return Err("something else was looked at".into()),
            },
            _ => return Err(format!("{subject} is not known")),
        }
        let at_work = BTreeSet::new();
        let sight = Sight { seen: &seen, fresh: &fresh, gone: &gone, at_work: &at_work };
        let again = drift::judge(applied, &sight);
        match again.unjudged.get(subject) {
            Some(why) => Err(why.clone()),
            None => Ok(again.differences.into_iter().filter(|drift| drift.subject == subject).collect()),
        }
    }

    async fn name_who(&self, index: &Index, cluster: &Cluster, judged: &mut Judged) {
        for found in &mut judged.differences {
            match cluster.drift.get(&found.key()) {
                // Known: when and who stay as they were first told.
                Some(known) if known.observed == found.observed => {
                    found.since = known.since;
                    found.by.clone_from(&known.by);
                    found.task.clone_from(&known.task);
                }
                _ => who::name(&self.api, index, cluster, found).await,
            }
        }
    }

    /// By the owner's rule: nothing, a proposal that waits for an Admin, or a proposal approved at once.
    async fn put_back(
        &self,
        applied: &Applied,
        picture: &Picture,
        cluster: &Cluster,
    ) -> Result<(), LogError> {
        let settings: Settings = self.log.load(Category::Settings, SETTINGS).await?;
        let choice = settings.rules.map_or(Choice::Report, |rules| rules.drift);
        if choice == Choice::Report {
            return Ok(());
        }
        let now = Utc::now();
        let wanted = |drift: &&Drift| {
            !cluster.left_alone.get(&drift.key()).is_some_and(|left| left.covers(drift, now))
        };
        let open: Vec<&Drift> = cluster.drift.values().filter(wanted).collect();
        let guests: BTreeSet<u32> = open.iter().filter_map(|drift| drift.vmid).collect();
        let mut heals = 0;
        for vmid in guests.into_iter().filter(|vmid| picture.fresh.contains(vmid)) {
            let subject = drift::guest(vmid);
            let (Some(wanted), Some(seen)) = (applied.guests.get(&vmid), picture.seen.guests.get(&vmid))
            else {
                continue;
            };
            let Some(plan) = put_back::plan(wanted, seen, &open, &picture.seen) else { continue };
            // The same calls for the same guest are one proposal, whenever they were worked out.
            let proposed = cluster.put_backs.get(&subject);
            let digest = match proposed.filter(|known| known.plan.steps == plan.steps) {
                Some(known) => known.digest.clone(),
                None => {
                    let digest = plan.digest();
                    let command = Command::ProposePutBack { subject: subject.clone(), plan: Box::new(plan) };
                    self.log.handle::<Cluster>(Category::Cluster, CLUSTER, command, None).await?;
                    digest
                }
            };
            if choice == Choice::Heal && heals < HEALS_PER_LOOK_MAX && self.may_heal(&subject, cluster).await
            {
                heals += 1;
                let run = RunId(Uuid::now_v7());
                let command = Command::ApprovePutBack { by: None, subject, digest, run };
                self.log.handle::<Cluster>(Category::Cluster, CLUSTER, command, None).await?;
            }
        }
        Ok(())
    }

    async fn may_heal(&self, subject: &str, cluster: &Cluster) -> bool {
        if cluster.frozen.is_some() {
            return false;
        }
        let mut healed = self.healed.lock().await;
        let now = Utc::now();
        if healed.get(subject).is_some_and(|last| now - *last < TimeDelta::seconds(HEAL_REST_S)) {
            tracing::warn!(subject, "it was put back lately and differs again; a person has to look");
            return false;
        }
        healed.insert(subject.to_owned(), now);
        true
    }
}

//! A preview: read the cluster, understand the text, check the answer, plan.
//!
//! Begin with [`Previews::run`]. Each stage is an event, so the page can show words and seconds. Whatever goes wrong ends
//! the preview with a reason; a preview that was cancelled or overtaken adds nothing.

use crate::limits::VERSIONS_BACK_MAX;
use crate::log::{Log, LogError};
use crate::processes::observation::Observer;
use chrono::Utc;
use domain::cluster::Cluster;
use domain::declaration::{Command, Declaration, Failure, Stage, Status};
use domain::event::Category;
use domain::facts_from::facts;
use domain::ids::{DeclarationId, SETTINGS, Vmid};
use domain::interpretation::{Interpretation, Kind, rules};
use domain::observation::Observation;
use domain::plan::planner;
use domain::settings::{Rules, Settings};
use interpreter::{Context, Interpreter};
use std::collections::{BTreeMap, btree_map};
use std::sync::Arc;
use std::time::Instant;

#[derive(Clone)]
pub struct Previews {
    pub log: Log,
    pub observer: Observer,
    pub interpreter: Arc<dyn Interpreter>,
}

/// What a preview is made from.
struct Ground {
    cluster: Cluster,
    seen: Observation,
    rules: Rules,
}

impl Previews {
    /// Makes the preview that is asked for, if it still is.
    pub async fn run(&self, id: DeclarationId) -> Result<(), LogError> {
        let declaration: Declaration = self.log.load(Category::Declaration, id.0).await?;
        let Status::Previewing { preview, .. } = declaration.status else { return Ok(()) };
        self.tell(id, Command::Advance { preview, stage: Stage::Reading }).await?;
        let ground = match self.ground().await {
            Ok(ground) => ground,
            Err(failure) => return self.tell(id, Command::Fail { preview, failure }).await.map(drop),
        };
        let facts = facts(&ground.seen, &ground.cluster, &ground.rules);
        let declaration = self.tell(id, Command::Advance { preview, stage: Stage::Interpreting }).await?;
        let begun = Instant::now();
        let family = self.family(id, &declaration).await?;
        let own_guests = self.own_guests(&ground, &family, &declaration.text).await?;
        let context = Context { answers: &declaration.answers, own_guests: &own_guests };
        let interpretation = self.interpreter.interpret(&declaration.text, &facts, &context).await;
        let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let interpreter = self.interpreter.identity();
        self.tell(
            id,
            Command::Interpreted {
                preview,
                interpreter: interpreter.clone(),
                interpretation: Box::new(interpretation.clone()),
                took_ms,
            },
        )
        .await?;
        self.tell(id, Command::Advance { preview, stage: Stage::Checking }).await?;
        let violations =
            rules::check_answered(&interpretation, &declaration.text, &facts, &declaration.answers);
        if let Some(violation) = violations.first() {
            let text = format!("The answer breaks rule {:?}: {}", violation.rule, violation.why);
            let advice =
                "Nothing is planned from an answer that does not hold. Say it in other words.".to_owned();
            let failure = Failure::NoPlan { text, advice };
            return self.tell(id, Command::Fail { preview, failure }).await.map(drop);
        }
        match interpretation.kind {
            Kind::Question => {
                let questions = interpretation.questions;
                self.tell(id, Command::Ask { preview, questions }).await.map(drop)
            }
            Kind::Refusal => {
                let failure = refusal(interpretation);
                self.tell(id, Command::Fail { preview, failure }).await.map(drop)
            }
            Kind::Desired => {
                self.tell(id, Command::Advance { preview, stage: Stage::Planning }).await?;
                let others = self.others(&ground.cluster, &family).await?;
                let request = planner::Request {
                    declaration: id,
                    number: declaration.plans + 1,
                    made_at: Utc::now(),
                    text: &declaration.text,
                    desired: &interpretation,
                    interpreter: &interpreter,
                    cluster: &ground.cluster,
                    seen: &ground.seen,
                    rules: &ground.rules,
                    others: &others,
                };
                let command = match planner::plan(&request) {
                    Ok(plan) => Command::Propose { preview, plan: Box::new(plan) },
                    Err(planner::NoPlan { text, advice }) => {
                        Command::Fail { preview, failure: Failure::NoPlan { text, advice } }
                    }
                };
                self.tell(id, command).await.map(drop)
            }
        }
    }

    /// This declaration, the one that it is a new version of, the one before that.
    async fn family(
        &self,
        id: DeclarationId,
        declaration: &Declaration,
    ) -> Result<Vec<DeclarationId>, LogError> {
        let (mut family, mut before) = (vec![id], declaration.follows);
        while let Some(earlier) = before.filter(|earlier| !family.contains(earlier)) {
            if family.len() >= VERSIONS_BACK_MAX {
                break;
            }
            family.push(earlier);
            before = self.log.load::<Declaration>(Category::Declaration, earlier.0).await?.follows;
        }
        Ok(family)
    }

    /// Guests that this declaration or an earlier version of it made, or another declaration of the very same words: so
    /// that the same text again finds what it made.
    async fn own_guests(
        &self,
        ground: &Ground,
        family: &[DeclarationId],
        text: &str,
    ) -> Result<Vec<Vmid>, LogError> {
        let mut own = Vec::new();
        let mut same_words: BTreeMap<DeclarationId, bool> = family.iter().map(|id| (*id, true)).collect();
        for vmid in ground.cluster.claims.keys().copied().filter(|vmid| ground.seen.guests.contains_key(vmid))
        {
            let Some(maker) = ground.cluster.maker(vmid) else { continue };
            if let btree_map::Entry::Vacant(entry) = same_words.entry(maker) {
                let other: Declaration = self.log.load(Category::Declaration, maker.0).await?;
                entry.insert(other.text == text);
            }
            if same_words.get(&maker) == Some(&true) {
                own.push(vmid);
            }
        }
        Ok(own)
    }

    /// What this declaration or the version before it said when it was carried out last, and others that made or adopted
    /// guests of ours. Versions older than that say nothing any more.
    async fn others(
        &self,
        cluster: &Cluster,
        family: &[DeclarationId],
    ) -> Result<Vec<planner::Other>, LogError> {
        let mut makers: Vec<DeclarationId> = cluster
            .claims
            .keys()
            .filter_map(|vmid| cluster.maker(*vmid))
            .filter(|maker| !family.contains(maker))
            .collect();
        makers.sort_unstable();
        makers.dedup();
        let mut others = Vec::new();
        let known = family.iter().map(|id| (*id, true)).chain(makers.into_iter().map(|id| (id, false)));
        for (maker, own) in known {
            if own && !others.is_empty() {
                continue;
            }
            let other: Declaration = self.log.load(Category::Declaration, maker.0).await?;
            if let Some((_, plan)) = other.committed {
                others.push(planner::Other { title: other.title, own, desired: plan.desired });
            }
        }
        Ok(others)
    }

    async fn tell(&self, id: DeclarationId, command: Command) -> Result<Declaration, LogError> {
        self.log.handle::<Declaration>(Category::Declaration, id.0, command, Some(id.0)).await
    }

    /// The rules and a fresh picture; none means a failure that says what to do.
    async fn ground(&self) -> Result<Ground, Failure> {
        let unavailable = |error: LogError| Failure::Unavailable {
            text: error.to_string(),
            advice: "Try the preview again in a moment.".into(),
        };
        let settings: Settings = self.log.load(Category::Settings, SETTINGS).await.map_err(unavailable)?;
        let Some(rules) = settings.rules else {
            return Err(Failure::Unavailable {
                text: "No rules are set yet, so there is nothing to plan by.".into(),
                advice: "An Admin sets them in Settings, Rules.".into(),
            });
        };
        // Always a fresh picture: a plan made from what was there before the last run would do it again.
        let cluster = self
            .observer
            .look()
            .await
            .map_err(|trouble| Failure::Unavailable { text: trouble.why, advice: trouble.advice })?;
        match cluster.seen.clone() {
            Some(seen) => Ok(Ground { cluster, seen: *seen, rules: *rules }),
            None => Err(Failure::Unavailable {
                text: "The cluster was never seen.".into(),
                advice: "Check the Proxmox connection in Settings.".into(),
            }),
        }
    }
}

fn refusal(interpretation: Interpretation) -> Failure {
    match interpretation.refusal {
        Some(refusal) => Failure::Refused { reason: refusal.reason, text: refusal.text },
        None => Failure::NoPlan {
            text: "The text was refused without a reason.".into(),
            advice: "Say it in other words.".into(),
        },
    }
}

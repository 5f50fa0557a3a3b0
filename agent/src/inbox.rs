//! What is open: an index of the log that tells each process where to look.
//!
//! Wake-ups carry no payload: a process that is woken loads the stream and decides from its fold, so an index that
//! is behind or was built twice does no harm. Built from the beginning of the log at each start.

use domain::event::Category;
use domain::ids::{DeclarationId, RunId};
use domain::{canonical::Digest, cluster, repository, run, settings};
use eventstore::{EventLog, Recorded, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A verified commit whose plan is to be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    pub position: i64,
    pub commit: String,
    pub declaration: DeclarationId,
    pub plan: Digest,
}

impl Start {
    pub fn run(&self) -> RunId {
        run::id_for(self.declaration, &self.commit, &self.plan)
    }
}

/// What is open as of one position of the log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Open {
    pub position: i64,
    /// Everything that stood in the log when the Agent started has been read.
    pub caught_up: bool,
    pub previews: BTreeSet<DeclarationId>,
    pub commits: BTreeSet<DeclarationId>,
    /// Started and neither over nor paused.
    pub runs: BTreeSet<RunId>,
    /// Started and paused: nothing else starts before a person decided.
    pub paused: BTreeSet<RunId>,
    pub starts: BTreeMap<i64, Start>,
    /// Runs whose way back was approved and has not started.
    pub undos: BTreeMap<i64, (RunId, RunId)>,
    /// Guests that are to be put back as declared: subject and the run that does it.
    pub put_backs: BTreeMap<i64, (String, RunId)>,
    /// Credentials that are to be tried.
    pub trials: BTreeSet<String>,
    /// Grows when the repository should be looked at without waiting for the timer.
    pub nudges: u64,
    /// Grows when the cluster should be looked at without waiting for the timer.
    pub observe: u64,
}

impl Open {
    /// Whether a run waits to be started.
    pub fn has_starts(&self) -> bool {
        !(self.starts.is_empty() && self.undos.is_empty() && self.put_backs.is_empty())
    }

    fn note(&mut self, event: &Recorded) {
        self.position = event.position;
        let id = event.stream.id;
        match (event.stream.category, &*event.type_name) {
            (Category::Declaration, "declaration.preview_requested") => {
                self.previews.insert(DeclarationId(id));
            }
            (
                Category::Declaration,
                "declaration.plan_proposed" | "declaration.preview_failed" | "declaration.question_asked",
            ) => {
                self.previews.remove(&DeclarationId(id));
            }
            (Category::Declaration, "declaration.commit_requested") => {
                self.commits.insert(DeclarationId(id));
            }
            (Category::Declaration, "declaration.commit_failed") => {
                self.commits.remove(&DeclarationId(id));
            }
            (Category::Declaration, "declaration.declaration_committed") => {
                self.commits.remove(&DeclarationId(id));
                self.nudges += 1;
            }
            (Category::Run, "run.started") => {
                self.starts.retain(|_, start| start.run().0 != id);
                self.undos.retain(|_, (_, run)| run.0 != id);
                self.put_backs.retain(|_, (_, run)| run.0 != id);
                self.runs.insert(RunId(id));
            }
            (Category::Run, "run.resumed" | "run.step_retried") => {
                self.paused.remove(&RunId(id));
                self.runs.insert(RunId(id));
            }
            (Category::Run, "run.paused") => {
                self.runs.remove(&RunId(id));
                self.paused.insert(RunId(id));
            }
            // Whoever carries it out sees that nothing more is wanted, and ends it.
            (Category::Run, "run.stop_requested") if self.paused.contains(&RunId(id)) => {
                self.runs.insert(RunId(id));
            }
            (Category::Run, "run.undo_approved") => {
                if let Ok(run::Event::UndoApproved { digest, .. }) = eventstore::decode(event) {
                    let undone = RunId(id);
                    self.undos.insert(event.position, (undone, run::undo_id(undone, &digest)));
                }
            }
            (Category::Cluster, "cluster.put_back_approved") => {
                if let Ok(cluster::Event::PutBackApproved { subject, run, .. }) = eventstore::decode(event) {
                    self.put_backs.insert(event.position, (subject, run));
                }
            }
            (Category::Run, "run.completed" | "run.stopped") => {
                self.runs.remove(&RunId(id));
                self.paused.remove(&RunId(id));
                self.observe += 1;
            }
            (Category::Repository, "repository.refresh_requested") => {
                self.nudges += 1;
                self.observe += 1;
            }
            (Category::Settings, "settings.credential_test_requested" | "settings.credential_tested") => {
                match eventstore::decode(event) {
                    Ok(settings::Event::CredentialTestRequested { name, .. }) => {
                        self.trials.insert(name);
                    }
                    Ok(settings::Event::CredentialTested { name, .. }) => {
                        self.trials.remove(&name);
                    }
                    _ => {}
                }
            }
            (Category::Repository, "repository.quarantine_decided") => self.nudges += 1,
            (Category::Repository, "repository.commit_seen") => self.note_commit(event),
            _ => {}
        }
    }

    fn note_commit(&mut self, event: &Recorded) {
        let Ok(repository::Event::CommitSeen {
            commit,
            declaration: Some(declaration),
            plan: Some(plan),
            ..
        }) = eventstore::decode::<repository::Event>(event)
        else {
            return;
        };
        let position = event.position;
        self.starts.insert(position, Start { position, commit, declaration, plan });
    }
}

/// Follows the log and publishes what is open until `stop`.
pub async fn follow(
    store: Store,
    open: watch::Sender<Open>,
    stop: CancellationToken,
) -> Result<(), StoreError> {
    let head = store.head().await?.position;
    let mut subscription = store.subscribe(0);
    if head == 0 {
        open.send_modify(|open| open.caught_up = true);
    }
    loop {
        let events = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            events = subscription.next() => events?,
        };
        open.send_modify(|open| {
            for event in &events {
                open.note(event);
            }
            open.caught_up |= open.position >= head;
        });
    }
}

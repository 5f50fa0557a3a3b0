//! Starting the Agent and keeping its process managers awake.

use crate::api::Api;
use crate::drift::DriftWatch;
use crate::inbox::{self, Open};
use crate::keys::{Desk, Keeper, Keys, Settled, Trials};
use crate::lease::Lease;
use crate::limits::{LAST_SEAL_SECONDS_MAX, PROCESS_PAUSE};
use crate::log::{Log, LogError};
use crate::processes::observation::Observer;
use crate::processes::preview::Previews;
use crate::processes::publication::Publication;
use crate::processes::reconciliation::Reconciliation;
use crate::processes::watch::Watch;
use crate::repository::Repository;
use domain::event::Category;
use domain::ids::SETTINGS;
use domain::settings::Settings;
use eventstore::{Export, Store, StoreError};
use interpreter::Interpreter;
use secrets::SigningKey;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Everything the Agent is made of; the command line builds it from the configuration and the key files.
pub struct Config {
    pub store: Store,
    pub api: Api,
    pub repository: Arc<dyn Repository>,
    pub interpreter: Arc<dyn Interpreter>,
    /// How this agent is called in the lease: host and process.
    pub holder: String,
    /// Signs checkpoints of the log while the Agent works; none where another one does.
    pub sealing: Option<Sealing>,
    /// The credentials; none where nothing keeps them in step with the log.
    pub keys: Option<Keys>,
}

/// What checkpoints of the log are signed with, and where they are written down outside the database.
pub struct Sealing {
    pub key: SigningKey,
    pub export: Export,
}

#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("another agent took over the cluster")]
    Fenced,
    #[error("a process of the agent ended: {0}")]
    Ended(String),
}

pub struct Agent {
    log: Log,
    api: Arc<Api>,
    repository: Arc<dyn Repository>,
    interpreter: Arc<dyn Interpreter>,
    sealing: Option<Sealing>,
    keys: Option<Keys>,
    stop: CancellationToken,
}

impl Agent {
    /// Waits for the lease, then works until `stop`, until the lease is lost, or, with `once`, until nothing is open.
    pub async fn start(config: Config, stop: CancellationToken, once: bool) -> Result<(), AgentError> {
        let Some(lease) = Lease::hold(&config.store, &config.holder, stop.clone()).await? else {
            return Ok(());
        };
        let agent = Self {
            log: Log::new(config.store, lease),
            api: Arc::new(config.api),
            repository: config.repository,
            interpreter: config.interpreter,
            sealing: config.sealing,
            keys: config.keys,
            stop,
        };
        agent.work(once).await
    }

    async fn work(self, once: bool) -> Result<(), AgentError> {
        let (open_tx, open) = watch::channel(Open::default());
        let lost = self.log.lease.lost().clone();
        let observer = Observer {
            log: self.log.clone(),
            api: self.api.clone(),
            turn: Arc::new(tokio::sync::Mutex::new(())),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(follow(self.log.store.clone(), open_tx, lost.clone()));
        let drift = DriftWatch::new(self.log.clone(), self.api.clone(), observer.clone());
        tasks.spawn(observing(drift, open.clone(), lost.clone()));
        tasks.spawn(previewing(
            Previews {
                log: self.log.clone(),
                observer: observer.clone(),
                interpreter: self.interpreter.clone(),
            },
            open.clone(),
            lost.clone(),
        ));
        let publication = Publication { log: self.log.clone(), repository: self.repository.clone() };
        tasks.spawn(publishing(publication, open.clone(), lost.clone()));
        let watch = Watch::new(self.log.clone(), self.repository.clone());
        tasks.spawn(watching(watch, open.clone(), lost.clone()));
        let reconciliation = Reconciliation { log: self.log.clone(), api: self.api.clone() };
        tasks.spawn(reconciling(reconciliation, open.clone(), lost.clone()));
        if let Some(keys) = self.keys {
            let keeper = Keeper::new(self.log.clone(), keys.folder, keys.changed);
            let trials = Trials {
                keeper: keeper.clone(),
                api: self.api.clone(),
                repository: self.repository.clone(),
                interpreter: self.interpreter.clone(),
                in_use: keys.in_use,
            };
            tasks.spawn(trying(trials, open.clone(), lost.clone()));
            tasks.spawn(keeping(keeper, keys.receiver, lost.clone()));
        }
        let sealing = self.sealing.map(Arc::new);
        if let Some(sealing) = sealing.clone() {
            tasks.spawn(seal(self.log.store.clone(), sealing));
        }
        tracing::info!(repository = self.repository.describe(), "the agent works");
        let ended = tokio::select! {
            () = self.stop.cancelled() => None,
            () = idle(open, once) => {
                self.stop.cancel();
                None
            }
            () = lost.cancelled() => Some(AgentError::Fenced),
            ended = tasks.join_next() => match ended {
                _ if self.stop.is_cancelled() => None,
                _ if lost.is_cancelled() => Some(AgentError::Fenced),
                Some(Ok(Err(error))) => Some(error),
                other => Some(AgentError::Ended(format!("{other:?}"))),
            },
        };
        // A call in flight is let go: its intent is in the log, and the next start settles it by looking.
        self.log.lease.give_up();
        tasks.shutdown().await;
        if let Some(sealing) = sealing
            && ended.is_none()
        {
            seal_the_rest(&self.log.store, &sealing).await;
        }
        match ended {
            Some(error) if !self.stop.is_cancelled() => Err(error),
            _ => Ok(()),
        }
    }
}

type Work = Result<(), AgentError>;

async fn follow(store: Store, open: watch::Sender<Open>, lost: CancellationToken) -> Work {
    Ok(inbox::follow(store, open, lost).await?)
}

/// The folder is looked at, and what the UI hands over is taken in.
async fn keeping(keeper: Keeper, receiver: Option<handover::Receiver>, lost: CancellationToken) -> Work {
    // Before the first order: what is there already is known and recorded.
    if let Err(error) = keeper.look(Settled::Everything).await {
        tracing::error!(%error, "the credentials cannot be looked at");
    }
    let taking = async {
        match receiver {
            Some(receiver) => receiver.run(Arc::new(Desk(keeper.clone())), lost.clone()).await,
            None => lost.cancelled().await,
        }
    };
    tokio::select! {
        () = keeper.keep() => {}
        () = taking => {}
    }
    lost.cancelled().await;
    Ok(())
}

/// Trouble with sealing stops nothing else: it is logged, and verification tells what is not sealed.
async fn seal(store: Store, sealing: Arc<Sealing>) -> Work {
    store.keep_sealing(&sealing.key, &sealing.export).await;
    Ok(())
}

/// An agent that stops in good order leaves nothing unsealed behind it. It does not wait long for a database that
/// stops as well: the next start seals what is left.
async fn seal_the_rest(store: &Store, sealing: &Sealing) {
    let rest = async {
        store.seal(&sealing.key, true).await?;
        sealing.export.catch_up(store).await
    };
    match tokio::time::timeout(Duration::from_secs(LAST_SEAL_SECONDS_MAX), rest).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the newest events are left unsealed"),
        Err(_) => tracing::warn!("the newest events are left unsealed: the database does not answer"),
    }
}

/// Waits until the open work satisfies `ready`; none when the Agent ends.
async fn woken(
    open: &mut watch::Receiver<Open>,
    lost: &CancellationToken,
    ready: impl Fn(&Open) -> bool,
) -> Option<Open> {
    tokio::select! {
        () = lost.cancelled() => None,
        open = open.wait_for(|open| open.caught_up && ready(open)) => open.ok().map(|open| open.clone()),
    }
}

/// An error is told once, where it is handled; then the process pauses and looks again.
async fn rested(what: &str, outcome: Result<(), LogError>, lost: &CancellationToken) -> Work {
    match outcome {
        Ok(()) => Ok(()),
        Err(LogError::Fenced) if lost.is_cancelled() => Err(AgentError::Fenced),
        Err(error) => {
            tracing::warn!(%error, "{what} has to wait");
            pause(PROCESS_PAUSE, lost).await;
            Ok(())
        }
    }
}

async fn pause(time: Duration, lost: &CancellationToken) {
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        () = lost.cancelled() => {}
    }
}

async fn previewing(previews: Previews, mut open: watch::Receiver<Open>, lost: CancellationToken) -> Work {
    while let Some(work) = woken(&mut open, &lost, |open| !open.previews.is_empty()).await {
        for id in &work.previews {
            rested("a preview", previews.run(*id).await, &lost).await?;
        }
        open_changed(&mut open, &work, &lost).await;
    }
    Ok(())
}

async fn trying(trials: Trials, mut open: watch::Receiver<Open>, lost: CancellationToken) -> Work {
    while let Some(work) = woken(&mut open, &lost, |open| !open.trials.is_empty()).await {
        for name in &work.trials {
            rested("a test of a credential", trials.run(name).await, &lost).await?;
        }
        open_changed(&mut open, &work, &lost).await;
    }
    Ok(())
}

async fn publishing(
    publication: Publication,
    mut open: watch::Receiver<Open>,
    lost: CancellationToken,
) -> Work {
    while let Some(work) = woken(&mut open, &lost, |open| !open.commits.is_empty()).await {
        for id in &work.commits {
            rested("a commit", publication.run(*id).await, &lost).await?;
        }
        open_changed(&mut open, &work, &lost).await;
    }
    Ok(())
}

async fn reconciling(
    process: Reconciliation,
    mut open: watch::Receiver<Open>,
    lost: CancellationToken,
) -> Work {
    let has_work = |open: &Open| !open.runs.is_empty() || (open.has_starts() && open.paused.is_empty());
    while let Some(work) = woken(&mut open, &lost, has_work).await {
        rested("a run", process.run(&work).await.map(drop), &lost).await?;
        open_changed(&mut open, &work, &lost).await;
    }
    Ok(())
}

/// The repository is looked at on the timer of the rules, and at once when somebody asks or a commit of ours was made.
async fn watching(process: Watch, mut open: watch::Receiver<Open>, lost: CancellationToken) -> Work {
    let mut nudges = None;
    while let Some(work) = woken(&mut open, &lost, |_| true).await {
        let every = interval(&process.log, |rules| rules.poll_interval_s).await;
        let every = every.map(|every| spread(every, rand::random()));
        if nudges == Some(work.nudges) {
            wait_for_change(&mut open, every, &lost, |open| open.nudges != work.nudges).await;
        }
        let nudged = open.borrow().nudges;
        nudges = Some(nudged);
        rested("the look at the repository", process.poll().await, &lost).await?;
    }
    Ok(())
}

/// The cluster is observed, and compared with what is in force, on the timer of the rules, after each run, and when somebody asks.
async fn observing(drift: DriftWatch, mut open: watch::Receiver<Open>, lost: CancellationToken) -> Work {
    let mut asked = None;
    while let Some(work) = woken(&mut open, &lost, |_| true).await {
        let every = interval(drift.log(), |rules| rules.observe_interval_s).await;
        if asked == Some(work.observe) {
            wait_for_change(&mut open, every, &lost, |open| open.observe != work.observe).await;
        }
        asked = Some(open.borrow().observe);
        if lost.is_cancelled() {
            break;
        }
        if let Err(trouble) = drift.check().await {
            tracing::warn!(why = trouble.why, "the cluster could not be observed");
            pause(PROCESS_PAUSE, &lost).await;
        }
    }
    Ok(())
}

/// Waits until the index has moved on from what was worked on, so that nothing is done twice for one wake-up.
async fn open_changed(open: &mut watch::Receiver<Open>, worked: &Open, lost: &CancellationToken) {
    tokio::select! {
        () = lost.cancelled() => {}
        _ = open.wait_for(|open| open.position > worked.position) => {}
        () = tokio::time::sleep(PROCESS_PAUSE) => {}
    }
}

async fn wait_for_change(
    open: &mut watch::Receiver<Open>,
    every: Option<Duration>,
    lost: &CancellationToken,
    changed: impl Fn(&Open) -> bool,
) {
    let timer = async {
        match every {
            Some(every) => tokio::time::sleep(every).await,
            // 0 in the rules really means never by itself.
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = lost.cancelled() => {}
        () = timer => {}
        _ = open.wait_for(|open| changed(open)) => {}
    }
}

async fn interval(log: &Log, of: impl Fn(&domain::settings::Rules) -> u32) -> Option<Duration> {
    let settings: Result<Settings, _> = log.load(Category::Settings, SETTINGS).await;
    let seconds = settings.ok().and_then(|settings| settings.rules).map_or(30, |rules| of(&rules));
    (seconds > 0).then(|| Duration::from_secs(seconds.into()))
}

/// Up to a tenth shorter or longer, so that many agents do not ask one server in step; `chance` is from 0 to 1.
fn spread(every: Duration, chance: f64) -> Duration {
    every.mul_f64(0.9 + 0.2 * chance.clamp(0.0, 1.0))
}

/// Ends when nothing is left to do; never unless that was asked for.
async fn idle(mut open: watch::Receiver<Open>, once: bool) {
    let nothing_left = |open: &Open| {
        open.caught_up
            && open.previews.is_empty()
            && open.commits.is_empty()
            && open.runs.is_empty()
            && open.trials.is_empty()
            && (!open.has_starts() || !open.paused.is_empty())
    };
    if !once || open.wait_for(nothing_left).await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_spread_by_a_tenth_and_no_more() {
        let every = Duration::from_secs(30);
        let seconds: Vec<u64> =
            [0.0, 0.5, 1.0, 7.0].iter().map(|chance| spread(every, *chance).as_secs()).collect();
        assert_eq!(seconds, [27, 30, 33, 33]);
    }
}

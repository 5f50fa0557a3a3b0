//! The group committer: one task that records everything queued, a group at a time.
//!
//! It takes all appends that wait, checks them against the stream versions it remembers ([`group`]), and sends
//! one statement ([`statement`]) that swaps the head row and inserts the group: one round trip, one flush to
//! disk, however many appends. While that flush runs the next group gathers, so there is no timer.
//!
//! Another process may append too. Whoever loses the swap gets nothing recorded, catches up with what the
//! other did, and tries again. If the connection breaks while a group is being answered, its outcome is looked
//! up by its place and hash in the chain before anything else happens; it is never simply sent again.
//!
//! Never here: two groups in flight, and an answer before the group is durable.

mod group;
mod request;
mod session;
mod statement;

use crate::{
    error::{AppendError, StoreError},
    limits,
    store::Core,
};
use group::{Group, Plan};
use request::replay;
pub(crate) use request::{Body, Envelope, Request};
use session::{Known, Refusal, Session};
use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// The tries of one group.
#[derive(Default)]
struct Tries {
    /// Counts lost swaps as one each and refused statements as more, up to [`limits::SWAPS_LOST_MAX`].
    used: u32,
    /// A sending of this group whose answer was lost.
    unsettled: Option<Plan>,
}

impl Tries {
    fn explain(&self, error: StoreError) -> AppendError {
        match self.unsettled {
            None => error.into(),
            Some(_) => AppendError::OutcomeUnknown { why: error.to_string() },
        }
    }
}

enum Settled {
    Nothing,
    Recorded(Plan),
    SendAgain(Plan),
}

type GaveUp = (Vec<Request>, AppendError);

pub(crate) struct Committer {
    core: Arc<Core>,
    queue: mpsc::Receiver<Request>,
    waiting: VecDeque<Request>,
    session: Option<Session>,
    known: Known,
    notified: Instant,
    notify_owed: bool,
    outage_since: Option<Instant>,
}

impl Committer {
    pub fn new(core: Arc<Core>, queue: mpsc::Receiver<Request>) -> Self {
        Self {
            core,
            queue,
            waiting: VecDeque::new(),
            session: None,
            known: Known::default(),
            notified: Instant::now(),
            notify_owed: false,
            outage_since: None,
        }
    }

    /// Runs until every sender is gone and the queue is empty.
    pub async fn run(mut self) {
        while let Some(group) = self.gather().await {
            self.commit(group).await;
        }
        self.notify_now().await;
    }

    /// Waits for an append, then takes all that wait with it, up to the limits of a group.
    async fn gather(&mut self) -> Option<Vec<Request>> {
        while self.waiting.is_empty() {
            let due = self.notified + Duration::from_millis(limits::NOTIFY_MS_MIN);
            tokio::select! {
                biased;
                request = self.queue.recv() => self.waiting.push_back(request?),
                () = tokio::time::sleep_until(due.into()), if self.notify_owed => self.notify_now().await,
            }
        }
        let (mut group, mut events, mut bytes) = (Vec::new(), 0, 0);
        loop {
            let Some(request) = self.waiting.pop_front().or_else(|| self.queue.try_recv().ok()) else {
                break;
            };
            events += request.events.len();
            bytes += request.bytes();
            if !group.is_empty() && (events > limits::GROUP_EVENTS_MAX || bytes > limits::GROUP_BYTES_MAX) {
                self.waiting.push_front(request);
                break;
            }
            group.push(request);
        }
        Some(group)
    }

    /// Records a group. If the database refuses it as a whole, each append is tried alone, so that one bad
    /// append cannot fail its neighbours.
    async fn commit(&mut self, group: Vec<Request>) {
        let mut groups = VecDeque::from([group]);
        while let Some(mut group) = groups.pop_front() {
            let mut tries = Tries::default();
            while !group.is_empty() {
                match self.attempt(group, &mut tries).await {
                    Ok(rest) => group = rest,
                    Err((rest, error)) if rest.len() > 1 && !error.is_transient() => {
                        tracing::warn!(appends = rest.len(), %error, "a group was refused; its appends are tried alone");
                        groups.extend(rest.into_iter().map(|request| vec![request]));
                        break;
                    }
                    Err((rest, error)) => {
                        rest.into_iter().for_each(|request| request.answer(Err(error.clone())));
                        break;
                    }
                }
            }
        }
    }

    /// One try. Returns the appends that need another, or all of them with the reason for giving up.
    async fn attempt(&mut self, group: Vec<Request>, tries: &mut Tries) -> Result<Vec<Request>, GaveUp> {
        if let Err(error) = self.ready(tries.unsettled.is_some()).await {
            return Err((group, tries.explain(error)));
        }
        let resent = match self.settle(tries).await {
            Ok(Settled::Nothing) => None,
            Ok(Settled::Recorded(plan)) => {
                self.finish(plan, group);
                return Ok(Vec::new());
            }
            Ok(Settled::SendAgain(plan)) => Some(plan),
            Err(error) if error.is_transient() => return Ok(self.drop_session(group)),
            Err(error) => return Err((group, tries.explain(error))),
        };
        let Some(session) = &self.session else { return Ok(group) };
        // A lease may have been taken since the last group: a newer epoch than is known is looked up, not refused.
        if resent.is_none() && group.iter().any(|request| self.known.is_behind(request.lease.as_ref())) {
            match session.catch_up(&mut self.known).await {
                Ok(true) => self.core.forget(),
                Ok(false) => {}
                Err(error) if error.is_transient() => return Ok(self.drop_session(group)),
                Err(error) => return Err((group, tries.explain(error))),
            }
        }
        let again = resent.is_some();
        let (requests, plan) = match resent {
            Some(plan) => (group, plan),
            None => match Group::prepare(&self.core, session, &mut self.known, group).await {
                Ok(Group { requests, plan, later }) => {
                    later.into_iter().rev().for_each(|request| self.waiting.push_front(request));
                    match plan {
                        Some(plan) => (requests, plan),
                        None => {
                            session.unlock().await;
                            return Ok(Vec::new());
                        }
                    }
                }
                Err((group, error)) if error.is_transient() && session.is_lost() => {
                    return Ok(self.drop_session(group));
                }
                Err((group, error)) => {
                    session.unlock().await;
                    return Err((group, error.into()));
                }
            },
        };
        let notify = self.notified.elapsed() >= Duration::from_millis(limits::NOTIFY_MS_MIN);
        match session.send(&self.known, &plan, notify).await {
            Ok(true) => {
                if notify {
                    self.notified = Instant::now();
                }
                self.notify_owed = !notify;
                self.finish(plan, requests);
                Ok(Vec::new())
            }
            Ok(false) => {
                tries.used += 1;
                if tries.used > limits::SWAPS_LOST_MAX {
                    return Err((requests, AppendError::Contended(tries.used)));
                }
                if again {
                    // Perhaps the first sending of this very group took the head.
                    tries.unsettled = Some(plan);
                    return Ok(requests);
                }
                // Somebody else is busy. From the second loss on, queue for the head row instead of racing.
                self.reload(requests, tries.used > 1).await
            }
            Err(refusal) => self.recover(refusal, plan, requests, tries, again).await,
        }
    }

    /// A statement failed. Repairs what is repairable, or says that the group is refused.
    async fn recover(
        &mut self,
        refusal: Refusal,
        plan: Plan,
        requests: Vec<Request>,
        tries: &mut Tries,
        again: bool,
    ) -> Result<Vec<Request>, GaveUp> {
        tries.used += limits::SWAPS_LOST_MAX / 5;
        let exhausted = tries.used > limits::SWAPS_LOST_MAX;
        let Some(session) = &self.session else { return Ok(requests) };
        match refusal {
            Refusal::Lost(error) => {
                tracing::warn!(%error, "the database went away during a commit; its outcome is looked up");
                tries.unsettled = Some(plan);
                Ok(self.drop_session(requests))
            }
            // Undone as a whole, and may be sent again: out of memory or disk, deadlock.
            Refusal::Passing(error) if exhausted => Err((requests, tries.explain(error))),
            Refusal::Passing(error) => {
                tracing::warn!(%error, "the database refused a commit for the moment");
                tries.unsettled = again.then_some(plan);
                tokio::time::sleep(Duration::from_millis(limits::BACKOFF_MS_MIN)).await;
                Ok(requests)
            }
            Refusal::KeyUsed if !exhausted => match session.recorded_under(&requests).await {
                Ok(found) => {
                    let mut rest = Vec::new();
                    for request in requests {
                        match request.idempotency_key.and_then(|key| found.get(&key).copied()) {
                            Some(appended) => replay(request, appended),
                            None => rest.push(request),
                        }
                    }
                    self.reload(rest, false).await
                }
                Err(error) => Err((requests, error.into())),
            },
            Refusal::VersionsDiffer if !exhausted => {
                self.known.forget_versions();
                self.known.check_new_streams = true;
                self.reload(requests, false).await
            }
            Refusal::NoPartition if !exhausted => {
                match session.ensure_partition(plan.last_position()).await {
                    Ok(()) => Ok(requests),
                    Err(error) => Err((requests, error.into())),
                }
            }
            Refusal::Other(error) => Err((requests, error.into())),
            Refusal::KeyUsed | Refusal::VersionsDiffer | Refusal::NoPartition => {
                let why = "the tables beside log.events (streams, idempotency, partitions) contradict it";
                Err((requests, StoreError::Malformed(why.into()).into()))
            }
        }
    }

    /// Catches up with what other processes recorded; `lock` keeps them out until the next sending.
    async fn reload(&mut self, requests: Vec<Request>, lock: bool) -> Result<Vec<Request>, GaveUp> {
        if requests.is_empty() {
            return Ok(requests);
        }
        let Some(session) = &self.session else { return Ok(requests) };
        let caught_up = match lock {
            true => session.lock_and_catch_up(&mut self.known).await,
            false => session.catch_up(&mut self.known).await,
        };
        match caught_up {
            Ok(epoch_changed) => {
                if epoch_changed {
                    self.core.forget();
                }
                self.core.tip.saw(self.known.head.position);
                Ok(requests)
            }
            Err(error) if error.is_transient() => Ok(self.drop_session(requests)),
            Err(error) => Err((requests, error.into())),
        }
    }

    /// Answers the callers of a recorded group.
    fn finish(&mut self, plan: Plan, requests: Vec<Request>) {
        self.known.advance(&plan);
        self.known.check_new_streams = false;
        self.core.tip.saw(plan.last_position());
        for (request, appended) in requests.into_iter().zip(&plan.answers) {
            request.key.mark_stored();
            if let Some(key) = request.idempotency_key {
                self.known.remember_key(key, *appended);
            }
            request.answer(Ok(*appended));
        }
        let last = plan.last_position();
        let near = limits::PARTITION_POSITIONS - last % limits::PARTITION_POSITIONS
            < limits::PARTITION_AHEAD_POSITIONS;
        if near && self.known.partition_made < last / limits::PARTITION_POSITIONS + 1 {
            self.known.partition_made = last / limits::PARTITION_POSITIONS + 1;
            let core = self.core.clone();
            tokio::spawn(async move {
                let wanted = last + limits::PARTITION_AHEAD_POSITIONS;
                if let Err(error) = core.ensure_partition(wanted).await {
                    // Not lost: the append that needs it makes it.
                    tracing::warn!(%error, "the next partition could not be made ahead");
                }
            });
        }
    }

    /// Did a group whose answer was lost get recorded? Its hash at its last position says so for certain. If
    /// not, it may still be running in the server: while the head has not moved, the very same group is sent
    /// again, so that whichever of the two takes the head, it is the same events at the same places.
    async fn settle(&mut self, tries: &mut Tries) -> Result<Settled, StoreError> {
        let Some(session) = &self.session else { return Ok(Settled::Nothing) };
        let Some(plan) = &tries.unsettled else { return Ok(Settled::Nothing) };
        let (position, chain) = (plan.last_position(), Some(plan.last_chain()));
        let before = (self.known.head, self.known.epoch);
        let recorded = session.chain_at(position).await? == chain || {
            if session.catch_up(&mut self.known).await? {
                self.core.forget();
            }
            // It may have been this group that moved the head since the first look.
            before != (self.known.head, self.known.epoch) && session.chain_at(position).await? == chain
        };
        let moved = (self.known.head, self.known.epoch) != (plan.built_on, plan.epoch);
        Ok(match tries.unsettled.take() {
            Some(plan) if recorded => Settled::Recorded(plan),
            Some(plan) if !moved => Settled::SendAgain(plan),
            _ => Settled::Nothing,
        })
    }

    fn drop_session(&mut self, requests: Vec<Request>) -> Vec<Request> {
        self.session = None;
        self.outage_since.get_or_insert_with(Instant::now);
        requests
    }

    /// A session that knows the head. New appends are refused soon after the server has gone; a group whose
    /// outcome is unknown waits longer.
    async fn ready(&mut self, must_settle: bool) -> Result<(), StoreError> {
        if self.session.as_ref().is_some_and(Session::is_lost) {
            self.session = None;
        }
        if self.session.is_some() && self.outage_since.is_none() {
            return Ok(());
        }
        let patience = Duration::from_millis(match must_settle {
            true => limits::SETTLE_MS_MAX,
            false => limits::OUTAGE_PATIENCE_MS_MAX,
        });
        let since = *self.outage_since.get_or_insert_with(Instant::now);
        let mut pause_ms = limits::BACKOFF_MS_MIN;
        loop {
            match self.open_session().await {
                Ok(()) => {
                    self.outage_since = None;
                    return Ok(());
                }
                Err(error) if !error.is_transient() || since.elapsed() >= patience => return Err(error),
                Err(error) => tracing::debug!(%error, "no connection yet"),
            }
            let jitter = rand::random_range(0..=pause_ms / 2);
            tokio::time::sleep(Duration::from_millis(pause_ms + jitter)).await;
            pause_ms = (pause_ms * 2).min(limits::BACKOFF_MS_MAX);
        }
    }

    async fn open_session(&mut self) -> Result<(), StoreError> {
        let session = match self.session.take() {
            Some(session) => session,
            None => Session::open(self.core.pool.connector()).await?,
        };
        if session.catch_up(&mut self.known).await? {
            self.core.forget();
        }
        self.core.tip.saw(self.known.head.position);
        self.session = Some(session);
        Ok(())
    }

    /// Tells other processes about the last group, if it was recorded without telling them.
    async fn notify_now(&mut self) {
        self.notify_owed = false;
        self.notified = Instant::now();
        if let Some(session) = &self.session {
            // Their poll finds it anyway.
            let _ = session.notify(self.known.head.position).await;
        }
    }
}

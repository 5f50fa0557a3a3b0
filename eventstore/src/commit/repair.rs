//! Recording one group whatever happens: lost swaps, refused statements, lost connections.
//!
//! Begin with [`Committer::commit`]. A group that meets no trouble passes through one [`Committer::attempt`].

use super::{
    Committer,
    group::Group,
    plan::Plan,
    request::{Request, replay},
    session::{Refusal, Session},
};
use crate::{
    error::{AppendError, StoreError},
    limits,
};
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// The tries of one group.
#[derive(Default)]
struct Tries {
    /// Counts lost swaps as one each and refused statements as more, up to [`limits::SWAPS_LOST_MAX`].
    used: u32,
    /// A sending of this group whose answer was lost.
    unsettled: Option<Plan>,
    /// A plan that was made ahead and not sent yet.
    ready: Option<Plan>,
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

impl Committer {
    /// Records a group. If the database refuses it as a whole, each append is tried alone, so that one bad
    /// append cannot fail its neighbours.
    pub(super) async fn commit(&mut self, group: Vec<Request>, ready: Option<Plan>) {
        let mut groups = VecDeque::from([group]);
        let mut ready = ready;
        while let Some(mut group) = groups.pop_front() {
            let mut tries = Tries { ready: ready.take(), ..Tries::default() };
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
        self.hand_back_inline();
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
        let fits = |plan: &Plan| plan.built_on == self.known.head && plan.epoch == self.known.epoch;
        let (requests, plan) = match resent.or(tries.ready.take().filter(fits)) {
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
        let inline = if again { None } else { self.inline_statements(&plan, &requests) };
        let begun = Instant::now();
        let answer = self.send(&plan, notify, inline.as_deref()).await;
        if inline.is_some() {
            self.settle_inline(&answer);
        }
        match answer {
            Ok(true) => {
                let (appends, events) = self.behind();
                let (appends, events) = (requests.len() + appends, plan.positions.len() + events);
                self.crowd.saw(appends, events, self.queue.len(), begun.elapsed());
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
            Refusal::Inline(_) => Ok(requests),
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
            Refusal::NoPartition if !exhausted => match session.ensure_partition(plan.head.position).await {
                Ok(()) => Ok(requests),
                Err(error) => Err((requests, error.into())),
            },
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

    /// Did a group whose answer was lost get recorded? Its hash at its last position says so for certain. If
    /// not, it may still be running in the server: while the head has not moved, the very same group is sent
    /// again, so that whichever of the two takes the head, it is the same events at the same places.
    async fn settle(&mut self, tries: &mut Tries) -> Result<Settled, StoreError> {
        let Some(session) = &self.session else { return Ok(Settled::Nothing) };
        let Some(plan) = &tries.unsettled else { return Ok(Settled::Nothing) };
        let (position, chain) = (plan.head.position, Some(plan.head.chain));
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
}

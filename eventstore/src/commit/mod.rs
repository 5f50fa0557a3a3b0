//! The group committer: one task that records everything queued, a group at a time.
//!
//! It takes all appends that wait, checks them against the stream versions it remembers ([`plan`]), and sends
//! one statement ([`statement`]) that swaps the head row and inserts the group: one round trip, one flush to
//! disk, however many appends. While the server works, the next group is made ready ([`group::Next`]), so that
//! it can be sent as soon as the answer comes.
//!
//! There is no timer. After an answer the callers get a moment to come back with their next append, at most
//! [`limits::LINGER_US_MAX`] and half of what a commit takes: a crowd with little to write stays together, because
//! a group costs more than the rows in it. A crowd with much to write is kept in two halves, so that neither the
//! database nor the callers wait for the other. A single writer never waits.
//!
//! Another process may append too. Whoever loses the swap gets nothing recorded, catches up with what the
//! other did, and tries again ([`repair`]). If the connection breaks while a group is being answered, its
//! outcome is looked up by its place and hash in the chain before anything else happens; it is never simply
//! sent again.
//!
//! Never here: two groups in flight, and an answer before the group is durable.

mod group;
mod inline;
mod plan;
mod repair;
mod request;
mod session;
mod statement;

use crate::{
    inline::{InlineStatement, Registered},
    limits,
    store::Core,
};
use group::Next;
use plan::Plan;
pub(crate) use request::{Body, Envelope, Request};
use session::{Known, Session};
use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

pub(crate) struct Committer {
    core: Arc<Core>,
    queue: mpsc::Receiver<Request>,
    waiting: VecDeque<Request>,
    session: Option<Session>,
    known: Known,
    /// The group to send next, built on the one sent last.
    next: Option<Next>,
    crowd: Crowd,
    inline: Option<Registered>,
    /// Inline models that dropped out of the group being recorded.
    leaving: Option<Registered>,
    notified: Instant,
    notify_owed: bool,
    outage_since: Option<Instant>,
}

/// How many callers to expect with how many events, and how long a commit takes.
#[derive(Default)]
struct Crowd {
    appends: usize,
    events: usize,
    commit: Duration,
}

impl Crowd {
    /// `unseen` appends are taken to be as large as the others.
    fn saw(&mut self, appends: usize, events: usize, unseen: usize, commit: Duration) {
        self.appends = appends + unseen;
        self.events = events + events * unseen / appends.max(1);
        self.commit = (self.commit * 7 + commit) / 8;
    }

    /// Whether the crowd writes so much that it does better in two halves, one of which gets its next appends
    /// ready while the other is being recorded.
    fn in_halves(&self) -> bool {
        self.events >= limits::HALVES_EVENTS_MIN
    }

    /// How many events close a group.
    fn group_events(&self) -> usize {
        if self.in_halves() { self.events.div_ceil(2) } else { limits::GROUP_EVENTS_MAX }
    }

    /// How long it pays to wait for callers that were just answered.
    fn patience(&self) -> Duration {
        (self.commit / 2).min(Duration::from_micros(limits::LINGER_US_MAX))
    }
}

impl Committer {
    pub fn new(core: Arc<Core>, queue: mpsc::Receiver<Request>) -> Self {
        Self {
            core,
            queue,
            waiting: VecDeque::new(),
            session: None,
            known: Known::default(),
            next: None,
            crowd: Crowd::default(),
            inline: None,
            leaving: None,
            notified: Instant::now(),
            notify_owed: false,
            outage_since: None,
        }
    }

    /// Runs until every sender is gone and the queue is empty.
    pub async fn run(mut self) {
        loop {
            self.dissolve_next_unless_it_fits();
            self.linger().await;
            if let Some(next) = self.take_next() {
                self.commit(next.requests, Some(next.plan)).await;
            } else if let Some(group) = self.gather().await {
                self.commit(group, None).await;
            } else {
                break;
            }
        }
        self.notify_now().await;
    }

    /// Lets the callers that were answered last come back before the next group is closed. For a group that
    /// nobody is in yet there is no hurry to close it, and no need to look out.
    async fn linger(&mut self) {
        if self.ready_appends() + self.waiting.len() == 0 || self.crowd.in_halves() {
            return;
        }
        let patience = self.crowd.patience();
        let (began, gap) = (Instant::now(), Duration::from_micros(limits::LINGER_GAP_US_MAX));
        let mut last = began;
        // Timers are too coarse for this; the other tasks run while this one yields.
        while self.ready_appends() + self.waiting.len() < self.crowd.appends
            && self.next.as_ref().is_none_or(Next::has_room)
            && last.elapsed() < gap.min(patience)
            && began.elapsed() < patience
        {
            match self.queue.try_recv() {
                Ok(request) => {
                    self.admit(request);
                    last = Instant::now();
                }
                Err(mpsc::error::TryRecvError::Disconnected) => break,
                Err(mpsc::error::TryRecvError::Empty) => tokio::task::yield_now().await,
            }
        }
    }

    fn admit(&mut self, request: Request) {
        match &mut self.next {
            // Behind those that wait already: appends of one task keep their order.
            Some(next) if self.waiting.is_empty() => next.take(&self.core, &mut self.known, None, request),
            _ => self.waiting.push_back(request),
        }
    }

    fn ready_appends(&self) -> usize {
        self.next.as_ref().map_or(0, |next| next.requests.len())
    }

    /// Appends that are ready or known to wait, and their events.
    fn behind(&self) -> (usize, usize) {
        let next = self.next.as_ref();
        let waiting = next.iter().flat_map(|next| &next.deferred).chain(&self.waiting);
        let (appends, events) =
            waiting.fold((0, 0), |(n, events), request| (n + 1, events + request.events.len()));
        (self.ready_appends() + appends, next.map_or(0, |next| next.plan.positions.len()) + events)
    }

    /// The group that was made ready, if there is anything in it.
    fn take_next(&mut self) -> Option<Next> {
        let mut next = self.next.take()?;
        for request in std::mem::take(&mut next.deferred).into_iter().rev() {
            self.waiting.push_front(request);
        }
        (!next.requests.is_empty()).then_some(next)
    }

    /// If the group before was not recorded as it was sent, what was made ready on top of it waits again.
    fn dissolve_next_unless_it_fits(&mut self) {
        let fits = |next: &Next| {
            next.plan.built_on == self.known.head
                && next.plan.epoch == self.known.epoch
                && self.session.is_some()
        };
        if self.next.as_ref().is_some_and(|next| !fits(next)) {
            self.dissolve_next();
        }
    }

    fn dissolve_next(&mut self) {
        if let Some(next) = self.next.take() {
            for request in next.requests.into_iter().chain(next.deferred).rev() {
                self.waiting.push_front(request);
            }
        }
    }

    /// Waits for an append, then takes all that wait with it, up to the limits of a group.
    async fn gather(&mut self) -> Option<Vec<Request>> {
        while self.waiting.is_empty() {
            let due = self.notified + Duration::from_millis(limits::NOTIFY_MS_MIN);
            tokio::select! {
                biased;
                request = self.queue.recv() => {
                    self.waiting.push_back(request?);
                    self.linger().await;
                }
                () = tokio::time::sleep_until(due.into()), if self.notify_owed => self.notify_now().await,
            }
        }
        let (mut group, mut events, mut bytes) = (Vec::new(), 0, 0);
        let room = self.crowd.group_events().min(limits::GROUP_EVENTS_MAX);
        loop {
            let Some(request) = self.waiting.pop_front().or_else(|| self.queue.try_recv().ok()) else {
                break;
            };
            events += request.events.len();
            bytes += request.bytes();
            if !group.is_empty() && (events > room || bytes > limits::GROUP_BYTES_MAX) {
                self.waiting.push_front(request);
                break;
            }
            group.push(request);
        }
        Some(group)
    }

    /// Sends a plan. Meanwhile makes the next group ready.
    async fn send(
        &mut self,
        plan: &Plan,
        notify: bool,
        inline: Option<&[InlineStatement]>,
    ) -> Result<bool, session::Refusal> {
        self.dissolve_next();
        let mut next = Next::after(plan, self.crowd.group_events());
        let Some(session) = &self.session else { return Ok(false) };
        let mut sending = std::pin::pin!(session.send(plan, notify, inline));
        let answer = loop {
            let waiting = async {
                match self.waiting.pop_front() {
                    Some(request) => Some(request),
                    None => self.queue.recv().await,
                }
            };
            tokio::select! {
                // The statement goes out first.
                biased;
                answer = &mut sending => break answer,
                request = waiting, if next.has_room() => match request {
                    Some(request) => next.take(&self.core, &mut self.known, Some(plan), request),
                    None => break sending.await,
                },
            }
        };
        self.next = Some(next);
        answer
    }

    /// Answers the callers of a recorded group.
    fn finish(&mut self, plan: Plan, requests: Vec<Request>) {
        self.known.advance(&plan);
        self.known.check_new_streams = false;
        self.core.tip.saw(plan.head.position);
        for (request, appended) in requests.into_iter().zip(&plan.answers) {
            request.key.mark_stored();
            if let Some(key) = request.idempotency_key {
                self.known.remember_key(key, *appended);
            }
            request.answer(Ok(*appended));
        }
        self.make_partition_ahead(plan.head.position);
    }

    fn make_partition_ahead(&mut self, last: i64) {
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

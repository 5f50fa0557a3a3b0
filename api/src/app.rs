//! What every handler shares: the log, the read models, sessions, the clock.

use crate::error::{Explain, HttpError};
use crate::limits;
use crate::security::{passwords::Passwords, proof::SignedIn, sessions::Sessions, throttle::Throttle};
use chrono::{DateTime, Utc};
use domain::decider::Decider;
use eventstore::{Category, EventLog, Handled, Meta, Store, StreamId};
use projections::{Projector, Reader};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use web::frame::{Frame, Me, Section, Then};
use web::parts::{Kind, Message};
use web::views::{self, Viewer};

#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
    /// The read models that pages are made from: today's, or those of an earlier position.
    pub reader: Reader,
    then: Option<Then>,
}

pub struct Inner {
    pub store: Store,
    pub projector: Arc<Projector>,
    pub sessions: Sessions,
    pub passwords: Passwords,
    pub throttle: Throttle,
    /// Scheme and host that browsers see, where a proxy stands in front.
    pub public_origin: Option<String>,
    /// The way to the Agent's intake of secrets, where there is one.
    pub intake: Option<Arc<handover::Sender>>,
    pub clock: fn() -> DateTime<Utc>,
    pub streams: Arc<Semaphore>,
    pub stop: CancellationToken,
}

impl std::ops::Deref for App {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.inner
    }
}

pub const BOUNDS: views::frame::Bounds =
    views::frame::Bounds { agent_silent_s: limits::AGENT_SILENT_S, lag_events_told: limits::LAG_EVENTS_TOLD };

impl App {
    pub(crate) fn new(inner: Inner, reader: Reader) -> Self {
        Self { inner: Arc::new(inner), reader, then: None }
    }

    /// The same service whose pages show everything as it was when the log ended with this event.
    pub(crate) fn at(&self, position: i64, at: DateTime<Utc>) -> Self {
        let then = Some(Then { position, at });
        Self { inner: self.inner.clone(), reader: self.reader.at(&self.store, position), then }
    }

    /// What pages call now: of a look into the past, the moment it shows.
    pub fn now(&self) -> DateTime<Utc> {
        self.then.as_ref().map_or_else(self.clock, |then| then.at)
    }

    /// Sends one command. `key` makes it happen once, however often the form is sent.
    pub async fn command<D: Decider>(
        &self,
        category: Category,
        id: Uuid,
        command: D::Command,
        actor: Option<Uuid>,
        key: Option<Uuid>,
    ) -> Result<Handled<D>, HttpError>
    where
        D::Command: Clone + Send + Sync,
        D::Refusal: Explain + Send,
    {
        let meta = Meta { actor, correlation: Some(id), causation: None };
        self.store
            .handle::<D>(StreamId::new(category, id), command, meta, key)
            .await
            .map_err(HttpError::from_handle)
    }

    /// The aggregate as the log has it now; for what must not be a moment old.
    pub async fn load<D: Decider>(&self, category: Category, id: Uuid) -> Result<D, HttpError> {
        let mut state = D::default();
        for recorded in self.store.read_stream(StreamId::new(category, id), 1).await? {
            state = state.evolve(&eventstore::decode(&recorded)?);
        }
        Ok(state)
    }

    /// Waits shortly until the pages show what was just done; false if they do not yet.
    pub async fn caught_up(&self, position: i64) -> bool {
        let mut reached = self.projector.reached();
        let limit = Duration::from_millis(limits::CATCH_UP_MS_MAX);
        let wait = reached.wait_for(|reached| *reached >= position);
        matches!(tokio::time::timeout(limit, wait).await, Ok(Ok(_)))
    }

    pub async fn viewer(&self, me: &SignedIn) -> Result<Viewer, HttpError> {
        let rules = self.reader.settings().await?.rules;
        Ok(Viewer::new(me.actor(), &self.reader.accounts().await?).under(rules.as_ref()))
    }

    /// The frame of a page for this person. `at`: the position of what they just did.
    pub async fn frame(
        &self,
        me: &SignedIn,
        title: &str,
        here: Section,
        at: Option<i64>,
    ) -> Result<Frame, HttpError> {
        let mut f = Frame::new(title, here, self.now());
        f.then.clone_from(&self.then);
        if let Some(at) = at
            && !self.caught_up(at.clamp(0, self.store.known_position())).await
        {
            let text = "What you did is recorded. This page does not show it yet.";
            f.message = Some(Message::new(Kind::Waiting, "Still catching up", text));
        }
        let (meta, repository) = (self.reader.cluster_meta().await?, self.reader.repository().await?);
        let names = views::Names::of(&self.reader.accounts().await?);
        f.me = Some(Me { name: me.name().to_owned(), role: me.actor().role });
        f.csrf = me.token().csrf();
        f.seed = me.token().seed();
        if let Some(then) = &self.then {
            f.position = then.position;
            f.banner = Some(views::frame::past(then));
        } else {
            f.position = self.store.known_position();
            f.lag = (f.position - *self.projector.reached().borrow()).max(0);
            f.banner = views::frame::banner(&meta, f.lag, &names, BOUNDS, f.now);
            f.dots = views::frame::dots(&meta, &repository, BOUNDS, f.now);
        }
        if me.is_admin() {
            f.approvals = self.reader.approvals_waiting().await?.len();
        }
        Ok(f)
    }
}

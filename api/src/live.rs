//! Live regions: one stream for each open page, drawn again when the read models change.
//!
//! A region is sent only when its HTML differs from what this page was sent last, at most four times a second,
//! the newest wins. The event's id is the position of the log. The stream ends with its session.

use crate::app::App;
use crate::error::HttpError;
use crate::limits;
use crate::security::{gate, proof::SignedIn};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream;
use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, broadcast};
use tokio::time::Instant;

type Regions = Vec<(&'static str, String)>;

struct Live<D> {
    app: App,
    me: SignedIn,
    draw: D,
    changes: broadcast::Receiver<projections::Changed>,
    sent: HashMap<&'static str, String>,
    waiting: Vec<Event>,
    drawn_at: Option<Instant>,
    _place: OwnedSemaphorePermit,
}

/// Streams the regions that `draw` makes.
pub fn stream<D, F>(app: App, me: SignedIn, draw: D) -> Result<Response, HttpError>
where
    D: Fn(App, SignedIn) -> F + Send + 'static,
    F: Future<Output = Result<Regions, HttpError>> + Send,
{
    let place = app.streams.clone().try_acquire_owned().map_err(|_| {
        HttpError::unavailable(
            "too many live streams",
            "Close a few pages; this one still works when it is reloaded.",
        )
    })?;
    let changes = app.projector.changed();
    let live =
        Live { app, me, draw, changes, sent: HashMap::new(), waiting: vec![], drawn_at: None, _place: place };
    let events = stream::unfold(live, |mut live| async move {
        let event = live.next().await?;
        Some((Ok::<_, Infallible>(event), live))
    });
    let alive = KeepAlive::new().interval(Duration::from_secs(limits::LIVE_ALIVE_S)).text("alive");
    Ok(Sse::new(events).keep_alive(alive).into_response())
}

impl<D, F> Live<D>
where
    D: Fn(App, SignedIn) -> F + Send + 'static,
    F: Future<Output = Result<Regions, HttpError>> + Send,
{
    /// The next region that changed; none when the stream is over.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop() {
                return Some(event);
            }
            if self.drawn_at.is_some() {
                self.wait().await?;
            }
            self.drawn_at = Some(Instant::now());
            let me = gate::alive(&self.app, self.me.token().clone(), false).await;
            self.me = match me {
                Ok(Some(me)) => me,
                Ok(None) => return None,
                // The database is away for a moment: the page keeps what it has.
                Err(_) => continue,
            };
            let position = *self.app.projector.reached().borrow();
            if let Ok(regions) = (self.draw)(self.app.clone(), self.me.clone()).await {
                self.queue(regions, position);
            }
        }
    }

    /// Waits for a change, but not less than the smallest time between two drawings, and looks at the session
    /// now and then even if nothing changes.
    async fn wait(&mut self) -> Option<()> {
        let look = Duration::from_secs(limits::LIVE_ALIVE_S);
        tokio::select! {
            () = self.app.stop.cancelled() => return None,
            changed = self.changes.recv() => match changed {
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            },
            () = tokio::time::sleep(look) => {}
        }
        if let Some(at) = self.drawn_at {
            tokio::time::sleep_until(at + Duration::from_millis(limits::LIVE_MS_MIN)).await;
        }
        // Everything that came meanwhile is in the next drawing.
        self.changes = self.app.projector.changed();
        Some(())
    }

    fn queue(&mut self, regions: Regions, position: i64) {
        for (name, html) in regions.into_iter().rev() {
            // A stream of events cannot carry carriage returns; in HTML they are spaces.
            let html = html.replace('\r', " ");
            if self.sent.get(name) != Some(&html) {
                self.waiting.push(Event::default().event(name).id(position.to_string()).data(&html));
                self.sent.insert(name, html);
            }
        }
    }
}

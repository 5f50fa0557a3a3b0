//! Keeping the read models up to date: fold the waiting group in memory, write it in one statement.
//!
//! Begin with [`Projector::start`]. The checkpoint is swapped in the same statement as the rows, so each event is folded
//! exactly once; a second projector on the same tables writes nothing that the first one wrote. An event that cannot be
//! folded stops only its projection, visibly; a projection that is behind or fails for a moment does not hold up the
//! others.
//!
//! Never here: what events mean for a page (see [`folds`](crate::folds)).

use crate::error::ReadError;
use crate::fold::{self, Entry, Projection, Rows};
use crate::folds;
use crate::group::{self, Advanced, Place};
use crate::limits::{
    CHANGES_KEPT, FOLDS_AT_ONCE, GROUP_EVENTS_MAX, INLINE_EVENTS_MAX, LIVE_ROWS_BYTES_MAX, PAUSE_MS,
    STOPPED_LOOK_MS,
};
use crate::status::{State, Status};
use crate::table::{self, Checkpoint, Rest};
use chrono::Utc;
use eventstore::{EventLog, Store};
use futures::{StreamExt, stream};
use secrets::KeyRing;
use sqlx::PgPool;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What one turn changed.
#[derive(Clone, Debug)]
pub struct Changed {
    /// All projections that are well have reached at least this position.
    pub position: i64,
    /// Projection and key. Where another projector was faster: keys that may have changed.
    pub touched: Vec<(&'static str, String)>,
}

/// The task that keeps the read models. Dropping it stops it.
pub struct Projector {
    changes: broadcast::Sender<Changed>,
    reached: watch::Receiver<i64>,
    status: watch::Receiver<Vec<Status>>,
    stop: CancellationToken,
    task: Option<tokio::task::JoinHandle<()>>,
}

impl Projector {
    /// Makes tables that are missing, of another version or ahead of the log, then follows the log.
    pub async fn start(store: Store, pool: PgPool, keyring: KeyRing) -> Result<Self, ReadError> {
        Self::start_with(store, pool, keyring, folds::all()).await
    }

    /// [`Projector::start`] with other projections than all of them.
    pub async fn start_with(
        store: Store,
        pool: PgPool,
        keyring: KeyRing,
        projections: Vec<Arc<dyn Projection>>,
    ) -> Result<Self, ReadError> {
        table::prepare(&pool).await?;
        let mut live = Vec::new();
        for projection in projections {
            let beyond = beyond_the_log(&store, &pool, projection.name()).await?;
            let mut checkpoint = table::begin(&pool, projection.as_ref(), beyond.as_ref()).await?;
            // What stopped it may be mended in this program: it tries once more.
            checkpoint.poison = None;
            live.push(Live { projection, checkpoint, rows: Rows::default(), resting: None, failing: None });
        }
        let (changes, _) = broadcast::channel(CHANGES_KEPT);
        let (reached_tx, reached) = watch::channel(0);
        let (status_tx, status) = watch::channel(vec![]);
        let stop = CancellationToken::new();
        let place = Place { pool, rest: Rest { keyring } };
        let work = Work {
            store,
            place,
            live,
            looked: Instant::now(),
            changes: changes.clone(),
            reached: reached_tx,
            status: status_tx,
        };
        work.tell_status();
        let task = tokio::spawn(work.follow(stop.clone()));
        Ok(Self { changes, reached, status, stop, task: Some(task) })
    }

    /// What changes from now on.
    pub fn changed(&self) -> broadcast::Receiver<Changed> {
        self.changes.subscribe()
    }

    /// The position that all projections that are well have reached.
    pub fn reached(&self) -> watch::Receiver<i64> {
        self.reached.clone()
    }

    /// Where each read model stands, as of its last move: without asking the database.
    pub fn status(&self) -> watch::Receiver<Vec<Status>> {
        self.status.clone()
    }

    /// Stops, and returns when nothing is written any more.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take() {
            let _ = task.await;
        }
    }
}

impl Drop for Projector {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

struct Live {
    projection: Arc<dyn Projection>,
    checkpoint: Checkpoint,
    /// Rows as they were stored with the checkpoint: nobody else wrote them if the next swap holds.
    rows: Rows,
    /// Until when it rests after an error.
    resting: Option<Instant>,
    /// The error that was logged; it is not logged again until something worked.
    failing: Option<String>,
}

impl Live {
    fn is_well(&self) -> bool {
        self.checkpoint.poison.is_none()
    }

    fn is_ready(&self) -> bool {
        self.is_well() && self.resting.is_none()
    }

    fn rest(&mut self) {
        self.resting = Some(Instant::now() + Duration::from_millis(PAUSE_MS));
    }
}

struct Work {
    store: Store,
    place: Place,
    live: Vec<Live>,
    /// When stopped projections were looked at last.
    looked: Instant,
    changes: broadcast::Sender<Changed>,
    reached: watch::Sender<i64>,
    status: watch::Sender<Vec<Status>>,
}

/// Keys of one projection that changed.
type Touched = Vec<(&'static str, String)>;

impl Work {
    async fn follow(mut self, stop: CancellationToken) {
        let mut failing = false;
        while !stop.is_cancelled() {
            let now = Instant::now();
            for live in &mut self.live {
                live.resting = live.resting.filter(|until| *until > now);
            }
            // Dropped half way, what it wrote stands and what it did not write is folded by the next projector.
            let turn = tokio::select! {
                () = stop.cancelled() => return,
                turn = self.turn() => turn,
            };
            let moved = match turn {
                Ok(moved) => {
                    failing = false;
                    moved
                }
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(%error, "the read models wait");
                    }
                    self.live.iter_mut().for_each(Live::rest);
                    false
                }
            };
            self.tell_status();
            if moved {
                continue;
            }
            let front = self.positions(|_| true).max().unwrap_or(i64::MAX);
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.store.wait_beyond(front), if self.live.iter().any(Live::is_ready) => {}
                () = tokio::time::sleep_until(self.wake_at()) => {}
            }
        }
    }

    fn tell_status(&self) {
        let head = self.store.known_position();
        let status = self.live.iter().map(|live| {
            let (name, purpose) = (live.projection.name(), live.projection.purpose());
            let status = Status::of(name, purpose, Some(&live.checkpoint), head);
            match &live.failing {
                Some(why) if live.is_well() => {
                    Status { state: State::Waiting { why: why.clone() }, ..status }
                }
                _ => status,
            }
        });
        let status: Vec<Status> = status.collect();
        self.status.send_if_modified(|known| {
            *known != status && {
                *known = status;
                true
            }
        });
    }

    /// Positions of projections that are well.
    fn positions(&self, also: impl Fn(&Live) -> bool) -> impl Iterator<Item = i64> {
        self.live.iter().filter(move |live| live.is_well() && also(live)).map(|live| live.checkpoint.position)
    }

    /// When something besides the log has to be looked at.
    fn wake_at(&self) -> Instant {
        let rests = self.live.iter().filter(|live| live.is_well()).filter_map(|live| live.resting);
        let stopped = self.live.iter().any(|live| !live.is_well());
        let look = stopped.then(|| self.looked + Duration::from_millis(STOPPED_LOOK_MS));
        let never = Instant::now() + Duration::from_secs(3_600);
        rests.chain(look).min().unwrap_or(never)
    }

    /// Folds the next group for those that are in front, and the next one for those that are behind; false if there is
    /// neither.
    async fn turn(&mut self) -> Result<bool, ReadError> {
        self.look_at_stopped().await;
        let (first, front) = (self.positions(Live::is_ready).min(), self.positions(Live::is_ready).max());
        let (Some(first), Some(front)) = (first, front) else {
            return Ok(false);
        };
        let mut touched = Vec::new();
        let mut moved = false;
        if first < front {
            let limit = usize::try_from(front - first).unwrap_or(usize::MAX).min(GROUP_EVENTS_MAX);
            let entries = self.entries(first, limit).await?;
            moved |= !entries.is_empty();
            touched.extend(
                self.fold(&entries, |live| live.is_ready() && live.checkpoint.position < front).await,
            );
        }
        let entries = self.entries(front, GROUP_EVENTS_MAX).await?;
        moved |= !entries.is_empty();
        touched
            .extend(self.fold(&entries, |live| live.is_ready() && live.checkpoint.position == front).await);
        if let Some(position) = self.positions(|_| true).min() {
            self.reached.send_if_modified(|reached| std::mem::replace(reached, position) != position);
            if moved {
                // Nobody listening is no error.
                let _ = self.changes.send(Changed { position, touched });
            }
        }
        Ok(moved)
    }

    async fn entries(&self, after: i64, limit: usize) -> Result<Arc<[Entry]>, ReadError> {
        let group = self.store.read_from(after, limit).await?;
        if group.len() <= INLINE_EVENTS_MAX {
            return Ok(group.iter().map(Entry::read).collect());
        }
        let decoding = tokio::task::spawn_blocking(move || group.iter().map(Entry::read).collect());
        decoding.await.map_err(|_| ReadError::Unavailable("decoding was ended".into()))
    }

    /// Folds entries for some projections. What fails for one is its own affair.
    async fn fold(&mut self, entries: &Arc<[Entry]>, whose: impl Fn(&Live) -> bool) -> Touched {
        let Some(to) = entries.last().map(|entry| entry.position) else { return vec![] };
        let mut untouched = Vec::new();
        let mut jobs = Vec::new();
        for (n, live) in self.live.iter_mut().enumerate().filter(|(_, live)| whose(live)) {
            let known = entries.partition_point(|entry| entry.position <= live.checkpoint.position);
            let part: Arc<[Entry]> = match entries.get(known..) {
                Some([]) | None => continue,
                Some(_) if known == 0 => entries.clone(),
                Some(part) => part.into(),
            };
            if part.iter().any(|entry| live.projection.folds(entry.category, &entry.type_name)) {
                let place = &self.place;
                let rows = std::mem::take(&mut live.rows);
                let (projection, from) = (live.projection.clone(), live.checkpoint.clone());
                jobs.push(async move {
                    let done =
                        group::advance(place, &projection, &from, &part, to, rows, LIVE_ROWS_BYTES_MAX).await;
                    (n, part, done)
                });
            } else {
                untouched.push(n);
            }
        }
        let of = |n: &usize| self.live.get(*n).map(|live| (live.projection.name(), &live.checkpoint));
        let skipped: Vec<_> = untouched.iter().filter_map(of).collect();
        let now = Utc::now();
        let age_us = entries.last().and_then(|entry| (now - entry.at).num_microseconds()).unwrap_or(0).max(0);
        let (done, moved): (Vec<_>, _) = tokio::join!(
            stream::iter(jobs).buffer_unordered(FOLDS_AT_ONCE).collect(),
            group::skip(&self.place, &skipped, to, age_us)
        );
        let mut touched = Vec::new();
        for (n, part, done) in done {
            let Some(live) = self.live.get_mut(n) else { continue };
            match done {
                Ok(Advanced { checkpoint, keys, rows }) => {
                    live.checkpoint = checkpoint;
                    live.rows = rows;
                    live.failing = None;
                    touched.extend(keys.into_iter().map(|key| (live.projection.name(), key)));
                }
                Err(error) => touched.extend(mend(&self.place, live, error, &part).await),
            }
        }
        for n in untouched {
            let Some(live) = self.live.get_mut(n) else { continue };
            let name = live.projection.name();
            let error = match &moved {
                Ok(moved) if moved.iter().any(|moved| moved == name) => {
                    live.checkpoint.position = to;
                    live.checkpoint.moved = Some((now, age_us));
                    live.failing = None;
                    continue;
                }
                Ok(_) => ReadError::Overtaken(name),
                Err(error) => ReadError::Unavailable(error.to_string()),
            };
            touched.extend(mend(&self.place, live, error, entries).await);
        }
        touched
    }

    /// A rebuild by somebody else sets a stopped projection going again.
    async fn look_at_stopped(&mut self) {
        let due = self.looked.elapsed() >= Duration::from_millis(STOPPED_LOOK_MS);
        if !due || self.live.iter().all(Live::is_well) {
            return;
        }
        self.looked = Instant::now();
        for live in self.live.iter_mut().filter(|live| !live.is_well()) {
            match table::checkpoint(&self.place.pool, live.projection.name()).await {
                Ok(Some(found))
                    if found.generation != live.checkpoint.generation
                        && found.version == live.projection.version() =>
                {
                    live.checkpoint = Checkpoint { poison: None, ..found };
                    live.rows = Rows::default();
                }
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, "a stopped read model cannot be looked at"),
            }
        }
    }
}

/// After an error: goes on from what is stored, which another process may have written, swapped or dropped. Answers with
/// the keys another process may have changed meanwhile.
async fn mend(place: &Place, live: &mut Live, error: ReadError, entries: &[Entry]) -> Touched {
    let name = live.projection.name();
    live.rows = Rows::default();
    match (&error, again(place, live).await) {
        (ReadError::Overtaken(_), Ok(found)) => {
            let before = std::mem::replace(&mut live.checkpoint, found);
            if before.place() == live.checkpoint.place() {
                // It stands where it stood: somebody holds the row back. Not at once again.
                live.rest();
            }
            let until = entries.partition_point(|entry| entry.position <= live.checkpoint.position);
            let (keys, _) = fold::touched(live.projection.as_ref(), entries.get(..until).unwrap_or_default());
            keys.into_iter().map(|key| (name, key)).collect()
        }
        (_, found) => {
            if live.failing.replace(error.to_string()).is_none() {
                tracing::warn!(projection = name, %error, "a read model waits");
            }
            live.rest();
            match found {
                Ok(found) => live.checkpoint = found,
                Err(error) => tracing::debug!(projection = name, %error, "its checkpoint cannot be read"),
            }
            vec![]
        }
    }
}

/// The checkpoint as stored; a new table where there is none.
async fn again(place: &Place, live: &Live) -> Result<Checkpoint, ReadError> {
    let projection = live.projection.as_ref();
    table::prepare(&place.pool).await?;
    match table::checkpoint(&place.pool, projection.name()).await? {
        // A process of another version keeps it now. Taking it back would only have the two undo each other's work.
        Some(found) if found.version != projection.version() => {
            let why = format!("a program with version {} of this read model keeps it now", found.version);
            Ok(Checkpoint { poison: Some((found.position + 1, why)), ..found })
        }
        Some(found) if table::exists(&place.pool, projection.name()).await? => Ok(found),
        _ => table::begin(&place.pool, projection, None).await,
    }
}

/// A checkpoint that knows events the log does not have: that model was made from another log. The log is asked after the
/// checkpoint, so one that somebody moves on meanwhile is not mistaken for it.
async fn beyond_the_log(store: &Store, pool: &PgPool, name: &str) -> Result<Option<Checkpoint>, ReadError> {
    let found = table::checkpoint(pool, name).await?;
    let head = store.head().await?.position;
    Ok(found.filter(|found| found.position > head))
}

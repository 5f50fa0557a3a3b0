//! Proving that the log is the one that was written.
//!
//! Begin with [`Store::verify`]. It checks that positions and each stream's versions have no gap, that every
//! event's hash follows from its content and the hash before it, that payloads open where their keys are at
//! hand, and that the head and the streams table agree with the events. What it cannot see alone is a log whose
//! whole tail was rewritten or cut off together with the head: give [`Store::verify_with`] heads that were kept
//! elsewhere.

use crate::{
    copy::CopyRows,
    error::{StoreError, chain_of},
    names::Names,
    rows::{Keys, Raw},
    store::{Core, Store},
    types::{Category, Head},
};
use bytes::Bytes;
use std::{collections::HashMap, collections::VecDeque, sync::Arc};
use tokio::task::JoinHandle;
use uuid::Uuid;

/// The first event that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    pub position: i64,
    pub why: String,
}

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyReport {
    /// Events looked at, up to the first bad one.
    pub events: i64,
    /// Of these, payloads that opened.
    pub opened: i64,
    /// Of these, payloads whose key was destroyed on purpose.
    pub shredded: i64,
    /// Of these, payloads not opened because the key ring lacks the key; their hashes were checked.
    pub unopened: i64,
    pub ok: bool,
    pub first_bad: Option<Bad>,
    /// The head that was verified against.
    pub head: Head,
}

/// Chunks hashed at the same time.
const CHUNKS_AT_ONCE: usize = 4;

impl Store {
    /// Verifies the events from position `from` to position `to`; `1` and `i64::MAX` for all. The hash before
    /// `from` is taken as given. Events recorded after the start are not looked at.
    pub async fn verify(&self, from: i64, to: i64) -> Result<VerifyReport, StoreError> {
        self.verify_with(from, to, &[]).await
    }

    /// [`Store::verify`], comparing also with `anchors`: heads of this log that were kept elsewhere.
    pub async fn verify_with(
        &self,
        from: i64,
        to: i64,
        anchors: &[Head],
    ) -> Result<VerifyReport, StoreError> {
        let core = self.core();
        let head = crate::read::head(core).await?;
        let (from, wanted) = (from.max(1), to.min(head.position));
        let mut report =
            VerifyReport { events: 0, opened: 0, shredded: 0, unopened: 0, ok: false, first_bad: None, head };
        let mut scan = Scan::start(core, from, wanted).await?;
        let bad = scan.run(core, &mut report, anchors).await?;
        let bad = match bad {
            None if to >= head.position => against_tables(core, &scan, from, head, anchors).await?,
            found => found,
        };
        report.ok = bad.is_none();
        report.first_bad = bad;
        Ok(report)
    }
}

/// A pass over the events.
struct Scan {
    from: i64,
    to: i64,
    rows: CopyRows,
    /// Hash stored at the last position cut off so far; `None` if there is none to go by.
    before: Option<[u8; 32]>,
    next: i64,
    versions: HashMap<Uuid, i64>,
    last_chain: Option<[u8; 32]>,
}

/// What a worker found out about a chunk.
struct Checked {
    raws: Vec<Raw>,
    bad: Option<Bad>,
    opened: i64,
    shredded: i64,
    unopened: i64,
}

impl Scan {
    async fn start(core: &Core, from: i64, to: i64) -> Result<Self, StoreError> {
        const CHAIN_AT: &str = "select chain from log.events where position = $1";
        let before = match from {
            1 => Some([0; 32]),
            from => {
                let rows = core.pool.query("reading a chain value", CHAIN_AT, &[&(from - 1)]).await?;
                rows.first().and_then(|row| row.get::<_, &[u8]>(0).try_into().ok())
            }
        };
        let rows = CopyRows::start(&core.pool, from - 1, to).await?;
        Ok(Self { from, to, rows, before, next: from, versions: HashMap::new(), last_chain: before })
    }

    async fn run(
        &mut self,
        core: &Arc<Core>,
        report: &mut VerifyReport,
        anchors: &[Head],
    ) -> Result<Option<Bad>, StoreError> {
        if self.from <= self.to && self.before.is_none() {
            return Ok(Some(bad(self.from - 1, "it is missing")));
        }
        let mut working: VecDeque<JoinHandle<Checked>> = VecDeque::new();
        let mut ended = false;
        loop {
            while !ended && working.len() < CHUNKS_AT_ONCE {
                let tuples = self.rows.chunk().await?;
                ended = tuples.is_empty();
                if !ended {
                    working.push_back(self.check(core, tuples).await?);
                }
            }
            let Some(chunk) = working.pop_front() else { break };
            let checked = chunk.await.map_err(|_| StoreError::Stopped)?;
            report.opened += checked.opened;
            report.shredded += checked.shredded;
            report.unopened += checked.unopened;
            if let Some(found) = self.follow(&checked, report, anchors) {
                return Ok(Some(found));
            }
        }
        Ok((self.next <= self.to).then(|| bad(self.next, "it is missing")))
    }

    /// Hands a chunk to a worker, with the stored hash before it and whatever keys there are.
    async fn check(&mut self, core: &Core, tuples: Vec<Bytes>) -> Result<JoinHandle<Checked>, StoreError> {
        let mut raws = Vec::with_capacity(tuples.len());
        let mut unreadable = None;
        for tuple in &tuples {
            match Raw::from_tuple(tuple) {
                Ok(raw) => raws.push(raw),
                Err(error) => {
                    let position = raws.last().map_or(self.from, |raw: &Raw| raw.position + 1);
                    unreadable = Some(bad(position, &error.to_string()));
                    break;
                }
            }
        }
        let names = core.names.covering(&core.pool, raws.iter().map(|raw| raw.type_id)).await?;
        let keys = match core.keys.for_opening(&core.pool, raws.iter().map(|raw| raw.key_id)).await {
            Ok(keys) => Some(keys),
            // Without keys the hashes still tell.
            Err(error @ StoreError::Key { .. }) => {
                tracing::warn!(error = chain_of(&error), "payloads are verified by their hashes only");
                None
            }
            Err(error) => return Err(error),
        };
        let before = self.before;
        self.before = raws.last().map(|raw| raw.chain).or(before);
        Ok(tokio::task::spawn_blocking(move || check_chunk(raws, unreadable, before, &names, keys.as_ref())))
    }

    /// Checks what needs the whole order: gaps, versions, anchors. Returns the first bad event of the chunk.
    fn follow(&mut self, checked: &Checked, report: &mut VerifyReport, anchors: &[Head]) -> Option<Bad> {
        for raw in &checked.raws {
            if raw.position != self.next {
                return Some(bad(self.next, "it is missing"));
            }
            if let Some(found) = checked.bad.as_ref().filter(|found| found.position <= raw.position) {
                return Some(found.clone());
            }
            let version = self.versions.entry(raw.stream_id).or_insert(match self.from {
                1 => 0,
                _ => raw.version - 1,
            });
            if raw.version != *version + 1 {
                let why =
                    format!("it has version {} of its stream where {} was due", raw.version, *version + 1);
                return Some(bad(raw.position, &why));
            }
            *version = raw.version;
            if anchors.iter().any(|anchor| anchor.position == raw.position && anchor.chain != raw.chain) {
                return Some(bad(raw.position, "its hash is not the one that was kept elsewhere"));
            }
            self.next += 1;
            self.last_chain = Some(raw.chain);
            report.events += 1;
        }
        checked.bad.clone()
    }
}

fn check_chunk(
    raws: Vec<Raw>,
    unreadable: Option<Bad>,
    before: Option<[u8; 32]>,
    names: &Names,
    keys: Option<&Keys>,
) -> Checked {
    let mut checked = Checked { raws, bad: None, opened: 0, shredded: 0, unopened: 0 };
    let mut before = before.unwrap_or_default();
    for raw in &checked.raws {
        let why = match names.name(raw.type_id) {
            None => Some(format!("its type number {} has no name", raw.type_id)),
            Some(name) if raw.link(&name).after(&before) != raw.chain => {
                Some("its hash does not follow from its content and the event before it".into())
            }
            Some(_) if Category::from_number(raw.category).is_none() => {
                Some(format!("its category {} is not known", raw.category))
            }
            Some(_) => match keys.map(|keys| raw.open_payload(keys)) {
                None => {
                    checked.unopened += 1;
                    None
                }
                Some(Ok(payload)) => {
                    match payload.open() {
                        Some(_) => checked.opened += 1,
                        None => checked.shredded += 1,
                    }
                    None
                }
                Some(Err(error)) => Some(error.to_string()),
            },
        };
        if let Some(why) = why {
            checked.bad = Some(bad(raw.position, &why));
            return checked;
        }
        before = raw.chain;
    }
    checked.bad = unreadable;
    checked
}

/// The rows beside the events: the head, events beyond it, the streams table, and anchors beyond the end.
async fn against_tables(
    core: &Core,
    scan: &Scan,
    from: i64,
    head: Head,
    anchors: &[Head],
) -> Result<Option<Bad>, StoreError> {
    const STREAMS: &str = "select stream_id, version from log.streams where last_position <= $1";
    const BEYOND: &str = "select min(e.position) from log.events e, log.head h where e.position > h.position";
    if head.position > 0 && from <= head.position && scan.last_chain != Some(head.chain) {
        return Ok(Some(bad(head.position, "the head row has another hash than the last event")));
    }
    if let Some(anchor) =
        anchors.iter().filter(|anchor| anchor.position > head.position).min_by_key(|a| a.position)
    {
        let why =
            format!("it was there (its hash was kept up to {}), now the log ends before it", anchor.position);
        return Ok(Some(bad(head.position + 1, &why)));
    }
    let beyond = core.pool.query("looking beyond the head", BEYOND, &[]).await?;
    if let Some(position) = beyond.first().and_then(|row| row.get::<_, Option<i64>>(0)) {
        return Ok(Some(bad(position, "it lies beyond the head: it was not recorded by an append")));
    }
    if from > 1 {
        return Ok(None);
    }
    let rows = core.pool.query("reading stream versions", STREAMS, &[&head.position]).await?;
    for row in &rows {
        let (stream, version): (Uuid, i64) = (row.get(0), row.get(1));
        let found = scan.versions.get(&stream).copied().unwrap_or(0);
        if found != version {
            let why = format!(
                "the streams table has stream {stream} at version {version}, its events end at {found}"
            );
            return Ok(Some(bad(head.position, &why)));
        }
    }
    Ok(None)
}

fn bad(position: i64, why: &str) -> Bad {
    Bad { position, why: why.into() }
}

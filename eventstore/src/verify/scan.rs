//! The pass over the events: read in order, hashed on worker threads, followed link by link.

use super::{Bad, VerifyReport, bad};
use crate::{
    copy::CopyRows,
    error::{StoreError, chain_of},
    names::Names,
    rows::{Keys, Raw},
    seal::{self, Checkpoint, Hash},
    store::Core,
    types::{Category, Head},
};
use bytes::Bytes;
use secrets::PublicKey;
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};
use tokio::task::JoinHandle;
use uuid::Uuid;

/// Chunks hashed at the same time.
const CHUNKS_AT_ONCE: usize = 4;
/// Checkpoints read at once.
const SEALS_PAGE: i64 = 1_000;

/// A pass over the events.
pub(super) struct Scan<'a> {
    from: i64,
    to: i64,
    rows: CopyRows,
    /// Read anew: a process that knew a name from before would not see that it was changed.
    names: Arc<Names>,
    /// Hash stored at the last position cut off so far; `None` if there is none to go by.
    before: Option<[u8; 32]>,
    next: i64,
    /// The last event of each stream.
    pub streams: HashMap<Uuid, StreamEnd>,
    pub last_chain: Option<[u8; 32]>,
    /// Heads kept elsewhere that are still to come, in order.
    heads: std::iter::Peekable<std::slice::Iter<'a, Head>>,
    seals: Seals<'a>,
}

/// Where a stream ends: by its events, or by its row in the streams table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StreamEnd {
    pub category: i16,
    pub version: i64,
    pub position: i64,
}

/// What a worker found out about a chunk.
struct Checked {
    raws: Vec<Raw>,
    bad: Option<Bad>,
    opened: i64,
    shredded: i64,
    unopened: i64,
}

impl<'a> Scan<'a> {
    pub async fn start(
        core: &Core,
        from: i64,
        to: i64,
        heads: &'a [Head],
        keys: &'a [PublicKey],
    ) -> Result<Self, StoreError> {
        const CHAIN_AT: &str = "select chain from log.events where position = $1";
        let before = match from {
            1 => Some([0; 32]),
            from => {
                let rows = core.pool.query("reading a chain value", CHAIN_AT, &[&(from - 1)]).await?;
                rows.first().and_then(|row| row.get::<_, &[u8]>(0).try_into().ok())
            }
        };
        let names = Arc::new(Names::stored(&core.pool).await?);
        let rows = CopyRows::start(&core.pool, from - 1, to).await?;
        let mut heads = heads.iter().peekable();
        while heads.next_if(|head| head.position < from).is_some() {}
        let seals =
            Seals { keys, waiting: VecDeque::new(), ended: false, range: Vec::new(), from, last: from - 1 };
        let streams = HashMap::new();
        Ok(Self { from, to, rows, names, before, next: from, streams, last_chain: before, heads, seals })
    }

    pub async fn run(
        &mut self,
        core: &Arc<Core>,
        report: &mut VerifyReport,
        mut progress: impl FnMut(i64, i64),
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
            if let Some(last) = checked.raws.last() {
                self.seals.load(core, last.position).await?;
            }
            if let Some(found) = self.follow(&checked, report) {
                return Ok(Some(found));
            }
            progress(report.events, self.to - self.from + 1);
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
        let names = self.names.clone();
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
    fn follow(&mut self, checked: &Checked, report: &mut VerifyReport) -> Option<Bad> {
        for raw in &checked.raws {
            if raw.position != self.next {
                return Some(bad(self.next, "it is missing"));
            }
            if let Some(found) = checked.bad.as_ref().filter(|found| found.position <= raw.position) {
                return Some(found.clone());
            }
            let known = self.streams.get(&raw.stream_id);
            let due = match (known, self.from) {
                (Some(end), _) => end.version + 1,
                (None, 1) => 1,
                (None, _) => raw.version,
            };
            if raw.version != due {
                let why = format!("it has version {} of its stream where {due} was due", raw.version);
                return Some(bad(raw.position, &why));
            }
            if known.is_some_and(|end| end.category != raw.category) {
                return Some(bad(raw.position, "its category is not the one of its stream"));
            }
            let end = StreamEnd { category: raw.category, version: raw.version, position: raw.position };
            self.streams.insert(raw.stream_id, end);
            while let Some(kept) = self.heads.next_if(|head| head.position <= raw.position) {
                if kept.chain != raw.chain {
                    return Some(bad(raw.position, "its hash is not the one that was kept elsewhere"));
                }
                report.anchored_to = raw.position;
            }
            match self.seals.pass(raw) {
                Ok(true) => report.sealed_to = raw.position,
                Ok(false) => {}
                Err(found) => return Some(found),
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

/// The stored checkpoints, held against the events they cover.
struct Seals<'a> {
    keys: &'a [PublicKey],
    waiting: VecDeque<Checkpoint>,
    ended: bool,
    /// Chain values since the last checkpoint.
    range: Vec<Hash>,
    /// Where the scan began: the range of the first checkpoint may reach back before it.
    from: i64,
    /// Position of the last checkpoint loaded.
    last: i64,
}

impl Seals<'_> {
    /// Makes sure that the checkpoints up to this position are at hand.
    async fn load(&mut self, core: &Core, to: i64) -> Result<(), StoreError> {
        while !self.ended && self.last < to {
            let page = seal::stored(core, self.last, SEALS_PAGE).await?;
            self.ended = page.len() < SEALS_PAGE as usize;
            self.last = page.last().map_or(self.last, |last| last.position);
            self.waiting.extend(page);
        }
        Ok(())
    }

    /// Goes past one event; true if a checkpoint ends here and holds.
    fn pass(&mut self, raw: &Raw) -> Result<bool, Bad> {
        self.range.push(raw.chain);
        let Some(sealed) = self.waiting.front().filter(|sealed| sealed.position <= raw.position).cloned()
        else {
            return Ok(false);
        };
        self.waiting.pop_front();
        let range = std::mem::take(&mut self.range);
        if sealed.chain != raw.chain || sealed.position != raw.position {
            return Err(bad(
                sealed.from.max(self.from),
                &format!("or a later one up to {} is not the one that was sealed there", sealed.position),
            ));
        }
        let whole = sealed.from >= self.from;
        if whole
            && (range.len() as i64 != sealed.position - sealed.from + 1
                || seal::root(&range) != sealed.merkle_root)
        {
            return Err(bad(raw.position, "the checkpoint that ends here has another range or Merkle root"));
        }
        if !self.keys.is_empty() && !sealed.is_signed_by(self.keys) {
            return Err(bad(
                raw.position,
                "the checkpoint that ends here is not signed by a key that is trusted",
            ));
        }
        Ok(true)
    }
}

/// The chain values from `from` to `to`, each recomputed from its row; `before` is the one before them.
pub(crate) async fn links(
    core: &Core,
    from: i64,
    to: i64,
    mut before: Hash,
) -> Result<Result<Vec<Hash>, Bad>, StoreError> {
    let mut rows = CopyRows::start(&core.pool, from - 1, to).await?;
    let mut chains: Vec<Hash> = Vec::new();
    loop {
        let tuples = rows.chunk().await?;
        let next = from + chains.len() as i64;
        if tuples.is_empty() {
            return Ok(if next > to { Ok(chains) } else { Err(bad(next, "it is missing")) });
        }
        let raws = match tuples.iter().map(Raw::from_tuple).collect::<Result<Vec<_>, _>>() {
            Ok(raws) => raws,
            Err(error) => return Ok(Err(bad(next, &error.to_string()))),
        };
        let names = core.names.covering(&core.pool, raws.iter().map(|raw| raw.type_id)).await?;
        if let Some((n, _)) = raws.iter().enumerate().find(|(n, raw)| raw.position != next + *n as i64) {
            return Ok(Err(bad(next + n as i64, "it is missing")));
        }
        let checking =
            tokio::task::spawn_blocking(move || check_chunk(raws, None, Some(before), &names, None));
        let checked = checking.await.map_err(|_| StoreError::Stopped)?;
        if let Some(found) = checked.bad {
            return Ok(Err(found));
        }
        chains.extend(checked.raws.iter().map(|raw| raw.chain));
        before = chains.last().copied().unwrap_or(before);
    }
}

//! [`Follow`]: the pass over the events, in order, link by link.

use crate::{
    Bad, Checkpoint, Event, Evidence, Hash, ReadError, Report, Tree, bad,
    rows::{self, Cursor, Snapshot, StreamEnd},
};
use std::collections::{HashMap, VecDeque};

/// What is carried from one event to the next.
pub(crate) struct Follow<'a> {
    names: HashMap<i16, String>,
    evidence: &'a Evidence,
    /// Of `evidence.heads()`, how many are passed.
    heads_passed: usize,
    /// The last event of each stream: the one part that grows with the log.
    pub streams: HashMap<[u8; 16], StreamEnd>,
    pub next: i64,
    pub last: Hash,
    /// The events since the last checkpoint.
    tree: Tree,
    /// The position before the first of them.
    sealed_before: i64,
}

impl<'a> Follow<'a> {
    pub fn new(names: HashMap<i16, String>, evidence: &'a Evidence) -> Self {
        Self {
            names,
            evidence,
            heads_passed: 0,
            streams: HashMap::new(),
            next: 1,
            last: [0; 32],
            tree: Tree::default(),
            sealed_before: 0,
        }
    }

    pub fn stream_count(&self) -> usize {
        self.streams.len()
    }

    /// Goes through all events up to the head; returns the first bad one.
    pub async fn events(
        &mut self,
        snapshot: &Snapshot<'_>,
        report: &mut Report,
    ) -> Result<Option<Bad>, ReadError> {
        let to = report.head.position;
        let query = format!("{} where position <= {to} order by position", rows::EVENTS);
        let events = snapshot.cursor("verify_events", &query).await?;
        let mut seals = Seals::open(snapshot).await?;
        loop {
            let page = snapshot.page(&events).await?;
            if page.is_empty() {
                return Ok((self.next <= to).then(|| bad(self.next, "it is missing")));
            }
            for row in &page {
                let event = match rows::event(row) {
                    Ok(event) => event,
                    Err(odd) => return Ok(Some(odd.at(self.next))),
                };
                if let Err(found) = self.event(event, report) {
                    return Ok(Some(found));
                }
                match seals.due(snapshot, event.position).await? {
                    Ok(None) => {}
                    Ok(Some(seal)) => match self.sealed(&seal, &event) {
                        Ok(()) => {
                            report.seals += 1;
                            report.sealed_to = event.position;
                        }
                        Err(found) => return Ok(Some(found)),
                    },
                    Err(found) => return Ok(Some(found)),
                }
                report.events += 1;
            }
        }
    }

    /// Position, hash, version, evidence: in this order, as the document has it.
    fn event(&mut self, event: Event<'_>, report: &mut Report) -> Result<(), Bad> {
        if event.position < self.next {
            return Err(bad(event.position, "it lies where no event can be"));
        }
        if event.position > self.next {
            return Err(bad(self.next, "it is missing"));
        }
        let here = |why: &str| Err(bad(event.position, why));
        let Some(name) = self.names.get(&event.type_id) else {
            return here(&format!("its type number {} has no name", event.type_id));
        };
        let named = Event { type_name: name, ..event };
        if named.hash(&self.last) != event.chain {
            return here("its hash does not follow from its content and the event before it");
        }
        let end = self.streams.get(&event.stream);
        let due = end.map_or(0, |end| end.version) + 1;
        if event.version != due {
            return here(&format!("it has version {} of its stream where {due} was due", event.version));
        }
        if end.is_some_and(|end| end.category != event.category) {
            return here("its category is not the one of its stream");
        }
        let end = StreamEnd { category: event.category, version: event.version, position: event.position };
        self.streams.insert(event.stream, end);
        while let Some(kept) =
            self.evidence.heads().get(self.heads_passed).filter(|kept| kept.position <= event.position)
        {
            if kept.chain != event.chain {
                return here("its hash is not the one that was kept outside");
            }
            self.heads_passed += 1;
            report.evidence_to = event.position;
        }
        self.next += 1;
        self.last = event.chain;
        self.tree.push(&event.chain);
        Ok(())
    }

    /// A checkpoint ends at this event.
    fn sealed(&mut self, seal: &Checkpoint, event: &Event<'_>) -> Result<(), Bad> {
        if seal.position != event.position || seal.chain != event.chain {
            let why = format!("or a later one up to {} is not the one that was sealed", seal.position);
            return Err(bad(seal.from, why));
        }
        let tree = std::mem::take(&mut self.tree);
        let here = |why: &str| Err(bad(event.position, why));
        if seal.from != self.sealed_before + 1 {
            return here("the checkpoint that ends here does not begin where the one before ended");
        }
        if seal.position - seal.from + 1 != tree.leaves() || seal.root != tree.root() {
            return here("the checkpoint that ends here has another Merkle root");
        }
        if !self.evidence.keys().is_empty() && !seal.is_signed_by(self.evidence.keys()) {
            return here("the checkpoint that ends here is not signed by a trusted key");
        }
        self.sealed_before = seal.position;
        Ok(())
    }

    /// The first piece of evidence about a position that the log does not reach.
    pub fn evidence_beyond(&self) -> Option<i64> {
        self.evidence.heads().get(self.heads_passed).map(|kept| kept.position)
    }
}

/// The rows of `log.seals`, page by page.
struct Seals {
    cursor: Cursor,
    page: VecDeque<tokio_postgres::Row>,
    ended: bool,
}

impl Seals {
    async fn open(snapshot: &Snapshot<'_>) -> Result<Self, ReadError> {
        let cursor = snapshot.cursor("verify_seals", rows::SEALS).await?;
        Ok(Self { cursor, page: VecDeque::new(), ended: false })
    }

    /// The next checkpoint, if it ends at this position or before.
    async fn due(
        &mut self,
        snapshot: &Snapshot<'_>,
        position: i64,
    ) -> Result<Result<Option<Checkpoint>, Bad>, ReadError> {
        if self.page.is_empty() && !self.ended {
            self.page = snapshot.page(&self.cursor).await?.into();
            self.ended = self.page.is_empty();
        }
        let Some(row) = self.page.front() else { return Ok(Ok(None)) };
        // Only the position, because this is asked for every event.
        if row.try_get::<_, i64>("position").is_ok_and(|end| end > position) {
            return Ok(Ok(None));
        }
        let seal = rows::seal(row).map_err(|odd| odd.at(position));
        self.page.pop_front();
        Ok(seal.map(Some))
    }
}

//! The rows beside the events: the head, events and checkpoints beyond it, the streams table, evidence beyond the
//! end.

use super::{
    Bad, bad,
    scan::{Scan, StreamEnd},
};
use crate::{error::StoreError, store::Core, types::Head};
use uuid::Uuid;

/// The rows beside the events: the head, events beyond it, the streams table, and anchors beyond the end.
pub(super) async fn tables(
    core: &Core,
    scan: &Scan<'_>,
    from: i64,
    head: Head,
    anchors: &[Head],
) -> Result<Option<Bad>, StoreError> {
    const SEALED_BEYOND: &str =
        "select max(s.position) from log.seals s, log.head h where s.position > h.position";
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
    let sealed = core.pool.query("looking for checkpoints beyond the head", SEALED_BEYOND, &[]).await?;
    if let Some(position) = sealed.first().and_then(|row| row.get::<_, Option<i64>>(0)) {
        let why = format!("it was there: a checkpoint covers the log up to {position}, now it ends before");
        return Ok(Some(bad(head.position + 1, &why)));
    }
    if from > 1 {
        return Ok(None);
    }
    streams(core, scan, head).await
}

/// Holds the streams table against the events. Streams may have grown since the events were read: a row beyond
/// `head` is held against the event that it names.
async fn streams(core: &Core, scan: &Scan<'_>, head: Head) -> Result<Option<Bad>, StoreError> {
    const STREAMS: &str = "select stream_id, category, version, last_position, last_position > $1 and exists \
        (select from log.events e where e.position = s.last_position and e.stream_id = s.stream_id \
            and e.version = s.version and e.category = s.category) from log.streams s";
    let mut known = 0;
    for row in core.pool.query("reading streams", STREAMS, &[&head.position]).await? {
        let stream: Uuid = row.get(0);
        let end = StreamEnd { category: row.get(1), version: row.get(2), position: row.get(3) };
        let by_events = scan.streams.get(&stream);
        known += usize::from(by_events.is_some());
        let agrees = match end.position > head.position {
            true => row.get(4) && by_events.is_none_or(|found| found.version < end.version),
            false => by_events == Some(&end),
        };
        if !agrees {
            let why = match by_events {
                Some(found) => format!(
                    "the streams table has stream {stream} at version {}, its events end at {}",
                    end.version, found.version
                ),
                None => format!("the streams table has stream {stream}, which has no such event"),
            };
            return Ok(Some(bad(head.position, &why)));
        }
    }
    let missing = scan.streams.len() - known;
    Ok((missing > 0).then(|| bad(head.position, &format!("the streams table lacks {missing} streams"))))
}

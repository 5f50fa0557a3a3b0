//! The rows beside the events: the head, events and checkpoints beyond it, the streams table, evidence beyond the
//! end.

use super::{Bad, bad, scan::Scan};
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
    const STREAMS: &str = "select stream_id, version from log.streams where last_position <= $1";
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

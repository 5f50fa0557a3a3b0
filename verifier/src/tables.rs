//! What stands beside the events: the head, rows beyond it, and the table of streams.

use crate::{
    Bad, Head, ReadError, bad,
    follow::Follow,
    rows::{self, Snapshot},
};

/// Holds the other tables against events that are good.
pub(crate) async fn agree(
    snapshot: &Snapshot<'_>,
    follow: &Follow<'_>,
    head: Head,
) -> Result<Option<Bad>, ReadError> {
    const DOING: &str = "looking beyond the head";
    if follow.last != head.chain {
        return Ok(Some(bad(head.position.max(1), "the head has another hash than the last event")));
    }
    let gone = |upto: i64| {
        Some(bad(head.position + 1, format!("it was there: the log reached {upto} once, now it ends before")))
    };
    if let Some(upto) = follow.evidence_beyond() {
        return Ok(gone(upto));
    }
    let beyond = "select min(e.position) from log.events e, log.head h where e.position > h.position";
    if let Some(position) = first_number(&snapshot.rows(DOING, beyond).await?) {
        return Ok(Some(bad(position, "it lies beyond the head")));
    }
    let sealed = "select max(s.position) from log.seals s, log.head h where s.position > h.position";
    if let Some(upto) = first_number(&snapshot.rows(DOING, sealed).await?) {
        return Ok(gone(upto));
    }
    streams(snapshot, follow, head).await
}

fn first_number(rows: &[tokio_postgres::Row]) -> Option<i64> {
    rows.first().and_then(|row| row.try_get::<_, Option<i64>>(0).ok().flatten())
}

async fn streams(snapshot: &Snapshot<'_>, follow: &Follow<'_>, head: Head) -> Result<Option<Bad>, ReadError> {
    let here = |why: String| Ok(Some(bad(head.position, why)));
    let cursor = snapshot.cursor("verify_streams", rows::STREAMS).await?;
    let mut seen = 0;
    loop {
        let page = snapshot.page(&cursor).await?;
        if page.is_empty() {
            break;
        }
        for row in &page {
            let (stream, end) = match rows::stream(row) {
                Ok(read) => read,
                Err(odd) => return Ok(Some(odd.at(head.position))),
            };
            if follow.streams.get(&stream) != Some(&end) {
                let stream = hex::encode(stream);
                return here(format!("the streams table disagrees with the events about stream {stream}"));
            }
            seen += 1;
        }
    }
    // Rows have one stream each by the primary key, so as many rows as streams are all of them.
    match seen == follow.streams.len() {
        true => Ok(None),
        false => here(format!("the streams table has {seen} streams, the events {}", follow.streams.len())),
    }
}

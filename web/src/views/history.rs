//! History's pages.

use crate::frame::Frame;
use crate::pages::{Pager, history as page};
use crate::parts::{Ago, Copy, Moment};
use chrono::{DateTime, Utc};
use projections::model::HistoryRow;

pub fn line(row: &HistoryRow, now: DateTime<Utc>) -> page::Line {
    page::Line {
        position: row.position,
        at: Ago { at: row.at, now },
        sentence: row.sentence.clone(),
        bad: row.failed,
    }
}

pub fn list_page(
    f: Frame,
    filter: page::Filter,
    people: Vec<String>,
    rows: &[HistoryRow],
    pager: Pager,
    export: String,
) -> page::HistoryPage {
    let lines = rows.iter().map(|row| line(row, f.now)).collect();
    page::HistoryPage { filter, people, lines, pager, export, f }
}

/// What the log itself says about an event, beside its row.
pub struct Logged {
    pub id: String,
    pub correlation: Option<String>,
    pub causation: Option<i64>,
    /// Readable JSON; none where it was erased.
    pub payload: Option<String>,
    /// Hex of the chain value.
    pub hash: String,
    /// The log goes on after it.
    pub has_next: bool,
}

pub fn event_page(f: Frame, row: &HistoryRow, logged: Logged, chain: &[HistoryRow]) -> page::EventPage {
    page::EventPage {
        position: row.position,
        sentence: row.sentence.clone(),
        at: Moment(row.at),
        ago: Ago { at: row.at, now: f.now },
        id: logged.id,
        tag: row.tag.clone(),
        stream: format!("{}/{}", row.category.name(), row.stream),
        version: row.version,
        actor: if row.person.is_empty() { "the Agent".into() } else { row.person.clone() },
        correlation: logged.correlation,
        causation: logged.causation,
        chain: chain.iter().map(|row| line(row, f.now)).collect(),
        payload: logged.payload,
        copy: Copy { text: logged.hash.clone(), label: "Copy" },
        hash: logged.hash,
        before: (row.position > 1).then(|| row.position - 1),
        after: logged.has_next.then(|| row.position + 1),
        f,
    }
}

//! The rows a fold works on: loaded as text, kept as values while they are folded, written as text again.
//!
//! Begin with [`Rows`]. A row is parsed when the fold first asks for it and serialised when the group is over, not once
//! for each event: that is most of what a rebuild costs.
//!
//! A rebuild keeps many rows: [`Rows::weight`] says how much they take, [`Rows::evict`] hands out what was not touched of
//! late.
//!
//! Never here: the database. Who loads and writes is the projector or a rebuild.

use crate::limits::{KEY_BYTES_MAX, SLOT_BYTES};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::ser::{CharEscape, CompactFormatter, Formatter};
use std::any::Any;
use std::collections::HashMap;
use std::io;

/// One row: where it stands in lists, and its content as JSON. Fields stand in the order of the type and maps are
/// sorted, so equal content is equal bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub rank: i64,
    pub doc: String,
}

/// Rank of rows that are for the fold itself: no list shows them.
pub const HIDDEN: i64 = -1;

/// Why an event cannot be folded.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Poison(pub String);

/// What a row may hold.
pub trait Doc: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {}

impl<T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> Doc for T {}

/// The rows a group of events touches.
#[derive(Default)]
pub struct Rows {
    slots: HashMap<String, Slot>,
}

struct Slot {
    /// As it was loaded or last settled; none: known to be absent.
    stored: Option<Row>,
    /// As it is now, once somebody asked for it or put it.
    held: Option<Held>,
    /// It may differ from what is stored. With nothing held: it was removed.
    changed: bool,
    /// Named since the last eviction.
    touched: bool,
}

impl Slot {
    fn bytes(&self, key: &str) -> usize {
        key.len() + self.stored.as_ref().map_or(0, |row| row.doc.len()) + SLOT_BYTES
    }

    /// Its content as text, serialised if it was changed; none: it is not there (any more).
    fn settle(&mut self, key: &str) -> Result<Option<Option<Row>>, Poison> {
        let held = self.held.take();
        if !std::mem::take(&mut self.changed) {
            return Ok(None);
        }
        let Some(Held { rank, value, write }) = held else { return Ok(Some(None)) };
        let doc = write(value.as_ref()).map_err(|why| Poison(format!("row {key}: {why}")))?;
        Ok(Some(Some(Row { rank, doc })))
    }
}

struct Held {
    rank: i64,
    value: Box<dyn Any + Send + Sync>,
    write: fn(&(dyn Any + Send + Sync)) -> Result<String, String>,
}

impl Held {
    fn new<T: Doc>(rank: i64, value: T) -> Self {
        Self { rank, value: Box::new(value), write: written::<T> }
    }
}

fn written<T: Doc>(value: &(dyn Any + Send + Sync)) -> Result<String, String> {
    let value = value.downcast_ref::<T>().ok_or("it holds something else")?;
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, NoNul);
    value.serialize(&mut serializer).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

/// Postgres cannot hold U+0000 in a JSON value, and what the cluster or a person wrote may contain one. It is shown as
/// the replacement character; the log keeps what was really said.
struct NoNul;

impl Formatter for NoNul {
    fn write_char_escape<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        match escape {
            CharEscape::AsciiControl(0) => writer.write_all("\u{fffd}".as_bytes()),
            escape => CompactFormatter.write_char_escape(writer, escape),
        }
    }
}

/// What became of a row: its new content, or none where it was removed.
pub type Change = (String, Option<Row>);

impl Rows {
    /// Puts in what is stored under a key before the fold asks for it; what is known already stays.
    pub fn load(&mut self, key: String, row: Option<Row>) {
        let slot =
            self.slots.entry(key).or_insert(Slot { stored: row, held: None, changed: false, touched: true });
        slot.touched = true;
    }

    /// Whether this key is known, be it as absent.
    pub(crate) fn knows(&self, key: &str) -> bool {
        self.slots.contains_key(key)
    }

    /// Keys come from events, so from outside: one that cannot be a key is the fault of its event.
    pub fn check_key(key: &str) -> Result<(), Poison> {
        match key.len() > KEY_BYTES_MAX || key.contains('\0') {
            true => Err(Poison(format!("a row key of {} bytes is too long or not text", key.len()))),
            false => Ok(()),
        }
    }

    fn slot(&mut self, key: &str) -> Result<&mut Slot, Poison> {
        self.slots.get_mut(key).ok_or_else(|| Poison(format!("row {key} was not named beforehand")))
    }

    fn held<T: Doc>(&mut self, key: &str) -> Result<Option<(&mut i64, &mut T)>, Poison> {
        let slot = self.slot(key)?;
        if let (None, false, Some(row)) = (&slot.held, slot.changed, &slot.stored) {
            let value: T =
                serde_json::from_str(&row.doc).map_err(|error| Poison(format!("row {key}: {error}")))?;
            slot.held = Some(Held::new(row.rank, value));
        }
        let Some(held) = &mut slot.held else { return Ok(None) };
        match held.value.downcast_mut::<T>() {
            Some(value) => Ok(Some((&mut held.rank, value))),
            None => Err(Poison(format!("row {key} holds something else"))),
        }
    }

    /// A row's content. Asking for a row that the projection did not name is a fault of the projection.
    pub fn get<T: Doc>(&mut self, key: &str) -> Result<Option<T>, Poison> {
        Ok(self.held::<T>(key)?.map(|(_, value)| value.clone()))
    }

    pub fn put<T: Doc>(&mut self, key: &str, rank: i64, doc: T) -> Result<(), Poison> {
        let slot = self.slot(key)?;
        slot.held = Some(Held::new(rank, doc));
        slot.changed = true;
        Ok(())
    }

    pub fn remove(&mut self, key: &str) -> Result<(), Poison> {
        let slot = self.slot(key)?;
        slot.held = None;
        slot.changed = true;
        Ok(())
    }

    /// Changes a row that may be there, in place; does nothing where it is not. `change` answers with its rank.
    pub fn change<T: Doc>(&mut self, key: &str, change: impl FnOnce(&mut T) -> i64) -> Result<(), Poison> {
        let Some((rank, value)) = self.held::<T>(key)? else { return Ok(()) };
        *rank = change(value);
        self.slot(key)?.changed = true;
        Ok(())
    }

    /// The next number of a counter row.
    pub fn count(&mut self, key: &str) -> Result<i64, Poison> {
        let next = self.get::<i64>(key)?.unwrap_or(0) + 1;
        self.put(key, HIDDEN, next)?;
        Ok(next)
    }

    /// Serialises what was changed, keeps that as stored, and answers with what really differs, in the order of keys.
    pub fn settle(&mut self) -> Result<Vec<Change>, Poison> {
        let mut changes = Vec::new();
        for (key, slot) in &mut self.slots {
            let Some(now) = slot.settle(key)? else { continue };
            if slot.stored != now {
                changes.push((key.clone(), now));
            }
        }
        // Only when all could be written: else what is stored stays as it was.
        for (key, now) in &changes {
            if let Some(slot) = self.slots.get_mut(key) {
                slot.stored.clone_from(now);
            }
        }
        changes.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        Ok(changes)
    }

    /// [`Rows::settle`] where nobody asks what changed.
    pub(crate) fn rest(&mut self) -> Result<(), Poison> {
        for (key, slot) in &mut self.slots {
            if let Some(now) = slot.settle(key)? {
                slot.stored = now;
            }
        }
        Ok(())
    }

    /// Undoes what was done since the last [`Rows::settle`].
    pub(crate) fn revert(&mut self) {
        for slot in self.slots.values_mut() {
            slot.held = None;
            slot.changed = false;
        }
    }

    /// A row as it is stored, if it is there.
    pub(crate) fn stored(&self, key: &str) -> Option<&Row> {
        self.slots.get(key)?.stored.as_ref()
    }

    /// Puts a row back as it was.
    pub(crate) fn restore(&mut self, key: String, row: Option<Row>) {
        self.slots.insert(key, Slot { stored: row, held: None, changed: false, touched: true });
    }

    /// What the rows take, in bytes, as of the last [`Rows::rest`]. Values that are held come on top.
    pub(crate) fn weight(&self) -> usize {
        self.slots.iter().map(|(key, slot)| slot.bytes(key)).sum()
    }

    /// Takes out rows until at most `keep_bytes` are left: those that were not named since the last time, or all. They
    /// are settled. Keys known to be absent are forgotten.
    pub(crate) fn evict(&mut self, keep_bytes: usize) -> Vec<(String, Row)> {
        let touched: usize =
            self.slots.iter().filter(|(_, slot)| slot.touched).map(|(key, slot)| slot.bytes(key)).sum();
        let all = touched > keep_bytes;
        let mut out = Vec::new();
        let slots = std::mem::take(&mut self.slots);
        for (key, mut slot) in slots {
            if slot.touched && !all {
                slot.touched = false;
                self.slots.insert(key, slot);
            } else if let Some(row) = slot.stored {
                out.push((key, row));
            }
        }
        out
    }

    /// Everything that is there, in the order of keys, as of the last [`Rows::settle`].
    pub fn all(&self) -> impl Iterator<Item = (&str, &Row)> {
        let mut rows: Vec<(&str, &Row)> = Vec::new();
        rows.extend(self.slots.iter().filter_map(|(key, slot)| Some((key.as_str(), slot.stored.as_ref()?))));
        rows.sort_unstable_by_key(|(key, _)| *key);
        rows.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(keys: &[&str]) -> Rows {
        let mut rows = Rows::default();
        keys.iter().for_each(|key| rows.load((*key).to_owned(), None));
        rows
    }

    #[test]
    fn only_what_differs_in_the_end_is_written() {
        let mut rows = rows(&["a", "b", "c"]);
        rows.load("d".into(), Some(Row { rank: 4, doc: "4".into() }));
        rows.put("a", 1, 1_i64).unwrap();
        rows.put("b", 2, 2_i64).unwrap();
        rows.remove("b").unwrap();
        rows.change("c", |_: &mut i64| 9).unwrap();
        rows.put("d", 4, 4_i64).unwrap();
        assert_eq!(rows.settle().unwrap(), [("a".to_owned(), Some(Row { rank: 1, doc: "1".into() }))]);
        assert!(rows.settle().unwrap().is_empty());
        rows.change("d", |value: &mut i64| *value + 1).unwrap();
        assert_eq!(rows.settle().unwrap(), [("d".to_owned(), Some(Row { rank: 5, doc: "4".into() }))]);
    }

    #[test]
    fn a_row_that_was_not_named_or_is_of_another_kind_is_poison() {
        let mut rows = rows(&["a"]);
        assert!(rows.get::<i64>("b").is_err());
        assert!(rows.put("b", 0, 1_i64).is_err());
        rows.put("a", 0, 1_i64).unwrap();
        assert!(rows.get::<String>("a").is_err());
    }

    #[test]
    fn nul_is_replaced_and_what_only_looks_like_it_stays() {
        let mut rows = rows(&["a"]);
        rows.put("a", 0, "x\u{0}y\\u0000\n\u{1}".to_owned()).unwrap();
        let (_, row) = rows.settle().unwrap().remove(0);
        assert_eq!(row.unwrap().doc, "\"x\u{fffd}y\\\\u0000\\n\\u0001\"");
    }

    #[test]
    fn keys_are_bounded() {
        assert!(Rows::check_key("guest/100").is_ok());
        assert!(Rows::check_key("node/a\0").is_err());
        assert!(Rows::check_key(&"k".repeat(KEY_BYTES_MAX + 1)).is_err());
    }
}

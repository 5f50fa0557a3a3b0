//! Events of every version ever written, read as today's.
//!
//! Begin with [`read`]. A tag is for ever, so a new shape of an event takes the next number, and the shape
//! before it gets a [`Step`] in [`STEPS`] that makes the new one out of it. Steps are taken one after the other
//! until none is left: then it is today's version. No event has changed its shape yet, so [`STEPS`] is empty.
//!
//! What every version looked like stands in `domain/golden/`, which only ever grows; its test reads all of it.
//!
//! Never here: I/O, positions, names of types that change. An event in today's version is parsed once, straight
//! into its type.

mod variants;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
pub use variants::variants;

/// From one version of an event's data to the next.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// The tag without its number: `declaration.drafted`.
    pub name: &'static str,
    /// The version it reads; it makes the one after it.
    pub from: u16,
    /// Pure and total: what it cannot convert it names.
    pub raise: fn(Value) -> Result<Value, String>,
}

/// Every step there is. One is never changed and never leaves.
pub const STEPS: &[Step] = &[];

/// Why recorded data is not an event of today.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("there is no event {name} here")]
    UnknownName { name: String },
    #[error("it was written by a newer version: {name} ends at v{today} here")]
    Newer { name: String, today: u16 },
    #[error("no step leads from {name}.v{at} to v{today}")]
    NoStep { name: String, at: u16, today: u16 },
    #[error("the step from {name}.v{from} failed: {why}")]
    StepFailed { name: String, from: u16, why: String },
    /// The tag is one of today's and the data is not of its shape.
    #[error(transparent)]
    Malformed(#[from] serde_json::Error),
}

/// The event that `data` (JSON bytes) was recorded as under a tag's name and version.
///
/// `E` serialises as `{"type": tag, "data": …}`, its tags written out.
pub fn read<E: DeserializeOwned>(
    steps: &[Step],
    name: &str,
    version: u16,
    data: &[u8],
) -> Result<E, Unreadable> {
    let next = |at| steps.iter().find(|step| step.from == at && step.name == name);
    let mut due = (version..=u16::MAX).map_while(next).peekable();
    let (at, read) = if due.peek().is_none() {
        // A tag is lower-case letters, digits, dots and such: nothing in it needs escaping.
        let tag = format!("{name}.v{version}");
        let json = [br#"{"type":""#, tag.as_bytes(), br#"","data":"#, data, b"}"].concat();
        (version, serde_json::from_slice(&json))
    } else {
        let mut value: Value = serde_json::from_slice(data)?;
        let mut at = version;
        for step in due {
            value = (step.raise)(value).map_err(|why| Unreadable::StepFailed {
                name: name.to_owned(),
                from: step.from,
                why,
            })?;
            at = at.saturating_add(1);
        }
        (at, serde_json::from_value(json!({ "type": format!("{name}.v{at}"), "data": value })))
    };
    read.map_err(|error| why_not::<E>(name, at, error))
}

/// The tag says more than the parser does, unless the tag is one of today's.
fn why_not<E: DeserializeOwned>(name: &str, at: u16, error: serde_json::Error) -> Unreadable {
    let tags = variants::<E>(Some("type"));
    let today = tags.iter().filter_map(|tag| crate::event::split_tag(tag));
    let name_of = || name.to_owned();
    match today.filter(|(known, _)| *known == name).map(|(_, version)| version).max() {
        None if tags.is_empty() => Unreadable::Malformed(error),
        None => Unreadable::UnknownName { name: name_of() },
        Some(today) if at > today => Unreadable::Newer { name: name_of(), today },
        Some(today) if at < today => Unreadable::NoStep { name: name_of(), at, today },
        Some(_) => Unreadable::Malformed(error),
    }
}

#[cfg(test)]
mod tests;

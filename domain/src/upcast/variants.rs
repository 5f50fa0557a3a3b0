//! The names an enum's variants have in JSON, asked of the type itself so that none can be forgotten.
//!
//! serde lists them in the error for a name it does not know; a reader with an error type of its own keeps
//! that list.

use serde::de::value::{MapDeserializer, StrDeserializer};
use serde::de::{self, DeserializeOwned};
use std::{fmt, iter};

/// The variants of `E`, as they are written: `tag` is the key they stand under, or none where the name alone is
/// the value. Empty for what is no such enum.
pub fn variants<E: DeserializeOwned>(tag: Option<&'static str>) -> &'static [&'static str] {
    let read = match tag {
        Some(tag) => E::deserialize(MapDeserializer::<_, Listed>::new(iter::once((tag, "")))),
        None => E::deserialize(StrDeserializer::<Listed>::new("")),
    };
    read.err().map_or(&[], |Listed(names)| names)
}

#[derive(Debug)]
struct Listed(&'static [&'static str]);

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the names are {}", self.0.join(", "))
    }
}

impl std::error::Error for Listed {}

impl de::Error for Listed {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(&[])
    }

    fn unknown_variant(_: &str, names: &'static [&'static str]) -> Self {
        Self(names)
    }
}

//! How declarations and streams are named on the command line.

use eventstore::{Category, StreamId};
use uuid::Uuid;

/// A declaration is named by its number or its id.
#[derive(Clone, Debug)]
pub enum DeclarationRef {
    No(i64),
    Id(Uuid),
}

impl std::str::FromStr for DeclarationRef {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        text.parse()
            .map(Self::No)
            .or_else(|_| text.parse().map(Self::Id))
            .map_err(|_| format!("{text} is neither a number nor an id of a declaration"))
    }
}

/// A stream, as `declaration/0198…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamRef(pub StreamId);

impl std::str::FromStr for StreamRef {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (category, id) =
            text.split_once('/').ok_or_else(|| format!("{text} is not of the form CATEGORY/UUID"))?;
        let category = Category::named(category).ok_or_else(|| {
            let known: Vec<&str> = Category::ALL.iter().map(|category| category.name()).collect();
            format!("there is no category {category}; there are {}", known.join(", "))
        })?;
        let id = id.parse().map_err(|_| format!("{id} is no UUID"))?;
        Ok(Self(StreamId::new(category, id)))
    }
}

/// A stream whose category may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectRef {
    Stream(StreamId),
    Id(Uuid),
}

impl std::str::FromStr for SubjectRef {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(id) => Ok(Self::Id(id)),
            Err(_) => text.parse().map(|StreamRef(stream)| Self::Stream(stream)),
        }
    }
}

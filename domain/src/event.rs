//! What all events have in common: a category, and a tag with a version that is for ever.

use crate::upcast::{self, STEPS, Unreadable};
use crate::{account, cluster, declaration, repository, run, settings};
use serde::{Deserialize, Serialize};

/// The kind of aggregate a stream belongs to. The numbers are stored; they never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    Declaration = 1,
    Run = 2,
    Cluster = 3,
    Account = 4,
    Settings = 5,
    Repository = 6,
}

impl Category {
    pub const ALL: [Category; 6] =
        [Self::Declaration, Self::Run, Self::Cluster, Self::Account, Self::Settings, Self::Repository];

    pub fn number(self) -> i16 {
        self as i16
    }

    pub fn from_number(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.number() == number)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Declaration => "declaration",
            Self::Run => "run",
            Self::Cluster => "cluster",
            Self::Account => "account",
            Self::Settings => "settings",
            Self::Repository => "repository",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.name() == name)
    }
}

/// Splits `declaration.drafted.v1` into `declaration.drafted` and 1.
pub fn split_tag(tag: &str) -> Option<(&str, u16)> {
    let (name, version) = tag.rsplit_once(".v")?;
    Some((name, version.parse().ok()?))
}

/// Any event, read back without knowing its stream beforehand. Untagged: the tags of all aggregates differ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AnyEvent {
    Declaration(declaration::Event),
    Run(run::Event),
    Cluster(cluster::Event),
    Account(account::Event),
    Settings(settings::Event),
    Repository(repository::Event),
}

impl AnyEvent {
    /// Reads what a stream of a known category recorded under a tag's name and version, whatever version.
    pub fn read(category: Category, name: &str, version: u16, data: &[u8]) -> Result<Self, Unreadable> {
        Ok(match category {
            Category::Declaration => Self::Declaration(upcast::read(STEPS, name, version, data)?),
            Category::Run => Self::Run(upcast::read(STEPS, name, version, data)?),
            Category::Cluster => Self::Cluster(upcast::read(STEPS, name, version, data)?),
            Category::Account => Self::Account(upcast::read(STEPS, name, version, data)?),
            Category::Settings => Self::Settings(upcast::read(STEPS, name, version, data)?),
            Category::Repository => Self::Repository(upcast::read(STEPS, name, version, data)?),
        })
    }
}

//! The shapes of `contract/table.json`. The short keys are explained in `contract/extract.py`.

use regex_lite::Regex;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::sync::OnceLock;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Table {
    pub formats: BTreeMap<String, Format>,
    pub defs: Vec<Definition>,
    pub props: BTreeMap<String, BTreeMap<String, Key>>,
    pub perms: Vec<serde_json::Value>,
    pub methods: Vec<Method>,
}

/// One API method.
#[derive(Debug, Deserialize)]
pub struct Method {
    #[serde(rename = "v")]
    pub verb: String,
    /// Template, such as `/nodes/{node}/qemu`.
    #[serde(rename = "u")]
    pub path: String,
    #[serde(rename = "c")]
    pub(super) perm: usize,
    /// Name to place in the definitions; `net[n]` stands for a numbered family.
    #[serde(rename = "p", default)]
    pub(super) params: BTreeMap<String, usize>,
    /// The parameter that names the node which does the work.
    #[serde(rename = "n", default)]
    pub node_param: Option<String>,
    /// Does the answer carry a task id?
    #[serde(rename = "t", default)]
    pub task: TaskId,
    #[serde(rename = "w", default)]
    privileged: u8,
    #[serde(rename = "k", default = "one")]
    tokens: u8,
    #[serde(rename = "a", default)]
    additional: u8,
}

impl Method {
    /// Is it done by the privileged daemon, through a hop that gives up after 30 s without data?
    pub fn is_privileged(&self) -> bool {
        self.privileged == 1
    }

    /// May an API token call it?
    pub fn allows_tokens(&self) -> bool {
        self.tokens == 1
    }

    pub(super) fn allows_unknown(&self) -> bool {
        self.additional == 1
    }
}

fn one() -> u8 {
    1
}

/// Where the answer of a method carries a task id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskId {
    #[default]
    Never,
    /// `data` is the task id.
    Always,
    /// `data` is a task id or null.
    Optional,
    /// `data.upid`.
    Property,
}

/// What a parameter holds before any format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Kind {
    #[serde(rename = "s")]
    Text,
    #[serde(rename = "i")]
    Integer,
    #[serde(rename = "n")]
    Number,
    #[serde(rename = "b")]
    Boolean,
    #[serde(rename = "a")]
    Array,
}

/// One parameter, or one key of a property string.
#[derive(Debug, Deserialize)]
pub struct Definition {
    #[serde(rename = "t")]
    pub kind: Kind,
    #[serde(rename = "o", default)]
    optional: u8,
    #[serde(rename = "e", default)]
    pub allowed: Vec<String>,
    #[serde(rename = "n", default)]
    pub minimum: Option<f64>,
    #[serde(rename = "x", default)]
    pub maximum: Option<f64>,
    #[serde(rename = "l", default)]
    pub chars_min: Option<usize>,
    #[serde(rename = "m", default)]
    pub chars_max: Option<usize>,
    #[serde(rename = "r", default)]
    pub(super) pattern: Option<Pattern>,
    #[serde(rename = "f", default)]
    pub format: Option<String>,
    #[serde(rename = "p", default)]
    pub property_string: Option<String>,
    #[serde(rename = "q", default)]
    pub requires: Option<String>,
    #[serde(rename = "c", default)]
    pub index_max: Option<u32>,
    #[serde(rename = "d", default)]
    pub(super) item: Option<Box<Definition>>,
}

impl Definition {
    pub fn is_optional(&self) -> bool {
        self.optional == 1
    }
}

/// A named format: how a text of some kind looks. Formats whose rule is not a pattern are in `formats`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Format {
    #[serde(rename = "r", default)]
    pub pattern: Option<Pattern>,
    #[serde(rename = "l", default)]
    pub literals: Vec<String>,
    #[serde(rename = "a", default)]
    pub any_of: Vec<String>,
    #[serde(rename = "p", default)]
    pub property_string: Option<String>,
    #[serde(rename = "m", default)]
    pub chars_max: Option<usize>,
    #[serde(rename = "e", default)]
    pub error: Option<String>,
}

/// A key of a property string: defined itself, or another name for one.
#[derive(Debug, Deserialize)]
pub(super) struct Key {
    #[serde(rename = "d", default)]
    pub definition: Option<usize>,
    #[serde(rename = "k", default)]
    default_key: u8,
    #[serde(rename = "a", default)]
    pub alias: Option<String>,
    /// This key is set to the alias's own name: `virtio=MAC` also says `model=virtio`.
    #[serde(rename = "w", default)]
    pub also: Option<String>,
}

impl Key {
    pub fn is_default(&self) -> bool {
        self.default_key == 1
    }
}

/// A pattern, compiled when it is first asked.
#[derive(Debug)]
pub(super) struct Pattern {
    source: String,
    whole: OnceLock<Option<Regex>>,
    found: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// Does the pattern cover the whole value? Parameters are checked this way.
    pub fn covers(&self, value: &str) -> bool {
        let regex = self.whole.get_or_init(|| Regex::new(&format!("^(?:{})$", self.source)).ok());
        regex.as_ref().is_none_or(|regex| regex.is_match(value))
    }

    /// Does the pattern, which brings its own anchors, match? Named formats are checked this way.
    pub fn finds(&self, value: &str) -> bool {
        let regex = self.found.get_or_init(|| Regex::new(&self.source).ok());
        regex.as_ref().is_none_or(|regex| regex.is_match(value))
    }

    #[cfg(test)]
    pub fn compiles(&self) -> bool {
        Regex::new(&format!("^(?:{})$", self.source)).is_ok() && Regex::new(&self.source).is_ok()
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let source = String::deserialize(source)?;
        Ok(Self { source, whole: OnceLock::new(), found: OnceLock::new() })
    }
}

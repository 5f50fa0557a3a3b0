//! How a written value of a configuration reads back.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A value a configuration key must have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", content = "value", rename_all = "kebab-case")]
pub enum Expected {
    /// Exactly this text.
    Equal(String),
    /// This whole number, however it is written.
    Number(u64),
    /// These tags and no others, in any order.
    Tags(Vec<String>),
    /// These `key=value` options among others (`net0`, `ipconfig0`).
    Options(BTreeMap<String, String>),
    /// Something is there: a cloud-init drive, a key that is stored masked.
    Present,
    Absent,
}

impl Expected {
    pub fn met_by(&self, seen: Option<&str>) -> bool {
        match (self, seen) {
            (Self::Absent, seen) => seen.is_none(),
            (_, None) => false,
            (Self::Present, Some(_)) => true,
            (Self::Equal(wanted), Some(seen)) => wanted == seen,
            (Self::Number(wanted), Some(seen)) => seen.trim().parse() == Ok(*wanted),
            (Self::Tags(wanted), Some(seen)) => {
                let mut seen: Vec<&str> = seen.split([';', ',', ' ']).filter(|tag| !tag.is_empty()).collect();
                let mut wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
                seen.sort_unstable();
                wanted.sort_unstable();
                seen == wanted
            }
            (Self::Options(wanted), Some(seen)) => {
                let seen: BTreeMap<&str, &str> =
                    seen.split(',').filter_map(|part| part.split_once('=')).collect();
                wanted.iter().all(|(key, value)| seen.get(key.as_str()) == Some(&value.as_str()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_options_are_compared_by_meaning() {
        assert!(Expected::Tags(vec!["web".into(), "mycopod".into()]).met_by(Some("mycopod;web")));
        let options = BTreeMap::from([("bridge".to_owned(), "vmbr0".to_owned())]);
        assert!(Expected::Options(options.clone()).met_by(Some("virtio=BC:24:11:00:00:01,bridge=vmbr0")));
        assert!(!Expected::Options(options).met_by(Some("virtio=BC:24:11:00:00:01,bridge=vmbr1")));
        assert!(Expected::Number(8192).met_by(Some("8192")));
    }
}

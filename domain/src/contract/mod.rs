//! What Proxmox VE 8.4 accepts: all 605 API methods with their parameters and permissions, as data.
//!
//! Begin with [`Contract::v8_4`]; then [`Contract::check`] says whether a call would pass the server's
//! schema check, and [`Contract::privileges`] which rights it needs; [`rights`] holds the calls of a plan
//! against those of a token. The table is made from the recorded schema by `contract/extract.py`.
//!
//! Paths are plain text below `/api2/json`, never percent-encoded. An array value (the API has few) is
//! written as its parts joined by [`PART`].
//!
//! Never here: calls, the state of a cluster. A call that passes here can still fail there.

mod check;
mod formats;
mod handler;
mod privileges;
mod property;
pub mod rights;
mod table;
#[cfg(test)]
mod tests;

pub use privileges::{Missing, PermExpr, Permissions};
pub use table::{Definition, Kind, Method, TaskId};

use std::collections::BTreeMap;
use std::sync::OnceLock;
use table::Table;

const TABLE: &str = include_str!("../../contract/table.json");

/// The release and the first twelve hex digits of the table's SHA-256; part of every plan digest.
pub const VERSION: &str = include_str!("../../contract/table.version");

/// Stands between the parts of an array value. No value of the API may contain it.
pub const PART: char = '\0';

/// The API of one release.
#[derive(Debug, Default)]
pub struct Contract {
    table: Table,
    /// Places in `table.methods` by verb and number of path segments, most literal template first.
    index: BTreeMap<(String, usize), Vec<usize>>,
}

/// A method found for a path, with what the path's variable segments held.
#[derive(Clone, Debug)]
pub struct Matched<'c> {
    pub method: &'c Method,
    pub captures: BTreeMap<String, String>,
}

/// One parameter that the server would refuse, in the server's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{parameter}: {text}")]
pub struct Violation {
    /// Name of the parameter as the caller wrote it; `path` when there is no such method.
    pub parameter: String,
    pub text: String,
}

impl Contract {
    /// The API of Proxmox VE 8.4.1. Read once; about 160 kB.
    pub fn v8_4() -> &'static Self {
        static CONTRACT: OnceLock<Contract> = OnceLock::new();
        // A table that cannot be read is an empty one: every call is then refused. A test reads the real one.
        CONTRACT.get_or_init(|| Self::from_json(TABLE).unwrap_or_default())
    }

    fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        let table: Table = serde_json::from_str(text)?;
        let mut index: BTreeMap<(String, usize), Vec<usize>> = BTreeMap::new();
        for (place, method) in table.methods.iter().enumerate() {
            index.entry((method.verb.clone(), segments(&method.path).count())).or_default().push(place);
        }
        for places in index.values_mut() {
            // `a/{x}` sorts after `a/b`, so a literal segment is tried before a variable one.
            places.sort_by_key(|place| {
                segments(&table.methods[*place].path).map(|s| s.starts_with('{')).collect::<Vec<_>>()
            });
        }
        Ok(Self { table, index })
    }

    /// All methods, ordered by path and verb.
    pub fn methods(&self) -> &[Method] {
        &self.table.methods
    }

    /// The method that answers `verb` on `path` (below `/api2/json`, leading slash, not encoded).
    pub fn method(&self, verb: &str, path: &str) -> Option<Matched<'_>> {
        let given: Vec<&str> = segments(path).collect();
        let exact = self.candidates(verb, given.len()).find_map(|method| matched(method, &given));
        // A volume id is the only capture that runs over slashes; its template is one segment long.
        exact.or_else(|| {
            let at = given.iter().position(|segment| *segment == "content")?;
            let (head, volume) = given.split_at_checked(at + 1)?;
            let volume = volume.join("/");
            let joined: Vec<&str> = head.iter().copied().chain([volume.as_str()]).collect();
            self.candidates(verb, joined.len())
                .filter(|method| method.path.ends_with("/content/{volume}"))
                .find_map(|method| matched(method, &joined))
        })
    }

    fn candidates(&self, verb: &str, len: usize) -> impl Iterator<Item = &Method> {
        let places = self.index.get(&(verb.to_owned(), len)).map(Vec::as_slice).unwrap_or_default();
        places.iter().map(|place| &self.table.methods[*place])
    }

    /// Would the server's schema check pass? All bad parameters are reported, one violation each.
    /// What a handler refuses later (absent storage, taken VMID) is not known here.
    pub fn check(
        &self,
        verb: &str,
        path: &str,
        args: &BTreeMap<String, String>,
    ) -> Result<(), Vec<Violation>> {
        let Some(found) = self.method(verb, path) else {
            let text = format!("Method '{verb} {path}' not implemented");
            return Err(vec![Violation { parameter: "path".into(), text }]);
        };
        let violations = check::call(&self.table, &found, args);
        if violations.is_empty() { Ok(()) } else { Err(violations) }
    }

    /// The rights a call needs: the declared ones, and those its handler asks for as far as the arguments
    /// tell (see `handler`). None when there is no such method.
    pub fn privileges(&self, verb: &str, path: &str, args: &BTreeMap<String, String>) -> Option<PermExpr> {
        let found = self.method(verb, path)?;
        let mut all = args.clone();
        all.extend(found.captures.iter().map(|(k, v)| (k.clone(), v.clone())));
        let declared = privileges::expression(self.table.perms.get(found.method.perm)?, &all);
        let inner = handler::needed(&self.table, found.method, &all);
        if inner.is_empty() {
            return Some(declared);
        }
        Some(PermExpr::All(std::iter::once(declared).chain(inner).collect()))
    }

    /// The definition of a parameter of a method; `net3` finds `net[n]`.
    pub fn parameter(&self, method: &Method, name: &str) -> Option<&Definition> {
        check::definition(&self.table, method, name)
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

fn matched<'c>(method: &'c Method, given: &[&str]) -> Option<Matched<'c>> {
    let mut captures = BTreeMap::new();
    for (template, value) in segments(&method.path).zip(given) {
        match template.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => {
                captures.insert(name.to_owned(), (*value).to_owned());
            }
            None if template == *value => {}
            None => return None,
        }
    }
    Some(Matched { method, captures })
}

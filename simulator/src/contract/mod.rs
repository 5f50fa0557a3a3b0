//! The API contract: which methods exist, what they accept, and who may call them.
//!
//! Begin with [`Contract::route`], then [`check::check`]. The table is made by `contract/extract.py`
//! from the factual schema of Proxmox VE 8.4 and is embedded in the binary.
//!
//! Never here: state of the cluster.

pub mod check;
pub mod formats;
pub mod props;

use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

const TABLE: &str = include_str!("../../contract/table.json");

/// One parameter or one key of a property string.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Param {
    #[serde(rename = "t", default)]
    pub kind: String,
    #[serde(rename = "o", default)]
    pub optional: u8,
    #[serde(rename = "e")]
    pub choices: Option<Vec<Value>>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub minl: Option<usize>,
    pub maxl: Option<usize>,
    #[serde(rename = "pat")]
    pub pattern: Option<String>,
    #[serde(rename = "f")]
    pub format: Option<String>,
    #[serde(rename = "pf")]
    pub property_format: Option<String>,
    #[serde(rename = "req")]
    pub requires: Option<String>,
    #[serde(rename = "dk", default)]
    pub default_key: u8,
    #[serde(rename = "al")]
    pub alias: Option<String>,
    #[serde(rename = "ka")]
    pub key_alias: Option<String>,
    #[serde(rename = "ix")]
    pub index_max: Option<u32>,
    #[serde(rename = "it")]
    pub items: Option<Box<Param>>,
}

/// One method of the API.
#[derive(Debug, Deserialize)]
pub struct Method {
    #[serde(rename = "p")]
    pub path: String,
    #[serde(rename = "v")]
    pub verb: String,
    #[serde(rename = "a")]
    pub params: BTreeMap<String, Param>,
    pub perm: Value,
    /// The parameter that names the node which does the work.
    pub node: Option<String>,
    /// 1: not callable with an API token.
    #[serde(default)]
    pub ticket: u8,
    /// Templates of the children that an index names.
    #[serde(default)]
    pub links: Vec<String>,
    /// 1: unknown parameters are accepted.
    #[serde(default)]
    pub open: u8,
}

impl Method {
    /// The parameter called `name`, where `net3` finds `net[n]`.
    pub fn param(&self, name: &str) -> Option<&Param> {
        if let Some(param) = self.params.get(name).filter(|p| p.index_max.is_none()) {
            return Some(param);
        }
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let index = &name[stem.len()..];
        if index.is_empty() || (index.len() > 1 && index.starts_with('0')) {
            return None;
        }
        let param = self.params.get(&format!("{stem}[n]"))?;
        (index.parse::<u32>().ok()? <= param.index_max?).then_some(param)
    }
}

/// A format with a name, as `pve-vmid`.
#[derive(Debug, Default, Deserialize)]
pub struct NamedFormat {
    pub regex: Option<String>,
    pub regex_or: Option<String>,
    #[serde(default)]
    pub literals: Vec<String>,
    #[serde(default)]
    pub any_of: Vec<String>,
    pub error: Option<String>,
    pub pfmt: Option<String>,
    #[serde(rename = "minLength")]
    pub minl: Option<usize>,
    #[serde(rename = "maxLength")]
    pub maxl: Option<usize>,
}

/// Keys of a property string.
pub type PropertyFormat = BTreeMap<String, Param>;

#[derive(Deserialize)]
struct Table {
    formats: BTreeMap<String, NamedFormat>,
    props: BTreeMap<String, PropertyFormat>,
    methods: Vec<Method>,
}

#[derive(Default)]
struct Branch {
    fixed: HashMap<String, Branch>,
    open: Option<(String, Box<Branch>)>,
    verbs: HashMap<String, usize>,
}

/// The parsed table with its routing tree.
pub struct Contract {
    pub formats: BTreeMap<String, NamedFormat>,
    pub props: BTreeMap<String, PropertyFormat>,
    methods: Vec<Method>,
    /// Place of each method by verb and template.
    places: HashMap<(String, String), usize>,
    root: Branch,
    pub(crate) patterns: formats::Patterns,
}

impl Contract {
    /// Parses the embedded table.
    pub fn load() -> Result<Self, serde_json::Error> {
        let table: Table = serde_json::from_str(TABLE)?;
        let mut root = Branch::default();
        for (index, method) in table.methods.iter().enumerate() {
            let mut at = &mut root;
            for part in method.path.split('/').filter(|p| !p.is_empty()) {
                at = match part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
                    Some(name) => &mut at.open.get_or_insert_with(|| (name.to_owned(), Box::default())).1,
                    None => at.fixed.entry(part.to_owned()).or_default(),
                };
            }
            at.verbs.insert(method.verb.clone(), index);
        }
        let Table { formats, props, methods } = table;
        let places =
            methods.iter().enumerate().map(|(place, m)| ((m.verb.clone(), m.path.clone()), place)).collect();
        Ok(Self { formats, props, methods, places, root, patterns: formats::Patterns::default() })
    }

    /// The method for `verb` on `path` (already unescaped) and the values of its path parameters.
    pub fn route(&self, verb: &str, path: &str) -> Option<(&Method, BTreeMap<String, String>)> {
        let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
        let mut found = BTreeMap::new();
        let branch = walk(&self.root, &parts, &mut found)?;
        let method = &self.methods[*branch.verbs.get(verb)?];
        // The tree holds one name per place; methods that call it differently get their own name.
        let mut named = BTreeMap::new();
        let own = method.path.split('/').filter(|p| !p.is_empty());
        for (position, part) in own.enumerate() {
            if let Some(name) = part.strip_prefix('{').and_then(|p| p.strip_suffix('}'))
                && let Some(value) = found.get(&position)
            {
                named.insert(name.to_owned(), value.clone());
            }
        }
        Some((method, named))
    }

    /// All methods.
    pub fn methods(&self) -> impl Iterator<Item = &Method> {
        self.methods.iter()
    }

    /// The names below a path of the table; none when a name of the caller's choice may stand there.
    pub fn children(&self, template: &str) -> Option<Vec<String>> {
        let mut at = &self.root;
        for part in template.split('/').filter(|p| !p.is_empty()) {
            at = match part.starts_with('{') {
                true => &at.open.as_ref()?.1,
                false => at.fixed.get(part)?,
            };
        }
        if at.open.is_some() || at.fixed.is_empty() {
            return None;
        }
        let mut names: Vec<String> = at.fixed.keys().cloned().collect();
        names.sort();
        Some(names)
    }

    /// A method by its template, for code that needs the type of an option.
    pub fn method(&self, verb: &str, template: &str) -> Option<&Method> {
        let place = self.places.get(&(verb.to_owned(), template.to_owned()))?;
        self.methods.get(*place)
    }
}

fn walk<'t>(root: &'t Branch, parts: &[&str], found: &mut BTreeMap<usize, String>) -> Option<&'t Branch> {
    let mut at = root;
    for (position, part) in parts.iter().enumerate() {
        if let Some(next) = at.fixed.get(*part) {
            at = next;
            continue;
        }
        let (name, next) = at.open.as_ref()?;
        // A volume id may hold slashes: it takes the rest of the path.
        if name == "volume" {
            found.insert(position, parts[position..].join("/"));
            return Some(next);
        }
        found.insert(position, (*part).to_owned());
        at = next;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::Contract;

    #[test]
    fn every_method_of_the_table_is_reached_by_its_own_path() {
        let contract = Contract::load().unwrap();
        assert_eq!(contract.methods.len(), 605);
        for method in &contract.methods {
            let path = method.path.replace(['{', '}'], "");
            let (found, _) = contract.route(&method.verb, &path).unwrap_or_else(|| panic!("{path}"));
            assert_eq!((&found.verb, &found.path), (&method.verb, &method.path));
        }
    }

    #[test]
    fn an_indexed_parameter_ends_at_its_last_index() {
        let contract = Contract::load().unwrap();
        let method = contract.method("PUT", "/nodes/{node}/qemu/{vmid}/config").unwrap();
        assert!(method.param("net31").is_some());
        assert!(method.param("net32").is_none());
        assert!(method.param("net01").is_none());
    }
}

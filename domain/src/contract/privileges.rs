//! Which rights a call needs, and whether the caller has them.
//!
//! Begin with [`PermExpr::evaluate`]. [`Permissions`] is the caller's effective rights as the server lists
//! them, so that roles, groups and token separation are already worked in.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A condition over the caller's rights, with the paths of one call filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PermExpr {
    /// Every signed-in caller.
    Always,
    /// Only the literal user root@pam; an API token never is.
    RootOnly,
    /// Privileges on one ACL path: all of them, or one when `any`.
    On {
        path: String,
        privs: Vec<String>,
        any: bool,
    },
    All(Vec<PermExpr>),
    /// One of these; none of none, so an empty list is never met.
    Any(Vec<PermExpr>),
}

/// A right that is not there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, thiserror::Error)]
#[error("{} on {path}", .privs.join(if *.any { " or " } else { " and " }))]
pub struct Missing {
    pub path: String,
    pub privs: Vec<String>,
    /// One of `privs` is enough.
    pub any: bool,
}

impl Missing {
    pub(super) fn root() -> Self {
        Self { path: "/".into(), privs: vec![ROOT.into()], any: false }
    }

    /// Is this for the user root@pam alone? Then no token can ever have it.
    pub fn is_root_only(&self) -> bool {
        self.privs.iter().any(|name| name == ROOT)
    }

    /// The fewest privileges that would do: all of them, or of several that would each do a reading one.
    pub fn least(&self) -> impl Iterator<Item = &str> {
        let reading = self.privs.iter().find(|name| name.ends_with(".Audit")).or(self.privs.last());
        let enough = if self.any { reading } else { None };
        self.privs.iter().filter(move |name| enough.is_none_or(|one| one == *name)).map(String::as_str)
    }
}

/// Stands in a list of privileges for the user of that name.
const ROOT: &str = "root@pam";

/// Effective rights: ACL path to privilege to "also below this path", as `GET /access/permissions` answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Permissions(BTreeMap<String, BTreeMap<String, bool>>);

impl Permissions {
    /// Reads the `data` of `GET /access/permissions`. Flags may be numbers, texts or booleans; what is not
    /// of that shape grants nothing.
    pub fn from_answer(data: &Value) -> Self {
        let paths = data.as_object().into_iter().flatten();
        Self(
            paths
                .map(|(path, privs)| {
                    let privs = privs.as_object().into_iter().flatten();
                    (path.clone(), privs.map(|(name, flag)| (name.clone(), truthy(flag))).collect())
                })
                .collect(),
        )
    }

    /// Adds privileges on a path and everything below it.
    pub fn grant(mut self, path: &str, privs: &[&str]) -> Self {
        self.0.entry(path.to_owned()).or_default().extend(privs.iter().map(|p| ((*p).to_owned(), true)));
        self
    }

    /// Takes the map as a client has decoded it.
    pub fn from_map(map: BTreeMap<String, BTreeMap<String, bool>>) -> Self {
        Self(map)
    }

    /// The rights once this guest is a member of this pool: those of the pool count on the guest as well.
    pub(super) fn in_pool(mut self, vmid: &str, pool: &str) -> Self {
        let path = format!("/vms/{vmid}");
        let both = self.at(&path).into_iter().chain(self.at(&format!("/pool/{pool}")));
        let both = both.map(|name| (name.to_owned(), true)).collect();
        self.0.insert(path, both);
        self
    }

    /// The privileges on a path. A path that the server did not list has what its nearest listed parent
    /// hands down. A role that takes rights away (NoAccess) leaves no trace in the list, so below it this
    /// may say more than is true; the server then refuses the call.
    pub fn at(&self, path: &str) -> BTreeSet<&str> {
        if let Some(privs) = self.0.get(path) {
            return privs.keys().map(String::as_str).collect();
        }
        let mut parent = path;
        while let Some((shorter, _)) = parent.rsplit_once('/') {
            parent = shorter;
            let listed = if parent.is_empty() { "/" } else { parent };
            if let Some(privs) = self.0.get(listed) {
                return privs.iter().filter(|(_, down)| **down).map(|(name, _)| name.as_str()).collect();
            }
        }
        BTreeSet::new()
    }

    /// Is the privilege held on any path?
    pub fn holds_anywhere(&self, name: &str) -> bool {
        self.0.values().any(|privs| privs.contains_key(name))
    }

    /// Has the caller no right at all? Then every list it reads is empty, which proves nothing.
    pub fn is_empty(&self) -> bool {
        self.0.values().all(BTreeMap::is_empty)
    }
}

impl PermExpr {
    /// One privilege on one path.
    pub fn on(path: impl Into<String>, name: &str) -> Self {
        Self::On { path: path.into(), privs: vec![name.to_owned()], any: false }
    }

    /// Says what is missing. Of several ways to be allowed, the one that lacks least is named.
    pub fn evaluate(&self, held: &Permissions) -> Result<(), Vec<Missing>> {
        let missing = self.missing(held);
        if missing.is_empty() { Ok(()) } else { Err(missing.into_iter().collect()) }
    }

    fn missing(&self, held: &Permissions) -> BTreeSet<Missing> {
        match self {
            Self::Always => BTreeSet::new(),
            Self::RootOnly => BTreeSet::from([Missing::root()]),
            Self::On { path, privs, any } => {
                let here = held.at(path);
                let lacking: Vec<String> =
                    privs.iter().filter(|p| !here.contains(p.as_str())).cloned().collect();
                if lacking.is_empty() || (*any && lacking.len() < privs.len()) {
                    return BTreeSet::new();
                }
                BTreeSet::from([Missing { path: path.clone(), privs: lacking, any: *any }])
            }
            Self::All(parts) => parts.iter().flat_map(|part| part.missing(held)).collect(),
            Self::Any(parts) => {
                let ways = parts.iter().filter(|part| **part != Self::Any(Vec::new()));
                ways.map(|part| part.missing(held))
                    .min_by_key(|way| (way.len(), way.iter().map(|one| one.least().count()).sum::<usize>()))
                    .unwrap_or_else(|| BTreeSet::from([Missing::root()]))
            }
        }
    }
}

fn truthy(flag: &Value) -> bool {
    match flag {
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !matches!(text.as_str(), "" | "0"),
        _ => false,
    }
}

/// The declared permission of a method, with the call's arguments filled into its paths.
pub(super) fn expression(declared: &Value, args: &BTreeMap<String, String>) -> PermExpr {
    let Some(object) = declared.as_object() else { return PermExpr::RootOnly };
    if object.contains_key("user") {
        return PermExpr::Always;
    }
    object.get("check").map_or(PermExpr::RootOnly, |check| node(check, args))
}

fn node(check: &Value, args: &BTreeMap<String, String>) -> PermExpr {
    let Some((head, rest)) = check.as_array().and_then(|list| list.split_first()) else {
        return PermExpr::RootOnly;
    };
    let text = |at: usize| rest.get(at).and_then(Value::as_str).unwrap_or_default();
    let children = || rest.iter().map(|child| node(child, args)).collect();
    match head.as_str() {
        Some("and") => PermExpr::All(children()),
        Some("or") => PermExpr::Any(children()),
        Some("perm") => {
            // After the privileges come pairs of option and value.
            let option = |name: &str| {
                let at = rest.iter().skip(2).position(|word| word.as_str() == Some(name))?;
                rest.get(at + 3)
            };
            let needed = option("require_param").and_then(Value::as_str);
            if needed.is_some_and(|name| !args.contains_key(name)) {
                return PermExpr::Any(Vec::new());
            }
            let any = option("any").is_some_and(truthy);
            PermExpr::On { path: fill(text(0), args), privs: names(rest.get(1)), any }
        }
        Some("perm-modify") => {
            let path = fill(text(0), args);
            let own = match path.split('/').nth(1) {
                Some("storage") => Some("Datastore.Allocate"),
                Some("vms") => Some("VM.Allocate"),
                Some("pool") => Some("Pool.Allocate"),
                _ => None,
            };
            let privs = std::iter::once("Permissions.Modify").chain(own).map(str::to_owned).collect();
            PermExpr::On { path, privs, any: true }
        }
        // The caller's own account: tokens of ours never manage themselves, so this way is not counted.
        Some("userid-param") if text(0) == "self" => PermExpr::Any(Vec::new()),
        Some("userid-param") => {
            let realm = args.get("userid").and_then(|user| user.rsplit_once('@')).map_or("", |(_, r)| r);
            PermExpr::on(format!("/access/realm/{realm}"), text(0))
        }
        // The server asks this on each group of the user; holding it on all groups is always enough.
        Some("userid-group") => {
            PermExpr::On { path: "/access/groups".into(), privs: names(rest.first()), any: true }
        }
        _ => PermExpr::RootOnly,
    }
}

fn names(list: Option<&Value>) -> Vec<String> {
    let list = list.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn fill(template: &str, args: &BTreeMap<String, String>) -> String {
    let mut path = template.to_owned();
    while let Some((before, rest)) = path.split_once('{')
        && let Some((name, after)) = rest.split_once('}')
    {
        path = format!("{before}{}{after}", args.get(name).map(String::as_str).unwrap_or_default());
    }
    path
}

//! Who calls, and what they may do.
//!
//! Begin with [`Keyring::identify`], then [`permitted`]. Only API tokens are known: there are no passwords
//! in this cluster, so every ticket is refused.

use crate::SimConfig;
use crate::state::World;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Privileges of the role Administrator, as Proxmox VE 8.4 knows them.
pub const PRIVILEGES: &[&str] = &[
    "Datastore.Allocate",
    "Datastore.AllocateSpace",
    "Datastore.AllocateTemplate",
    "Datastore.Audit",
    "Group.Allocate",
    "Mapping.Audit",
    "Mapping.Modify",
    "Mapping.Use",
    "Permissions.Modify",
    "Pool.Allocate",
    "Pool.Audit",
    "Realm.Allocate",
    "Realm.AllocateUser",
    "SDN.Allocate",
    "SDN.Audit",
    "SDN.Use",
    "Sys.AccessNetwork",
    "Sys.Audit",
    "Sys.Console",
    "Sys.Incoming",
    "Sys.Modify",
    "Sys.PowerMgmt",
    "Sys.Syslog",
    "User.Modify",
    "VM.Allocate",
    "VM.Audit",
    "VM.Backup",
    "VM.Clone",
    "VM.Config.CDROM",
    "VM.Config.CPU",
    "VM.Config.Cloudinit",
    "VM.Config.Disk",
    "VM.Config.HWType",
    "VM.Config.Memory",
    "VM.Config.Network",
    "VM.Config.Options",
    "VM.Console",
    "VM.Migrate",
    "VM.Monitor",
    "VM.PowerMgmt",
    "VM.Snapshot",
    "VM.Snapshot.Rollback",
];

const ROOT_PATHS: &[&str] =
    &["/", "/access", "/access/groups", "/mapping", "/nodes", "/pool", "/sdn", "/storage", "/vms"];

/// Privileges of a token on a path and below it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Grant {
    /// `user@realm!name`. A token without any grant is an administrator.
    pub token: String,
    pub path: String,
    pub privileges: Vec<String>,
}

/// A caller. Never `root@pam` itself: tokens are not.
#[derive(Clone, Debug, Default)]
pub struct Who {
    pub user: String,
    pub token: String,
}

impl Who {
    /// `user@realm!name`, or empty for an open method without credentials.
    pub fn full(&self) -> String {
        if self.token.is_empty() { self.user.clone() } else { format!("{}!{}", self.user, self.token) }
    }
}

/// The known tokens and their rights.
pub struct Keyring {
    secrets: BTreeMap<String, String>,
    grants: Vec<Grant>,
}

impl Keyring {
    pub fn new(config: &SimConfig) -> Self {
        Self { secrets: config.tokens.iter().cloned().collect(), grants: config.grants.clone() }
    }

    /// The caller named by the headers; the error is the reason phrase of the 401.
    pub fn identify(&self, authorization: Option<&str>, cookie: Option<&str>) -> Result<Who, String> {
        let ticket = cookie.is_some_and(|c| c.split(';').any(|p| p.trim().starts_with("PVEAuthCookie=")));
        if ticket || authorization.is_some_and(|a| a.starts_with("PVEAuthCookie=")) {
            return Err("permission denied - invalid PVE ticket".into());
        }
        let rest = authorization
            .and_then(|a| a.strip_prefix("PVEAPIToken"))
            .and_then(|r| r.strip_prefix(['=', ' ']));
        let Some((id, secret)) = rest.map(|r| r.split_once('=').unwrap_or((r, ""))) else {
            return Err("No ticket".into());
        };
        let split = id.split_once('!').filter(|(user, token)| {
            user.contains('@')
                && token.len() >= 2
                && token.starts_with(|c: char| c.is_ascii_alphabetic())
                && token.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        });
        let Some((user, token)) = split else {
            return Err(format!(
                "'{id}' is not a valid token ID - not able to split into user and token parts"
            ));
        };
        let owner = format!("{user}!");
        if user != "root@pam" && !self.secrets.keys().any(|known| known.starts_with(&owner)) {
            return Err(format!("no such user ('{user}')"));
        }
        match self.secrets.get(id) {
            None => Err(format!("no such token '{token}' for user '{user}'")),
            Some(known) if known == secret => Ok(Who { user: user.into(), token: token.into() }),
            Some(_) => Err("invalid token value!".into()),
        }
    }

    /// The rights of a caller.
    pub fn access(&self, who: &Who) -> Access<'_> {
        let full = who.full();
        let own: Vec<&Grant> = self.grants.iter().filter(|g| g.token == full).collect();
        Access { admin: own.is_empty() && !full.is_empty(), grants: own }
    }
}

/// The rights of one caller.
pub struct Access<'k> {
    admin: bool,
    grants: Vec<&'k Grant>,
}

impl Access<'_> {
    /// Does the caller hold `privilege` on `path`? Guests of a pool inherit the pool's grants.
    pub fn allows(&self, world: &World, path: &str, privilege: &str) -> bool {
        if self.admin {
            return true;
        }
        let pool = path.strip_prefix("/vms/").and_then(|v| v.parse().ok()).and_then(|id| world.pool_of(id));
        self.holds(path, privilege) || pool.is_some_and(|p| self.holds(&format!("/pool/{p}"), privilege))
    }

    /// The grant on the nearest path above decides alone.
    fn holds(&self, path: &str, privilege: &str) -> bool {
        let above = |grant: &&&Grant| {
            let at = grant.path.trim_end_matches('/');
            at.is_empty() || path == at || path.strip_prefix(at).is_some_and(|rest| rest.starts_with('/'))
        };
        let nearest = self.grants.iter().filter(above).map(|g| g.path.trim_end_matches('/').len()).max();
        self.grants
            .iter()
            .filter(above)
            .filter(|g| Some(g.path.trim_end_matches('/').len()) == nearest)
            .any(|g| g.privileges.iter().any(|p| p == privilege))
    }

    /// The map of `GET /access/permissions`.
    pub fn map(&self, world: &World, only: Option<&str>) -> Value {
        let mut paths: Vec<String> = match only {
            Some(path) => vec![path.to_owned()],
            None => ROOT_PATHS.iter().map(|p| (*p).to_owned()).collect(),
        };
        if only.is_none() {
            paths.extend(self.grants.iter().map(|g| g.path.clone()));
        }
        let mut out = Map::new();
        for path in paths {
            let held: Map<String, Value> = PRIVILEGES
                .iter()
                .filter(|p| self.allows(world, &path, p))
                .map(|p| ((*p).to_owned(), json!(1)))
                .collect();
            if !held.is_empty() {
                out.insert(path, Value::Object(held));
            }
        }
        Value::Object(out)
    }
}

/// Checks the declared permission of a method. The error is the text of the 403, without its newline.
pub fn permitted(
    perm: &Value,
    params: &BTreeMap<String, Value>,
    access: &Access<'_>,
    world: &World,
) -> Result<(), String> {
    let Some(perm) = perm.as_object() else {
        return Err("Permission check failed (user != root@pam)".into());
    };
    match perm.get("check") {
        Some(check) => holds(check, params, access, world),
        None => Ok(()),
    }
}

fn holds(
    check: &Value,
    params: &BTreeMap<String, Value>,
    access: &Access<'_>,
    world: &World,
) -> Result<(), String> {
    let list = check.as_array().map(Vec::as_slice).unwrap_or_default();
    let word = list.first().and_then(Value::as_str).unwrap_or_default();
    match word {
        "and" => list[1..].iter().try_for_each(|part| holds(part, params, access, world)),
        "or" => {
            let mut last = Err("Permission check failed".to_owned());
            for part in &list[1..] {
                last = holds(part, params, access, world);
                if last.is_ok() {
                    break;
                }
            }
            last
        }
        "perm" => {
            let option = |name: &str| {
                list.iter().position(|v| v.as_str() == Some(name)).and_then(|at| list.get(at + 1))
            };
            if let Some(needed) = option("require_param").and_then(Value::as_str)
                && !params.contains_key(needed)
            {
                return Err("Permission check failed".into());
            }
            let path = fill(list.get(1).and_then(Value::as_str).unwrap_or("/"), params);
            // A pool name that cannot be part of a path gives no path at all.
            let bad_pool = path.strip_prefix("/pool/").is_some_and(|name| {
                !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/{}".contains(&b))
            });
            let path = if bad_pool { String::new() } else { path };
            let wanted: Vec<&str> = list
                .get(2)
                .and_then(Value::as_array)
                .map(|l| l.iter().filter_map(Value::as_str).collect())
                .unwrap_or_default();
            if option("any").is_some() {
                if wanted.iter().any(|p| access.allows(world, &path, p)) {
                    return Ok(());
                }
                return Err(format!("Permission check failed ({path}, {})", wanted.join("|")));
            }
            match wanted.iter().find(|p| bad_pool || !access.allows(world, &path, p)) {
                None => Ok(()),
                Some(missing) => Err(format!("Permission check failed ({path}, {missing})")),
            }
        }
        "perm-modify" => {
            let path = fill(list.get(1).and_then(Value::as_str).unwrap_or("/"), params);
            let ok = access.allows(world, &path, "Permissions.Modify");
            if ok { Ok(()) } else { Err(format!("Permission check failed ({path}, Permissions.Modify)")) }
        }
        _ if access.allows(world, "/access/groups", "User.Modify") => Ok(()),
        _ => Err("Permission check failed".into()),
    }
}

fn fill(template: &str, params: &BTreeMap<String, Value>) -> String {
    let mut out = template.to_owned();
    for (name, value) in params {
        if let Some(text) = value.as_str() {
            out = out.replace(&format!("{{{name}}}"), text);
        }
    }
    out
}

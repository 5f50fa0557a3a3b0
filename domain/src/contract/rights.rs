//! What a token may do, held against the calls of a plan: which rights are missing and how to grant them.
//!
//! Begin with [`missing_in`] for the calls of a plan in their order, or [`missing`] for one call. [`commands`]
//! writes what the owner types on a node to close the gap. Nothing is sent from here, and a call that passes
//! may still be refused: see `handler` for the rights that only the server can know.

use super::{Contract, Missing, Permissions};
use crate::plan::Call;
use std::collections::{BTreeMap, BTreeSet};

/// The caller's effective rights; [`Permissions::from_answer`] reads them from `GET /access/permissions`.
pub type Held = Permissions;

/// The role of the recipe in `docs/proxmox.md`. Missing rights are added to it, so that an entry on a nearer
/// path, which replaces what is handed down from above, takes nothing away.
pub const ROLE: &str = "MycoPod";

/// What the role holds: enough for every call that MycoPod can make and every read it needs. Worked out from the
/// contract by the simulator's tests, which fail when this list is too long or too short.
pub const PRIVILEGES: [&str; 28] = [
    "Datastore.Allocate",
    "Datastore.AllocateSpace",
    "Datastore.AllocateTemplate",
    "Datastore.Audit",
    "Pool.Allocate",
    "Pool.Audit",
    "SDN.Allocate",
    "SDN.Audit",
    "SDN.Use",
    "Sys.AccessNetwork",
    "Sys.Audit",
    "Sys.Console",
    "Sys.Modify",
    "VM.Allocate",
    "VM.Audit",
    "VM.Backup",
    "VM.Clone",
    "VM.Config.CPU",
    "VM.Config.Cloudinit",
    "VM.Config.Disk",
    "VM.Config.HWType",
    "VM.Config.Memory",
    "VM.Config.Network",
    "VM.Config.Options",
    "VM.Migrate",
    "VM.Monitor",
    "VM.PowerMgmt",
    "VM.Snapshot",
];

/// The commands that make the role, a user without a password and a token (`USER@REALM!NAME`), to be typed on any
/// node as root. The last one shows the token's secret once.
pub fn recipe(token: &str) -> Vec<String> {
    let (user, name) = token.split_once('!').unwrap_or((token, "agent"));
    vec![
        format!("pveum role add {ROLE} --privs \"{}\"", PRIVILEGES.join(" ")),
        format!("pveum user add {user} --comment \"MycoPod's Agent\""),
        format!("pveum acl modify / --users {user} --roles {ROLE}"),
        format!("pveum user token add {user} {name} --privsep 0"),
    ]
}

/// The privileges of the role that are held nowhere at all.
pub fn never_held(held: &Held) -> Vec<&'static str> {
    PRIVILEGES.into_iter().filter(|name| !held.holds_anywhere(name)).collect()
}

/// More paths than this in one section (`/vms/…`) are granted on the section as a whole.
const PATHS_IN_SECTION_MAX: usize = 3;

/// The rights that one call needs and the token lacks. A call that the API does not have needs root.
pub fn missing(call: &Call, held: &Held) -> Vec<Missing> {
    match Contract::v8_4().privileges(call.verb.as_str(), &call.path, &call.args) {
        Some(needed) => merged(needed.evaluate(held).err().unwrap_or_default().into_iter().collect()),
        None => vec![Missing::root()],
    }
}

/// The rights that a sequence of calls lacks, one entry for each path. A guest that an earlier call puts into
/// a pool has the rights of that pool in the later ones.
pub fn missing_in<'c>(calls: impl IntoIterator<Item = &'c Call>, held: &Held) -> Vec<Missing> {
    let mut held = held.clone();
    let mut all = BTreeSet::new();
    for call in calls {
        all.extend(missing(call, &held));
        if let Some(pool) = call.args.get("pool")
            && let Some(vmid) = call.args.get("newid").or_else(|| call.args.get("vmid"))
        {
            held = held.in_pool(vmid, pool);
        }
    }
    merged(all)
}

/// One entry for all privileges that are needed together on one path.
fn merged(all: BTreeSet<Missing>) -> Vec<Missing> {
    let (either, together): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.any);
    let mut paths: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for one in together {
        paths.entry(one.path).or_default().extend(one.privs);
    }
    let open = |one: &Missing| paths.get(&one.path).is_none_or(|p| !one.privs.iter().any(|x| p.contains(x)));
    let either: Vec<Missing> = either.into_iter().filter(open).collect();
    let together = paths.into_iter().map(|(path, privs)| Missing {
        path,
        privs: privs.into_iter().collect(),
        any: false,
    });
    let mut list: Vec<Missing> = together.chain(either).collect();
    list.sort();
    list
}

/// The commands that grant what is missing to a token (`USER@REALM!NAME`), to be typed on any node as root.
/// Empty when nothing can be granted: what only root@pam may do, no token ever may.
pub fn commands(missing: &[Missing], token: &str) -> Vec<String> {
    let grantable = || missing.iter().filter(|one| !one.is_root_only());
    let privileges: BTreeSet<&str> = grantable().flat_map(|one| one.least()).collect();
    if privileges.is_empty() {
        return Vec::new();
    }
    let mut sections: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for one in grantable() {
        sections.entry(section(&one.path)).or_default().insert(&one.path);
    }
    let paths = sections.into_iter().flat_map(|(section, paths)| {
        if paths.len() > PATHS_IN_SECTION_MAX { BTreeSet::from([section]) } else { paths }
    });
    let user = token.split_once('!').map_or(token, |(user, _)| user);
    let privileges = privileges.into_iter().collect::<Vec<_>>().join(" ");
    let role = format!("pveum role modify {ROLE} --append 1 --privs \"{privileges}\"");
    // Both are named because a token with separated privileges has only what its user has as well.
    let grant = |path| format!("pveum acl modify {path} --users '{user}' --tokens '{token}' --roles {ROLE}");
    std::iter::once(role).chain(paths.map(grant)).collect()
}

/// `/vms/101` is in the section `/vms`, and a bridge in all of `/sdn/zones`.
fn section(path: &str) -> &str {
    if path.starts_with("/sdn/zones/") {
        return "/sdn/zones";
    }
    let end = path.char_indices().filter(|(_, c)| *c == '/').nth(1).map_or(path.len(), |(at, _)| at);
    path.get(..end).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Condition, Verb};

    const TOKEN: &str = "mycopod@pve!agent";

    fn call(verb: Verb, path: &str, args: &[(&str, &str)]) -> Call {
        Call {
            verb,
            path: path.into(),
            args: args.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            purpose: String::new(),
            done_when: Condition::StorageGone { id: "x".into() },
            guards: vec![],
        }
    }

    fn clone_into_pool() -> [Call; 3] {
        [
            call(Verb::Post, "/nodes/n/qemu/9000/clone", &[("newid", "101"), ("pool", "web")]),
            call(Verb::Put, "/nodes/n/qemu/101/config", &[("cores", "2"), ("memory", "512")]),
            call(Verb::Post, "/nodes/n/qemu/101/status/start", &[]),
        ]
    }

    fn shown(missing: &[Missing]) -> Vec<String> {
        missing.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_a_plan_lacks_is_named_once_for_each_path() {
        let missing = missing_in(&clone_into_pool(), &Held::default());
        let on_guest = "VM.Allocate and VM.Config.CPU and VM.Config.Memory and VM.PowerMgmt on /vms/101";
        assert_eq!(shown(&missing), [on_guest, "VM.Clone on /vms/9000"]);
        assert_eq!(
            commands(&missing, TOKEN),
            [
                "pveum role modify MycoPod --append 1 --privs \"VM.Allocate VM.Clone VM.Config.CPU \
                 VM.Config.Memory VM.PowerMgmt\"",
                "pveum acl modify /vms/101 --users 'mycopod@pve' --tokens 'mycopod@pve!agent' --roles MycoPod",
                "pveum acl modify /vms/9000 --users 'mycopod@pve' --tokens 'mycopod@pve!agent' --roles MycoPod",
            ]
        );
    }

    #[test]
    fn a_guest_made_in_a_pool_has_the_rights_of_the_pool() {
        let pool = ["VM.Allocate", "VM.Config.CPU", "VM.Config.Memory", "VM.PowerMgmt"];
        let held = Held::default().grant("/pool/web", &pool).grant("/vms/9000", &["VM.Clone"]);
        assert_eq!(shown(&missing_in(&clone_into_pool(), &held)), [""; 0]);
        let [_, config, _] = clone_into_pool();
        assert_eq!(
            shown(&missing(&config, &held)),
            ["VM.Config.CPU and VM.Config.Memory on /vms/101"],
            "without the call that puts it there the pool gives nothing"
        );
    }

    #[test]
    fn many_guests_are_granted_together() {
        let starts: Vec<Call> =
            (101..106).map(|id| call(Verb::Post, &format!("/nodes/n/qemu/{id}/status/start"), &[])).collect();
        let lines = commands(&missing_in(&starts, &Held::default()), TOKEN);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines.iter().any(|line| line.starts_with("pveum acl modify /vms --users")), "{lines:?}");
    }

    #[test]
    fn of_two_rights_that_would_do_the_lesser_is_asked_for() {
        let either = Missing {
            path: "/storage/a".into(),
            privs: vec!["Datastore.AllocateSpace".into(), "Datastore.Audit".into()],
            any: true,
        };
        assert!(commands(&[either], TOKEN).iter().any(|line| line.ends_with("--privs \"Datastore.Audit\"")));
    }

    #[test]
    fn a_right_that_is_held_nowhere_is_named() {
        let some = Held::default().grant("/vms/101", &PRIVILEGES[..27]);
        assert_eq!(never_held(&some), ["VM.Snapshot"]);
        assert_eq!(never_held(&Held::default()).len(), PRIVILEGES.len());
        assert_eq!(recipe(TOKEN)[3], "pveum user token add mycopod@pve agent --privsep 0");
    }

    #[test]
    fn what_is_for_root_alone_cannot_be_granted() {
        let args = call(Verb::Put, "/nodes/n/qemu/101/config", &[("args", "-x")]);
        let missing = missing(&args, &Held::default().grant("/", &["VM.Config.Options"]));
        assert!(missing.iter().all(Missing::is_root_only) && !missing.is_empty(), "{missing:?}");
        assert_eq!(commands(&missing, TOKEN), [""; 0]);
        let invented = call(Verb::Post, "/nodes/n/qemu/101/explode", &[]);
        assert!(super::missing(&invented, &Held::default())[0].is_root_only());
    }
}

//! What a refusal means. Proxmox VE has no 404 and no 409: most failures are a 500 with a text, so the text
//! is read. Begin with [`Kind::of`] for answers and [`Kind::of_text`] for the errors of tasks.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The meaning of a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    AlreadyExists,
    DoesNotExist,
    /// A lock was not free in time. Nothing was done.
    LockTimeout,
    /// The guest is under a lock of a running operation. Nothing was done.
    GuestLocked,
    /// The cluster has no majority and takes no changes.
    NoQuorum,
    /// Somebody changed the object since it was read.
    DigestMismatch,
    /// The token or ticket was refused.
    Unauthorised,
    /// A right is missing; `needed` is the server's text for it.
    Forbidden {
        needed: String,
    },
    /// Parameters were refused, with a text for each.
    Invalid {
        errors: BTreeMap<String, String>,
    },
    AlreadyRunning,
    NotRunning,
    NotImplemented,
    NodeUnreachable,
    Other,
}

impl Kind {
    /// Reads an answer: status, text and errors by parameter.
    pub fn of(status: u16, text: &str, errors: &BTreeMap<String, String>) -> Self {
        match status {
            401 => Self::Unauthorised,
            403 => forbidden(text),
            501 if text.contains("not implemented") || text.contains("not available") => Self::NotImplemented,
            595 => Self::NodeUnreachable,
            400 | 500 if !errors.is_empty() => {
                // One parameter whose text says more than "bad" is the reason: a taken id, an absent storage.
                let mut kinds = errors.values().map(|text| Self::of_text(text));
                match (kinds.next(), kinds.next()) {
                    (Some(kind @ (Self::AlreadyExists | Self::DoesNotExist)), None) => kind,
                    (Some(kind @ Self::Forbidden { .. }), None) => kind,
                    _ => Self::Invalid { errors: errors.clone() },
                }
            }
            400 => Self::Invalid { errors: BTreeMap::new() },
            _ => Self::of_text(text),
        }
    }

    /// Reads an error text alone, of a handler or of a task.
    pub fn of_text(text: &str) -> Self {
        let says = |part: &str| text.contains(part);
        if says("Permission check failed") {
            return forbidden(text);
        }
        if says("only root can") || says("Only root ") {
            return Self::Forbidden { needed: "root@pam".into() };
        }
        if says("400 Parameter verification failed") {
            return Self::Invalid { errors: BTreeMap::new() };
        }
        // "locked command timed out" is not among these: the work may have been done.
        if says("got lock request timeout") || (says("can't lock file") && says("got timeout")) {
            return Self::LockTimeout;
        }
        if says(" is locked (") {
            return Self::GuestLocked;
        }
        if says("no quorum") || says("cluster filesystem not online") {
            return Self::NoQuorum;
        }
        if says("checksum mismatch (file change") || says("detected modified configuration") {
            return Self::DigestMismatch;
        }
        if says("hostname lookup") && says("failed") {
            return Self::NodeUnreachable;
        }
        if says("guest agent") {
            return Self::Other;
        }
        if says("already running") {
            return Self::AlreadyRunning;
        }
        if is_power_text(text) {
            return Self::NotRunning;
        }
        if says("already defined in URI") || says("no such option") {
            return Self::Invalid { errors: BTreeMap::new() };
        }
        // About another object than the one of the call.
        if says("Default gateway already exists") {
            return Self::Other;
        }
        let exists = ["already exists", "already defined", "already used", "already a pool member"];
        if exists.iter().any(|part| says(part))
            || says("refusing to override existing file")
            || says("File exists")
        {
            return Self::AlreadyExists;
        }
        if says("does not exist")
            || says("could not find target VM")
            || text.to_ascii_lowercase().contains("no such ")
            || says("unable to find configuration file")
            || says("no rule at position")
        {
            return Self::DoesNotExist;
        }
        if says("not implemented") {
            return Self::NotImplemented;
        }
        Self::Other
    }

    /// Did the refusal leave everything as it was, and can the same call pass a little later?
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::LockTimeout | Self::GuestLocked | Self::NoQuorum)
    }

    /// What the person can do next; `text` is the server's own text, which is shown where ours says less.
    pub fn advice(&self, text: &str) -> String {
        let text = text.trim();
        match self {
            Self::AlreadyExists => format!("It is already there: {text}"),
            Self::DoesNotExist => format!("It is not there: {text}"),
            Self::LockTimeout => "Proxmox is busy with the same object. It will be tried again.".into(),
            Self::GuestLocked => {
                "Another operation (such as a backup) holds this guest. Wait until it is done.".into()
            }
            Self::NoQuorum => {
                "The cluster has no majority of nodes, so it takes no changes. Bring nodes back first.".into()
            }
            Self::DigestMismatch => {
                "Somebody changed this after it was read. Look at the change and ask for a new plan.".into()
            }
            Self::Unauthorised => "The API token or the password was refused. Replace it in Settings.".into(),
            Self::Forbidden { needed } if needed == "root@pam" || needed.contains("root@pam") => {
                "Only root@pam itself may do this, an API token never can. Do it by hand on the node.".into()
            }
            Self::Forbidden { needed } if needed.is_empty() => "The API token lacks a right for this.".into(),
            Self::Forbidden { needed } => format!("The API token lacks a right: {needed}"),
            Self::Invalid { errors } if errors.is_empty() => format!("Proxmox refused the values: {text}"),
            Self::Invalid { errors } => {
                let list: Vec<String> =
                    errors.iter().map(|(name, text)| format!("{name} ({})", text.trim())).collect();
                format!("Proxmox refused these values: {}", list.join(", "))
            }
            Self::AlreadyRunning => "The guest is already running.".into(),
            Self::NotRunning => "The guest is not running.".into(),
            Self::NotImplemented => "This Proxmox version does not have this call.".into(),
            Self::NodeUnreachable => "The node cannot be reached. Is it powered on?".into(),
            Self::Other => format!("Proxmox answered: {text}"),
        }
    }
}

/// Does the text say that the guest itself is not on this node? Other absent things (a volume, a storage)
/// are `DoesNotExist` as well. It may still be on another node.
pub(crate) fn says_guest_absent(text: &str) -> bool {
    (text.contains("Configuration file 'nodes/") && text.contains("does not exist"))
        || text.contains("unable to find configuration file for ")
}

/// `Permission check failed (/vms/100, VM.PowerMgmt)`; an absent pool is reported in the same form.
fn forbidden(text: &str) -> Kind {
    let inside = text
        .split_once("Permission check failed (")
        .map(|(_, rest)| rest.trim_end().trim_end_matches(')').trim_end());
    match inside {
        Some(inside) if inside.starts_with("pool ") && inside.contains("does not exist") => {
            Kind::DoesNotExist
        }
        Some(inside) => Kind::Forbidden { needed: inside.to_owned() },
        None => Kind::Forbidden { needed: String::new() },
    }
}

/// `VM 100 not running`, `CT 200 not running`, `VM 100 is not running`; not the texts about other services.
fn is_power_text(text: &str) -> bool {
    let mut words = text.split_whitespace().skip_while(|word| !matches!(*word, "VM" | "CT"));
    let (_, number) = (words.next(), words.next());
    let rest: Vec<&str> = words.take(3).collect();
    number.is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))
        && (rest.starts_with(&["not", "running"]) || rest.starts_with(&["is", "not", "running"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn texts_of_the_server_mean_what_they_say() {
        let none = BTreeMap::new();
        for (status, text, kind) in [
            (500, "unable to create VM 100 - VM 100 already exists on node 'pve1'", Kind::AlreadyExists),
            (500, "unable to create VM 101: config file already exists", Kind::AlreadyExists),
            (500, "create storage failed: storage ID 'x' already defined", Kind::AlreadyExists),
            (500, "snapshot name 's1' already used", Kind::AlreadyExists),
            (500, "update pools failed: VM 100 is already a pool member", Kind::AlreadyExists),
            (500, "create resource failed: resource ID 'vm:100' already defined", Kind::AlreadyExists),
            (500, "Configuration file 'nodes/n/qemu-server/9.conf' does not exist", Kind::DoesNotExist),
            (500, "unable to find configuration file for VM 999 on node 'n'", Kind::DoesNotExist),
            (500, "no such cluster node 'x'", Kind::DoesNotExist),
            (500, "no such resource 'vm:100'", Kind::DoesNotExist),
            (403, "Permission check failed (pool 'x' does not exist)", Kind::DoesNotExist),
            (500, "can't lock file '/var/lock/qemu-server/lock-101.conf' - got timeout", Kind::LockTimeout),
            (500, "cfs-lock 'file-user_cfg' error: got lock request timeout", Kind::LockTimeout),
            (500, "cfs-lock 'file-user_cfg' error: no quorum!", Kind::NoQuorum),
            (500, "'file-storage_cfg'-locked command timed out - aborting", Kind::Other),
            (500, "VM quit/powerdown failed - got timeout", Kind::Other),
            (500, "cluster not ready - no quorum?", Kind::NoQuorum),
            (500, "VM is locked (backup)", Kind::GuestLocked),
            (500, "CT is locked (snapshot-delete)", Kind::GuestLocked),
            (500, "checksum mismatch (file change by other user?)", Kind::DigestMismatch),
            (
                500,
                "detected modified configuration - file changed by other user? Try again.",
                Kind::DigestMismatch,
            ),
            (500, "CT 200 already running", Kind::AlreadyRunning),
            (500, "VM 200 not running", Kind::NotRunning),
            (500, "VM 100 is not running", Kind::NotRunning),
            (500, "QEMU guest agent is not running", Kind::Other),
            (500, "VM 101 is running - destroy failed", Kind::Other),
            (500, "only root can set 'args' config", Kind::Forbidden { needed: "root@pam".into() }),
            (403, "Permission check failed", Kind::Forbidden { needed: String::new() }),
            (
                403,
                "Permission check failed (/vms/100, VM.PowerMgmt)",
                Kind::Forbidden { needed: "/vms/100, VM.PowerMgmt".into() },
            ),
            (401, "invalid token value!", Kind::Unauthorised),
            (501, "Method 'GET /nonexist' not implemented", Kind::NotImplemented),
            (501, "for data too large", Kind::Other),
            (500, "hostname lookup 'x' failed - failed to get address info", Kind::NodeUnreachable),
            (500, "400 Parameter verification failed.", Kind::Invalid { errors: BTreeMap::new() }),
            (500, "no options specified", Kind::Other),
            (500, "volume 'a' is broken", Kind::Other),
        ] {
            assert_eq!(Kind::of(status, text, &none), kind, "{status} {text}");
        }
    }

    #[test]
    fn errors_by_parameter_are_kept_unless_one_says_it_all() {
        let failed = "Parameter verification failed.";
        let taken = errors(&[("vmid", "VM 100 already exists")]);
        assert_eq!(Kind::of(400, failed, &taken), Kind::AlreadyExists);
        let absent = errors(&[("storage", "No such storage.")]);
        assert_eq!(Kind::of(400, failed, &absent), Kind::DoesNotExist);
        let root = errors(&[("skiplock", "Only root may use this option.")]);
        assert_eq!(Kind::of(400, failed, &root), Kind::Forbidden { needed: "root@pam".into() });
        let gateway = errors(&[("gateway", "Default gateway already exists on interface 'vmbr0'.")]);
        assert_eq!(Kind::of(400, failed, &gateway), Kind::Invalid { errors: gateway.clone() });
        let twice =
            errors(&[("vmid", "duplicate parameter (already defined in URI) with conflicting values!")]);
        assert_eq!(Kind::of(400, failed, &twice), Kind::Invalid { errors: twice.clone() });
        let bad = errors(&[("cores", "value must have a minimum value of 1")]);
        assert_eq!(Kind::of(400, failed, &bad), Kind::Invalid { errors: bad.clone() });
        assert_eq!(Kind::of(500, "format error", &bad), Kind::Invalid { errors: bad.clone() });
    }

    #[test]
    fn an_absent_guest_is_told_from_other_absent_things() {
        assert!(says_guest_absent("Configuration file 'nodes/n/lxc/9.conf' does not exist"));
        assert!(says_guest_absent("unable to find configuration file for VM 999 on node 'n'"));
        assert!(!says_guest_absent("storage 'x' does not exist"));
        assert!(!says_guest_absent("unable to create VM 1 - volume 'local:iso/a.iso' does not exist"));
    }

    #[test]
    fn only_refusals_that_changed_nothing_are_transient() {
        assert!(Kind::LockTimeout.is_transient() && Kind::GuestLocked.is_transient());
        assert!(Kind::NoQuorum.is_transient());
        assert!(!Kind::DigestMismatch.is_transient() && !Kind::Other.is_transient());
    }
}

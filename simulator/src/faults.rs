//! Faults on demand: which calls go wrong, and how.
//!
//! Begin with [`FaultRule`]. A rule about one call (`nth`, `probability`) is drawn at each match;
//! a rule about the cluster (`OfflineNode`, `NoQuorum`, `StaleList`) holds as long as it is set.

use crate::chance::Chance;
use crate::limits::FAULT_RULES_MAX;
use serde::{Deserialize, Serialize};

/// One rule.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FaultRule {
    /// Chosen by the caller; a rule with the same id replaces the old one.
    pub id: String,
    #[serde(default, rename = "match")]
    pub matches: FaultMatch,
    /// Only the matching calls `from` (counted from 1) to `from + count - 1`.
    #[serde(default)]
    pub nth: Option<(u32, u32)>,
    /// Chance of each matching call, 0 to 1.
    #[serde(default)]
    pub probability: Option<f64>,
    pub action: FaultAction,
}

/// Which calls a rule is about; what is absent matches everything.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct FaultMatch {
    #[serde(default)]
    pub method: Option<String>,
    /// Path below `/api2/json`: a prefix, or a glob when it holds `*`.
    #[serde(default)]
    pub path: Option<String>,
    /// Node named in the path.
    #[serde(default)]
    pub node: Option<String>,
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FaultAction {
    /// Answer with this status and reason, without effect.
    Status { code: u16, reason: String },
    /// Close the connection without effect and without answer.
    DropBeforeEffect,
    /// Do it, then close the connection without answer.
    DropAfterEffect,
    /// Do it, then send half of the answer.
    Truncate,
    /// Wait before the work, in milliseconds (not scaled).
    DelayMs { ms: u64 },
    /// Reset the TCP connection without effect.
    Reset,
    /// Answer with the lock timeout text, without effect.
    LockText,
    /// The task that the call starts ends with this text.
    TaskFail { text: String },
    /// The task that the call starts takes this many times longer.
    TaskSlow { factor: f64 },
    /// The node does not answer.
    OfflineNode { node: String },
    /// The cluster has lost its quorum: reads work, writes do not.
    NoQuorum,
    /// Lists show the cluster as it was when the rule was set.
    StaleList,
    /// Somebody else takes the VMID just before the call does.
    StolenVmid,
}

impl FaultAction {
    fn holds_while_set(&self) -> bool {
        matches!(self, Self::OfflineNode { .. } | Self::NoQuorum | Self::StaleList)
    }
}

impl FaultMatch {
    fn covers(&self, method: &str, path: &str, node: Option<&str>) -> bool {
        self.method.as_ref().is_none_or(|m| m.eq_ignore_ascii_case(method))
            && self.path.as_ref().is_none_or(|p| path_matches(p, path))
            && self.node.as_ref().is_none_or(|n| node == Some(n.as_str()))
    }
}

/// A prefix, or a glob in which `*` stands for any characters.
fn path_matches(pattern: &str, path: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return path.starts_with(pattern) };
    let Some(tail) = path.strip_prefix(head) else { return false };
    if rest.is_empty() {
        return true;
    }
    (0..=tail.len())
        .filter(|i| tail.is_char_boundary(*i))
        .any(|i| if rest.contains('*') { path_matches(rest, &tail[i..]) } else { &tail[i..] == rest })
}

/// The rules that are set, with how often each has matched.
#[derive(Default)]
pub struct Faults(Vec<(FaultRule, u32)>);

impl Faults {
    /// Begins with these rules.
    pub fn of(rules: &[FaultRule]) -> Self {
        let mut out = Self::default();
        rules.iter().for_each(|rule| {
            out.set(rule.clone());
        });
        out
    }

    /// Sets a rule; false when there are too many.
    pub fn set(&mut self, rule: FaultRule) -> bool {
        self.0.retain(|(old, _)| old.id != rule.id);
        let room = self.0.len() < FAULT_RULES_MAX;
        if room {
            self.0.push((rule, 0));
        }
        room
    }

    pub fn remove(&mut self, id: &str) {
        self.0.retain(|(rule, _)| rule.id != id);
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn all(&self) -> Vec<FaultRule> {
        self.0.iter().map(|(rule, _)| rule.clone()).collect()
    }

    /// What befalls this call. Counts the match.
    pub fn draw(
        &mut self,
        method: &str,
        path: &str,
        node: Option<&str>,
        chance: &Chance,
    ) -> Vec<FaultAction> {
        let mut out = Vec::new();
        for (rule, seen) in &mut self.0 {
            if rule.action.holds_while_set() || !rule.matches.covers(method, path, node) {
                continue;
            }
            *seen += 1;
            let due = rule.nth.is_none_or(|(from, count)| *seen >= from && *seen - from < count);
            if due && rule.probability.is_none_or(|p| chance.lot(p)) {
                out.push(rule.action.clone());
            }
        }
        out
    }

    pub fn node_offline(&self, node: &str) -> bool {
        self.0.iter().any(|(r, _)| matches!(&r.action, FaultAction::OfflineNode { node: n } if n == node))
    }

    pub fn no_quorum(&self) -> bool {
        self.0.iter().any(|(r, _)| r.action == FaultAction::NoQuorum)
    }

    /// Does a list on this path show the past?
    pub fn stale(&self, method: &str, path: &str, node: Option<&str>) -> bool {
        self.0.iter().any(|(r, _)| r.action == FaultAction::StaleList && r.matches.covers(method, path, node))
    }
}

#[cfg(test)]
mod tests {
    use super::path_matches;

    #[test]
    fn a_path_is_matched_by_prefix_or_glob() {
        assert!(path_matches("/nodes/pve1", "/nodes/pve1/qemu"));
        assert!(path_matches("/nodes/*/qemu/*/clone", "/nodes/pve1/qemu/9000/clone"));
        assert!(!path_matches("/nodes/*/qemu/*/clone", "/nodes/pve1/qemu/9000/config"));
        assert!(!path_matches("/storage", "/nodes"));
    }
}

//! Tasks: the work behind most writes. A returned task id says only that the work began.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A task's name: where it runs, since when, what it does, for whom.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Upid {
    /// As the server wrote it; this goes back into paths.
    text: String,
    /// The node that does the work and answers for it.
    pub node: String,
    pub pid: u64,
    pub pstart: u64,
    /// Seconds since 1970.
    pub starttime: u64,
    /// Such as `qmcreate`.
    pub kind: String,
    /// Usually the VMID; may be empty.
    pub id: String,
    /// With `!TOKEN` when a token started it.
    pub user: String,
}

/// A text that is no task id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a task id: {0}")]
pub struct UpidError(String);

impl Upid {
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl std::str::FromStr for Upid {
    type Err = UpidError;

    fn from_str(text: &str) -> Result<Self, UpidError> {
        read(text).ok_or_else(|| UpidError(text.chars().take(120).collect()))
    }
}

fn read(text: &str) -> Option<Upid> {
    let parts: Vec<&str> = text.split(':').collect();
    let ["UPID", node, pid, pstart, starttime, kind, id, user, ""] = parts[..] else { return None };
    let hex = |digits: &str, lengths: std::ops::RangeInclusive<usize>| {
        let plain = lengths.contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
        plain.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
    };
    let word = |text: &str| !text.contains(|c: char| c == '/' || c.is_whitespace());
    let node_ok = !node.is_empty()
        && node.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !node.starts_with('-')
        && !node.ends_with('-');
    if !node_ok || kind.is_empty() || user.is_empty() || ![kind, id, user].into_iter().all(word) {
        return None;
    }
    Some(Upid {
        text: text.to_owned(),
        node: node.to_owned(),
        pid: hex(pid, 8..=8)?,
        pstart: hex(pstart, 8..=9)?,
        starttime: hex(starttime, 8..=8)?,
        kind: kind.to_owned(),
        id: id.to_owned(),
        user: user.to_owned(),
    })
}

impl TryFrom<String> for Upid {
    type Error = UpidError;

    fn try_from(text: String) -> Result<Self, UpidError> {
        text.parse()
    }
}

impl From<Upid> for String {
    fn from(upid: Upid) -> Self {
        upid.text
    }
}

impl fmt::Display for Upid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Upid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskOutcome {
    Ok,
    /// Done, with so many warnings in the log.
    Warnings(u64),
    /// Not done, or done in part; the text says why.
    Failed(String),
    /// The worker was killed or its end was not written down: look at what is there.
    Unexpected,
}

impl TaskOutcome {
    /// Reads the `exitstatus` of a stopped task.
    pub fn of(exitstatus: Option<&str>) -> Self {
        let Some(text) = exitstatus.map(str::trim) else { return Self::Unexpected };
        if text == "OK" {
            return Self::Ok;
        }
        if let Some(count) = text.strip_prefix("WARNINGS: ").and_then(|count| count.parse().ok()) {
            return Self::Warnings(count);
        }
        let lost = ["unexpected status", "unable to read tail", "unable to open file"];
        if text.is_empty()
            || lost.iter().any(|part| text.starts_with(part))
            || matches!(text, "received interrupt" | "interrupted by signal")
        {
            return Self::Unexpected;
        }
        Self::Failed(text.to_owned())
    }

    /// Was the work done?
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Ok | Self::Warnings(_))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const UPID: &str = "UPID:pve-1:00000DCC:0002B80C:6B0346CC:qmcreate:100:root@pam!tk:";

    #[test]
    fn a_task_id_goes_round() {
        let upid: Upid = UPID.parse().unwrap();
        assert_eq!(upid.to_string(), UPID);
        assert_eq!((upid.node.as_str(), upid.pid, upid.starttime), ("pve-1", 0xDCC, 0x6B03_46CC));
        assert_eq!(
            (upid.kind.as_str(), upid.id.as_str(), upid.user.as_str()),
            ("qmcreate", "100", "root@pam!tk")
        );
        let json = serde_json::to_string(&upid).unwrap();
        assert_eq!(serde_json::from_str::<Upid>(&json).unwrap(), upid);
        assert!("UPID:n:00000001:000000001:00000001:srvreload::root@pam:".parse::<Upid>().is_ok());
    }

    #[test]
    fn what_is_no_task_id_is_refused() {
        for text in [
            "",
            "UPID:bad",
            &UPID[..UPID.len() - 1],
            &UPID.replace("00000DCC", "DCC"),
            &UPID.replace("00000DCC", "0000+DCC"),
            &UPID.replace("pve-1", "pve/1"),
            &UPID.replace("pve-1", "-"),
            &UPID.replace("qmcreate", "../x"),
        ] {
            assert!(text.parse::<Upid>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_end_is_told_by_its_text() {
        assert_eq!(TaskOutcome::of(Some("OK")), TaskOutcome::Ok);
        assert_eq!(TaskOutcome::of(Some("WARNINGS: 2")), TaskOutcome::Warnings(2));
        assert_eq!(TaskOutcome::of(Some("WARNINGS: x")), TaskOutcome::Failed("WARNINGS: x".into()));
        assert_eq!(TaskOutcome::of(Some("unexpected status")), TaskOutcome::Unexpected);
        assert_eq!(TaskOutcome::of(Some("received interrupt")), TaskOutcome::Unexpected);
        assert_eq!(TaskOutcome::of(None), TaskOutcome::Unexpected);
        let failed = TaskOutcome::of(Some("VM is locked (backup)"));
        assert_eq!(failed, TaskOutcome::Failed("VM is locked (backup)".into()));
        assert!(!failed.is_success() && TaskOutcome::Warnings(1).is_success());
    }
}

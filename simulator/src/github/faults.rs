//! Trouble on purpose: what GitHub, the network and other people do at the worst moment.

use serde::{Deserialize, Serialize};
use std::sync::{Mutex, PoisonError};

/// Trouble for requests that match.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GitHubFault {
    /// `GET`, `POST`, `PATCH`, `PUT`; any if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Part of the path, such as `/git/refs/`; any if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How many matching requests are hit; 0 is all of them.
    #[serde(default = "once")]
    pub times: u32,
    pub trouble: GitHubTrouble,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum GitHubTrouble {
    /// This answer, and no effect.
    Status {
        status: u16,
        #[serde(default)]
        message: String,
        /// Header lines beside it, such as `retry-after`.
        #[serde(default)]
        headers: Vec<(String, String)>,
    },
    /// The request has its effect, the answer never comes.
    LostAnswer,
    /// No effect, no answer: the connection is closed.
    Drop,
    /// No effect, and the connection stays silent.
    Silence,
    /// The request has its effect, the answer breaks off in the middle.
    Truncate,
    /// Somebody else commits just before the request is carried out.
    Overtake,
}

fn once() -> u32 {
    1
}

impl GitHubFault {
    /// Hits one request whose path has this part.
    pub fn once(method: &str, path: &str, trouble: GitHubTrouble) -> Self {
        Self { method: Some(method.into()), path: Some(path.into()), times: 1, trouble }
    }

    /// Hits every request until the faults are cleared.
    pub fn always(trouble: GitHubTrouble) -> Self {
        Self { method: None, path: None, times: 0, trouble }
    }

    fn hits(&self, method: &str, path: &str) -> bool {
        self.method.as_deref().is_none_or(|wanted| wanted == method)
            && self.path.as_deref().is_none_or(|part| path.contains(part))
    }
}

impl GitHubTrouble {
    pub fn status(status: u16, message: &str) -> Self {
        Self::Status { status, message: message.into(), headers: vec![] }
    }

    /// As [`Self::status`], with header lines.
    pub fn status_with(status: u16, message: &str, headers: &[(&str, &str)]) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Self::Status { status, message: message.into(), headers }
    }
}

#[derive(Default)]
pub(super) struct Faults(Mutex<Vec<GitHubFault>>);

impl Faults {
    pub fn add(&self, fault: GitHubFault) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The first trouble that hits this request; one that is used up is forgotten.
    pub fn take(&self, method: &str, path: &str) -> Option<GitHubTrouble> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = faults.iter().position(|fault| fault.hits(method, path))?;
        let trouble = faults[at].trouble.clone();
        match faults[at].times {
            0 => {}
            1 => drop(faults.remove(at)),
            _ => faults[at].times -= 1,
        }
        Some(trouble)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_hits_as_often_as_it_says() {
        let faults = Faults::default();
        faults.add(GitHubFault::once("PATCH", "/git/refs/", GitHubTrouble::LostAnswer));
        assert_eq!(faults.take("GET", "/repos/a/b/git/refs/heads/main"), None);
        assert_eq!(faults.take("PATCH", "/repos/a/b/git/refs/heads/main"), Some(GitHubTrouble::LostAnswer));
        assert_eq!(faults.take("PATCH", "/repos/a/b/git/refs/heads/main"), None);
        faults.add(GitHubFault::always(GitHubTrouble::Drop));
        assert!(faults.take("GET", "/").is_some() && faults.take("GET", "/").is_some());
        faults.clear();
        assert_eq!(faults.take("GET", "/"), None);
    }

    #[test]
    fn a_fault_is_read_from_json() {
        let text = r#"{"path":"/git/refs/","trouble":{"kind":"status","status":429,"headers":[["retry-after","1"]]}}"#;
        let fault: GitHubFault = serde_json::from_str(text).unwrap();
        let wanted = GitHubTrouble::status_with(429, "", &[("retry-after", "1")]);
        assert_eq!((fault.times, fault.trouble), (1, wanted));
    }
}

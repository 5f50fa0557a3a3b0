//! One call and its answer, as plain data.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::task::Upid;

/// What a call does to the path. The API has no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verb {
    Get,
    Post,
    Put,
    Delete,
}

impl Verb {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    /// May the call change something?
    pub fn is_write(self) -> bool {
        self != Self::Get
    }

    /// Do the arguments go into the body? Those of the others go into the query.
    pub fn has_body(self) -> bool {
        matches!(self, Self::Post | Self::Put)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Verb {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Get, Self::Post, Self::Put, Self::Delete]
            .into_iter()
            .find(|verb| verb.as_str() == text)
            .ok_or_else(|| format!("'{text}' is not GET, POST, PUT or DELETE"))
    }
}

/// One API call, exactly as it will be sent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    pub verb: Verb,
    /// Below `/api2/json`, with a leading slash, as plain text: encoding is done when it is sent.
    pub path: String,
    /// Plain text values. The parts of an array value are joined by NUL and sent as a repeated name.
    pub args: BTreeMap<String, String>,
    /// Only for the upload call, which is sent as multipart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FilePart>,
}

/// A file in an upload.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilePart {
    pub name: String,
    #[serde(skip)]
    pub bytes: Vec<u8>,
}

impl Request {
    pub fn new(verb: Verb, path: impl Into<String>, args: BTreeMap<String, String>) -> Self {
        Self { verb, path: path.into(), args, file: None }
    }

    /// A read without arguments.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Verb::Get, path, BTreeMap::new())
    }

    /// Sets one argument.
    pub fn arg(mut self, name: &str, value: impl ToString) -> Self {
        self.args.insert(name.to_owned(), value.to_string());
        self
    }

    /// Does this argument hold a secret?
    fn is_secret(&self, name: &str) -> bool {
        let here = SECRET_HERE.iter().any(|(arg, end)| *arg == name && self.path.ends_with(end));
        here || SECRET_ARGS.contains(&name)
    }

    /// A text of the server with the secrets of this call masked: it repeats values that it refuses.
    pub(crate) fn masked(&self, text: &str) -> String {
        let secrets = self.args.iter().filter(|(name, value)| !value.is_empty() && self.is_secret(name));
        secrets.fold(text.to_owned(), |text, (_, value)| text.replace(value.as_str(), MASK))
    }

    /// The same call with its secrets masked and its file empty: this is what may be shown and kept.
    pub fn redacted(&self) -> Self {
        let mut copy = self.clone();
        for (name, value) in &mut copy.args {
            if self.is_secret(name) {
                *value = MASK.to_owned();
            }
        }
        if let Some(file) = &mut copy.file {
            file.bytes.clear();
        }
        copy
    }
}

/// Arguments that hold a secret, or may (what is typed into a guest).
const SECRET_ARGS: [&str; 9] = [
    "password",
    "cipassword",
    "confirmation-password",
    "otp",
    "secret",
    "client-key",
    "keyring",
    "encryption-key",
    "input-data",
];
/// Arguments that hold a secret only in calls whose path ends so.
const SECRET_HERE: [(&str, &str); 2] = [("content", "/agent/file-write"), ("key", "/certificates/custom")];
const MASK: &str = "***";

/// Calls whose answers are a guest's own words, in these fields.
const GUEST_SPEAKS: [&str; 2] = ["/agent/exec-status", "/agent/file-read"];
const GUEST_WORDS: [&str; 3] = ["out-data", "err-data", "content"];

/// The fields may stand inside `result`.
fn mask_guest_output(data: &mut Value) {
    let Value::Object(fields) = data else { return };
    for (name, value) in fields {
        match name.as_str() {
            "result" => mask_guest_output(value),
            name if GUEST_WORDS.contains(&name) => *value = Value::from(MASK),
            _ => {}
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.redacted();
        write!(f, "{} {} {:?}", shown.verb, shown.path, shown.args)?;
        match &self.file {
            Some(file) => write!(f, " + {} ({} bytes)", file.name, file.bytes.len()),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for FilePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.name, self.bytes.len())
    }
}

/// The answer to a call that the server carried out (status below 400).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    pub status: u16,
    /// The raw reason phrase of the status line.
    pub reason: String,
    pub message: Option<String>,
    pub errors: BTreeMap<String, String>,
    /// Null for a call without result.
    pub data: Value,
    /// What stands beside `data`: `total` of lists, `changes` of a pending network configuration.
    #[serde(default)]
    pub beside: BTreeMap<String, Value>,
    /// From the first byte sent to the last byte read, over all attempts.
    pub latency: Duration,
}

impl Reply {
    /// The task that the call started, if it did. `data` is the id, or has it in `upid`.
    pub fn upid(&self) -> Option<Upid> {
        let text = self.data.as_str().or_else(|| self.data.get("upid")?.as_str())?;
        text.parse().ok()
    }

    /// The answer to this request as it may be kept: besides, without what a guest said of its own (the output
    /// of programs, the content of files), which may hold anything.
    pub fn redacted_for(&self, request: &Request) -> Self {
        let mut copy = self.redacted();
        copy.message = copy.message.map(|text| request.masked(&text));
        copy.errors.values_mut().for_each(|text| *text = request.masked(text));
        if GUEST_SPEAKS.iter().any(|end| request.path.ends_with(end)) {
            mask_guest_output(&mut copy.data);
        }
        copy
    }

    /// The same answer with tickets and new token secrets masked.
    pub fn redacted(&self) -> Self {
        let mut copy = self.clone();
        if let Value::Object(data) = &mut copy.data {
            let mut secret = vec!["ticket", "CSRFPreventionToken"];
            if data.contains_key("full-tokenid") {
                secret.push("value");
            }
            for name in secret {
                if let Some(value) = data.get_mut(name) {
                    *value = Value::from(MASK);
                }
            }
        }
        copy
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_request_is_shown_without_its_secrets() {
        let request = Request::new(Verb::Put, "/nodes/n/qemu/1/config", BTreeMap::new())
            .arg("cipassword", "canary")
            .arg("cores", 2);
        let shown = format!("{request:?}");
        assert!(!shown.contains("canary"), "{shown}");
        assert!(shown.contains("cores"), "{shown}");
    }

    #[test]
    fn what_a_guest_says_is_not_kept() {
        let reply = Reply {
            status: 200,
            reason: "OK".into(),
            message: None,
            errors: BTreeMap::new(),
            data: json!({"exited": 1, "out-data": "canary", "result": {"content": "canary"}}),
            beside: BTreeMap::new(),
            latency: Duration::ZERO,
        };
        let request = Request::get("/nodes/n/qemu/1/agent/exec-status");
        let kept = reply.redacted_for(&request).data;
        assert_eq!(kept, json!({"exited": 1, "out-data": "***", "result": {"content": "***"}}));
        assert_eq!(
            reply.redacted_for(&Request::get("/x")).data["out-data"],
            "canary",
            "elsewhere it is no secret"
        );
    }

    #[test]
    fn a_reply_is_kept_without_a_new_token() {
        let reply = Reply {
            status: 200,
            reason: "OK".into(),
            message: None,
            errors: BTreeMap::new(),
            data: json!({"full-tokenid": "a@pve!t", "value": "canary"}),
            beside: BTreeMap::new(),
            latency: Duration::ZERO,
        };
        assert_eq!(reply.redacted().data, json!({"full-tokenid": "a@pve!t", "value": "***"}));
    }
}

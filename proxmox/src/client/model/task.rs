//! Tasks and their logs.

use crate::lenient::{required, text, unsigned};
use serde::{Deserialize, Serialize};

/// An entry of a task list. Times in seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskEntry {
    #[serde(deserialize_with = "required")]
    pub upid: String,
    #[serde(deserialize_with = "text")]
    pub node: Option<String>,
    #[serde(rename = "type", deserialize_with = "text")]
    pub kind: Option<String>,
    #[serde(deserialize_with = "text")]
    pub id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub user: Option<String>,
    #[serde(deserialize_with = "text")]
    pub tokenid: Option<String>,
    #[serde(deserialize_with = "unsigned")]
    pub starttime: Option<u64>,
    /// None while it runs.
    #[serde(deserialize_with = "unsigned")]
    pub endtime: Option<u64>,
    /// How it ended; none while it runs.
    #[serde(deserialize_with = "text")]
    pub status: Option<String>,
}

/// `GET …/tasks/{upid}/status`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskStatus {
    #[serde(deserialize_with = "text")]
    pub upid: Option<String>,
    /// `running` or `stopped`.
    #[serde(deserialize_with = "text")]
    pub status: Option<String>,
    /// Only when stopped.
    #[serde(deserialize_with = "text")]
    pub exitstatus: Option<String>,
    /// Without the token part.
    #[serde(deserialize_with = "text")]
    pub user: Option<String>,
    #[serde(deserialize_with = "text")]
    pub tokenid: Option<String>,
    #[serde(deserialize_with = "unsigned")]
    pub starttime: Option<u64>,
}

impl TaskStatus {
    pub fn is_stopped(&self) -> bool {
        self.status.as_deref() == Some("stopped")
    }
}

/// A line of a task log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Number of the line, from 1.
    pub n: u64,
    pub t: String,
}

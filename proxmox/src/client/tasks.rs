//! Following tasks to their end, and finding them again after a lost answer.

use super::{Client, LogLine, TaskEntry, TaskStatus, path};
use crate::error::CallError;
use crate::lenient;
use crate::limits::{LOG_LINES_PAGE, LOG_PAGES_AFTER_END_MAX, POLL_FIRST_MS, POLL_MS_MAX};
use crate::task::{TaskOutcome, Upid};
use crate::transport::Transport;
use crate::wire::{Request, Verb};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Which tasks of a node to list. The default is all, running and ended, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// Started at or after this moment, in seconds since 1970.
    pub since: Option<u64>,
    pub until: Option<u64>,
    /// Such as `qmcreate`.
    pub kind: Option<String>,
    pub vmid: Option<u32>,
    /// Part of the user's name.
    pub user: Option<String>,
    /// Entries at most; the server's default is 50.
    pub limit: Option<u32>,
}

/// Why a task was not followed to its end. The task itself goes on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WaitError {
    /// The task still ran, or the node could not be asked, when the time was over.
    #[error("the task was not seen to end in time")]
    Deadline { last: Option<CallError> },
    #[error("the task could not be followed")]
    Call(#[from] CallError),
}

impl WaitError {
    pub fn advice(&self) -> String {
        match self {
            Self::Deadline { last: Some(error) } => error.advice(),
            Self::Deadline { last: None } => "The task is still running on the node.".into(),
            Self::Call(error) => error.advice(),
        }
    }
}

impl<T: Transport> Client<T> {
    /// `GET /nodes/{node}/tasks`, running and ended.
    pub async fn tasks(&self, node: &str, filter: &TaskFilter) -> Result<Vec<TaskEntry>, CallError> {
        // Without a source the server lists ended tasks only.
        let request = Request::get(path(&["nodes", node, "tasks"])?).arg("source", "all");
        let args = [
            ("since", filter.since.map(|n| n.to_string())),
            ("until", filter.until.map(|n| n.to_string())),
            ("typefilter", filter.kind.clone()),
            ("vmid", filter.vmid.map(|n| n.to_string())),
            ("userfilter", filter.user.clone()),
            ("limit", filter.limit.map(|n| n.to_string())),
        ];
        let request = args.into_iter().fold(request, |request, (name, value)| match value {
            Some(value) => request.arg(name, value),
            None => request,
        });
        self.read(request).await
    }

    pub async fn task_status(&self, upid: &Upid) -> Result<TaskStatus, CallError> {
        self.read(Request::get(task(upid, "/status")?)).await
    }

    /// Up to 500 lines of a task's log, from line `start` (counted from 0).
    pub async fn task_log(&self, upid: &Upid, start: u64) -> Result<Vec<LogLine>, CallError> {
        let request = Request::get(task(upid, "/log")?).arg("start", start).arg("limit", LOG_LINES_PAGE);
        let reply = self.send_raw(&request).await?;
        // An unknown task answers with one line that is not in a list.
        let lines = match reply.data {
            Value::Array(lines) => lines,
            Value::Object(line) => vec![Value::Object(line)],
            _ => Vec::new(),
        };
        let line = |value: Value| {
            let mut fields = lenient::texts(value)?;
            let n = fields.get("n")?.parse().ok()?;
            Some(LogLine { n, t: fields.remove("t").unwrap_or_default() })
        };
        Ok(lines.into_iter().filter_map(line).collect())
    }

    /// Asks a task to stop; it may take 5 s and may leave locks and half-made volumes.
    pub async fn stop_task(&self, upid: &Upid) -> Result<(), CallError> {
        let request = Request::new(Verb::Delete, task(upid, "")?, BTreeMap::new());
        self.send_raw(&request).await.map(|_| ())
    }

    /// Follows a task to its end, handing over new log lines as they come. A node that does not answer for
    /// a while is asked again until the deadline.
    pub async fn wait_task(
        &self,
        upid: &Upid,
        deadline: Instant,
        mut on_log: impl FnMut(&[LogLine]),
    ) -> Result<TaskOutcome, WaitError> {
        let mut pause = Duration::from_millis(POLL_FIRST_MS);
        let mut seen = 0;
        loop {
            // The status is asked first: the log read after it has all that the ended task wrote.
            let last = match self.task_status(upid).await {
                Ok(status) if status.is_stopped() => {
                    self.drain(upid, &mut seen, &mut on_log).await;
                    return Ok(TaskOutcome::of(status.exitstatus.as_deref()));
                }
                Ok(_) => {
                    self.page(upid, &mut seen, &mut on_log).await;
                    None
                }
                Err(error) if error.is_transient() => Some(error),
                Err(error) => return Err(WaitError::Call(error)),
            };
            let next = Instant::now() + pause;
            if next >= deadline {
                return Err(WaitError::Deadline { last });
            }
            sleep_until(next).await;
            pause = (pause * 3 / 2).min(Duration::from_millis(POLL_MS_MAX));
        }
    }

    /// Hands over the next page of the log; how many lines there were. A log that cannot be read now is
    /// read with the next page: the outcome does not depend on it.
    async fn page(&self, upid: &Upid, seen: &mut u64, on_log: &mut impl FnMut(&[LogLine])) -> usize {
        let mut lines = self.task_log(upid, *seen).await.unwrap_or_default();
        lines.retain(|line| line.n > *seen);
        if let Some(last) = lines.last() {
            *seen = last.n;
            on_log(&lines);
        }
        lines.len()
    }

    async fn drain(&self, upid: &Upid, seen: &mut u64, on_log: &mut impl FnMut(&[LogLine])) {
        for _ in 0..LOG_PAGES_AFTER_END_MAX {
            if self.page(upid, seen, on_log).await < LOG_LINES_PAGE as usize {
                break;
            }
        }
    }
}

fn task(upid: &Upid, what: &str) -> Result<String, CallError> {
    Ok(format!("{}{what}", path(&["nodes", &upid.node, "tasks", upid.as_str()])?))
}

//! Tasks: what one says of itself, and which one is at work on a guest.

use super::Api;
use domain::run::TaskEnd;
use proxmox::{Kind, Request, TaskOutcome, Upid};

/// What a task says of itself.
pub enum TaskLook {
    Running { new: Vec<String> },
    Ended { new: Vec<String>, end: TaskEnd, transient: bool, advice: String },
    CannotTell { why: String },
}

impl Api {
    /// State of a task and its log from line `from` on. While it runs its log is read only where `log_too` says so; once it
    /// has ended, always.
    pub async fn task(&self, upid: &str, from: u32, log_too: bool) -> TaskLook {
        let Ok(id) = upid.parse::<Upid>() else {
            return TaskLook::CannotTell { why: format!("{upid} is not a task id") };
        };
        let status = match self.client.task_status(&id).await {
            Ok(status) => status,
            // After a reboot the node may not know the task any more: what it did is seen at the object.
            Err(error) if error.kind() == Kind::DoesNotExist => {
                let advice =
                    "The node does not know the task any more; the guest is looked at instead.".to_owned();
                return TaskLook::Ended {
                    new: vec![],
                    end: TaskEnd::Unexpected {},
                    transient: false,
                    advice,
                };
            }
            Err(error) => return TaskLook::CannotTell { why: error.to_string() },
        };
        if !status.is_stopped() && !log_too {
            return TaskLook::Running { new: vec![] };
        }
        // Read after the state, so that the last lines of a finished task are in it.
        let log = self.client.task_log(&id, from.into()).await.unwrap_or_default();
        let new = log.into_iter().map(|line| line.t).collect();
        if !status.is_stopped() {
            return TaskLook::Running { new };
        }
        match TaskOutcome::of(status.exitstatus.as_deref()) {
            TaskOutcome::Ok => ended(new, TaskEnd::Ok {}),
            TaskOutcome::Warnings(count) => {
                ended(new, TaskEnd::Warnings { count: u32::try_from(count).unwrap_or(u32::MAX) })
            }
            TaskOutcome::Unexpected => ended(new, TaskEnd::Unexpected {}),
            TaskOutcome::Failed(text) => {
                let kind = Kind::of_text(&text);
                let (transient, advice) = (kind.is_transient(), kind.advice(&text));
                TaskLook::Ended { new, end: TaskEnd::Failed { text }, transient, advice }
            }
        }
    }

    /// A task of one of these kinds (none named: of any) that is at work on one of these guests right now.
    pub async fn active_task(
        &self,
        node: &Option<String>,
        kinds: &[&str],
        vmids: &[u32],
    ) -> Result<Option<String>, String> {
        let Some(node) = node else { return Ok(None) };
        let request = Request::get(format!("/nodes/{node}/tasks")).arg("source", "active").arg("limit", 500);
        let entries: Vec<proxmox::client::TaskEntry> =
            self.client.read(request).await.map_err(|error| error.to_string())?;
        let ours = |id: &Option<String>| {
            id.as_ref().and_then(|id| id.parse().ok()).is_some_and(|id| vmids.contains(&id))
        };
        let fits = |kind: &Option<String>| {
            kinds.is_empty() || kind.as_deref().is_none_or(|kind| kinds.contains(&kind))
        };
        // A finished task may still be listed as active for a moment; its state says so.
        let working =
            |task: &proxmox::client::TaskEntry| ours(&task.id) && fits(&task.kind) && task.status.is_none();
        Ok(entries.into_iter().find(working).map(|task| task.upid))
    }
}

fn ended(new: Vec<String>, end: TaskEnd) -> TaskLook {
    TaskLook::Ended { new, end, transient: false, advice: String::new() }
}

//! Following a task to its end. A task that takes long is neither failed nor done: it is waited for.

use super::bugs::{Bug, is_planted};
use super::ports::{Books, Hands};
use super::{Executor, Trouble, points};
use crate::api::TaskLook;
use crate::limits::{LOG_LINES_PER_EVENT, TASK_WAIT_MAX};
use crate::log::LogError;
use domain::run::{CallNo, Event, Run, TaskEnd};
use std::time::Duration;

/// Pauses between two looks at a task: this part of what it has taken so far, within these bounds. Its end is seen, on
/// average, after half of that: less than 2 % of its time, and a task of minutes is asked twice a second.
const POLL_PART: u64 = 32;
const POLL_MS_MIN: u64 = 80;
const POLL_MS_MAX: u64 = 500;
/// The log of a running task is read no more often than this: people read it, and it is the larger of the two answers.
const LOG_MS_MIN: u64 = 400;

impl<H: Hands, B: Books> Executor<'_, H, B> {
    pub(super) async fn follow(
        &self,
        run: &Run,
        at: CallNo,
        upid: &str,
        mut lines: u32,
    ) -> Result<(), LogError> {
        points::pass("while the task runs", at);
        // Counted by its own pauses: a clock that jumps ends no wait.
        let (mut waited_ms, mut log_due_ms) = (0, 0);
        let mut silent = None;
        while waited_ms < TASK_WAIT_MAX.as_millis() as u64 {
            if self.books.is_lost() {
                return Err(LogError::Fenced);
            }
            let log_too = waited_ms >= log_due_ms;
            if log_too {
                log_due_ms = waited_ms + LOG_MS_MIN;
            }
            match self.hands.task(upid, lines, log_too).await {
                TaskLook::Running { new } => {
                    lines = self.progress(at, upid, lines, new).await?;
                    silent = None;
                }
                TaskLook::Ended { new, end, transient, advice } => {
                    points::pass("before task end", at);
                    let last = progressed(at, upid, lines, new).0;
                    return self.ended(run.attempt(at.step), at, upid, last, (end, transient, advice)).await;
                }
                // A node that is rebooting forgets its tasks for a while, or for good.
                TaskLook::CannotTell { .. } if is_planted(Bug::SilenceIsDone) => {
                    let (upid, advice) = (upid.to_owned(), String::new());
                    let ended = Event::TaskEnded { at, upid, end: TaskEnd::Ok {}, transient: false, advice };
                    let how = "it was silent".to_owned();
                    return self.books.record(vec![ended, Event::CallSettled { at, done: true, how }]).await;
                }
                TaskLook::CannotTell { why } => silent = Some(why),
            }
            let pause_ms = (waited_ms / POLL_PART).clamp(POLL_MS_MIN, POLL_MS_MAX);
            self.books.sleep(Duration::from_millis(pause_ms)).await;
            waited_ms += pause_ms;
        }
        let cause = match silent {
            Some(why) => format!("the task cannot be asked any more: {why}"),
            None => format!("the task still runs after {} minutes", TASK_WAIT_MAX.as_secs() / 60),
        };
        let advice =
            "It is neither failed nor done. Look at the task in Proxmox; Resume goes on waiting.".to_owned();
        self.pause(Some(at.step), Trouble { cause, advice, transient: false }).await
    }

    async fn progress(&self, at: CallNo, upid: &str, from: u32, new: Vec<String>) -> Result<u32, LogError> {
        let (events, next) = progressed(at, upid, from, new);
        for event in events {
            self.books.record(vec![event]).await?;
        }
        Ok(next)
    }

    /// The end of a task, recorded with the last lines of its log.
    async fn ended(
        &self,
        used: u32,
        at: CallNo,
        upid: &str,
        mut last: Vec<Event>,
        (end, transient, advice): (TaskEnd, bool, String),
    ) -> Result<(), LogError> {
        last.push(Event::TaskEnded {
            at,
            upid: upid.to_owned(),
            end: end.clone(),
            transient,
            advice: advice.clone(),
        });
        match end {
            TaskEnd::Failed { text } => {
                let trouble = Trouble { cause: text, advice, transient };
                self.again_or_pause(at, last, used, trouble).await
            }
            TaskEnd::Ok {} | TaskEnd::Warnings { .. } | TaskEnd::Unexpected {} => {
                self.books.record(last).await
            }
        }
    }
}

/// New lines of a task's log as events, and the number of the line that comes next.
fn progressed(at: CallNo, upid: &str, mut from: u32, new: Vec<String>) -> (Vec<Event>, u32) {
    let mut events = Vec::new();
    for chunk in new.chunks(LOG_LINES_PER_EVENT) {
        let lines = chunk.to_vec();
        let count = u32::try_from(lines.len()).unwrap_or(0);
        events.push(Event::TaskProgressed { at, upid: upid.to_owned(), from_line: from, lines });
        from += count;
    }
    (events, from)
}

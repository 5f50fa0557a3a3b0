//! After an answer or an unknown outcome: find out by looking, never by guessing or sending again (I2).

use super::bugs::{Bug, is_planted};
use super::ports::{Books, Hands};
use super::{Executor, Trouble};
use crate::limits::{SETTLE_LOOKS_MAX, SETTLE_PAUSE_MS, VERIFY_LOOKS_MAX, VERIFY_PAUSE_MS};
use crate::log::LogError;
use domain::plan::{Call, Verb, Verdict};
use domain::run::{CallNo, Event, Run};
use std::time::Duration;

/// How often two looks in a row must agree that nothing was done.
const AGREEING_LOOKS: u32 = 2;

impl<H: Hands, B: Books> Executor<'_, H, B> {
    pub(super) async fn settle(&self, run: &Run, at: CallNo, why: &str) -> Result<(), LogError> {
        let Some(call) = run.call(at) else { return Ok(()) };
        if is_planted(Bug::BlindRetry) {
            let settled = Event::CallSettled { at, done: false, how: why.to_owned() };
            let trouble = Trouble { cause: why.to_owned(), advice: String::new(), transient: true };
            return self.again_or_pause(at, vec![settled], run.attempt(at.step), trouble).await;
        }
        let mut undone = 0;
        let mut last = String::new();
        for look in 0..SETTLE_LOOKS_MAX {
            if look > 0 {
                self.books.sleep(Duration::from_millis(SETTLE_PAUSE_MS)).await;
            }
            if self.books.is_lost() {
                return Err(LogError::Fenced);
            }
            // A task that is still at work says more than the object it works on.
            match self
                .hands
                .active_task(
                    &node_of(call),
                    if is_planted(Bug::ForeignTask) { &[] } else { kinds_of(call) },
                    &vmids_of(call),
                )
                .await
            {
                Ok(Some(upid)) => return self.books.record(vec![Event::TaskStarted { at, upid }]).await,
                Ok(None) => {}
                Err(cannot) => {
                    (undone, last) = (0, cannot);
                    continue;
                }
            }
            match self.judge(&call.done_when).await.0 {
                Verdict::Holds => {
                    let how = format!("{why}; looking showed that it was done");
                    return self.books.record(vec![Event::CallSettled { at, done: true, how }]).await;
                }
                Verdict::CannotTell(cannot) => (undone, last) = (0, cannot),
                Verdict::Not(differs) => {
                    undone += 1;
                    last = differs;
                    if undone == AGREEING_LOOKS {
                        let how = format!("{why}; looking showed that it was not done: {last}");
                        let settled = Event::CallSettled { at, done: false, how };
                        let advice = "The call was lost on its way. It is safe to try again.".to_owned();
                        let trouble = Trouble { cause: why.to_owned(), advice, transient: true };
                        let used = run.attempts_if_undone(at.step);
                        return self.again_or_pause(at, vec![settled], used, trouble).await;
                    }
                }
            }
        }
        let advice = "It is not known whether the call was carried out. Check the node; Resume looks again."
            .to_owned();
        self.pause(
            Some(at.step),
            Trouble { cause: format!("{why}; looking did not help: {last}"), advice, transient: false },
        )
        .await
    }

    /// The server said yes; the outcome counts once it is seen.
    pub(super) async fn verify(&self, run: &Run, at: CallNo) -> Result<(), LogError> {
        let Some(call) = run.call(at) else { return Ok(()) };
        if is_planted(Bug::TrustAnswer) {
            let how = "it was answered".to_owned();
            return self.books.record(vec![Event::CallSettled { at, done: true, how }]).await;
        }
        let mut last = String::new();
        for look in 0..VERIFY_LOOKS_MAX + SETTLE_LOOKS_MAX {
            let pause_ms = if look < VERIFY_LOOKS_MAX { VERIFY_PAUSE_MS } else { SETTLE_PAUSE_MS };
            if look > 0 {
                self.books.sleep(Duration::from_millis(pause_ms)).await;
            }
            match self.judge(&call.done_when).await.0 {
                Verdict::Holds => {
                    let how = "seen in the cluster".to_owned();
                    return self.books.record(vec![Event::CallSettled { at, done: true, how }]).await;
                }
                Verdict::Not(differs) if look + 1 >= VERIFY_LOOKS_MAX => {
                    let cause = format!("the server accepted the call, but {differs}");
                    let settled = Event::CallSettled { at, done: false, how: cause.clone() };
                    let advice = "Look at the guest in Proxmox, then resume or stop.".to_owned();
                    let trouble = Trouble { cause, advice, transient: false };
                    return self.again_or_pause(at, vec![settled], run.attempt(at.step), trouble).await;
                }
                Verdict::Not(differs) | Verdict::CannotTell(differs) => last = differs,
            }
        }
        let advice = "The cluster does not answer clearly. Check the node; Resume looks again.".to_owned();
        self.pause(Some(at.step), Trouble { cause: last, advice, transient: false }).await
    }
}

/// The node whose task list may show the work: the one in the path, else the one that is looked at.
fn node_of(call: &Call) -> Option<String> {
    let mut parts = call.path.split('/').skip_while(|part| *part != "nodes").skip(1);
    parts.next().map(str::to_owned)
}

/// Kinds of tasks that this call may have started; another hand's backup of the same guest is none of them.
fn kinds_of(call: &Call) -> &'static [&'static str] {
    let last = call.path.rsplit('/').next().unwrap_or_default();
    match (call.verb, last) {
        (Verb::Post, "clone") => &["qmclone", "vzclone"],
        (Verb::Post, "qemu" | "lxc") => &["qmcreate", "vzcreate", "qmrestore", "vzrestore"],
        (_, "config") => &["qmconfig", "vzconfig"],
        (_, "resize") => &["resize"],
        (Verb::Post, "start") => &["qmstart", "vzstart"],
        (Verb::Post, "shutdown") => &["qmshutdown", "vzshutdown"],
        (Verb::Post, "stop") => &["qmstop", "vzstop"],
        (Verb::Post, "migrate") => &["qmigrate", "vzmigrate"],
        (Verb::Post, "move_disk" | "move_volume") => &["qmmove", "move_volume"],
        (Verb::Post, "vzdump") => &["vzdump"],
        (Verb::Post, "rollback") => &["qmrollback", "vzrollback"],
        (Verb::Post, "snapshot") => &["qmsnapshot", "vzsnapshot"],
        (Verb::Delete, _) if call.path.contains("/snapshot/") => &["qmdelsnapshot", "vzdelsnapshot"],
        (Verb::Delete, _) => &["qmdestroy", "vzdestroy"],
        // A kind this list does not know: any task counts.
        _ => &[],
    }
}

/// Numbers a task of this call may carry: a clone's task names its source.
fn vmids_of(call: &Call) -> Vec<u32> {
    let in_path = call.path.split('/').filter_map(|part| part.parse().ok());
    in_path.chain(call.done_when.look_at().vmid()).collect()
}

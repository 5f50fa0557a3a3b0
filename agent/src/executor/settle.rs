//! After an answer or an unknown outcome: find out by looking, never by guessing or sending again (I2).

use super::{Executor, Trouble};
use crate::limits::{SETTLE_LOOKS_MAX, SETTLE_PAUSE_MS, VERIFY_LOOKS_MAX, VERIFY_PAUSE_MS};
use crate::log::LogError;
use domain::plan::{Call, Verdict};
use domain::run::{CallNo, Event, Phase, Run};
use std::time::Duration;

/// How often two looks in a row must agree that nothing was done.
const AGREEING_LOOKS: u32 = 2;

impl Executor<'_> {
    pub(super) async fn settle(&self, run: &Run, at: CallNo, why: &str) -> Result<Run, LogError> {
        let Some(call) = run.call(at) else { return Ok(run.clone()) };
        let mut undone = 0;
        let mut last = String::new();
        for look in 0..SETTLE_LOOKS_MAX {
            if look > 0 {
                tokio::time::sleep(Duration::from_millis(SETTLE_PAUSE_MS)).await;
            }
            // A task that is still at work says more than the object it works on.
            match self.api.active_task(&node_of(call), &vmids_of(call)).await {
                Ok(Some(upid)) => return self.record(vec![Event::TaskStarted { at, upid }]).await,
                Ok(None) => {}
                Err(cannot) => {
                    (undone, last) = (0, cannot);
                    continue;
                }
            }
            match self.judge(&call.done_when).await.0 {
                Verdict::Holds => {
                    let how = format!("{why}; looking showed that it was done");
                    return self.record(vec![Event::CallSettled { at, done: true, how }]).await;
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
                        return self.again_or_pause(run, at, vec![settled], run.attempt, trouble).await;
                    }
                }
            }
        }
        let advice = "It is not known whether the call was carried out. Check the node; Resume looks again."
            .to_owned();
        self.pause(
            run,
            Trouble { cause: format!("{why}; looking did not help: {last}"), advice, transient: false },
        )
        .await
    }

    /// The server said yes; the outcome counts once it is seen.
    pub(super) async fn verify(&self, run: &Run, at: CallNo) -> Result<Run, LogError> {
        let Some(call) = run.call(at) else { return Ok(run.clone()) };
        debug_assert_eq!(run.phase, Phase::Verify);
        let mut last = String::new();
        for look in 0..VERIFY_LOOKS_MAX + SETTLE_LOOKS_MAX {
            let pause_ms = if look < VERIFY_LOOKS_MAX { VERIFY_PAUSE_MS } else { SETTLE_PAUSE_MS };
            if look > 0 {
                tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            }
            match self.judge(&call.done_when).await.0 {
                Verdict::Holds => {
                    let how = "seen in the cluster".to_owned();
                    return self.record(vec![Event::CallSettled { at, done: true, how }]).await;
                }
                Verdict::Not(differs) if look + 1 >= VERIFY_LOOKS_MAX => {
                    let cause = format!("the server accepted the call, but {differs}");
                    let settled = Event::CallSettled { at, done: false, how: cause.clone() };
                    let advice = "Look at the guest in Proxmox, then resume or stop.".to_owned();
                    let trouble = Trouble { cause, advice, transient: false };
                    return self.again_or_pause(run, at, vec![settled], run.attempt, trouble).await;
                }
                Verdict::Not(differs) | Verdict::CannotTell(differs) => last = differs,
            }
        }
        let advice = "The cluster does not answer clearly. Check the node; Resume looks again.".to_owned();
        self.pause(run, Trouble { cause: last, advice, transient: false }).await
    }
}

/// The node whose task list may show the work: the one in the path, else the one that is looked at.
fn node_of(call: &Call) -> Option<String> {
    let mut parts = call.path.split('/').skip_while(|part| *part != "nodes").skip(1);
    parts.next().map(str::to_owned)
}

/// Numbers a task of this call may carry: a clone's task names its source.
fn vmids_of(call: &Call) -> Vec<u32> {
    let in_path = call.path.split('/').filter_map(|part| part.parse().ok());
    in_path.chain(call.done_when.look_at().vmid()).collect()
}

//! One attempt of one call: look, guard, intent, send, outcome.

use super::{Executor, Trouble, points};
use crate::api::Sent;
use crate::limits::{SETTLE_LOOKS_MAX, SETTLE_PAUSE_MS};
use crate::log::LogError;
use domain::canonical::Digest;
use domain::cluster::Cluster;
use domain::event::Category;
use domain::ids::CLUSTER;
use domain::plan::{Call, Verdict};
use domain::run::{CallNo, Event, Run};
use std::time::Duration;

impl Executor<'_> {
    pub(super) async fn take(&self, run: &Run, at: CallNo) -> Result<Run, LogError> {
        let Some(call) = run.call(at) else { return Ok(run.clone()) };
        if let Some(trouble) = sealed(run) {
            return self.pause(run, trouble).await;
        }
        match self.judge(&call.done_when).await.0 {
            Verdict::Holds => return self.record(vec![Event::CallSatisfied { at }]).await,
            Verdict::CannotTell(why) => return self.blind(run, at, why).await,
            Verdict::Not(_) => {}
        }
        for guard in &call.guards {
            match guard.judge(&self.api.look(&guard.look_at()).await) {
                Verdict::Holds => {}
                Verdict::CannotTell(why) => return self.blind(run, at, why).await,
                Verdict::Not(why) => {
                    let advice = "The cluster changed since the plan was made, so nothing was sent. Stop this run and \
                                  preview the declaration again."
                        .to_owned();
                    return self.pause(run, Trouble { cause: why, advice, transient: false }).await;
                }
            }
        }
        if let Some(trouble) = self.may_not_act().await? {
            return self.pause(run, trouble).await;
        }
        points::pass("before intent", at);
        let attempt = run.attempt + 1;
        let run = self.record(vec![Event::CallIssued { at, attempt, request: call.shown() }]).await?;
        points::pass("after intent", at);
        self.send(&run, at, attempt, call).await
    }

    async fn send(&self, run: &Run, at: CallNo, attempt: u32, call: &Call) -> Result<Run, LogError> {
        // Recording the intent took time; the lease and the freeze switch may have changed meanwhile.
        if let Some(trouble) = self.may_not_act().await? {
            let Trouble { cause, advice, .. } = trouble;
            let failed = Event::CallFailed {
                at,
                attempt,
                status: None,
                message: format!("not sent: {cause}"),
                transient: false,
                advice: advice.clone(),
                ms: 0,
            };
            return self.record(vec![failed, Event::RunPaused { step: Some(at.step), cause, advice }]).await;
        }
        match self.api.send(call, at).await {
            Sent::Answered { status, reason, answer, upid, ms } => {
                points::pass("after answer", at);
                let mut events = vec![Event::CallAnswered { at, attempt, status, reason, answer, ms }];
                events.extend(upid.map(|upid| Event::TaskStarted { at, upid }));
                let run = self.record(events).await?;
                points::pass("after outcome", at);
                Ok(run)
            }
            Sent::Unknown { why } => self.record(vec![Event::CallUnknown { at, attempt, why }]).await,
            Sent::Refused { status, message, transient, advice, ms, look_again } => {
                let failed = Event::CallFailed {
                    at,
                    attempt,
                    status,
                    message: message.clone(),
                    transient,
                    advice: advice.clone(),
                    ms,
                };
                // "Already running", "does not exist": the wish may hold although the call was refused.
                if look_again && self.judge(&call.done_when).await.0 == Verdict::Holds {
                    return self.record(vec![failed, Event::CallSatisfied { at }]).await;
                }
                let trouble = Trouble { cause: message, advice, transient };
                self.again_or_pause(run, at, vec![failed], attempt, trouble).await
            }
        }
    }

    /// What could not be read is waited for a little, then it counts as an attempt.
    async fn blind(&self, run: &Run, at: CallNo, mut why: String) -> Result<Run, LogError> {
        let Some(call) = run.call(at) else { return Ok(run.clone()) };
        for _ in 0..SETTLE_LOOKS_MAX {
            tokio::time::sleep(Duration::from_millis(SETTLE_PAUSE_MS)).await;
            let mut readable = true;
            for look_at in
                call.guards.iter().map(domain::plan::Guard::look_at).chain([call.done_when.look_at()])
            {
                if let domain::plan::Look::CannotTell { why: again } = self.api.look(&look_at).await {
                    (why, readable) = (again, false);
                }
            }
            let judged = self.judge(&call.done_when).await.0;
            if readable && !matches!(judged, Verdict::CannotTell(_)) {
                return Ok(run.clone());
            }
        }
        let advice =
            "The cluster did not answer clearly, so nothing was sent. Check the node and resume.".to_owned();
        self.again_or_pause(run, at, vec![], run.attempt + 1, Trouble { cause: why, advice, transient: true })
            .await
    }

    pub(super) async fn pause(&self, run: &Run, trouble: Trouble) -> Result<Run, LogError> {
        let Trouble { cause, advice, .. } = trouble;
        self.record(vec![Event::RunPaused { step: Some(run.at.step), cause, advice }]).await
    }

    /// Asked right before bytes leave: frozen means frozen (I11), and only the holder of a fresh lease acts (I10).
    async fn may_not_act(&self) -> Result<Option<Trouble>, LogError> {
        let cluster: Cluster = self.log.load(Category::Cluster, CLUSTER).await?;
        if let Some(reason) = cluster.frozen {
            return Ok(Some(Trouble {
                cause: format!("writes are frozen: {reason}"),
                advice: "Thaw writing in Settings, Rules, then resume this run.".to_owned(),
                transient: false,
            }));
        }
        if !self.log.lease.fresh() {
            return Err(LogError::Fenced);
        }
        Ok(None)
    }
}

/// The plan in the run is the approved one in every byte, or nothing is sent (I1).
fn sealed(run: &Run) -> Option<Trouble> {
    let same = run.plan.as_ref().map(Digest::of) == run.digest;
    (!same).then(|| Trouble {
        cause: "the plan of this run does not match its approved digest".to_owned(),
        advice: "Stop this run, verify the log, and preview again.".to_owned(),
        transient: false,
    })
}

//! One attempt of one call: look, guard, intent, send, outcome.

use super::bugs::{Bug, is_planted};
use super::ports::{Books, Hands};
use super::{Executor, Trouble, points};
use crate::api::Sent;
use crate::limits::{SETTLE_LOOKS_MAX, SETTLE_PAUSE_MS};
use crate::log::LogError;
use domain::plan::{Call, Guard, Look, Verdict};
use domain::run::{CallNo, Event, Run};
use std::time::Duration;

impl<H: Hands, B: Books> Executor<'_, H, B> {
    pub(super) async fn take(&self, run: &Run, at: CallNo) -> Result<(), LogError> {
        let Some(call) = run.call(at) else { return Ok(()) };
        let (verdict, seen) = self.judge(&call.done_when).await;
        match verdict {
            Verdict::Holds => return self.books.record(vec![Event::CallSatisfied { at }]).await,
            Verdict::CannotTell(why) => return self.blind(run, at, why).await,
            Verdict::Not(_) => {}
        }
        let guards = if is_planted(Bug::SkipGuards) { &[][..] } else { &call.guards };
        let looked_at = call.done_when.look_at();
        for guard in guards {
            let at_guard = guard.look_at();
            // What was just looked at is not asked for again.
            let again = match at_guard == looked_at {
                true => None,
                false => Some(self.hands.look(&at_guard).await),
            };
            match guard.judge(again.as_ref().unwrap_or(&seen)) {
                Verdict::Holds => {}
                Verdict::CannotTell(why) => return self.blind(run, at, why).await,
                Verdict::Not(why) => {
                    let advice = "The cluster changed since the plan was made, so nothing was sent. Stop this run and \
                                  preview the declaration again."
                        .to_owned();
                    let trouble = Trouble { cause: why, advice, transient: false };
                    return self.pause(Some(at.step), trouble).await;
                }
            }
        }
        if let Some(trouble) = self.may_not_act().await? {
            return self.pause(Some(at.step), trouble).await;
        }
        points::pass("before intent", at);
        let attempt = run.attempt(at.step) + 1;
        let issued = Event::CallIssued { at, attempt, request: call.shown() };
        if is_planted(Bug::SkipIntent) {
            self.hands.send(call, at).await;
        }
        self.books.record(vec![issued]).await?;
        points::pass("after intent", at);
        self.send(at, attempt, call).await
    }

    async fn send(&self, at: CallNo, attempt: u32, call: &Call) -> Result<(), LogError> {
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
            return self
                .books
                .record(vec![failed, Event::RunPaused { step: Some(at.step), cause, advice }])
                .await;
        }
        match self.hands.send(call, at).await {
            Sent::Answered { status, reason, answer, upid, ms } => {
                points::pass("after answer", at);
                let mut events = vec![Event::CallAnswered { at, attempt, status, reason, answer, ms }];
                events.extend(upid.map(|upid| Event::TaskStarted { at, upid }));
                self.books.record(events).await?;
                points::pass("after outcome", at);
                Ok(())
            }
            Sent::Unknown { why } if is_planted(Bug::SilenceIsRefusal) => {
                let failed = Event::CallFailed {
                    at,
                    attempt,
                    status: None,
                    message: why.clone(),
                    transient: true,
                    advice: String::new(),
                    ms: 0,
                };
                let trouble = Trouble { cause: why, advice: String::new(), transient: true };
                self.again_or_pause(at, vec![failed], attempt, trouble).await
            }
            Sent::Unknown { why } => self.books.record(vec![Event::CallUnknown { at, attempt, why }]).await,
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
                    let both = vec![failed.clone(), Event::CallSatisfied { at }];
                    return match self.books.record(both).await {
                        // The run was paused meanwhile: whoever resumes it looks again.
                        Err(LogError::Refused(_)) => self.books.record(vec![failed]).await,
                        outcome => outcome,
                    };
                }
                let trouble = Trouble { cause: message, advice, transient };
                self.again_or_pause(at, vec![failed], attempt, trouble).await
            }
        }
    }

    /// What could not be read is waited for a little, then it counts as an attempt.
    async fn blind(&self, run: &Run, at: CallNo, mut why: String) -> Result<(), LogError> {
        let Some(call) = run.call(at) else { return Ok(()) };
        for _ in 0..SETTLE_LOOKS_MAX {
            self.books.sleep(Duration::from_millis(SETTLE_PAUSE_MS)).await;
            if self.books.is_lost() {
                return Err(LogError::Fenced);
            }
            let mut readable = true;
            for look_at in call.guards.iter().map(Guard::look_at).chain([call.done_when.look_at()]) {
                if let Look::CannotTell { why: again } = self.hands.look(&look_at).await {
                    (why, readable) = (again, false);
                }
            }
            let judged = self.judge(&call.done_when).await.0;
            if readable && !matches!(judged, Verdict::CannotTell(_)) {
                return Ok(());
            }
        }
        let advice =
            "The cluster did not answer clearly, so nothing was sent. Check the node and resume.".to_owned();
        let used = run.attempt(at.step) + 1;
        self.again_or_pause(at, vec![], used, Trouble { cause: why, advice, transient: true }).await
    }

    /// Asked right before bytes leave: frozen means frozen (I11), and only the holder of a fresh lease acts (I10).
    async fn may_not_act(&self) -> Result<Option<Trouble>, LogError> {
        let frozen = self.books.cluster().await?.frozen.filter(|_| !is_planted(Bug::IgnoreFreeze));
        if let Some(reason) = frozen {
            return Ok(Some(Trouble {
                cause: format!("writes are frozen: {reason}"),
                advice: "Thaw writing in Settings, Rules, then resume this run.".to_owned(),
                transient: false,
            }));
        }
        if !self.books.fresh() && !is_planted(Bug::IgnoreLease) {
            return Err(LogError::Fenced);
        }
        Ok(None)
    }
}

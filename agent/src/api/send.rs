//! Sending one planned call, once, and telling what became of it.

use super::Api;
use crate::executor::points;
use domain::limits::ANSWER_BYTES_MAX;
use domain::plan::{Call, Verb};
use domain::run::CallNo;
use proxmox::{CallError, Kind, Request};
use std::time::Instant;

/// What became of a call that was sent.
pub enum Sent {
    Answered {
        status: u16,
        reason: String,
        answer: String,
        upid: Option<String>,
        ms: u32,
    },
    /// The server said no, or nothing was delivered: nothing was done.
    Refused {
        status: Option<u16>,
        message: String,
        transient: bool,
        advice: String,
        ms: u32,
        /// The refusal may mean that the wish holds already.
        look_again: bool,
    },
    /// Bytes left and no answer came.
    Unknown {
        why: String,
    },
}

/// A planned call as the client sends it.
fn request(call: &Call) -> Request {
    let verb = match call.verb {
        Verb::Get => proxmox::Verb::Get,
        Verb::Post => proxmox::Verb::Post,
        Verb::Put => proxmox::Verb::Put,
        Verb::Delete => proxmox::Verb::Delete,
    };
    Request::new(verb, call.path.clone(), call.args.clone())
}

impl Api {
    /// Sends the call exactly as the plan has it.
    pub async fn send(&self, call: &Call, at: CallNo) -> Sent {
        let begun = Instant::now();
        let request = request(call);
        let sending = self.client.send_raw(&request);
        let outcome = if cfg!(feature = "lab") { sent_at_least(sending, at).await } else { sending.await };
        let ms = u32::try_from(begun.elapsed().as_millis()).unwrap_or(u32::MAX);
        match outcome {
            Ok(reply) => {
                let upid = reply.upid().map(|upid| upid.as_str().to_owned());
                let answer = bounded(reply.redacted_for(&request).data.to_string());
                Sent::Answered { status: reply.status, reason: reply.reason, answer, upid, ms }
            }
            Err(error) if error.outcome_unknown() => Sent::Unknown { why: error.to_string() },
            Err(error) => {
                let status = match &error {
                    CallError::Answered { status, .. } => Some(*status),
                    CallError::NotSent { .. } | CallError::Unknown { .. } => None,
                };
                let look_again = matches!(
                    error.kind(),
                    Kind::AlreadyExists | Kind::AlreadyRunning | Kind::NotRunning | Kind::DoesNotExist
                );
                Sent::Refused {
                    status,
                    message: bounded(error.to_string()),
                    transient: error.is_transient(),
                    advice: error.advice(),
                    ms,
                    look_again,
                }
            }
        }
    }
}

/// For tests that kill this process while the call is under way: the point comes once the bytes are on their way.
async fn sent_at_least<T>(sending: impl Future<Output = T>, at: CallNo) -> T {
    let mut sending = std::pin::pin!(sending);
    tokio::select! {
        biased;
        outcome = &mut sending => return outcome,
        () = tokio::time::sleep(std::time::Duration::from_millis(8)) => points::pass("after bytes sent", at),
    }
    sending.await
}

fn bounded(mut text: String) -> String {
    if text.len() > ANSWER_BYTES_MAX {
        let end = (0..=ANSWER_BYTES_MAX).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

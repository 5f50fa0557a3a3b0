//! Writes down what passes, without secrets: for observations, reports of faults and tests.

use super::{Sending, Transport};
use crate::error::CallError;
use crate::limits::EXCHANGES_MAX;
use crate::wire::{Reply, Request};
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One call and what came of it, secrets masked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    pub request: Request,
    #[serde(with = "outcome")]
    pub outcome: Result<Reply, CallError>,
}

/// Passes calls on to another transport and keeps them.
#[derive(Debug)]
pub struct Recording<T> {
    inner: T,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    exchanges: Vec<Exchange>,
    dropped: usize,
}

impl<T: Transport> Recording<T> {
    pub fn new(inner: T) -> Self {
        Self { inner, kept: Mutex::new(Kept::default()) }
    }

    /// What was recorded since the last time, in the order in which calls ended.
    pub fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut self.kept().exchanges)
    }

    /// Exchanges that were too many to keep.
    pub fn dropped(&self) -> usize {
        self.kept().dropped
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // A list is whole after every push, so a panic elsewhere does not spoil it.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Transport> Transport for Recording<T> {
    fn send<'a>(&'a self, request: &'a Request) -> Sending<'a> {
        Box::pin(async move {
            let outcome = self.inner.send(request).await;
            let exchange = Exchange {
                request: request.redacted(),
                outcome: match &outcome {
                    Ok(reply) => Ok(reply.redacted_for(request)),
                    Err(error) => Err(error.clone().masked(request)),
                },
            };
            let mut kept = self.kept();
            if kept.exchanges.len() < EXCHANGES_MAX {
                kept.exchanges.push(exchange);
            } else {
                kept.dropped += 1;
            }
            drop(kept);
            outcome
        })
    }
}

/// A result as `{"reply": …}` or `{"error": …}`.
mod outcome {
    use super::{CallError, Deserialize, Reply, Serialize};
    use serde::{Deserializer, Serializer};

    #[derive(Serialize)]
    #[serde(rename_all = "snake_case")]
    enum Shown<'a> {
        Reply(&'a Reply),
        Error(&'a CallError),
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Read {
        Reply(Reply),
        Error(CallError),
    }

    pub fn serialize<S: Serializer>(outcome: &Result<Reply, CallError>, to: S) -> Result<S::Ok, S::Error> {
        match outcome {
            Ok(reply) => Shown::Reply(reply).serialize(to),
            Err(error) => Shown::Error(error).serialize(to),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Result<Reply, CallError>, D::Error> {
        Ok(match Read::deserialize(from)? {
            Read::Reply(reply) => Ok(reply),
            Read::Error(error) => Err(error),
        })
    }
}

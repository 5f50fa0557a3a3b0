//! Answers calls from a recording: the same call gets the recorded outcomes one after the other.

use super::{Exchange, Sending, Transport};
use crate::error::{CallError, NotSent};
use crate::wire::{Reply, Request};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

type Outcomes = VecDeque<Result<Reply, CallError>>;

/// A finished conversation. A call that was not recorded, or more often than recorded, fails.
#[derive(Debug)]
pub struct Replaying {
    left: Mutex<BTreeMap<String, Outcomes>>,
}

impl Replaying {
    pub fn new(exchanges: impl IntoIterator<Item = Exchange>) -> Self {
        let mut left: BTreeMap<String, Outcomes> = BTreeMap::new();
        for Exchange { request, outcome } in exchanges {
            left.entry(key(&request)).or_default().push_back(outcome);
        }
        Self { left: Mutex::new(left) }
    }

    /// Calls that nobody has asked for yet.
    pub fn left(&self) -> usize {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).values().map(VecDeque::len).sum()
    }
}

impl Transport for Replaying {
    fn send<'a>(&'a self, request: &'a Request) -> Sending<'a> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = left.get_mut(&key(request)).and_then(VecDeque::pop_front);
        let outcome = outcome.unwrap_or_else(|| {
            Err(CallError::not_sent(NotSent::NotRecorded, format!("{} {}", request.verb, request.path)))
        });
        Box::pin(std::future::ready(outcome))
    }
}

/// Recordings are masked, so calls are compared masked.
fn key(request: &Request) -> String {
    format!("{:?}", request.redacted())
}

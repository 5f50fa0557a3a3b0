//! An append on its way to the committer, and its answer.

use crate::{
    error::AppendError,
    keys::ActiveKey,
    log::Lineage,
    types::{Appended, Expected, LeaseToken, Meta, StreamId},
};
use std::sync::Arc;
use tokio::sync::oneshot;
use uuid::Uuid;

/// An append, sealed or ready to be.
pub(crate) struct Request {
    pub stream: StreamId,
    pub expected: Expected,
    pub events: Vec<Envelope>,
    pub meta: Meta,
    pub idempotency_key: Option<Uuid>,
    pub lease: Option<LeaseToken>,
    pub lineage: Option<Lineage>,
    pub key: Arc<ActiveKey>,
    /// Of the key book when `key` was taken.
    pub key_generation: u64,
    /// Uses of the key for another sealing have to be taken: the first were.
    pub sealed_before: bool,
    pub reply: oneshot::Sender<Result<Appended, AppendError>>,
}

pub(crate) struct Envelope {
    pub event_id: Uuid,
    pub type_id: i16,
    pub type_name: Arc<str>,
    pub schema_version: i16,
    pub body: Body,
    /// What a sealed body says, kept while inline read models want to see it.
    pub kept: Option<zeroize::Zeroizing<Vec<u8>>>,
}

impl Envelope {
    /// The payload in the clear, where it is still known.
    pub fn clear(&self) -> Option<&[u8]> {
        match &self.body {
            Body::Clear(clear) => Some(clear),
            Body::Sealed(_) => self.kept.as_ref().map(|kept| &kept[..]),
        }
    }
}

/// A payload is sealed by the caller when the version is known beforehand, because the version is in what it is
/// bound to. Under [`Expected::Any`] the committer seals it, since only it knows the version.
pub(crate) enum Body {
    Sealed(bytes::Bytes),
    Clear(zeroize::Zeroizing<Vec<u8>>),
}

impl Request {
    pub(super) fn bytes(&self) -> usize {
        self.events
            .iter()
            .map(|event| match &event.body {
                Body::Sealed(bytes) => bytes.len(),
                Body::Clear(bytes) => bytes.len(),
            })
            .sum()
    }

    pub(super) fn answer(self, outcome: Result<Appended, AppendError>) {
        if outcome.is_err()
            && let Some(lineage) = &self.lineage
        {
            lineage.fail();
        }
        // A caller that no longer waits has no use for the answer.
        let _ = self.reply.send(outcome);
    }
}

/// Answers an append that was recorded before. What was decided on top of it was decided on something else.
pub(super) fn replay(request: Request, appended: Appended) {
    if let Some(lineage) = &request.lineage {
        lineage.fail();
    }
    let _ = request.reply.send(Ok(Appended { replayed: true, ..appended }));
}

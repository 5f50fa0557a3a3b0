//! [`Target`]: what a store has to do to be measured; each store's crate does it in its own best way.

use crate::event::Fact;
use anyhow::Result;
use std::future::Future;
use uuid::Uuid;

/// Aggregates of the log that is read: `n` events of [`filled`] are spread over them, one each in turn.
pub const FILL_AGGREGATES: u64 = 50_000;
/// Events of the one stream that R1 loads.
pub const LONG_STREAM_EVENTS: u64 = 1_000;
/// Number of the aggregate whose stream that is.
pub const LONG_STREAM: u64 = 1_000_000_007;
/// Salt of the ids in the log that is read, so that every process finds them.
pub const FILL_SALT: u64 = 0;
/// When the first event of the log that is read began; each next one a millisecond later.
pub const FILL_FROM_US: i64 = 1_760_000_000_000_000;

/// The aggregate and sequence of the `n`th of `total` events of the log that is read: all aggregates in turn, again
/// and again, and at the end the long stream.
pub fn filled(n: u64, total: u64) -> (u64, u64) {
    match n.checked_sub(total.saturating_sub(LONG_STREAM_EVENTS)) {
        Some(sequence) => (LONG_STREAM, sequence),
        None => (n % FILL_AGGREGATES, n / FILL_AGGREGATES),
    }
}

/// The time of the `n`th event of the log that is read.
pub fn filled_at_us(n: u64) -> i64 {
    FILL_FROM_US + n as i64 * 1_000
}

/// A store under test, with its connections made.
pub trait Target: Send + Sync + 'static {
    /// Where a stream ends, as a writer of this store remembers it. The default is an empty stream.
    type Cursor: Default + Send;

    /// Appends at the cursor and moves it; durable when it returns. False if the stream, or what the store
    /// takes for it, was changed by somebody else: the cursor is as before.
    fn append(
        &self,
        stream: Uuid,
        cursor: &mut Self::Cursor,
        facts: Vec<Fact>,
    ) -> impl Future<Output = Result<bool>> + Send;

    /// Where the stream ends now, found in the cheapest way the store's tables allow.
    fn look(&self, stream: Uuid) -> impl Future<Output = Result<Self::Cursor>> + Send;

    /// One event onto a stream that others write to, however many tries it takes; returns the tries. The
    /// default is what bench.md says: with the version expected, and again at once after a conflict.
    fn insist(
        &self,
        stream: Uuid,
        cursor: &mut Self::Cursor,
        fact: Fact,
    ) -> impl Future<Output = Result<u64>> + Send
    where
        Self::Cursor: Send,
    {
        async move {
            let mut tries = 1;
            while !self.append(stream, cursor, vec![fact.clone()]).await? {
                tries += 1;
                *cursor = self.look(stream).await?;
            }
            Ok(tries)
        }
    }

    /// All events of one stream, in order, as structs.
    fn load(&self, stream: Uuid) -> impl Future<Output = Result<u64>> + Send;

    /// Every event in the store's order through a handler that decodes it wholly and counts by type.
    fn replay(&self) -> impl Future<Output = Result<[u64; 8]>> + Send;

    /// Events in the store's own table.
    fn count(&self) -> impl Future<Output = Result<u64>> + Send;
}

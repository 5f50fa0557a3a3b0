//! Reading much of the log: ordered COPY out, opened and decoded on worker threads, handed on in order.
//!
//! Begin with [`Store::replay`]; [`Store::replay_map`] also runs the caller's decoding on the workers. Only a
//! few chunks exist at a time, however long the log is.

use crate::{
    copy::CopyRows,
    error::StoreError,
    limits,
    rows::Raw,
    store::{Core, Store},
    types::Recorded,
};
use bytes::Bytes;
use std::sync::Arc;
use tokio::{
    sync::mpsc,
    task::{AbortHandle, JoinHandle},
};

type Chunk<T> = JoinHandle<Result<Vec<T>, StoreError>>;

/// Chunks of a replay, in order of position. Dropping it ends the reading.
pub struct Replay<T> {
    chunks: mpsc::Receiver<Result<Chunk<T>, StoreError>>,
    reader: AbortHandle,
}

impl<T> Replay<T> {
    /// The next chunk; `None` at the end. After an error there is nothing more.
    pub async fn next(&mut self) -> Option<Result<Vec<T>, StoreError>> {
        let chunk = match self.chunks.recv().await? {
            Ok(chunk) => chunk.await.unwrap_or(Err(StoreError::Stopped)),
            Err(error) => Err(error),
        };
        if chunk.is_err() {
            self.chunks.close();
            while self.chunks.try_recv().is_ok() {}
        }
        Some(chunk)
    }
}

impl<T> Drop for Replay<T> {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Store {
    /// Hands every event with `after < position <= to` to `handle`, in order; returns how many. `to` may lie
    /// beyond the end of the log: then it ends where the log ended at the start.
    pub async fn replay(
        &self,
        after: i64,
        to: i64,
        mut handle: impl FnMut(Recorded),
    ) -> Result<u64, StoreError> {
        let mut replay = self.replay_map(after, to, Ok);
        let mut count = 0;
        while let Some(chunk) = replay.next().await {
            let chunk = chunk?;
            count += chunk.len() as u64;
            chunk.into_iter().for_each(&mut handle);
        }
        Ok(count)
    }

    /// Like [`Store::replay`], with `map` run on the worker threads that open the events.
    pub fn replay_map<T, F>(&self, after: i64, to: i64, map: F) -> Replay<T>
    where
        T: Send + 'static,
        F: Fn(Recorded) -> Result<T, StoreError> + Send + Sync + 'static,
    {
        let (send, chunks) = mpsc::channel(limits::REPLAY_CHUNKS_WAITING_MAX);
        let core = self.core().clone();
        let reader = tokio::spawn(async move {
            if let Err(error) = read(core, after, to, Arc::new(map), &send).await {
                // Nobody listens any more: then nobody misses it.
                let _ = send.send(Err(error)).await;
            }
        });
        Replay { chunks, reader: reader.abort_handle() }
    }
}

async fn read<T, F>(
    core: Arc<Core>,
    after: i64,
    to: i64,
    map: Arc<F>,
    send: &mpsc::Sender<Result<Chunk<T>, StoreError>>,
) -> Result<(), StoreError>
where
    T: Send + 'static,
    F: Fn(Recorded) -> Result<T, StoreError> + Send + Sync + 'static,
{
    let to = to.min(crate::read::head(&core).await?.position);
    if after >= to {
        return Ok(());
    }
    let mut rows = CopyRows::start(&core.pool, after, to).await?;
    let mut expected = after + 1;
    loop {
        let tuples = rows.chunk().await?;
        if tuples.is_empty() {
            return match expected > to {
                true => Ok(()),
                false => Err(StoreError::Gap { expected, found: to }),
            };
        }
        let raws = parse(&tuples, &mut expected)?;
        let names = core.names.covering(&core.pool, raws.iter().map(|raw| raw.type_id)).await?;
        let keys = core.keys.for_opening(&core.pool, raws.iter().map(|raw| raw.key_id)).await?;
        let map = map.clone();
        let chunk = tokio::task::spawn_blocking(move || {
            raws.iter().map(|raw| raw.open(&names, &keys).and_then(|event| map(event))).collect()
        });
        if send.send(Ok(chunk)).await.is_err() {
            return Ok(());
        }
    }
}

fn parse(tuples: &[Bytes], expected: &mut i64) -> Result<Vec<Raw>, StoreError> {
    let mut raws = Vec::with_capacity(tuples.len());
    for tuple in tuples {
        let raw = Raw::from_tuple(tuple)?;
        if raw.position != *expected {
            return Err(StoreError::Gap { expected: *expected, found: raw.position });
        }
        *expected += 1;
        raws.push(raw);
    }
    Ok(raws)
}

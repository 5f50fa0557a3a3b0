//! What is said: a hello with a challenge, one order that names it, the secret as a message of its own, one answer.
//!
//! Each message is its length in four bytes and then that many bytes; all but the secret are JSON.

use crate::limits::MESSAGE_BYTES_MAX;
use secrets::Secret;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::{Error, ErrorKind};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use uuid::Uuid;
use zeroize::Zeroizing;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub challenge: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    /// That of the hello on this connection.
    pub challenge: String,
    pub act: Act,
    pub name: String,
    /// The account that ordered it; the receiver looks at what it may do.
    pub by: Uuid,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Act {
    /// The secret follows.
    Store,
    Remove,
}

/// It was done and is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Of the event that says so.
    pub position: i64,
}

/// It was not done, or not all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    pub what: String,
    pub next: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    Done(Done),
    Refused(Refused),
}

pub(crate) async fn send<T: Serialize>(
    stream: &mut (impl AsyncWrite + Unpin),
    message: &T,
) -> Result<(), Error> {
    send_bytes(stream, &serde_json::to_vec(message)?).await
}

pub(crate) async fn send_bytes(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Result<(), Error> {
    let length = u32::try_from(bytes.len()).map_err(|_| ErrorKind::InvalidInput)?;
    stream.write_all(&length.to_be_bytes()).await?;
    stream.write_all(bytes).await?;
    stream.flush().await
}

pub(crate) async fn receive<T: DeserializeOwned>(stream: &mut (impl AsyncRead + Unpin)) -> Result<T, Error> {
    let bytes = receive_bytes(stream, MESSAGE_BYTES_MAX).await?;
    serde_json::from_slice(bytes.expose()).map_err(|_| ErrorKind::InvalidData.into())
}

pub(crate) async fn receive_bytes(
    stream: &mut (impl AsyncRead + Unpin),
    bytes_max: usize,
) -> Result<Secret<Vec<u8>>, Error> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).await?;
    let length = usize::try_from(u32::from_be_bytes(length)).map_err(|_| ErrorKind::InvalidData)?;
    if length > bytes_max {
        return Err(ErrorKind::InvalidData.into());
    }
    // Sized beforehand: no half-filled copy is left behind.
    let mut bytes = Zeroizing::new(vec![0; length]);
    stream.read_exact(&mut bytes).await?;
    Ok(Secret::new(std::mem::take(&mut *bytes)))
}

//! The client: over a replayed conversation, and against a real TLS server that plays a script.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod client;
mod https;
mod support;
mod tickets;

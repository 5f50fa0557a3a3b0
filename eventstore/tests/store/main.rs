//! The event store against a real Postgres, and the in-memory twin against the same contract.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod contract;
mod corruption;
mod doctored;
mod embedded;
mod flips;
mod keys;
mod outage;
mod processes;
mod replay;
mod rights;
mod seals;
mod support;
mod tamper;
mod typed;
mod upgrade;
mod visible;

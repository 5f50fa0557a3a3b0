//! Read models: pure folds of a story, and the machinery that keeps, rebuilds and heals them on a real Postgres.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod engine;
mod erased;
mod folds;
mod healing;
mod inline;
mod kill;
mod memory;
mod past;
mod rebuilds;
mod sealed;
mod story;
mod support;

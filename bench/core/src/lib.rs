//! The workloads of the benchmarks: what is measured, the same for every store.
//!
//! Begin with [`event`] for what is written, [`target::Target`] for what a store has to do, and [`cli`] for the verbs.
//!
//! Never here: anything about one store.

pub mod cli;
pub mod db;
pub mod event;
pub mod live;
pub mod model;
pub mod outcome;
pub mod read;
pub mod target;
pub mod write;

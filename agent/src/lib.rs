//! The Agent: the only part of MycoPod that talks to the cluster and writes to the repository.
//!
//! Begin with [`Agent::start`]. It holds the lease on the cluster, follows the log ([`inbox`]) and wakes the process
//! managers in [`processes`]; [`executor`] carries out runs.
//!
//! Never here: pages, passwords, approving. The Agent acts on what the log says was approved, and on nothing else.

pub mod api;
pub mod drift;
pub mod executor;
pub mod inbox;
pub mod keys;
pub mod lease;
pub mod limits;
pub mod log;
pub mod processes;
pub mod repository;
mod wiring;

pub use wiring::{Agent, AgentError, Config, Sealing};

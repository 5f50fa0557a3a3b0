//! A simulated Proxmox VE 8.4.1 cluster behind real HTTPS: test bed, demonstration and first steps at once.
//!
//! Begin with [`Simulator::start`]. One process serves all nodes on one address, as a real cluster forwards
//! by the node named in the path. Every request is checked against the embedded API contract; what has no
//! state behind it is answered with 501 and says so.
//!
//! Never here: anything that talks to a real cluster, and any type of the other crates.

mod api;
mod auth;
mod chance;
mod cluster;
mod config;
mod contract;
mod control;
mod coverage;
mod engine;
mod faults;
pub mod github;
mod guests;
mod http;
mod ledger;
mod limits;
mod node;
mod running;
mod sections;
mod state;
mod storage;
mod tasks;

pub use auth::{Grant, PRIVILEGES};
pub use config::{Base, SimConfig, SimError};
pub use coverage::{Covered, coverage};
pub use faults::{FaultAction, FaultMatch, FaultRule};
pub use ledger::LedgerEntry;
pub use running::{Running, Simulator};

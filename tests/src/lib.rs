//! Whole worlds for tests: real Postgres, the simulated cluster over real HTTPS, real git, the real program.
//!
//! Begin with [`World::start`]. Nothing is faked but the cluster, and what happened is read from the simulator's own
//! ledger, never from the product's account of itself.

pub mod browser;
mod people;
mod world;

pub use people::{ADA, BO};
pub use world::{HAND, InProcess, WAIT, World, settled};

//! What holds for every backend of the declarations repository, and what holds for GitHub besides.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where it is surprised")]

mod contract;
mod github;
mod rig;
mod token;

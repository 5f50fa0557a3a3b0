//! What holds for every backend of the declarations repository, and what holds for GitHub besides.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod contract;
mod github;
mod rig;
mod token;

//! The simulator over its real HTTPS, driven by a raw client that sees reason phrases and broken connections.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where it is surprised")]

mod access;
mod backups;
mod client;
mod cluster_file;
mod faults;
mod fuzz;
mod golden;
mod guests;
mod http;
mod schema;
mod stories;

//! Our own client against the simulator, over real HTTPS: two readings of the contract that share no code.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where it is surprised")]

mod document;
mod lab;
mod matrix;
mod recorded;
mod recording;
mod requests;
mod role;
mod tasks;
mod tickets;

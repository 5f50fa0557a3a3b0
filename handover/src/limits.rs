//! Every bound of this crate in one place, with its unit in the name.

/// Largest secret that is handed over, in bytes: tokens and keys are far smaller.
pub const VALUE_BYTES_MAX: usize = 64 * 1024;
/// Largest of the other messages, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 8 * 1024;
/// Random bytes of a challenge.
pub const CHALLENGE_BYTES: usize = 32;
/// How long the sender may take from connecting to its last byte, in seconds; its challenge ends with it.
pub const ORDER_S_MAX: u64 = 10;
/// How long the receiver's own work on an order may take, in seconds.
pub const WORK_S_MAX: u64 = 30;
/// Connections served at the same time; others wait.
pub const CONNECTIONS_MAX: usize = 8;

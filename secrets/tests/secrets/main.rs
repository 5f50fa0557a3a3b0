//! Secret files and the key ring on a real file system.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod files;
mod folder;
mod keyring;
mod killed;

//! A typed client of the Proxmox VE 8.4 API over pinned TLS.
//!
//! Begin with [`Client`]: typed reading, tasks, and [`Client::send_raw`] for calls that a plan fixed. Below
//! it a [`transport::Transport`] carries one [`Request`]; [`transport::Https`] is the real one. [`requests`] builds
//! the changes that MycoPod makes. What went wrong is a [`CallError`], and what that means is its
//! [`CallError::kind`].
//!
//! Never here: deciding, repeating a write, ignoring a certificate. A write whose answer was lost is
//! reported as unknown, and somebody who can look settles it.

pub mod client;
mod encode;
mod endpoint;
mod error;
mod kind;
mod lenient;
pub mod limits;
mod property;
mod release;
pub mod requests;
mod secret;
mod task;
mod tls;
pub mod transport;
mod wire;

pub use client::Client;
pub use endpoint::{ApiToken, Endpoint, EndpointError, Login, Timeouts, Trust};
pub use error::{CallError, Lost, NotSent};
pub use kind::Kind;
pub use property::PropertyString;
pub use release::{Release, ReleaseError};
pub use secret::Secret;
pub use task::{TaskOutcome, Upid, UpidError};
pub use tls::Fingerprint;
pub use wire::{FilePart, Reply, Request, Verb};

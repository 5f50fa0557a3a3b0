//! Secrets at rest and in memory: key files, the key ring, and AES-256-GCM sealing.
//!
//! Begin with [`KeyRing`] (the key-encryption keys in a 0600 file) and [`DataKey`] (what payloads are
//! sealed under). [`KeyFolder`] is the Agent's folder of credentials; [`files`] reads and writes every other
//! secret file; [`boxed`] is the text form for
//! sealed values inside a configuration file; [`Secret`] keeps a value out of logs.
//!
//! Never here: networks, databases, and any way to print a secret. A keyed [`FingerprintKey::fingerprint`] is what people see.

pub mod boxed;
pub mod files;
mod fingerprint;
mod folder;
pub mod keyring;
pub mod limits;
mod seal;
mod secret;
pub mod signing;

pub use files::FileError;
pub use fingerprint::FingerprintKey;
pub use folder::{Entry, INTERNAL, KeyFolder, Source, is_credential};
pub use keyring::{KeyRing, KeyRingError};
pub use seal::{DataKey, SealError, open, seal, seal_each};
pub use secret::Secret;
pub use signing::{PublicKey, SigningKey};

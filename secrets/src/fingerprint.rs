//! Fingerprints that people and the log may see.
//!
//! Keyed, so that a short password cannot be guessed from its fingerprint by whoever reads the log. The key is a file
//! beside the secrets; with another key the same secret has another fingerprint. The name of the secret is part of it,
//! so that the same value under two names does not show.

use crate::files::{self, FileError};
use crate::seal::fill_random;
use ring::hmac;
use std::path::Path;
use zeroize::Zeroizing;

/// Name of the key's file in the folder of key files.
pub const KEY_FILE: &str = "fingerprint-key";
const KEY_BYTES: usize = 32;

/// What fingerprints are made with.
pub struct FingerprintKey(hmac::Key);

impl FingerprintKey {
    /// Reads the key from `folder`, or makes it. Of two processes that start at once, one makes it and both read it.
    pub fn create_if_missing(folder: &Path) -> Result<Self, FileError> {
        let path = folder.join(KEY_FILE);
        if !path.exists() {
            let mut key = Zeroizing::new([0; KEY_BYTES]);
            fill_random(&mut *key)?;
            match files::create(&path, &*key) {
                Ok(()) | Err(FileError::Exists { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let key = files::read(&path)?;
        if key.expose().len() != KEY_BYTES {
            return Err(FileError::WrongKind { path, wanted: "file of 32 bytes" });
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, key.expose())))
    }

    /// 16 hexadecimal digits.
    pub fn fingerprint(&self, name: &str, content: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(name.as_bytes());
        // No name has a zero byte, so name and content cannot run into each other.
        context.update(&[0]);
        context.update(content);
        hex::encode(&context.sign().as_ref()[..8])
    }
}

//! Ed25519 signatures: the Agent signs checkpoints of the log, anybody with the public key checks them.
//!
//! Begin with [`SigningKey::create_if_missing`] on the side that signs and [`PublicKey::parse`] on the side that
//! checks. Never here: what is signed means, and a private key outside its 0600 file.

use crate::files::{self, FileError};
use base64::{Engine, engine::general_purpose::STANDARD};
use ring::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use std::{fmt, path::Path, sync::Arc};
use zeroize::Zeroizing;

/// Length of a signature in bytes.
pub const SIGNATURE_BYTES: usize = 64;

/// Why a signing key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("the signing key in {0} is damaged")]
    Damaged(String),
    #[error("the system's random source failed")]
    NoRandom,
}

impl SigningError {
    /// What a person can do about it.
    pub fn advice(&self) -> String {
        match self {
            Self::File(error) => error.advice(),
            Self::Damaged(_) => {
                "Restore the file from the backup. A new key is possible too: remove the file, restart, and give the \
                 new public key to whoever verifies."
                    .into()
            }
            Self::NoRandom => "The system gives no random numbers. Restart the machine.".into(),
        }
    }
}

/// A private key. Cheap to clone.
#[derive(Clone)]
pub struct SigningKey(Arc<Ed25519KeyPair>);

impl SigningKey {
    /// A key that lives in memory only.
    pub fn ephemeral() -> Result<Self, SigningError> {
        Self::of(&new_document()?, Path::new("memory"))
    }

    /// Loads the key, or makes the file (0600, in a 0700 folder) if there is none. Of two processes that start at
    /// once, one makes it and both load it.
    pub fn create_if_missing(path: &Path) -> Result<Self, SigningError> {
        match Self::load(path) {
            Err(SigningError::File(FileError::Missing { .. })) => {}
            loaded => return loaded,
        }
        if let Some(folder) = path.parent() {
            files::ensure_folder(folder)?;
        }
        let text = Zeroizing::new(STANDARD.encode(&new_document()?[..]));
        match files::create(path, text.as_bytes()) {
            Ok(()) | Err(FileError::Exists { .. }) => Self::load(path),
            Err(error) => Err(error.into()),
        }
    }

    pub fn load(path: &Path) -> Result<Self, SigningError> {
        let text = files::read_text(path)?;
        let document = STANDARD.decode(text.expose().trim()).map(Zeroizing::new);
        Self::of(&document.map_err(|_| SigningError::Damaged(path.display().to_string()))?, path)
    }

    fn of(document: &[u8], path: &Path) -> Result<Self, SigningError> {
        let pair = Ed25519KeyPair::from_pkcs8(document);
        Ok(Self(Arc::new(pair.map_err(|_| SigningError::Damaged(path.display().to_string()))?)))
    }

    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.0.public_key().as_ref());
        PublicKey(bytes)
    }

    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        let mut signature = [0; SIGNATURE_BYTES];
        signature.copy_from_slice(self.0.sign(message).as_ref());
        signature
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(public {})", self.public().id())
    }
}

fn new_document() -> Result<Zeroizing<Vec<u8>>, SigningError> {
    let document =
        Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| SigningError::NoRandom)?;
    Ok(Zeroizing::new(document.as_ref().to_vec()))
}

/// A public key, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Reads 64 hexadecimal digits; spaces around them do not count.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim(), &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// The first 16 hexadecimal digits of its SHA-256: how signatures name it.
    pub fn id(&self) -> String {
        hex::encode(&digest(&SHA256, &self.0).as_ref()[..8])
    }

    /// Whether this key made `signature` over `message`.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(message, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_message_and_key_only() {
        let (key, other) = (SigningKey::ephemeral().unwrap(), SigningKey::ephemeral().unwrap());
        let mut signature = key.sign(b"position 7");
        assert!(key.public().verifies(b"position 7", &signature));
        assert!(!key.public().verifies(b"position 8", &signature));
        assert!(!other.public().verifies(b"position 7", &signature));
        signature[3] ^= 1;
        assert!(!key.public().verifies(b"position 7", &signature));
    }

    #[test]
    fn the_file_keeps_the_key_and_a_damaged_one_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys").join("seal");
        let made = SigningKey::create_if_missing(&path).unwrap();
        let again = SigningKey::create_if_missing(&path).unwrap();
        assert_eq!(made.public(), again.public());
        assert_eq!(PublicKey::parse(&made.public().to_string()), Some(made.public()));
        files::write(&path, b"nonsense").unwrap();
        assert!(matches!(SigningKey::load(&path), Err(SigningError::Damaged(_))));
    }
}

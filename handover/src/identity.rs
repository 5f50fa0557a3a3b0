//! Who is who: a self-signed certificate with its key in one 0600 file, and the pin by which the other side knows it.

use crate::error::HandoverError;
use ring::digest::{SHA256, digest};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrets::files::{self, FileError};
use std::fmt;
use std::path::Path;
use zeroize::Zeroizing;

/// SHA-256 of a certificate, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Pin([u8; 32]);

impl Pin {
    pub(crate) fn of(certificate: &CertificateDer<'_>) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, certificate).as_ref());
        Self(bytes)
    }
}

impl std::str::FromStr for Pin {
    type Err = HandoverError;

    /// Reads 64 hexadecimal digits in either case; colons between them do not count.
    fn from_str(text: &str) -> Result<Self, HandoverError> {
        let digits: String = text.trim().chars().filter(|c| *c != ':').collect();
        let mut bytes = [0; 32];
        hex::decode_to_slice(&digits, &mut bytes)
            .map_err(|_| HandoverError::BadPin(text.chars().take(100).collect()))?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One side's certificate and private key.
pub struct Identity {
    pub(crate) certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Loads it, or makes the file (0600, in a 0700 folder) if there is none. Of two processes that start at once, one
    /// makes it and both load it.
    pub fn create_if_missing(path: &Path) -> Result<Self, HandoverError> {
        match Self::load(path) {
            Err(HandoverError::File(FileError::Missing { .. })) => {}
            loaded => return loaded,
        }
        if let Some(folder) = path.parent() {
            files::ensure_folder(folder)?;
        }
        match files::create(path, made()?.as_bytes()) {
            Ok(()) | Err(FileError::Exists { .. }) => Self::load(path),
            Err(error) => Err(error.into()),
        }
    }

    fn load(path: &Path) -> Result<Self, HandoverError> {
        let text = files::read(path)?;
        let damaged = |_| HandoverError::Damaged(path.display().to_string());
        Ok(Self {
            certificate: CertificateDer::from_pem_slice(text.expose()).map_err(damaged)?,
            key: PrivateKeyDer::from_pem_slice(text.expose()).map_err(damaged)?,
        })
    }

    /// What the other side is to be told.
    pub fn pin(&self) -> Pin {
        Pin::of(&self.certificate)
    }

    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        self.key.clone_key()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.pin())
    }
}

/// A certificate and its key as text. Nobody reads its names: the pin says who it is.
fn made() -> Result<Zeroizing<String>, HandoverError> {
    let failed = |error: rcgen::Error| HandoverError::Certificate(error.to_string());
    let key = rcgen::KeyPair::generate().map_err(failed)?;
    let certificate = rcgen::CertificateParams::new(vec![crate::tls::NAME.to_owned()])
        .and_then(|params| params.self_signed(&key))
        .map_err(failed)?;
    let private = Zeroizing::new(key.serialize_pem());
    Ok(Zeroizing::new(format!("{}{}", certificate.pem(), *private)))
}

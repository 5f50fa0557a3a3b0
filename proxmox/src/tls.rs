//! Whom we talk to: a pinned certificate or an own authority, and nobody else.
//!
//! A pin is the SHA-256 of the node's certificate (DER), as `GET /nodes` shows it in `ssl_fingerprint`. The
//! handshake signature is checked too, so a copied certificate without its key does not pass. When the
//! certificate changed, the connection fails and the new fingerprint is in the error for a person to compare.

use crate::endpoint::{EndpointError, Trust};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// SHA-256 of a certificate's DER form, written as 32 upper-case hex pairs joined by `:`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub fn of_der(der: &[u8]) -> Self {
        let hash = ring::digest::digest(&ring::digest::SHA256, der);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(hash.as_ref());
        Self(bytes)
    }
}

impl std::str::FromStr for Fingerprint {
    type Err = EndpointError;

    /// Reads 32 hex pairs joined by `:`, in either case.
    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let bad = || EndpointError::Fingerprint(text.chars().take(100).collect());
        let mut bytes = [0; 32];
        let mut pairs = text.trim().split(':');
        for byte in &mut bytes {
            let pair = pairs.next().filter(|p| p.len() == 2 && p.bytes().all(|b| b.is_ascii_hexdigit()));
            *byte = u8::from_str_radix(pair.ok_or_else(bad)?, 16).map_err(|_| bad())?;
        }
        if pairs.next().is_some() { Err(bad()) } else { Ok(Self(bytes)) }
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = EndpointError;

    fn try_from(text: String) -> Result<Self, EndpointError> {
        text.parse()
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.to_string()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02X}", if place == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The error inside a failed handshake when the certificate is not pinned.
#[derive(Debug, thiserror::Error)]
#[error("the certificate {0} is not pinned")]
pub(crate) struct NotPinned(pub Fingerprint);

/// The TLS side of a connection for this trust.
pub(crate) fn client_config(trust: &Trust) -> Result<ClientConfig, EndpointError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| EndpointError::Tls(error.to_string()))?;
    match trust {
        Trust::Fingerprints(pins) if pins.is_empty() => Err(EndpointError::NothingTrusted),
        Trust::Fingerprints(pins) => Ok(pinned(builder, pins.clone(), provider)),
        Trust::Ca(pem) => {
            let mut roots = RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                let certificate = certificate.map_err(|_| EndpointError::CaUnreadable)?;
                roots.add(certificate).map_err(|_| EndpointError::CaUnreadable)?;
            }
            if roots.is_empty() {
                return Err(EndpointError::NothingTrusted);
            }
            Ok(builder.with_root_certificates(roots).with_no_client_auth())
        }
    }
}

/// A TLS side that trusts nobody: its handshakes fail and name the certificate that was shown.
pub(crate) fn trusting_nobody() -> Result<ClientConfig, EndpointError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| EndpointError::Tls(error.to_string()))?;
    Ok(pinned(builder, Vec::new(), provider))
}

fn pinned(
    builder: rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>,
    pins: Vec<Fingerprint>,
    provider: Arc<CryptoProvider>,
) -> ClientConfig {
    // rustls calls every own verifier dangerous; this one is stricter than the usual one.
    builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(PinVerifier { pins, provider }))
        .with_no_client_auth()
}

#[derive(Debug)]
struct PinVerifier {
    pins: Vec<Fingerprint>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let shown = Fingerprint::of_der(end_entity);
        if self.pins.contains(&shown) {
            return Ok(ServerCertVerified::assertion());
        }
        Err(rustls::Error::Other(OtherError(Arc::new(NotPinned(shown)))))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_fingerprint_is_written_as_proxmox_writes_it() {
        let fingerprint = Fingerprint::of_der(b"");
        let text = fingerprint.to_string();
        assert!(text.starts_with("E3:B0:C4:42:98:FC:1C:14"), "{text}");
        assert_eq!(text.parse::<Fingerprint>().unwrap(), fingerprint);
        assert_eq!(text.to_lowercase().parse::<Fingerprint>().unwrap(), fingerprint);
        let longer = format!("{text}:00");
        for bad in ["", "E3", &text[3..], &longer, &text.replace('E', "+")] {
            assert!(bad.parse::<Fingerprint>().is_err(), "{bad}");
        }
    }

    #[test]
    fn trust_in_nothing_is_refused() {
        let refused = |trust: &Trust| client_config(trust).err();
        assert_eq!(refused(&Trust::Fingerprints(vec![])), Some(EndpointError::NothingTrusted));
        assert_eq!(refused(&Trust::Ca("no pem".into())), Some(EndpointError::NothingTrusted));
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(refused(&Trust::Ca(broken.into())), Some(EndpointError::CaUnreadable));
    }
}

//! The cluster's certificate authority and the certificate of its one address.

use crate::SimError;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    SanType,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::net::IpAddr;
use std::sync::Arc;

/// What clients need to trust, and what the server presents.
pub struct Identity {
    pub server: Arc<rustls::ServerConfig>,
    pub ca_pem: String,
    /// SHA-256 of the leaf certificate: 32 upper-case hex pairs joined by colons.
    pub fingerprint: String,
}

/// Makes a fresh authority and a leaf for `names` and `address`.
pub fn identity(names: &[String], address: IpAddr) -> Result<Identity, SimError> {
    let ca_key = KeyPair::generate()?;
    let mut ca = CertificateParams::new(Vec::<String>::new())?;
    ca.distinguished_name.push(DnType::CommonName, "Proxmox Virtual Environment");
    ca.distinguished_name.push(DnType::OrganizationName, "PVE Cluster Manager CA");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_cert = ca.self_signed(&ca_key)?;

    let mut sans: Vec<String> = names.to_vec();
    sans.push("localhost".into());
    let leaf_key = KeyPair::generate()?;
    let mut leaf = CertificateParams::new(sans)?;
    leaf.subject_alt_names.push(SanType::IpAddress(address));
    if !address.is_loopback() {
        leaf.subject_alt_names.push(SanType::IpAddress(IpAddr::from([127, 0, 0, 1])));
    }
    leaf.distinguished_name.push(DnType::CommonName, names.first().map_or("pve1", String::as_str));
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let leaf_cert = leaf.signed_by(&leaf_key, &ca_cert, &ca_key)?;

    use sha2::Digest;
    let hash = sha2::Sha256::digest(leaf_cert.der());
    let fingerprint = hash.iter().map(|b| format!("{b:02X}")).collect::<Vec<_>>().join(":");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));
    let mut server =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![leaf_cert.der().clone(), ca_cert.der().clone()], key)?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Identity { server: Arc::new(server), ca_pem: ca_cert.pem(), fingerprint })
}

//! TLS to a remote Postgres, always verified; and the parts of an address that only we understand.
//!
//! `sslrootcert=/path` in the address names the authority to trust instead of the system's. `sslmode` may be
//! `disable`, `prefer` (the default: TLS if the server offers it), `require`, `verify-ca` or `verify-full`;
//! whenever TLS is used the certificate and the host name are checked.

use crate::error::StoreError;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use std::{
    future::Future,
    io,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};

/// A database address, with what the Postgres client does not know taken out.
pub(crate) struct Address {
    pub url: String,
    pub root_certificate: Option<PathBuf>,
}

impl Address {
    pub fn parse(url: &str) -> Result<Self, StoreError> {
        let Some((base, query)) = url.split_once('?') else {
            return Ok(Self { url: url.into(), root_certificate: None });
        };
        let mut root_certificate = None;
        let mut kept = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslrootcert", value)) => {
                    let path = percent_encoding::percent_decode_str(value)
                        .decode_utf8()
                        .map_err(|_| StoreError::BadUrl("sslrootcert is not text".into()))?;
                    root_certificate = Some(PathBuf::from(&*path));
                }
                Some(("sslmode", "verify-ca" | "verify-full")) => kept.push("sslmode=require"),
                _ => kept.push(pair),
            }
        }
        let url = if kept.is_empty() { base.into() } else { format!("{base}?{}", kept.join("&")) };
        Ok(Self { url, root_certificate })
    }
}

#[derive(Clone)]
pub(crate) struct MakeTls(Arc<ClientConfig>);

impl MakeTls {
    pub fn new(root_certificate: Option<&Path>) -> Result<Self, StoreError> {
        let mut roots = RootCertStore::empty();
        match root_certificate {
            Some(path) => {
                let failed = |why: String| StoreError::Tls(format!("{}: {why}", path.display()));
                let found = CertificateDer::pem_file_iter(path).map_err(|e| failed(e.to_string()))?;
                for certificate in found {
                    let certificate = certificate.map_err(|e| failed(e.to_string()))?;
                    roots.add(certificate).map_err(|e| failed(e.to_string()))?;
                }
                if roots.is_empty() {
                    return Err(failed("it holds no certificate".into()));
                }
            }
            // A machine without any is fine until TLS is used; then the certificate fails by name.
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| StoreError::Tls(e.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }
}

pub(crate) struct Tls {
    config: Arc<ClientConfig>,
    host: String,
}

pub(crate) struct Stream<S>(tokio_rustls::client::TlsStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for MakeTls {
    type Stream = Stream<S>;
    type TlsConnect = Tls;
    type Error = io::Error;

    /// The name is checked when the connection is made: for a socket there is none, and no TLS either.
    fn make_tls_connect(&mut self, host: &str) -> io::Result<Tls> {
        Ok(Tls { config: self.0.clone(), host: host.to_owned() })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for Tls {
    type Stream = Stream<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move {
            let name = ServerName::try_from(self.host).map_err(io::Error::other)?;
            let connector = tokio_rustls::TlsConnector::from(self.config);
            Ok(Stream(connector.connect(name, stream).await?))
        })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Stream<S> {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_parts_are_taken_out_of_the_address() {
        let address =
            Address::parse("postgres://u@h/d?sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem").unwrap();
        assert_eq!(address.url, "postgres://u@h/d?sslmode=require");
        assert_eq!(address.root_certificate.as_deref(), Some(Path::new("/etc/ca.pem")));
        assert_eq!(
            Address::parse("postgres:///d?host=/s&user=u").unwrap().url,
            "postgres:///d?host=/s&user=u"
        );
    }
}

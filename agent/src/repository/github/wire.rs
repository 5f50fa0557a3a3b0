//! What carries octocrab's requests: one HTTP client with the TLS of this tree, bounded in time and in bytes.
//!
//! Begin with [`octocrab`]. octocrab brings the routes' conventions (base address, token, version header); the
//! connection below it is ours, because its own would bring a second TLS stack.
//!
//! Never here: following redirects (a token must not travel on), proxies from the environment, repeating a request.

use super::GitHubError;
use crate::limits::{GITHUB_ANSWER_BYTES_MAX, GITHUB_CONNECT_WAIT_MAX};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full};
use octocrab::service::middleware::base_uri::BaseUriLayer;
use octocrab::service::middleware::extra_headers::ExtraHeadersLayer;
use octocrab::{AuthState, Octocrab, OctocrabBuilder};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use secrets::Secret;
use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

/// No answer, or none that can be used. Whether the request had an effect is unknown.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NoAnswer(pub String);

/// A client of one GitHub. Opens no connection yet; needs a running tokio.
pub(super) fn octocrab(
    api: &Uri,
    token: &Secret<String>,
    authority: Option<&str>,
    wait: Duration,
) -> Result<Octocrab, GitHubError> {
    let client = client(authority, wait)?;
    let service = tower::service_fn(move |request| carry(client.clone(), request));
    let fixed = [
        (header::USER_AGENT, HeaderValue::from_static(concat!("mycopod/", env!("CARGO_PKG_VERSION")))),
        (header::ACCEPT, HeaderValue::from_static("application/vnd.github+json")),
    ];
    let fixed: Vec<(HeaderName, HeaderValue)> = fixed.into();
    let auth = AuthState::AccessToken { token: token.expose().trim().to_owned().into() };
    let Ok(octocrab) = OctocrabBuilder::new_empty()
        .with_service(service)
        .with_layer(&BaseUriLayer::new(api.clone()))
        .with_layer(&ExtraHeadersLayer::new(Arc::new(fixed)))
        .with_auth(auth)
        .build();
    Ok(octocrab)
}

fn client(authority: Option<&str>, wait: Duration) -> Result<reqwest::Client, GitHubError> {
    reqwest::Client::builder()
        .use_preconfigured_tls(tls(authority)?)
        .http1_only()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(GITHUB_CONNECT_WAIT_MAX.min(wait))
        .timeout(wait)
        .build()
        .map_err(|error| GitHubError::Tls(error.to_string()))
}

/// Trusts one authority if it is named (GitHub Enterprise behind an own one), else those of this machine.
fn tls(authority: Option<&str>) -> Result<rustls::ClientConfig, GitHubError> {
    let mut roots = rustls::RootCertStore::empty();
    match authority {
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                let certificate = certificate.map_err(|error| GitHubError::Tls(error.to_string()))?;
                roots.add(certificate).map_err(|error| GitHubError::Tls(error.to_string()))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| GitHubError::Tls(error.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

async fn carry(
    client: reqwest::Client,
    request: Request<octocrab::OctoBody>,
) -> Result<Response<Full<Bytes>>, NoAnswer> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|error| NoAnswer(error.to_string()))?.to_bytes();
    let call = client.request(parts.method, parts.uri.to_string()).headers(parts.headers).body(body);
    let mut answer = call.send().await.map_err(no_answer)?;
    let mut response = Response::builder().status(answer.status());
    if let Some(headers) = response.headers_mut() {
        headers.clone_from(answer.headers());
    }
    let mut read = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(no_answer)? {
        if read.len() + chunk.len() > GITHUB_ANSWER_BYTES_MAX {
            return Err(NoAnswer(format!("its answer is longer than {GITHUB_ANSWER_BYTES_MAX} bytes")));
        }
        read.extend_from_slice(&chunk);
    }
    response.body(Full::new(Bytes::from(read))).map_err(|error| NoAnswer(error.to_string()))
}

/// One stable sentence for each kind of failure: a state that lasts is told once.
fn no_answer(error: reqwest::Error) -> NoAnswer {
    let error = error.without_url();
    if error.is_timeout() {
        return NoAnswer("it gave no answer in time".into());
    }
    let mut deepest: &dyn StdError = &error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    NoAnswer(match error.is_connect() {
        true => format!("no connection: {deepest}"),
        false => format!("the connection broke: {deepest}"),
    })
}

/// What went wrong below octocrab, out of its wrapping.
pub(super) fn unwrapped(error: &octocrab::Error) -> NoAnswer {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    let mut deepest = String::new();
    while let Some(error) = next {
        if let Some(ours) = error.downcast_ref::<NoAnswer>() {
            return ours.clone();
        }
        deepest = error.to_string();
        next = error.source();
    }
    NoAnswer(deepest)
}

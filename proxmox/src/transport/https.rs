//! The real transport: HTTP/1.1 over TLS to the nodes of one cluster.
//!
//! Begin with [`Https::new`]. Another node is tried only when nothing was delivered. A read is repeated
//! once, at once, when the connection broke: the server closes unused connections and those after an error,
//! so a kept connection can be dead. A write is never repeated.

use super::{Sending, Transport};
use crate::encode::{self, Encoded};
use crate::endpoint::{Endpoint, EndpointError, Timeouts};
use crate::error::{CallError, Lost, NotSent};
use crate::limits::{ANSWER_BYTES_MAX, IDLE_CONNECTIONS_MAX, IDLE_MS_MAX, UPLOAD_MS_MAX};
use crate::tls::{self, Fingerprint, NotPinned};
use crate::wire::{Reply, Request, Verb};
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use serde_json::Value;
use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A connection pool to one cluster.
pub struct Https {
    base_urls: Vec<String>,
    authorization: HeaderValue,
    client: reqwest::Client,
    /// The place in `base_urls` that worked last.
    preferred: AtomicUsize,
    timeouts: Timeouts,
}

impl std::fmt::Debug for Https {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Https").field("base_urls", &self.base_urls).finish_non_exhaustive()
    }
}

impl Https {
    /// Checks the endpoint; opens no connection yet.
    pub fn new(endpoint: &Endpoint) -> Result<Self, EndpointError> {
        Self::with_timeouts(endpoint, Timeouts::default())
    }

    pub fn with_timeouts(endpoint: &Endpoint, timeouts: Timeouts) -> Result<Self, EndpointError> {
        let base_urls = endpoint.checked()?;
        let tls = tls::client_config(&endpoint.trust)?;
        let mut authorization =
            HeaderValue::from_str(endpoint.token.header().expose()).map_err(|_| EndpointError::Token)?;
        authorization.set_sensitive(true);
        let client = client(tls, timeouts)?;
        Ok(Self { base_urls, authorization, client, preferred: AtomicUsize::new(0), timeouts })
    }

    /// The fingerprint of the certificate that a node shows, for a person to compare before it is pinned.
    /// Nothing is trusted and nothing but the handshake is sent.
    pub async fn shown_fingerprint(base_url: &str) -> Result<Fingerprint, CallError> {
        let malformed = |error: EndpointError| CallError::not_sent(NotSent::Malformed, error.to_string());
        let tls = tls::trusting_nobody().map_err(malformed)?;
        let client = client(tls, Timeouts::default()).map_err(malformed)?;
        match client.get(base_url).send().await {
            Err(error) => match failed(Verb::Get, error) {
                CallError::NotSent { cause: NotSent::CertificateUnknown { presented }, .. } => Ok(presented),
                other => Err(other),
            },
            Ok(_) => Err(CallError::not_sent(NotSent::Tls, "the address answered without TLS")),
        }
    }

    async fn carry(&self, request: &Request) -> Result<Reply, CallError> {
        let encoded = encode::request(request)?;
        let started = Instant::now();
        let first = self.preferred.load(Ordering::Relaxed);
        let mut worst: Option<CallError> = None;
        for step in 0..self.base_urls.len() {
            let place = (first + step) % self.base_urls.len();
            let outcome = self.on_node(place, request, &encoded, started).await;
            match outcome {
                Err(error) if error.allows_another_node() => {
                    tracing::debug!(node = %self.base_urls[place], %error, "not sent, trying the next node");
                    worst = Some(more_telling(worst, error));
                }
                outcome => {
                    self.preferred.store(place, Ordering::Relaxed);
                    return outcome;
                }
            }
        }
        Err(worst.unwrap_or_else(|| CallError::not_sent(NotSent::Unreachable, "no address")))
    }

    async fn on_node(
        &self,
        place: usize,
        request: &Request,
        encoded: &Encoded,
        started: Instant,
    ) -> Result<Reply, CallError> {
        match self.once(place, request, encoded, started).await {
            Err(CallError::Unknown { verb: Verb::Get, cause: Lost::Closed, .. }) => {
                self.once(place, request, encoded, started).await
            }
            outcome => outcome,
        }
    }

    async fn once(
        &self,
        place: usize,
        request: &Request,
        encoded: &Encoded,
        started: Instant,
    ) -> Result<Reply, CallError> {
        let verb = request.verb;
        let url = format!("{}{}", self.base_urls[place], encoded.target);
        let method = match verb {
            Verb::Get => reqwest::Method::GET,
            Verb::Post => reqwest::Method::POST,
            Verb::Put => reqwest::Method::PUT,
            Verb::Delete => reqwest::Method::DELETE,
        };
        let mut call = self.client.request(method, url).header(AUTHORIZATION, self.authorization.clone());
        if let Some(body) = &encoded.body {
            call = call.header(CONTENT_TYPE, &body.content_type).body(body.bytes.clone());
            if body.bytes.is_empty() {
                // Left out by the library for an empty body; the server wants to know.
                call = call.header(CONTENT_LENGTH, 0);
            }
        }
        if request.file.is_some() {
            call = call.timeout(self.timeouts.call.max(Duration::from_millis(UPLOAD_MS_MAX)));
        }
        let response = call.send().await.map_err(|error| failed(verb, error))?;
        let status = response.status().as_u16();
        let reason = reason_of(&response);
        let body = read(verb, response).await;
        answered(verb, status, reason, body, started.elapsed())
    }
}

impl Transport for Https {
    fn send<'a>(&'a self, request: &'a Request) -> Sending<'a> {
        Box::pin(self.carry(request))
    }
}

fn client(tls: rustls::ClientConfig, timeouts: Timeouts) -> Result<reqwest::Client, EndpointError> {
    reqwest::Client::builder()
        .use_preconfigured_tls(tls)
        .https_only(true)
        .http1_only()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .user_agent(concat!("mycopod/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(timeouts.connect)
        .timeout(timeouts.call)
        .pool_idle_timeout(Duration::from_millis(IDLE_MS_MAX))
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
        .build()
        .map_err(|error| EndpointError::Tls(error.to_string()))
}

/// The reason phrase as it was on the line: Proxmox writes its error text there.
fn reason_of(response: &reqwest::Response) -> String {
    match response.extensions().get::<hyper::ext::ReasonPhrase>() {
        Some(phrase) => String::from_utf8_lossy(phrase.as_bytes()).trim().to_owned(),
        None => response.status().canonical_reason().unwrap_or_default().to_owned(),
    }
}

/// The body, bounded.
async fn read(verb: Verb, mut response: reqwest::Response) -> Result<Vec<u8>, CallError> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > ANSWER_BYTES_MAX => {
                return Err(CallError::unknown(verb, Lost::Unreadable, "the answer is too long"));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(error) => return Err(failed(verb, error)),
        }
    }
}

/// Makes a reply or an error of what came back. A refusal counts by its status, whatever its body.
fn answered(
    verb: Verb,
    status: u16,
    reason: String,
    body: Result<Vec<u8>, CallError>,
    latency: Duration,
) -> Result<Reply, CallError> {
    if status == 595 {
        return Err(CallError::not_sent(NotSent::NotPassedOn, reason));
    }
    if (596..=599).contains(&status) {
        return Err(CallError::unknown(verb, Lost::Hop { status }, reason));
    }
    let mut envelope = body.map(|bytes| serde_json::from_slice::<BTreeMap<String, Value>>(&bytes));
    let mut take = |name: &str| match &mut envelope {
        Ok(Ok(fields)) => fields.remove(name).filter(|value| !value.is_null()),
        _ => None,
    };
    let message = take("message").map(|value| text_of(&value));
    let errors = match take("errors") {
        Some(Value::Object(errors)) => errors.iter().map(|(k, v)| (k.clone(), text_of(v))).collect(),
        _ => BTreeMap::new(),
    };
    if status >= 300 {
        return Err(CallError::Answered { status, reason, message, errors });
    }
    let data = take("data").unwrap_or(Value::Null);
    match envelope {
        Ok(Ok(mut beside)) => {
            beside.remove("data");
            beside.remove("message");
            beside.remove("errors");
            Ok(Reply { status, reason, message, errors, data, beside, latency })
        }
        Ok(Err(error)) => Err(CallError::unknown(verb, Lost::Unreadable, error.to_string())),
        Err(error) => Err(error),
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    }
}

/// Sorts a failure of the connection into "not sent" and "sent, no answer". In doubt it was sent.
fn failed(verb: Verb, error: reqwest::Error) -> CallError {
    let timeout = error.is_timeout();
    let (connect, builder) = (error.is_connect(), error.is_builder());
    let error = error.without_url();
    // A body that breaks off is reported as undecodable too; then the connection's error is inside.
    let unreadable = error.is_decode() && find::<hyper::Error>(&error).is_none();
    let detail = chain(&error);
    if builder {
        return CallError::not_sent(NotSent::Malformed, detail);
    }
    if !connect {
        let cause = match (timeout, unreadable) {
            (true, _) => Lost::Timeout,
            (false, true) => Lost::Unreadable,
            (false, false) => Lost::Closed,
        };
        return CallError::unknown(verb, cause, detail);
    }
    let tls_error = find::<rustls::Error>(&error);
    if let Some(rustls::Error::Other(inner)) = tls_error
        && let Some(NotPinned(presented)) = inner.0.downcast_ref::<NotPinned>()
    {
        return CallError::not_sent(NotSent::CertificateUnknown { presented: *presented }, detail);
    }
    let refused = find_io(&error, std::io::ErrorKind::ConnectionRefused);
    let cause = match () {
        () if tls_error.is_some() => NotSent::Tls,
        () if timeout => NotSent::ConnectTimeout,
        () if refused => NotSent::Refused,
        () if detail.contains("dns error") => NotSent::NameUnknown,
        () => NotSent::Unreachable,
    };
    CallError::not_sent(cause, detail)
}

/// Walks an error's causes. An I/O error hides the one it carries, so it is opened as well.
fn causes<'e>(error: &'e (dyn StdError + 'static)) -> Vec<&'e (dyn StdError + 'static)> {
    let mut found = vec![error];
    let mut next = error.source();
    while let Some(error) = next {
        found.push(error);
        let inside = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match inside {
            Some(inside) => Some(inside as &(dyn StdError + 'static)),
            None => error.source(),
        };
    }
    found
}

fn find<E: StdError + 'static>(error: &reqwest::Error) -> Option<&E> {
    causes(error).into_iter().find_map(|cause| cause.downcast_ref::<E>())
}

fn find_io(error: &reqwest::Error, kind: std::io::ErrorKind) -> bool {
    causes(error)
        .into_iter()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == kind)
}

fn chain(error: &reqwest::Error) -> String {
    let mut parts: Vec<String> = causes(error).into_iter().map(ToString::to_string).collect();
    parts.dedup();
    parts.join(": ")
}

/// Of two nodes that did not take the call, a strange certificate matters most.
fn more_telling(known: Option<CallError>, new: CallError) -> CallError {
    match known {
        Some(known @ CallError::NotSent { cause: NotSent::CertificateUnknown { .. }, .. }) => known,
        _ => new,
    }
}

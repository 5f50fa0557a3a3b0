//! The real transport: HTTP/1.1 over TLS to the nodes of one cluster.
//!
//! Begin with [`Https::new`] for a token and [`Https::signed_in`] for a user with a password. A read goes to
//! the next node when one fails; a change goes there only when nothing of it was delivered. A read is repeated
//! once, at once, when the connection broke: the server closes unused connections and those after an error,
//! so a kept connection can be dead. A change is never repeated, except after a refused ticket: that is
//! decided before anything is done.

use super::outcome::{answered, failed, more_telling};
use super::session::{Pass, Session};
use super::{Sending, Transport};
use crate::encode::{self, Encoded};
use crate::endpoint::{self, Endpoint, EndpointError, Login, Timeouts, Trust};
use crate::error::{CallError, Lost, NotSent};
use crate::limits::{ANSWER_BYTES_MAX, IDLE_CONNECTIONS_MAX, IDLE_MS_MAX};
use crate::tls::{self, Fingerprint};
use crate::wire::{Reply, Request, Verb};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A connection pool to one cluster.
pub struct Https {
    base_urls: Vec<String>,
    identity: Identity,
    client: reqwest::Client,
    /// The place in `base_urls` that worked last.
    preferred: AtomicUsize,
    timeouts: Timeouts,
}

/// Who we are to the server.
enum Identity {
    Token(HeaderValue),
    User(Session),
}

impl std::fmt::Debug for Https {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Https").field("base_urls", &self.base_urls).finish_non_exhaustive()
    }
}

impl Https {
    /// With an API token. Checks the endpoint; opens no connection yet.
    pub fn new(endpoint: &Endpoint) -> Result<Self, EndpointError> {
        Self::with_timeouts(endpoint, Timeouts::default())
    }

    pub fn with_timeouts(endpoint: &Endpoint, timeouts: Timeouts) -> Result<Self, EndpointError> {
        let base_urls = endpoint.checked()?;
        let mut token =
            HeaderValue::from_str(endpoint.token.header().expose()).map_err(|_| EndpointError::Token)?;
        token.set_sensitive(true);
        Self::with(base_urls, &endpoint.trust, Identity::Token(token), timeouts)
    }

    /// With a user and a password. The ticket is fetched at the first call, renewed before its life of two
    /// hours is over, and fetched anew once when the server refuses it.
    pub fn signed_in(
        base_urls: &[String],
        trust: &Trust,
        login: Login,
        timeouts: Timeouts,
    ) -> Result<Self, EndpointError> {
        login.check()?;
        let base_urls = endpoint::addresses(base_urls)?;
        Self::with(base_urls, trust, Identity::User(Session::new(login)), timeouts)
    }

    fn with(
        base_urls: Vec<String>,
        trust: &Trust,
        identity: Identity,
        timeouts: Timeouts,
    ) -> Result<Self, EndpointError> {
        let client = client(tls::client_config(trust)?, timeouts)?;
        Ok(Self { base_urls, identity, client, preferred: AtomicUsize::new(0), timeouts })
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
        let pass = match &self.identity {
            Identity::Token(token) => Pass::token(token.clone()),
            Identity::User(session) => session.pass(self, self.timeouts.renew_ticket, None).await?,
        };
        let outcome = self.over_nodes(request, &encoded, &pass, started).await;
        match (&self.identity, outcome) {
            (Identity::User(session), Err(error)) if error.is_unauthorised() => {
                let fresh = session.pass(self, self.timeouts.renew_ticket, Some(&pass)).await?;
                self.over_nodes(request, &encoded, &fresh, started).await
            }
            (_, outcome) => outcome,
        }
    }

    /// The call that fetches a ticket. Its loss says nothing about any other call.
    pub(super) async fn sign_in(&self, request: &Request) -> Result<Reply, CallError> {
        let encoded = encode::request(request)?;
        self.over_nodes(request, &encoded, &Pass::none(), Instant::now())
            .await
            .map_err(|error| error.masked(request).before_the_call())
    }

    async fn over_nodes(
        &self,
        request: &Request,
        encoded: &Encoded,
        pass: &Pass,
        started: Instant,
    ) -> Result<Reply, CallError> {
        let nodes = self.base_urls.len();
        let repeatable = !request.verb.is_write() || pass.is_none();
        let each = if pass.is_none() { self.timeouts.sign_in } else { self.timeouts.of(request) };
        let whole = if repeatable { each * 2 } else { each };
        let first = self.preferred.load(Ordering::Relaxed);
        let mut worst: Option<CallError> = None;
        for step in 0..nodes {
            let left = whole.saturating_sub(started.elapsed());
            if step > 0 && left.is_zero() {
                break;
            }
            let place = (first + step) % nodes;
            let attempt = Attempt { place, request, encoded, pass, started, limit: each.min(left) };
            match self.on_node(&attempt, repeatable).await {
                Err(error) if error.allows_another_node(repeatable) => {
                    tracing::debug!(node = %self.base_urls[place], %error, "no answer, trying the next node");
                    worst = Some(more_telling(worst, error));
                }
                outcome => {
                    // After a lost answer the look that settles it begins at another node.
                    let lost = matches!(outcome, Err(CallError::Unknown { .. }));
                    self.preferred.store((place + usize::from(lost)) % nodes, Ordering::Relaxed);
                    return outcome;
                }
            }
        }
        Err(worst.unwrap_or_else(|| CallError::not_sent(NotSent::ConnectTimeout, "no time was left")))
    }

    async fn on_node(&self, attempt: &Attempt<'_>, repeatable: bool) -> Result<Reply, CallError> {
        match self.once(attempt).await {
            Err(CallError::Unknown { cause: Lost::Closed, .. }) if repeatable => self.once(attempt).await,
            outcome => outcome,
        }
    }

    async fn once(&self, attempt: &Attempt<'_>) -> Result<Reply, CallError> {
        let Attempt { place, request, encoded, pass, started, limit } = attempt;
        let verb = request.verb;
        let url = format!("{}{}", self.base_urls[*place], encoded.target);
        let method = match verb {
            Verb::Get => reqwest::Method::GET,
            Verb::Post => reqwest::Method::POST,
            Verb::Put => reqwest::Method::PUT,
            Verb::Delete => reqwest::Method::DELETE,
        };
        let mut call = self.client.request(method, url).timeout(*limit);
        for (name, value) in pass.headers(verb) {
            call = call.header(name, value);
        }
        if let Some(body) = &encoded.body {
            call = call.header(CONTENT_TYPE, &body.content_type).body(body.bytes.clone());
            if body.bytes.is_empty() {
                // Left out by the library for an empty body; the server wants to know.
                call = call.header(CONTENT_LENGTH, 0);
            }
        }
        let response = call.send().await.map_err(|error| failed(verb, error))?;
        let status = response.status().as_u16();
        let reason = reason_of(&response);
        let body = read(verb, response).await;
        answered(verb, status, reason, body, started.elapsed())
    }
}

/// One call at one node.
struct Attempt<'a> {
    place: usize,
    request: &'a Request,
    encoded: &'a Encoded,
    pass: &'a Pass,
    started: Instant,
    limit: Duration,
}

impl Transport for Https {
    fn send<'a>(&'a self, request: &'a Request) -> Sending<'a> {
        Box::pin(async move { self.carry(request).await.map_err(|error| error.masked(request)) })
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

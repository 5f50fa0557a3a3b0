//! Tickets: who we are when the owner gave a user and a password instead of a token.
//!
//! Begin with [`Session::pass`]. A ticket lives two hours; it is renewed before with itself as the password,
//! and fetched anew with the real one when it was refused. One sign-in runs at a time, and a refused password
//! is left alone for a while. Neither password nor ticket is ever shown.

use super::https::Https;
use crate::encode;
use crate::endpoint::Login;
use crate::error::{CallError, NotSent};
use crate::lenient;
use crate::limits::{REFUSED_PASSWORD_S, TICKET_LIFE_S};
use crate::secret::Secret;
use crate::wire::{Reply, Request, Verb};
use reqwest::header::{AUTHORIZATION, COOKIE, HeaderName, HeaderValue};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// Asked for with every change that is made with a ticket.
const CSRF: HeaderName = HeaderName::from_static("csrfpreventiontoken");

/// The headers that prove who calls.
#[derive(Clone)]
pub(super) struct Pass {
    /// With every call.
    identity: Option<(HeaderName, HeaderValue)>,
    /// Besides, with changes.
    csrf: Option<HeaderValue>,
    /// Which ticket it is; they are numbered as they come.
    number: u64,
}

impl Pass {
    /// For the call that fetches a ticket.
    pub fn none() -> Self {
        Self { identity: None, csrf: None, number: 0 }
    }

    pub fn token(header: HeaderValue) -> Self {
        Self { identity: Some((AUTHORIZATION, header)), csrf: None, number: 0 }
    }

    pub fn is_none(&self) -> bool {
        self.identity.is_none()
    }

    pub fn headers(&self, verb: Verb) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let csrf = self.csrf.clone().filter(|_| verb.is_write()).map(|value| (CSRF, value));
        self.identity.clone().into_iter().chain(csrf)
    }
}

/// A user who signs in when needed.
pub(super) struct Session {
    login: Login,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    ticket: Option<Ticket>,
    /// When the password was refused last, and how.
    refused: Option<(Instant, CallError)>,
    fetched: u64,
}

struct Ticket {
    value: Secret,
    pass: Pass,
    since: Instant,
}

impl Session {
    pub fn new(login: Login) -> Self {
        Self { login, state: Mutex::new(State::default()) }
    }

    /// What to send with the next call. `refused` is a pass that the server has just refused: if it is still
    /// the present one, another is fetched.
    pub async fn pass(
        &self,
        https: &Https,
        renew_after: Duration,
        refused: Option<&Pass>,
    ) -> Result<Pass, CallError> {
        let mut state = self.state.lock().await;
        if let Some(held) = state.ticket.take() {
            let age = held.since.elapsed();
            let good = refused.is_none_or(|pass| pass.number != held.pass.number);
            if good && age < renew_after {
                let pass = held.pass.clone();
                state.ticket = Some(held);
                return Ok(pass);
            }
            if good && age < Duration::from_secs(TICKET_LIFE_S) {
                match self.fetch(https, &held.value, &mut state).await {
                    Ok(pass) => return Ok(pass),
                    Err(error) if error.is_unauthorised() => {}
                    Err(_) => {
                        // Nobody can be asked just now; the present ticket is still good.
                        let pass = held.pass.clone();
                        state.ticket = Some(held);
                        return Ok(pass);
                    }
                }
            }
        }
        if let Some((at, error)) = &state.refused
            && at.elapsed() < Duration::from_secs(REFUSED_PASSWORD_S)
        {
            return Err(error.clone());
        }
        let outcome = self.fetch(https, &self.login.password, &mut state).await;
        state.refused = match &outcome {
            Err(error) if error.is_unauthorised() => Some((Instant::now(), error.clone())),
            _ => None,
        };
        outcome
    }

    /// `POST /access/ticket` with a password, or with a ticket in its place.
    async fn fetch(&self, https: &Https, password: &Secret, state: &mut State) -> Result<Pass, CallError> {
        let request = Request::new(Verb::Post, "/access/ticket", BTreeMap::new())
            .arg("username", &self.login.user)
            .arg("password", password.expose());
        let reply = https.sign_in(&request).await?;
        state.fetched += 1;
        let ticket = ticket(reply, state.fetched)?;
        let pass = ticket.pass.clone();
        state.ticket = Some(ticket);
        Ok(pass)
    }
}

fn ticket(reply: Reply, number: u64) -> Result<Ticket, CallError> {
    if reply.data.get("NeedTFA").is_some_and(lenient::truthy) {
        return Err(CallError::not_sent(NotSent::SecondFactor, ""));
    }
    let text =
        |name: &str| reply.data.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    let (value, csrf) = (Secret::new(text("ticket")), Secret::new(text("CSRFPreventionToken")));
    let cookie = Secret::new(format!("PVEAuthCookie={}", encode::value(value.expose())));
    let header = |text: &Secret| {
        let mut header = HeaderValue::from_str(text.expose()).ok()?;
        header.set_sensitive(true);
        Some(header).filter(|header| !header.is_empty())
    };
    match (value.expose().is_empty(), header(&cookie), header(&csrf)) {
        (false, Some(cookie), Some(csrf)) => {
            let pass = Pass { identity: Some((COOKIE, cookie)), csrf: Some(csrf), number };
            Ok(Ticket { value, pass, since: Instant::now() })
        }
        _ => Err(CallError::not_sent(NotSent::Unreachable, "while signing in: the answer has no ticket")),
    }
}

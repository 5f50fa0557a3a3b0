//! What a handler holds when it runs: proof of who asks. Nothing else can make these, so a handler that takes
//! one cannot be reached without it.

use super::cookie::Token;
use crate::error::HttpError;
use axum::{extract::FromRequestParts, http::request::Parts};
use domain::account::{Actor, Role};
use uuid::Uuid;

/// Somebody with a session and an account that is not disabled.
#[derive(Clone, Debug)]
pub struct SignedIn {
    pub(super) actor: Actor,
    pub(super) name: String,
    pub(super) token: Token,
}

impl SignedIn {
    pub fn actor(&self) -> Actor {
        self.actor
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn token(&self) -> &Token {
        &self.token
    }

    pub fn is_admin(&self) -> bool {
        self.actor.role == Role::Admin
    }
}

/// An Admin.
#[derive(Clone, Debug)]
pub struct Admin(SignedIn);

impl std::ops::Deref for Admin {
    type Target = SignedIn;
    fn deref(&self) -> &SignedIn {
        &self.0
    }
}

/// The idempotency key of a form, mixed with what the form says: the same form sent twice is one command, a
/// corrected one is another.
#[derive(Clone, Copy, Debug)]
pub struct Key(pub(super) Uuid);

impl Key {
    /// The key of one command among several of the same form.
    pub fn of(self, command: &str) -> Uuid {
        Uuid::new_v5(&self.0, command.as_bytes())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SignedIn {
    type Rejection = HttpError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, HttpError> {
        parts.extensions.get::<SignedIn>().cloned().ok_or_else(HttpError::signed_out)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Admin {
    type Rejection = HttpError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let person = SignedIn::from_request_parts(parts, state).await?;
        if person.is_admin() { Ok(Self(person)) } else { Err(HttpError::admins_only()) }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = HttpError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, HttpError> {
        parts.extensions.get::<Key>().copied().ok_or_else(HttpError::not_our_form)
    }
}

impl<S: Send + Sync> axum::extract::OptionalFromRequestParts<S> for SignedIn {
    type Rejection = std::convert::Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Self::Rejection> {
        Ok(parts.extensions.get::<SignedIn>().cloned())
    }
}

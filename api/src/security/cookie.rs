//! Tokens and the cookies that hold them.
//!
//! The session cookie is `__Host-mycopod`: only over https (browsers count loopback as such), only for this very
//! host, never for scripts, never sent along by other sites.

use crate::limits;
use axum::http::{HeaderMap, header};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::{TryRngCore, rngs::OsRng};
use sha2::{Digest, Sha256};
use std::fmt;
use uuid::Uuid;
use zeroize::Zeroizing;

pub const SESSION: &str = "__Host-mycopod";
/// Held by somebody who looks at the sign-in page, so that its form can be proved too.
pub const VISITOR: &str = "__Host-mycopod-visitor";

/// A secret that only the person's browser holds. Everything else is derived from it.
#[derive(Clone)]
pub struct Token(Zeroizing<[u8; limits::TOKEN_BYTES]>);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random bytes: {0}")]
pub struct NoRandomness(String);

impl Token {
    pub fn fresh() -> Result<Self, NoRandomness> {
        let mut bytes = Zeroizing::new([0; limits::TOKEN_BYTES]);
        OsRng.try_fill_bytes(bytes.as_mut()).map_err(|error| NoRandomness(error.to_string()))?;
        Ok(Self(bytes))
    }

    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; limits::TOKEN_BYTES] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        Some(Self(Zeroizing::new(bytes)))
    }

    fn derive(&self, purpose: &str) -> [u8; 32] {
        Sha256::new().chain_update(purpose).chain_update(self.0.as_ref()).finalize().into()
    }

    /// What is stored: nobody can sign in with it.
    pub fn hash(&self) -> [u8; 32] {
        self.derive("mycopod session ")
    }

    /// What a form of this browser's pages carries.
    pub fn csrf(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.derive("mycopod form "))
    }

    /// What idempotency keys of this session are derived from.
    pub fn seed(&self) -> Uuid {
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(self.derive("mycopod keys ")) {
            *to = from;
        }
        Uuid::from_bytes(bytes)
    }

    pub fn set_cookie(&self, name: &str) -> String {
        let value = Zeroizing::new(URL_SAFE_NO_PAD.encode(self.0.as_ref()));
        format!("{name}={}; Path=/; Secure; HttpOnly; SameSite=Strict", *value)
    }
}

pub fn drop_cookie(name: &str) -> String {
    format!("{name}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0")
}

/// The token in a cookie of this name.
pub fn token(headers: &HeaderMap, name: &str) -> Option<Token> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| Token::parse(value))
}

/// Compares without telling by its time where two texts differ.
pub fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |differ, (x, y)| differ | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_derived_from_a_token_differs_by_purpose_and_hides_it() {
        let token = Token::fresh().unwrap();
        assert_ne!(token.csrf(), URL_SAFE_NO_PAD.encode(token.hash()));
        assert_eq!(format!("{token:?}"), "Token(…)");
        assert_ne!(Token::fresh().unwrap().csrf(), token.csrf());
    }

    #[test]
    fn a_cookie_is_found_among_others_and_a_mangled_one_is_none() {
        let token = Token::fresh().unwrap();
        let set = token.set_cookie(SESSION);
        assert!(set.contains("Secure") && set.contains("HttpOnly") && set.contains("SameSite=Strict"));
        let pair = set.split(';').next().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, format!("a=b; {pair}; c=d").parse().unwrap());
        assert_eq!(super::token(&headers, SESSION).unwrap().hash(), token.hash());
        headers.insert(header::COOKIE, "__Host-mycopod=short".parse().unwrap());
        assert!(super::token(&headers, SESSION).is_none());
    }
}

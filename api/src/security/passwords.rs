//! Hashing passwords with Argon2id, at most two at a time.
//!
//! An unknown name costs as much as a wrong password: a hash nobody knows the password of is checked instead.

use crate::limits;
use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString},
};
use rand::{TryRngCore, rngs::OsRng};
use secrets::Secret;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// What one hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    pub memory_kib: u32,
    pub passes: u32,
    pub lanes: u32,
}

impl Default for Cost {
    /// 64 MiB, 3 passes, 1 lane.
    fn default() -> Self {
        Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    #[error("too many sign-ins wait for their turn")]
    Busy,
    #[error("hashing failed: {0}")]
    Hash(String),
}

/// Whether a password is right, and whether its hash should be made again at today's cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    Right,
    /// Right, and this is the hash at today's cost.
    Upgrade(String),
    Wrong,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    cost: Cost,
    params: Params,
    decoy: Arc<str>,
    at_once: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Passwords {
    pub fn new(cost: Cost) -> Result<Self, PasswordError> {
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, None).map_err(failed)?;
        let decoy = hash(&params, "nobody knows this, and it opens nothing")?.into();
        Ok(Self {
            cost,
            params,
            decoy,
            at_once: Arc::new(Semaphore::new(limits::HASHES_AT_ONCE_MAX)),
            waiting: Arc::new(Semaphore::new(limits::HASHES_WAITING_MAX)),
        })
    }

    pub async fn hash(&self, password: Secret<String>) -> Result<String, PasswordError> {
        let params = self.params.clone();
        self.work(move || hash(&params, password.expose())).await
    }

    /// Checks a password against a stored hash, or against none with the same effort.
    pub async fn check(
        &self,
        password: Secret<String>,
        stored: Option<String>,
    ) -> Result<Checked, PasswordError> {
        let (params, cost, decoy) = (self.params.clone(), self.cost, self.decoy.clone());
        self.work(move || {
            let known = stored.is_some();
            let stored = stored.unwrap_or_else(|| decoy.to_string());
            let parsed = PasswordHash::new(&stored).map_err(failed)?;
            let right = Argon2::default().verify_password(password.expose().as_bytes(), &parsed).is_ok();
            if !(known && right) {
                return Ok(Checked::Wrong);
            }
            let now = Params::try_from(&parsed).map_err(failed)?;
            let same =
                (now.m_cost(), now.t_cost(), now.p_cost()) == (cost.memory_kib, cost.passes, cost.lanes);
            if same && parsed.algorithm == Algorithm::Argon2id.ident() {
                return Ok(Checked::Right);
            }
            Ok(Checked::Upgrade(hash(&params, password.expose())?))
        })
        .await
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let _place = self.waiting.try_acquire().map_err(|_| PasswordError::Busy)?;
        // Owned, so that a caller who goes away does not let a third hash begin beside two that still run.
        let turn = self.at_once.clone().acquire_owned().await.map_err(failed)?;
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        });
        done.await.map_err(failed)?
    }
}

fn hash(params: &Params, password: &str) -> Result<String, PasswordError> {
    let mut salt = [0; 16];
    OsRng.try_fill_bytes(&mut salt).map_err(failed)?;
    let salt = SaltString::encode_b64(&salt).map_err(failed)?;
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    Ok(argon.hash_password(password.as_bytes(), &salt).map_err(failed)?.to_string())
}

fn failed(error: impl std::fmt::Display) -> PasswordError {
    PasswordError::Hash(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn only_the_right_password_of_a_known_name_passes() {
        let passwords = Passwords::new(CHEAP).unwrap();
        let stored = passwords.hash(secret("correct horse")).await.unwrap();
        assert_eq!(
            passwords.check(secret("correct horse"), Some(stored.clone())).await.unwrap(),
            Checked::Right
        );
        assert_eq!(passwords.check(secret("wrong"), Some(stored)).await.unwrap(), Checked::Wrong);
        let decoy = secret("nobody knows this, and it opens nothing");
        assert_eq!(passwords.check(decoy, None).await.unwrap(), Checked::Wrong);
    }

    #[tokio::test]
    async fn a_hash_of_other_cost_is_made_again() {
        let old =
            Passwords::new(Cost { passes: 2, ..CHEAP }).unwrap().hash(secret("correct horse")).await.unwrap();
        let passwords = Passwords::new(CHEAP).unwrap();
        let Checked::Upgrade(new) = passwords.check(secret("correct horse"), Some(old)).await.unwrap() else {
            panic!("no new hash");
        };
        assert_eq!(passwords.check(secret("correct horse"), Some(new)).await.unwrap(), Checked::Right);
    }

    #[test]
    fn the_usual_cost_is_what_was_decided() {
        assert_eq!(Cost::default(), Cost { memory_kib: 65_536, passes: 3, lanes: 1 });
    }
}

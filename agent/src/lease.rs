//! One writer (I10): this agent acts on the cluster only while it holds the lease, and only shortly after the
//! database confirmed it.
//!
//! Every append of the Agent carries the lease's epoch, so an agent that lost it cannot write; [`Lease::fresh`] is
//! asked right before each mutating call, so one that was paused does not act on an old belief.
//!
//! Never here: what to do with the lease.

use crate::limits::{LEASE_AGE_MAX, LEASE_RENEW_EVERY, LEASE_TTL};
use eventstore::{EventLog, LeaseToken, Store, StoreError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// Name of the lease that guards the cluster.
pub const NAME: &str = "cluster";

#[derive(Clone)]
pub struct Lease {
    state: Arc<Mutex<Held>>,
    /// Cancelled when the lease is lost; nothing restarts it but the process.
    lost: CancellationToken,
}

struct Held {
    token: LeaseToken,
    /// When the request that confirmed it was sent: monotonic, so that clock jumps do not matter.
    confirmed: Instant,
}

impl Lease {
    /// Waits until this agent holds the lease, then keeps it until `stop`.
    pub async fn hold(
        store: &Store,
        holder: &str,
        stop: CancellationToken,
    ) -> Result<Option<Self>, StoreError> {
        loop {
            let asked = Instant::now();
            match store.acquire_lease(NAME, holder, LEASE_TTL).await {
                Ok(Some(token)) => {
                    let state = Arc::new(Mutex::new(Held { token, confirmed: asked }));
                    let lease = Self { state, lost: stop.child_token() };
                    tokio::spawn(keep(lease.clone(), store.clone(), stop));
                    return Ok(Some(lease));
                }
                Ok(None) => tracing::info!("another agent holds the cluster; waiting"),
                Err(error) if error.is_transient() => tracing::warn!(%error, "the lease cannot be asked for"),
                Err(error) => return Err(error),
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(None),
                () = tokio::time::sleep(LEASE_RENEW_EVERY) => {}
            }
        }
    }

    pub fn token(&self) -> LeaseToken {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).token.clone()
    }

    /// Whether the lease was confirmed so recently that nobody else can have it.
    pub fn fresh(&self) -> bool {
        let held = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        !self.lost.is_cancelled() && held.confirmed.elapsed() < LEASE_AGE_MAX
    }

    /// Ends when the lease is lost or given up.
    pub fn lost(&self) -> &CancellationToken {
        &self.lost
    }

    /// An append was refused because somebody else holds the lease.
    pub fn give_up(&self) {
        self.lost.cancel();
    }
}

async fn keep(lease: Lease, store: Store, stop: CancellationToken) {
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            () = lease.lost.cancelled() => return,
            () = tokio::time::sleep(LEASE_RENEW_EVERY) => {}
        }
        let (asked, token) = (Instant::now(), lease.token());
        match store.renew_lease(&token, LEASE_TTL).await {
            Ok(Some(token)) => {
                let mut held = lease.state.lock().unwrap_or_else(PoisonError::into_inner);
                *held = Held { token, confirmed: asked };
            }
            Ok(None) => {
                tracing::error!("the lease on the cluster is lost; this agent stops acting");
                lease.lost.cancel();
                return;
            }
            // Not confirmed: `fresh` turns false by itself, and acting waits until the database is back.
            Err(error) => tracing::warn!(%error, "the lease could not be confirmed"),
        }
    }
    if let Err(error) = store.release_lease(&lease.token()).await {
        tracing::warn!(%error, "the lease could not be given back; it runs out by itself");
    }
}

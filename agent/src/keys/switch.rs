//! A connection that can be exchanged while it is in use.

use crate::api::Wire;
use proxmox::transport::{Sending, Transport};
use proxmox::{CallError, Request};
use std::sync::{PoisonError, RwLock};

/// Carries calls over whatever connection was put in last; calls under way end on the one they began with.
pub struct Switch(RwLock<Wire>);

impl Switch {
    pub fn new(wire: Wire) -> Self {
        Self(RwLock::new(wire))
    }

    pub fn replace(&self, wire: Wire) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = wire;
    }

    fn current(&self) -> Wire {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Transport for Switch {
    fn send<'a>(&'a self, request: &'a Request) -> Sending<'a> {
        let wire = self.current();
        Box::pin(async move { wire.send(request).await })
    }
}

/// In place of a connection that cannot be made: every call is held back with the reason.
pub struct NoKey(pub String);

impl Transport for NoKey {
    fn send<'a>(&'a self, _: &'a Request) -> Sending<'a> {
        Box::pin(async { Err(CallError::withheld(self.0.clone())) })
    }
}

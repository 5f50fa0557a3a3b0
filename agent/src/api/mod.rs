//! The cluster as the Agent meets it: send a planned call, look at one thing, follow a task, see everything.
//!
//! Begin with [`Api`]. [`Api::look`] is three-valued: what could not be read is neither there nor gone (I9).
//!
//! Never here: deciding what to send. Calls come from sealed plans, exactly as written.

mod around;
mod look;
mod observe;
mod send;
mod task;

pub use send::Sent;
pub use task::TaskLook;

use proxmox::Client;
use proxmox::transport::Transport;
use std::sync::Arc;

/// A transport shared by all clients.
pub type Wire = Arc<dyn Transport>;

#[derive(Clone)]
pub struct Api {
    wire: Wire,
    client: Client<Wire>,
    /// Our token's name, for the command that grants a missing right.
    token: Option<String>,
}

impl Api {
    pub fn new(wire: Wire) -> Self {
        Self { client: Client::new(wire.clone()), wire, token: None }
    }

    /// Names the token that the transport signs in with, such as `mycopod@pve!agent`.
    pub fn with_token_name(mut self, name: impl Into<String>) -> Self {
        self.token = Some(name.into());
        self
    }

    /// The name that the transport signs in with; empty if it was not told.
    pub fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }

    pub fn client(&self) -> &Client<Wire> {
        &self.client
    }
}

fn their_kind(kind: domain::interpretation::GuestKind) -> proxmox::client::GuestKind {
    match kind {
        domain::interpretation::GuestKind::Vm => proxmox::client::GuestKind::Vm,
        domain::interpretation::GuestKind::Container => proxmox::client::GuestKind::Container,
    }
}

fn our_kind(kind: proxmox::client::GuestKind) -> domain::interpretation::GuestKind {
    match kind {
        proxmox::client::GuestKind::Vm => domain::interpretation::GuestKind::Vm,
        proxmox::client::GuestKind::Container => domain::interpretation::GuestKind::Container,
    }
}

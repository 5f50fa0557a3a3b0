//! The narrow way by which a secret goes from the UI to the Agent, and nothing else does.
//!
//! Begin with [`Sender`] on the side of the UI and [`Receiver`] on the side of the Agent. Each side has an [`Identity`],
//! a self-signed certificate in a 0600 file, and knows the other one by its [`Pin`]. The connection is TLS 1.3 with both
//! certificates checked. The Agent speaks first, with a challenge that is good for this connection and one order; an
//! order that names another challenge is refused. So what was recorded, delayed or put into another order is worth
//! nothing, and no clock is needed to see it.
//!
//! Never here: storing anything, deciding who may do what, and the value of a secret in a message that is printed.

mod error;
mod identity;
pub mod limits;
mod message;
mod receiver;
mod sender;
mod tls;

pub use error::HandoverError;
pub use identity::{Identity, Pin};
pub use message::{Done, Refused};
pub use receiver::{Intake, Receiver, Taking};
pub use sender::Sender;

#[cfg(test)]
mod tests;

//! What carries one call: the real connection, a recording of it, or a replay.
//!
//! Never here: repeating a change whose answer was lost.

mod https;
mod outcome;
mod record;
mod replay;
mod session;

pub use https::Https;
pub use record::{Exchange, Recording};
pub use replay::Replaying;

use crate::error::CallError;
use crate::wire::{Reply, Request};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// A call on its way.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<Reply, CallError>> + Send + 'a>>;

/// Carries calls. One request is sent at most once if it is a write.
pub trait Transport: Send + Sync {
    /// An answer below 400 is a reply; everything else is an error of one of three classes.
    fn send<'a>(&'a self, request: &'a Request) -> Sending<'a>;
}

impl<T: Transport + ?Sized> Transport for Arc<T> {
    fn send<'a>(&'a self, request: &'a Request) -> Sending<'a> {
        (**self).send(request)
    }
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn send<'a>(&'a self, request: &'a Request) -> Sending<'a> {
        (**self).send(request)
    }
}

impl<T: Transport + ?Sized> Transport for &T {
    fn send<'a>(&'a self, request: &'a Request) -> Sending<'a> {
        (**self).send(request)
    }
}

//! The web service: it listens, proves who asks, turns forms into commands and read models into pages.
//!
//! Begin with [`serve`], then [`router`], which names every route and who may use it. Reading is in `pages`,
//! changing in `actions`, proof in `security`.
//!
//! Never here: deciding (the deciders of `domain` do, again, whatever the door said), drawing (`web`), keys of
//! Proxmox, GitHub or a model.

mod actions;
mod app;
mod error;
pub mod limits;
mod live;
mod pages;
mod router;
mod security;
mod server;

pub use router::{Access, Route, routes};
pub use security::passwords::{Cost, PasswordError, Passwords};
pub use server::{Config, ServeError, Server, serve, service};

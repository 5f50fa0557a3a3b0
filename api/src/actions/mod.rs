//! Changing: one module for each group of forms. A handler proves who asks, builds a command and passes it on; the
//! decider decides. Afterwards the browser is sent to a page that waits until it shows what was done.

pub mod account;
pub mod credentials;
pub mod declarations;
pub mod drift;
pub mod people;
pub mod plans;
pub mod repository;
pub mod runs;
pub mod settings;
pub mod sign_in;

use axum::response::Redirect;

/// To a page, which waits for this position.
pub fn done(path: &str, position: i64) -> Redirect {
    Redirect::to(&format!("{path}?at={position}"))
}

//! The web service against a private Postgres, the way a browser meets it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod doors;
mod lab;
mod past;
mod repository;
mod routes;
mod work;

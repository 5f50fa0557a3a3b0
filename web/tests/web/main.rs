//! Pages drawn from samples: nothing from outside becomes markup, and each page keeps the rules of all pages.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod markup;
mod regions;
mod sample;

//! The pages: plain HTML from typed views, one style file, one script.
//!
//! Begin with [`frame::Frame`], which every page carries, then [`pages`]; small things that stand in many
//! pages (badge, time, hidden form fields) are in [`parts`]. Each view is made from read models by a function
//! beside it, and renders by itself: what a live stream sends is the very template the page holds.
//!
//! Never here: HTTP, sessions, reading. Nothing in a page is marked safe that came from outside.

pub mod assets;
pub mod frame;
pub mod marks;
pub mod pages;
pub mod parts;
pub mod views;
pub mod words;

pub use askama::{Error, Template};

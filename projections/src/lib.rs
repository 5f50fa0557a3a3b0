//! Read models: what pages show, folded from the log and never the other way round (I4).
//!
//! Begin with [`model`] for what there is, [`Reader`] for asking, [`Projector`] for keeping them up to date, and
//! [`rebuild`](rebuild::rebuild) for making one anew. Each projection in [`folds`] is a pure function of the events.
//!
//! Never here: deciding anything, or holding a fact that the log does not have.

mod error;
pub mod fold;
pub mod folds;
mod group;
pub mod limits;
pub mod model;
mod projector;
mod reader;
pub mod rebuild;
mod rows;
mod table;

pub use error::ReadError;
pub use projector::{Changed, Projector};
pub use reader::{DeclarationFilter, HistoryFilter, Reader, RunFilter};
pub use table::Checkpoint;

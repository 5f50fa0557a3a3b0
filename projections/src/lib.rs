//! Read models: what pages show, folded from the log and never the other way round (I4).
//!
//! Begin with [`model`] for what there is, [`Reader`] for asking (also [`Reader::at`] an earlier position), [`Projector`]
//! for keeping them up to date, [`Inline`] for keeping small ones in the transaction of the append, and
//! [`rebuild`](rebuild::rebuild) for making one anew. Each projection in [`folds`] is a pure function of the events.
//!
//! Never here: deciding anything, or holding a fact that the log does not have.

mod copy;
mod error;
pub mod fold;
pub mod folds;
mod group;
mod inline;
pub mod limits;
pub mod model;
mod past;
mod points;
mod projector;
mod reader;
pub mod rebuild;
mod rows;
mod statement;
mod status;
mod table;

pub use error::ReadError;
pub use inline::{Inline, keep as keep_inline};
pub use past::{AsOf, as_of};
pub use projector::{Changed, Projector};
pub use reader::{DeclarationFilter, HistoryFilter, Reader, RunFilter, StateView};
pub use statement::{Statement, Value};
pub use status::{State, Status};
pub use table::Checkpoint;

//! The event store: an append-only log of sealed, hash-chained events in Postgres.
//!
//! Begin with [`Store::connect`] and the trait [`EventLog`], which [`MemoryStore`] has too. [`migrate`] brings
//! a database to the right schema; [`embedded`] runs a private Postgres for the demo and for tests.
//!
//! What holds, always: an append is durable when it returns; positions count from 1 without gaps and in
//! commit order, so a reader needs only the last position it has seen; nothing recorded is changed or
//! deleted, and [`Store::verify`] finds it if somebody did; payloads leave this process sealed.
//!
//! Never here: what events mean (`domain`), and what pages show (`projections`).

mod chain;
mod commit;
mod connect;
mod copy;
pub mod embedded;
mod error;
mod inline;
mod keys;
mod lease;
pub mod limits;
mod log;
mod memory;
mod migrate;
mod names;
mod read;
mod replay;
mod rows;
pub mod seal;
mod store;
mod tls;
mod typed;
mod types;
mod verify;
mod watch;

pub use error::{AppendError, StoreError};
pub use inline::{InlineModels, InlineStatement};
pub use keys::KeyUsage;
pub use log::{EventLog, Lineage, Pending, Subscription};
pub use memory::MemoryStore;
pub use migrate::migrate;
pub use replay::Replay;
pub use seal::{Checkpoint, Export, Proof, ProofError};
pub use store::{Store, StoreConfig};
pub use typed::{HandleError, Handled, decode, encode};
pub use types::{
    Append, Appended, Category, Expected, Head, LeaseToken, Meta, NewEvent, Payload, Recorded, StreamId,
};
pub use verify::{Bad, Evidence, VerifyReport};

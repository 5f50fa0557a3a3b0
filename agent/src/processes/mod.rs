//! The process managers, one file each. Each is woken by [`crate::inbox::Open`], loads what it needs from the log and
//! acts on the fold; being woken for nothing, or twice, does no harm.

pub mod observation;
pub mod preview;
pub mod publication;
pub mod reconciliation;
pub mod scoring;
pub mod watch;

//! The process managers, one file each. Each is woken by [`crate::inbox::Open`], loads what it needs from the log and
//! acts on the fold; being woken for nothing, or twice, does no harm.

pub mod anchors;
pub mod decisions;
pub mod english;
pub mod judging;
pub mod observation;
pub mod preview;
pub mod publication;
pub mod reconciliation;
pub mod scoring;
pub mod sealed;
pub mod watch;

//! Every bound of the read models in one place (I12).

/// Events folded in one transaction.
pub const GROUP_EVENTS_MAX: usize = 500;
/// Groups of at most this many events are decoded and folded where they arrive; larger ones on a blocking thread.
pub const INLINE_EVENTS_MAX: usize = 16;
/// Longest row key, in bytes; an index cannot hold much more.
pub const KEY_BYTES_MAX: usize = 512;
/// Rows of one page of a list.
pub const PAGE_ROWS_MAX: i64 = 200;
/// Commits shown of the repository.
pub const COMMITS_SHOWN_MAX: i64 = 200;
/// Lines of a task's log kept in a run's read model.
pub const TASK_LINES_KEPT: usize = 200;
/// Positions of the newest events kept with a guest.
pub const GUEST_HISTORY_KEPT: usize = 20;
/// Rows written by one statement of a rebuild.
pub const REBUILD_ROWS_PER_INSERT: usize = 1_000;
/// Bytes written by one statement of a rebuild, unless one row alone has more.
pub const REBUILD_BYTES_PER_INSERT: usize = 4 * 1024 * 1024;
/// How long a swap waits for readers of the old table before it lets them pass and tries again, in milliseconds.
pub const SWAP_LOCK_MS_MAX: u64 = 2_000;
/// How often a swap is tried.
pub const SWAP_TRIES_MAX: u32 = 10;
/// Pause of a projection after an error before the same events are tried again, in milliseconds.
pub const PAUSE_MS: u64 = 500;
/// How often a stopped projection is looked at: a rebuild by another process sets it going again, in milliseconds.
pub const STOPPED_LOOK_MS: u64 = 1_000;
/// Changes a page may miss before it has to draw itself anew.
pub const CHANGES_KEPT: usize = 256;
/// How often a process without a projector looks whether a position is reached, in milliseconds.
pub const REACHED_POLL_MS: u64 = 5;
/// Projections that fold at once.
pub const FOLDS_AT_ONCE: usize = 4;
/// How long a statement waits for a table that somebody holds before it is given up and tried again, in milliseconds.
pub const LOCK_MS_MAX: u64 = 1_000;
/// Connections of the read models' pool.
pub const CONNECTIONS_MAX: u32 = 8;
/// Longest wait for a connection of the pool, in seconds.
pub const ACQUIRE_S_MAX: u64 = 5;

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
/// Bytes of rows that a rebuild holds in memory before it puts rows out to the shadow table.
pub const REBUILD_MEMORY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Payload bytes folded by a rebuild before the values it holds are written as text again, …
pub const REBUILD_HELD_BYTES_MAX: usize = 16 * 1024 * 1024;
/// … or this many events, whichever comes first.
pub const REBUILD_HELD_EVENTS_MAX: usize = 20_000;
/// What a row in memory takes besides its key and content, in bytes: its slot, the table's spare room, the allocator's.
pub const SLOT_BYTES: usize = 240;
/// Size of the filter that knows which keys are in the shadow table, in bits: at 10 million rows one key in a hundred
/// is looked up for nothing.
pub const FILTER_BITS: usize = 1 << 27;
/// Bytes sent by one message of a COPY into a shadow table.
pub const COPY_BUFFER_BYTES: usize = 256 * 1024;
/// Rounds of catching up before the swap; what is left then is folded while the live model stands still.
pub const CATCH_UP_ROUNDS_MAX: usize = 20;
/// A rebuild this close to the live model swaps, in events.
pub const CATCH_UP_NEAR_EVENTS: i64 = 500;
/// Bytes of rows that a look into the past holds in memory.
pub const PAST_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Looks into the past kept for the next question, and their bytes in sum.
pub const PAST_KEPT_MAX: usize = 32;
pub const PAST_KEPT_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Bytes of rows that a live projection keeps in memory, so that it need not load them for the next group.
pub const LIVE_ROWS_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long a swap waits for readers of the old table before it lets them pass and tries again, in milliseconds. New
/// readers queue behind it meanwhile, so this is what a page may have to wait.
pub const SWAP_LOCK_MS_MAX: u64 = 100;
/// How often a swap is tried, and the pause between two tries, in milliseconds.
pub const SWAP_TRIES_MAX: u32 = 100;
pub const SWAP_PAUSE_MS: u64 = 200;
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
/// Bytes of rows of one inline model, all of which are in memory.
pub const INLINE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Interpreters whose newest score is kept.
pub const SCORES_KEPT: usize = 20;

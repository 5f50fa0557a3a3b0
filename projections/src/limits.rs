//! Every bound of the read models in one place (I12).

/// Events folded in one transaction.
pub const GROUP_EVENTS_MAX: usize = 500;
/// Rows of one page of a list.
pub const PAGE_ROWS_MAX: i64 = 200;
/// Lines of a task's log kept in a run's read model.
pub const TASK_LINES_KEPT: usize = 200;
/// Positions of the newest events kept with a guest.
pub const GUEST_HISTORY_KEPT: usize = 20;
/// Rows written by one statement of a rebuild.
pub const REBUILD_ROWS_PER_INSERT: usize = 1_000;
/// How often a rebuild may find the live model ahead before it gives up.
pub const REBUILD_TRIES_MAX: u32 = 20;
/// Connections of the read models' pool.
pub const CONNECTIONS_MAX: u32 = 8;

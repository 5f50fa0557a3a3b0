//! Every bound of the domain in one place (I12). Units are in the names.

/// Longest declaration accepted, in bytes of UTF-8.
pub const TEXT_BYTES_MAX: usize = 65_536;
/// Longest title, in characters.
pub const TITLE_CHARS_MAX: usize = 120;
/// Longest reason or comment a person types, in characters.
pub const NOTE_CHARS_MAX: usize = 2_000;
/// Longest answer to a question, in characters.
pub const ANSWER_CHARS_MAX: usize = 400;
/// Questions in one interpretation.
pub const QUESTIONS_MAX: usize = 3;
/// Guests named in one interpretation.
pub const GUESTS_MAX: usize = 64;
/// Steps in one plan.
pub const STEPS_MAX: usize = 256;
/// API calls in one plan.
pub const CALLS_MAX: usize = 1_024;
/// Attempts of one call before a run waits for a person.
pub const ATTEMPTS_MAX: u32 = 3;
/// Attempts of one call that the Agent's own end cut short and that do not count among [`ATTEMPTS_MAX`]; further ones
/// count, so that a call on which the Agent dies again and again ends with a person.
pub const INTERRUPTIONS_MAX: u32 = 10;
/// First waiting time between attempts, in milliseconds; it doubles each time.
pub const BACKOFF_FIRST_MS: u64 = 1_000;
/// Waiting times vary by this many percent around their middle.
pub const BACKOFF_JITTER_PERCENT: u64 = 20;
/// A plan older than this cannot be approved, in seconds.
pub const PLAN_AGE_S_MAX: i64 = 30 * 60;
/// An approval not committed within this time is void, in seconds.
pub const APPROVAL_AGE_S_MAX: i64 = 24 * 60 * 60;
/// Answers from the cluster are kept in events up to this many bytes.
pub const ANSWER_BYTES_MAX: usize = 16_384;
/// Steps of one run that are under way at once.
pub const STEPS_AT_ONCE_MAX: usize = 16;
/// Steps under way at once on one node.
pub const STEPS_PER_NODE_MAX: usize = 4;
/// Steps under way at once that make disks on one storage.
pub const STEPS_PER_STORAGE_MAX: usize = 2;
/// Longest value shown of a field that drifted, in characters.
pub const DRIFT_VALUE_CHARS_MAX: usize = 200;
/// Approved put-backs that are remembered.
pub const PUT_BACKS_KEPT: usize = 64;
/// Fields that have drifted, at once; more are not recorded until some are settled.
pub const DRIFTS_MAX: usize = 1_000;
/// Lines of a task log kept in one event.
pub const TASK_LOG_LINES_MAX: usize = 200;
/// Shortest password, in characters.
pub const PASSWORD_CHARS_MIN: usize = 10;
/// Longest password, in characters.
pub const PASSWORD_CHARS_MAX: usize = 256;

/// Things that one test of a credential may look at.
pub const CREDENTIAL_CHECKS_MAX: usize = 16;

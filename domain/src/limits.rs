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
/// Lines of a task log kept in one event.
pub const TASK_LOG_LINES_MAX: usize = 200;
/// Shortest password, in characters.
pub const PASSWORD_CHARS_MIN: usize = 10;
/// Longest password, in characters.
pub const PASSWORD_CHARS_MAX: usize = 256;

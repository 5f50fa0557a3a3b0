//! Every bound of the Agent in one place (I12). Units are in the names.

use std::time::Duration;

/// The lease on the cluster: who holds it may act.
pub const LEASE_TTL: Duration = Duration::from_secs(15);
/// The lease is renewed this often.
pub const LEASE_RENEW_EVERY: Duration = Duration::from_secs(4);
/// No mutating call leaves when the lease was last confirmed longer ago than this (a third of its life).
pub const LEASE_AGE_MAX: Duration = Duration::from_secs(5);
/// A task may take this long before the run waits for a person. It is never taken for failed or done.
pub const TASK_WAIT_MAX: Duration = Duration::from_secs(2 * 60 * 60);
/// Looking again after an answer, until the effect is visible.
pub const VERIFY_LOOKS_MAX: u32 = 8;
/// Pause between two such looks, in milliseconds.
pub const VERIFY_PAUSE_MS: u64 = 150;
/// Looking after an unknown outcome, while the guest is locked or its node is silent.
pub const SETTLE_LOOKS_MAX: u32 = 20;
/// Pause between two such looks, in milliseconds.
pub const SETTLE_PAUSE_MS: u64 = 500;
/// Guests that one observation reads at once, each by up to three reads.
pub const GUESTS_AT_ONCE: usize = 3;
/// Largest file read from the declarations repository, in bytes.
pub const FILE_BYTES_MAX: usize = 1_048_576;
/// Commits looked at in one poll.
pub const COMMITS_PER_POLL_MAX: usize = 200;
/// Changed files looked at in one commit; one that changes more is set aside.
pub const FILES_PER_COMMIT_MAX: usize = 300;
/// Declarations drafted from the English of one commit that somebody else made; one that changes more is set aside.
pub const DRAFTS_PER_COMMIT_MAX: usize = 8;
/// Commits whose messages are read for the anchors of the log, the newest.
pub const MESSAGES_MAX: usize = 1_000;
/// Messages read from a local repository at once.
pub const MESSAGES_PER_PAGE: usize = 100;
/// Longest commit message read, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 65_536;
/// Characters of a commit's subject and author that are kept in events.
pub const SUBJECT_CHARACTERS_MAX: usize = 200;
/// One call to GitHub, at most.
pub const GITHUB_CALL_WAIT_MAX: Duration = Duration::from_secs(30);
/// Connecting to GitHub, at most.
pub const GITHUB_CONNECT_WAIT_MAX: Duration = Duration::from_secs(10);
/// Longest answer read from GitHub, in bytes: a file of the bound above in base64, or a folder of 30,000 files.
pub const GITHUB_ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Entries of one page of a listing; GitHub gives no more.
pub const GITHUB_PAGE_ENTRIES: u32 = 100;
/// Pages searched for a commit of ours among those that changed one file.
pub const GITHUB_SEARCH_PAGES_MAX: u32 = 20;
/// Wait after a limit that names no end; GitHub asks for at least one minute.
pub const GITHUB_LIMIT_WAIT: Duration = Duration::from_secs(60);
/// Longest wait taken from GitHub's headers: its limits are per hour.
pub const GITHUB_WAIT_MAX: Duration = Duration::from_secs(3_600);
/// Nothing is sent for this long after the token or a right was refused.
pub const GITHUB_REFUSED_PAUSE: Duration = Duration::from_secs(60);
/// One git command, at most.
pub const GIT_WAIT_MAX: Duration = Duration::from_secs(30);
/// Lines of a task's log kept in one event, at most.
pub const LOG_LINES_PER_EVENT: usize = 50;
/// Pause after an error of a process before it tries again.
pub const PROCESS_PAUSE: Duration = Duration::from_secs(2);
/// Folds of streams kept in memory.
pub const FOLDS_KEPT_MAX: usize = 512;
/// Events read at once while the index of what is in force catches up.
pub const INDEX_EVENTS_MAX: usize = 1_000;
/// Ids of our own tasks that are remembered, so that they are never taken for another hand's.
pub const OWN_TASKS_KEPT: usize = 4_000;
/// Tasks looked through for who changed a guest.
pub const TASKS_LOOKED_THROUGH: u32 = 200;
/// How far back from the first sight of a difference its task is looked for, in seconds.
pub const TASK_LOOK_BACK_S: i64 = 24 * 60 * 60;
/// Guests that are put back by themselves after one look.
pub const HEALS_PER_LOOK_MAX: usize = 5;
/// A guest that was put back is not put back by itself again within this time, in seconds: two hands that pull at one
/// guest are a person's business.
pub const HEAL_REST_S: i64 = 60 * 60;
/// Guests of one observation.
pub const GUESTS_MAX: usize = 2_000;
/// Between two looks at the key files.
pub const KEYS_LOOK: Duration = Duration::from_secs(2);
/// A key file replaced more recently than this is left for the next look.
pub const KEYS_SETTLE: Duration = Duration::from_secs(3);
/// How long an agent that stops waits at most for its last checkpoint.
pub const LAST_SEAL_SECONDS_MAX: u64 = 5;
/// A token of GitHub that ends within this many days is noted in a test.
pub const GITHUB_TOKEN_END_WARN_DAYS: i64 = 14;
/// Characters of GitHub's own words in a check.
pub const CHECK_WORDS_MAX: usize = 200;
/// Earlier versions of a declaration whose guests a new one means by their names.
pub const VERSIONS_BACK_MAX: usize = 50;

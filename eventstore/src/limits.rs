//! Every bound of the event store in one place, with its unit in the name.

/// One group commit takes at most this many events …
pub const GROUP_EVENTS_MAX: usize = 2_000;
/// … or this many sealed payload bytes, whichever comes first (one larger append forms its own group).
pub const GROUP_BYTES_MAX: usize = 1024 * 1024;
/// Callers that write this many events at a time are recorded in two halves by turns.
pub const HALVES_EVENTS_MIN: usize = 64;
/// After a commit, how long at most the callers that were answered are waited for, in µs.
pub const LINGER_US_MAX: u64 = 600;
/// … and how long at most for the next of them, in µs.
pub const LINGER_GAP_US_MAX: u64 = 100;
/// Appends that wait for the committer before senders have to wait themselves.
pub const QUEUE_APPENDS_MAX: usize = 4_096;
/// Events in one append.
pub const APPEND_EVENTS_MAX: usize = 1_000;
/// Payload bytes of one append, before sealing.
pub const APPEND_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Characters of an event type's name.
pub const TYPE_NAME_CHARS_MAX: usize = 200;
/// Stream versions the committer remembers before it forgets all and asks again.
pub const VERSIONS_CACHED_MAX: usize = 200_000;
/// Foreign events that the committer catches up on; beyond it, it forgets all versions instead.
pub const CATCH_UP_EVENTS_MAX: i64 = 50_000;
/// Lost head swaps in a row before an append is refused as contended.
pub const SWAPS_LOST_MAX: u32 = 200;

/// An event store statement that is not answered within this time counts as lost.
pub const ANSWER_MS_MAX: u64 = 60_000;
/// One attempt to connect.
pub const CONNECT_MS_MAX: u64 = 5_000;
/// How long appends wait for a server that has just gone before they are refused as unavailable.
pub const OUTAGE_PATIENCE_MS_MAX: u64 = 5_000;
/// How long an append whose outcome is unknown waits for the server to tell.
pub const SETTLE_MS_MAX: u64 = 60_000;
/// First and longest pause between attempts to connect.
pub const BACKOFF_MS_MIN: u64 = 50;
pub const BACKOFF_MS_MAX: u64 = 1_000;

/// Connections shared by short reads.
pub const READ_CONNECTIONS: usize = 4;
/// Events and ciphertext bytes of one page or one decode chunk.
pub const PAGE_EVENTS_MAX: usize = 2_000;
pub const PAGE_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of one stored row that a replay accepts.
pub const ROW_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Decoded chunks of a replay that may wait for their reader.
pub const REPLAY_CHUNKS_WAITING_MAX: usize = 4;
/// Events handed to a subscriber at once.
pub const SUBSCRIPTION_EVENTS_MAX: usize = 1_000;

/// The net under notifications: how often the head is looked at.
pub const POLL_MS: u64 = 250;
/// At most one notification to other processes in this time.
pub const NOTIFY_MS_MIN: u64 = 5;

/// Seals under one data key: 2^31 random nonces, then a new key takes over.
pub const KEY_USES_MAX: i64 = 1 << 31;
/// Uses reserved with a new key, and in later blocks; what a stopped process had left is forfeited.
pub const KEY_USES_FIRST_BLOCK: i64 = 1_024;
pub const KEY_USES_BLOCK: i64 = 65_536;
/// Key ids taken from the sequence at once.
pub const KEY_IDS_BLOCK: i64 = 64;
/// Prepared data keys held in memory before all are forgotten and loaded again.
pub const KEYS_CACHED_MAX: usize = 100_000;

/// Tries of one command against a stream that others change at the same time.
pub const HANDLE_TRIES_MAX: u32 = 8;
/// Longest random pause between two such tries.
pub const HANDLE_JITTER_MS_MAX: u64 = 20;
/// Aggregate states held in memory before idle ones are forgotten.
pub const STATES_CACHED_MAX: usize = 2_000;

/// A new position range is made when this few positions are left in the last one.
pub const PARTITION_POSITIONS: i64 = 10_000_000;
pub const PARTITION_AHEAD_POSITIONS: i64 = 1_000_000;

/// Events under one signed checkpoint, and the time in s after which fewer are signed too.
pub const SEAL_EVENTS: i64 = 256;
pub const SEAL_SECONDS: u64 = 60;
/// Checkpoints made in one step when many are due.
pub const SEALS_AT_ONCE: i64 = 64;
/// Pause in s after sealing failed.
pub const SEAL_RETRY_SECONDS: u64 = 5;

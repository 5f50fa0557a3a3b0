//! Every bound of the web service in one place, with its unit in the name.

/// Largest body of a request, in bytes. The longest declaration, with every byte escaped, fits.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// A session without a request ends after this long, in seconds.
pub const SESSION_IDLE_S_MAX: i64 = 30 * 60;
/// A session ends after this long, whatever happens, in seconds.
pub const SESSION_AGE_S_MAX: i64 = 12 * 60 * 60;
/// How exactly the last request of a session is kept, in seconds: fewer writes than requests.
pub const SESSION_TOUCH_S: i64 = 20;
/// Sessions of one account at a time; the oldest end.
pub const SESSIONS_PER_ACCOUNT_MAX: i64 = 20;
/// Random bytes in a session token.
pub const TOKEN_BYTES: usize = 32;

/// Passwords hashed at the same time: each takes 64 MiB.
pub const HASHES_AT_ONCE_MAX: usize = 2;
/// Sign-ins that may wait for their turn; more are told to come back.
pub const HASHES_WAITING_MAX: usize = 64;
/// From this many failures on, the next try has to wait …
pub const FAILURES_BEFORE_DELAY: u32 = 5;
/// … this long, in seconds.
pub const DELAY_S: i64 = 30;
/// From this many failures on, nobody gets in …
pub const FAILURES_BEFORE_LOCK: u32 = 10;
/// … for this long, in seconds. Failures older than this are forgotten too.
pub const LOCK_S: i64 = 15 * 60;
/// Names and addresses whose failures are remembered.
pub const THROTTLED_MAX: usize = 20_000;

/// How long a page waits for its read models to reach what the person just did, in milliseconds.
pub const CATCH_UP_MS_MAX: u64 = 500;
/// Live regions are drawn at most once in this time, in milliseconds: 4 times a second.
pub const LIVE_MS_MIN: u64 = 250;
/// A live stream says that it is alive this often, in seconds; its session is looked at as often.
pub const LIVE_ALIVE_S: u64 = 15;
/// Live streams open at the same time.
pub const LIVE_STREAMS_MAX: usize = 256;
/// How long requests may take to end after the service is told to stop, in seconds.
pub const STOP_S_MAX: u64 = 10;

/// Rows on one page of a list.
pub const PAGE_ROWS: usize = 50;
/// Events on the overview.
pub const LATELY_EVENTS: usize = 10;
/// Events of one correlation shown with an event.
pub const CHAIN_EVENTS_MAX: usize = 50;
/// The agent counts as silent when the cluster was not looked at for this long, in seconds.
pub const AGENT_SILENT_S: i64 = 2 * 60;
/// Pages behind the log by more than this many events say so at the top.
pub const LAG_EVENTS_TOLD: i64 = 200;
/// Characters of a name or reason in an address that are looked at.
pub const QUERY_CHARS_MAX: usize = 200;

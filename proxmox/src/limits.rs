//! Every bound of the client in one place. Units are in the names.

/// Time to open a TCP and TLS connection, in milliseconds.
pub const CONNECT_MS_MAX: u64 = 5_000;
/// Time for one read at one node, in milliseconds. A hop inside the cluster gives up after 30 s without data,
/// so the node says so before we go to the next one.
pub const READ_MS_MAX: u64 = 35_000;
/// Time for one change, in milliseconds. There are at most two hops of 30 s, so the server answers first.
pub const WRITE_MS_MAX: u64 = 65_000;
/// Time to fetch a ticket at one node, in milliseconds. A refusal is held back by the server for 3 s.
pub const SIGN_IN_MS_MAX: u64 = 15_000;
/// Age at which a ticket is renewed, in seconds. Its life is 2 h.
pub const TICKET_RENEW_S: u64 = 5_400;
/// Life of a ticket, in seconds; an older one cannot be renewed.
pub const TICKET_LIFE_S: u64 = 7_200;
/// How long a refused password is not tried again, in seconds: a wrong one must not hammer the server.
pub const REFUSED_PASSWORD_S: u64 = 30;
/// Time for one whole upload, in milliseconds.
pub const UPLOAD_MS_MAX: u64 = 600_000;
/// How long an unused connection is kept, in milliseconds. The server closes it after 5 s.
pub const IDLE_MS_MAX: u64 = 4_000;
/// Unused connections kept for each node.
pub const IDLE_CONNECTIONS_MAX: usize = 4;
/// Base addresses of one endpoint.
pub const BASE_URLS_MAX: usize = 32;
/// Longest form body, in bytes; the server refuses more than 512 KiB.
pub const FORM_BYTES_MAX: usize = 512 * 1024;
/// Longest path and query together, in bytes; the server takes 8 KiB of headers in all.
pub const TARGET_BYTES_MAX: usize = 6 * 1024;
/// Largest file in one upload, in bytes. We only send small images for cloud-init.
pub const UPLOAD_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Largest answer read, in bytes after decompression.
pub const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Longest text kept of an error's cause, in characters.
pub const DETAIL_CHARS_MAX: usize = 500;
/// First waiting time between two looks at a task, in milliseconds.
pub const POLL_FIRST_MS: u64 = 100;
/// Longest waiting time between two looks at a task, in milliseconds.
pub const POLL_MS_MAX: u64 = 1_000;
/// Lines of a task log in one read.
pub const LOG_LINES_PAGE: u64 = 500;
/// Reads of a task log after the task ended, so that a log without end does not hold us.
pub const LOG_PAGES_AFTER_END_MAX: usize = 20;
/// Exchanges that a recording keeps; later ones are counted only.
pub const EXCHANGES_MAX: usize = 10_000;

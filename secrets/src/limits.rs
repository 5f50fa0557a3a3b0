//! Every bound of this crate in one place.

/// The largest secret file that is read or written.
pub const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// The longest name of a secret file.
pub const NAME_CHARS_MAX: usize = 100;
/// The most keys one ring holds; rotation refuses beyond it.
pub const RING_KEYS_MAX: usize = 1_000;
/// The most files of one folder that are looked at.
pub const FILES_MAX: usize = 10_000;
/// A temporary file that is older than this has lost its writer: writing takes milliseconds.
pub const LEFTOVER_AGE: std::time::Duration = std::time::Duration::from_secs(60);

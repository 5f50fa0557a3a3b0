//! Every limit of the simulator in one place, with its unit in its name.
//!
//! The server's own limits (times, sizes) are those of Proxmox VE 8.4.1; the others only bound this process.

/// Largest request body the server reads; more is answered with 501.
pub const BODY_BYTES_MAX: usize = 512 * 1024;
/// Largest file that an upload may bring.
pub const UPLOAD_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Header lines of a request, the empty one included; at this number the server stops listening.
pub const HEADER_LINES_MAX: usize = 64;
/// Bytes of all header lines; at this size the server stops listening.
pub const HEADER_BYTES_MAX: usize = 8 * 1024;
/// How long a finished connection is still read, so that its client gets the answer.
pub const DRAIN_MS: u64 = 1_000;
/// How many bytes of it are.
pub const DRAIN_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Bodies above this size are compressed for clients that ask.
pub const COMPRESS_BYTES_MIN: usize = 1024;
/// How often the manager of high availability looks, before the time scale is applied.
pub const HA_CYCLE_MS: u64 = 10_000;
/// How often the scheduler of jobs looks, in seconds; besides whenever a task ends or the clock is put forward.
pub const SCHEDULER_S: u64 = 20;
/// Times of a plan shown at once.
pub const SCHEDULE_TIMES_MAX: u64 = 100;
/// How often nodes tell each other about their guests, before the time scale is applied.
pub const BROADCAST_MS: u64 = 10_000;
/// Life of a ticket in seconds.
pub const TICKET_LIFE_S: i64 = 7_200;
/// How far the clock of a ticket's maker may be ahead, in seconds.
pub const CLOCK_GRACE_S: i64 = 300;
/// Lowest VMID there can be.
pub const VMID_MIN: u32 = 100;
/// A connection without a request for this long is closed.
pub const IDLE_MS: u64 = 5_000;
/// Requests answered on one connection before it is closed.
pub const REQUESTS_PER_CONNECTION_MAX: u32 = 100;
/// Delay of an answer 401, before the time scale is applied.
pub const UNAUTHORISED_DELAY_MS: u64 = 3_000;
/// How long a call waits for the lock of a guest, before the time scale is applied.
pub const GUEST_LOCK_WAIT_MS: u64 = 10_000;
/// How long create and clone wait for the lock of a guest, before the time scale is applied.
pub const CREATE_LOCK_WAIT_MS: u64 = 1_000;
/// Finished tasks kept; the oldest are forgotten first.
pub const TASKS_MAX: usize = 5_000;
/// Tasks of one node shown by the cluster's task list.
pub const CLUSTER_TASKS_PER_NODE_MAX: usize = 25;
/// Mutations kept in the ledger; the oldest are forgotten first.
pub const LEDGER_ENTRIES_MAX: usize = 20_000;
/// Fault rules that may be set at one time.
pub const FAULT_RULES_MAX: usize = 256;
/// Connections served at one time.
pub const CONNECTIONS_MAX: usize = 512;
/// Longest pause a fault or a slow task may ask for.
pub const PAUSE_MS_MAX: u64 = 3_600_000;
/// Lowest and highest VMID that `nextid` hands out.
pub const NEXT_ID_MIN: u32 = 100;
/// See [`NEXT_ID_MIN`]; the range is half open.
pub const NEXT_ID_END: u32 = 1_000_000;
/// One GiB in bytes.
pub const GIB_BYTES: u64 = 1024 * 1024 * 1024;
/// One MiB in bytes.
pub const MIB_BYTES: u64 = 1024 * 1024;
/// Size of the drive that carries cloud-init data.
pub const CLOUDINIT_BYTES: u64 = 4 * MIB_BYTES;
/// Largest body of a request to the GitHub stand-in, in bytes.
pub const GITHUB_BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Largest number a guest may have.
pub const VMID_MAX: u32 = 999_999_999;
/// How long a backup waits for the one before it on the same node: 180 minutes, the server's own `lockwait`.
pub const BACKUP_LOCK_WAIT_MS: u64 = 180 * 60 * 1_000;

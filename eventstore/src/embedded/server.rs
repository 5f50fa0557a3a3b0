//! One run of the server process, behind a guard that ends it when this process is gone.

use super::{
    EmbeddedError,
    system::{Binaries, User, command},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, test_kill_process},
};
use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Stdio},
    sync::Mutex,
    time::{Duration, Instant},
};

/// How long a server may take to answer after its start; recovery after a crash included.
pub(super) const READY_MS_MAX: u64 = 60_000;
/// How long it may take to stop in good order before it is stopped at once.
const STOP_MS_MAX: u64 = 20_000;

/// Runs the server and waits for it. The guard holds the reading end of a pipe from us: when we write a word or
/// die, it stops the server (SIGINT: fast shutdown). If it was our death, a folder meant to be thrown away
/// (the first argument, else empty) goes too; nobody else would do it.
const GUARD: &str = r#"
exec 3<&0 </dev/null
thrown_away=$1
shift
"$@" 3<&- &
server=$!
{
    read -r word <&3
    if [ -z "$word" ] && [ -n "$thrown_away" ]; then : >"$thrown_away/abandoned"; fi
    kill -INT "$server"
} 2>/dev/null &
watcher=$!
exec 3<&-
wait "$server"
status=$?
kill "$watcher" 2>/dev/null
if [ -n "$thrown_away" ] && [ -e "$thrown_away/abandoned" ]; then cd / && rm -rf -- "$thrown_away"; fi
exit "$status"
"#;

pub(super) struct Server {
    guard: Mutex<Child>,
    pipe: Option<ChildStdin>,
    folder: PathBuf,
}

/// Makes the data folder the first time. An interrupted attempt leaves only a folder that the next one removes.
pub(super) fn initialise(
    binaries: &Binaries,
    user: Option<&User>,
    folder: &Path,
    lasting: bool,
) -> Result<(), EmbeddedError> {
    let (data, unfinished) = (folder.join("data"), folder.join("data.new"));
    if data.join("PG_VERSION").is_file() {
        return Ok(());
    }
    let io = |action, path: &Path| {
        let path = path.to_owned();
        move |source| EmbeddedError::Io { action, path, source }
    };
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(io("removing", &unfinished))?;
    }
    let mut initdb = command(&binaries.initdb, user);
    initdb.current_dir(folder).env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C");
    initdb.args(["--auth=trust", "--encoding=UTF8", "--no-locale", "--data-checksums", "--no-instructions"]);
    initdb.arg(format!("--username={}", super::OWNER_ROLE)).arg("-D").arg(&unfinished);
    if !lasting {
        // A folder that is thrown away need not survive a power cut while it is made.
        initdb.arg("--no-sync");
    }
    let output = initdb.stdin(Stdio::null()).output().map_err(io("running", &binaries.initdb))?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(EmbeddedError::Failed { what: "initdb", why });
    }
    fs::rename(&unfinished, &data).map_err(io("renaming", &unfinished))
}

/// The process id of the server that runs in this folder, if one does.
pub(super) fn running_pid(folder: &Path) -> Option<i32> {
    let text = fs::read_to_string(folder.join("data/postmaster.pid")).ok()?;
    let pid: i32 = text.lines().next()?.trim().parse().ok()?;
    test_kill_process(Pid::from_raw(pid)?).is_ok().then_some(pid)
}

impl Server {
    pub fn start(
        binaries: &Binaries,
        user: Option<&User>,
        folder: &Path,
        socket: &Path,
        lasting: bool,
        settings: &[(String, String)],
    ) -> Result<Self, EmbeddedError> {
        if let Some(pid) = running_pid(folder).filter(|pid| is_postgres(*pid)) {
            return Err(EmbeddedError::AlreadyRunning { pid, path: folder.into() });
        }
        let log = folder.join("postgres.log");
        let io = |action, path: &Path| {
            let path = path.to_owned();
            move |source| EmbeddedError::Io { action, path, source }
        };
        let stderr = File::create(&log).map_err(io("making", &log))?;
        let mut guard = command(Path::new("/bin/sh"), user);
        guard.args(["-c", GUARD, "mycopod-postgres"]);
        guard.arg(if lasting { Path::new("") } else { folder }).arg(&binaries.postgres);
        guard.arg("-D").arg(folder.join("data"));
        let socket = socket.to_string_lossy();
        let ours = [
            ("listen_addresses", ""),
            ("unix_socket_directories", &*socket),
            ("unix_socket_permissions", "0700"),
            ("port", "5432"),
            ("fsync", "on"),
            ("full_page_writes", "on"),
            ("synchronous_commit", "on"),
            ("max_connections", "200"),
            ("shared_buffers", "64MB"),
            ("timezone", "UTC"),
            ("log_timezone", "UTC"),
            ("logging_collector", "off"),
            ("log_destination", "stderr"),
        ];
        for (name, value) in ours {
            guard.arg("-c").arg(format!("{name}={value}"));
        }
        for (name, value) in settings {
            guard.arg("-c").arg(format!("{name}={value}"));
        }
        guard.current_dir(folder).env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C");
        // A group of its own: Ctrl-C at the terminal is for us, and we stop the server when we are done.
        guard.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(stderr);
        let mut child = guard.spawn().map_err(io("running", &binaries.postgres))?;
        let pipe = child.stdin.take();
        Ok(Self { guard: Mutex::new(child), pipe, folder: folder.into() })
    }

    /// Why the server is not running any more: the end of what it wrote.
    pub fn ended(&self) -> Option<String> {
        let status = self.with_guard(|guard| guard.try_wait().ok().flatten())?;
        let mut tail = String::new();
        if let Ok(mut log) = File::open(self.folder.join("postgres.log")) {
            let length = log.metadata().map_or(0, |found| found.len());
            let mut bytes = Vec::new();
            let _ = log.seek(SeekFrom::Start(length.saturating_sub(2_000)));
            let _ = log.take(2_000).read_to_end(&mut bytes);
            tail = String::from_utf8_lossy(&bytes).trim().to_owned();
        }
        Some(format!("{status}: {tail}"))
    }

    /// Fast shutdown; if it takes too long, the server is stopped at once (it recovers at its next start).
    pub fn stop(&mut self) -> Result<(), EmbeddedError> {
        if let Some(mut pipe) = self.pipe.take() {
            // If the guard is gone, so is the server.
            let _ = pipe.write_all(b"stop\n");
        }
        if self.wait(STOP_MS_MAX) {
            return Ok(());
        }
        self.signal(Signal::QUIT);
        if self.wait(STOP_MS_MAX) {
            return Ok(());
        }
        Err(EmbeddedError::Failed { what: "stopping PostgreSQL", why: "it does not end".into() })
    }

    /// SIGKILL, and what it leaves behind is gone before this returns.
    pub fn crash(&mut self) -> Result<(), EmbeddedError> {
        let children = running_pid(&self.folder).map(children_of).unwrap_or_default();
        self.signal(Signal::KILL);
        if !self.wait(STOP_MS_MAX) {
            return Err(EmbeddedError::Failed { what: "killing PostgreSQL", why: "it does not end".into() });
        }
        // Its workers notice that it is gone and end; the next server needs their shared memory freed.
        for worker in children.into_iter().filter_map(Pid::from_raw) {
            wait_for_end(worker, STOP_MS_MAX);
        }
        Ok(())
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = running_pid(&self.folder).filter(|pid| is_postgres(*pid)).and_then(Pid::from_raw) {
            // It may have ended by itself just now.
            let _ = kill_process(pid, signal);
        }
    }

    /// Waits for the guard, which ends after the server; false if it has not ended by then.
    fn wait(&self, limit_ms: u64) -> bool {
        if let Some(pid) = self.with_guard(|guard| i32::try_from(guard.id()).ok().and_then(Pid::from_raw)) {
            wait_for_end(pid, limit_ms);
        }
        !matches!(self.with_guard(|guard| guard.try_wait()), Ok(None))
    }

    fn with_guard<T>(&self, act: impl FnOnce(&mut Child) -> T) -> T {
        act(&mut self.guard.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::warn!(%error, "the private PostgreSQL was not stopped");
        }
    }
}

/// Waits until a process has ended, or for the limit. The system tells through a descriptor of the process.
fn wait_for_end(pid: Pid, limit_ms: u64) {
    // No such process: it has ended.
    let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { return };
    let deadline = Instant::now() + Duration::from_millis(limit_ms);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
        match poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&left)) {
            Err(rustix::io::Errno::INTR) => {}
            _ => return,
        }
    }
}

/// A process id in a left-over file may belong to something else by now.
fn is_postgres(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "postgres")
        && fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

fn children_of(pid: i32) -> Vec<i32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

//! Named points at which a test kills this process for good: each point once per call and attempt.
//!
//! Built only with the feature `lab`. With `MYCOPOD_KILL_LOG=FILE` the process writes the point's name to the file and
//! sends itself SIGKILL, unless the file names it already; so a supervisor that restarts it walks through all points.
//! `MYCOPOD_KILL_AT=NAME,NAME` leaves the other points alone: a call that was killed early is settled by looking, so the
//! later points of it are only reached where the earlier ones let it live.
//! Owners' builds contain no such thing.

use domain::run::CallNo;

#[cfg(not(feature = "lab"))]
pub fn pass(_name: &str, _at: CallNo) {}

#[cfg(feature = "lab")]
pub fn pass(name: &str, at: CallNo) {
    use std::io::Write;
    let Some(path) = std::env::var_os("MYCOPOD_KILL_LOG") else { return };
    let wanted = std::env::var("MYCOPOD_KILL_AT").unwrap_or_default();
    if !wanted.is_empty() && !wanted.split(',').any(|wanted| wanted == name) {
        return;
    }
    let line = format!("{name} step {} call {}", at.step, at.call);
    let seen = std::fs::read_to_string(&path).unwrap_or_default();
    if seen.lines().any(|known| known == line) {
        return;
    }
    let written = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .and_then(|mut file| writeln!(file, "{line}").and_then(|()| file.sync_all()));
    if written.is_ok() {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

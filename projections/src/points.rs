//! Named points at which a test kills this process for good.
//!
//! Built only with the feature `lab`: with `MYCOPOD_KILL_AT=NAME` the process sends itself SIGKILL when it passes the
//! point of that name. Owners' builds contain no such thing.

#[cfg(not(feature = "lab"))]
pub(crate) fn pass(_name: &str) {}

#[cfg(feature = "lab")]
pub(crate) fn pass(name: &str) {
    if std::env::var_os("MYCOPOD_KILL_AT").is_some_and(|wanted| wanted == name) {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

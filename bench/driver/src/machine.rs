//! What it ran on.

use std::{fs, process::Command};

/// Names and values for the head of the report.
pub fn describe() -> Vec<(String, String)> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(':'))
            .map(|(_, value)| value.trim().to_owned())
            .unwrap_or_default()
    };
    let cpus = read("/proc/cpuinfo");
    let flags = field(&cpus, "flags");
    let has = |flag: &str| flags.split(' ').any(|found| found == flag);
    let extensions: Vec<&str> =
        ["aes", "vaes", "avx2", "avx512f", "sha_ni"].into_iter().filter(|flag| has(flag)).collect();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory_kib: u64 =
        field(&read("/proc/meminfo"), "MemTotal").split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0);
    [
        ("processor", field(&cpus, "model name")),
        ("extensions", extensions.join(", ")),
        ("cores", cores.to_string()),
        ("memory", format!("{:.1} GiB", memory_kib as f64 / 1024.0 / 1024.0)),
        ("kernel", read("/proc/sys/kernel/osrelease").trim().to_owned()),
        ("commit", commit()),
        ("date", chrono::Utc::now().format("%Y-%m-%d %H:%M UTC").to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// The source's commit; with a plus sign if files differ from it.
fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output =
            Command::new("git").arg("-C").arg(env!("CARGO_MANIFEST_DIR")).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else { return "unknown".into() };
    let changed =
        git(&["status", "--porcelain", "--untracked-files=no"]).is_none_or(|files| !files.is_empty());
    if changed { format!("{commit}+") } else { commit }
}

/// Of the last minute: how busy the machine was.
pub fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0.0)
}

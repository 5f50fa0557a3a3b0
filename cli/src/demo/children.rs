//! UI and Agent as child processes of the demonstration.
//!
//! A child lives as long as the pipe to its standard input: however this process ends, the pipe closes and the child
//! stops by itself.

use crate::failure::{Code, Failure, Outcome};
use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, ChildStdin, Command};

/// How long a child may take to stop in good order.
const STOP_WAIT: Duration = Duration::from_secs(10);

pub struct Service {
    pub name: &'static str,
    child: tokio::sync::Mutex<Child>,
    pipe: std::sync::Mutex<Option<ChildStdin>>,
}

impl Service {
    /// Starts `mycopod NAME --with-parent` with its log in a file.
    pub fn start(name: &'static str, config: &Path, log: &Path) -> Result<Self, Failure> {
        let program = std::env::current_exe()?;
        let log = File::options().create(true).append(true).open(log)?;
        let mut child = Command::new(program)
            .arg("--config")
            .arg(config)
            .arg(name)
            .arg("--with-parent")
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        let pipe = std::sync::Mutex::new(child.stdin.take());
        Ok(Self { name, child: tokio::sync::Mutex::new(child), pipe })
    }

    /// Waits until the child ends by itself, which it should not.
    pub async fn ended(&self) -> Failure {
        let status = self.child.lock().await.wait().await;
        let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        let what = format!("the service {} ended: {how}", self.name);
        Failure::new(
            Code::Failed,
            what,
            format!("its log is {}.log in the data folder (--keep DIR keeps it)", self.name),
        )
    }

    /// The most memory it ever had, in MiB, where the system tells.
    pub async fn memory_mib(&self) -> Option<u64> {
        let id = self.child.lock().await.id()?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(line.split_whitespace().next()?.parse::<u64>().ok()?.div_ceil(1024))
    }

    pub async fn stop(&self) -> Outcome {
        if let Ok(mut pipe) = self.pipe.lock() {
            pipe.take();
        }
        let mut child = self.child.lock().await;
        if tokio::time::timeout(STOP_WAIT, child.wait()).await.is_err() {
            tracing::warn!(service = self.name, "did not stop in time and is ended");
            child.kill().await?;
        }
        Ok(())
    }
}

/// Ends when standard input closes: the parent is gone.
pub async fn parent_gone() {
    use tokio::io::AsyncReadExt;
    let mut stdin = tokio::io::stdin();
    let mut byte = [0_u8; 64];
    while matches!(stdin.read(&mut byte).await, Ok(read) if read > 0) {}
}

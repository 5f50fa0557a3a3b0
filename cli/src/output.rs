//! Results to standard output, everything else to standard error.
//!
//! Begin with [`out!`](crate::out) and [`note!`](crate::note). Whoever reads this, such as `head`, may have seen enough
//! and close the pipe: that is no error and never a panic. Long output asks [`closed`] whether anybody still reads.

use std::fmt::Arguments;
use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use tracing_subscriber::EnvFilter;

/// One line to standard output.
#[macro_export]
macro_rules! out {
    () => { $crate::output::line(format_args!("")) };
    ($($arg:tt)*) => { $crate::output::line(format_args!($($arg)*)) };
}

/// One line to standard error.
#[macro_export]
macro_rules! note {
    ($($arg:tt)*) => { $crate::output::aside(format_args!($($arg)*)) };
}

/// Nobody reads standard output any more.
static CLOSED: AtomicBool = AtomicBool::new(false);
/// Why results could not be written, such as a full disk.
static LOST: OnceLock<String> = OnceLock::new();

pub fn line(text: Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    told(out.write_fmt(text).and_then(|()| out.write_all(b"\n")));
}

pub fn aside(text: Arguments<'_>) {
    // Nowhere is left to say that standard error does not take it.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Takes note of how writing results went: a closed pipe is remembered, anything else is lost output.
pub fn told(written: std::io::Result<()>) {
    match written {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => CLOSED.store(true, Ordering::Relaxed),
        Err(error) => {
            CLOSED.store(true, Ordering::Relaxed);
            let _ = LOST.set(error.to_string());
        }
    }
}

/// Nobody reads standard output any more, so there is no use in making more of it.
pub fn closed() -> bool {
    CLOSED.load(Ordering::Relaxed)
}

/// Why results were lost, unless the reader went away on its own.
pub fn lost() -> Option<&'static str> {
    told(std::io::stdout().flush());
    LOST.get().map(String::as_str)
}

/// Log lines go to standard error; `RUST_LOG` overrides the level.
pub fn logging(verbose: u8, quiet: bool) {
    let level = match (quiet, verbose) {
        (true, _) => "error",
        (false, 0) => "warn,agent=info,api=info,mycopod=info",
        (false, 1) => "info",
        (false, _) => "debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .with_target(false)
        .init();
}

/// Rows under a heading, columns as wide as their widest cell.
pub fn table(heading: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(heading.get(column).map(|name| name.chars().count())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heading.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> =
            cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        out!("{}", padded.join("  ").trim_end());
    };
    line(heading.to_vec());
    for row in rows {
        line(row.iter().map(String::as_str).collect());
    }
}

/// One JSON document.
pub fn json<T: serde::Serialize>(value: &T) {
    written(serde_json::to_string_pretty(value));
}

/// One JSON line of a stream.
pub fn json_line<T: serde::Serialize>(value: &T) {
    written(serde_json::to_string(value));
}

fn written(text: serde_json::Result<String>) {
    match text {
        Ok(text) => out!("{text}"),
        Err(error) => note!("error: this cannot be written as JSON: {error}"),
    }
}

//! How far long work is, on standard error: a bar on a terminal, else a line every five seconds.
//!
//! Begin with [`Progress::new`]; tell it [`Progress::at`] as often as you like.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Between two lines where nobody watches a bar.
const LINE_S: u64 = 5;
/// Between two drawings of a bar.
const BAR_MS: u64 = 100;

pub struct Progress {
    /// Of the work in all, in events.
    total: u64,
    quiet: bool,
    terminal: bool,
    begun: Instant,
    told: Option<Instant>,
    /// A bar stands in the line.
    drawn: bool,
}

impl Progress {
    pub fn new(total: u64, quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self { total: total.max(1), quiet, terminal, begun: Instant::now(), told: None, drawn: false }
    }

    /// `words` say what is done, such as "Replaying events"; `done` counts events.
    pub fn at(&mut self, words: &str, done: u64) {
        let pause = if self.terminal { Duration::from_millis(BAR_MS) } else { Duration::from_secs(LINE_S) };
        if self.quiet || self.told.unwrap_or(self.begun).elapsed() < pause {
            return;
        }
        self.told = Some(Instant::now());
        let line = line(words, done.min(self.total), self.total, self.begun.elapsed());
        // A progress line that cannot be written is no reason to stop the work.
        let _ = match self.terminal {
            true => write!(std::io::stderr(), "\r\u{1b}[K{line}"),
            false => writeln!(std::io::stderr(), "{line}"),
        };
        self.drawn = self.terminal;
    }

    /// Takes the bar away.
    pub fn end(&mut self) {
        if std::mem::take(&mut self.drawn) {
            let _ = write!(std::io::stderr(), "\r\u{1b}[K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

/// `Replaying events  62% 5,210/8,412  9k/s  0:00:01 left`.
fn line(words: &str, done: u64, total: u64, took: Duration) -> String {
    let (percent, rate) = (done * 100 / total, done as f64 / took.as_secs_f64().max(0.001));
    let left = if rate > 0.0 { ((total - done) as f64 / rate) as u64 } else { 0 };
    format!(
        "{words}  {percent}% {}/{}  {}/s  {}:{:02}:{:02} left",
        grouped(done),
        grouped(total),
        short(rate as u64),
        left / 3_600,
        left / 60 % 60,
        left % 60
    )
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn short(number: u64) -> String {
    if number >= 10_000 { format!("{}k", number / 1_000) } else { grouped(number) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_how_fast_and_how_long_still() {
        let told = line("Replaying events", 52_100, 84_120, Duration::from_secs(2));
        assert_eq!(told, "Replaying events  61% 52,100/84,120  26k/s  0:00:01 left");
        let told = line("Replaying events", 999, 1_000_000, Duration::from_secs(1));
        assert_eq!(told, "Replaying events  0% 999/1,000,000  999/s  0:16:40 left");
    }
}

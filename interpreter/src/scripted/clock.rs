//! Times and repetitions as calendar events of Proxmox: `every night at 3`, `Sundays at 4 am`.
//!
//! Begin with [`Reader::schedule`].

use super::keep::DAYS;
use super::reader::Reader;

impl Reader<'_> {
    /// A calendar event: `every night at 3`, `Sundays at 4 am`, `weekdays 22:00`.
    pub(super) fn schedule(&self, (from, to): (usize, usize)) -> Option<(String, usize, usize)> {
        let time = (from..to).find_map(|i| self.clock(i, to, from));
        let mut days: Vec<&str> = Vec::new();
        let (mut a, mut b) = time.as_ref().map_or((usize::MAX, 0), |t| (t.1, t.2));
        for i in from..to {
            if let Some((_, short)) = DAYS.iter().find(|(word, _)| self.low(i) == *word) {
                if !days.contains(short) {
                    days.push(short);
                }
                a = a.min(i);
                b = b.max(i + 1);
            }
        }
        let mut prefix = days.join(",");
        for (words, event) in [
            ("weekday", "mon..fri"),
            ("weekdays", "mon..fri"),
            ("weekend", "sat,sun"),
            ("weekends", "sat,sun"),
            ("working day", "mon..fri"),
            ("workday", "mon..fri"),
            ("workdays", "mon..fri"),
        ] {
            if let Some((at, n)) = self.find((from, to), &[words]) {
                event.clone_into(&mut prefix);
                a = a.min(at);
                b = b.max(at + n);
            }
        }
        if let Some((at, n)) =
            self.find((from, to), &["monthly", "every month", "of the month", "of every month"])
        {
            "*-*-1".clone_into(&mut prefix);
            a = a.min(at);
            b = b.max(at + n);
        }
        if let Some((at, n)) = self.find((from, to), &["hourly", "every hour"]) {
            return Some(("*:00".into(), at, at + n));
        }
        if let Some((at, n)) = self.find(
            (from, to),
            &[
                "every night",
                "nightly",
                "every day",
                "daily",
                "each night",
                "each day",
                "every evening",
                "every morning",
            ],
        ) {
            a = a.min(at);
            b = b.max(at + n);
        }
        let (clock, _, _) = time?;
        let schedule = if prefix.is_empty() { clock } else { format!("{prefix} {clock}") };
        Some((schedule, a, b))
    }

    /// A time of day at token `i`.
    pub(super) fn clock(&self, i: usize, to: usize, from: usize) -> Option<(String, usize, usize)> {
        let low = self.low(i);
        if self.used.get(i).copied().unwrap_or(true) {
            return None;
        }
        match low {
            "midnight" => return Some(("00:00".into(), i, i + 1)),
            "noon" => return Some(("12:00".into(), i, i + 1)),
            _ => {}
        }
        let half = |at: usize| match self.low(at) {
            "am" | "a.m" => Some((0, at + 1)),
            "pm" | "p.m" => Some((12, at + 1)),
            "o'clock" | "h" | "hours" => Some((24, at + 1)),
            _ => None,
        };
        let parse = |hour: u32, minute: u32, shift: u32| {
            let hour = match shift {
                12 if hour < 12 => hour + 12,
                0 if hour == 12 => 0,
                _ => hour,
            };
            (hour < 24 && minute < 60).then(|| format!("{hour:02}:{minute:02}"))
        };
        let body = low.trim_end_matches("am").trim_end_matches("pm").trim_end_matches('h');
        let shift = if low.ends_with("pm") {
            12
        } else if low.ends_with("am") {
            0
        } else {
            99
        };
        if let Some((h, m)) = body.split_once([':', '.']).filter(|_| low.contains(':') || shift != 99) {
            let (shift, end) = if shift == 99 { half(i + 1).unwrap_or((99, i + 1)) } else { (shift, i + 1) };
            return parse(h.parse().ok()?, m.parse().ok()?, shift).map(|t| (t, i, end));
        }
        if shift != 99 && body.len() <= 2 && body.bytes().all(|b| b.is_ascii_digit()) && !body.is_empty() {
            return parse(body.parse().ok()?, 0, shift).map(|t| (t, i, i + 1));
        }
        let (n, end) = self.number_at(i).filter(|(n, _)| n.fract() == 0.0 && *n < 25.0)?;
        let start = if i > from && self.is(i - 1, &["at"]) { i - 1 } else { i };
        if let Some((shift, end)) = half(end) {
            return parse(n as u32, 0, shift).map(|t| (t, start, end));
        }
        let at = i > from && self.is(i - 1, &["at", "around"]);
        let morning = self.is(end, &["in"])
            && self.is(end + 1, &["the"])
            && self.is(end + 2, &["morning", "night", "evening", "afternoon"]);
        if !at && !morning {
            return None;
        }
        let late = morning && self.is(end + 2, &["evening", "afternoon"]);
        let end = if morning { (end + 3).min(to) } else { end };
        parse(n as u32, 0, if late { 12 } else { 99 }).map(|t| (t, start, end))
    }
}

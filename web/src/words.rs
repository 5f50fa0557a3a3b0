//! Numbers, spans of time and moments in words, the same everywhere.

use chrono::{DateTime, TimeDelta, Utc};

/// "now", "12 s ago", "4 min ago", "3 h ago", "5 days ago"; a moment ahead counts as now.
pub fn ago(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    match (now - at).num_seconds() {
        ..1 => "now".into(),
        s @ 1..60 => format!("{s} s ago"),
        s @ 60..3_600 => format!("{} min ago", s / 60),
        s @ 3_600..172_800 => format!("{} h ago", s / 3_600),
        s => format!("{} days ago", s / 86_400),
    }
}

/// "0.4 s", "38 s", "4 min 31 s", "2 h 5 min".
pub fn lasted(span: TimeDelta) -> String {
    let ms = span.num_milliseconds().max(0);
    match ms / 1_000 {
        0..10 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        s @ 10..60 => format!("{s} s"),
        s @ 60..3_600 => format!("{} min {} s", s / 60, s % 60),
        s => format!("{} h {} min", s / 3_600, s % 3_600 / 60),
    }
}

/// "3 May 2026, 14:02:31 UTC".
pub fn moment(at: DateTime<Utc>) -> String {
    at.format("%-d %b %Y, %H:%M:%S UTC").to_string()
}

/// "8,412".
pub fn number(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if n < 0 { format!("-{text}") } else { text }
}

/// "1 step", "5 steps"; the plural is the word with an s.
pub fn counted(n: usize, word: &str) -> String {
    if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") }
}

/// "8 GiB" from MiB where it is whole or large, else "512 MiB".
pub fn memory(mib: u64) -> String {
    match mib {
        m if m >= 1024 && m % 1024 == 0 => format!("{} GiB", m / 1024),
        m if m >= 10_240 => format!("{} GiB", m / 1024),
        m if m >= 1024 => format!("{:.1} GiB", m as f64 / 1024.0),
        m => format!("{m} MiB"),
    }
}

/// "Ada, Bo and Cy".
pub fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// The first `max` characters, with an ellipsis where something was cut.
pub fn cut(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(max.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// The first letter large.
pub fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time_are_short_words() {
        let now = DateTime::UNIX_EPOCH;
        assert_eq!(ago(now - TimeDelta::seconds(12), now), "12 s ago");
        assert_eq!(ago(now - TimeDelta::minutes(4), now), "4 min ago");
        assert_eq!(ago(now - TimeDelta::hours(47), now), "47 h ago");
        assert_eq!(ago(now + TimeDelta::hours(1), now), "now");
        assert_eq!(lasted(TimeDelta::milliseconds(412)), "0.4 s");
        assert_eq!(lasted(TimeDelta::seconds(271)), "4 min 31 s");
    }

    #[test]
    fn numbers_are_grouped_and_lists_are_joined() {
        assert_eq!(number(8_412), "8,412");
        assert_eq!(number(-1_234_567), "-1,234,567");
        assert_eq!(list(&["Ada".into(), "Bo".into(), "Cy".into()]), "Ada, Bo and Cy");
        assert_eq!(memory(8_192), "8 GiB");
        assert_eq!(memory(1_536), "1.5 GiB");
        assert_eq!(cut("abcdef", 4), "abc…");
    }
}

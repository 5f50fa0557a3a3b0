//! Passages that are not read: comments, markup, documents in JSON, brackets that speak to an assistant.
//!
//! Begin with [`passages`]. Places stay the same: what is hidden becomes blanks.

use domain::interpretation::Span;

/// Words that open a bracket which speaks to somebody else than the reader of a declaration.
const SPEAKERS: &[&str] = &[
    "system",
    "assistant",
    "ai",
    "llm",
    "note to assistant",
    "note to ai",
    "developer",
    "instruction",
    "admin",
];

/// Where such passages stand, in order and without overlap. One that is not closed ends with the text.
pub fn passages(text: &str) -> Vec<Span> {
    let mut found: Vec<Span> = Vec::new();
    let mut at = 0;
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = text.get(at..).unwrap_or("");
        let end = if rest.starts_with("<!--") {
            Some(until(rest, "-->"))
        } else if rest.starts_with("/*") {
            Some(until(rest, "*/"))
        } else if c == '{' && follows(rest, '"') || c == '[' && follows(rest, '{') {
            Some(balanced(rest))
        } else if matches!(c, '[' | '{' | '<') && speaks(rest) {
            Some(match c {
                '[' => until(rest, "]"),
                '{' => until(rest, "}"),
                // What stands between the tags speaks too.
                _ => rest
                    .find("</")
                    .map_or(rest.len(), |n| n + rest.get(n..).map_or(0, |tail| until(tail, ">"))),
            })
        } else {
            None
        };
        match end {
            Some(length) => {
                found.push(Span::new(at, at + length));
                at += length;
            }
            None => at += c.len_utf8(),
        }
    }
    found
}

/// The text with blanks in place of the passages, of the same length.
pub fn blanked(text: &str, hidden: &[Span]) -> String {
    let mut shown = text.to_owned();
    for span in hidden {
        if span.of(text).is_some() {
            shown.replace_range(span.start..span.end, &" ".repeat(span.end - span.start));
        }
    }
    shown
}

fn until(rest: &str, close: &str) -> usize {
    rest.find(close).map_or(rest.len(), |n| n + close.len())
}

fn follows(rest: &str, wanted: char) -> bool {
    rest.chars().skip(1).find(|c| !c.is_whitespace()) == Some(wanted)
}

/// The length up to the bracket that closes the first one; strings are not looked into.
fn balanced(rest: &str) -> usize {
    let mut depth = 0_usize;
    for (n, c) in rest.char_indices() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return n + c.len_utf8();
                }
            }
            _ => {}
        }
    }
    rest.len()
}

/// `[assistant: …`, `<system>`: a speaker right behind the bracket, then a mark.
fn speaks(rest: &str) -> bool {
    let low: String = rest.chars().skip(1).take(24).flat_map(char::to_lowercase).collect();
    let low = low.trim_start_matches(['/', ' ', '#', '*']);
    SPEAKERS.iter().any(|who| {
        low.strip_prefix(who)
            .is_some_and(|tail| tail.trim_start().starts_with([':', '>', ']', '}', ',', '-', '–']))
    })
}

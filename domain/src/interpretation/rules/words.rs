//! R4: do these words say this value? Numbers in digits or words, sizes in any unit, names nearly as written.

use crate::facts::Facts;
use serde_json::Value;

/// Fields whose values are meanings, not words: any word can say them.
const FREE: [&str; 13] = [
    "change",
    "kind",
    "power",
    "distribution",
    "rule",
    "mode",
    "content",
    "cni",
    "type",
    "schedule",
    "with_memory",
    "online",
    "read_only",
];

/// Two words this alike, of 1, count as the same word misspelt.
const ALIKE: f64 = 0.72;

pub(super) fn support(field: &str, value: &Value, words: &str, facts: &Facts) -> bool {
    if value.is_boolean() || FREE.contains(&field) {
        return words.chars().any(char::is_alphanumeric);
    }
    if let Some(number) = value.as_f64() {
        let factors: &[f64] = match field {
            "memory_mib" | "swap_mib" => &[1.0, 1024.0, 1_048_576.0],
            "disk_gib" | "size_gib" => &[1.0, 1024.0, 1.0 / 1024.0],
            _ => &[1.0],
        };
        return numbers(words)
            .iter()
            .any(|n| factors.iter().any(|f| (number - n * f).abs() < if *f < 1.0 { 0.51 } else { 1e-9 }));
    }
    let Some(text) = value.as_str() else { return false };
    let address =
        matches!(field, "ip" | "gateway" | "nameservers") && text.starts_with(|c: char| c.is_ascii_digit());
    if address {
        return says_address(text, words);
    }
    if text == "dhcp" {
        return words.chars().any(char::is_alphanumeric);
    }
    let (a, b) = (plain(text), plain(words));
    if !a.is_empty() && (b.contains(&a) || (b.chars().count() > 1 && a.contains(&b))) {
        return true;
    }
    let mut vocabulary = letters(text);
    if field == "image" {
        for image in
            [&facts.house.images.vm, &facts.house.images.container].iter().filter_map(|m| m.get(text))
        {
            vocabulary.extend(image.aliases.iter().flat_map(|alias| letters(alias)));
            if image.vmid.is_some_and(|id| digit_runs(words).contains(&id.to_string())) {
                return true;
            }
        }
    }
    let heard = letters(words);
    vocabulary.iter().any(|a| heard.iter().any(|b| alike(a, b) >= ALIKE))
}

/// The last part of the address stands in the words, or lies in a range they name.
fn says_address(address: &str, words: &str) -> bool {
    let last =
        address.split('/').next().and_then(|a| a.rsplit('.').next()).and_then(|n| n.parse::<u64>().ok());
    let Some(last) = last else { return false };
    let runs: Vec<u64> = digit_runs(words).iter().filter_map(|run| run.parse().ok()).collect();
    if runs.contains(&last) {
        return true;
    }
    // `10.0.20.101-103`, `.101 to .103`: two numbers with a joining word between them.
    let joined = ["-", "–", "—", "..", " to ", " till ", " until ", " up to ", "through", "thru"];
    joined.iter().any(|join| {
        words.match_indices(join).any(|(at, _)| {
            let before = words.get(..at).and_then(|w| digit_runs(w).last()?.parse::<u64>().ok());
            let after = words.get(at + join.len()..).and_then(|w| {
                let head = w.split_whitespace().next().unwrap_or(w);
                digit_runs(head).last()?.parse::<u64>().ok()
            });
            matches!((before, after), (Some(a), Some(b)) if a <= last && last <= b)
        })
    })
}

/// Every number that stands in the words, in digits or as a word.
pub(super) fn numbers(words: &str) -> Vec<f64> {
    let mut found = Vec::new();
    for token in digit_tokens(words) {
        found.extend(token.replace(['.', ','], "").parse::<f64>().ok());
        let parts: Vec<&str> = token.split(['.', ',']).collect();
        if let [whole, part] = parts.as_slice() {
            found.extend(format!("{whole}.{part}").parse::<f64>().ok());
        }
        found.extend(parts.iter().filter_map(|part| part.parse::<f64>().ok()));
    }
    let low = words.to_lowercase();
    for token in low.split(|c: char| !(c.is_alphabetic() || c == '-')) {
        found.extend(word_number(token));
        found.extend(token.split('-').filter_map(word_number));
    }
    if words.contains('½') || letters(&low).iter().any(|word| word == "half") {
        found.push(0.5);
        let halves: Vec<f64> = found.iter().map(|n| n + 0.5).collect();
        found.extend(halves);
    }
    if low.contains("one and a half") {
        found.push(1.5);
    }
    for (at, sign) in low.match_indices(['x', '×', '*']) {
        let before = low.get(..at).and_then(|w| digit_runs(w.trim_end()).last()?.parse::<f64>().ok());
        let after =
            low.get(at + sign.len()..).and_then(|w| digit_runs(w.trim_start()).first()?.parse::<f64>().ok());
        if let (Some(a), Some(b)) = (before, after) {
            found.push(a * b);
        }
    }
    found
}

/// Runs of digits with single dots or commas between them.
fn digit_tokens(words: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut now = String::new();
    let mut chars = words.chars().peekable();
    while let Some(c) = chars.next() {
        let joins =
            matches!(c, '.' | ',') && !now.is_empty() && chars.peek().is_some_and(char::is_ascii_digit);
        if c.is_ascii_digit() || joins {
            now.push(c);
        } else if !now.is_empty() {
            tokens.push(std::mem::take(&mut now));
        }
    }
    if !now.is_empty() {
        tokens.push(now);
    }
    tokens
}

fn digit_runs(words: &str) -> Vec<String> {
    words.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty()).map(str::to_owned).collect()
}

/// Letters and digits only, folded to lower case.
pub(super) fn plain(words: &str) -> String {
    words.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Words of letters only, of two or more, folded to lower case.
pub(super) fn letters(words: &str) -> Vec<String> {
    words
        .to_lowercase()
        .split(|c: char| !c.is_alphabetic())
        .filter(|word| word.chars().count() > 1)
        .map(str::to_owned)
        .collect()
}

/// How alike two words are, 0 to 1: twice the letters in common blocks, found longest first, by both lengths.
fn alike(a: &str, b: &str) -> f64 {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    if a.is_empty() && b.is_empty() {
        return 1.0;
    }
    2.0 * common(&a, &b) as f64 / (a.len() + b.len()) as f64
}

fn common(a: &[char], b: &[char]) -> usize {
    let (mut best, mut at) = (0, (0, 0));
    for i in 0..a.len() {
        for j in 0..b.len() {
            let same = a.iter().skip(i).zip(b.iter().skip(j)).take_while(|(x, y)| x == y).count();
            if same > best {
                (best, at) = (same, (i, j));
            }
        }
    }
    if best == 0 {
        return 0;
    }
    let (i, j) = at;
    let (left, right) = (common(a.get(..i).unwrap_or(&[]), b.get(..j).unwrap_or(&[])), {
        common(a.get(i + best..).unwrap_or(&[]), b.get(j + best..).unwrap_or(&[]))
    });
    best + left + right
}

/// Number words in the languages people mix into declarations.
fn word_number(word: &str) -> Option<f64> {
    Some(match word {
        "half" => 0.5,
        "quarter" => 0.25,
        "zero" | "null" => 0.0,
        "a" | "an" | "one" | "single" | "once" | "first" | "ein" | "eine" | "einen" | "einem" | "einer"
        | "un" | "une" | "uno" | "una" | "een" => 1.0,
        "two" | "pair" | "couple" | "both" | "dual" | "double" | "twin" | "second" | "zwei" | "deux"
        | "dos" | "due" | "twee" => 2.0,
        "three" | "triple" | "third" | "drei" | "trois" | "tres" | "tre" | "drie" => 3.0,
        "four" | "quad" | "fourth" | "vier" | "quatre" | "cuatro" | "quattro" => 4.0,
        "five" | "fifth" | "fünf" | "fuenf" | "cinq" | "cinco" => 5.0,
        "six" | "sechs" | "seis" => 6.0,
        "seven" | "sieben" => 7.0,
        "eight" | "acht" | "huit" | "ocho" => 8.0,
        "nine" | "neun" => 9.0,
        "ten" | "zehn" | "dix" | "diez" => 10.0,
        "eleven" => 11.0,
        "twelve" | "dozen" | "zwölf" => 12.0,
        "fifteen" => 15.0,
        "sixteen" | "sechzehn" | "seize" => 16.0,
        "twenty" | "zwanzig" | "vingt" => 20.0,
        "thirty" | "dreißig" | "dreissig" => 30.0,
        "thirty-two" => 32.0,
        "forty" => 40.0,
        "fifty" => 50.0,
        "sixty" => 60.0,
        "sixty-four" => 64.0,
        "eighty" => 80.0,
        "hundred" => 100.0,
        _ => return None,
    })
}

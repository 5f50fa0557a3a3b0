//! Words and numbers of a declaration with their places in bytes.
//!
//! Begin with [`tokens`]. A token is what a reader sees as one thing: a word, a number, a size's unit, an
//! address, a path, a share, a quoted passage, a public key. Misspelt words of the trade are mended in
//! [`Token::low`] and keep their own spelling in [`Token::raw`].
//!
//! Never here: meaning. What a token stands for depends on its neighbours and the facts.

use super::lexicon;
use domain::interpretation::Span;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Word,
    Number,
    Mark,
    /// Words between quotation marks; their text is data, not grammar.
    Quoted,
    /// A public SSH key with its comment.
    Key,
    /// End of a line.
    Break,
}

#[derive(Clone, Debug)]
pub struct Token {
    pub span: Span,
    pub raw: String,
    /// Lower case and, where a word of the trade was misspelt, mended. Empty for quoted passages of many words.
    pub low: String,
    pub kind: Kind,
    pub number: Option<f64>,
    pub mended: bool,
}

impl Token {
    pub fn is(&self, words: &[&str]) -> bool {
        words.contains(&self.low.as_str())
    }

    pub fn mark(&self, marks: &str) -> bool {
        self.kind == Kind::Mark && marks.contains(self.raw.as_str())
    }
}

/// Splits a text. `names` are the names in the facts, lower case: they are never split or mended.
pub fn tokens(text: &str, names: &[String]) -> Vec<Token> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        if c == '\n' {
            push(&mut out, text, at, at + 1, Kind::Break);
            at += 1;
        } else if c.is_whitespace() || c.is_control() {
            at += c.len_utf8();
        } else if let Some(end) = quoted(text, at, c) {
            let inner = (at + c.len_utf8(), end);
            push(&mut out, text, inner.0, inner.1, Kind::Quoted);
            at = end + text.get(end..).and_then(|r| r.chars().next()).map_or(0, char::len_utf8);
        } else if let Some(end) = public_key(text, at) {
            push(&mut out, text, at, end, Kind::Key);
            at = end;
        } else {
            let rest = text.get(at..).unwrap_or("");
            let end = at
                + rest
                    .find(|c: char| {
                        c.is_whitespace() || c.is_control() || is_quote(c) && c != '\'' && c != '’'
                    })
                    .unwrap_or(rest.len());
            let end = if end == at { at + c.len_utf8() } else { end };
            // `seat-1 ... seat-8`: dots between two numbered names stand for those in between.
            let dots = text.get(at..end).is_some_and(|word| matches!(word, ".." | "..." | "…"));
            let numbered = |word: &str| word.ends_with(|c: char| c.is_ascii_digit());
            let after = text.get(end..).and_then(|rest| rest.split_whitespace().next()).unwrap_or("");
            if dots
                && out.last().is_some_and(|t| t.kind == Kind::Word && numbered(&t.raw))
                && numbered(after.trim_end_matches(['.', ',', ';', ':', ')']))
            {
                push(&mut out, text, at, end, Kind::Word);
                if let Some(token) = out.last_mut() {
                    "..".clone_into(&mut token.low);
                }
                at = end;
                continue;
            }
            run(&mut out, text, at, end, names);
            at = end;
        }
    }
    out
}

fn push(out: &mut Vec<Token>, text: &str, start: usize, end: usize, kind: Kind) {
    let raw = text.get(start..end).unwrap_or_default().to_owned();
    if raw.is_empty() {
        return;
    }
    let mut token = Token {
        span: Span::new(start, end),
        low: raw.to_lowercase(),
        raw,
        kind,
        number: None,
        mended: false,
    };
    match kind {
        Kind::Number => token.number = number(&token.raw),
        Kind::Quoted | Kind::Key if token.raw.contains(char::is_whitespace) => token.low.clear(),
        Kind::Word => {
            if let Some(mended) = lexicon::mend(&token.low) {
                token.low = mended.to_owned();
                token.mended = true;
            }
        }
        _ => {}
    }
    out.push(token);
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„' | '«' | '»' | '`' | '\'' | '’' | '‘')
}

/// The end of the words between a quotation mark at `at` and its partner on the same line.
fn quoted(text: &str, at: usize, open: char) -> Option<usize> {
    let closers: &[char] = match open {
        '"' => &['"'],
        '“' | '„' => &['”', '“', '"'],
        '«' => &['»'],
        '`' => &['`'],
        '\'' | '‘' => &['\'', '’'],
        _ => return None,
    };
    let single = matches!(open, '\'' | '‘');
    let from = at + open.len_utf8();
    let rest = text.get(from..)?;
    let line = rest.split('\n').next()?;
    let mut found = None;
    for (n, c) in line.char_indices() {
        let after = line.get(n + c.len_utf8()..).and_then(|r| r.chars().next());
        if closers.contains(&c) && (!single || after.is_none_or(|c| !c.is_alphanumeric())) {
            found = Some(n);
            break;
        }
    }
    found.filter(|n| *n > 0).map(|n| from + n)
}

fn public_key(text: &str, at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let kinds = [
        "ssh-ed25519 ",
        "ssh-rsa ",
        "ecdsa-sha2-nistp256 ",
        "ecdsa-sha2-nistp384 ",
        "ecdsa-sha2-nistp521 ",
        "sk-ssh-ed25519@openssh.com ",
    ];
    let kind = kinds.iter().find(|kind| rest.starts_with(**kind))?;
    let body = rest.get(kind.len()..)?;
    let long = body.find(|c: char| !(c.is_ascii_alphanumeric() || "+/=".contains(c))).unwrap_or(body.len());
    if long < 40 {
        return None;
    }
    let mut end = at + kind.len() + long;
    if let Some(comment) =
        text.get(end..).and_then(|r| r.strip_prefix(' ')).and_then(|r| r.split_whitespace().next())
    {
        let comment = comment.trim_end_matches(['.', ',', ';', ')', '"', '\'']);
        if comment.contains('@') {
            end += 1 + comment.len();
        }
    }
    Some(end)
}

/// One run of characters without blanks: marks at its ends come off, what is left is split further.
fn run(out: &mut Vec<Token>, text: &str, mut start: usize, mut end: usize, names: &[String]) {
    let mut tail = Vec::new();
    loop {
        let Some(word) = text.get(start..end) else { return };
        let Some(first) = word.chars().next() else { break };
        if "([{<*•–—>#~|&".contains(first) || (first == '-' && word.len() == 1) || is_quote(first) {
            push(out, text, start, start + first.len_utf8(), Kind::Mark);
            start += first.len_utf8();
            continue;
        }
        break;
    }
    while let Some(word) = text.get(start..end).filter(|w| !w.is_empty()) {
        let Some(last) = word.chars().next_back() else { break };
        if ".,;:!?)]}>*…|".contains(last) || is_quote(last) {
            end -= last.len_utf8();
            tail.push((end, end + last.len_utf8()));
        } else {
            break;
        }
    }
    core(out, text, start, end, names);
    for (from, to) in tail.into_iter().rev() {
        push(out, text, from, to, Kind::Mark);
    }
}

fn core(out: &mut Vec<Token>, text: &str, start: usize, end: usize, names: &[String]) {
    let Some(word) = text.get(start..end).filter(|w| !w.is_empty()) else { return };
    let low = word.to_lowercase();
    for ending in ["'s", "’s", "'", "’"] {
        if let Some(stem) = word.strip_suffix(ending).filter(|stem| !stem.is_empty()) {
            return core(out, text, start, start + stem.len(), names);
        }
    }
    if names.contains(&low)
        || low.contains("+k3s")
        || word.contains(":/")
        || (word.starts_with('/') && word.len() > 1)
        || word.contains('@')
    {
        return push(out, text, start, end, Kind::Word);
    }
    if word == "/" || word == "+" || word == "=" || word == "-" {
        return push(out, text, start, end, Kind::Mark);
    }
    if word.starts_with('.') && word.chars().all(|c| c.is_ascii_digit() || ".-–".contains(c)) {
        return push(out, text, start, end, Kind::Word);
    }
    if let Some(rest) = word.strip_prefix(['-', '−', '+'])
        && rest.starts_with(|c: char| c.is_ascii_digit())
    {
        let sign = word.len() - rest.len();
        push(out, text, start, start + sign, Kind::Mark);
        return core(out, text, start + sign, end, names);
    }
    let digits_first = word.starts_with(|c: char| c.is_ascii_digit());
    if digits_first && word.matches('.').count() >= 2 {
        return push(out, text, start, end, Kind::Word);
    }
    if word.chars().all(|c| c.is_ascii_digit() || c == '.' || c == ',')
        && digits_first
        && !word.contains("..")
    {
        return push(out, text, start, end, Kind::Number);
    }
    if let Some((hours, minutes)) = word.split_once(':')
        && !hours.is_empty()
        && hours.bytes().all(|b| b.is_ascii_digit())
        && minutes.starts_with(|c: char| c.is_ascii_digit())
    {
        return push(out, text, start, end, Kind::Word);
    }
    for joint in ['=', '/', ',', ':', '+', '&', ';', '('] {
        let Some(at) = word.find(joint) else { continue };
        core(out, text, start, start + at, names);
        push(out, text, start + at, start + at + joint.len_utf8(), Kind::Mark);
        return core(out, text, start + at + joint.len_utf8(), end, names);
    }
    if digits_first {
        let digits = word.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ',')).unwrap_or(word.len());
        let rest = word.get(digits..).unwrap_or("");
        let unit = rest.trim_start_matches('-').to_lowercase();
        if lexicon::is_unit(&unit)
            || lexicon::COUNTED.contains(&unit.as_str())
            || matches!(unit.as_str(), "x" | "×")
        {
            push(out, text, start, start + digits, Kind::Number);
            return push(out, text, end - rest.trim_start_matches('-').len(), end, Kind::Word);
        }
        return push(out, text, start, end, Kind::Word);
    }
    if let Some((left, right)) = low.split_once('-')
        && lexicon::number_word(left).is_some()
        && lexicon::number_word(&low).is_none()
        && (lexicon::is_unit(right) || lexicon::COUNTED.contains(&right))
    {
        push(out, text, start, start + left.len(), Kind::Word);
        return core(out, text, start + left.len() + 1, end, names);
    }
    if let Some((left, right)) = low.split_once('-')
        && (lexicon::SPLIT_HEADS.contains(&left))
        && lexicon::NOUNS.iter().any(|(noun, _)| *noun == right)
    {
        push(out, text, start, start + left.len(), Kind::Word);
        return core(out, text, start + left.len() + 1, end, names);
    }
    push(out, text, start, end, Kind::Word);
}

/// `1,024` is a thousand and more, `1,5` is one and a half.
fn number(raw: &str) -> Option<f64> {
    let clean = match raw.split_once(',') {
        Some((_, part)) if part.len() == 3 && !part.contains(['.', ',']) => raw.replace(',', ""),
        _ => raw.replace(',', "."),
    };
    clean.parse().ok().filter(|n: &f64| n.is_finite())
}

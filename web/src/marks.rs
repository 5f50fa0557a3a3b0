//! The English with its phrases marked: which words led to which steps.
//!
//! Phrases may overlap, so the text is cut where any of them begins or ends; a piece names all phrases that
//! cover it. Spans that do not fit the text are left out, never guessed.

use domain::interpretation::Span;
use std::collections::{BTreeMap, BTreeSet};

/// A run of text with the same phrases over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub text: String,
    /// Phrases that begin here: link targets `phrase-N`.
    pub begins: Vec<usize>,
    /// Phrases over this piece, `p1 p2`; empty where there is none.
    pub over: String,
    /// Steps to link to after this piece, as first number and words: `(1, "1–3")`.
    pub steps: Vec<(u32, String)>,
    /// Nothing in the plan uses these words.
    pub unused: bool,
}

/// The marked text and the number of each phrase.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marked {
    pub pieces: Vec<Piece>,
    numbers: BTreeMap<(usize, usize), usize>,
}

impl Marked {
    /// The phrase's number, if it is marked.
    pub fn number(&self, span: Span) -> Option<usize> {
        self.numbers.get(&(span.start, span.end)).copied()
    }
}

/// Marks the phrases of numbered steps, and words that nothing uses.
pub fn mark(text: &str, phrases: &[(Span, u32)], unused: &[Span]) -> Marked {
    let fits = |span: &Span| span.start < span.end && span.of(text).is_some();
    let mut steps: BTreeMap<(usize, usize), BTreeSet<u32>> = BTreeMap::new();
    for (span, step) in phrases.iter().filter(|(span, _)| fits(span)) {
        steps.entry((span.start, span.end)).or_default().insert(*step);
    }
    let numbers: BTreeMap<_, _> = steps.keys().enumerate().map(|(i, key)| (*key, i + 1)).collect();
    let unused: Vec<Span> = unused.iter().filter(|span| fits(span)).copied().collect();

    let mut cuts: BTreeSet<usize> = steps.keys().flat_map(|(start, end)| [*start, *end]).collect();
    cuts.extend(unused.iter().flat_map(|span| [span.start, span.end]));
    cuts.extend([0, text.len()]);
    let cuts: Vec<usize> = cuts.into_iter().collect();

    let pieces = cuts.windows(2).filter_map(|pair| {
        let &[start, end] = pair else { return None };
        let here = |key: &&(usize, usize)| key.0 <= start && end <= key.1;
        let over: Vec<_> = steps.keys().filter(here).collect();
        let ending: BTreeSet<u32> = steps
            .iter()
            .filter(|(key, _)| key.1 == end)
            .flat_map(|(_, steps)| steps.iter().copied())
            .collect();
        Some(Piece {
            text: text.get(start..end)?.to_owned(),
            begins: over
                .iter()
                .filter(|key| key.0 == start)
                .filter_map(|key| numbers.get(key))
                .copied()
                .collect(),
            over: over
                .iter()
                .filter_map(|key| numbers.get(key))
                .map(|n| format!("p{n}"))
                .collect::<Vec<_>>()
                .join(" "),
            steps: ranges(&ending),
            unused: unused.iter().any(|span| span.start <= start && end <= span.end),
        })
    });
    Marked { pieces: pieces.collect(), numbers }
}

/// `{1,2,3,7}` as `1–3` and `7`.
fn ranges(steps: &BTreeSet<u32>) -> Vec<(u32, String)> {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for step in steps {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *step => *last = *step,
            _ => ranges.push((*step, *step)),
        }
    }
    let words = |(first, last): (u32, u32)| match last - first {
        0 => (first, first.to_string()),
        _ => (first, format!("{first}–{last}")),
    };
    ranges.into_iter().map(words).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_phrases_keep_every_letter_and_every_link() {
        let text = "Three VMs with 4 GiB each.";
        let phrases = [(Span::new(0, 20), 1), (Span::new(0, 20), 2), (Span::new(15, 20), 3)];
        let marked = mark(text, &phrases, &[Span::new(21, 25)]);
        let joined: String = marked.pieces.iter().map(|piece| piece.text.as_str()).collect();
        assert_eq!(joined, text);
        assert_eq!(marked.number(Span::new(15, 20)), Some(2));
        let end = marked.pieces.iter().find(|piece| piece.text == "4 GiB").unwrap();
        assert_eq!((end.over.as_str(), end.steps.clone()), ("p1 p2", vec![(1, "1–3".to_owned())]));
        assert!(marked.pieces.iter().any(|piece| piece.unused && piece.text == "each"));
    }

    #[test]
    fn spans_that_cut_a_letter_or_leave_the_text_are_left_out() {
        let text = "Größe";
        let marked = mark(text, &[(Span::new(0, 3), 1), (Span::new(2, 99), 2)], &[]);
        assert_eq!(marked.pieces.len(), 1);
        assert_eq!(marked.pieces[0].text, text);
    }
}

//! How an interpreter did on declarations whose right answers are known.

use crate::canonical::Digest;
use serde::{Deserialize, Serialize};

/// One measurement. The same declarations have the same digest, so that two scores can be held side by side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterpreterScore {
    /// Digest of the declarations and their answers, byte for byte.
    pub declarations: Digest,
    pub asked: u32,
    /// Answered as an expert did.
    pub right: u32,
    /// Answers that broke a rule of interpretations: a value that nobody said, a guest that nobody named.
    pub invented: u32,
    /// Answers that would have touched what must not be touched.
    pub forbidden: u32,
    pub questions: u32,
    pub refusals: u32,
    /// Milliseconds from the text to the answer.
    pub p50_ms: u32,
    pub p95_ms: u32,
    /// Tokens as the provider counts them; none for the grammar.
    pub prompt_tokens: u64,
    pub answer_tokens: u64,
}

impl InterpreterScore {
    /// Right answers in per cent, rounded down: 100 means all.
    pub fn percent(&self) -> u32 {
        match self.asked {
            0 => 0,
            asked => u32::try_from(u64::from(self.right) * 100 / u64::from(asked)).unwrap_or(100),
        }
    }

    /// Whether the numbers can be those of one measurement.
    pub(super) fn adds_up(&self) -> bool {
        self.asked > 0
            && [self.right, self.invented, self.forbidden, self.questions, self.refusals]
                .iter()
                .all(|part| *part <= self.asked)
            && self.p50_ms <= self.p95_ms
    }
}

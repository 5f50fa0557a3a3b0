//! Every bound of reading and judging in one place. Units are in the names.

/// Longest document of a model, in bytes.
pub const DOCUMENT_BYTES_MAX: usize = 1 << 20;
/// Deepest nesting of a model's document.
pub const DOCUMENT_DEPTH_MAX: usize = 24;
/// Tokens of a declaration that are read; a longer text is refused.
pub const TOKENS_MAX: usize = 40_000;
/// Options of one question.
pub const OPTIONS_MAX: usize = 4;
/// Questions of one interpretation.
pub const QUESTIONS_MAX: usize = 3;
/// Longest question, in characters.
pub const QUESTION_CHARS_MAX: usize = 400;
/// Longest refusal, in characters.
pub const REFUSAL_CHARS_MAX: usize = 800;
/// Longest warning, in characters.
pub const WARNING_CHARS_MAX: usize = 400;
/// Warnings of one interpretation.
pub const WARNINGS_MAX: usize = 16;
/// Entries of unused words in one interpretation.
pub const UNUSED_MAX: usize = 64;
/// Longest passage of unused words, in characters.
pub const UNUSED_CHARS_MAX: usize = 8_000;
/// Longest reason of a derived value, in characters.
pub const WHY_CHARS_MAX: usize = 200;
/// Longest quote of a label, in characters.
pub const QUOTE_CHARS_MAX: usize = 400;
/// Labels of one interpretation.
pub const LABELS_MAX: usize = 2_000;
/// New guests that one count may ask for before the rest is not even written out.
pub const COUNT_MAX: usize = 64;
/// Calls of a language model for one declaration: the first answer and one repair.
pub const MODEL_CALLS_MAX: usize = 2;
/// Longest body of a provider's answer, in bytes: a document and its envelope, escaped.
pub const MODEL_BODY_BYTES_MAX: usize = 3 << 20;
/// How much of a refusal is read for its reason, in bytes.
pub const REFUSED_BODY_BYTES_MAX: usize = 8 << 10;
/// Characters of a model's name in a message.
pub const MODEL_NAME_SHOWN_CHARS: usize = 80;
/// Most of a rejected answer that is shown to the model again, in characters.
pub const REPAIR_CHARS_MAX: usize = 60_000;
/// Answers of models that are remembered.
pub const ANSWERS_KNOWN_MAX: usize = 64;
/// Longest line of the line protocol, in bytes.
pub const LINE_BYTES_MAX: usize = 64 << 20;

/// The first `most` characters.
pub fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        text.to_owned()
    } else {
        text.chars().take(most - 1).chain(['…']).collect()
    }
}
/// Declarations in one file that an interpreter is tried on.
pub const SCORED_ITEMS_MAX: usize = 10_000;

//! What a language model answered, judged: strict JSON, the schema, true words, then the rules.
//!
//! Begin with [`judge_model_output`]. A model's answer is data: bounded, parsed, never run, never mended
//! beyond finding the place of words it quotes. What does not pass is thrown away as a whole.

use crate::{Answer, limits, schema};
use domain::facts::Facts;
use domain::interpretation::{Interpretation, Kind, Label, Refusal, RefusalReason, Span, rules};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::collections::HashMap;
use std::fmt;

/// Why a model's answer was thrown away. The repair attempt shows this to the model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    #[error("the answer is larger than 1 MiB")]
    TooLarge,
    #[error("the answer is nested too deeply")]
    TooDeep,
    #[error("the answer is not one strict JSON document: {0}")]
    NotJson(String),
    #[error("the answer does not fit the schema: {0}")]
    Schema(String),
    #[error("the answer breaks the rules: {0}")]
    Rules(String),
}

impl Rejected {
    pub fn advice(&self) -> String {
        "The language model's answer could not be used. Say it again in other words, or choose another interpreter.".into()
    }
}

/// The model's document if it passes everything, else the reason why it is thrown away.
pub fn judged(raw: &str, text: &str, facts: &Facts) -> Result<Interpretation, Rejected> {
    judged_answered(raw, text, facts, &[])
}

/// As [`judged`], where the author has answered questions.
pub fn judged_answered(
    raw: &str,
    text: &str,
    facts: &Facts,
    answers: &[Answer],
) -> Result<Interpretation, Rejected> {
    if raw.len() > limits::DOCUMENT_BYTES_MAX {
        return Err(Rejected::TooLarge);
    }
    if depth(raw) > limits::DOCUMENT_DEPTH_MAX {
        return Err(Rejected::TooDeep);
    }
    let Strict(document) =
        serde_json::from_str(raw).map_err(|error| Rejected::NotJson(limits::cut(&error.to_string(), 200)))?;
    if let Some(problem) = schema::problem(&document) {
        return Err(Rejected::Schema(problem));
    }
    let mut answer: Interpretation = serde_json::from_value(document)
        .map_err(|error| Rejected::Schema(limits::cut(&error.to_string(), 200)))?;
    place_quotes(&mut answer, text);
    let broken = rules::check_answered(&answer, text, facts, answers);
    match broken.first() {
        None => Ok(answer),
        Some(_) => Err(Rejected::Rules(
            broken.iter().take(4).map(ToString::to_string).collect::<Vec<_>>().join("; "),
        )),
    }
}

/// As [`judged`], with a refusal in place of an answer that does not pass: what the author sees.
pub fn judge_model_output(raw: &str, text: &str, facts: &Facts) -> Interpretation {
    judged(raw, text, facts).unwrap_or_else(|rejected| {
        let mut doc = Interpretation::empty(Kind::Refusal);
        doc.refusal =
            Some(Refusal { reason: RefusalReason::Unsupported, text: rejected.advice(), span: None });
        doc
    })
}

/// Models count badly: a quote without a span gets the span where its words stand. Words that stand several times are
/// given out in the order of the entries: the second guest's `2 cores` are the second ones in the text.
fn place_quotes(answer: &mut Interpretation, text: &str) {
    let find = |words: &str| text.find(words).map(|at| Span::new(at, at + words.len()));
    let mut seen: HashMap<(String, String), usize> = HashMap::new();
    let mut labels: Vec<(&String, &mut Label)> = answer.provenance.iter_mut().collect();
    labels.sort_by_key(|(pointer, _)| {
        pointer.split('/').map(|part| (part.parse::<u32>().unwrap_or(u32::MAX), *pointer)).collect::<Vec<_>>()
    });
    for (pointer, label) in labels {
        if let Label::Said { quote: Some(quote), span } | Label::Derived { quote: Some(quote), span, .. } =
            label
            && span.is_none()
            && !quote.is_empty()
        {
            let field = pointer.rsplit('/').next().unwrap_or_default().to_owned();
            let before = seen.entry((field, quote.clone())).or_default();
            // The last place is for all that come after it: `1 core each` stands once for three guests.
            let mut places = text.match_indices(quote.as_str()).take(*before + 1);
            *span = places.by_ref().last().map(|(at, words)| Span::new(at, at + words.len()));
            *before += 1;
        }
    }
    for unused in &mut answer.unused {
        if unused.span.is_none() {
            unused.span = unused.text.as_deref().and_then(find);
        }
    }
}

/// Deepest nesting of brackets outside strings.
pub(crate) fn depth(raw: &str) -> usize {
    let (mut depth, mut deepest, mut text, mut escaped) = (0_usize, 0, false, false);
    for byte in raw.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if text => escaped = true,
            b'"' => text = !text,
            b'[' | b'{' if !text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The value of a strict JSON document; none if it is no such thing.
pub(crate) fn strict(raw: &str) -> Option<Value> {
    serde_json::from_str(raw).ok().map(|Strict(document)| document)
}

/// A JSON value without duplicate keys at any depth.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Strict)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number that is none"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(value)) = seq.next_element()? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            let Strict(value) = access.next_value()?;
            if map.insert(key, value).is_some() {
                return Err(de::Error::custom("a key stands twice"));
            }
        }
        Ok(Value::Object(map))
    }
}

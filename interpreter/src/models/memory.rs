//! Answers that were given before to the same text about the same facts by the same model.

use super::{Settings, prompt};
use crate::{Context, limits};
use domain::facts::Facts;
use domain::interpretation::Interpretation;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, VecDeque};

pub type Key = [u8; 32];

/// The newest answers, the oldest forgotten first.
#[derive(Debug, Default)]
pub struct Memory {
    known: HashMap<Key, Interpretation>,
    order: VecDeque<Key>,
}

impl Memory {
    pub fn get(&self, key: &Key) -> Option<Interpretation> {
        self.known.get(key).cloned()
    }

    pub fn put(&mut self, key: Key, answer: Interpretation) {
        if self.known.insert(key, answer).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > limits::ANSWERS_KNOWN_MAX {
            if let Some(old) = self.order.pop_front() {
                self.known.remove(&old);
            }
        }
    }
}

/// Text, answers, facts without the moment they were taken, guests made before, model and prompt.
pub fn key(settings: &Settings, text: &str, facts: &Facts, context: &Context<'_>) -> Key {
    let mut same = facts.clone();
    same.observed_at.clear();
    let answers: Vec<_> = context.answers.iter().map(|a| (a.about, &a.answer)).collect();
    let parts = serde_json::json!([
        settings.provider.as_str(),
        settings.base_url,
        settings.model,
        settings.answer_tokens_max,
        prompt::VERSION,
        text,
        answers,
        context.own_guests,
        same,
    ]);
    Sha256::digest(parts.to_string().as_bytes()).into()
}

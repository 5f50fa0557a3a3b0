//! Language models as interpreters: OpenAI and servers that speak like it, Claude, Ollama.
//!
//! Begin with [`Model`]. A model gets a small prompt with the facts as data, answers in the interpretation
//! schema, and is judged like anybody: strict JSON, schema, true words, rules. One answer that does not pass is
//! sent back with the reason; the second one counts. The grammar reads the same text beside it, and where the
//! two disagree the author sees a warning.
//!
//! Never here: trust in what a model says, retries without end, and secrets in a prompt. A key is in a header
//! and nowhere else.

mod cross;
mod examine;
mod memory;
mod prompt;
mod simple;
#[cfg(test)]
mod tests;
mod transport;
mod wire;

pub use transport::Trouble;
pub use wire::Provider;

use crate::model::judged_answered;
use crate::{Answering, Context, Examining, Identity, Interpreter, Scripted, Usage, limits};
use domain::facts::Facts;
use domain::interpretation::{Interpretation, Kind, Refusal, RefusalReason};
use memory::Memory;
use secrets::Secret;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use transport::Transport;

/// Which model, where, and within which limits.
#[derive(Clone, Debug)]
pub struct Settings {
    pub provider: Provider,
    /// Where the API begins, without the path of the call: `https://api.openai.com/v1`.
    pub base_url: String,
    pub model: String,
    /// None where the server asks for no key.
    pub key: Option<Secret<String>>,
    /// For one call; an answer takes at most two.
    pub timeout: Duration,
    pub answer_tokens_max: u32,
}

/// A language model that answers declarations.
#[derive(Debug)]
pub struct Model {
    settings: Settings,
    transport: Transport,
    memory: Mutex<Memory>,
    used: Mutex<Usage>,
}

impl Model {
    /// Errors name what is wrong with the settings; nothing is sent yet.
    pub fn new(settings: Settings) -> Result<Self, Trouble> {
        let transport = Transport::new(&settings)?;
        Ok(Self { settings, transport, memory: Mutex::default(), used: Mutex::default() })
    }

    /// Whether the server can be reached with the key, and lists the model. Costs no tokens.
    pub async fn listed(&self) -> Result<bool, Trouble> {
        let raw = self.transport.models().await?;
        wire::lists(self.settings.provider, &raw, &self.settings.model)
    }

    /// The model's judged answer, or why there is none, and what it used.
    async fn ask(
        &self,
        text: &str,
        facts: &Facts,
        context: &Context<'_>,
    ) -> (Result<Interpretation, String>, Usage) {
        let shown = prompt::masked(text, facts);
        let mut talk = vec![wire::Turn::user(prompt::user(&shown, facts, context))];
        let mut usage = Usage::default();
        let mut last = String::new();
        for _ in 0..limits::MODEL_CALLS_MAX {
            let body = wire::request(&self.settings, prompt::SYSTEM, &talk);
            let reply = match self
                .transport
                .call(&body)
                .await
                .and_then(|raw| wire::answer(self.settings.provider, &raw))
            {
                Ok(reply) => reply,
                Err(trouble) => return (Err(trouble.advice()), usage),
            };
            usage.calls += 1;
            usage.prompt_tokens += reply.prompt_tokens;
            usage.answer_tokens += reply.answer_tokens;
            // Judged by what it was shown: the places are the same, and what is masked cannot be used.
            match judged_answered(&simple::restored(&reply.text), &shown, facts, context.answers) {
                Ok(answer) => return (Ok(answer), usage),
                Err(rejected) => {
                    last = rejected.advice();
                    talk.truncate(1);
                    talk.push(wire::Turn::assistant(limits::cut(&reply.text, limits::REPAIR_CHARS_MAX)));
                    talk.push(wire::Turn::user(prompt::repair(&rejected)));
                }
            }
        }
        (Err(last), usage)
    }

    async fn read(&self, text: &str, facts: &Facts, context: &Context<'_>) -> Interpretation {
        let grammar = Scripted::read(text, facts, context);
        // What is empty or too large is refused before anybody is paid.
        if grammar.refusal.as_ref().is_some_and(|r| r.reason == RefusalReason::TooLarge)
            || text.trim().is_empty()
        {
            return grammar;
        }
        let key = memory::key(&self.settings, text, facts, context);
        if let Some(known) = self.memory.lock().ok().and_then(|memory| memory.get(&key)) {
            tracing::info!(provider = self.settings.provider.as_str(), model = %self.settings.model, "answer known already");
            return known;
        }
        let begun = Instant::now();
        let (answer, usage) = self.ask(text, facts, context).await;
        if let Ok(mut used) = self.used.lock() {
            used.calls += usage.calls;
            used.prompt_tokens += usage.prompt_tokens;
            used.answer_tokens += usage.answer_tokens;
        }
        let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            provider = self.settings.provider.as_str(),
            model = %self.settings.model,
            calls = usage.calls,
            prompt_tokens = usage.prompt_tokens,
            answer_tokens = usage.answer_tokens,
            took_ms,
            good = answer.is_ok(),
            "a model was asked"
        );
        match answer {
            Ok(mut answer) => {
                cross::check(&mut answer, &grammar, facts);
                if let Ok(mut memory) = self.memory.lock() {
                    memory.put(key, answer.clone());
                }
                answer
            }
            Err(why) => {
                let mut refusal = Interpretation::empty(Kind::Refusal);
                let text = limits::cut(&why, limits::REFUSAL_CHARS_MAX);
                refusal.refusal = Some(Refusal { reason: RefusalReason::Unsupported, text, span: None });
                refusal
            }
        }
    }
}

impl Interpreter for Model {
    fn identity(&self) -> Identity {
        Identity {
            provider: self.settings.provider.as_str().into(),
            model: self.settings.model.clone(),
            version: format!("prompt {}", prompt::VERSION),
        }
    }

    fn interpret<'a>(&'a self, text: &'a str, facts: &'a Facts, context: &'a Context<'a>) -> Answering<'a> {
        Box::pin(self.read(text, facts, context))
    }

    fn used(&self) -> Usage {
        self.used.lock().map(|used| *used).unwrap_or_default()
    }

    fn examine(&self) -> Examining<'_> {
        Box::pin(examine::checks(self))
    }
}

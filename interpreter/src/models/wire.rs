//! What is sent to a provider and what comes back, in the provider's own shape.
//!
//! Begin with [`request`] and [`answer`]. OpenAI: chat completions with `response_format` of type
//! `json_schema`. Claude: messages with one tool that must be used, whose input is the answer. Ollama: `/api/chat`
//! with the schema as `format`. Shapes as the providers publish them.

use super::transport::Trouble;
use super::{Settings, simple};
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    OpenAi,
    Claude,
    Ollama,
}

impl Provider {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Claude => "claude",
            Self::Ollama => "ollama",
        }
    }

    /// Name of the key file.
    pub fn key_name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai-key",
            Self::Claude => "claude-key",
            Self::Ollama => "ollama-key",
        }
    }

    /// Where a person gets a key; the provider's own page.
    pub fn keys_page(self) -> &'static str {
        match self {
            Self::OpenAi => "https://platform.openai.com/api-keys",
            Self::Claude => "https://console.anthropic.com/settings/keys",
            Self::Ollama => "https://ollama.com/settings/keys",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        [Self::OpenAi, Self::Claude, Self::Ollama].into_iter().find(|p| p.as_str() == name)
    }

    /// The path of the call behind the base URL.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::OpenAi => "chat/completions",
            Self::Claude => "v1/messages",
            Self::Ollama => "api/chat",
        }
    }

    /// The path of the list of models behind the base URL.
    pub(super) fn list(self) -> &'static str {
        match self {
            Self::OpenAi => "models",
            Self::Claude => "v1/models?limit=1000",
            Self::Ollama => "api/tags",
        }
    }

    /// Where the API begins when the settings do not say.
    pub fn usual_base(self) -> &'static str {
        match self {
            Self::OpenAi => "https://api.openai.com/v1",
            Self::Claude => "https://api.anthropic.com",
            Self::Ollama => "http://127.0.0.1:11434",
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Turn {
    role: &'static str,
    text: String,
}

impl Turn {
    pub fn user(text: String) -> Self {
        Self { role: "user", text }
    }

    pub fn assistant(text: String) -> Self {
        Self { role: "assistant", text }
    }

    fn json(&self) -> Value {
        json!({"role": self.role, "content": self.text})
    }
}

pub(super) const TOOL: &str = "interpretation";

pub(super) fn request(settings: &Settings, system: &str, talk: &[Turn]) -> Value {
    let schema = simple::schema();
    let turns: Vec<Value> = talk.iter().map(Turn::json).collect();
    let with_system = || {
        [json!({"role": "system", "content": system})].into_iter().chain(turns.clone()).collect::<Vec<_>>()
    };
    match settings.provider {
        Provider::OpenAi => json!({
            "model": settings.model,
            "messages": with_system(),
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": TOOL, "strict": true, "schema": schema},
            },
            "max_completion_tokens": settings.answer_tokens_max,
        }),
        Provider::Claude => json!({
            "model": settings.model,
            "max_tokens": settings.answer_tokens_max,
            "system": system,
            "messages": turns,
            "tools": [{
                "name": TOOL,
                "description": "Hands over the interpretation of the declaration.",
                "input_schema": schema,
            }],
            "tool_choice": {"type": "tool", "name": TOOL},
        }),
        Provider::Ollama => json!({
            "model": settings.model,
            "messages": with_system(),
            "format": schema,
            "stream": false,
            "options": {"temperature": 0, "num_predict": settings.answer_tokens_max},
        }),
    }
}

/// True if a provider's list of models has this one.
pub(super) fn lists(provider: Provider, raw: &[u8], model: &str) -> Result<bool, Trouble> {
    let body: Value = serde_json::from_slice(raw).map_err(|_| Trouble::NotUnderstood)?;
    let (list, field) = match provider {
        Provider::OpenAi | Provider::Claude => ("data", "id"),
        Provider::Ollama => ("models", "name"),
    };
    let models = body.get(list).and_then(Value::as_array).ok_or(Trouble::NotUnderstood)?;
    // Ollama lists `name:tag`; without a tag `latest` is meant.
    Ok(models
        .iter()
        .filter_map(|one| one.get(field)?.as_str())
        .any(|id| id == model || provider == Provider::Ollama && id.strip_suffix(":latest") == Some(model)))
}

/// A model's text with what it cost.
#[derive(Debug)]
pub(super) struct Reply {
    pub text: String,
    pub prompt_tokens: u64,
    pub answer_tokens: u64,
}

pub(super) fn answer(provider: Provider, raw: &[u8]) -> Result<Reply, Trouble> {
    let body: Value = serde_json::from_slice(raw).map_err(|_| Trouble::NotUnderstood)?;
    let number = |at: &str| body.pointer(at).and_then(Value::as_u64).unwrap_or(0);
    let words = |at: &str| body.pointer(at).and_then(Value::as_str);
    let cut_short = match provider {
        Provider::OpenAi => words("/choices/0/finish_reason") == Some("length"),
        Provider::Claude => words("/stop_reason") == Some("max_tokens"),
        Provider::Ollama => words("/done_reason") == Some("length"),
    };
    if cut_short {
        return Err(Trouble::CutShort);
    }
    let (text, prompt_tokens, answer_tokens) = match provider {
        Provider::OpenAi => {
            if words("/choices/0/message/refusal").is_some_and(|r| !r.is_empty()) {
                return Err(Trouble::Declined);
            }
            let text = words("/choices/0/message/content").map(str::to_owned);
            (text, number("/usage/prompt_tokens"), number("/usage/completion_tokens"))
        }
        Provider::Claude => {
            if words("/stop_reason") == Some("refusal") {
                return Err(Trouble::Declined);
            }
            let used = body.get("content").and_then(Value::as_array).and_then(|blocks| {
                blocks.iter().find(|b| {
                    b.get("type").is_some_and(|t| t == "tool_use") && b.get("name").is_some_and(|n| n == TOOL)
                })
            });
            let text = used.and_then(|block| block.get("input")).map(Value::to_string);
            (text, number("/usage/input_tokens"), number("/usage/output_tokens"))
        }
        Provider::Ollama => (
            words("/message/content").map(str::to_owned),
            number("/prompt_eval_count"),
            number("/eval_count"),
        ),
    };
    let text = text.ok_or(Trouble::NotUnderstood)?;
    Ok(Reply { text, prompt_tokens, answer_tokens })
}

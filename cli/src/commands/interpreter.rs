//! The interpreter that the configuration names.
//!
//! Begin with [`chosen`]. A model's key is a key file like the others; the Agent makes the model anew when it changes.

use crate::config::Agent as Settings;
use crate::failure::{Code, Failure};
use interpreter::models::{self, Model, Provider, Trouble};
use interpreter::{Interpreter, Scripted};
use secrets::{FileError, KeyFolder, Secret};
use std::sync::Arc;
use std::time::Duration;

const TIMEOUT_S: u32 = 60;
const TIMEOUT_S_MAX: u32 = 600;
const ANSWER_TOKENS_MAX: u32 = 16_000;

/// Name of the key file; none for the grammar.
pub fn key_name(settings: &Settings) -> Option<&'static str> {
    Provider::named(&settings.interpreter).map(Provider::key_name)
}

/// The grammar, or a language model with its settings.
pub fn chosen(settings: &Settings, keys: &KeyFolder) -> Result<Arc<dyn Interpreter>, Failure> {
    chosen_with(settings, key(settings, keys)?)
}

/// The same with a key that is not stored.
pub fn chosen_with(
    settings: &Settings,
    key: Option<Secret<String>>,
) -> Result<Arc<dyn Interpreter>, Failure> {
    Ok(match model(settings, key)? {
        None => Arc::new(Scripted),
        Some(model) => Arc::new(model),
    })
}

/// What `doctor` says about it: for a model, whether its server answers with this key and knows the model.
pub async fn examined(settings: &Settings, keys: &KeyFolder) -> Result<String, Failure> {
    let Some(model) = model(settings, key(settings, keys)?)? else {
        return Ok("the offline grammar; no model is asked".into());
    };
    let name = settings.model.as_ref().map(|model| model.name.clone()).unwrap_or_default();
    match model.listed().await {
        Ok(true) => Ok(format!("{} answers and lists {name}", settings.interpreter)),
        Ok(false) => {
            let what = format!("{} answers, but does not list the model {name}", settings.interpreter);
            Err(Failure::new(Code::CheckFailed, what, "correct agent.model.name, or load the model there"))
        }
        Err(trouble) => Err(Failure::new(Code::Unavailable, &trouble, trouble.advice())),
    }
}

/// The model that the configuration names; none for the grammar.
fn model(settings: &Settings, key: Option<Secret<String>>) -> Result<Option<Model>, Failure> {
    if settings.interpreter == "scripted" {
        return Ok(None);
    }
    let usage = |what: String, next: &str| Failure::new(Code::Usage, what, next);
    let provider = Provider::named(&settings.interpreter).ok_or_else(|| {
        let what = format!("there is no interpreter {}", settings.interpreter);
        usage(what, "set agent.interpreter to scripted, openai, claude or ollama")
    })?;
    let model = settings.model.as_ref().ok_or_else(|| {
        usage(format!("no model is named for {}", provider.as_str()), "set agent.model.name")
    })?;
    let settings = models::Settings {
        provider,
        base_url: model.base_url.clone().unwrap_or_else(|| provider.usual_base().to_owned()),
        model: model.name.clone(),
        key,
        timeout: Duration::from_secs(model.timeout_s.unwrap_or(TIMEOUT_S).clamp(1, TIMEOUT_S_MAX).into()),
        answer_tokens_max: model.answer_tokens_max.unwrap_or(ANSWER_TOKENS_MAX).max(1),
    };
    Model::new(settings).map(Some).map_err(|trouble| {
        // A key can be stored anew while the Agent runs; the configuration cannot.
        let code = if trouble == Trouble::BadKey { Code::Unavailable } else { Code::Usage };
        Failure::new(code, &trouble, trouble.advice())
    })
}

/// The key; none where none is stored, since a server may need none.
fn key(settings: &Settings, keys: &KeyFolder) -> Result<Option<Secret<String>>, Failure> {
    let Some(name) = key_name(settings) else { return Ok(None) };
    match keys.read_text(name) {
        Err(FileError::Missing { .. }) => Ok(None),
        Err(error) => Err(Failure::new(Code::Unavailable, &error, error.advice())),
        Ok(key) => Ok(Some(key)),
    }
}

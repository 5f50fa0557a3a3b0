//! The interpreter that the configuration names.
//!
//! Begin with [`chosen`]. A model's key is read from its key file once, when the Agent starts.

use crate::config::Agent as Settings;
use crate::failure::{Code, Failure};
use interpreter::models::{self, Model, Provider};
use interpreter::{Interpreter, Scripted};
use secrets::Secret;
use std::sync::Arc;
use std::time::Duration;

const TIMEOUT_S: u32 = 60;
const TIMEOUT_S_MAX: u32 = 600;
const ANSWER_TOKENS_MAX: u32 = 16_000;

/// The grammar, or a language model with its settings.
pub fn chosen(settings: &Settings) -> Result<Arc<dyn Interpreter>, Failure> {
    Ok(match model(settings)? {
        None => Arc::new(Scripted),
        Some(model) => Arc::new(model),
    })
}

/// What `doctor` says about it: for a model, whether its server answers with this key and knows the model.
pub async fn examined(settings: &Settings) -> Result<String, Failure> {
    let Some(model) = model(settings)? else { return Ok("the offline grammar; no model is asked".into()) };
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
fn model(settings: &Settings) -> Result<Option<Model>, Failure> {
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
        key: key(settings, provider)?,
        timeout: Duration::from_secs(model.timeout_s.unwrap_or(TIMEOUT_S).clamp(1, TIMEOUT_S_MAX).into()),
        answer_tokens_max: model.answer_tokens_max.unwrap_or(ANSWER_TOKENS_MAX).max(1),
    };
    Model::new(settings).map(Some).map_err(|trouble| usage(trouble.to_string(), &trouble.advice()))
}

/// The key file's content; none where there is no such file and the server may need none.
fn key(settings: &Settings, provider: Provider) -> Result<Option<Secret<String>>, Failure> {
    let failed = |error: secrets::FileError| Failure::new(Code::Unavailable, &error, error.advice());
    let path =
        secrets::files::path_of(&settings.secrets, &format!("{}-key", provider.as_str())).map_err(failed)?;
    if !path.exists() {
        return Ok(None);
    }
    let key = secrets::files::read_text(&path).map_err(failed)?;
    Ok(Some(Secret::new(key.expose().trim().to_owned())))
}

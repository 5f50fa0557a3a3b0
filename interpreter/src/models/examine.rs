//! Trying a model's key: the provider's list of models is asked, which costs no tokens.

use super::wire::Provider;
use super::{Model, Settings, Trouble};
use crate::limits;
use domain::settings::{Check, Outcome};

/// What the list of models says about the key and the model.
pub(super) async fn checks(model: &Model) -> Vec<Check> {
    let settings = &model.settings;
    let provider = settings.provider.as_str();
    let name = limits::cut(&settings.model, limits::MODEL_NAME_SHOWN_CHARS);
    match model.listed().await {
        Ok(is_listed) => {
            let found = match settings.key {
                Some(_) => {
                    format!("accepted by {provider}; its list of models was asked, no tokens were used")
                }
                None => format!("{provider} answers and asks for none"),
            };
            let key = check("Key", Outcome::Passed, found, Vec::new());
            let listed = match is_listed {
                true => check("Model", Outcome::Passed, format!("{name} can be used"), Vec::new()),
                false => check(
                    "Model",
                    Outcome::Failed,
                    format!("{name} is not listed for this key"),
                    unlisted(settings),
                ),
            };
            vec![key, listed]
        }
        Err(trouble) => vec![check("Key", Outcome::Failed, trouble.to_string(), next(settings, &trouble))],
    }
}

fn check(what: &str, outcome: Outcome, found: String, next: Vec<String>) -> Check {
    Check { what: what.into(), outcome, found, next }
}

fn unlisted(settings: &Settings) -> Vec<String> {
    let allow = match settings.provider {
        Provider::OpenAi if is_own(settings) => {
            "allow it under Limits of the key's project at https://platform.openai.com/settings"
        }
        Provider::Claude if is_own(settings) => "choose one that the key's workspace may use",
        _ => "load it on the server",
    };
    vec![format!("Correct agent.model.name in the Agent's configuration, or {allow}.")]
}

/// Exact where the provider says what is wrong.
fn next(settings: &Settings, trouble: &Trouble) -> Vec<String> {
    let name = settings.provider.key_name();
    let mint = match is_own(settings) {
        true => format!("Make a key at {} and store it as {name}.", settings.provider.keys_page()),
        false => format!("Ask whoever runs {} for a key and store it as {name}.", base(settings)),
    };
    match trouble {
        Trouble::Status(401) if settings.key.is_none() => vec![mint],
        Trouble::Status(401) => {
            vec!["It is mistyped, revoked or of another provider.".into(), mint]
        }
        Trouble::LacksScopes(_) => vec![format!(
            "Edit the key at {}: Permissions, Restricted: Model capabilities: Request, and List models: Read.",
            settings.provider.keys_page()
        )],
        Trouble::Status(403) => {
            vec![
                "The account or its project may not use this API: look at its access and its billing.".into(),
                mint,
            ]
        }
        other => vec![other.advice()],
    }
}

/// Whether the provider itself is asked, rather than a server that speaks like it.
fn is_own(settings: &Settings) -> bool {
    base(settings) == settings.provider.usual_base()
}

fn base(settings: &Settings) -> &str {
    settings.base_url.trim_end_matches('/')
}

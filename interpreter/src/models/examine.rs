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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Interpreter;
    use crate::models::tests::{KEY, model, stand_in};
    use serde_json::json;

    async fn examined(status: u16, body: &str, change: impl FnOnce(&mut Settings)) -> Vec<Check> {
        let body = body.to_owned();
        let (address, _) = stand_in(move |_, _| Some((status, body.clone())));
        let mut model = model(Provider::OpenAi, &address);
        change(&mut model.settings);
        let checks = model.examine().await;
        assert!(!format!("{checks:?}").contains(KEY));
        checks
    }

    #[tokio::test]
    async fn each_trouble_of_a_key_is_named_with_the_step_that_mends_it() {
        let list = json!({"object": "list", "data": [{"id": "stand-in-1"}]}).to_string();
        let good = examined(200, &list, |_| {}).await;
        assert!(good.len() == 2 && good.iter().all(|check| check.outcome == Outcome::Passed), "{good:?}");
        let other = examined(200, &list, |settings| settings.model = "big-2".into()).await;
        assert_eq!((other[0].outcome, other[1].outcome), (Outcome::Passed, Outcome::Failed));
        assert!(other[1].next[0].contains("agent.model.name"), "{other:?}");

        let wrong = json!({"error": {"message": format!("Incorrect API key provided: {KEY}")}}).to_string();
        let wrong = examined(401, &wrong, |_| {}).await;
        assert!(wrong[0].next[0].contains("mistyped, revoked"), "{wrong:?}");
        let scopes = r#"{"error":{"message":"You have insufficient permissions. Missing scopes: api.model.read. Check"}}"#;
        for status in [401, 403] {
            let lacks = examined(status, scopes, |_| {}).await;
            assert!(lacks[0].found.ends_with("api.model.read"), "{lacks:?}");
            assert!(lacks[0].next[0].contains("List models: Read"), "{lacks:?}");
        }
        let none = examined(401, "{}", |settings| settings.key = None).await;
        assert!(none[0].next[0].contains("store it as openai-key"), "{none:?}");
        let busy = examined(429, "{}", |_| {}).await;
        assert!(busy[0].next[0].contains("limit"), "{busy:?}");
    }

    /// A key is minted where it is asked for.
    #[tokio::test]
    async fn the_provider_itself_is_named_where_it_is_asked() {
        for provider in [Provider::OpenAi, Provider::Claude, Provider::Ollama] {
            let mut settings = model(provider, "http://127.0.0.1:9").settings.clone();
            let there = next(&settings, &Trouble::Status(401)).join(" ");
            assert!(
                there.contains("Ask whoever runs http://127.0.0.1:9") || provider == Provider::Ollama,
                "{there}"
            );
            settings.base_url = provider.usual_base().into();
            let own = next(&settings, &Trouble::Status(401)).join(" ");
            assert!(own.contains(provider.keys_page()) && own.contains(provider.key_name()), "{own}");
        }
    }
}

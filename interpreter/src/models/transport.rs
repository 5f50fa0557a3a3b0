//! One bounded HTTP call to a provider.
//!
//! Begin with [`Transport::call`]. The time and the size of an answer are limited, redirects are not followed and no
//! proxy of the environment is used. The key is in a header only and stands in no error.

use super::Settings;
use super::wire::Provider;
use crate::limits;
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Client, Url, redirect};
use serde_json::Value;
use std::sync::Arc;

/// Why a model gave no answer. Nothing of what was sent stands in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    #[error("the model's address {0} is not a valid http or https URL")]
    BadAddress(String),
    #[error("the model's key holds characters that no header may hold")]
    BadKey,
    #[error("no TLS client could be made: {0}")]
    Tls(String),
    #[error("the model cannot be reached")]
    Unreachable,
    #[error("the model did not answer in time")]
    Slow,
    #[error("the model's server answered with status {0}")]
    Status(u16),
    #[error("the key lacks these rights: {0}")]
    LacksScopes(String),
    #[error("the model's answer is larger than is read")]
    TooLarge,
    #[error("the model's answer has not the provider's shape")]
    NotUnderstood,
    #[error("the model's answer was cut short by its token limit")]
    CutShort,
    #[error("the model declined to answer")]
    Declined,
}

impl Trouble {
    /// What the author can do.
    pub fn advice(&self) -> String {
        let next = match self {
            Self::BadAddress(_) => "Correct agent.model.base_url.",
            Self::BadKey => "Write the key file again, one line.",
            Self::Tls(_) | Self::Unreachable => {
                "Check agent.model.base_url and the network, or choose the scripted interpreter."
            }
            Self::Slow => "Try again, raise agent.model.timeout_s, or choose the scripted interpreter.",
            Self::Status(401 | 403) => "The key is not accepted: check the key file and the account.",
            Self::LacksScopes(_) => "Give them to the key where it was made.",
            Self::Status(404) => "Check agent.model.name and agent.model.base_url.",
            Self::Status(429) => "The provider's limit is reached: wait, or choose the scripted interpreter.",
            Self::Status(_) | Self::NotUnderstood => "Try again later, or choose the scripted interpreter.",
            Self::TooLarge | Self::CutShort => {
                "Say it in two declarations, or raise agent.model.answer_tokens_max."
            }
            Self::Declined => "Say it in other words, or choose the scripted interpreter.",
        };
        let what = self.to_string();
        let mut letters = what.chars();
        let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
        format!("{first}{}. {next}", letters.as_str())
    }
}

#[derive(Debug)]
pub(super) struct Transport {
    client: Client,
    url: Url,
    /// Where the provider lists its models.
    list: Url,
}

impl Transport {
    pub fn new(settings: &Settings) -> Result<Self, Trouble> {
        let bad = || Trouble::BadAddress(limits::cut(&settings.base_url, 120));
        let base = format!("{}/", settings.base_url.trim_end_matches('/'));
        let base = Url::parse(&base).map_err(|_| bad())?;
        let good = matches!(base.scheme(), "http" | "https")
            && base.username().is_empty()
            && base.password().is_none();
        let url = base.join(settings.provider.path()).ok().filter(|_| good).ok_or_else(bad)?;
        let list = base.join(settings.provider.list()).map_err(|_| bad())?;
        let client = Client::builder()
            .use_preconfigured_tls(tls()?)
            .default_headers(headers(settings)?)
            .timeout(settings.timeout)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| Trouble::Tls(error.to_string()))?;
        Ok(Self { client, url, list })
    }

    /// The provider's list of models: a request that costs no tokens.
    pub async fn models(&self) -> Result<Vec<u8>, Trouble> {
        whole(self.client.get(self.list.clone()).send().await.map_err(failed)?).await
    }

    /// The body of a good answer, at most [`limits::MODEL_BODY_BYTES_MAX`] long.
    pub async fn call(&self, body: &Value) -> Result<Vec<u8>, Trouble> {
        whole(self.client.post(self.url.clone()).json(body).send().await.map_err(failed)?).await
    }
}

fn failed(error: reqwest::Error) -> Trouble {
    if error.is_timeout() { Trouble::Slow } else { Trouble::Unreachable }
}

async fn whole(mut response: reqwest::Response) -> Result<Vec<u8>, Trouble> {
    let status = response.status();
    if !status.is_success() {
        if matches!(status.as_u16(), 401 | 403)
            && let Some(scopes) = scopes(&beginning(response).await)
        {
            return Err(Trouble::LacksScopes(scopes));
        }
        return Err(Trouble::Status(status.as_u16()));
    }
    let mut whole = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(failed)? {
        if whole.len() + piece.len() > limits::MODEL_BODY_BYTES_MAX {
            return Err(Trouble::TooLarge);
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole)
}

/// The beginning of a refusal: long enough for its reason.
async fn beginning(mut response: reqwest::Response) -> String {
    let mut read = Vec::new();
    while read.len() < limits::REFUSED_BODY_BYTES_MAX
        && let Ok(Some(piece)) = response.chunk().await
    {
        read.extend_from_slice(&piece);
    }
    read.truncate(limits::REFUSED_BODY_BYTES_MAX);
    String::from_utf8_lossy(&read).into_owned()
}

/// OpenAI names the rights that a restricted key lacks: `Missing scopes: api.model.read.` Nothing else of its words
/// goes on: they may hold part of the key.
fn scopes(said: &str) -> Option<String> {
    let (_, rest) = said.split_once("Missing scopes: ")?;
    let plain = |c: char| c.is_ascii_lowercase() || matches!(c, '.' | '_' | ',' | ' ');
    let list: String = rest.chars().take(120).take_while(|c| plain(*c)).collect();
    let list = list.trim_end_matches(|c: char| !c.is_ascii_lowercase());
    (!list.is_empty()).then(|| list.to_owned())
}

fn headers(settings: &Settings) -> Result<HeaderMap, Trouble> {
    let mut headers = HeaderMap::new();
    if settings.provider == Provider::Claude {
        headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
    }
    if let Some(key) = &settings.key {
        let key = key.expose().trim();
        let (name, value) = match settings.provider {
            Provider::Claude => ("x-api-key", key.to_owned()),
            Provider::OpenAi | Provider::Ollama => ("authorization", format!("Bearer {key}")),
        };
        let mut value = HeaderValue::from_str(&value).map_err(|_| Trouble::BadKey)?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}

fn tls() -> Result<rustls::ClientConfig, Trouble> {
    let mut roots = rustls::RootCertStore::empty();
    // A machine without certificates still speaks plain http to a server of its own.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config =
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Trouble::Tls(error.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rights_that_a_key_lacks_are_read_and_nothing_else() {
        let said = r#"{"error":{"message":"You have insufficient permissions. Missing scopes: api.model.read, model.request. Check that you have"}}"#;
        assert_eq!(scopes(said).as_deref(), Some("api.model.read, model.request"));
        assert_eq!(scopes("Incorrect API key provided: sk-abc***xyz"), None);
        assert_eq!(scopes("Missing scopes: SK-1"), None);
    }
}

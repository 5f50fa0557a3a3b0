//! The model path against stand-ins on loopback that speak the providers' published shapes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::{Model, Provider, Settings, Trouble};
use crate::{Context, Interpreter, Scripted, fixtures};
use domain::facts::Facts;
use domain::interpretation::{Interpretation, Kind, Label, WarningAbout};
use secrets::Secret;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(super) const KEY: &str = "sk-canary-8d1f0c44";

/// One request as the stand-in saw it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    path: String,
    headers: Vec<(String, String)>,
    body: Value,
    raw: String,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The user's first message.
    fn told(&self) -> Value {
        let messages = self.body["messages"].as_array().unwrap();
        let user = messages.iter().find(|m| m["role"] == "user").unwrap();
        serde_json::from_str(user["content"].as_str().unwrap()).unwrap()
    }
}

pub(super) type Calls = Arc<Mutex<Vec<Seen>>>;

/// A provider that answers with what `reply` makes of a request: a status and a body. None: no answer at all.
pub(super) fn stand_in(
    reply: impl Fn(&Seen, usize) -> Option<(u16, String)> + Send + 'static,
) -> (String, Calls) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let calls: Calls = Calls::default();
    let seen_by = calls.clone();
    std::thread::spawn(move || {
        let mut silent = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let path = line.split(' ').nth(1).unwrap_or("").to_owned();
            let get = line.starts_with("GET ");
            assert!(get || line.starts_with("POST "), "{line}");
            let mut headers = Vec::new();
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                let Some((name, value)) = line.trim().split_once(": ") else { break };
                headers.push((name.to_lowercase(), value.to_owned()));
            }
            let length =
                headers.iter().find(|(n, _)| n == "content-length").map_or(0, |(_, v)| v.parse().unwrap());
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let raw = String::from_utf8(body).unwrap();
            let seen = Seen {
                path,
                headers,
                body: if get { Value::Null } else { serde_json::from_str(&raw).unwrap() },
                raw,
            };
            let number = {
                let mut all = seen_by.lock().unwrap();
                all.push(seen.clone());
                all.len()
            };
            let Some((status, body)) = reply(&seen, number) else {
                silent.push(stream);
                continue;
            };
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            // A client that had enough may be gone.
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
        }
    });
    (address, calls)
}

pub(super) fn model(provider: Provider, address: &str) -> Model {
    let settings = Settings {
        provider,
        base_url: if provider == Provider::OpenAi { format!("{address}/v1") } else { address.to_owned() },
        model: "stand-in-1".into(),
        key: (provider != Provider::Ollama).then(|| Secret::new(KEY.to_owned())),
        timeout: Duration::from_secs(20),
        answer_tokens_max: 8_000,
    };
    assert!(!format!("{settings:?}").contains(KEY));
    Model::new(settings).unwrap()
}

/// A document in the envelope of the provider.
fn envelope(provider: Provider, document: &str) -> String {
    match provider {
        Provider::OpenAi => json!({
            "id": "chatcmpl-1", "object": "chat.completion", "model": "stand-in-1",
            "choices": [{"index": 0, "finish_reason": "stop",
                "message": {"role": "assistant", "content": document, "refusal": null}}],
            "usage": {"prompt_tokens": 900, "completion_tokens": 70, "total_tokens": 970},
        }),
        Provider::Claude => json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": "stand-in-1",
            "content": [{"type": "tool_use", "id": "toolu_1", "name": "interpretation",
                "input": serde_json::from_str::<Value>(document).unwrap_or_else(|_| json!({"raw": document}))}],
            "stop_reason": "tool_use", "usage": {"input_tokens": 900, "output_tokens": 70},
        }),
        Provider::Ollama => json!({
            "model": "stand-in-1", "message": {"role": "assistant", "content": document},
            "done": true, "done_reason": "stop", "prompt_eval_count": 900, "eval_count": 70,
        }),
    }
    .to_string()
}

/// The document as a model writes it: labels in a list, words quoted and not counted.
fn as_a_model(document: &Interpretation, text: &str) -> String {
    let mut value = serde_json::to_value(document).unwrap();
    let list: Vec<Value> = document
        .provenance
        .iter()
        .map(|(pointer, label)| {
            let mut entry = json!({"pointer": pointer, "from": null, "quote": null, "rule": null, "fact": null, "why": null});
            let quote = |span: &Option<domain::interpretation::Span>| {
                span.and_then(|s| s.of(text)).filter(|w| w.chars().count() <= 400 && !w.is_empty()).map(str::to_owned)
            };
            match label {
                Label::Said { span, .. } => {
                    entry["from"] = json!("said");
                    entry["quote"] = json!(quote(span));
                }
                Label::Default { rule } => {
                    entry["from"] = json!("default");
                    entry["rule"] = json!(rule);
                }
                Label::Observed { fact } => {
                    entry["from"] = json!("observed");
                    entry["fact"] = json!(fact);
                }
                Label::Derived { why, span, .. } => {
                    entry["from"] = json!("derived");
                    entry["why"] = json!(why);
                    entry["quote"] = json!(quote(span));
                }
            }
            entry
        })
        .collect();
    value["provenance"] = Value::Array(list);
    value.to_string()
}

fn facts() -> Facts {
    serde_json::from_str(fixtures::CLUSTER).unwrap()
}

async fn ask(model: &Model, text: &str) -> Interpretation {
    model.interpret(text, &facts(), &Context::default()).await
}

/// What the provider's documentation asks of a request.
fn published_shape(provider: Provider, seen: &Seen) {
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.body["model"], "stand-in-1");
    let roles: Vec<&str> =
        seen.body["messages"].as_array().unwrap().iter().map(|m| m["role"].as_str().unwrap()).collect();
    match provider {
        Provider::OpenAi => {
            assert_eq!(seen.path, "/v1/chat/completions");
            assert_eq!(seen.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
            assert_eq!(seen.body["response_format"]["type"], "json_schema");
            let inner = &seen.body["response_format"]["json_schema"];
            assert_eq!(
                (inner["name"].as_str(), inner["strict"].as_bool()),
                (Some("interpretation"), Some(true))
            );
            strict_objects(&inner["schema"]);
            assert!(seen.body["max_completion_tokens"].as_u64().unwrap() > 0);
            assert_eq!(roles.first(), Some(&"system"));
        }
        Provider::Claude => {
            assert_eq!(seen.path, "/v1/messages");
            assert_eq!(seen.header("x-api-key"), Some(KEY));
            assert_eq!(seen.header("anthropic-version"), Some("2023-06-01"));
            assert!(seen.header("authorization").is_none());
            assert!(seen.body["max_tokens"].as_u64().unwrap() > 0);
            assert!(seen.body["system"].is_string());
            assert_eq!(roles.first(), Some(&"user"), "messages have no system role");
            assert_eq!(seen.body["tool_choice"], json!({"type": "tool", "name": "interpretation"}));
            assert_eq!(seen.body["tools"][0]["input_schema"]["type"], "object");
        }
        Provider::Ollama => {
            assert_eq!(seen.path, "/api/chat");
            assert!(seen.header("authorization").is_none());
            assert_eq!(seen.body["stream"], false);
            assert_eq!(seen.body["format"]["type"], "object");
        }
    }
}

/// Strict form: every object says all its properties, requires them all and allows no others.
fn strict_objects(schema: &Value) {
    for word in ["allOf", "if", "then", "$ref", "oneOf", "propertyNames"] {
        assert!(schema.get(word).is_none(), "{word} is not known to strict schemas");
    }
    if schema["type"] == "object" {
        assert_eq!(schema["additionalProperties"], false);
        let properties = schema["properties"].as_object().unwrap();
        assert_eq!(properties.len(), schema["required"].as_array().unwrap().len());
        properties.values().for_each(strict_objects);
    }
    if let Some(items) = schema.get("items") {
        strict_objects(items);
    }
    for branch in schema.get("anyOf").and_then(Value::as_array).into_iter().flatten() {
        strict_objects(branch);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_answers_rightly_is_understood_for_the_whole_corpus() {
    for provider in [Provider::OpenAi, Provider::Claude, Provider::Ollama] {
        let (address, calls) = stand_in(move |seen, _| {
            let text = seen.told()["declaration"].as_str().unwrap().to_owned();
            let right = Scripted::read(&text, &facts(), &Context::default());
            Some((200, envelope(provider, &as_a_model(&right, &text))))
        });
        let model = model(provider, &address);
        let mut wrong = Vec::new();
        for line in include_str!("../../fixtures/items.jsonl").lines() {
            let item: Value = serde_json::from_str(line).unwrap();
            let text = item["text"].as_str().unwrap();
            let want = Scripted::read(text, &facts(), &Context::default());
            let got = ask(&model, text).await;
            if (got.kind, &got.guests, &got.moves, &got.backups)
                != (want.kind, &want.guests, &want.moves, &want.backups)
                || got.refusal.as_ref().map(|r| r.reason) != want.refusal.as_ref().map(|r| r.reason)
                || got.warnings.iter().any(|w| w.about == WarningAbout::InterpretersDisagree)
            {
                wrong.push(format!("{text}: {:?} {:?}", got.refusal, got.warnings));
            }
        }
        assert!(wrong.is_empty(), "{provider:?}: {} wrong\n{}", wrong.len(), wrong.join("\n"));
        calls.lock().unwrap().iter().for_each(|seen| published_shape(provider, seen));
    }
}

#[tokio::test]
async fn no_secret_reaches_a_prompt() {
    let (address, calls) = stand_in(|_, _| Some((200, envelope(Provider::OpenAi, "{}"))));
    let model = model(Provider::OpenAi, &address);
    let text = "Ubuntu VM called vpn with 1 core. The root password shall be Tr0ub4dor-staple-9.";
    ask(&model, text).await;
    assert!(!format!("{model:?}").contains(KEY));
    let calls = calls.lock().unwrap();
    assert_eq!(calls.len(), 2);
    for seen in calls.iter() {
        assert!(!seen.raw.contains(KEY), "the key is in a body");
        assert!(!seen.raw.contains("Tr0ub4dor"), "a secret of the text is in a body");
        assert!(!seen.raw.contains("pre-approved"), "notes of guests are in a body");
        assert_eq!(seen.told()["declaration"].as_str().unwrap().len(), text.len(), "places moved");
    }
}

#[tokio::test]
async fn one_repair_with_the_reason_and_no_more() {
    let text = "A Debian VM called scratch, 2 cores.";
    let right = Scripted::read(text, &facts(), &Context::default());
    let good = as_a_model(&right, text);
    let (address, calls) = stand_in(move |_, n| {
        Some((
            200,
            envelope(
                Provider::OpenAi,
                if n == 1 { "{\"version\": 1, \"kind\": \"desired\"}" } else { &good },
            ),
        ))
    });
    let answer = ask(&model(Provider::OpenAi, &address), text).await;
    assert_eq!(answer.kind, Kind::Desired);
    {
        let calls = calls.lock().unwrap();
        assert_eq!(calls.len(), 2);
        let last = calls[1].body["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap();
        assert!(last.contains("rejected"), "{last}");
    }
    let (address, calls) = stand_in(|_, _| Some((200, envelope(Provider::OpenAi, "no idea"))));
    let answer = ask(&model(Provider::OpenAi, &address), text).await;
    assert_eq!(answer.kind, Kind::Refusal);
    assert_eq!(calls.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn the_same_text_is_asked_once() {
    let text = "A Debian VM called scratch, 2 cores.";
    let good = as_a_model(&Scripted::read(text, &facts(), &Context::default()), text);
    let (address, calls) = stand_in(move |_, _| Some((200, envelope(Provider::Ollama, &good))));
    let model = model(Provider::Ollama, &address);
    let first = ask(&model, text).await;
    assert_eq!(first, ask(&model, text).await);
    assert_eq!(calls.lock().unwrap().len(), 1);
    let mut other = facts();
    other.observed_at = "2026-06-01T00:00:00Z".into();
    model.interpret(text, &other, &Context::default()).await;
    assert_eq!(calls.lock().unwrap().len(), 1, "the moment of looking is no fact");
    other.quorate = false;
    model.interpret(text, &other, &Context::default()).await;
    assert_eq!(calls.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_number_that_the_grammar_reads_differently_is_warned_about() {
    let text = "Give build 6 cores.";
    let mut other = Scripted::read(text, &facts(), &Context::default());
    other.guests[0].cores = Some(8);
    other.provenance.insert(
        "/guests/0/cores".into(),
        // Its words hold the number, so that only the grammar sees what is wrong with it.
        Label::Derived {
            why: "rounded up to a power of two".into(),
            quote: None,
            span: Some(domain::interpretation::Span::new(11, 18)),
        },
    );
    let said = as_a_model(&other, text);
    let (address, _) = stand_in(move |_, _| Some((200, envelope(Provider::Claude, &said))));
    let answer = ask(&model(Provider::Claude, &address), text).await;
    assert_eq!(answer.kind, Kind::Desired);
    let warning = answer.warnings.iter().find(|w| w.about == WarningAbout::InterpretersDisagree).unwrap();
    assert!(warning.text.as_ref().unwrap().contains("cores of build 6 instead of 8"), "{warning:?}");
}

#[tokio::test]
async fn every_failure_ends_as_a_refusal_that_says_what_to_do() {
    let too_large = format!("{{\"pad\": \"{}\"}}", "x".repeat(crate::limits::MODEL_BODY_BYTES_MAX));
    let cases: [(u16, String, &str); 5] = [
        (401, "{}".into(), "key"),
        (429, "{}".into(), "limit"),
        (500, "{}".into(), "status 500"),
        (200, too_large, "larger"),
        (302, "{}".into(), "status 302"),
    ];
    for (status, body, want) in cases {
        let (address, calls) = stand_in(move |_, _| Some((status, body.clone())));
        let answer = ask(&model(Provider::OpenAi, &address), "Start build.").await;
        let text = answer.refusal.unwrap().text;
        assert!(text.contains(want) && !text.contains(KEY), "{status}: {text}");
        assert_eq!(calls.lock().unwrap().len(), 1, "a failed call is not repeated");
    }
    let (address, _) = stand_in(|_, _| None);
    let mut slow = model(Provider::OpenAi, &address).settings;
    slow.timeout = Duration::from_millis(200);
    let answer = ask(&Model::new(slow).unwrap(), "Start build.").await;
    assert!(answer.refusal.unwrap().text.contains("in time"));
    let mut gone = model(Provider::OpenAi, "http://127.0.0.1:9").settings;
    gone.timeout = Duration::from_secs(5);
    let answer = ask(&Model::new(gone).unwrap(), "Start build.").await;
    assert!(answer.refusal.unwrap().text.contains("reached"));
}

#[tokio::test]
async fn the_list_of_models_costs_nothing_and_tells_a_wrong_name() {
    let lists = [
        (Provider::OpenAi, json!({"object": "list", "data": [{"id": "stand-in-1", "object": "model"}]})),
        (Provider::Claude, json!({"data": [{"type": "model", "id": "stand-in-1"}], "has_more": false})),
        (Provider::Ollama, json!({"models": [{"name": "stand-in-1:latest", "size": 1}]})),
    ];
    for (provider, list) in lists {
        let (address, calls) = stand_in(move |_, _| Some((200, list.to_string())));
        let mut model = model(provider, &address);
        assert_eq!(model.listed().await, Ok(true), "{provider:?}");
        model.settings.model = "another".into();
        assert_eq!(model.listed().await, Ok(false), "{provider:?}");
        let calls = calls.lock().unwrap();
        let path = calls[0].path.as_str();
        assert!(["/v1/models", "/v1/models?limit=1000", "/api/tags"].contains(&path), "{path}");
        assert!(calls.iter().all(|seen| seen.raw.is_empty()), "nothing is sent");
    }
    let (address, _) = stand_in(|_, _| Some((401, "{}".into())));
    assert_eq!(model(Provider::OpenAi, &address).listed().await, Err(Trouble::Status(401)));
}

#[tokio::test]
async fn secrets_in_answers_are_masked_too() {
    let (address, calls) = stand_in(|_, _| Some((200, envelope(Provider::OpenAi, "{}"))));
    let answers = [crate::Answer {
        about: domain::interpretation::QuestionAbout::WhatGoal,
        question: "What shall hold?".into(),
        answer: "A VM with 2 cores. The root password shall be Tr0ub4dor-staple-9.".into(),
        span: None,
    }];
    let context = Context { answers: &answers, own_guests: &[] };
    model(Provider::OpenAi, &address).interpret("Make it better.", &facts(), &context).await;
    assert!(calls.lock().unwrap().iter().all(|seen| !seen.raw.contains("Tr0ub4dor")));
}

#[test]
fn addresses_with_credentials_or_other_schemes_are_no_settings() {
    for bad in ["ftp://a/", "https://user:pw@a/", "not a url", "file:///etc/passwd"] {
        let mut settings = model(Provider::OpenAi, "http://127.0.0.1:9").settings;
        settings.base_url = bad.into();
        assert!(Model::new(settings).is_err(), "{bad}");
    }
}

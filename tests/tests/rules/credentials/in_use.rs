//! A key that was handed over is the one that is used: for the repository, for a model, without a restart.

use super::services::Services;
use cli::config::LanguageModel;
use domain::settings::Check;
use secrets::Secret;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use tests::{ADA, World};

fn secret(text: &str) -> Secret<Vec<u8>> {
    Secret::new(text.as_bytes().to_vec())
}

fn told(checks: &[Check]) -> String {
    let line = |check: &Check| {
        format!("{} {:?}: {}. {}\n", check.what, check.outcome, check.found, check.next.join(" "))
    };
    checks.iter().map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_github_that_was_handed_over_is_used_and_tried_without_a_restart() {
    let world = World::start_at_github().await;
    let keys = world.dir.path().join("keys");
    let right = std::fs::read_to_string(keys.join("github-token")).unwrap();
    secrets::files::remove(&keys.join("github-token")).unwrap();
    let mut services = Services::of(world, |_| {});
    services.spawn("agent");
    services.listening(services.intake).await;
    let sender = services.sender();

    // Without a token the Agent runs, and says what it waits for.
    sender.store("github-token", ADA.id.0, secret("github_pat_wrong")).await.unwrap();
    let (checks, passed) = services.tested("github-token").await;
    let said = told(&checks);
    assert!(!passed && said.contains("mistyped, expired or revoked"), "{said}");
    assert!(said.contains(
        "resource owner ada, only the repository declarations, permission Contents: Read and write"
    ));

    sender.store("github-token", ADA.id.0, secret(&right)).await.unwrap();
    let (checks, passed) = services.tested("github-token").await;
    let said = told(&checks);
    assert!(passed, "{said}");
    assert!(said.contains("Rights") && said.contains("of 5000 are left this hour"), "{said}");
    let calls = services.world.github.as_ref().unwrap().calls();
    let tried = calls.iter().find(|call| call.method == "POST").unwrap();
    assert!(matches!(tried.status, 409 | 422) && calls.iter().all(|call| call.status != 201), "{calls:?}");

    // And it is what a commit is made with, in the same process.
    let (id, _) = services.world.declare(crate::SCRATCH).await;
    let run = services.world.apply(id).await;
    assert!(run.is_over(), "{:?}", run.status);
    let calls = services.world.github.as_ref().unwrap().calls();
    assert!(calls.iter().any(|call| call.method == "POST" && call.status == 201), "{calls:?}");
}

/// A server that lists its models to whoever has this key, and notes who asked.
fn provider(right: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/v1", listener.local_addr().unwrap());
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let notes = asked.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let key = head.iter().find_map(|line| {
                line.to_ascii_lowercase().starts_with("authorization: ").then(|| line[22..].to_owned())
            });
            let (status, body) = match key.as_deref() == Some(right) {
                true => ("200 OK", r#"{"object":"list","data":[{"id":"small-1","object":"model"}]}"#),
                false => ("401 Unauthorized", r#"{"error":{"message":"Incorrect API key provided"}}"#),
            };
            notes.lock().unwrap().push(key.unwrap_or_default());
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (address, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_a_model_that_was_handed_over_is_used_and_tried_without_a_restart() {
    const RIGHT: &str = "sk-right-1";
    let (address, asked) = provider(RIGHT);
    let base = address.clone();
    let mut services = Services::of(World::start().await, |agent| {
        agent.interpreter = "openai".into();
        agent.model = Some(LanguageModel {
            name: "small-1".into(),
            base_url: Some(base),
            timeout_s: None,
            answer_tokens_max: None,
        });
    });
    services.spawn("agent");
    services.listening(services.intake).await;
    let sender = services.sender();
    sender.store("openai-key", ADA.id.0, secret("sk-wrong")).await.unwrap();
    let (checks, passed) = services.tested("openai-key").await;
    let said = told(&checks);
    let next = format!("Ask whoever runs {address} for a key and store it as openai-key.");
    assert!(
        !passed && said.contains("mistyped, revoked or of another provider") && said.contains(&next),
        "{said}"
    );

    sender.store("openai-key", ADA.id.0, secret(RIGHT)).await.unwrap();
    let (checks, passed) = services.tested("openai-key").await;
    let said = told(&checks);
    assert!(passed && said.contains("no tokens were used") && said.contains("small-1 can be used"), "{said}");
    assert_eq!(*asked.lock().unwrap(), ["sk-wrong", RIGHT], "one request for each test");

    // The command line tries a new one before the old one goes.
    let refused = services.told(&["secrets", "rotate", "openai-key"], "sk-other").await;
    assert_eq!(refused.status.code(), Some(7), "{}", String::from_utf8_lossy(&refused.stderr));
    let kept = services.world.dir.path().join("keys/openai-key");
    assert_eq!(std::fs::read_to_string(kept).unwrap(), RIGHT);

    // One that the configuration does not use is told as such, and nobody is asked with it.
    sender.store("claude-key", ADA.id.0, secret("sk-ant-x")).await.unwrap();
    let (checks, passed) = services.tested("claude-key").await;
    let said = told(&checks);
    assert!(!passed && said.contains("asks a model with openai-key"), "{said}");
    assert!(!asked.lock().unwrap().iter().any(|key| key == "sk-ant-x"));
}

//! HTTP on loopback: the token, conditional requests, the rate limit's headers, and the troubles.

use super::faults::{Faults, GitHubTrouble};
use super::git::{Entry, Hand};
use super::routes::{Answer, Place, Query};
use crate::limits::GITHUB_BODY_BYTES_MAX;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Calls of one hour, as GitHub gives a person.
const CALLS_PER_HOUR: u64 = 5_000;

/// One request as it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitHubCall {
    pub method: String,
    /// Path and query.
    pub target: String,
    /// 0 where no answer was sent.
    pub status: u16,
}

pub(super) struct Shared {
    pub place: Place,
    pub token: String,
    pub faults: Faults,
    pub hand: Hand,
    pub calls: Mutex<Vec<GitHubCall>>,
    pub used: AtomicU64,
    pub base_url: String,
}

/// The connection is closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("no answer")]
struct NoAnswer;

pub(super) async fn serve(shared: Arc<Shared>, listener: TcpListener, mut stop: watch::Receiver<bool>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.changed() => return,
        };
        let Ok((tcp, _)) = accepted else { continue };
        let (shared, mut stop) = (shared.clone(), stop.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request| answered(shared.clone(), request));
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(tcp), service);
            tokio::select! {
                // A client that goes away, or a trouble that closes the connection.
                _ = connection => {}
                _ = stop.changed() => {}
            }
        });
    }
}

async fn answered(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, NoAnswer> {
    let (parts, body) = request.into_parts();
    let method = parts.method.as_str().to_owned();
    let target = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let note = |status: u16| {
        let call = GitHubCall { method: method.clone(), target: target.clone(), status };
        shared.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    };
    let body = Limited::new(body, GITHUB_BODY_BYTES_MAX).collect().await;
    let body = body.map_err(|_| NoAnswer)?.to_bytes();
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let path = parts.uri.path();
    let trouble = shared.faults.take(&method, path);
    match &trouble {
        Some(GitHubTrouble::Status { status, message, headers }) => {
            note(*status);
            let mut answer = Answer::refused(*status, message);
            answer.headers.clone_from(headers);
            return Ok(response(
                &shared,
                answer.status,
                answer.headers,
                answer.body.to_string().into_bytes(),
            ));
        }
        Some(GitHubTrouble::Drop) => {
            note(0);
            return Err(NoAnswer);
        }
        Some(GitHubTrouble::Silence) => {
            note(0);
            return std::future::pending().await;
        }
        Some(GitHubTrouble::Overtake) => {
            let file = format!("notes/{}.md", uuid::Uuid::new_v4());
            let entry = Entry::File(b"Somebody was faster.\n".to_vec());
            let _ = shared.hand.commit(&[(&file, entry)], "a note", "grace").await;
        }
        Some(GitHubTrouble::LostAnswer | GitHubTrouble::Truncate) | None => {}
    }
    let answer = if !right(&shared, header("authorization")) {
        Answer::refused(401, "Bad credentials")
    } else {
        match (body.is_empty(), serde_json::from_slice::<Value>(&body)) {
            (true, _) => {
                let query = query(&shared, &parts.uri);
                shared.place.answer(&method, path, &query, &Value::Null).await
            }
            (false, Ok(body)) => {
                let query = query(&shared, &parts.uri);
                shared.place.answer(&method, path, &query, &body).await
            }
            (false, Err(_)) => Answer::refused(400, "Problems parsing JSON"),
        }
    };
    let mut bytes = answer.body.to_string().into_bytes();
    let mut headers = answer.headers;
    if method == "GET" && answer.status == 200 {
        let etag = format!("W/\"{}\"", hex::encode(Sha256::digest(&bytes)));
        if header("if-none-match") == Some(etag.as_str()) {
            note(304);
            return Ok(response(&shared, 304, vec![("etag".into(), etag)], vec![]));
        }
        headers.push(("etag".into(), etag));
    }
    // What did not change is free.
    shared.used.fetch_add(1, Ordering::SeqCst);
    match trouble {
        Some(GitHubTrouble::LostAnswer) => {
            note(0);
            return Err(NoAnswer);
        }
        Some(GitHubTrouble::Truncate) => bytes.truncate(bytes.len() / 2),
        _ => {}
    }
    note(answer.status);
    Ok(response(&shared, answer.status, headers, bytes))
}

fn query(shared: &Shared, uri: &http::Uri) -> Query {
    Query::new(&format!("{}{}", shared.base_url, uri.path()), uri.query().unwrap_or_default())
}

fn right(shared: &Shared, authorization: Option<&str>) -> bool {
    let (scheme, token) = authorization.and_then(|value| value.split_once(' ')).unwrap_or_default();
    matches!(scheme.to_ascii_lowercase().as_str(), "bearer" | "token") && token == shared.token
}

fn response(
    shared: &Shared,
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
) -> Response<Full<Bytes>> {
    let left = CALLS_PER_HOUR.saturating_sub(shared.used.load(Ordering::SeqCst));
    let reset = chrono::Utc::now().timestamp() + 3_600;
    let mut response = Response::builder()
        .status(status)
        .header("content-type", "application/json; charset=utf-8")
        .header("server", "mycopod-sim-github");
    for (name, value) in
        [("limit", CALLS_PER_HOUR.to_string()), ("remaining", left.to_string()), ("reset", reset.to_string())]
    {
        let name = format!("x-ratelimit-{name}");
        if !headers.iter().any(|(given, _)| *given == name) {
            response = response.header(name, value);
        }
    }
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(Full::new(Bytes::from(body))).unwrap_or_default()
}

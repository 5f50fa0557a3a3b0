//! The control port: plain HTTP and JSON on loopback, for tests in other processes and for the lab.
//!
//! `POST /reset`, `GET /state`, `GET /ledger`, `GET|PUT|DELETE /faults` (`DELETE /faults/ID` removes one).
//! `POST /clock` changes speed and time. Also `GET /` with the fingerprint. It has no authentication and therefore listens on loopback only.

use crate::engine::Engine;
use crate::faults::FaultRule;
use crate::limits::BODY_BYTES_MAX;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Serves the control port until `stop` changes.
pub async fn serve(engine: Arc<Engine>, listener: TcpListener, mut stop: watch::Receiver<bool>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.changed() => return,
        };
        let Ok((tcp, _)) = accepted else { continue };
        let (engine, mut stop) = (engine.clone(), stop.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let engine = engine.clone();
                async move { Ok::<_, Infallible>(answer(&engine, request).await) }
            });
            tokio::select! {
                _ = http1::Builder::new().serve_connection(TokioIo::new(tcp), service) => {}
                _ = stop.changed() => {}
            }
        });
    }
}

async fn answer(engine: &Engine, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let path = head.uri.path().trim_end_matches('/').to_owned();
    let (status, value) = match (head.method, path.as_str()) {
        (Method::GET, "") => (StatusCode::OK, json!({"fingerprint": engine.fingerprint})),
        (Method::POST, "/reset") => {
            engine.reset();
            (StatusCode::OK, json!({"reset": true}))
        }
        (Method::GET, "/state") => (StatusCode::OK, state_json(engine)),
        (Method::POST, "/clock") => {
            let body =
                Limited::new(body, BODY_BYTES_MAX).collect().await.map(http_body_util::Collected::to_bytes);
            clock(engine, &body.unwrap_or_default())
        }
        (Method::GET, "/ledger") => (StatusCode::OK, json!(engine.ledger().all())),
        (Method::GET, "/faults") => (StatusCode::OK, json!(engine.faults().all())),
        (Method::PUT, "/faults") => {
            let body =
                Limited::new(body, BODY_BYTES_MAX).collect().await.map(http_body_util::Collected::to_bytes);
            put_faults(engine, &body.unwrap_or_default())
        }
        (Method::DELETE, "/faults") => {
            engine.faults().clear();
            (StatusCode::OK, json!([]))
        }
        (Method::PUT, one) if one.starts_with("/guests/") => {
            let body =
                Limited::new(body, BODY_BYTES_MAX).collect().await.map(http_body_util::Collected::to_bytes);
            script(engine, one.trim_start_matches("/guests/"), &body.unwrap_or_default())
        }
        (Method::DELETE, one) if one.starts_with("/faults/") => {
            engine.faults().remove(one.trim_start_matches("/faults/"));
            (StatusCode::OK, json!(engine.faults().all()))
        }
        _ => (StatusCode::NOT_FOUND, json!({"error": "no such control"})),
    };
    let mut response = Response::new(Full::new(Bytes::from(value.to_string())));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}

/// The whole world as JSON, without the hashes of secrets.
pub fn state_json(engine: &Engine) -> Value {
    let mut out = serde_json::to_value(&*engine.world()).unwrap_or_default();
    for (_, user) in out["access"]["users"].as_object_mut().into_iter().flatten() {
        user["password"] = Value::Null;
        for (_, token) in user["tokens"].as_object_mut().into_iter().flatten() {
            token["secret"] = Value::Null;
        }
    }
    out
}

/// `{"advance_ms": N}` puts the clock forward, `{"scale": X}` changes the speed of tasks.
fn clock(engine: &Engine, body: &[u8]) -> (StatusCode, Value) {
    let wish: Value = serde_json::from_slice(body).unwrap_or_default();
    let (advance, scale) = (wish["advance_ms"].as_u64(), wish["scale"].as_f64());
    let good =
        advance.is_none_or(|ms| u32::try_from(ms).is_ok()) && scale.is_none_or(|s| s.is_finite() && s >= 0.0);
    if (advance.is_none() && scale.is_none()) || !good {
        return (StatusCode::BAD_REQUEST, json!({"error": "say advance_ms or scale"}));
    }
    if let Some(ms) = advance.and_then(|ms| u32::try_from(ms).ok()) {
        engine.advance(ms);
    }
    if let Some(scale) = scale {
        engine.set_time_scale(scale);
    }
    (StatusCode::OK, json!({"now": engine.now(), "scale": engine.time_scale()}))
}

/// `{"reacts": false, "script": {"silent": false, "commands": {"uname": {"out-data": "Linux\n"}}, "files": {}}}`:
/// how a guest behaves inside.
fn script(engine: &Engine, vmid: &str, body: &[u8]) -> (StatusCode, Value) {
    let wish: Value = serde_json::from_slice(body).unwrap_or_default();
    let script = serde_json::from_value(wish["script"].clone());
    let mut world = engine.world();
    let Some(guest) = vmid.parse().ok().and_then(|id: u32| world.guests.get_mut(&id)) else {
        return (StatusCode::NOT_FOUND, json!({"error": "no such guest"}));
    };
    if let Some(reacts) = wish["reacts"].as_bool() {
        guest.reacts = reacts;
    }
    match script {
        Ok(script) => guest.script = script,
        Err(error) if !wish["script"].is_null() => {
            return (StatusCode::BAD_REQUEST, json!({"error": error.to_string()}));
        }
        Err(_) => {}
    }
    (StatusCode::OK, json!({"reacts": guest.reacts, "script": guest.script}))
}

/// One rule or a list of rules; the rules of a list are added to those that are set.
fn put_faults(engine: &Engine, body: &[u8]) -> (StatusCode, Value) {
    let rules: Result<Vec<FaultRule>, _> =
        serde_json::from_slice::<FaultRule>(body).map(|r| vec![r]).or_else(|_| serde_json::from_slice(body));
    match rules {
        Ok(rules) => {
            let all = rules.into_iter().all(|rule| engine.inject(rule));
            let status = if all { StatusCode::OK } else { StatusCode::INSUFFICIENT_STORAGE };
            (status, json!(engine.faults().all()))
        }
        Err(error) => (StatusCode::BAD_REQUEST, json!({"error": error.to_string()})),
    }
}

//! What came of one attempt: a reply, a refusal, or a failure of the connection, each in its class.
//!
//! Begin with [`answered`] for what came back and [`failed`] for what did not. In doubt a call was sent.

use crate::error::{CallError, Lost, NotSent};
use crate::tls::NotPinned;
use crate::wire::{Reply, Verb};
use serde_json::Value;
use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::time::Duration;

/// Makes a reply or an error of what came back. A refusal counts by its status, whatever its body.
pub(super) fn answered(
    verb: Verb,
    status: u16,
    reason: String,
    body: Result<Vec<u8>, CallError>,
    latency: Duration,
) -> Result<Reply, CallError> {
    if status == 595 {
        return Err(CallError::not_sent(NotSent::NotPassedOn, reason));
    }
    if (596..=599).contains(&status) {
        return Err(CallError::unknown(verb, Lost::Hop { status }, reason));
    }
    let mut envelope = body.map(|bytes| serde_json::from_slice::<BTreeMap<String, Value>>(&bytes));
    let mut take = |name: &str| match &mut envelope {
        Ok(Ok(fields)) => fields.remove(name).filter(|value| !value.is_null()),
        _ => None,
    };
    let message = take("message").map(|value| text_of(&value));
    let errors = match take("errors") {
        Some(Value::Object(errors)) => errors.iter().map(|(k, v)| (k.clone(), text_of(v))).collect(),
        _ => BTreeMap::new(),
    };
    if status >= 300 {
        return Err(CallError::Answered { status, reason, message, errors });
    }
    let data = take("data").unwrap_or(Value::Null);
    match envelope {
        Ok(Ok(mut beside)) => {
            beside.remove("data");
            beside.remove("message");
            beside.remove("errors");
            Ok(Reply { status, reason, message, errors, data, beside, latency })
        }
        Ok(Err(error)) => Err(CallError::unknown(verb, Lost::Unreadable, error.to_string())),
        Err(error) => Err(error),
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    }
}

/// Sorts a failure of the connection into "not sent" and "sent, no answer". In doubt it was sent.
pub(super) fn failed(verb: Verb, error: reqwest::Error) -> CallError {
    let timeout = error.is_timeout();
    let (connect, builder) = (error.is_connect(), error.is_builder());
    let error = error.without_url();
    // A body that breaks off is reported as undecodable too; then the connection's error is inside.
    let unreadable = error.is_decode() && find::<hyper::Error>(&error).is_none();
    let detail = chain(&error);
    if builder {
        return CallError::not_sent(NotSent::Malformed, detail);
    }
    if !connect {
        let cause = match (timeout, unreadable) {
            (true, _) => Lost::Timeout,
            (false, true) => Lost::Unreadable,
            (false, false) => Lost::Closed,
        };
        return CallError::unknown(verb, cause, detail);
    }
    let tls_error = find::<rustls::Error>(&error);
    if let Some(rustls::Error::Other(inner)) = tls_error
        && let Some(NotPinned(presented)) = inner.0.downcast_ref::<NotPinned>()
    {
        return CallError::not_sent(NotSent::CertificateUnknown { presented: *presented }, detail);
    }
    let refused = find_io(&error, std::io::ErrorKind::ConnectionRefused);
    let cause = match () {
        () if tls_error.is_some() => NotSent::Tls,
        () if timeout => NotSent::ConnectTimeout,
        () if refused => NotSent::Refused,
        () if detail.contains("dns error") => NotSent::NameUnknown,
        () => NotSent::Unreachable,
    };
    CallError::not_sent(cause, detail)
}

/// Walks an error's causes. An I/O error hides the one it carries, so it is opened as well.
fn causes<'e>(error: &'e (dyn StdError + 'static)) -> Vec<&'e (dyn StdError + 'static)> {
    let mut found = vec![error];
    let mut next = error.source();
    while let Some(error) = next {
        found.push(error);
        let inside = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match inside {
            Some(inside) => Some(inside as &(dyn StdError + 'static)),
            None => error.source(),
        };
    }
    found
}

fn find<E: StdError + 'static>(error: &reqwest::Error) -> Option<&E> {
    causes(error).into_iter().find_map(|cause| cause.downcast_ref::<E>())
}

fn find_io(error: &reqwest::Error, kind: std::io::ErrorKind) -> bool {
    causes(error)
        .into_iter()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == kind)
}

fn chain(error: &reqwest::Error) -> String {
    let mut parts: Vec<String> = causes(error).into_iter().map(ToString::to_string).collect();
    parts.dedup();
    parts.join(": ")
}

/// Of two nodes that did not take the call, a strange certificate matters most.
pub(super) fn more_telling(known: Option<CallError>, new: CallError) -> CallError {
    match known {
        Some(known @ CallError::NotSent { cause: NotSent::CertificateUnknown { .. }, .. }) => known,
        _ => new,
    }
}

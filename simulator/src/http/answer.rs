//! Answers: status line with exact reason, the usual headers, the envelope.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use hyper::ext::ReasonPhrase;
use serde_json::{Value, json};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::api::{Fail, Reply};

/// A body that is sent in full, or breaks off in the middle.
pub enum Payload {
    Whole(Full<Bytes>),
    Half { part: Option<Bytes>, announced: u64 },
}

impl Body for Payload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.get_mut() {
            Self::Whole(full) => {
                Pin::new(full).poll_frame(cx).map(|f| f.map(|r| r.map_err(|never| match never {})))
            }
            Self::Half { part, .. } => Poll::Ready(Some(match part.take() {
                Some(bytes) => Ok(Frame::data(bytes)),
                None => Err(io::ErrorKind::ConnectionAborted.into()),
            })),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(full) => full.size_hint(),
            Self::Half { announced, .. } => SizeHint::with_exact(*announced),
        }
    }
}

/// An answer before it is turned into HTTP.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub reason: String,
    /// JSON, or plain text.
    pub json: bool,
    pub body: Vec<u8>,
}

impl Answer {
    /// An answer from before dispatch: only a reason, no body.
    pub fn bare(status: u16, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into(), json: false, body: Vec::new() }
    }

    /// An answer from before dispatch whose body repeats the reason.
    pub fn plain(status: u16, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { status, body: reason.clone().into_bytes(), reason, json: false }
    }

    /// The envelope of a call. `extjs` is always 200 and carries the status inside.
    pub fn envelope(result: &Result<Reply, Fail>, extjs: bool) -> Self {
        let (status, reason, mut body) = match result {
            Ok(reply) => {
                let mut body = json!({"data": reply.data});
                if let Some(total) = reply.total {
                    body["total"] = json!(total);
                }
                (200, "OK".to_owned(), body)
            }
            Err(fail) => {
                let mut body = json!({"data": null, "message": fail.message});
                if !fail.errors.is_empty() {
                    body["errors"] = json!(fail.errors);
                }
                (fail.status, fail.message.lines().next().unwrap_or_default().to_owned(), body)
            }
        };
        if extjs {
            body["success"] = json!(u8::from(status == 200));
            if status != 200 {
                // Refused rights come with the status as text.
                body["status"] = if status == 403 { json!("403") } else { json!(status) };
            }
            return Self { status: 200, reason: "OK".into(), json: true, body: bytes_of(&body) };
        }
        Self { status, reason, json: true, body: bytes_of(&body) }
    }

    /// The HTTP response. `last` closes the connection; `half` breaks off in the middle of the body.
    pub fn response(self, last: bool, half: bool) -> Response<Payload> {
        let announced = self.body.len() as u64;
        let mut bytes = Bytes::from(self.body);
        let payload = if half {
            bytes.truncate(bytes.len() / 2);
            Payload::Half { part: Some(bytes), announced }
        } else {
            Payload::Whole(Full::new(bytes))
        };
        let mut response = Response::new(payload);
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if let Ok(reason) = ReasonPhrase::try_from(reason_bytes(&self.reason)) {
            response.extensions_mut().insert(reason);
        }
        let headers = response.headers_mut();
        headers.insert(header::SERVER, HeaderValue::from_static("pve-api-daemon/3.0"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=0"));
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
        let now = chrono::Utc::now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        if let Ok(now) = HeaderValue::from_str(&now) {
            headers.insert(header::EXPIRES, now.clone());
            headers.insert(header::DATE, now);
        }
        if self.json {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json;charset=UTF-8"));
        }
        let connection = if last || self.status >= 400 { "close" } else { "Keep-Alive" };
        headers.insert(header::CONNECTION, HeaderValue::from_static(connection));
        response
    }
}

/// A reason phrase may hold visible ASCII, spaces and bytes above 127.
fn reason_bytes(text: &str) -> Vec<u8> {
    text.bytes().filter(|b| *b >= 0x20 && *b != 0x7f || *b == b'\t').collect()
}

fn bytes_of(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

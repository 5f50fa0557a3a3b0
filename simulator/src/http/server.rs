//! Accepts connections and keeps the server's connection rules.
//!
//! Begin with [`serve`]. A connection idle for five seconds is closed, and so is one after an error or
//! after a hundred requests.

use super::answer::{Answer, Payload};
use super::process::{self, Outcome, Request};
use super::socket::Socket;
use crate::engine::Engine;
use crate::limits::{BODY_BYTES_MAX, CONNECTIONS_MAX, IDLE_MS, REQUESTS_PER_CONNECTION_MAX};
use http::{Response, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

/// When a connection last had something to do.
struct Activity {
    open_calls: AtomicU32,
    last: Mutex<Instant>,
    calls: AtomicU32,
}

impl Activity {
    fn touch(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn left(&self) -> Option<Duration> {
        if self.open_calls.load(Ordering::SeqCst) > 0 {
            return Some(Duration::from_millis(IDLE_MS));
        }
        let idle = self.last.lock().unwrap_or_else(PoisonError::into_inner).elapsed();
        Duration::from_millis(IDLE_MS).checked_sub(idle).filter(|d| !d.is_zero())
    }
}

/// Serves the API until `stop` changes.
pub async fn serve(
    engine: Arc<Engine>,
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    mut stop: watch::Receiver<bool>,
) {
    let acceptor = tokio_rustls::TlsAcceptor::from(tls);
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.changed() => return,
        };
        let Ok((tcp, _)) = accepted else { continue };
        let Ok(permit) = room.clone().try_acquire_owned() else { continue };
        let (engine, acceptor, mut stop) = (engine.clone(), acceptor.clone(), stop.clone());
        tokio::spawn(async move {
            let _permit = permit;
            tokio::select! {
                () = connection(engine, acceptor, tcp) => {}
                _ = stop.changed() => {}
            }
        });
    }
}

async fn connection(engine: Arc<Engine>, acceptor: tokio_rustls::TlsAcceptor, tcp: TcpStream) {
    let _ = tcp.set_nodelay(true);
    let reset = Arc::new(AtomicBool::new(false));
    let socket = Socket::new(tcp, reset.clone());
    let idle = Duration::from_millis(IDLE_MS);
    let Ok(Ok(stream)) = tokio::time::timeout(idle, acceptor.accept(socket)).await else { return };
    let activity = Arc::new(Activity {
        open_calls: AtomicU32::new(0),
        last: Mutex::new(Instant::now()),
        calls: AtomicU32::new(0),
    });
    let service = service_fn({
        let activity = activity.clone();
        move |request| {
            let (engine, activity, reset) = (engine.clone(), activity.clone(), reset.clone());
            async move {
                activity.open_calls.fetch_add(1, Ordering::SeqCst);
                let number = activity.calls.fetch_add(1, Ordering::SeqCst) + 1;
                let response = respond(engine, request, number, &reset).await;
                activity.touch();
                activity.open_calls.fetch_sub(1, Ordering::SeqCst);
                response
            }
        }
    });
    let serving = http1::Builder::new()
        .keep_alive(true)
        .title_case_headers(true)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    let mut wait = idle;
    loop {
        tokio::select! {
            _ = serving.as_mut() => return,
            () = tokio::time::sleep(wait) => match activity.left() {
                Some(left) => wait = left,
                None => return,
            },
        }
    }
}

async fn respond(
    engine: Arc<Engine>,
    request: http::Request<Incoming>,
    number: u32,
    reset: &AtomicBool,
) -> Result<Response<Payload>, io::Error> {
    let closes = request
        .headers()
        .get(header::CONNECTION)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| v.to_ascii_lowercase().contains("close"));
    let last = closes || number >= REQUESTS_PER_CONNECTION_MAX;
    let request = match read(request).await {
        Ok(request) => request,
        Err(answer) => return Ok(answer.response(true, false)),
    };
    // A call goes on when its caller hangs up, as on the real server.
    let outcome = tokio::spawn(process::process(engine, request)).await.map_err(io::Error::other)?;
    match outcome {
        Outcome::Answer(answer) => Ok(answer.response(last, false)),
        Outcome::Half(answer) => Ok(answer.response(true, true)),
        Outcome::Close => Err(io::ErrorKind::ConnectionAborted.into()),
        Outcome::Reset => {
            reset.store(true, Ordering::SeqCst);
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
}

/// Reads a request within the transport's limits.
async fn read(request: http::Request<Incoming>) -> Result<Request, Answer> {
    let (head, body) = request.into_parts();
    let text =
        |name: header::HeaderName| head.headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let verb = head.method.as_str().to_owned();
    if !matches!(verb.as_str(), "GET" | "POST" | "PUT" | "DELETE") {
        return Err(Answer::bare(501, format!("method '{verb}' not available")));
    }
    if text(header::TRANSFER_ENCODING).is_some_and(|t| t.to_ascii_lowercase().contains("chunked")) {
        return Err(Answer::plain(501, "chunked transfer encoding not supported"));
    }
    let length = text(header::CONTENT_LENGTH).and_then(|l| l.parse::<usize>().ok()).unwrap_or(0);
    if length > 0 && matches!(verb.as_str(), "GET" | "DELETE") {
        return Err(Answer::plain(501, format!("Unexpected content for method '{verb}'")));
    }
    if length > BODY_BYTES_MAX {
        return Err(Answer::plain(501, "for data too large"));
    }
    let content_type = text(header::CONTENT_TYPE);
    if length > 0 {
        let kind = content_type.as_deref().unwrap_or("application/x-www-form-urlencoded");
        let known = kind.split(';').next().map(str::trim);
        if !matches!(known, Some("application/x-www-form-urlencoded" | "application/json")) {
            return Err(Answer::plain(506, format!("upload 'Content-Type '{kind}' not implemented")));
        }
    }
    let body = body.collect().await.map_err(|_| Answer::bare(400, "bad request"))?.to_bytes();
    Ok(Request {
        verb,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        authorization: text(header::AUTHORIZATION),
        cookie: text(header::COOKIE),
        json: content_type.is_some_and(|t| t.starts_with("application/json")),
        body,
    })
}

//! Accepts connections and keeps the server's connection rules.
//!
//! Begin with [`serve`]. A connection idle for five seconds is closed, and so is one after an error or
//! after a hundred requests. Plain HTTP on a TLS port is sent to the other scheme.

use super::answer::{Answer, Squeeze};
use super::process::{self, Outcome, Request};
use super::socket::Socket;
use super::wire::{Head, Read, Wire};
use crate::auth::login::Credentials;
use crate::engine::Engine;
use crate::limits::{
    BODY_BYTES_MAX, CONNECTIONS_MAX, IDLE_MS, REQUESTS_PER_CONNECTION_MAX, UNAUTHORISED_DELAY_MS,
    UPLOAD_BYTES_MAX,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

/// First byte of a TLS connection.
const HANDSHAKE: u8 = 0x16;

/// Serves the API until `stop` changes; without TLS where there is no configuration for it.
pub async fn serve(
    engine: Arc<Engine>,
    listener: TcpListener,
    tls: Option<Arc<rustls::ServerConfig>>,
    mut stop: watch::Receiver<bool>,
) {
    let acceptor = tls.map(tokio_rustls::TlsAcceptor::from);
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

async fn connection(engine: Arc<Engine>, acceptor: Option<tokio_rustls::TlsAcceptor>, tcp: TcpStream) {
    let _ = tcp.set_nodelay(true);
    let reset = Arc::new(AtomicBool::new(false));
    let idle = Duration::from_millis(IDLE_MS);
    let mut first = [0_u8; 1];
    let Ok(Ok(1)) = tokio::time::timeout(idle, tcp.peek(&mut first)).await else { return };
    let socket = Socket::new(tcp, reset.clone());
    match acceptor {
        None => talk(engine, Wire::new(socket), &reset, false).await,
        Some(_) if first[0] != HANDSHAKE => talk(engine, Wire::new(socket), &reset, true).await,
        Some(acceptor) => {
            if let Ok(Ok(stream)) = tokio::time::timeout(idle, acceptor.accept(socket)).await {
                talk(engine, Wire::new(stream), &reset, false).await;
            }
        }
    }
}

/// All requests of one connection. With `wrong_scheme` each is sent to https.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    engine: Arc<Engine>,
    mut wire: Wire<S>,
    reset: &AtomicBool,
    wrong_scheme: bool,
) {
    // Number of the ledger's entry about the present request, if it has one.
    let noted = Arc::new(AtomicU64::new(0));
    for number in 1.. {
        noted.store(0, Ordering::SeqCst);
        let head = match wire.head().await {
            Read::Head(head) => head,
            Read::Refused(answer) => {
                let _ = wire.stream().write_all(&answer.bytes("HTTP/1.0", true, Squeeze::No)).await;
                break;
            }
            Read::Mute => {
                tokio::time::sleep(Duration::from_millis(IDLE_MS)).await;
                break;
            }
            Read::End => break,
        };
        let last = head.closes() || number >= REQUESTS_PER_CONNECTION_MAX;
        let squeeze = Squeeze::asked(head.get("accept-encoding").as_deref());
        let outcome = match refused(&head, wrong_scheme) {
            Some(answer) => Outcome::Answer(answer),
            None => match answered(&engine, &head, &mut wire, &noted).await {
                Some(outcome) => outcome,
                None => break,
            },
        };
        let stream = wire.stream();
        match outcome {
            Outcome::Answer(answer) => {
                let last = last || answer.status >= 400;
                let bytes = answer.bytes(&head.protocol, last, squeeze);
                let sent = stream.write_all(&bytes).await.is_ok() && stream.flush().await.is_ok();
                if !sent {
                    engine.ledger().amend(noted.load(Ordering::SeqCst), |entry| entry.delivered = false);
                }
                if !sent || last {
                    break;
                }
            }
            Outcome::Half(answer) => {
                let bytes = answer.bytes(&head.protocol, true, Squeeze::No);
                let body = bytes.windows(4).position(|w| w == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
                let _ = stream.write_all(&bytes[..body + (bytes.len() - body) / 2]).await;
                let _ = stream.flush().await;
                break;
            }
            Outcome::Close => return,
            Outcome::Reset => {
                reset.store(true, Ordering::SeqCst);
                return;
            }
        }
    }
    let _ = wire.stream().shutdown().await;
    // What was sent and not read would turn the end into a reset, and the client might lose the answer.
    wire.drain().await;
}

/// What is refused by its head alone.
fn refused(head: &Head, wrong_scheme: bool) -> Option<Answer> {
    if !matches!(head.verb.as_str(), "GET" | "POST" | "PUT" | "DELETE") {
        return Some(Answer::bare(501, format!("method '{}' not available", head.verb)));
    }
    if let Some(encoding) = head.get("transfer-encoding") {
        return Some(match encoding.eq_ignore_ascii_case("chunked") {
            true => Answer::plain(501, "chunked transfer encoding not supported"),
            false => Answer::plain(501, format!("Unknown transfer encoding '{encoding}'")),
        });
    }
    if !wrong_scheme {
        return None;
    }
    let host = head.get("host").unwrap_or_default();
    let query = if head.query.is_empty() { String::new() } else { format!("?{}", head.query) };
    let (status, reason) =
        if head.verb == "GET" { (301, "Moved Permanently") } else { (308, "Permanent Redirect") };
    let location = Some(format!("https://{host}{}{query}", head.path));
    Some(Answer { location, ..Answer::plain(status, reason) })
}

/// Authentication, then the body, then the call; none when the client went away.
async fn answered<S: AsyncRead + AsyncWrite + Unpin>(
    engine: &Arc<Engine>,
    head: &Head,
    wire: &mut Wire<S>,
    noted: &Arc<AtomicU64>,
) -> Option<Outcome> {
    let target = match process::target(head) {
        Ok(target) => target,
        Err(answer) => return Some(Outcome::Answer(answer)),
    };
    let given = Credentials {
        authorization: head.get("authorization"),
        cookie: head.get("cookie"),
        csrf: head.get("csrfpreventiontoken"),
    };
    let who = match crate::auth::login::identify(engine, &given, &head.verb, &target.path) {
        Ok(who) => who,
        Err(reason) => {
            tokio::time::sleep(engine.scaled(UNAUTHORISED_DELAY_MS)).await;
            return Some(Outcome::Answer(Answer::bare(401, reason)));
        }
    };
    let length = match head.get("content-length").map(|l| l.trim().parse::<usize>()) {
        None => 0,
        Some(Ok(length)) => length,
        Some(Err(_)) => return Some(Outcome::Answer(Answer::plain(400, "bad request"))),
    };
    let kind = head.get("content-type");
    let upload = target.upload(&head.verb);
    if length > 0 {
        if let Some(answer) = body_refused(head, kind.as_deref(), length, upload) {
            return Some(Outcome::Answer(answer));
        }
    }
    let body = wire.body(length).await.ok()?;
    let request = Request {
        verb: head.verb.clone(),
        query: head.query.clone(),
        kind,
        body,
        looping: head.get("pvedisableproxy").is_some(),
    };
    // A call goes on when its caller hangs up, as on the real server.
    match tokio::spawn(process::process(engine.clone(), who, target, request, noted.clone())).await {
        Ok(outcome) => Some(outcome),
        Err(_) => Some(Outcome::Answer(Answer::bare(596, "Broken pipe"))),
    }
}

fn body_refused(head: &Head, kind: Option<&str>, length: usize, upload: bool) -> Option<Answer> {
    if !matches!(head.verb.as_str(), "PUT" | "POST") {
        return Some(Answer::plain(501, format!("Unexpected content for method '{}'", head.verb)));
    }
    let shown = kind.unwrap_or_default();
    let name = shown.split([';', ',']).next().unwrap_or_default().trim();
    if upload {
        let fits = name == "multipart/form-data" && shown.contains("boundary=");
        return match fits {
            false => Some(Answer::plain(500, format!("upload 'Content-Type '{shown}' not implemented"))),
            // The real server writes to a file; this one keeps small files only.
            true if length > UPLOAD_BYTES_MAX => {
                Some(Answer::plain(501, "The simulator takes only small uploads"))
            }
            true => None,
        };
    }
    if length > BODY_BYTES_MAX {
        return Some(Answer::plain(501, "for data too large"));
    }
    let known = matches!(name, "" | "application/x-www-form-urlencoded" | "application/json");
    (!known).then(|| Answer::plain(506, format!("upload 'Content-Type '{shown}' not implemented")))
}

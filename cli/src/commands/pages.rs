//! Timing the pages as a browser asks for them: signed in, over the loopback, one after the other.

use crate::failure::{Code, Failure};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Pages an Admin opens most.
const PATHS: [&str; 6] = ["/overview", "/declarations", "/runs", "/runs/1", "/cluster", "/history"];

struct Answer {
    status: u16,
    head: String,
    body: String,
}

/// One request over a connection of its own; `form` makes it a POST.
async fn ask(port: u16, path: &str, cookie: &str, form: Option<&str>) -> Result<Answer, Failure> {
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
    let verb = if form.is_some() { "POST" } else { "GET" };
    let body = form.unwrap_or_default();
    let request = format!(
        "{verb} {path} HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: http://localhost:{port}\r\nCookie: {cookie}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
}

/// The cookies an answer sets, as the next request sends them.
fn cookies(head: &str) -> String {
    let set = head.lines().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("set-cookie")
            .then(|| value.trim().split(';').next().unwrap_or_default().to_owned())
    });
    set.collect::<Vec<_>>().join("; ")
}

fn failed(what: &str, status: u16) -> Failure {
    Failure::new(Code::Failed, format!("{what} answered {status}"), "look into serve.log")
}

/// Signs in; the cookies of the session.
pub async fn sign_in(port: u16, name: &str, password: &str) -> Result<String, Failure> {
    let page = ask(port, "/sign-in", "", None).await?;
    let token = page
        .body
        .split("name=\"csrf\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap_or_default();
    let form = format!("csrf={token}&next=&name={name}&password={password}");
    let signed = ask(port, "/sign-in", &cookies(&page.head), Some(&form)).await?;
    let cookie = cookies(&signed.head);
    if cookie.is_empty() { Err(failed("signing in", signed.status)) } else { Ok(cookie) }
}

/// The time of each page, `rounds` times each.
pub async fn time(port: u16, name: &str, password: &str, rounds: u32) -> Result<Vec<Duration>, Failure> {
    let cookie = sign_in(port, name, password).await?;
    let mut times = Vec::new();
    for _ in 0..rounds {
        for path in PATHS {
            let begun = Instant::now();
            let answer = ask(port, path, &cookie, None).await?;
            if answer.status != 200 {
                return Err(failed(path, answer.status));
            }
            times.push(begun.elapsed());
        }
    }
    Ok(times)
}

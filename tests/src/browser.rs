//! A browser with cookies and forms, over a plain connection to a running UI.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub struct Browser {
    pub address: SocketAddr,
    cookies: BTreeMap<String, String>,
    /// Everything the UI ever answered, headers too.
    pub seen: String,
}

pub struct Answer {
    pub status: u16,
    pub location: String,
    pub html: String,
}

impl Answer {
    /// The value of a hidden field in the form that goes to `action`.
    pub fn hidden(&self, action: &str, name: &str) -> String {
        let form = self.html.split("<form").find(|form| form.contains(&format!("action=\"{action}\"")));
        let form = form.unwrap_or_else(|| panic!("no form goes to {action} in {}", self.html));
        let field = form.split("<input").find(|input| input.contains(&format!("name=\"{name}\"")));
        let value = field.and_then(|field| field.split("value=\"").nth(1)?.split('"').next());
        value.unwrap_or_else(|| panic!("the form has no field {name}")).to_owned()
    }
}

impl Browser {
    pub fn new(address: SocketAddr) -> Self {
        Self { address, cookies: BTreeMap::new(), seen: String::new() }
    }

    pub async fn sign_in(&mut self, name: &str, password: &str) {
        let page = self.get("/sign-in").await;
        let signed_in = self.submit(&page, "/sign-in", &[("name", name), ("password", password)]).await;
        assert_eq!(signed_in.status, 303, "{}", signed_in.html);
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, "").await
    }

    /// Fills in the form that goes to `action` and sends it.
    pub async fn submit(&mut self, page: &Answer, action: &str, fields: &[(&str, &str)]) -> Answer {
        let mut body = format!("csrf={}", encoded(&page.hidden(action, "csrf")));
        if page.html.contains("name=\"key\"") {
            body.push_str(&format!("&key={}", page.hidden(action, "key")));
        }
        for (name, value) in fields {
            body.push_str(&format!("&{name}={}", encoded(value)));
        }
        self.send("POST", action, &body).await
    }

    async fn send(&mut self, method: &str, path: &str, body: &str) -> Answer {
        let cookies: Vec<String> = self.cookies.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nCookie: {cookies}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}",
            host = self.address,
            cookies = cookies.join("; "),
            length = body.len(),
        );
        let mut stream = TcpStream::connect(self.address).await.expect("the UI listens");
        stream.write_all(request.as_bytes()).await.expect("it takes the request");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("it answers");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        self.seen.push_str(&answer);
        let (head, html) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        let mut location = String::new();
        for line in head.lines().skip(1) {
            let Some((name, value)) = line.split_once(": ") else { continue };
            match name.to_ascii_lowercase().as_str() {
                "location" => location = value.to_owned(),
                "set-cookie" => {
                    let (pair, rest) = value.split_once(';').unwrap_or((value, ""));
                    let (key, value) = pair.split_once('=').expect("a name and a value");
                    if rest.contains("Max-Age=0") {
                        self.cookies.remove(key);
                    } else {
                        self.cookies.insert(key.to_owned(), value.to_owned());
                    }
                }
                _ => {}
            }
        }
        Answer { status, location, html: html.to_owned() }
    }
}

/// As a form sends it.
pub fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.*".contains(&byte);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

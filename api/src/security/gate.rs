//! The door every request passes, before any handler: where it comes from, who sends it, whether our own page
//! made it, and whether this person may use the route. Errors of handlers are drawn here, on the way out.

use super::cookie::{self, Token};
use super::proof::{Key, SignedIn};
use crate::app::App;
use crate::error::HttpError;
use crate::limits;
use crate::router::Access;
use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header, request::Parts};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use domain::account::Actor;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use web::Template;
use web::frame::{Frame, Section};
use web::pages::error::ErrorPage;
use zeroize::Zeroize;

/// The fields of a form, in order. Names may repeat. Values are wiped from memory at the end: some are passwords and
/// tokens, and none is printed.
#[derive(Clone, Default)]
pub struct Fields(Vec<(String, String)>);

/// What the password fields of the pages are called.
const SECRET_FIELDS: [&str; 4] = ["password", "old", "new", "value"];

impl Drop for Fields {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(|(_, value)| value.zeroize());
    }
}

impl Fields {
    /// The first field of this name; empty if there is none.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether a password, token or key is among them.
    fn carry_a_secret(&self) -> bool {
        self.0.iter().any(|(name, _)| SECRET_FIELDS.contains(&name.as_str()))
    }

    /// Multi-line text with the line ends people mean; forms send CR LF.
    pub fn text(&self, name: &str) -> String {
        self.get(name).replace("\r\n", "\n")
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Fields {
    type Rejection = HttpError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, HttpError> {
        parts.extensions.get::<Fields>().cloned().ok_or_else(HttpError::not_our_form)
    }
}

pub async fn gate(State((app, access)): State<(App, Access)>, request: Request, next: Next) -> Response {
    let person = match access {
        Access::Machine => return next.run(request).await,
        _ => person(&app, request.headers()).await,
    };
    let known = person.as_ref().ok().cloned().flatten();
    let address = request.uri().clone();
    let response = match person {
        Ok(person) => {
            pass(&app, access, person, request, next).await.unwrap_or_else(IntoResponse::into_response)
        }
        Err(error) => error.into_response(),
    };
    drawn(&app, known.as_ref(), &address, response).await
}

/// Whoever the session cookie belongs to, if their session and account are alive.
pub async fn person(app: &App, headers: &HeaderMap) -> Result<Option<SignedIn>, HttpError> {
    let Some(token) = cookie::token(headers, cookie::SESSION) else { return Ok(None) };
    alive(app, token, true).await
}

/// `touch`: this request is a sign of life of the person.
pub async fn alive(app: &App, token: Token, touch: bool) -> Result<Option<SignedIn>, HttpError> {
    let Some(session) = app.sessions.find(&token, app.now(), touch).await? else { return Ok(None) };
    let account = app.reader.account(session.account).await?;
    Ok(account.filter(|account| !account.disabled).map(|account| SignedIn {
        actor: Actor { id: account.id, role: account.role },
        name: account.name,
        token,
    }))
}

async fn pass(
    app: &App,
    access: Access,
    person: Option<SignedIn>,
    mut request: Request,
    next: Next,
) -> Result<Response, HttpError> {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD);
    if !safe && !same_origin(request.headers(), app.public_origin.as_deref()) {
        return Err(HttpError::not_our_form());
    }
    let wanted = matches!(access, Access::SignedIn | Access::Admin);
    if wanted && person.is_none() {
        return signed_out(request, safe).await;
    }
    if access == Access::Admin && !person.as_ref().is_some_and(SignedIn::is_admin) {
        return Err(HttpError::admins_only());
    }
    if !safe {
        let token = match (&person, access) {
            (Some(person), Access::SignedIn | Access::Admin) => Some(person.token().clone()),
            _ => cookie::token(request.headers(), cookie::VISITOR),
        };
        request = proved(request, token).await?;
    }
    if let Some(person) = person {
        request.extensions_mut().insert(person);
    }
    let secret = request.extensions().get::<Fields>().is_some_and(Fields::carry_a_secret);
    let mut response = next.run(request).await;
    if secret {
        // The connection's buffer still holds what was typed; it is given back, and wiped, with the connection.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// A page asked for is come back to after sign-in; a form's words are handed back.
async fn signed_out(request: Request, safe: bool) -> Result<Response, HttpError> {
    if safe {
        let asked = request.uri().path_and_query().map_or("/", |asked| asked.as_str());
        if asked.ends_with("/live") || asked.contains("/live?") {
            return Err(HttpError::signed_out());
        }
        let next = utf8_percent_encode(asked, NON_ALPHANUMERIC);
        return Ok(Redirect::to(&format!("/sign-in?next={next}")).into_response());
    }
    let (_, fields, _) = read_form(request).await?;
    let typed =
        ["text", "why", "reason"].into_iter().map(|name| fields.get(name)).find(|text| !text.is_empty());
    Err(HttpError::signed_out().typed(typed.unwrap_or_default()))
}

async fn read_form(request: Request) -> Result<(Parts, Fields, [u8; 32]), HttpError> {
    let (parts, body) = request.into_parts();
    let kind =
        parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().unwrap_or_default().trim() != "application/x-www-form-urlencoded" {
        return Err(HttpError::not_our_form());
    }
    let bytes = to_bytes(body, limits::BODY_BYTES_MAX).await.map_err(|_| HttpError::too_large())?;
    let fields = serde_urlencoded::from_bytes(&bytes).map(Fields).map_err(|_| HttpError::not_our_form())?;
    let digest = Sha256::digest(&bytes).into();
    wipe(bytes);
    Ok((parts, fields, digest))
}

/// A body is gone from memory as soon as it is read. What the connection still shares of it is overwritten by its next
/// request.
fn wipe(body: Bytes) {
    if let Ok(mut body) = body.try_into_mut() {
        body.zeroize();
    }
}

/// The form carries the token of this very session. Its key is mixed with its content.
async fn proved(request: Request, token: Option<Token>) -> Result<Request, HttpError> {
    let (parts, fields, digest) = read_form(request).await?;
    if !token.is_some_and(|token| cookie::same(&token.csrf(), fields.get("csrf"))) {
        return Err(HttpError::not_our_form());
    }
    let mut request = Request::from_parts(parts, axum::body::Body::empty());
    if let Ok(key) = fields.get("key").parse::<Uuid>() {
        request.extensions_mut().insert(Key(Uuid::new_v5(&key, &digest)));
    }
    request.extensions_mut().insert(fields);
    Ok(request)
}

/// Browsers say where a request comes from; what says so must name this site. What says nothing is no browser,
/// and still needs the token.
fn same_origin(headers: &HeaderMap, public_origin: Option<&str>) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if text("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return false;
    }
    let Some(origin) = text("origin") else { return true };
    if let Some(public) = public_origin {
        return origin == public;
    }
    let host = text("host").unwrap_or_default();
    origin
        .split_once("://")
        .is_some_and(|(_, authority)| !host.is_empty() && authority.eq_ignore_ascii_case(host))
}

/// Errors become pages.
async fn drawn(app: &App, person: Option<&SignedIn>, address: &Uri, mut response: Response) -> Response {
    let error = match response.extensions_mut().remove::<HttpError>() {
        Some(error) => error,
        None if response
            .headers()
            .get("content-type")
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html")) =>
        {
            return response;
        }
        None => match HttpError::of_status(response.status()) {
            Some(error) => error,
            None => return response,
        },
    };
    match &error.cause {
        Some(cause) if error.status == StatusCode::INTERNAL_SERVER_ERROR => {
            tracing::error!(path = address.path(), cause, "a request failed")
        }
        Some(cause) => tracing::warn!(path = address.path(), cause, "a request could not be answered"),
        None => tracing::debug!(path = address.path(), status = error.status.as_u16(), "refused"),
    }
    error_page(app, person, error).await
}

pub async fn error_page(app: &App, person: Option<&SignedIn>, error: HttpError) -> Response {
    let framed = match person {
        Some(person) => app.frame(person, &error.title, Section::None, None).await.ok(),
        None => None,
    };
    let mut advice = error.advice.clone();
    if error.status == StatusCode::FORBIDDEN
        && advice.is_empty()
        && let Some(person) = person
        && let Ok(viewer) = app.viewer(person).await
    {
        advice = viewer.ask_an_admin();
    }
    let page = ErrorPage {
        f: framed.unwrap_or_else(|| Frame::new(error.title.clone(), Section::None, app.now())),
        title: error.title,
        text: error.text,
        advice,
        link: error.link,
        typed: error.typed,
    };
    match page.render() {
        Ok(html) => (error.status, axum::response::Html(html)).into_response(),
        Err(_) => error.status.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(key, value)| (key.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn other_sites_and_other_ports_are_told_apart() {
        let host = ("host", "pod.lan:8443");
        assert!(same_origin(&headers(&[host, ("origin", "https://pod.lan:8443")]), None));
        assert!(!same_origin(&headers(&[host, ("origin", "https://pod.lan:9000")]), None));
        assert!(!same_origin(&headers(&[host, ("origin", "null")]), None));
        assert!(!same_origin(&headers(&[host, ("sec-fetch-site", "same-site")]), None));
        assert!(!same_origin(&headers(&[("origin", "https://evil.example")]), None));
        assert!(same_origin(
            &headers(&[host, ("origin", "https://pod.example")]),
            Some("https://pod.example")
        ));
        assert!(!same_origin(
            &headers(&[host, ("origin", "https://pod.lan:8443")]),
            Some("https://pod.example")
        ));
    }
}

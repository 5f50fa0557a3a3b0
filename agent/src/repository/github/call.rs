//! One request to GitHub and what its status means.
//!
//! Begin with [`Caller::call`]. When GitHub asks to wait (`Retry-After`, a used-up rate limit, a secondary limit) or
//! refuses the token, nothing is sent until the wait is over: each caller gets the same stated refusal at once.

use super::wire;
use crate::limits::{GITHUB_LIMIT_WAIT, GITHUB_WAIT_MAX};
use crate::repository::RepositoryError;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::header::{ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, RETRY_AFTER};
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use octocrab::Octocrab;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

type Outcome<T> = Result<T, RepositoryError>;

/// What came back, whatever its status.
pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    body: Bytes,
}

/// A wait that GitHub asked for, with the sentence for people.
struct Closed {
    until: Instant,
    why: RepositoryError,
}

pub(super) struct Caller {
    octocrab: Octocrab,
    /// How long nothing is sent after the token or a right was refused.
    refused_pause: Duration,
    closed: Mutex<Option<Closed>>,
}

impl Caller {
    pub fn new(octocrab: Octocrab, refused_pause: Duration) -> Self {
        Self { octocrab, refused_pause, closed: Mutex::new(None) }
    }

    pub async fn get(&self, path: &str) -> Outcome<Answer> {
        self.call(Method::GET, path, None, None).await
    }

    /// Sends one request; answers of every status but refusals of us as a whole come back as they are.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        known: Option<&str>,
    ) -> Outcome<Answer> {
        self.open()?;
        let answer = self.send(method, path, body, known).await?;
        match self.refusal(&answer) {
            Some(why) => Err(why),
            None => Ok(answer),
        }
    }

    /// Sends one request whatever was refused before, and judges nothing of the answer.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        known: Option<&str>,
    ) -> Outcome<Answer> {
        let mut request = http::Request::builder().method(method).uri(path);
        if let Some(etag) = known.and_then(|etag| HeaderValue::from_str(etag).ok()) {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let unavailable = |error: octocrab::Error| RepositoryError::Unavailable(wire::unwrapped(&error).0);
        let request = self.octocrab.build_request(request, body).map_err(unavailable)?;
        let response = self.octocrab.execute(request).await.map_err(unavailable)?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(unavailable)?.to_bytes();
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    /// Whoever was refused may ask again: something was changed at GitHub.
    pub fn reopen(&self) {
        *self.closed.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Refuses while a wait lasts.
    fn open(&self) -> Outcome<()> {
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        match &*closed {
            Some(wait) if Instant::now() < wait.until => Err(wait.why.clone()),
            _ => {
                *closed = None;
                Ok(())
            }
        }
    }

    /// Nothing is sent for this long after a refusal that only a person can end.
    pub fn refuse(&self, why: RepositoryError) -> RepositoryError {
        self.close(self.refused_pause, why)
    }

    fn close(&self, wait: Duration, why: RepositoryError) -> RepositoryError {
        let wait = wait.min(GITHUB_WAIT_MAX);
        let closed = Closed { until: Instant::now() + wait, why: why.clone() };
        *self.closed.lock().unwrap_or_else(PoisonError::into_inner) = Some(closed);
        why
    }

    /// Whether an answer means that nothing else should be asked now.
    fn refusal(&self, answer: &Answer) -> Option<RepositoryError> {
        let asked = wait_asked(&answer.headers, Utc::now());
        let message = answer.message();
        match answer.status.as_u16() {
            401 => {
                let why = format!("GitHub refuses the token ({message})");
                Some(self.refuse(RepositoryError::Refused(why)))
            }
            status @ (403 | 429) => {
                let limited = status == 429 || message.to_ascii_lowercase().contains("rate limit");
                match asked.or(limited.then_some(GITHUB_LIMIT_WAIT)) {
                    Some(wait) => Some(self.close(wait, until("GitHub limits the rate of calls", wait))),
                    None => {
                        let why = format!("the token lacks a right ({message})");
                        Some(self.refuse(RepositoryError::Refused(why)))
                    }
                }
            }
            status @ 500..=599 => {
                let why = RepositoryError::Unavailable(format!("GitHub has trouble (status {status})"));
                Some(match asked {
                    Some(wait) => self.close(wait, why),
                    None => why,
                })
            }
            301 | 302 | 307 | 308 => {
                let why = "GitHub answers from another address: was the repository renamed?";
                Some(self.refuse(RepositoryError::Refused(why.into())))
            }
            _ => None,
        }
    }
}

/// The same sentence for the whole wait, so that it is told once: the minute is rounded up.
fn until(what: &str, wait: Duration) -> RepositoryError {
    let end = Utc::now() + TimeDelta::from_std(wait.min(GITHUB_WAIT_MAX)).unwrap_or_default();
    let end = end + TimeDelta::seconds(60);
    RepositoryError::Refused(format!("{what}; asked again at {} UTC", end.format("%H:%M")))
}

/// The wait that the headers ask for: `Retry-After` in seconds, or the reset of a used-up limit.
fn wait_asked(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let number = |name: HeaderName| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    if let Some(seconds) = number(RETRY_AFTER) {
        return Some(Duration::from_secs(seconds));
    }
    if number(HeaderName::from_static("x-ratelimit-remaining")) != Some(0) {
        return None;
    }
    let reset = number(HeaderName::from_static("x-ratelimit-reset"))?;
    let left = i64::try_from(reset).ok()?.saturating_sub(now.timestamp());
    // A clock that goes wrong here must not make us knock in a loop.
    Some(Duration::from_secs(u64::try_from(left).unwrap_or_default().max(1)))
}

impl Answer {
    pub fn header(&self, name: &'static str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// How long GitHub asks to wait, if it does.
    pub fn wait(&self) -> Option<Duration> {
        let limited = self.message().to_ascii_lowercase().contains("rate limit");
        wait_asked(&self.headers, Utc::now()).or(limited.then_some(GITHUB_LIMIT_WAIT))
    }

    pub fn etag(&self) -> Option<String> {
        self.headers.get(ETAG)?.to_str().ok().map(str::to_owned)
    }

    /// Whether the listing goes on after this page, by the `Link` header.
    pub fn page(&self, relation: &str) -> Option<u32> {
        let links = self.headers.get(http::header::LINK)?.to_str().ok()?;
        let wanted = format!("rel=\"{relation}\"");
        let link = links.split(',').find(|link| link.contains(&wanted))?;
        let (address, _) = link.trim().strip_prefix('<')?.split_once('>')?;
        let (_, query) = address.split_once('?')?;
        query.split('&').find_map(|pair| pair.strip_prefix("page=")?.parse().ok())
    }

    /// The answer in its form; a broken one counts as none, since a call may have had its effect all the same.
    pub fn read<T: DeserializeOwned>(&self) -> Outcome<T> {
        if !self.status.is_success() {
            return Err(self.unexpected());
        }
        serde_json::from_slice(&self.body).map_err(|error| {
            let kind = if error.is_eof() { "breaks off" } else { "is not what was asked for" };
            RepositoryError::Unavailable(format!("GitHub's answer {kind}"))
        })
    }

    pub fn unexpected(&self) -> RepositoryError {
        RepositoryError::Unusable(format!("GitHub answers {} ({})", self.status.as_u16(), self.message()))
    }

    /// GitHub's own words, on one line and bounded.
    pub fn message(&self) -> String {
        let said = serde_json::from_slice::<Value>(&self.body).ok();
        let text = said.as_ref().and_then(|said| said.get("message")?.as_str()).unwrap_or("no reason given");
        crate::repository::shown(text, 200)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_wait_is_taken_from_either_header_and_from_no_other() {
        let now = DateTime::from_timestamp(1_000, 0).unwrap();
        let wait = |pairs: &[(&'static str, &str)]| wait_asked(&headers(pairs), now).map(|w| w.as_secs());
        assert_eq!(wait(&[("retry-after", "30"), ("x-ratelimit-remaining", "0")]), Some(30));
        assert_eq!(wait(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1090")]), Some(90));
        assert_eq!(wait(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "10")]), Some(1));
        assert_eq!(wait(&[("x-ratelimit-remaining", "7"), ("x-ratelimit-reset", "1090")]), None);
        assert_eq!(wait(&[("retry-after", "soon")]), None);
    }

    #[test]
    fn pages_come_from_the_link_header() {
        let link =
            "<https://x/commits?per_page=100&page=2>; rel=\"next\", <https://x/c?page=9>; rel=\"last\"";
        let answer =
            Answer { status: StatusCode::OK, headers: headers(&[("link", link)]), body: Bytes::new() };
        assert_eq!((answer.page("next"), answer.page("last"), answer.page("prev")), (Some(2), Some(9), None));
    }
}

//! Which route a request is for, and the form of an answer.

use super::git::{Git, GitSaid};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

/// One repository and where it lies.
pub(super) struct Place {
    pub owner: String,
    pub name: String,
    /// The default branch.
    pub branch: String,
    pub git: Git,
    /// Address that its answers point back to.
    pub base: String,
}

pub(super) struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

impl Answer {
    pub fn ok(body: Value) -> Self {
        Self { status: 200, headers: vec![], body }
    }

    pub fn created(body: Value) -> Self {
        Self { status: 201, headers: vec![], body }
    }

    pub fn refused(status: u16, message: &str) -> Self {
        let body = json!({
            "message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string(),
        });
        Self { status, headers: vec![], body }
    }

    pub fn not_found() -> Self {
        Self::refused(404, "Not Found")
    }

    /// With the `Link` header of a listing that has this many pages.
    pub fn paged(mut self, query: &Query, page: usize, pages: usize) -> Self {
        let link = |to: usize, relation: &str| format!("<{}>; rel=\"{relation}\"", query.of_page(to));
        let mut links = Vec::new();
        if page > 1 {
            links.extend([link(page - 1, "prev"), link(1, "first")]);
        }
        if page < pages {
            links.extend([link(page + 1, "next"), link(pages, "last")]);
        }
        if !links.is_empty() {
            self.headers.push(("link".into(), links.join(", ")));
        }
        self
    }
}

/// What stands behind the question mark.
pub(super) struct Query {
    address: String,
    pairs: Vec<(String, String)>,
}

impl Query {
    pub fn new(address: &str, query: &str) -> Self {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let pairs = pairs.map(|(name, value)| (decoded(name), decoded(value))).collect();
        Self { address: address.to_owned(), pairs }
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Entries of a page (30 unless asked, 100 at most) and the page asked for, from 1.
    pub fn paging(&self) -> (usize, usize) {
        let number = |name: &str| self.get(name).and_then(|text| text.parse::<usize>().ok());
        let per_page = number("per_page").unwrap_or(30).clamp(1, 100);
        (per_page, number("page").unwrap_or(1).clamp(1, 1_000_000))
    }

    fn of_page(&self, page: usize) -> String {
        let mut address = format!("{}?", self.address);
        for (name, value) in self.pairs.iter().filter(|(name, _)| name != "page") {
            let value = percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC);
            address.push_str(&format!("{name}={value}&"));
        }
        address + &format!("page={page}")
    }
}

impl Place {
    /// Carries out one request; the path is without the base address.
    pub async fn answer(&self, method: &str, path: &str, query: &Query, body: &Value) -> Answer {
        match self.routed(method, path, query, body).await {
            Ok(answer) => answer,
            Err(GitSaid(said)) => Answer::refused(500, &said),
        }
    }

    async fn routed(&self, method: &str, path: &str, query: &Query, body: &Value) -> Result<Answer, GitSaid> {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let parts: Vec<String> = path.trim_matches('/').split('/').map(decoded).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let rest = match parts[..] {
            ["repos", owner, name, ref rest @ ..] if owner == self.owner && name == self.name => rest,
            _ => return Ok(Answer::not_found()),
        };
        if matches!((method, rest), ("GET", [])) {
            return Ok(self.repository());
        }
        if let ("PUT", ["contents", path @ ..]) = (method, rest) {
            return self.put_file(&path.join("/"), body).await;
        }
        if self.git.is_empty().await? {
            return Ok(Answer::refused(409, "Git Repository is empty."));
        }
        match (method, rest) {
            ("GET", ["git", "ref", "heads", branch @ ..]) => self.reference(&branch.join("/")).await,
            ("GET", ["compare", spec]) => self.compared(spec, query).await,
            ("GET", ["commits"]) => self.listing(query).await,
            ("GET", ["commits", name]) => self.commit(name, query).await,
            ("GET", ["git", "commits", name]) => self.git_commit(name).await,
            ("GET", ["git", "trees", name]) => self.tree(name).await,
            ("GET", ["git", "blobs", name]) => self.blob(name).await,
            ("POST", ["git", "blobs"]) => self.create_blob(body).await,
            ("POST", ["git", "trees"]) => self.create_tree(body).await,
            ("POST", ["git", "commits"]) => self.create_commit(body).await,
            ("POST", ["git", "refs"]) => self.create_reference(body).await,
            ("PATCH", ["git", "refs", "heads", branch @ ..]) => {
                self.move_reference(&branch.join("/"), body).await
            }
            _ => Ok(Answer::not_found()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_in_the_middle_names_its_neighbours() {
        let query = Query::new("http://x/commits", "sha=main&per_page=10&page=2");
        assert_eq!(query.paging(), (10, 2));
        let answer = Answer::ok(Value::Null).paged(&query, 2, 3);
        let link = &answer.headers[0].1;
        assert!(link.contains("<http://x/commits?sha=main&per_page=10&page=3>; rel=\"next\""), "{link}");
        assert!(link.contains("page=1>; rel=\"prev\""), "{link}");
        assert!(Answer::ok(Value::Null).paged(&query, 1, 1).headers.is_empty());
    }
}

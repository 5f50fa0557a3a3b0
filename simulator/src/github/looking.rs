//! The routes that look: the repository, its branch, commits, trees, blobs.
//!
//! Shapes and statuses follow GitHub's published description of its REST API (version 2022-11-28); of each answer
//! the fields that say something about git are filled.

use super::git::GitSaid;
use super::routes::{Answer, Place, Query};
use base64::Engine;
use serde_json::{Value, json};

/// Files of one page of a commit, as GitHub has it.
const FILES_PER_PAGE: usize = 300;

impl Place {
    pub(super) async fn reference(&self, branch: &str) -> Result<Answer, GitSaid> {
        Ok(match self.git.tip(branch).await? {
            Some(tip) => Answer::ok(self.reference_at(branch, &tip)),
            None => Answer::not_found(),
        })
    }

    pub(super) async fn listing(&self, query: &Query) -> Result<Answer, GitSaid> {
        let from = query.get("sha").unwrap_or(&self.branch).to_owned();
        let Some(from) = self.commit_name(&from).await? else { return Ok(Answer::not_found()) };
        let (per_page, page) = query.paging();
        let mut limits = vec![from];
        if let Some(path) = query.get("path") {
            limits.extend(["--".to_owned(), path.to_owned()]);
        }
        let limits: Vec<&str> = limits.iter().map(String::as_str).collect();
        let count = self.git.text(&[&["rev-list", "--count"][..], &limits].concat()).await?;
        let (skip, max) = (format!("--skip={}", (page - 1) * per_page), format!("--max-count={per_page}"));
        let commits = self.commits(&[&[skip.as_str(), &max][..], &limits].concat()).await?;
        let total: usize = count.parse().unwrap_or_default();
        Ok(Answer::ok(Value::Array(commits)).paged(query, page, total.div_ceil(per_page)))
    }

    pub(super) async fn compared(&self, spec: &str, query: &Query) -> Result<Answer, GitSaid> {
        let Some((base, head)) = spec.split_once("...") else { return Ok(Answer::not_found()) };
        let (Some(base), Some(head)) = (self.commit_name(base).await?, self.commit_name(head).await?) else {
            return Ok(Answer::not_found());
        };
        let Ok(common) = self.git.text(&["merge-base", &base, &head]).await else {
            return Ok(Answer::refused(404, &format!("No common ancestor between {base} and {head}.")));
        };
        let count = async |range: String| -> Result<usize, GitSaid> {
            Ok(self.git.text(&["rev-list", "--count", &range]).await?.parse().unwrap_or_default())
        };
        let (ahead, behind) =
            (count(format!("{base}..{head}")).await?, count(format!("{head}..{base}")).await?);
        let status = match (ahead, behind) {
            (0, 0) => "identical",
            (_, 0) => "ahead",
            (0, _) => "behind",
            _ => "diverged",
        };
        let (per_page, page) = query.paging();
        let all = self.commits(&["--reverse", "--topo-order", &format!("{base}..{head}")]).await?;
        let shown: Vec<Value> = all.into_iter().skip((page - 1) * per_page).take(per_page).collect();
        let one = async |name: &str| -> Result<Value, GitSaid> {
            Ok(self.commits(&["--max-count=1", name]).await?.pop().unwrap_or_default())
        };
        let body = json!({
            "url": self.api(&format!("/compare/{spec}")), "html_url": self.page(&format!("/compare/{spec}")),
            "permalink_url": self.page(&format!("/compare/{spec}")),
            "diff_url": self.page(&format!("/compare/{spec}.diff")),
            "patch_url": self.page(&format!("/compare/{spec}.patch")),
            "status": status, "ahead_by": ahead, "behind_by": behind, "total_commits": ahead,
            "base_commit": one(&base).await?, "merge_base_commit": one(&common).await?, "commits": shown,
            "files": [],
        });
        Ok(Answer::ok(body).paged(query, page, ahead.div_ceil(per_page)))
    }

    pub(super) async fn commit(&self, name: &str, query: &Query) -> Result<Answer, GitSaid> {
        let Some(name) = self.commit_name(name).await? else {
            return Ok(Answer::refused(422, &format!("No commit found for SHA: {name}")));
        };
        let mut commit = self.commits(&["--max-count=1", &name]).await?.pop().unwrap_or_default();
        let args = [
            "diff-tree",
            "--root",
            "-r",
            "-z",
            "-M",
            "-m",
            "--first-parent",
            "--no-commit-id",
            "--raw",
            "--no-abbrev",
            &name,
        ];
        let raw = self.git.run(&args, None, &[]).await?;
        let mut fields =
            raw.split(|byte| *byte == 0).map(|field| String::from_utf8_lossy(field).into_owned());
        let mut files = Vec::new();
        // `:mode mode name name status`, then one path, or two where it was moved.
        while let (Some(head), Some(path)) = (fields.next(), fields.next()) {
            let words: Vec<&str> = head.split_ascii_whitespace().collect();
            let [_, _, from, to, status] = words[..] else { continue };
            files.push(match status.chars().next() {
                Some('A') => self.changed(&name, "added", to, &path, None),
                Some('D') => self.changed(&name, "removed", from, &path, None),
                Some('R') => {
                    let moved = fields.next().unwrap_or_default();
                    self.changed(&name, "renamed", to, &moved, Some(path))
                }
                _ => self.changed(&name, "modified", to, &path, None),
            });
        }
        let (_, page) = query.paging();
        let pages = files.len().div_ceil(FILES_PER_PAGE);
        let shown: Vec<Value> =
            files.into_iter().skip((page - 1) * FILES_PER_PAGE).take(FILES_PER_PAGE).collect();
        commit["files"] = Value::Array(shown);
        Ok(Answer::ok(commit).paged(query, page, pages))
    }

    pub(super) async fn git_commit(&self, name: &str) -> Result<Answer, GitSaid> {
        match self.commit_name(name).await? {
            Some(name) => Ok(Answer::ok(self.written_commit(&name).await?)),
            None => Ok(Answer::not_found()),
        }
    }

    pub(super) async fn tree(&self, name: &str) -> Result<Answer, GitSaid> {
        let spec = format!("{name}^{{tree}}");
        let Ok(name) = self.git.text(&["rev-parse", "--verify", "--quiet", &spec]).await else {
            return Ok(Answer::not_found());
        };
        Ok(Answer::ok(self.written_tree(&name).await?))
    }

    pub(super) async fn blob(&self, name: &str) -> Result<Answer, GitSaid> {
        let kind = self.git.text(&["cat-file", "-t", name]).await;
        if kind.as_deref() != Ok("blob") {
            return Ok(Answer::not_found());
        }
        let content = self.git.run(&["cat-file", "blob", name], None, &[]).await?;
        // GitHub breaks the lines of what it packs.
        let packed = base64::engine::general_purpose::STANDARD.encode(&content);
        let lines: Vec<&[u8]> = packed.as_bytes().chunks(60).collect();
        let mut packed = lines.join(&b'\n');
        packed.push(b'\n');
        let packed = String::from_utf8_lossy(&packed).into_owned();
        Ok(Answer::ok(json!({
            "sha": name, "node_id": "B_1", "size": content.len(), "encoding": "base64", "content": packed,
            "url": self.api(&format!("/git/blobs/{name}")),
        })))
    }

    /// The full name of a commit, by name or branch; none if there is no such commit.
    async fn commit_name(&self, named: &str) -> Result<Option<String>, GitSaid> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
        if named.starts_with('-') || named.contains("..") || !named.chars().all(plain) {
            return Ok(None);
        }
        let spec = format!("{named}^{{commit}}");
        Ok(self.git.text(&["rev-parse", "--verify", "--quiet", &spec]).await.ok())
    }
}

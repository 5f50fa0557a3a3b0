//! The routes that write: blobs, trees, commits, the branch, and the first file of an empty repository.

use super::git::GitSaid;
use super::routes::{Answer, Place};
use base64::Engine;
use serde_json::{Value, json};

type Said = Result<Answer, GitSaid>;

/// What GitHub answers where a body is not as it must be.
fn wrong(message: &str) -> Answer {
    Answer::refused(422, message)
}

impl Place {
    pub(super) async fn create_blob(&self, body: &Value) -> Said {
        let Some(content) = body["content"].as_str() else { return Ok(wrong("content wasn't supplied.")) };
        let bytes = match body["encoding"].as_str() {
            None | Some("utf-8") => content.as_bytes().to_vec(),
            Some("base64") => match base64::engine::general_purpose::STANDARD.decode(content) {
                Ok(bytes) => bytes,
                Err(_) => return Ok(wrong("content is not valid Base64")),
            },
            Some(_) => return Ok(wrong("Invalid encoding")),
        };
        let sha = self.git.blob(&bytes).await?;
        Ok(Answer::created(json!({ "sha": sha, "url": self.api(&format!("/git/blobs/{sha}")) })))
    }

    pub(super) async fn create_tree(&self, body: &Value) -> Said {
        let base = body["base_tree"].as_str();
        let Some(listed) = body["tree"].as_array() else { return Ok(wrong("tree wasn't supplied.")) };
        let mut entries = Vec::new();
        for entry in listed {
            let (Some(path), mode) = (entry["path"].as_str(), entry["mode"].as_str().unwrap_or("100644"))
            else {
                return Ok(wrong("tree.path wasn't supplied."));
            };
            let object = match (entry["sha"].as_str(), entry["content"].as_str()) {
                (Some(sha), _) if !self.exists(sha).await => {
                    return Ok(wrong("tree.sha is not a valid object"));
                }
                (Some(sha), _) => Some((mode.to_owned(), sha.to_owned())),
                (None, Some(content)) => Some((mode.to_owned(), self.git.blob(content.as_bytes()).await?)),
                (None, None) if entry["sha"].is_null() => None,
                (None, None) => return Ok(wrong("tree.sha or tree.content wasn't supplied.")),
            };
            entries.push((path.to_owned(), object));
        }
        match self.git.tree(base, &entries).await {
            Ok(sha) => Ok(Answer::created(self.written_tree(&sha).await?)),
            Err(GitSaid(said)) => Ok(wrong(&said)),
        }
    }

    pub(super) async fn create_commit(&self, body: &Value) -> Said {
        let (Some(message), Some(tree)) = (body["message"].as_str(), body["tree"].as_str()) else {
            return Ok(wrong("message and tree must be supplied."));
        };
        let parents: Vec<String> = body["parents"]
            .as_array()
            .map(|parents| parents.iter().filter_map(|parent| parent.as_str().map(str::to_owned)).collect())
            .unwrap_or_default();
        for name in parents.iter().map(String::as_str).chain([tree]) {
            if !self.exists(name).await {
                return Ok(wrong("Tree SHA or parent SHA does not exist"));
            }
        }
        let person = |who: &str| {
            let of = |field: &str| body[who][field].as_str().unwrap_or("octocat").to_owned();
            (of("name"), of("email"))
        };
        let (author, committer) = (person("author"), person("committer"));
        let written = self
            .git
            .commit(tree, &parents, message.as_bytes(), (&author.0, &author.1), (&committer.0, &committer.1))
            .await;
        match written {
            Ok(name) => Ok(Answer::created(self.written_commit(&name).await?)),
            Err(GitSaid(said)) => Ok(wrong(&said)),
        }
    }

    pub(super) async fn create_reference(&self, body: &Value) -> Said {
        let branch = body["ref"].as_str().and_then(|name| name.strip_prefix("refs/heads/"));
        let (Some(branch), Some(sha)) = (branch, body["sha"].as_str()) else {
            return Ok(wrong("ref and sha must be supplied."));
        };
        if !self.exists(sha).await {
            return Ok(wrong("Object does not exist"));
        }
        match self.git.point(branch, sha, None).await {
            Ok(()) => Ok(Answer::created(self.reference_at(branch, sha))),
            Err(_) => Ok(wrong("Reference already exists")),
        }
    }

    pub(super) async fn move_reference(&self, branch: &str, body: &Value) -> Said {
        let Some(sha) = body["sha"].as_str() else { return Ok(wrong("sha wasn't supplied.")) };
        let Some(now) = self.git.tip(branch).await? else { return Ok(wrong("Reference does not exist")) };
        if !self.exists(sha).await {
            return Ok(wrong("Object does not exist"));
        }
        let forward = self.git.text(&["merge-base", "--is-ancestor", &now, sha]).await.is_ok();
        if !forward && body["force"] != true {
            return Ok(wrong("Update is not a fast forward"));
        }
        match self.git.point(branch, sha, Some(&now)).await {
            Ok(()) => Ok(Answer::ok(self.reference_at(branch, sha))),
            Err(_) => Ok(Answer::refused(409, "Reference update failed: it was moved at the same time")),
        }
    }

    /// A file put at a path; the only route that can make the first commit.
    pub(super) async fn put_file(&self, path: &str, body: &Value) -> Said {
        let branch = body["branch"].as_str().unwrap_or(&self.branch).to_owned();
        let content = body["content"].as_str().unwrap_or_default();
        let (Ok(bytes), Some(message)) =
            (base64::engine::general_purpose::STANDARD.decode(content), body["message"].as_str())
        else {
            return Ok(wrong("content is not valid Base64"));
        };
        let parent = self.git.tip(&branch).await?;
        if parent.is_none() && !self.git.is_empty().await? {
            return Ok(Answer::refused(404, &format!("Branch {branch} not found")));
        }
        if let Some(parent) = &parent
            && self.exists(&format!("{parent}:{path}")).await
        {
            return Ok(wrong("Invalid request.\n\n\"sha\" wasn't supplied."));
        }
        let blob = self.git.blob(&bytes).await?;
        let entry = (path.to_owned(), Some(("100644".to_owned(), blob.clone())));
        let tree = self.git.tree(parent.as_deref(), &[entry]).await?;
        let who = ("octocat", "octocat@users.noreply.github.com");
        let parents: Vec<String> = parent.clone().into_iter().collect();
        let name = self.git.commit(&tree, &parents, message.as_bytes(), who, who).await?;
        match self.git.point(&branch, &name, parent.as_deref()).await {
            Ok(()) => {
                let commit = self.written_commit(&name).await?;
                Ok(Answer::created(json!({
                    "content": { "name": path.rsplit('/').next(), "path": path, "sha": blob, "type": "file" },
                    "commit": commit,
                })))
            }
            Err(_) => Ok(Answer::refused(409, &format!("is at another commit but expected {parent:?}"))),
        }
    }

    async fn exists(&self, name: &str) -> bool {
        !name.starts_with('-') && self.git.text(&["cat-file", "-e", name]).await.is_ok()
    }
}

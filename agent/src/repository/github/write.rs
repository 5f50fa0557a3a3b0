//! Putting one commit on the branch: blobs, tree, commit, and last the branch, from where it was read.
//!
//! Everything before the last call is invisible: objects that no branch reaches. When the answer to the last call is
//! lost the commit is found again by its trailer; nothing here is repeated blindly.

use super::read::{Named, Tip, checked};
use super::{GitHub, Outcome};
use crate::repository::{NewCommit, RepositoryError};
use base64::Engine;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

/// What an empty repository begins with: GitHub's git routes work only once there is a commit.
const FIRST_FILE: &str = "README.md";
const FIRST_TEXT: &str =
    "# Declarations\n\nWritten by MycoPod: what was approved, in English, with its plan beside it.\n";

#[derive(Deserialize)]
struct Put {
    commit: Named,
}

impl GitHub {
    pub(super) async fn write_commit(&self, new: &NewCommit) -> Outcome<String> {
        let parent = match self.read_tip_anew().await? {
            Tip::At(commit) => Some(commit),
            Tip::NoBranch => None,
            Tip::Empty => Some(self.begin().await?),
        };
        let base = match &parent {
            Some(parent) => {
                let gone = || RepositoryError::Moved(format!("{parent} is gone"));
                Some(self.tree_of(parent).await?.ok_or_else(gone)?)
            }
            None => None,
        };
        let mut entries = Vec::new();
        for (path, content) in &new.files {
            let blob = json!({ "content": content, "encoding": "utf-8" });
            let sha = self.create("git/blobs", &blob).await?;
            entries.push(json!({ "path": path, "mode": "100644", "type": "blob", "sha": sha }));
        }
        let mut tree = json!({ "tree": entries });
        if let Some(base) = base {
            tree["base_tree"] = Value::String(base);
        }
        let tree = self.create("git/trees", &tree).await?;
        let commit = json!({
            "message": new.message,
            "tree": tree,
            "parents": parent.iter().collect::<Vec<_>>(),
            "author": { "name": new.author, "email": "mycopod@localhost" },
            "committer": { "name": "MycoPod", "email": "mycopod@localhost" },
        });
        let id = self.create("git/commits", &commit).await?;
        self.point_branch(&id, parent.as_deref()).await?;
        Ok(id)
    }

    /// The first commit of an empty repository; somebody else may make it at the same time.
    async fn begin(&self) -> Outcome<String> {
        let path = format!("{}/contents/{FIRST_FILE}", self.place);
        let body = json!({
            "message": "Begin the declarations repository",
            "content": base64::engine::general_purpose::STANDARD.encode(FIRST_TEXT),
            "branch": self.branch,
        });
        let answer = self.caller.call(Method::PUT, &path, Some(&body), None).await?;
        match answer.status {
            StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => {
                Err(RepositoryError::Moved(answer.message()))
            }
            _ => checked(answer.read::<Put>()?.commit.sha),
        }
    }

    /// Writes one object and answers with its name.
    async fn create(&self, route: &str, body: &Value) -> Outcome<String> {
        let path = format!("{}/{route}", self.place);
        let answer = self.caller.call(Method::POST, &path, Some(body), None).await?;
        match answer.status {
            StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => {
                Err(RepositoryError::Moved(answer.message()))
            }
            StatusCode::NOT_FOUND => Err(self.may_not_write()),
            _ => checked(answer.read::<Named>()?.sha),
        }
    }

    /// Moves the branch from the parent to the commit, or makes it where there was none.
    async fn point_branch(&self, id: &str, parent: Option<&str>) -> Outcome<()> {
        let (method, path, body) = match parent {
            Some(_) => (
                Method::PATCH,
                format!("{}/git/refs/{}", self.place, self.reference()),
                json!({ "sha": id, "force": false }),
            ),
            None => (
                Method::POST,
                format!("{}/git/refs", self.place),
                json!({ "ref": format!("refs/heads/{}", self.branch), "sha": id }),
            ),
        };
        let answer = self.caller.call(method, &path, Some(&body), None).await?;
        match answer.status {
            StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => {
                Err(RepositoryError::Moved(answer.message()))
            }
            StatusCode::NOT_FOUND => Err(self.may_not_write()),
            status if status.is_success() => Ok(()),
            _ => Err(answer.unexpected()),
        }
    }

    /// GitHub hides what a token may not do behind "not found".
    fn may_not_write(&self) -> RepositoryError {
        let why = "GitHub hides the routes for writing: may the token write the repository's contents?";
        self.caller.refuse(RepositoryError::Refused(why.into()))
    }
}

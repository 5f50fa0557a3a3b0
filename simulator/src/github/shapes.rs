//! What answers look like: the fields and addresses of GitHub's published description, filled from git.

use super::git::GitSaid;
use super::routes::{Answer, Place};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// When the repository claims to have been made.
const MADE_AT: &str = "2026-01-01T00:00:00Z";

/// Addresses that a repository lists, as GitHub names them.
const LINKS: [&str; 36] = [
    "archive_url",
    "assignees_url",
    "blobs_url",
    "branches_url",
    "collaborators_url",
    "comments_url",
    "commits_url",
    "compare_url",
    "contents_url",
    "contributors_url",
    "deployments_url",
    "downloads_url",
    "events_url",
    "forks_url",
    "git_commits_url",
    "git_refs_url",
    "git_tags_url",
    "hooks_url",
    "issue_comment_url",
    "issue_events_url",
    "issues_url",
    "keys_url",
    "labels_url",
    "languages_url",
    "merges_url",
    "milestones_url",
    "notifications_url",
    "pulls_url",
    "releases_url",
    "stargazers_url",
    "statuses_url",
    "subscribers_url",
    "subscription_url",
    "tags_url",
    "teams_url",
    "trees_url",
];

/// Addresses that a person lists.
const PERSON_LINKS: [&str; 10] = [
    "avatar_url",
    "events_url",
    "followers_url",
    "following_url",
    "gists_url",
    "organizations_url",
    "received_events_url",
    "repos_url",
    "starred_url",
    "subscriptions_url",
];

impl Place {
    /// An address of the API below the repository.
    pub(super) fn api(&self, rest: &str) -> String {
        format!("{}/repos/{}/{}{rest}", self.base, self.owner, self.name)
    }

    /// A page for people below the repository.
    pub(super) fn page(&self, rest: &str) -> String {
        format!("{}/{}/{}{rest}", self.base, self.owner, self.name)
    }

    pub(super) fn repository(&self) -> Answer {
        let mut fields = json!({
            "id": 1, "node_id": "R_1", "name": self.name, "full_name": format!("{}/{}", self.owner, self.name),
            "private": true, "owner": self.person(), "default_branch": self.branch, "description": null,
            "fork": false, "archived": false, "disabled": false, "has_issues": false, "has_projects": false,
            "has_wiki": false, "has_pages": false, "has_discussions": false, "homepage": null, "language": null,
            "mirror_url": null, "license": null, "forks": 0, "forks_count": 0, "open_issues": 0,
            "open_issues_count": 0, "size": 0, "stargazers_count": 0, "watchers": 0, "watchers_count": 0,
            "network_count": 0, "subscribers_count": 0, "created_at": MADE_AT, "updated_at": MADE_AT,
            "pushed_at": MADE_AT, "permissions": { "admin": false, "push": true, "pull": true },
            "url": self.api(""), "html_url": self.page(""), "svn_url": self.page(""),
            "clone_url": self.page(".git"), "git_url": self.page(".git"), "ssh_url": self.page(".git"),
        });
        for name in LINKS {
            fields[name] = self.api(&format!("/{}", name.trim_end_matches("_url"))).into();
        }
        Answer::ok(fields)
    }

    fn person(&self) -> Value {
        let address = format!("{}/users/{}", self.base, self.owner);
        let mut person = json!({
            "login": self.owner, "id": 1, "node_id": "U_1", "type": "User", "site_admin": false,
            "gravatar_id": null, "url": address, "html_url": format!("{}/{}", self.base, self.owner),
        });
        for name in PERSON_LINKS {
            person[name] = format!("{address}/{}", name.trim_end_matches("_url")).into();
        }
        person
    }

    pub(super) fn reference_at(&self, branch: &str, tip: &str) -> Value {
        json!({
            "ref": format!("refs/heads/{branch}"), "node_id": "REF_1",
            "url": self.api(&format!("/git/refs/heads/{branch}")),
            "object": { "type": "commit", "sha": tip, "url": self.api(&format!("/git/commits/{tip}")) },
        })
    }

    /// A changed file of a commit; `before` is its path before it was moved.
    pub(super) fn changed(
        &self,
        commit: &str,
        status: &str,
        object: &str,
        path: &str,
        before: Option<String>,
    ) -> Value {
        let place = utf8_percent_encode(path, NON_ALPHANUMERIC).to_string();
        let mut file = json!({
            "sha": object, "filename": path, "status": status, "additions": 0, "deletions": 0, "changes": 0,
            "blob_url": self.page(&format!("/blob/{commit}/{place}")),
            "raw_url": self.page(&format!("/raw/{commit}/{place}")),
            "contents_url": self.api(&format!("/contents/{place}?ref={commit}")),
        });
        if let Some(before) = before {
            file["previous_filename"] = before.into();
        }
        file
    }

    pub(super) async fn written_tree(&self, name: &str) -> Result<Value, GitSaid> {
        let raw = self.git.run(&["ls-tree", "-l", "-z", name], None, &[]).await?;
        let mut entries = Vec::new();
        for line in raw.split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
            let line = String::from_utf8_lossy(line);
            let Some((head, path)) = line.split_once('\t') else { continue };
            let fields: Vec<&str> = head.split_ascii_whitespace().collect();
            let [mode, kind, sha, size] = fields[..] else { continue };
            let mut entry = json!({ "path": path, "mode": mode, "type": kind, "sha": sha });
            if kind != "commit" {
                entry["url"] = self.api(&format!("/git/{kind}s/{sha}")).into();
            }
            if let Ok(size) = size.parse::<u64>() {
                entry["size"] = size.into();
            }
            entries.push(entry);
        }
        let url = self.api(&format!("/git/trees/{name}"));
        Ok(json!({ "sha": name, "url": url, "tree": entries, "truncated": false }))
    }

    /// A commit as the git data routes show it.
    pub(super) async fn written_commit(&self, name: &str) -> Result<Value, GitSaid> {
        let mut listed = self.commits(&["--max-count=1", name]).await?.pop().unwrap_or_default();
        let mut commit = listed["commit"].take();
        if let Some(fields) = commit.as_object_mut() {
            fields.remove("comment_count");
        }
        commit["sha"] = name.into();
        commit["node_id"] = "C_1".into();
        commit["html_url"] = listed["html_url"].take();
        commit["parents"] = listed["parents"].take();
        Ok(commit)
    }

    /// Commits as the listing shows them, by git's own words for which.
    pub(super) async fn commits(&self, which: &[&str]) -> Result<Vec<Value>, GitSaid> {
        const FORM: &str = "--format=%H%x01%T%x01%P%x01%an%x01%ae%x01%aI%x01%cn%x01%ce%x01%cI%x01%B";
        let raw = self.git.run(&[&["log", "-z", FORM][..], which].concat(), None, &[]).await?;
        let mut commits = Vec::new();
        for record in raw.split(|byte| *byte == 0).filter(|record| !record.is_empty()) {
            let record = String::from_utf8_lossy(record);
            let fields: Vec<&str> = record.splitn(10, '\x01').collect();
            let [name, tree, parents, an, ae, ai, cn, ce, ci, message] = fields[..] else { continue };
            let parent = |sha: &str| {
                let (url, html) =
                    (self.api(&format!("/commits/{sha}")), self.page(&format!("/commit/{sha}")));
                json!({ "sha": sha, "url": url, "html_url": html })
            };
            let parents: Vec<Value> = parents.split_ascii_whitespace().map(parent).collect();
            commits.push(json!({
                "sha": name, "node_id": "C_1", "url": self.api(&format!("/commits/{name}")),
                "html_url": self.page(&format!("/commit/{name}")),
                "comments_url": self.api(&format!("/commits/{name}/comments")),
                "author": null, "committer": null, "parents": parents,
                "commit": {
                    "author": { "name": an, "email": ae, "date": ai },
                    "committer": { "name": cn, "email": ce, "date": ci },
                    "message": message.trim_end_matches('\n'),
                    "tree": { "sha": tree, "url": self.api(&format!("/git/trees/{tree}")) },
                    "url": self.api(&format!("/git/commits/{name}")), "comment_count": 0,
                    "verification": { "verified": false, "reason": "unsigned", "signature": null,
                                      "payload": null, "verified_at": null },
                },
            }));
        }
        Ok(commits)
    }
}

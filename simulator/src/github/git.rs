//! The `git` program on a bare repository, and hands that write into it past every route.
//!
//! Begin with [`Hand`]: what other people and adversaries do to a repository. It works on any bare repository on disk.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// What git said when it refused, on one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("git: {0}")]
pub struct GitSaid(pub String);

pub type Said<T> = Result<T, GitSaid>;

#[derive(Clone, Debug)]
pub(super) struct Git {
    dir: PathBuf,
}

/// One entry that a hand writes.
#[derive(Clone, Debug)]
pub enum Entry {
    File(Vec<u8>),
    /// A symbolic link to this target.
    Link(String),
    /// Another repository below this path, at a commit.
    Module(String),
    Gone,
}

impl Git {
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    pub async fn run(&self, args: &[&str], input: Option<&[u8]>, env: &[(&str, &str)]) -> Said<Vec<u8>> {
        let mut command = Command::new("git");
        command.args(args).env("GIT_DIR", &self.dir).env("LC_ALL", "C").env("GIT_LITERAL_PATHSPECS", "1");
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        command.envs(env.iter().copied()).stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let failed = |error: std::io::Error| GitSaid(error.to_string());
        let mut child = command.spawn().map_err(failed)?;
        if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
            stdin.write_all(input).await.map_err(failed)?;
        }
        let output = child.wait_with_output().await.map_err(failed)?;
        match output.status.success() {
            true => Ok(output.stdout),
            false => {
                let said = String::from_utf8_lossy(&output.stderr);
                Err(GitSaid(said.lines().next().unwrap_or("it failed").to_owned()))
            }
        }
    }

    pub async fn text(&self, args: &[&str]) -> Said<String> {
        Ok(String::from_utf8_lossy(&self.run(args, None, &[]).await?).trim_end().to_owned())
    }

    pub async fn create_if_missing(dir: &Path, branch: &str) -> Said<()> {
        if dir.join("HEAD").exists() {
            return Ok(());
        }
        let (path, head) = (dir.to_string_lossy(), format!("--initial-branch={branch}"));
        Self::new(dir).run(&["init", "--quiet", "--bare", &head, &path], None, &[]).await.map(drop)
    }

    pub async fn tip(&self, branch: &str) -> Said<Option<String>> {
        let reference = format!("refs/heads/{branch}");
        let found = self.text(&["for-each-ref", "--format=%(objectname)", &reference]).await?;
        Ok((!found.is_empty()).then_some(found))
    }

    pub async fn is_empty(&self) -> Said<bool> {
        Ok(self.text(&["for-each-ref", "--count=1", "refs/heads"]).await?.is_empty())
    }

    pub async fn blob(&self, content: &[u8]) -> Said<String> {
        let name = self.run(&["hash-object", "-w", "--stdin"], Some(content), &[]).await?;
        Ok(String::from_utf8_lossy(&name).trim().to_owned())
    }

    /// A tree: a base with these entries put in (`mode`, `name` of the object) or taken out.
    pub async fn tree(
        &self,
        base: Option<&str>,
        entries: &[(String, Option<(String, String)>)],
    ) -> Said<String> {
        let index = self.dir.join(format!("index-{}", uuid::Uuid::new_v4()));
        let index_text = index.to_string_lossy().into_owned();
        let env = [("GIT_INDEX_FILE", index_text.as_str())];
        let built = async {
            if let Some(base) = base {
                self.run(&["read-tree", base], None, &env).await?;
            }
            // `mode object<TAB>path`, each ended by a zero byte; mode 0 takes out.
            let mut lines = Vec::new();
            for (path, entry) in entries {
                let gone = ("0".to_owned(), "0".repeat(40));
                let (mode, name) = entry.clone().unwrap_or(gone);
                lines.extend_from_slice(format!("{mode} {name}\t{path}\0").as_bytes());
            }
            self.run(&["update-index", "-z", "--index-info"], Some(&lines), &env).await?;
            self.run(&["write-tree"], None, &env).await
        };
        let built = built.await;
        let _ = tokio::fs::remove_file(&index).await;
        Ok(String::from_utf8_lossy(&built?).trim().to_owned())
    }

    pub async fn commit(
        &self,
        tree: &str,
        parents: &[String],
        message: &[u8],
        author: (&str, &str),
        committer: (&str, &str),
    ) -> Said<String> {
        let mut args = vec!["commit-tree", tree];
        args.extend(parents.iter().flat_map(|parent| ["-p", parent.as_str()]));
        let env = [
            ("GIT_AUTHOR_NAME", author.0),
            ("GIT_AUTHOR_EMAIL", author.1),
            ("GIT_COMMITTER_NAME", committer.0),
            ("GIT_COMMITTER_EMAIL", committer.1),
        ];
        let name = self.run(&args, Some(message), &env).await?;
        Ok(String::from_utf8_lossy(&name).trim().to_owned())
    }

    /// Points a branch at a commit if it is where `from` says (none: not there yet).
    pub async fn point(&self, branch: &str, to: &str, from: Option<&str>) -> Said<()> {
        let zero = "0".repeat(40);
        let reference = format!("refs/heads/{branch}");
        self.run(&["update-ref", &reference, to, from.unwrap_or(&zero)], None, &[]).await.map(drop)
    }
}

/// Somebody else with access to a repository: writes commits, moves the branch by force, takes it away.
#[derive(Clone, Debug)]
pub struct Hand {
    git: Git,
    branch: String,
}

impl Hand {
    pub fn new(dir: &Path, branch: &str) -> Self {
        Self { git: Git::new(dir), branch: branch.to_owned() }
    }

    pub async fn tip(&self) -> Said<Option<String>> {
        self.git.tip(&self.branch).await
    }

    /// One commit on top of the branch.
    pub async fn commit(&self, files: &[(&str, Entry)], message: &str, author: &str) -> Said<String> {
        let parent = self.tip().await?;
        let id = self.commit_on(parent.as_deref(), files, message, author).await?;
        self.git.point(&self.branch, &id, parent.as_deref()).await?;
        Ok(id)
    }

    /// One commit on top of another, not on any branch yet.
    pub async fn commit_on(
        &self,
        parent: Option<&str>,
        files: &[(&str, Entry)],
        message: &str,
        author: &str,
    ) -> Said<String> {
        let mut entries = Vec::new();
        for (path, entry) in files {
            let object = match entry {
                Entry::File(content) => Some(("100644".to_owned(), self.git.blob(content).await?)),
                Entry::Link(target) => Some(("120000".to_owned(), self.git.blob(target.as_bytes()).await?)),
                Entry::Module(commit) => Some(("160000".to_owned(), commit.clone())),
                Entry::Gone => None,
            };
            entries.push(((*path).to_owned(), object));
        }
        let tree = self.git.tree(parent, &entries).await?;
        let who = (author, "somebody@example.org");
        let parents: Vec<String> = parent.map(str::to_owned).into_iter().collect();
        self.git.commit(&tree, &parents, message.as_bytes(), who, who).await
    }

    /// Moves the branch to any commit.
    pub async fn force(&self, to: &str) -> Said<()> {
        let reference = format!("refs/heads/{}", self.branch);
        self.git.run(&["update-ref", &reference, to], None, &[]).await.map(drop)
    }

    /// Takes the branch away; with no other branch the repository is empty.
    pub async fn delete_branch(&self) -> Said<()> {
        let reference = format!("refs/heads/{}", self.branch);
        self.git.run(&["update-ref", "-d", &reference], None, &[]).await.map(drop)
    }

    /// Commits on the branch, newest first.
    pub async fn log(&self) -> Said<Vec<String>> {
        let Some(tip) = self.tip().await? else { return Ok(vec![]) };
        Ok(self.git.text(&["rev-list", &tip]).await?.lines().map(str::to_owned).collect())
    }

    /// The whole message of a commit.
    pub async fn message(&self, commit: &str) -> Said<String> {
        self.git.text(&["log", "-1", "--format=%B", commit]).await
    }
}

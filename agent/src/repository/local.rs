//! A bare git repository on this machine, through the `git` program's plumbing commands.
//!
//! Arguments never pass a shell; the user's and the system's git configuration is left out, so hooks, filters and
//! aliases cannot change what is written. A branch is moved only from the commit it was read at.

use super::{
    Boxed, ChangedFile, Commit, Message, Messages, NewCommit, Repository, RepositoryError, bounded,
    plain_file,
};
use crate::limits::{
    COMMITS_PER_POLL_MAX, FILE_BYTES_MAX, FILES_PER_COMMIT_MAX, GIT_WAIT_MAX, MESSAGE_BYTES_MAX,
    MESSAGES_MAX, MESSAGES_PER_PAGE,
};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

type Outcome<T> = Result<T, RepositoryError>;

pub struct LocalGit {
    dir: PathBuf,
    branch: String,
}

impl LocalGit {
    pub fn new(dir: impl Into<PathBuf>, branch: impl Into<String>) -> Self {
        Self { dir: dir.into(), branch: branch.into() }
    }

    /// Makes the bare repository if there is none.
    pub async fn create_if_missing(dir: &Path, branch: &str) -> Outcome<()> {
        if dir.join("HEAD").exists() {
            return Ok(());
        }
        let dir_text = dir.to_string_lossy().into_owned();
        let this = Self::new(dir, branch);
        let head = format!("--initial-branch={branch}");
        run(this.bare_command(&["init", "--quiet", "--bare", &head, &dir_text]), None).await.map(drop)
    }

    fn bare_command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.args(args).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        // A path is a path, whatever characters it holds.
        command.env("GIT_LITERAL_PATHSPECS", "1");
        command.env("LC_ALL", "C").stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.bare_command(args);
        command.env("GIT_DIR", &self.dir);
        command
    }

    async fn git(&self, args: &[&str]) -> Outcome<Vec<u8>> {
        run(self.command(args), None).await
    }

    async fn text(&self, args: &[&str]) -> Outcome<String> {
        Ok(String::from_utf8_lossy(&self.git(args).await?).trim_end().to_owned())
    }

    fn reference(&self) -> String {
        format!("refs/heads/{}", self.branch)
    }

    async fn read_tip(&self) -> Outcome<Option<String>> {
        if !self.dir.join("HEAD").exists() {
            return Err(RepositoryError::Unavailable(format!(
                "there is no git repository at {}",
                self.dir.display()
            )));
        }
        let refs = self.text(&["for-each-ref", "--format=%(objectname)", &self.reference()]).await?;
        Ok((!refs.is_empty()).then_some(refs))
    }

    async fn read_commits(&self, since: Option<&str>) -> Outcome<Vec<Commit>> {
        let Some(tip) = self.read_tip().await? else {
            return match since {
                Some(since) => Err(RepositoryError::Rewritten(since.to_owned())),
                None => Ok(vec![]),
            };
        };
        if since == Some(tip.as_str()) {
            return Ok(vec![]);
        }
        let range = match since {
            None => tip.clone(),
            Some(since) => {
                let rewritten = || RepositoryError::Rewritten(since.to_owned());
                // A name that is no object is no option of git's either.
                if since.is_empty() || !since.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    return Err(rewritten());
                }
                match self.text(&["merge-base", since, &tip]).await {
                    Ok(base) if base == since => {}
                    Ok(_) | Err(RepositoryError::Unusable(_)) => return Err(rewritten()),
                    Err(error) => return Err(error),
                }
                format!("{since}..{tip}")
            }
        };
        let ids = self.text(&["rev-list", "--reverse", "--topo-order", &range]).await?;
        let mut commits = Vec::new();
        for id in ids.lines().take(COMMITS_PER_POLL_MAX) {
            commits.push(self.read_commit(id).await?);
        }
        Ok(commits)
    }

    async fn read_commit(&self, id: &str) -> Outcome<Commit> {
        let head = self.text(&["log", "-1", "--format=%an%n%B", id]).await?;
        let (author, message) = head.split_once('\n').unwrap_or((&head, ""));
        let names = self
            .git(&[
                "diff-tree",
                "--root",
                "-r",
                "-z",
                "-m",
                "--first-parent",
                "--no-commit-id",
                "--no-renames",
                "--name-status",
                id,
            ])
            .await?;
        let mut fields =
            names.split(|byte| *byte == 0).map(|field| String::from_utf8_lossy(field).into_owned());
        let mut files = Vec::new();
        while let (Some(status), Some(path)) = (fields.next(), fields.next()) {
            files.push(ChangedFile { path, deleted: status.starts_with('D') });
        }
        let more_files = files.len() > FILES_PER_COMMIT_MAX;
        files.truncate(FILES_PER_COMMIT_MAX);
        let message = bounded(message.to_owned(), MESSAGE_BYTES_MAX);
        Ok(Commit { id: id.to_owned(), author: author.to_owned(), message, files, more_files })
    }

    async fn read_messages(&self, until: Option<&str>) -> Outcome<Messages> {
        let Some(tip) = self.read_tip().await? else { return Ok(Messages::none()) };
        let mut found = Messages { tip: Some(tip.clone()), ..Messages::default() };
        for page in 0..MESSAGES_MAX / MESSAGES_PER_PAGE {
            let skip = format!("--skip={}", page * MESSAGES_PER_PAGE);
            let max = format!("--max-count={MESSAGES_PER_PAGE}");
            // `%an` is one line; a message may hold anything but a zero byte.
            let raw = self.git(&["log", "-z", "--format=%H%n%an%n%B", &skip, &max, &tip]).await?;
            let raw = String::from_utf8_lossy(&raw).into_owned();
            let records: Vec<&str> = raw.split('\0').filter(|record| !record.is_empty()).collect();
            for record in &records {
                let mut parts = record.splitn(3, '\n');
                let mut next = || parts.next().unwrap_or_default().to_owned();
                let (commit, author, message) = (next(), next(), next());
                if until == Some(commit.as_str()) {
                    found.reached = true;
                    return Ok(found);
                }
                found.newest_first.push(Message {
                    commit,
                    author,
                    message: bounded(message, MESSAGE_BYTES_MAX),
                });
            }
            if records.len() < MESSAGES_PER_PAGE {
                found.whole = true;
                return Ok(found);
            }
        }
        Ok(found)
    }

    async fn read_file(&self, commit: &str, path: &str) -> Outcome<Option<Vec<u8>>> {
        // `mode type name size<TAB>path`, one entry, or nothing.
        let listed = match self.text(&["ls-tree", "-l", "-z", "--full-tree", commit, "--", path]).await {
            Ok(listed) => listed,
            Err(RepositoryError::Unusable(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut fields = listed.split_ascii_whitespace();
        let Some(mode) = fields.next() else { return Ok(None) };
        plain_file(path, mode)?;
        let (object, size) = (fields.nth(1).unwrap_or_default(), fields.next().unwrap_or_default());
        if size.parse::<usize>().unwrap_or(usize::MAX) > FILE_BYTES_MAX {
            return Err(RepositoryError::Unusable(format!("{path} is larger than {FILE_BYTES_MAX} bytes")));
        }
        self.git(&["cat-file", "blob", object]).await.map(Some)
    }

    async fn write_commit(&self, new: &NewCommit) -> Outcome<String> {
        let parent = self.read_tip().await?;
        let index = self.dir.join(format!("mycopod-index-{}", uuid::Uuid::now_v7()));
        let outcome = self.write_tree(new, parent.as_deref(), &index).await;
        let _ = tokio::fs::remove_file(&index).await;
        let tree = outcome?;
        let mut args = vec!["commit-tree", tree.as_str()];
        args.extend(parent.as_deref().into_iter().flat_map(|parent| ["-p", parent]));
        let mut command = self.command(&args);
        command.env("GIT_AUTHOR_NAME", &new.author).env("GIT_AUTHOR_EMAIL", "mycopod@localhost");
        command.env("GIT_COMMITTER_NAME", "MycoPod").env("GIT_COMMITTER_EMAIL", "mycopod@localhost");
        let id =
            String::from_utf8_lossy(&run(command, Some(new.message.as_bytes())).await?).trim().to_owned();
        let zero = "0".repeat(40);
        let from = parent.unwrap_or(zero);
        match self.git(&["update-ref", &self.reference(), &id, &from]).await {
            Ok(_) => Ok(id),
            Err(RepositoryError::Unusable(why)) => Err(RepositoryError::Moved(why)),
            Err(error) => Err(error),
        }
    }

    /// Writes the files over the parent's tree in an index of their own.
    async fn write_tree(&self, new: &NewCommit, parent: Option<&str>, index: &Path) -> Outcome<String> {
        let indexed = |args: &[&str]| {
            let mut command = self.command(args);
            command.env("GIT_INDEX_FILE", index);
            command
        };
        if let Some(parent) = parent {
            run(indexed(&["read-tree", parent]), None).await?;
        }
        for (path, content) in &new.files {
            let blob = run(self.command(&["hash-object", "-w", "--stdin"]), Some(content.as_bytes())).await?;
            let blob = String::from_utf8_lossy(&blob).trim().to_owned();
            let entry = format!("100644,{blob},{path}");
            run(indexed(&["update-index", "--add", "--replace", "--cacheinfo", &entry]), None).await?;
        }
        let tree = run(indexed(&["write-tree"]), None).await?;
        Ok(String::from_utf8_lossy(&tree).trim().to_owned())
    }
}

impl Repository for LocalGit {
    fn describe(&self) -> String {
        format!("local git repository, branch {}", self.branch)
    }

    fn branch(&self) -> &str {
        &self.branch
    }

    fn tip(&self) -> Boxed<'_, Outcome<Option<String>>> {
        Box::pin(self.read_tip())
    }

    fn commits_since<'a>(&'a self, since: Option<&'a str>) -> Boxed<'a, Outcome<Vec<Commit>>> {
        Box::pin(self.read_commits(since))
    }

    fn file<'a>(&'a self, commit: &'a str, path: &'a str) -> Boxed<'a, Outcome<Option<Vec<u8>>>> {
        Box::pin(self.read_file(commit, path))
    }

    fn find_line<'a>(&'a self, line: &'a str, path: &'a str) -> Boxed<'a, Outcome<Option<String>>> {
        Box::pin(async move {
            if self.read_tip().await?.is_none() {
                return Ok(None);
            }
            let (grep, reference) = (format!("--grep={line}"), self.reference());
            let looked_for = ["log", "-1", "--format=%H", "--full-history", "--fixed-strings", &grep];
            let found = self.text(&[&looked_for[..], &[&reference, "--", path]].concat()).await?;
            Ok((!found.is_empty()).then_some(found))
        })
    }

    fn show<'a>(&'a self, commit: &'a str) -> Boxed<'a, Outcome<Commit>> {
        Box::pin(async move {
            // A name that is no object is no option of git's either.
            if commit.is_empty() || !commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(RepositoryError::Unusable("that is no commit".into()));
            }
            self.read_commit(commit).await
        })
    }

    fn messages<'a>(&'a self, until: Option<&'a str>) -> Boxed<'a, Outcome<Messages>> {
        Box::pin(self.read_messages(until))
    }

    fn commit<'a>(&'a self, new: &'a NewCommit) -> Boxed<'a, Outcome<String>> {
        Box::pin(self.write_commit(new))
    }
}

async fn run(mut command: Command, input: Option<&[u8]>) -> Outcome<Vec<u8>> {
    if input.is_some() {
        command.stdin(Stdio::piped());
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let unavailable = |error: std::io::Error| RepositoryError::Unavailable(format!("git: {error}"));
    let work = async {
        let mut child = command.spawn().map_err(unavailable)?;
        if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
            stdin.write_all(input).await.map_err(unavailable)?;
        }
        child.wait_with_output().await.map_err(unavailable)
    };
    let output = tokio::time::timeout(GIT_WAIT_MAX, work).await.map_err(|_| {
        RepositoryError::Unavailable(format!("git took longer than {} s", GIT_WAIT_MAX.as_secs()))
    })??;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        let said = String::from_utf8_lossy(&output.stderr);
        Err(RepositoryError::Unusable(said.lines().next().unwrap_or("git failed").to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn empty() -> (tempfile::TempDir, LocalGit) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("declarations.git");
        LocalGit::create_if_missing(&path, "main").await.unwrap();
        (dir, LocalGit::new(path, "main"))
    }

    fn new(path: &str, content: &str) -> NewCommit {
        NewCommit {
            files: vec![(path.into(), content.into())],
            message: format!("add {path}\n\nMycoPod-Plan: sha256:{path}\n"),
            author: "ada".into(),
        }
    }

    #[tokio::test]
    async fn a_commit_is_seen_with_its_files_and_trailers_and_found_again() {
        let (_dir, git) = empty().await;
        assert_eq!(git.tip().await.unwrap(), None);
        let first = git.commit(&new("declarations/a.md", "A VM.")).await.unwrap();
        let second = git.commit(&new("declarations/ü.md", "Zwei.")).await.unwrap();
        let commits = git.commits_since(Some(&first)).await.unwrap();
        assert_eq!(commits.len(), 1);
        assert_eq!((commits[0].id.as_str(), commits[0].author.as_str()), (second.as_str(), "ada"));
        assert_eq!(commits[0].files, [ChangedFile { path: "declarations/ü.md".into(), deleted: false }]);
        assert_eq!(commits[0].trailer("MycoPod-Plan"), Some("sha256:declarations/ü.md"));
        assert_eq!(git.file(&second, "declarations/a.md").await.unwrap().unwrap(), b"A VM.");
        assert_eq!(git.file(&second, "declarations/none.md").await.unwrap(), None);
        assert_eq!(
            git.find_line("MycoPod-Plan: sha256:declarations/a.md", "declarations/a.md").await.unwrap(),
            Some(first)
        );
        assert_eq!(git.find_line("MycoPod-Plan: sha256:zzz", "declarations/a.md").await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_rewritten_branch_is_named() {
        let (_dir, git) = empty().await;
        let first = git.commit(&new("a.md", "A")).await.unwrap();
        let second = git.commit(&new("b.md", "B")).await.unwrap();
        git.git(&["update-ref", "refs/heads/main", &first]).await.unwrap();
        git.commit(&new("c.md", "C")).await.unwrap();
        let error = git.commits_since(Some(&second)).await.unwrap_err();
        assert!(matches!(error, RepositoryError::Rewritten(id) if id == second));
    }

    #[tokio::test]
    async fn a_repository_that_is_not_there_is_unavailable() {
        let dir = tempfile::tempdir().unwrap();
        let git = LocalGit::new(dir.path().join("gone.git"), "main");
        assert!(matches!(git.tip().await, Err(RepositoryError::Unavailable(_))));
    }
}

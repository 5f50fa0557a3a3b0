//! What is known about the log from outside of its database: anchors, checkpoints and public keys, read from files and
//! from a git repository.
//!
//! Begin with [`gather`]. Evidence that is malformed or signed by somebody else is an error that names its place: it is
//! never left out in silence.

use crate::args::CONFIGURED;
use crate::config::{Config, Repository};
use crate::connections;
use crate::failure::{Code, Failure};
use crate::{note, sealing};
use eventstore::{Checkpoint, Evidence, Head};
use secrets::PublicKey;
use std::fmt::Display;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How an anchor begins, in files as in commits.
const ANCHOR: &str = "MycoPod-Log:";
/// Longest line of a file of evidence, and longest message of a commit, in bytes.
const LINE_BYTES_MAX: u64 = 64 * 1024;
const MESSAGE_BYTES_MAX: u64 = 1024 * 1024;

/// Everything that was named; the Agent's own public key where none was.
pub async fn gather(
    config: &Config,
    anchors: &[PathBuf],
    checkpoints: &[PathBuf],
    keys: &[String],
) -> Result<Evidence, Failure> {
    let mut evidence = Evidence { keys: public_keys(keys)?, ..Evidence::default() };
    if keys.is_empty()
        && let Some(file) = config.agent.as_ref().map(sealing::public_file).filter(|file| file.exists())
    {
        evidence.keys = keys_in(&file)?;
    }
    for path in anchors {
        evidence.anchors.extend(match path {
            path if path.as_os_str() == CONFIGURED => configured(config).await?,
            path if path.is_dir() => in_repository(path)?,
            path => in_file(path)?,
        });
    }
    for path in checkpoints {
        if evidence.keys.is_empty() {
            let what = "checkpoints count only with the public key of their signer";
            return Err(Failure::new(Code::Usage, what, "name it with --key FILE or --key HEX"));
        }
        evidence.checkpoints.extend(checkpoints_in(path, &evidence.keys)?);
    }
    Ok(evidence)
}

/// Each is 64 hexadecimal digits or a file with one key a line.
pub fn public_keys(named: &[String]) -> Result<Vec<PublicKey>, Failure> {
    let mut keys = Vec::new();
    for name in named {
        match PublicKey::parse(name) {
            Some(key) => keys.push(key),
            None if Path::new(name).is_file() => keys.extend(keys_in(Path::new(name))?),
            None => {
                let what = format!("{name} is neither a file nor a key of 64 hexadecimal digits");
                return Err(Failure::new(Code::Usage, what, "name the Agent's seal-key.pub"));
            }
        }
    }
    Ok(keys)
}

fn keys_in(path: &Path) -> Result<Vec<PublicKey>, Failure> {
    let parse = |line: &str| PublicKey::parse(line).ok_or("it is no key of 64 hexadecimal digits");
    let keys = lines(path)?
        .into_iter()
        .map(|(no, line)| parse(&line).map_err(|why| bad(path.display(), &format!("line {no}"), why)))
        .collect::<Result<Vec<_>, _>>()?;
    match keys.is_empty() {
        true => Err(bad(path.display(), "line 1", "there is no key")),
        false => Ok(keys),
    }
}

fn in_file(path: &Path) -> Result<Vec<Head>, Failure> {
    let parse = |(no, line): (usize, String)| {
        anchor(&line).map_err(|why| bad(path.display(), &format!("line {no}"), why))
    };
    lines(path)?.into_iter().map(parse).collect()
}

fn checkpoints_in(path: &Path, keys: &[PublicKey]) -> Result<Vec<Checkpoint>, Failure> {
    let lines = lines(path)?;
    let mut found = Vec::new();
    for (n, (no, line)) in lines.iter().enumerate() {
        let place = format!("line {no}");
        let checkpoint: Checkpoint = match line.parse() {
            Ok(checkpoint) => checkpoint,
            // A crash cut it short; the writer has written it whole right behind.
            Err(_) if lines.get(n + 1).is_some_and(|(_, next)| next.starts_with(line.as_str())) => continue,
            Err(why) => return Err(bad(path.display(), &place, why)),
        };
        if !checkpoint.is_signed_by(keys) {
            let why = format!("no key that is trusted here signed it (it names key {})", checkpoint.key_id);
            return Err(bad(path.display(), &place, why));
        }
        found.push(checkpoint);
    }
    Ok(found)
}

/// `MycoPod-Log: 42 sha256:…`
fn anchor(line: &str) -> Result<Head, &'static str> {
    let rest = line.strip_prefix(ANCHOR).ok_or("it does not begin with MycoPod-Log:")?;
    let (position, chain) = rest.trim().split_once(' ').ok_or("it lacks a position or a hash")?;
    let position: i64 =
        position.parse().ok().filter(|position| *position >= 0).ok_or("its position is no number")?;
    let chain = chain.trim().strip_prefix("sha256:").and_then(unhex).ok_or("its hash is malformed")?;
    Ok(Head { position, chain })
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (n, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * n..2 * n + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// The lines that are neither empty nor comments, with their numbers.
fn lines(path: &Path) -> Result<Vec<(usize, String)>, Failure> {
    let unreadable = |error: std::io::Error| {
        let code =
            if error.kind() == std::io::ErrorKind::NotFound { Code::NotFound } else { Code::Unavailable };
        Failure::new(code, format!("{} cannot be read: {error}", path.display()), "name a file that is there")
    };
    let mut reader = BufReader::new(File::open(path).map_err(unreadable)?);
    let mut found = Vec::new();
    for no in 1.. {
        let mut bytes = Vec::new();
        let read = reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes).map_err(unreadable)?;
        if read == 0 {
            break;
        }
        let text = String::from_utf8(bytes)
            .map_err(|_| bad(path.display(), &format!("line {no}"), "it is no text"))?;
        let line = text.trim();
        if !line.is_empty() && !line.starts_with('#') {
            found.push((no, line.to_owned()));
        }
    }
    Ok(found)
}

fn bad(file: impl Display, place: &str, why: impl Display) -> Failure {
    let next = "find out who changed it; leave it out only if you know why";
    Failure::new(Code::CheckFailed, format!("{file}, {place}: {why}"), next)
        .means("this evidence is not usable, so nothing was verified")
}

/// The anchors in the repository of the configuration, however it is reached.
async fn configured(config: &Config) -> Result<Vec<Head>, Failure> {
    if let Repository::Local { path, .. } = &config.agent()?.repository {
        return in_repository(path);
    }
    let settings = config.agent()?;
    let repository = crate::repository::open(settings, &connections::key_folder(settings)?)?;
    let read = repository.messages(None).await;
    let read = read.map_err(|error| Failure::new(Code::Unavailable, &error, error.advice()))?;
    if !read.whole {
        note!("only the newest {} commits of the repository were read for anchors", read.newest_first.len());
    }
    let mut anchors = Vec::new();
    for one in &read.newest_first {
        for line in one.message.lines().filter(|line| line.starts_with(ANCHOR)) {
            let place = format!("commit {}", one.commit);
            anchors.push(anchor(line.trim_end()).map_err(|why| bad(repository.describe(), &place, why))?);
        }
    }
    Ok(anchors)
}

/// The anchors in the messages of all commits of a repository. Only plumbing is called: no hook, alias, filter or
/// signature program of anybody can run, and nothing is fetched.
fn in_repository(dir: &Path) -> Result<Vec<Head>, Failure> {
    let git_dir = if dir.join("HEAD").exists() { dir.to_owned() } else { dir.join(".git") };
    let unusable = |why: String| {
        let what = format!("the repository {} cannot be read: {why}", dir.display());
        Failure::new(Code::Unavailable, what, "name a git repository that belongs to you")
    };
    let mut child = Command::new("git")
        .args(["--no-pager", "rev-list", "--all", "--encoding=UTF-8", "--format=tformat:%B%x00"])
        .env("GIT_DIR", &git_dir)
        .envs([("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", "/dev/null"), ("LC_ALL", "C")])
        .envs([("GIT_NO_REPLACE_OBJECTS", "1"), ("GIT_NO_LAZY_FETCH", "1"), ("GIT_OPTIONAL_LOCKS", "0")])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| unusable(error.to_string()))?;
    let read = child.stdout.take().map_or(Ok(Vec::new()), |stdout| messages(dir, BufReader::new(stdout)));
    if read.is_err() {
        let _ = child.kill();
    }
    let output = child.wait_with_output().map_err(|error| unusable(error.to_string()))?;
    let anchors = read?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(unusable(said.lines().next().unwrap_or("git failed").to_owned()));
    }
    Ok(anchors)
}

/// Commits as `commit ID`, then the message up to a zero byte.
fn messages(dir: &Path, mut reader: impl BufRead) -> Result<Vec<Head>, Failure> {
    let mut anchors = Vec::new();
    loop {
        let mut bytes = Vec::new();
        reader.by_ref().take(MESSAGE_BYTES_MAX).read_until(0, &mut bytes)?;
        let message = bytes.strip_suffix(&[0]);
        let whole = message.is_some();
        let text = String::from_utf8_lossy(message.unwrap_or(&bytes));
        let text = text.trim_start();
        if text.is_empty() && !whole {
            return Ok(anchors);
        }
        let (head, body) = text.split_once('\n').unwrap_or((text, ""));
        let commit = head.strip_prefix("commit ").unwrap_or(head);
        let place = format!("commit {commit}");
        if !whole {
            return Err(bad(dir.display(), &place, "its message is too long"));
        }
        for line in body.lines().filter(|line| line.starts_with(ANCHOR)) {
            anchors.push(anchor(line.trim_end()).map_err(|why| bad(dir.display(), &place, why))?);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_read_from_lines_and_from_messages_and_a_bad_one_is_named() {
        let line = format!("MycoPod-Log: 42 sha256:{}", "ab".repeat(32));
        assert_eq!(anchor(&line), Ok(Head { position: 42, chain: [0xab; 32] }));
        for wrong in [
            "",
            "MycoPod-Log: 42",
            "MycoPod-Log: x sha256:00",
            "Log: 1",
            &line[..80],
            &line.replace("42", "-1"),
        ] {
            assert!(anchor(wrong).is_err(), "{wrong}");
        }
        let log = format!("commit c2\nMore\n\nMycoPod-Plan: x\n{line}\n\0\ncommit c1\nFirst\n\0\n");
        assert_eq!(messages(Path::new("r"), log.as_bytes()).unwrap().len(), 1);
        let refused = messages(Path::new("r"), log.replace("sha256:ab", "sha256:zz").as_bytes()).unwrap_err();
        assert_eq!(refused.code, Code::CheckFailed);
        assert!(refused.what.starts_with("r, commit c2: "), "{}", refused.what);
    }
}

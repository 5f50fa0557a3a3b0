//! English that somebody wrote in the repository: read with all caution, and drafted for an Admin to look at.
//!
//! Begin with [`English::of`]. What cannot be shown to a person as it is (a link, bytes that are no text, characters that
//! turn the direction of writing) is named and drafted by nobody.
//!
//! Never here: approving. A draft that came from the repository waits like any other.

use crate::limits::{DRAFTS_PER_COMMIT_MAX, SUBJECT_CHARACTERS_MAX};
use crate::log::{Log, LogError};
use crate::processes::sealed::files_of;
use crate::repository::{Commit, Repository as Backend, RepositoryError, shown};
use domain::account::Actor;
use domain::declaration::{Command, Declaration, Status};
use domain::event::Category;
use domain::ids::DeclarationId;
use domain::limits::TEXT_BYTES_MAX;
use domain::repository::Repository;
use uuid::Uuid;

/// The end of a path with English.
pub const ENGLISH: &str = ".md";
/// The end of a path with a lock file.
pub const LOCK: &str = ".lock.toml";

/// The English that one commit wrote: paths and texts.
pub struct English(Vec<(String, String)>);

impl English {
    /// Reads what a commit wrote; the inner error says why it is not fit to be shown.
    pub async fn of(
        repository: &dyn Backend,
        commit: &Commit,
    ) -> Result<Result<Self, String>, RepositoryError> {
        let files = commit.files.iter().filter(|file| !file.deleted);
        let paths: Vec<&str> = files.map(|file| file.path.as_str()).filter(|path| is_english(path)).collect();
        if paths.len() > DRAFTS_PER_COMMIT_MAX {
            return Ok(Err(format!(
                "it changes the English of more than {DRAFTS_PER_COMMIT_MAX} declarations"
            )));
        }
        let mut texts = Vec::new();
        for path in paths {
            let named = || shown(path, SUBJECT_CHARACTERS_MAX);
            if path.chars().any(hides) {
                return Ok(Err(format!("{} has a name with hidden characters", named())));
            }
            let bytes = match repository.file(&commit.id, path).await {
                Ok(bytes) => bytes.unwrap_or_default(),
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => return Ok(Err(error.to_string())),
            };
            match readable(bytes) {
                Ok(text) => texts.push((path.to_owned(), text)),
                Err(why) => return Ok(Err(format!("{} {why}", named()))),
            }
        }
        Ok(Ok(Self(texts)))
    }

    /// Keeps what the branch still has: a text that a later commit replaced is nobody's wish any more.
    pub async fn still_there(self, repository: &dyn Backend) -> Result<Self, RepositoryError> {
        let Some(tip) = repository.tip().await? else { return Ok(Self(vec![])) };
        let mut kept = Vec::new();
        for (path, text) in self.0 {
            match repository.file(&tip, &path).await {
                Ok(Some(now)) if now == text.as_bytes() => kept.push((path, text)),
                Err(error) if error.is_transient() => return Err(error),
                _ => {}
            }
        }
        Ok(Self(kept))
    }

    /// Drafts and previews each text in somebody's name. The ids follow from the commit, so that doing it again after a
    /// crash adds nothing.
    pub async fn draft(
        self,
        log: &Log,
        state: &Repository,
        commit: &str,
        by: Actor,
    ) -> Result<Vec<DeclarationId>, LogError> {
        let mut drafts = Vec::new();
        for (path, text) in self.0 {
            let name = format!("mycopod/draft/{}/{commit}/{path}", by.id);
            let id = DeclarationId(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()));
            let (follows, title) = now_at(log, state, &path).await?.unzip();
            drafts.push(id);
            let draft = Command::Draft { by, title: title.unwrap_or_default(), text, follows };
            let told = |command| log.handle::<Declaration>(Category::Declaration, id.0, command, Some(id.0));
            match told(draft).await {
                Ok(drafted) if drafted.status == Status::Draft => {
                    told(Command::Preview { by }).await?;
                }
                // Somebody has gone on with it since: it is theirs.
                Ok(_) | Err(LogError::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(drafts)
    }
}

/// The declaration in force whose English this is, with its title; none for a new one, which takes its first line.
async fn now_at(
    log: &Log,
    state: &Repository,
    path: &str,
) -> Result<Option<(DeclarationId, String)>, LogError> {
    for id in state.applied.keys() {
        let declaration: Declaration = log.load(Category::Declaration, id.0).await?;
        if files_of(&declaration, *id).0 == path {
            return Ok(Some((*id, declaration.title)));
        }
    }
    Ok(None)
}

/// Whether a path is where the English of a declaration stands: right in the folder, with its ending.
pub fn is_english(path: &str) -> bool {
    path.strip_prefix("declarations/").is_some_and(|name| name.ends_with(ENGLISH) && !name.contains('/'))
}

/// Whether a path is where a lock file stands.
pub fn is_lock(path: &str) -> bool {
    path.strip_prefix("declarations/").is_some_and(|name| name.ends_with(LOCK) && !name.contains('/'))
}

fn readable(bytes: Vec<u8>) -> Result<String, String> {
    if bytes.len() > TEXT_BYTES_MAX {
        return Err(format!("is longer than the {TEXT_BYTES_MAX} bytes of a declaration"));
    }
    let text = String::from_utf8(bytes).map_err(|_| "is no UTF-8 text".to_owned())?;
    if let Some(hidden) = text.chars().find(|c| hides(*c)) {
        return Err(format!("has a hidden character (U+{:04X})", u32::from(hidden)));
    }
    if text.trim().is_empty() {
        return Err("is empty".to_owned());
    }
    Ok(text)
}

/// Characters that a person does not see and that change what is read: controls, marks without width, marks of the
/// direction of writing, tags.
fn hides(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
        || matches!(c,
            '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_that_is_seen_whole_is_readable() {
        assert_eq!(readable(b"A VM.\r\n\tGroesse: 2\n".to_vec()).as_deref(), Ok("A VM.\r\n\tGroesse: 2\n"));
        assert_eq!(readable("Größer – 日本".into()).as_deref(), Ok("Größer – 日本"));
        for (bytes, why) in [
            (b"\xff\xfe".to_vec(), "no UTF-8"),
            ("2 \u{202e}eroc 8".into(), "U+202E"),
            ("a\u{200b}b".into(), "U+200B"),
            ("\u{feff}A VM.".into(), "U+FEFF"),
            ("a\u{e0041}".into(), "U+E0041"),
            (b"a\x1b[31m".to_vec(), "U+001B"),
            (b" \n".to_vec(), "empty"),
            (vec![b'x'; TEXT_BYTES_MAX + 1], "longer"),
        ] {
            let said = readable(bytes).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }

    #[test]
    fn english_and_locks_stand_right_in_the_folder() {
        assert!(is_english("declarations/a.md") && is_lock("declarations/a.lock.toml"));
        for other in
            ["declarations/a/b.md", "Declarations/a.md", "a.md", "declarations/a.MD", "declarations/a"]
        {
            assert!(!is_english(other) && !is_lock(other), "{other}");
        }
    }
}

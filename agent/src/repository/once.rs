//! One commit, exactly once, whatever becomes of the answers and whoever moves the branch meanwhile.

use super::{NewCommit, Repository, RepositoryError};

/// Tries of one commit when others move the branch at the same time.
const MOVED_TRIES_MAX: u32 = 5;

/// Puts a commit on the branch unless one with this line and these files is there already; answers with its id.
///
/// Safe to repeat after a crash, a lost answer or an error: the line is what a commit of ours is found by, the content
/// of its files is what proves that it is ours. `path` is a file that only commits about the same thing change.
pub async fn put_once(
    repository: &dyn Repository,
    new: &NewCommit,
    line: &str,
    path: &str,
) -> Result<String, RepositoryError> {
    let mut moved = String::new();
    for _ in 0..MOVED_TRIES_MAX {
        if let Some(found) = repository.find_line(line, path).await?
            && holds(repository, &found, new).await?
        {
            return Ok(found);
        }
        // Nothing there, or somebody else's commit that only names our plan.
        match repository.commit(new).await {
            Err(RepositoryError::Moved(why)) => moved = why,
            outcome => return outcome,
        }
    }
    Err(RepositoryError::Moved(moved))
}

/// Whether a commit holds our files byte for byte. Not knowing is an error, not a no: a no would write again.
async fn holds(repository: &dyn Repository, commit: &str, new: &NewCommit) -> Result<bool, RepositoryError> {
    for (path, content) in &new.files {
        match repository.file(commit, path).await {
            Ok(Some(found)) if found == content.as_bytes() => {}
            Ok(_) | Err(RepositoryError::Unusable(_)) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

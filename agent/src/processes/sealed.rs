//! What was approved of a declaration, written anew from the log: the bytes that its two files must have.

use crate::log::{Log, LogError};
use crate::processes::publication::approval;
use crate::repository::lock_file::{LockFile, paths, slug};
use domain::canonical::Digest;
use domain::declaration::Declaration;
use domain::event::Category;
use domain::ids::DeclarationId;
use domain::repository::Repository;

/// A path and the bytes that were approved for it.
pub type File = (String, String);

/// Paths of a declaration's English and lock file.
pub fn files_of(declaration: &Declaration, id: DeclarationId) -> (String, String) {
    paths(&slug(&declaration.title, id))
}

/// English and lock file as approved; none where nothing was approved or the log no longer holds its text.
pub async fn sealed(log: &Log, id: DeclarationId) -> Result<Option<[File; 2]>, LogError> {
    let declaration: Declaration = log.load(Category::Declaration, id.0).await?;
    let Some((digest, plan)) = &declaration.committed else { return Ok(None) };
    let Some(approval) = approval(log, id, digest).await? else { return Ok(None) };
    let is_whole = plan.digest() == *digest && Digest::of_bytes(declaration.text.as_bytes()) == plan.text;
    let (english, lock) = files_of(&declaration, id);
    match LockFile::of(plan, approval).to_toml() {
        Ok(text) if is_whole => Ok(Some([(english, declaration.text), (lock, text)])),
        _ => Ok(None),
    }
}

/// The approved files among those of the declarations that were applied: all of them, or those with these paths.
pub async fn applied(log: &Log, state: &Repository, wanted: Option<&[&str]>) -> Result<Vec<File>, LogError> {
    let mut found = Vec::new();
    for id in state.applied.keys() {
        if let Some(paths) = wanted {
            let declaration: Declaration = log.load(Category::Declaration, id.0).await?;
            let (english, lock) = files_of(&declaration, *id);
            if !paths.iter().any(|path| *path == english || *path == lock) {
                continue;
            }
        }
        let files = sealed(log, *id).await?.into_iter().flatten();
        found.extend(files.filter(|(path, _)| wanted.is_none_or(|paths| paths.contains(&path.as_str()))));
    }
    Ok(found)
}

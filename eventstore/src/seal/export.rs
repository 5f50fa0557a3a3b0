//! [`Export`]: checkpoints written outside the database, one line each, in a file that only grows.
//!
//! Keep copies of it where the administrator of the database cannot write: that is what proves a rewritten or
//! cut-off log. It holds no secret.

use super::{Checkpoint, SealError};
use crate::{limits, store::Store};
use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
};

/// A file of checkpoints.
#[derive(Clone, Debug)]
pub struct Export {
    path: PathBuf,
}

impl Export {
    pub fn to(path: &Path) -> Self {
        Self { path: path.into() }
    }

    /// Appends every stored checkpoint that the file does not have yet; durable when it returns.
    pub async fn catch_up(&self, store: &Store) -> Result<(), SealError> {
        let failed = |source| SealError::Export { path: self.path.display().to_string(), source };
        let mut after = self.last_position().map_err(failed)?;
        loop {
            let page = store.checkpoints(after, limits::SEALS_AT_ONCE as usize).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.position;
            self.append(&page).map_err(failed)?;
        }
    }

    /// The last position that a whole line of the file covers; 0 without a file.
    pub fn last_position(&self) -> std::io::Result<i64> {
        let file = match std::fs::File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(error),
        };
        let mut last = 0;
        for line in BufReader::new(file).lines() {
            // A line that a crash cut short does not count; it is written whole again behind it.
            last = line?.parse::<Checkpoint>().map_or(last, |found| last.max(found.position));
        }
        Ok(last)
    }

    fn append(&self, checkpoints: &[Checkpoint]) -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(&self.path)?;
        // The newline first: the line before may have been cut short.
        let mut text = String::new();
        if file.metadata()?.len() > 0 {
            text.push('\n');
        }
        text.push_str(&checkpoints.iter().map(Checkpoint::to_string).collect::<Vec<_>>().join("\n"));
        file.write_all(text.as_bytes())?;
        file.sync_data()
    }
}

//! `mycopod serve`: the UI service.

use crate::args::ServeArgs;
use crate::failure::Outcome;
use std::path::Path;

pub async fn run(_path: &Path, _args: ServeArgs) -> Outcome {
    Ok(())
}

//! `mycopod secrets`: the Agent's key files. Content comes from standard input and is never shown.

use crate::args::SecretsCommand;
use crate::config::Config;
use crate::failure::{Code, Failure, Outcome};
use crate::{out, output};
use serde::Serialize;
use std::io::Read;
use std::path::Path;

/// Longest secret accepted, in bytes.
const SECRET_BYTES_MAX: u64 = 65_536;

#[derive(Serialize)]
struct Listed {
    name: String,
    fingerprint: String,
    age_days: u64,
}

fn failed(error: secrets::FileError) -> Failure {
    let next = error.advice();
    Failure::new(Code::Failed, error, next)
}

pub async fn run(path: &Path, command: SecretsCommand, json: bool) -> Outcome {
    let config = Config::read(path)?;
    let folder = &config.agent()?.secrets;
    match command {
        SecretsCommand::Set { name } => {
            let file = secrets::files::path_of(folder, &name).map_err(failed)?;
            let mut content = Vec::new();
            std::io::stdin().take(SECRET_BYTES_MAX + 1).read_to_end(&mut content)?;
            while content.last().is_some_and(u8::is_ascii_whitespace) {
                content.pop();
            }
            if content.is_empty() || content.len() as u64 > SECRET_BYTES_MAX {
                let what = format!("standard input has {} bytes, not 1 to {SECRET_BYTES_MAX}", content.len());
                return Err(Failure::new(
                    Code::Usage,
                    what,
                    "pipe the secret in: `mycopod secrets set NAME < FILE`",
                ));
            }
            secrets::files::ensure_folder(folder).map_err(failed)?;
            secrets::files::write(&file, &content).map_err(failed)?;
            out!(
                "{name} stored, fingerprint {}. Restart the Agent to use it.",
                secrets::fingerprint(&content)
            );
            Ok(())
        }
        SecretsCommand::List => list(folder, json),
        SecretsCommand::Remove { name } => {
            let file = secrets::files::path_of(folder, &name).map_err(failed)?;
            secrets::files::remove(&file).map_err(failed)?;
            out!("{name} removed.");
            Ok(())
        }
    }
}

fn list(folder: &Path, json: bool) -> Outcome {
    secrets::files::check_folder(folder).map_err(failed)?;
    let mut listed = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // The agent's lock stands beside the keys and is none.
        let foreign = name.ends_with(".lock") || secrets::files::check_name(&name).is_err();
        if foreign || !entry.file_type()?.is_file() {
            continue;
        }
        let content = secrets::files::read(&entry.path()).map_err(failed)?;
        let age_days = entry.metadata()?.modified()?.elapsed().map_or(0, |age| age.as_secs() / 86_400);
        listed.push(Listed { name, fingerprint: secrets::fingerprint(content.expose()), age_days });
    }
    listed.sort_by(|a, b| a.name.cmp(&b.name));
    if json {
        output::json(&listed);
    } else {
        let row = |s: &Listed| vec![s.name.clone(), s.fingerprint.clone(), format!("{} days", s.age_days)];
        output::table(&["NAME", "FINGERPRINT", "AGE"], &listed.iter().map(row).collect::<Vec<_>>());
    }
    Ok(())
}

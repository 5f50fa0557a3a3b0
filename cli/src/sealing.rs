//! What the Agent seals the log with: the key file, the public key for everybody, the file of checkpoints.
//!
//! Begin with [`prepare`]. The state folder holds no secret; copies of it where the administrator of the database cannot
//! write are what proves a rewritten log.

use crate::config::Agent as Settings;
use crate::failure::{Code, Failure};
use agent::Sealing;
use eventstore::Export;
use secrets::{PublicKey, SigningKey};
use std::io::Write;
use std::path::{Path, PathBuf};

/// In the folder of key files.
const KEY_FILE: &str = "seal-key";
/// In the state folder: public keys in hexadecimal digits, one a line, the newest last.
const PUBLIC_FILE: &str = "seal-key.pub";
/// In the state folder: checkpoints, one a line.
const EXPORT_FILE: &str = "checkpoints.txt";

/// The signing key, made if there is none yet, with its public part written down beside the checkpoints.
pub fn prepare(settings: &Settings) -> Result<Sealing, Failure> {
    let state = settings.state_folder();
    let path = secrets::files::path_of(&settings.secrets, KEY_FILE)
        .map_err(|error| Failure::new(Code::Failed, &error, error.advice()))?;
    let key = SigningKey::create_if_missing(&path)
        .map_err(|error| Failure::new(Code::Failed, &error, error.advice()))?;
    let written =
        std::fs::create_dir_all(&state).and_then(|()| publish(&public_file(settings), &key.public()));
    written.map_err(|error| {
        let what = format!("the state folder {} cannot be written: {error}", state.display());
        Failure::new(Code::Unavailable, what, "give the Agent a folder of its own in agent.state")
    })?;
    Ok(Sealing { key, export: export(settings) })
}

/// The file of checkpoints of the Agent with this configuration.
pub fn export(settings: &Settings) -> Export {
    Export::to(&settings.state_folder().join(EXPORT_FILE))
}

/// Where the public keys of the Agent with this configuration stand.
pub fn public_file(settings: &Settings) -> PathBuf {
    settings.state_folder().join(PUBLIC_FILE)
}

/// Earlier keys stay: what they signed is checked with them.
fn publish(file: &Path, key: &PublicKey) -> std::io::Result<()> {
    let known = match std::fs::read_to_string(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        read => read?,
    };
    if known.lines().any(|line| PublicKey::parse(line).as_ref() == Some(key)) {
        return Ok(());
    }
    // A line that a crash cut short is no key; the whole one replaces it.
    let whole = known.lines().filter(|line| PublicKey::parse(line).is_some());
    let mut text: String = whole.map(|line| format!("{line}\n")).collect();
    text.push_str(&format!("{key}\n"));
    let aside = file.with_extension("new");
    let mut new = std::fs::File::create(&aside)?;
    new.write_all(text.as_bytes())?;
    new.sync_all()?;
    std::fs::rename(&aside, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_joins_the_old_ones_and_a_known_one_is_not_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys.pub");
        let keys = [SigningKey::ephemeral().unwrap().public(), SigningKey::ephemeral().unwrap().public()];
        for key in [keys[0], keys[0], keys[1], keys[0]] {
            publish(&file, &key).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&file).unwrap(), format!("{}\n{}\n", keys[0], keys[1]));
    }
}

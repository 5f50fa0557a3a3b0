//! `mycopod config rules`: the rules that plans are made by, as a file.
//!
//! The first rules of an installation are set here; later ones here or in the pages. They stand in the log, with who set
//! them, so a plan can name the rules it was made under.

use crate::args::Person;
use crate::context::{Context, READ_OWN_WRITE, by, load, read_failed, refused};
use crate::failure::{Code, Failure, Outcome};
use crate::{out, output};
use domain::event::Category;
use domain::ids::SETTINGS;
use domain::settings::{Command, Rules, Settings};
use eventstore::{EventLog, StreamId};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Longest file of rules accepted, in bytes.
const RULES_BYTES_MAX: u64 = 1_048_576;

pub async fn run(path: &Path, set: Option<PathBuf>, person: Person) -> Outcome {
    // A file that cannot be read is said before anything is asked of the database.
    let wanted = set.as_deref().map(read).transpose()?;
    let context = Context::open(path).await?;
    let (settings, _) = load::<Settings>(&context.store, Category::Settings, SETTINGS).await?;
    let Some(rules) = wanted else {
        let rules = settings.rules.ok_or_else(|| {
            let next = "write them into a file and use --set FILE";
            Failure::new(Code::NotFound, "no rules are set yet", next)
        })?;
        output::json(&rules);
        return Ok(());
    };
    if settings.rules.as_ref() == Some(&rules) {
        out!("These rules are in effect already.");
        return Ok(());
    }
    let (actor, name) = context.person(&person).await?;
    let command = Command::SetRules { rules, by: Some(actor) };
    let stream = StreamId::new(Category::Settings, SETTINGS);
    let handled =
        context.store.handle::<Settings>(stream, command, by(actor), None).await.map_err(refused)?;
    context.reader.wait_for(handled.position, READ_OWN_WRITE).await.map_err(read_failed)?;
    out!("The rules are in effect, set by {name}.");
    Ok(())
}

fn read(file: &Path) -> Result<Box<Rules>, Failure> {
    let invalid = |what: String| {
        let what = format!("{}: {what}", file.display());
        Failure::new(Code::Usage, what, "`mycopod config rules` prints those in effect in the right form")
    };
    let mut text = String::new();
    std::fs::File::open(file)
        .and_then(|open| open.take(RULES_BYTES_MAX + 1).read_to_string(&mut text))
        .map_err(|error| invalid(error.to_string()))?;
    if text.len() as u64 > RULES_BYTES_MAX {
        return Err(invalid(format!("more than {RULES_BYTES_MAX} bytes")));
    }
    serde_json::from_str(&text).map_err(|error| invalid(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_rules_is_read_or_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rules.json");
        let facts: domain::facts::Facts = serde_json::from_str(interpreter::fixtures::CLUSTER).unwrap();
        let rules = crate::demo::seed::rules(&facts, 30);
        std::fs::write(&file, serde_json::to_string(&rules).unwrap()).unwrap();
        assert_eq!(*read(&file).unwrap(), rules);
        std::fs::write(&file, "{\n  \"vmid_first\": true }").unwrap();
        let failure = read(&file).unwrap_err();
        assert!(failure.what.contains("line 2") && failure.code == Code::Usage, "{}", failure.what);
        assert!(read(Path::new("/nowhere/rules.json")).is_err());
    }
}

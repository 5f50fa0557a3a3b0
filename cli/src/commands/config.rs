//! `mycopod config`: the settings in effect, secrets cut.

use crate::args::ConfigCommand;
use crate::config::Config;
use crate::connections;
use crate::failure::{Code, Failure, Outcome};
use crate::{out, output};
use std::path::Path;

pub async fn run(path: &Path, command: ConfigCommand, json: bool) -> Outcome {
    let mut config = Config::read(path)?;
    match command {
        ConfigCommand::Rules { set, person } => return super::rules::run(path, set, person).await,
        ConfigCommand::Show => {
            config.database.url = "••• (set)".to_owned();
            if json {
                output::json(&config);
            } else {
                let text = toml::to_string(&config).map_err(|error| Failure::new(Code::Failed, error, ""))?;
                out!("{}", text.trim_end());
            }
        }
        ConfigCommand::Check => {
            let ring = config.open_key_ring()?;
            config.database_url(&ring)?;
            if let Ok(agent) = config.agent() {
                let keys = connections::key_folder(agent)?;
                connections::connect(agent, &keys)?;
                crate::repository::open(agent, &keys)?;
            }
            out!("{} is valid.", path.display());
        }
    }
    Ok(())
}

//! `mycopod sim-github`: the stand-in for GitHub alone.

use crate::args::SimGitHubArgs;
use crate::failure::{Code, Failure, Outcome};
use crate::out;
use simulator::github::{GitHubFault, GitHubSim, GitHubSimConfig};

/// What a fault looks like, for who wrote it otherwise.
const FAULT_FORM: &str =
    r#"write {"method":"PATCH","path":"/git/refs/","times":1,"trouble":{"kind":"lost_answer"}}"#;

pub async fn run(args: SimGitHubArgs) -> Outcome {
    let (owner, name) = args.repository.split_once('/').ok_or_else(|| {
        Failure::new(Code::Usage, format!("{} names no repository", args.repository), "write OWNER/NAME")
    })?;
    let token = match args.token {
        Some(token) => token,
        None => {
            let token = format!("github_pat_{}", uuid::Uuid::new_v4().simple());
            out!("token        {token}");
            token
        }
    };
    let config = GitHubSimConfig {
        listen: args.listen,
        dir: args.dir,
        owner: owner.to_owned(),
        name: name.to_owned(),
        branch: args.branch,
        token,
    };
    let mut faults: Vec<GitHubFault> = Vec::new();
    for text in &args.fault {
        faults.push(
            serde_json::from_str(text).map_err(|error| {
                Failure::new(Code::Usage, format!("the fault {text}: {error}"), FAULT_FORM)
            })?,
        );
    }
    let running = GitHubSim::start(config).await.map_err(|error| {
        let next = error.advice();
        Failure::new(Code::Failed, error, next)
    })?;
    for fault in faults {
        running.inject(fault);
    }
    out!("stand-in     {} (not the real GitHub)", running.base_url());
    out!("repository   {}", args.repository);
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = super::terminated() => {}
    }
    out!("answered     {} calls", running.calls().len());
    running.shutdown();
    Ok(())
}

//! `mycopod`: the one program. What a container runs is a subcommand.
//!
//! A library, so that tests can start the same program with more in it. Begin with [`main`]; see [`args`] for the names, [`commands`] for what they do, [`demo`] for everything at once.

// A closed pipe makes these panic; `out!` and `note!` do not.
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod args;
pub mod commands;
pub mod config;
pub mod connections;
pub mod context;
pub mod demo;
pub mod failure;
pub mod output;
pub mod passwords;
pub mod progress;
pub mod prompt;
pub mod repository;
pub mod ring;
pub mod sealing;

use args::{Cli, Command};
use clap::Parser;
use failure::Failure;
use std::io::Write;
use std::process::ExitCode;

/// Memory is wiped when it is given back, whoever had it: buffers of connections, decoders and parsers hold secrets for
/// a moment too, and none of them wipes its own.
#[global_allocator]
static MEMORY: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

const USUAL: &str = "\
Usual commands:
  mycopod demo                  everything on this machine, with a simulated cluster
  mycopod declare FILE          save a draft, --preview to see its plan
  mycopod plan ID               what would happen, --calls for the exact API calls
  mycopod runs list             what happened and what is happening
  mycopod doctor                check every connection
All commands: mycopod --help";

/// Reads the command line, does what it says, answers with its exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    output::logging(cli.verbose, cli.quiet);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            note!("error: the runtime cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(dispatch(cli));
    // A thread that waits for a line of standard input would hold the process for as long as nobody writes one.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => match output::lost() {
            None => ExitCode::SUCCESS,
            Some(why) => {
                note!("error: the results could not be written: {why}");
                ExitCode::FAILURE
            }
        },
        Err(failure) => {
            let text = failure.to_string();
            if !text.is_empty() {
                note!("{text}");
            }
            ExitCode::from(failure.code as u8)
        }
    }
}

async fn dispatch(cli: Cli) -> Result<(), Failure> {
    let Some(command) = cli.command else {
        out!("{USUAL}");
        return Ok(());
    };
    let (config, json, quiet) = (cli.config.as_path(), cli.json, cli.quiet);
    match command {
        Command::Demo(args) => demo::run(args).await,
        Command::Serve(args) => commands::serve::run(config, args).await,
        Command::Agent(args) => commands::agent::run(config, args).await,
        Command::Sim(args) => commands::sim::run(args).await,
        Command::SimGithub(args) => commands::sim_github::run(args).await,
        Command::Migrate { check, owner_url } => commands::migrate::run(config, check, owner_url).await,
        Command::Declare { file, title, follows, preview, person } => {
            let wish = commands::declarations::Wish { file, title, follows };
            commands::declarations::declare(config, wish, preview, person, json).await
        }
        Command::Preview { id, person } => commands::declarations::preview(config, &id, person, json).await,
        Command::Plan { id, no, calls, exit_code } => {
            commands::declarations::plan(config, &id, no, calls, exit_code, json).await
        }
        Command::Approve { id, digest, confirm, person } => {
            commands::declarations::approve(config, &id, digest, confirm, person).await
        }
        Command::Commit { id, person } => commands::declarations::commit(config, &id, person).await,
        Command::Runs(command) => commands::runs::run(config, command, json).await,
        Command::Repository(command) => commands::repository::run(config, command, json).await,
        Command::Drift { at, exit_code } => commands::drift::run(config, at, exit_code, json).await,
        Command::Cluster { at } => commands::cluster::run(config, at, json).await,
        Command::Events(command) => commands::events::run(config, command, json, quiet).await,
        Command::Keys(command) => commands::keys::run(config, command, json, quiet).await,
        Command::Projections(command) => commands::projections::run(config, command, json, quiet).await,
        Command::Secrets(command) => commands::secrets::run(config, command, json).await,
        Command::User(command) => commands::user::run(config, command, json).await,
        Command::Freeze { reason } => commands::freeze::freeze(config, reason).await,
        Command::Thaw => commands::freeze::thaw(config).await,
        Command::Doctor => commands::doctor::run(config, json).await,
        Command::Config(command) => commands::config::run(config, command, json).await,
        Command::Interpret { bench: Some(items), cluster, keep_as, .. } => {
            commands::interpret::bench(config, &items, cluster, keep_as, (json, quiet)).await
        }
        Command::Interpret { jsonl, replay, cluster, .. } => {
            commands::interpret::run(jsonl, replay, cluster).await
        }
        Command::Completions { shell } => {
            let mut command = <Cli as clap::CommandFactory>::command();
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command, "mycopod", &mut script);
            output::told(std::io::stdout().write_all(&script));
            Ok(())
        }
        Command::Bench { guests: Some(guests), time_scale, rounds } => {
            commands::reconcile::run(guests, rounds.unwrap_or(3), time_scale).await
        }
        Command::Bench { rounds, .. } => commands::bench::run(rounds.unwrap_or(20)).await,
    }
}

//! `mycopod repository`: what was set aside there, and what an Admin decides about it.

use crate::args::{Person, RepositoryCommand};
use crate::context::{Context, by, load, refused};
use crate::failure::{Code, Failure, Outcome};
use crate::{out, output};
use domain::event::Category;
use domain::ids::REPOSITORY;
use domain::repository::{Command, Decision, Repository};
use eventstore::{EventLog, StreamId};
use projections::model::CommitRow;
use serde_json::json;
use std::path::Path;

pub async fn run(path: &Path, command: RepositoryCommand, json: bool) -> Outcome {
    let context = Context::open(path).await?;
    match command {
        RepositoryCommand::Show => show(&context, json).await,
        RepositoryCommand::Refresh { person } => {
            let (actor, _) = context.person(&person).await?;
            tell(&context, Command::Refresh { by: actor.id }, by(actor)).await?;
            out!("The Agent looks at the repository now.");
            Ok(())
        }
        RepositoryCommand::Decide { commit, decision, person } => {
            decide(&context, &commit, decision.into(), &person).await
        }
    }
}

async fn tell(context: &Context, command: Command, meta: eventstore::Meta) -> Outcome {
    let stream = StreamId::new(Category::Repository, REPOSITORY);
    context.store.handle::<Repository>(stream, command, meta, None).await.map_err(refused)?;
    Ok(())
}

async fn show(context: &Context, json: bool) -> Outcome {
    let repository = context.reader.repository().await.map_err(crate::context::read_failed)?;
    let waiting: Vec<&CommitRow> = repository.waiting().collect();
    if json {
        output::json(&json!({
            "failing": repository.failing,
            "anchors": repository.doubt,
            "set_aside": waiting,
            "commits": repository.commits,
            "decisions": repository.decisions,
        }));
        return Ok(());
    }
    match (&repository.failing, repository.commits.first()) {
        (Some((why, _)), _) => out!("It does not answer: {why}"),
        (None, Some(newest)) => out!("Newest commit seen: {} {}", newest.commit, newest.subject),
        (None, None) => out!("No commit was seen yet."),
    }
    if let Some(doubt) = &repository.doubt {
        out!("{}: {}", web::pages::repository::doubt_words(doubt.doubt), doubt.detail);
        out!("  {}", web::pages::repository::doubt_advice(doubt.doubt));
    }
    for row in waiting {
        let Some((why, detail)) = &row.quarantine else { continue };
        out!("\nSet aside: {} {}", row.commit, row.subject);
        out!("  by {}: {}", row.author, web::pages::settings::quarantine_words(*why));
        out!("  {detail}");
        for id in &row.drafts {
            out!("  drafted: mycopod plan {id}");
        }
        if let Some(failed) = repository.decisions.get(&row.commit).and_then(|one| one.failed.as_ref()) {
            out!("  what was decided could not be done: {failed}");
        }
        let choices: Vec<&str> = why.decisions().iter().map(|decision| decision.as_str()).collect();
        out!("  next: mycopod repository decide {} {}", row.commit, choices.join("|"));
    }
    Ok(())
}

async fn decide(context: &Context, named: &str, decision: Decision, person: &Person) -> Outcome {
    let (actor, _) = context.person(person).await?;
    let (state, _) = load::<Repository>(&context.store, Category::Repository, REPOSITORY).await?;
    let mut found = state.set_aside.keys().filter(|commit| commit.starts_with(named));
    let commit = match (found.next(), found.next()) {
        (Some(only), None) => only.clone(),
        (None, _) => {
            let next = "`mycopod repository show` lists them";
            return Err(Failure::new(Code::NotFound, format!("no commit {named} is set aside"), next));
        }
        (Some(_), Some(_)) => {
            let what = format!("{named} is the beginning of several commits");
            return Err(Failure::new(Code::Usage, what, "write more of it"));
        }
    };
    tell(context, Command::Decide { by: actor, commit: commit.clone(), decision }, by(actor)).await?;
    out!(
        "Decided about {commit}: {}. The Agent does it; nothing is applied from that commit.",
        decision.as_str()
    );
    Ok(())
}

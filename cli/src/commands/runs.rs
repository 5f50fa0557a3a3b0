//! `mycopod runs`: what happened, what is happening, and going on.

use crate::args::{Person, RunsCommand};
use crate::context::{Context, by, read_failed, refused, store_failed};
use crate::failure::{Code, Failure, Outcome};
use crate::{out, output};
use domain::event::Category;
use domain::run::{Command, Run};
use eventstore::{EventLog, StreamId};
use projections::model::{RunRow, RunStatus, StepStatus};
use std::path::Path;

pub async fn run(path: &Path, command: RunsCommand, json: bool) -> Outcome {
    if let RunsCommand::Replay { bundle } = &command {
        return super::way_back::replay(bundle);
    }
    let context = Context::open(path).await?;
    match command {
        RunsCommand::Replay { bundle } => super::way_back::replay(&bundle),
        RunsCommand::Undo { no, digest, confirm, person } => {
            let run = find(&context, no).await?;
            super::way_back::undo(&context, &run, digest, &confirm, &person).await
        }
        RunsCommand::Export { no, output } => {
            let run = find(&context, no).await?;
            super::way_back::export(&context, &run, output.as_deref()).await
        }
        RunsCommand::Retry { no, step, person } => {
            let step = index(step)?;
            tell(&context, no, &person, |by| Command::TryAgain { by, step }, "tries that step again").await
        }
        RunsCommand::List => list(&context, json).await,
        RunsCommand::Show { no } => {
            let run = find(&context, no).await?;
            if json {
                output::json(&run)
            } else {
                show(&run)
            }
            Ok(())
        }
        RunsCommand::Follow { no } => follow(&context, no).await,
        RunsCommand::Resume { no, person } => {
            tell(&context, no, &person, |by| Command::Resume { by }, "resumed").await
        }
        RunsCommand::Stop { no, person } => {
            tell(&context, no, &person, |by| Command::StopAfterStep { by }, "stops after its step").await
        }
        RunsCommand::Skip { no, step, reason, person } => {
            let step = index(step)?;
            tell(
                &context,
                no,
                &person,
                |by| Command::Skip { by, step, why: reason.clone() },
                "goes on without that step",
            )
            .await
        }
    }
}

/// Steps count from 1 for people.
fn index(step: Option<u32>) -> Result<Option<usize>, Failure> {
    match step {
        None => Ok(None),
        Some(no @ 1..) => Ok(Some(no as usize - 1)),
        Some(_) => {
            Err(Failure::new(Code::Usage, "steps count from 1", "`mycopod runs show` has the numbers"))
        }
    }
}

async fn find(context: &Context, no: i64) -> Result<RunRow, Failure> {
    match context.reader.run(no).await.map_err(read_failed)? {
        Some(run) => Ok(run),
        None => {
            let (newest, _) = context.reader.runs(0, 1).await.map_err(read_failed)?;
            let next = newest
                .first()
                .map_or("no run has started yet".to_owned(), |run| format!("the newest is {}", run.no));
            Err(Failure::new(Code::NotFound, format!("there is no run {no}"), next))
        }
    }
}

fn status(run: &RunRow) -> &'static str {
    match run.status {
        RunStatus::Running => "running",
        RunStatus::Paused => "paused",
        RunStatus::Completed => "completed",
        RunStatus::Stopped => "stopped",
    }
}

fn step_status(status: StepStatus) -> &'static str {
    match status {
        StepStatus::Pending => "pending",
        StepStatus::Running => "running",
        StepStatus::Waiting => "waiting",
        StepStatus::Done => "done",
        StepStatus::Already => "already so",
        StepStatus::Failed => "failed",
        StepStatus::Skipped => "skipped",
    }
}

async fn list(context: &Context, json: bool) -> Outcome {
    let (runs, _) = context.reader.runs(0, 200).await.map_err(read_failed)?;
    if json {
        output::json(&runs);
        return Ok(());
    }
    let row = |run: &RunRow| {
        vec![
            run.no.to_string(),
            status(run).to_owned(),
            format!("{} of {}", run.done + run.already + run.skipped, run.steps.len()),
            run.started_at.with_timezone(&chrono::Local).format("%d %b %H:%M:%S %Z").to_string(),
            run.title.clone(),
        ]
    };
    output::table(
        &["RUN", "STATE", "STEPS", "STARTED", "DECLARATION"],
        &runs.iter().map(row).collect::<Vec<_>>(),
    );
    Ok(())
}

fn show(run: &RunRow) {
    out!(
        "Run {}: {} · plan {} of declaration {} · commit {}",
        run.no,
        status(run),
        run.plan_no,
        run.declaration_no,
        run.commit
    );
    if let (Some(cause), Some(advice)) = (&run.cause, &run.advice) {
        out!("  {cause}\n  next: {advice}");
    }
    for step in &run.steps {
        out!("\n{:>3}  {:<10} {}", step.no, step_status(step.status), step.sentence);
        for call in &step.calls {
            out!("       {}", call.line);
            for attempt in &call.attempts {
                let status = attempt.status.map_or("no answer".to_owned(), |status| status.to_string());
                let ms = attempt.ms.map_or(String::new(), |ms| format!(" in {ms} ms"));
                out!(
                    "         attempt {}: {status}{ms}{}",
                    attempt.no,
                    attempt.settled.as_ref().map_or(String::new(), |how| format!(" · {how}"))
                );
            }
        }
    }
}

async fn follow(context: &Context, no: i64) -> Outcome {
    let id = find(context, no).await?.id;
    let mut shown = Vec::new();
    loop {
        let head = context.store.head().await.map_err(store_failed)?.position;
        let run = context.reader.run_by_id(id).await.map_err(read_failed)?;
        let Some(run) = run else {
            return Err(Failure::new(Code::NotFound, format!("run {no} is gone"), ""));
        };
        let now: Vec<StepStatus> = run.steps.iter().map(|step| step.status).collect();
        for (index, step) in
            run.steps.iter().enumerate().filter(|(i, step)| shown.get(*i) != Some(&step.status))
        {
            if step.status != StepStatus::Pending {
                out!(
                    "{:>3} of {}  {:<10} {}",
                    index + 1,
                    run.steps.len(),
                    step_status(step.status),
                    step.sentence
                );
            }
        }
        shown = now;
        match run.status {
            RunStatus::Completed => return Ok(()),
            RunStatus::Paused | RunStatus::Stopped => {
                let what = format!("run {no} is {}: {}", status(&run), run.cause.clone().unwrap_or_default());
                return Err(Failure::new(Code::Failed, what, run.advice.unwrap_or_default()));
            }
            RunStatus::Running => {}
        }
        tokio::select! {
            () = context.store.wait_beyond(head) => {}
            _ = tokio::signal::ctrl_c() => return Ok(()),
        }
        let reached = context.store.head().await.map_err(store_failed)?.position;
        context.reader.wait_for(reached, crate::context::READ_OWN_WRITE).await.map_err(read_failed)?;
    }
}

async fn tell(
    context: &Context,
    no: i64,
    person: &Person,
    command: impl Fn(domain::account::Actor) -> Command,
    word: &str,
) -> Outcome {
    let run = find(context, no).await?;
    let (actor, _) = context.person(person).await?;
    let stream = StreamId::new(Category::Run, run.id.0);
    context.store.handle::<Run>(stream, command(actor), by(actor), None).await.map_err(refused)?;
    out!("Run {no} {word}.");
    Ok(())
}

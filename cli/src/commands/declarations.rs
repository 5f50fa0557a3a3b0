//! `mycopod declare`, `preview`, `plan`, `approve`, `commit`: the way of a declaration without a browser.

use crate::args::Person;
use crate::context::{Context, READ_OWN_WRITE, by, load, read_failed, refused, store_failed, until};
use crate::failure::{Code, Failure, Outcome};
use crate::{out, output};
use domain::account::Actor;
use domain::declaration::{Command, Declaration, Failure as PreviewFailure, Status};
use domain::event::Category;
use domain::ids::DeclarationId;
use domain::interpretation::difference::between;
use domain::plan::{Plan, Reverse};
use eventstore::{EventLog, StreamId};
use projections::model::DeclarationRow;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;
use uuid::Uuid;

/// A preview by the scripted interpreter takes a second; a model may take a minute.
const PREVIEW_WAIT: Duration = Duration::from_secs(90);

async fn tell(
    context: &Context,
    id: DeclarationId,
    actor: Actor,
    command: Command,
) -> Result<Declaration, Failure> {
    let stream = StreamId::new(Category::Declaration, id.0);
    let handled =
        context.store.handle::<Declaration>(stream, command, by(actor), None).await.map_err(refused)?;
    context.reader.wait_for(handled.position, READ_OWN_WRITE).await.map_err(read_failed)?;
    Ok(handled.state)
}

/// What is declared.
pub struct Wish {
    /// Standard input if absent.
    pub file: Option<PathBuf>,
    pub title: Option<String>,
    /// The declaration that this is a new version of.
    pub follows: Option<String>,
}

pub async fn declare(path: &Path, wish: Wish, preview_too: bool, person: Person, json: bool) -> Outcome {
    let mut bytes = Vec::new();
    let limit = domain::limits::TEXT_BYTES_MAX as u64 + 1;
    match &wish.file {
        Some(file) => {
            std::fs::File::open(file).and_then(|open| open.take(limit).read_to_end(&mut bytes)).map_err(
                |error| Failure::new(Code::Usage, format!("{}: {error}", file.display()), "name a text file"),
            )?
        }
        None => std::io::stdin().take(limit).read_to_end(&mut bytes)?,
    };
    let text = String::from_utf8(bytes).map_err(|_| {
        Failure::new(Code::Usage, "the text is not valid UTF-8", "save it as UTF-8 and try again")
    })?;
    let context = Context::open(path).await?;
    let (actor, _) = context.person(&person).await?;
    let follows = match &wish.follows {
        Some(earlier) => Some(context.declaration(earlier).await?.id),
        None => None,
    };
    let (id, title) = (DeclarationId(Uuid::now_v7()), wish.title.unwrap_or_default());
    tell(&context, id, actor, Command::Draft { by: actor, title, text, follows }).await?;
    let no = context.declaration(&id.to_string()).await?.no;
    if !preview_too {
        if json {
            output::json(&serde_json::json!({"id": id, "no": no}));
        } else {
            out!("Declaration {no} is saved. Next: mycopod preview {no}");
        }
        return Ok(());
    }
    previewed(&context, id, actor, json).await
}

pub async fn preview(path: &Path, named: &str, person: Person, json: bool) -> Outcome {
    let context = Context::open(path).await?;
    let (actor, _) = context.person(&person).await?;
    let id = context.declaration(named).await?.id;
    previewed(&context, id, actor, json).await
}

async fn previewed(context: &Context, id: DeclarationId, actor: Actor, json: bool) -> Outcome {
    tell(context, id, actor, Command::Preview { by: actor }).await?;
    let ended = |state: &Declaration| !matches!(state.status, Status::Previewing { .. });
    let state =
        until::<Declaration>(&context.store, Category::Declaration, id.0, PREVIEW_WAIT, ended).await?;
    let Some(state) = state else {
        let next = "check that the Agent runs: `mycopod doctor`";
        return Err(Failure::new(Code::Unavailable, "the preview is still waiting for the Agent", next));
    };
    let head = context.store.head().await.map_err(store_failed)?.position;
    context.reader.wait_for(head, READ_OWN_WRITE).await.map_err(read_failed)?;
    match (&state.status, &state.plan) {
        (Status::Proposed, Some(plan)) => {
            if json {
                output::json(plan)
            } else {
                print_reread(&context.declaration(&id.to_string()).await?);
                print_plan(plan, false)
            }
            Ok(())
        }
        (Status::Asking { questions }, _) => {
            let lines: Vec<String> =
                questions.iter().map(|q| format!("{} ({})", q.text, q.options.join(" / "))).collect();
            Err(Failure::new(Code::Refused, lines.join("\n  "), "answer in the pages, or say it in the text"))
        }
        (Status::Failed { failure }, _) => Err(match failure {
            PreviewFailure::Refused { reason, text } => {
                Failure::new(Code::Refused, text, "").means(format!("reason: {}", reason.as_str()))
            }
            PreviewFailure::NoPlan { text, advice } => Failure::new(Code::Refused, text, advice),
            PreviewFailure::Unavailable { text, advice } => Failure::new(Code::Unavailable, text, advice),
            PreviewFailure::Cancelled {} => {
                Failure::new(Code::Failed, "the preview was cancelled", "preview it again")
            }
        }),
        _ => Err(Failure::new(Code::Failed, "the preview ended without a plan", "preview it again")),
    }
}

pub async fn plan(
    path: &Path,
    named: &str,
    no: Option<u32>,
    calls: bool,
    exit_code: bool,
    json: bool,
) -> Outcome {
    let context = Context::open(path).await?;
    let declaration = context.declaration(named).await?;
    let newest = context.reader.plans_of(declaration.id).await.map_err(read_failed)?.into_iter().next();
    let row = match no {
        Some(no) => context.reader.plan(declaration.id, no).await.map_err(read_failed)?,
        None => newest,
    };
    let Some(row) = row else {
        let next = format!("mycopod preview {}", declaration.no);
        return Err(Failure::new(Code::NotFound, "there is no such plan", next));
    };
    if json {
        output::json(&row)
    } else {
        if declaration.plan_no == Some(row.no) {
            print_reread(&declaration);
        }
        print_plan(&row.plan, calls)
    }
    match exit_code && !row.plan.is_empty() {
        true => Err(Failure::quiet(Code::Differences)),
        false => Ok(()),
    }
}

/// What the text means to its interpreter otherwise than to another one before.
fn print_reread(row: &DeclarationRow) {
    let (Some(before), Some(now)) = (&row.read_before, &row.interpretation) else { return };
    let different = between(&before.interpretation, now);
    let who = format!("{} {}", before.interpreter.provider, before.interpreter.model);
    match different.is_empty() {
        true => out!("Read by another interpreter than before ({who}): it means the same."),
        false => out!("Read by another interpreter than before ({who}); it means otherwise:"),
    }
    for difference in &different {
        out!("  ≠ {difference}");
    }
}

fn print_plan(plan: &Plan, calls: bool) {
    let counts = plan.counts();
    out!(
        "Plan {}: {} to create · {} to change · {} to destroy · {} already so",
        plan.number,
        counts.create,
        counts.change,
        counts.destroy,
        counts.already
    );
    for hazard in &plan.hazards {
        out!("  ! {}", hazard.text);
    }
    for step in &plan.steps {
        out!("{:>3}  {:<10}  {}", step.no, step.verb.word(), step.sentence);
        for call in step.calls.iter().filter(|_| calls) {
            out!("       {}", call.shown());
        }
        if let (true, Reverse::Calls { sentence, .. }) = (calls, &step.reverse) {
            out!("       way back: {sentence}");
        }
    }
    for note in &plan.notes {
        out!("  · {}", note.text);
    }
    for missing in &plan.rights.missing {
        out!("  ! missing right: {missing}");
    }
    for command in &plan.rights.commands {
        out!("      {command}");
    }
    for node in plan.rehearsal.iter().flat_map(|rehearsal| &rehearsal.nodes) {
        out!(
            "  = {}: {} of {} MiB free now, {} MiB after",
            node.name,
            node.free_before_mib(),
            node.memory_mib,
            node.free_after_mib()
        );
    }
    out!("digest {}", plan.digest());
}

pub async fn approve(
    path: &Path,
    named: &str,
    digest: Option<String>,
    confirm: Vec<String>,
    person: Person,
) -> Outcome {
    let context = Context::open(path).await?;
    let (actor, _) = context.person(&person).await?;
    let id = context.declaration(named).await?.id;
    let (state, _) = load::<Declaration>(&context.store, Category::Declaration, id.0).await?;
    let current = state.digest.clone().ok_or_else(|| {
        Failure::new(Code::NotFound, "there is no plan to approve", format!("mycopod preview {named}"))
    })?;
    let Some(seen) = digest else {
        let next = format!("look at it with `mycopod plan {named}`, then add --digest {}", current.short());
        return Err(Failure::new(Code::Usage, "an approval is of one plan: its digest is missing", next));
    };
    if seen != current.as_str() && seen != current.short() {
        let next = format!("look again: mycopod plan {named}");
        return Err(Failure::new(Code::Refused, "the plan changed since you saw it", next));
    }
    let admins = context.reader.active_admins().await.map_err(read_failed)?;
    let rules = context.reader.settings().await.map_err(read_failed)?.rules;
    let own = |name: &str| rules.as_ref().is_some_and(|rules| rules.limits.may_approve_own(name));
    let alone = match admins.as_slice() {
        [only] => only.id == actor.id,
        several => several.iter().any(|admin| admin.id == actor.id && own(&admin.name)),
    };
    let command = Command::Approve {
        by: actor,
        plan: current.clone(),
        confirmed: confirm,
        alone,
        now: chrono::Utc::now(),
    };
    tell(&context, id, actor, command).await?;
    out!("Approved plan {}. Next: mycopod commit {named}", current.short());
    Ok(())
}

pub async fn commit(path: &Path, named: &str, person: Person) -> Outcome {
    let context = Context::open(path).await?;
    let (actor, _) = context.person(&person).await?;
    let id = context.declaration(named).await?.id;
    let (state, _) = load::<Declaration>(&context.store, Category::Declaration, id.0).await?;
    let plan = state.digest.ok_or_else(|| {
        Failure::new(Code::NotFound, "there is no plan to commit", format!("mycopod preview {named}"))
    })?;
    tell(&context, id, actor, Command::Commit { by: actor, plan, now: chrono::Utc::now() }).await?;
    out!("The Agent commits it and carries it out. Next: mycopod runs list");
    Ok(())
}

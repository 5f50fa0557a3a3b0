//! A story played without a browser: people and the Agent do what a file tells, and each step is as told or the story
//! ends with what was different.
//!
//! The file is TOML: a list of `[[step]]`, each with `as` (a person), one deed and what is expected of it. See
//! `stories` beside this crate for ones to read.

use super::world::World;
use crate::context::{Context, by, load, refused, until};
use crate::failure::{Code, Failure, Outcome};
use crate::out;
use domain::account::Actor;
use domain::declaration::{Command, Declaration, Failure as PreviewFailure, Status};
use domain::event::Category;
use domain::ids::DeclarationId;
use domain::run::{self, Run};
use eventstore::{EventLog, StreamId};
use serde::Deserialize;
use std::path::Path;
use std::time::Duration;
use uuid::Uuid;

/// The longest one step may take.
const STEP_WAIT: Duration = Duration::from_secs(120);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Story {
    step: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    /// Who does it: `ada` or `bo`.
    r#as: String,
    #[serde(flatten)]
    deed: Deed,
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
enum Deed {
    /// Draft and preview a text.
    Declare {
        text: String,
        expect: Expect,
    },
    /// Answer the open questions; the next preview follows.
    Answer {
        answers: Vec<String>,
        expect: Expect,
    },
    Ask {},
    Approve {
        #[serde(default)]
        confirm: Vec<String>,
        #[serde(default)]
        refused: bool,
    },
    /// Commit, and follow the run to its end.
    Apply {
        expect: RunEnd,
    },
    /// Calls that change something, by the simulated cluster's own ledger, since the story began.
    Ledger {
        mutations: usize,
    },
}

#[derive(Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case", deny_unknown_fields)]
enum Expect {
    Plan { create: usize, change: usize, destroy: usize },
    Question { about: Vec<String> },
    Refusal { reason: String },
}

#[derive(Deserialize, PartialEq, Eq, Debug)]
#[serde(rename_all = "kebab-case")]
enum RunEnd {
    Completed,
    Paused,
}

pub async fn play(path: &Path, world: &World) -> Outcome {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::new(Code::Usage, format!("{}: {error}", path.display()), "name a story file")
    })?;
    let story: Story = toml::from_str(&text)
        .map_err(|error| Failure::new(Code::Usage, format!("the story is not valid: {error}"), "mend it"))?;
    let mut teller = Teller { world, context: &world.context, declaration: None };
    for (no, step) in story.step.iter().enumerate() {
        let told = teller.tell(step).await.map_err(|failure| Failure {
            what: format!("step {} of the story: {}", no + 1, failure.what),
            ..failure
        })?;
        out!("{:>3}  {:<4} {told}", no + 1, step.r#as);
    }
    out!("The story went as told: {} steps.", story.step.len());
    Ok(())
}

struct Teller<'a> {
    world: &'a World,
    context: &'a Context,
    declaration: Option<DeclarationId>,
}

impl Teller<'_> {
    async fn tell(&mut self, step: &Step) -> Result<String, Failure> {
        let person = crate::args::Person { name: Some(step.r#as.clone()) };
        let (actor, _) = self.context.person(&person).await?;
        match &step.deed {
            Deed::Declare { text, expect } => {
                let id = DeclarationId(Uuid::now_v7());
                self.declaration = Some(id);
                self.command(
                    actor,
                    Command::Draft { by: actor, title: String::new(), text: text.clone(), follows: None },
                )
                .await?;
                self.command(actor, Command::Preview { by: actor }).await?;
                Ok(format!("declares {text:?}: {}", self.preview(expect).await?))
            }
            Deed::Answer { answers, expect } => {
                self.command(actor, Command::Answer { by: actor, answers: answers.clone() }).await?;
                Ok(format!("answers {answers:?}: {}", self.preview(expect).await?))
            }
            Deed::Ask {} => {
                let plan = self.digest().await?;
                self.command(actor, Command::AskApproval { by: actor, plan }).await?;
                Ok("asks for approval".into())
            }
            Deed::Approve { confirm, refused } => self.approve(actor, confirm, *refused).await,
            Deed::Apply { expect } => self.apply(actor, expect).await,
            Deed::Ledger { mutations } => {
                let seen = self.world.simulator.ledger().len();
                if seen != *mutations {
                    return Err(different(format!("{mutations} mutating calls"), format!("{seen}")));
                }
                Ok(format!("the cluster's ledger shows {seen} mutating calls"))
            }
        }
    }

    fn id(&self) -> Result<DeclarationId, Failure> {
        self.declaration
            .ok_or_else(|| Failure::new(Code::Usage, "nothing was declared yet", "begin with a declare step"))
    }

    async fn command(&self, actor: Actor, command: Command) -> Result<Declaration, Failure> {
        let stream = StreamId::new(Category::Declaration, self.id()?.0);
        let handled = self
            .context
            .store
            .handle::<Declaration>(stream, command, by(actor), None)
            .await
            .map_err(refused)?;
        Ok(handled.state)
    }

    async fn digest(&self) -> Result<domain::canonical::Digest, Failure> {
        let (state, _) =
            load::<Declaration>(&self.context.store, Category::Declaration, self.id()?.0).await?;
        state.digest.ok_or_else(|| Failure::new(Code::CheckFailed, "there is no plan", ""))
    }

    async fn preview(&self, expect: &Expect) -> Result<String, Failure> {
        let settled = |state: &Declaration| !matches!(state.status, Status::Previewing { .. });
        let state = until::<Declaration>(
            &self.context.store,
            Category::Declaration,
            self.id()?.0,
            STEP_WAIT,
            settled,
        )
        .await?
        .ok_or_else(|| different("a preview".into(), "none in time".into()))?;
        match (&state.status, expect) {
            (Status::Proposed, Expect::Plan { create, change, destroy }) => {
                let counts = state.plan.as_ref().map(|plan| plan.counts()).unwrap_or_default();
                let seen = format!(
                    "{} to create, {} to change, {} to destroy",
                    counts.create, counts.change, counts.destroy
                );
                let wanted = format!("{create} to create, {change} to change, {destroy} to destroy");
                if seen == wanted { Ok(seen) } else { Err(different(wanted, seen)) }
            }
            (Status::Asking { questions }, Expect::Question { about }) => {
                let seen: Vec<&str> = questions.iter().map(|question| question.about.as_str()).collect();
                if seen == *about {
                    Ok(format!("asked about {}", seen.join(", ")))
                } else {
                    Err(different(about.join(", "), seen.join(", ")))
                }
            }
            (
                Status::Failed { failure: PreviewFailure::Refused { reason: seen, text } },
                Expect::Refusal { reason },
            ) => {
                if seen.as_str() == reason {
                    Ok(format!("refused: {text}"))
                } else {
                    Err(different(reason.clone(), seen.as_str().into()))
                }
            }
            (other, _) => Err(different("another outcome of the preview".into(), format!("{other:?}"))),
        }
    }

    async fn approve(
        &self,
        actor: Actor,
        confirm: &[String],
        expect_refusal: bool,
    ) -> Result<String, Failure> {
        let plan = self.digest().await?;
        let command = Command::Approve {
            by: actor,
            plan,
            confirmed: confirm.to_vec(),
            alone: false,
            now: chrono::Utc::now(),
        };
        match (self.command(actor, command).await, expect_refusal) {
            (Err(failure), true) if failure.code == Code::Refused => {
                Ok(format!("may not approve: {}", failure.what))
            }
            (Ok(_), true) => Err(different("a refusal".into(), "an approval".into())),
            (outcome, _) => outcome.map(|_| "approves".into()),
        }
    }

    async fn apply(&self, actor: Actor, expect: &RunEnd) -> Result<String, Failure> {
        let id = self.id()?;
        let plan = self.digest().await?;
        self.command(actor, Command::Commit { by: actor, plan: plan.clone(), now: chrono::Utc::now() })
            .await?;
        let committed = |state: &Declaration| matches!(state.status, Status::Committed { .. });
        let state =
            until::<Declaration>(&self.context.store, Category::Declaration, id.0, STEP_WAIT, committed)
                .await?
                .ok_or_else(|| different("a commit".into(), "none in time".into()))?;
        let Status::Committed { commit } = &state.status else {
            return Err(different("a commit".into(), "none".into()));
        };
        let run = run::id_for(id, commit, &plan).0;
        let ended = |run: &Run| run.is_over() || matches!(run.status, run::Status::Paused { .. });
        let run = until::<Run>(&self.context.store, Category::Run, run, STEP_WAIT, ended)
            .await?
            .ok_or_else(|| different("the end of a run".into(), "none in time".into()))?;
        let seen = match run.status {
            run::Status::Completed => RunEnd::Completed,
            run::Status::Paused { .. } => RunEnd::Paused,
            other => return Err(different(format!("{expect:?}"), format!("{other:?}"))),
        };
        if seen != *expect {
            return Err(different(format!("{expect:?}"), format!("{:?}", run.status)));
        }
        let short = commit.get(..8).unwrap_or(commit);
        Ok(format!("commits as {short}; the run is {seen:?}: {} done, {} already so", run.done, run.already)
            .to_lowercase())
    }
}

fn different(wanted: String, seen: String) -> Failure {
    Failure::new(Code::CheckFailed, format!("expected {wanted}, saw {seen}"), "")
}

//! What each event is called in a sentence. Written by templates from the typed event, never by a model.

use domain::event::AnyEvent;
use domain::{account, cluster, declaration, repository, run, settings};

/// Names that a sentence may need, found by the fold.
pub struct Names {
    /// "Ada", "the Agent".
    pub who: String,
    /// "declaration 3", "run 2".
    pub subject: String,
    /// "plan 2 with 5 steps", where the event names a plan.
    pub plan: String,
    /// Name of the person the event is about, for account events.
    pub person: String,
}

/// One sentence, and whether it tells of something that went wrong.
pub fn sentence(event: &AnyEvent, names: &Names) -> (String, bool) {
    match event {
        AnyEvent::Declaration(event) => declared(event, names),
        AnyEvent::Run(event) => ran(event, names),
        AnyEvent::Cluster(event) => observed(event, names),
        AnyEvent::Account(event) => account_event(event, names),
        AnyEvent::Settings(event) => set(event, names),
        AnyEvent::Repository(event) => repository_event(event, names),
    }
}

pub fn steps(count: usize) -> String {
    format!("{count} {}", if count == 1 { "step" } else { "steps" })
}

fn declared(event: &declaration::Event, Names { who, subject, plan: shown, .. }: &Names) -> (String, bool) {
    use declaration::{Event as E, Failure};
    let failed = matches!(event, E::PreviewFailed { .. } | E::CommitFailed { .. });
    let text = match event {
        E::Drafted { title, follows: None, .. } => format!("{who} drafted {subject}: {title}"),
        E::Drafted { title, follows: Some(_), .. } => {
            format!("{who} drafted {subject}, a new version of an earlier one: {title}")
        }
        E::Revised { .. } => format!("{who} changed the text of {subject}"),
        E::PreviewRequested { preview, .. } => format!("{who} asked for preview {preview} of {subject}"),
        E::PreviewAdvanced { preview, stage } => {
            format!("Preview {preview} of {subject}: {}", stage.words().to_lowercase())
        }
        E::Interpreted { interpreter, took_ms, .. } => {
            format!("The {} interpreter read {subject} in {took_ms} ms", interpreter.provider)
        }
        E::QuestionAsked { questions, .. } => match questions.as_slice() {
            [one] => format!("The interpreter asked about {subject}: {}", one.text),
            many => format!("The interpreter asked {} questions about {subject}", many.len()),
        },
        E::QuestionAnswered { answers, .. } => {
            let words: Vec<&str> = answers.iter().map(|answer| answer.answer.as_str()).collect();
            format!("{who} answered for {subject}: {}", words.join("; "))
        }
        E::PlanProposed { plan, .. } => {
            format!(
                "Plan {} of {subject} was proposed with {}",
                plan.number,
                steps(plan.steps_to_do().count())
            )
        }
        E::PreviewFailed { failure, .. } => match failure {
            Failure::Refused { text, .. } => format!("{subject} was refused: {text}"),
            Failure::NoPlan { text, .. } | Failure::Unavailable { text, .. } => {
                format!("The preview of {subject} ended without a plan: {text}")
            }
            Failure::Cancelled {} => format!("The preview of {subject} was cancelled"),
        },
        E::ApprovalRequested { .. } => format!("{who} asked for approval of {subject}, {shown}"),
        E::Commented { text, .. } => format!("{who} commented on {subject}: {text}"),
        E::PlanApproved { alone, .. } => {
            let alone = if *alone { ", being the only Admin and its author" } else { "" };
            format!("{who} approved {subject}, {shown}{alone}")
        }
        E::SentBack { why, .. } => format!("{who} sent {subject} back: {why}"),
        E::ApprovalExpired { why, .. } => format!("The approval of {subject} expired: {why}"),
        E::CommitRequested { .. } => format!("{who} asked to commit {subject}"),
        E::DeclarationCommitted { commit, branch, .. } => {
            format!("{subject} was committed to {branch} as {}", commit.get(..8).unwrap_or(commit))
        }
        E::CommitFailed { why, .. } => format!("{subject} could not be committed: {why}"),
        E::PredictionScored { score, .. } => {
            format!("{} of {} predicted fields of {subject}, {shown}, came true", score.right, score.fields)
        }
        E::Withdrawn { .. } => format!("{who} withdrew {subject}"),
        E::Retired { why, .. } => format!("{who} retired {subject}: {why}"),
    };
    (text, failed)
}

fn ran(event: &run::Event, Names { who, subject, .. }: &Names) -> (String, bool) {
    use run::{Event as E, TaskEnd};
    let failed =
        matches!(
            event,
            E::CallFailed { .. }
                | E::CallUnknown { .. }
                | E::StepFailed { .. }
                | E::RunPaused { .. }
                | E::RunStopped { .. }
        ) || matches!(event, E::TaskEnded { end: TaskEnd::Failed { .. } | TaskEnd::Unexpected {}, .. });
    let text = match event {
        E::RunStarted { plan, commit, cause, .. } => {
            let from = match cause {
                run::Cause::Commit => format!("from commit {}", commit.get(..8).unwrap_or(commit)),
                run::Cause::Undo { .. } => "to undo an earlier run".to_owned(),
                run::Cause::PutBack { subject, .. } => format!("to put {subject} back as declared"),
            };
            format!("{subject} started {from} with {}", steps(plan.steps.len()))
        }
        E::CallSatisfied { at } => format!("{subject}, step {}: already so, nothing sent", at.step + 1),
        E::CallIssued { at, attempt, request } => {
            format!("{subject}, step {}, attempt {attempt}: sending {request}", at.step + 1)
        }
        E::CallAnswered { at, status, ms, .. } => {
            format!("{subject}, step {}: the cluster answered {status} after {ms} ms", at.step + 1)
        }
        E::CallFailed { at, message, .. } => {
            format!("{subject}, step {}: the call failed: {message}", at.step + 1)
        }
        E::CallUnknown { at, why, .. } => format!("{subject}, step {}: no answer came: {why}", at.step + 1),
        E::CallSettled { at, how, .. } => format!("{subject}, step {}: {how}", at.step + 1),
        E::TaskStarted { at, upid } => {
            let kind = upid.split(':').nth(5).unwrap_or("task");
            format!("{subject}, step {}: task {kind} began", at.step + 1)
        }
        E::TaskProgressed { at, lines, .. } => {
            format!("{subject}, step {}: {} more lines of the task's log", at.step + 1, lines.len())
        }
        E::TaskEnded { at, end, .. } => {
            let how = match end {
                TaskEnd::Ok {} => "ended well".to_owned(),
                TaskEnd::Warnings { count } => format!("ended with {count} warnings"),
                TaskEnd::Failed { text } => format!("failed: {text}"),
                TaskEnd::Unexpected {} => "ended without saying how".to_owned(),
            };
            format!("{subject}, step {}: the task {how}", at.step + 1)
        }
        E::StepSatisfied { step } => format!("{subject}: step {} was already so", step + 1),
        E::StepSucceeded { step } => format!("{subject}: step {} is done", step + 1),
        E::StepFailed { step, cause, .. } => format!("{subject}: step {} failed: {cause}", step + 1),
        E::RetryScheduled { at, attempt, wait_ms, cause, .. } => {
            let seconds = *wait_ms as f64 / 1_000.0;
            format!("{subject}, step {}: attempt {attempt} follows in {seconds:.1} s ({cause})", at.step + 1)
        }
        E::RunPaused { cause, .. } => format!("{subject} paused: {cause}"),
        E::RunResumed { .. } => format!("{who} resumed {subject}"),
        E::StopRequested { .. } => format!("{who} asked {subject} to stop after its step"),
        E::StepSkipped { step, why, .. } => format!("{who} skipped step {} of {subject}: {why}", step + 1),
        E::RunCompleted { done, already, .. } => {
            format!("{subject} completed: {} done, {already} already so", steps(*done))
        }
        E::RunStopped { why, .. } => format!("{subject} stopped: {why}"),
        E::StepRetried { step, .. } => format!("{who} had step {} of {subject} tried again", step + 1),
        E::UndoApproved { plan, digest, .. } => {
            format!("{who} approved to undo {subject} with {} ({})", steps(plan.steps.len()), digest.short())
        }
    };
    (text, failed)
}

fn observed(event: &cluster::Event, Names { who, .. }: &Names) -> (String, bool) {
    use cluster::{Event as E, Origin};
    let failed = matches!(event, E::ObservationFailed { .. });
    let text = match event {
        E::Registered { name, demo, .. } => {
            format!("Cluster {name} was registered{}", if *demo { " as demonstration data" } else { "" })
        }
        E::NodeObserved { name, node } => {
            format!("Node {name} was seen {}", if node.online { "online" } else { "offline" })
        }
        E::StorageObserved { id, storage } => format!("Storage {id} ({}) was seen", storage.kind),
        E::SurroundingsObserved { .. } => "Pools, high availability, backups or rights changed".into(),
        E::StorageGone { id } => format!("Storage {id} is gone"),
        E::GuestObserved { guest } => {
            let state = if guest.running { "running" } else { "stopped" };
            format!(
                "{} {} ({}) was seen {state} on {}",
                guest.kind.noun(),
                guest.name,
                guest.vmid,
                guest.node
            )
        }
        E::GuestGone { vmid } => format!("Guest {vmid} is gone"),
        E::Observed { reads, .. } => format!("The cluster was observed with {} reads", reads.len()),
        E::ObservationFailed { why, .. } => format!("The cluster could not be observed: {why}"),
        E::GuestClaimed { vmid, name, origin, .. } => match origin {
            Origin::Made { .. } => format!("Guest {name} ({vmid}) is ours: a run made it"),
            Origin::Adopted { .. } => format!("Guest {name} ({vmid}) is ours: a run adopted it"),
            Origin::Fixture {} => format!("Guest {name} ({vmid}) is ours: demonstration data"),
        },
        E::GuestReleased { vmid, .. } => format!("Guest {vmid} is no longer ours"),
        E::WritesFrozen { reason, .. } => format!("{who} froze all writes: {reason}"),
        E::WritesThawed { .. } => format!("{who} allowed writes again"),
        E::DriftSeen { drift } => {
            let by = drift.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
            let (name, field) = (&drift.name, &drift.field);
            format!("{name} drifted{by}: {field} is {}, declared {}", drift.observed, drift.declared)
        }
        E::DriftSettled { subject, field, how } => format!("{field} of {subject} no longer differs: {how}"),
        E::DriftLeftAlone { subject, field, left } => {
            format!("{who} left {field} of {subject} as it is: {}", left.why)
        }
        E::DriftUnjudged { subjects } => match subjects.len() {
            0 => "Everything that is in force could be compared".to_owned(),
            count => format!("Of {count} guests or storages nobody can tell whether they drifted"),
        },
        E::PutBackProposed { subject, plan, .. } => {
            format!("Putting {subject} back as declared was worked out in {}", steps(plan.steps.len()))
        }
        E::PutBackApproved { subject, by, .. } => match by {
            Some(_) => format!("{who} had {subject} put back as declared"),
            None => format!("{subject} is put back as declared, by the owner's rule"),
        },
    };
    (text, failed)
}

fn account_event(event: &account::Event, Names { who, person, .. }: &Names) -> (String, bool) {
    use account::Event as E;
    let text = match event {
        E::Registered { name, role, .. } => format!("{name} got an account as {}", role.as_str()),
        E::SignedIn {} => format!("{person} signed in"),
        E::SignInFailed {} => format!("A sign-in as {person} failed"),
        E::SignedOut {} => format!("{person} signed out"),
        E::PasswordChanged { .. } => format!("{who} changed the password of {person}"),
        E::RoleChanged { role, .. } => format!("{who} made {person} {}", role.as_str()),
        E::Disabled { .. } => format!("{who} disabled the account of {person}"),
        E::Enabled { .. } => format!("{who} enabled the account of {person}"),
    };
    (text, matches!(event, E::SignInFailed {}))
}

fn set(event: &settings::Event, Names { who, .. }: &Names) -> (String, bool) {
    use settings::Event as E;
    let text = match event {
        E::RulesSet { .. } => format!("{who} set the rules"),
        E::CredentialStored { name, fingerprint, .. } => {
            format!("{who} stored the credential {name} ({fingerprint})")
        }
        E::CredentialRotated { name, fingerprint, replaced, .. } => {
            format!("{who} replaced the credential {name} ({replaced}) by {fingerprint}")
        }
        E::CredentialRemoved { name, .. } => format!("{who} removed the credential {name}"),
        E::CredentialTestRequested { name, .. } => format!("{who} asked for a test of {name}"),
        E::CredentialChecked { name, check } => {
            let went = match check.outcome {
                settings::Outcome::Passed => "is well",
                settings::Outcome::Noted => "is to be noted",
                settings::Outcome::Failed => "failed",
            };
            format!("The test of {name}: {} {went}", check.what)
        }
        E::CredentialTested { name, passed: true } => format!("The test of {name} passed"),
        E::CredentialTested { name, passed: false } => format!("The test of {name} failed"),
        E::InterpreterScored { interpreter, score, .. } => format!(
            "{who} tried the interpreter {} {}: {} of {} declarations right",
            interpreter.provider, interpreter.model, score.right, score.asked
        ),
    };
    (text, matches!(event, E::CredentialTested { passed: false, .. }))
}

fn repository_event(event: &repository::Event, Names { who, .. }: &Names) -> (String, bool) {
    use repository::{Decision, Event as E};
    let short = |commit: &str| {
        let commit = commit.strip_prefix("rewritten:").unwrap_or(commit);
        commit.get(..8).unwrap_or(commit).to_owned()
    };
    match event {
        E::RefreshRequested { .. } => (format!("{who} asked to look at the repository now"), false),
        E::CommitSeen { commit, subject, plan, .. } => {
            let what = if plan.is_some() { "matches an approved plan" } else { "holds nothing to carry out" };
            (format!("Commit {} was seen and {what}: {subject}", short(commit)), false)
        }
        E::CommitQuarantined { commit, detail, .. } => {
            (format!("Commit {} was set aside: {detail}", short(commit)), true)
        }
        E::QuarantineDecided { commit, decision, .. } => {
            let what = match decision {
                Decision::Take => "take its English as a draft",
                Decision::Restore => "restore what was approved",
                Decision::Leave => "leave it as it is",
            };
            (format!("{who} decided about commit {}: {what}", short(commit)), false)
        }
        E::QuarantineSettled { commit, drafts, restored } => {
            let what = match (restored, drafts.len()) {
                (Some(restored), _) => {
                    format!("what was approved was restored by commit {}", short(restored))
                }
                (None, 0) => "nothing was to be done".to_owned(),
                (None, 1) => "its English is a draft".to_owned(),
                (None, many) => format!("its English is {many} drafts"),
            };
            (format!("Commit {} is settled: {what}", short(commit)), false)
        }
        E::DecisionFailed { commit, why } => {
            (format!("What was decided about commit {} cannot be done: {why}", short(commit)), true)
        }
        E::AnchorsDoubted { detail, .. } => {
            (format!("The repository and the log tell different histories: {detail}"), true)
        }
        E::AnchorsHeld {} => ("The repository and the log tell the same history again".to_owned(), false),
        E::PollFailed { why } => (format!("The repository does not answer: {why}"), true),
        E::PollRecovered {} => ("The repository answers again".to_owned(), false),
    }
}

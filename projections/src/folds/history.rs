//! History: one row for each event, with a sentence. Names are those at the time of the event.

use super::sentence::{Names, sentence, steps};
use crate::fold::{ERASED, HIDDEN, Known, Poison, Projection, Rows};
use crate::model::HistoryRow;
use domain::canonical::Digest;
use domain::event::{AnyEvent, Category};
use domain::ids::Vmid;
use domain::{account, cluster, declaration, repository, run, settings};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub struct History;

/// What sentences need to know of a declaration.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Subject {
    no: i64,
    /// The newest plan.
    plan: Option<PlanShown>,
}

#[derive(Clone, Serialize, Deserialize)]
struct PlanShown {
    digest: Digest,
    no: u32,
    steps: usize,
    guests: Vec<Vmid>,
}

impl PlanShown {
    /// "plan 2 with 5 steps".
    fn words(&self) -> String {
        format!("plan {} with {}", self.no, steps(self.steps))
    }
}

/// What sentences need to know of a run.
#[derive(Clone, Default, Serialize, Deserialize)]
struct RunSubject {
    no: i64,
    declaration: Option<i64>,
    /// The guest of each step.
    guests: Vec<Option<Vmid>>,
}

const DECLARATIONS: &str = "#declarations";
const RUNS: &str = "#runs";

fn person_key(id: Uuid) -> String {
    format!("person/{id}")
}

fn declaration_key(id: Uuid) -> String {
    format!("declaration/{id}")
}

fn run_key(id: Uuid) -> String {
    format!("run/{id}")
}

/// Positions sort as text in the order of numbers.
pub fn key(position: i64) -> String {
    format!("{position:020}")
}

impl Projection for History {
    fn name(&self) -> &'static str {
        "history"
    }

    fn version(&self) -> i32 {
        5
    }

    fn purpose(&self) -> &'static str {
        "one sentence for each event"
    }

    /// What the history page filters by.
    fn indexes(&self) -> &'static [&'static str] {
        &[
            "((doc::jsonb->>'person'), rank)",
            "((doc::jsonb->>'category'), rank)",
            "(((doc::jsonb->>'declaration_no')::bigint), rank)",
            "(((doc::jsonb->>'run_no')::bigint), rank)",
            "(rank) where (doc::jsonb->>'failed')::boolean",
            "using gin ((doc::jsonb->'guests') jsonb_path_ops)",
        ]
    }

    fn folds(&self, _: Category, _: &str) -> bool {
        true
    }

    fn keys(&self, event: &Known) -> Vec<String> {
        let mut keys = vec![key(event.position)];
        keys.extend(actor(event).map(person_key));
        match event.category {
            Category::Account => keys.push(person_key(event.id)),
            Category::Declaration => keys.extend([declaration_key(event.id), DECLARATIONS.into()]),
            Category::Run => {
                keys.extend([run_key(event.id), RUNS.into()]);
                if let Some(AnyEvent::Run(run::Event::RunStarted { declaration, .. })) = &event.event {
                    keys.push(declaration_key(declaration.0));
                }
            }
            Category::Cluster | Category::Settings | Category::Repository => {}
        }
        keys
    }

    fn apply(&self, event: &Known, rows: &mut Rows) -> Result<(), Poison> {
        self.learn(event, rows)?;
        let person = match actor(event) {
            Some(id) => rows.get::<String>(&person_key(id))?.unwrap_or_default(),
            None => String::new(),
        };
        let mut row = HistoryRow {
            position: event.position,
            at: event.at,
            category: event.category,
            stream: event.id,
            version: event.version,
            tag: event.tag.clone(),
            actor: actor(event),
            person: person.clone(),
            sentence: "This was erased.".to_owned(),
            failed: false,
            declaration_no: None,
            run_no: None,
            guests: event.event.as_ref().map(guests).unwrap_or_default(),
        };
        let mut subject = String::new();
        let mut plan = String::new();
        match event.category {
            Category::Declaration => {
                let known: Option<Subject> = rows.get(&declaration_key(event.id))?;
                row.declaration_no = known.as_ref().map(|known| known.no);
                subject = format!("declaration {}", row.declaration_no.unwrap_or_default());
                if let Some(digest) = event.event.as_ref().and_then(decided) {
                    let shown = known.and_then(|known| known.plan).filter(|plan| plan.digest == *digest);
                    plan =
                        shown.as_ref().map_or_else(|| format!("plan {}", digest.short()), PlanShown::words);
                    row.guests = shown.map(|plan| plan.guests).unwrap_or_default();
                }
            }
            Category::Run => {
                let known: RunSubject = rows.get(&run_key(event.id))?.unwrap_or_default();
                row.run_no = Some(known.no).filter(|no| *no > 0);
                row.declaration_no = known.declaration;
                subject = format!("run {}", known.no);
                let step = event.event.as_ref().and_then(step_of);
                row.guests.extend(step.and_then(|step| *known.guests.get(step)?));
            }
            _ => {}
        }
        row.guests.sort_unstable();
        row.guests.dedup();
        if let Some(fact) = &event.event {
            let about = match event.category {
                Category::Account => rows.get::<String>(&person_key(event.id))?.unwrap_or_default(),
                _ => String::new(),
            };
            let who = if person.is_empty() { "Somebody at the command line".to_owned() } else { person };
            let (text, failed) = sentence(fact, &Names { who, subject, plan, person: about });
            row.sentence = capital(text);
            row.failed = failed;
        }
        rows.put(&key(event.position), event.position, row)
    }
}

impl History {
    /// Numbers and names that later sentences need.
    fn learn(&self, event: &Known, rows: &mut Rows) -> Result<(), Poison> {
        match &event.event {
            Some(AnyEvent::Account(account::Event::Registered { name, .. })) => {
                rows.put(&person_key(event.id), HIDDEN, name.clone())
            }
            Some(AnyEvent::Declaration(declaration::Event::Drafted { .. })) => {
                let no = rows.count(DECLARATIONS)?;
                rows.put(&declaration_key(event.id), HIDDEN, Subject { no, plan: None })
            }
            Some(AnyEvent::Declaration(declaration::Event::PlanProposed { digest, plan, .. })) => rows
                .change(&declaration_key(event.id), |subject: &mut Subject| {
                    subject.plan = Some(PlanShown {
                        digest: digest.clone(),
                        no: plan.number,
                        steps: plan.steps_to_do().count(),
                        guests: plan.steps.iter().filter_map(|step| step.subject.vmid).collect(),
                    });
                    HIDDEN
                }),
            Some(AnyEvent::Run(run::Event::RunStarted { declaration, plan, .. })) => {
                let no = rows.count(RUNS)?;
                let of: Option<Subject> = rows.get(&declaration_key(declaration.0))?;
                let guests = plan.steps.iter().map(|step| step.subject.vmid).collect();
                rows.put(
                    &run_key(event.id),
                    HIDDEN,
                    RunSubject { no, declaration: of.map(|of| of.no), guests },
                )
            }
            None if event.version == 1 && event.category == Category::Declaration => {
                let no = rows.count(DECLARATIONS)?;
                rows.put(&declaration_key(event.id), HIDDEN, Subject { no, plan: None })
            }
            None if event.version == 1 && event.category == Category::Run => {
                let no = rows.count(RUNS)?;
                rows.put(&run_key(event.id), HIDDEN, RunSubject { no, ..RunSubject::default() })
            }
            None if event.version == 1 && event.category == Category::Account => {
                rows.put(&person_key(event.id), HIDDEN, ERASED.to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// Who did it: the event's own word where it has one, else what the writer noted.
fn actor(event: &Known) -> Option<Uuid> {
    use account::Event as A;
    use cluster::Event as C;
    use declaration::Event as D;
    use run::Event as R;
    use settings::Event as S;
    let said = match &event.event {
        Some(AnyEvent::Declaration(D::Drafted { author, .. })) => Some(*author),
        Some(AnyEvent::Declaration(
            D::Revised { by, .. }
            | D::PreviewRequested { by, .. }
            | D::QuestionAnswered { by, .. }
            | D::ApprovalRequested { by, .. }
            | D::Commented { by, .. }
            | D::PlanApproved { by, .. }
            | D::SentBack { by, .. }
            | D::CommitRequested { by, .. }
            | D::Withdrawn { by }
            | D::Retired { by, .. },
        )) => Some(*by),
        Some(AnyEvent::Run(
            R::RunResumed { by }
            | R::StopRequested { by }
            | R::StepSkipped { by, .. }
            | R::StepRetried { by, .. }
            | R::UndoApproved { by, .. },
        )) => Some(*by),
        Some(AnyEvent::Account(
            A::PasswordChanged { by, .. }
            | A::RoleChanged { by, .. }
            | A::Disabled { by }
            | A::Enabled { by },
        )) => Some(*by),
        Some(AnyEvent::Cluster(
            C::WritesFrozen { by, .. } | C::WritesThawed { by } | C::PutBackApproved { by, .. },
        )) => *by,
        Some(AnyEvent::Cluster(C::DriftLeftAlone { left, .. })) => Some(left.by),
        Some(AnyEvent::Settings(
            S::RulesSet { by, .. }
            | S::CredentialStored { by, .. }
            | S::CredentialRotated { by, .. }
            | S::CredentialRemoved { by, .. }
            | S::CredentialTestRequested { by, .. },
        )) => *by,
        Some(AnyEvent::Repository(repository::Event::RefreshRequested { by })) => Some(*by),
        _ => None,
    };
    said.map(|id| id.0).or(event.actor)
}

/// The plan that an event of a declaration is about, where it only names it.
fn decided(event: &AnyEvent) -> Option<&Digest> {
    use declaration::Event as D;
    match event {
        AnyEvent::Declaration(
            D::ApprovalRequested { plan, .. }
            | D::PlanApproved { plan, .. }
            | D::SentBack { plan, .. }
            | D::ApprovalExpired { plan, .. }
            | D::CommitRequested { plan, .. }
            | D::DeclarationCommitted { plan, .. }
            | D::CommitFailed { plan, .. }
            | D::PredictionScored { plan, .. },
        ) => Some(plan),
        _ => None,
    }
}

/// The step of the plan, from 0, that an event of a run is about.
fn step_of(event: &AnyEvent) -> Option<usize> {
    use run::Event as R;
    let AnyEvent::Run(event) = event else { return None };
    match event {
        R::CallSatisfied { at }
        | R::CallIssued { at, .. }
        | R::CallAnswered { at, .. }
        | R::CallFailed { at, .. }
        | R::CallUnknown { at, .. }
        | R::CallSettled { at, .. }
        | R::TaskStarted { at, .. }
        | R::TaskProgressed { at, .. }
        | R::TaskEnded { at, .. }
        | R::RetryScheduled { at, .. } => Some(at.step),
        R::StepSatisfied { step }
        | R::StepSucceeded { step }
        | R::StepFailed { step, .. }
        | R::StepSkipped { step, .. }
        | R::StepRetried { step, .. } => Some(*step),
        R::RunPaused { step, .. } | R::RunStopped { step, .. } => *step,
        R::RunStarted { .. }
        | R::RunResumed { .. }
        | R::StopRequested { .. }
        | R::UndoApproved { .. }
        | R::RunCompleted { .. } => None,
    }
}

fn guests(event: &AnyEvent) -> Vec<Vmid> {
    use cluster::Event as C;
    match event {
        AnyEvent::Cluster(C::GuestObserved { guest }) => vec![guest.vmid],
        AnyEvent::Cluster(
            C::GuestGone { vmid } | C::GuestClaimed { vmid, .. } | C::GuestReleased { vmid, .. },
        ) => vec![*vmid],
        AnyEvent::Cluster(C::DriftSeen { drift }) => drift.vmid.into_iter().collect(),
        AnyEvent::Cluster(
            C::DriftSettled { subject, .. }
            | C::DriftLeftAlone { subject, .. }
            | C::PutBackProposed { subject, .. }
            | C::PutBackApproved { subject, .. },
        ) => subject.strip_prefix("guest/").and_then(|id| id.parse().ok()).into_iter().collect(),
        AnyEvent::Declaration(declaration::Event::PlanProposed { plan, .. })
        | AnyEvent::Run(run::Event::RunStarted { plan, .. }) => {
            plan.steps.iter().filter_map(|step| step.subject.vmid).collect()
        }
        _ => vec![],
    }
}

fn capital(text: String) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => text,
    }
}

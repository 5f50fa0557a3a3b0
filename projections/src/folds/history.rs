//! History: one row for each event, with a sentence. Names are those at the time of the event.

use super::sentence::{Names, sentence};
use crate::fold::{HIDDEN, Known, Poison, Projection, Rows};
use crate::model::HistoryRow;
use domain::event::{AnyEvent, Category};
use domain::ids::Vmid;
use domain::{account, cluster, declaration, run};
use uuid::Uuid;

pub struct History;

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
        1
    }

    fn purpose(&self) -> &'static str {
        "one sentence for each event"
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
        match event.category {
            Category::Declaration => {
                row.declaration_no = rows.get(&declaration_key(event.id))?;
                subject = format!("declaration {}", row.declaration_no.unwrap_or_default());
            }
            Category::Run => {
                let known: Option<(i64, Option<i64>)> = rows.get(&run_key(event.id))?;
                row.run_no = known.map(|(no, _)| no);
                row.declaration_no = known.and_then(|(_, declaration)| declaration);
                subject = format!("run {}", row.run_no.unwrap_or_default());
            }
            _ => {}
        }
        if let Some(fact) = &event.event {
            let about = match event.category {
                Category::Account => rows.get::<String>(&person_key(event.id))?.unwrap_or_default(),
                _ => String::new(),
            };
            let who = if person.is_empty() { "Somebody at the command line".to_owned() } else { person };
            let (text, failed) = sentence(fact, &Names { who, subject, person: about });
            row.sentence = capital(text);
            row.failed = failed;
        }
        rows.put(&key(event.position), event.position, &row)
    }
}

impl History {
    /// Numbers and names that later sentences need.
    fn learn(&self, event: &Known, rows: &mut Rows) -> Result<(), Poison> {
        match &event.event {
            Some(AnyEvent::Account(account::Event::Registered { name, .. })) => {
                rows.put(&person_key(event.id), HIDDEN, name)
            }
            Some(AnyEvent::Declaration(declaration::Event::Drafted { .. })) => {
                let no = rows.count(DECLARATIONS)?;
                rows.put(&declaration_key(event.id), HIDDEN, &no)
            }
            Some(AnyEvent::Run(run::Event::RunStarted { declaration, .. })) => {
                let no = rows.count(RUNS)?;
                let of: Option<i64> = rows.get(&declaration_key(declaration.0))?;
                rows.put(&run_key(event.id), HIDDEN, &(no, of))
            }
            None if event.version == 1 && event.category == Category::Declaration => {
                rows.count(DECLARATIONS).map(drop)
            }
            None if event.version == 1 && event.category == Category::Run => rows.count(RUNS).map(drop),
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
        Some(AnyEvent::Run(R::RunResumed { by } | R::StopRequested { by } | R::StepSkipped { by, .. })) => {
            Some(*by)
        }
        Some(AnyEvent::Account(
            A::PasswordChanged { by, .. }
            | A::RoleChanged { by, .. }
            | A::Disabled { by }
            | A::Enabled { by },
        )) => Some(*by),
        Some(AnyEvent::Cluster(C::WritesFrozen { by, .. } | C::WritesThawed { by })) => *by,
        _ => None,
    };
    said.map(|id| id.0).or(event.actor)
}

fn guests(event: &AnyEvent) -> Vec<Vmid> {
    use cluster::Event as C;
    match event {
        AnyEvent::Cluster(C::GuestObserved { guest }) => vec![guest.vmid],
        AnyEvent::Cluster(
            C::GuestGone { vmid } | C::GuestClaimed { vmid, .. } | C::GuestReleased { vmid, .. },
        ) => vec![*vmid],
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

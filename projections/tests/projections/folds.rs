//! Each fold is a pure function of the events: what the story leaves behind, and that grouping changes nothing.

use crate::story::{self, ADA, BO, FIRST, Fact, RUN, SECOND, at};
use domain::event::AnyEvent;
use projections::fold::{Known, Projection, Row, Rows};
use projections::folds;
use projections::limits::TASK_LINES_KEPT;
use projections::model::{
    Account, AttemptOutcome, ClusterMeta, CommitRow, DeclarationRow, DeclarationStatus, GuestRow, HistoryRow,
    PlanRow, PreviewOutcome, RunRow, RunStatus, SettingsRow, StepStatus,
};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

type Table = BTreeMap<String, Row>;

/// Folds in groups as the projector does: loads what is stored, folds, stores what changed.
fn fold_in_groups(projection: &dyn Projection, events: &[Known], group: usize) -> Table {
    let mut table = Table::new();
    for group in events.chunks(group) {
        let mut rows = Rows::default();
        for event in group {
            for key in projection.keys(event) {
                let stored = table.get(&key).cloned();
                rows.load(key, stored);
            }
            if projection.folds(event.category, event.tag.split(".v").next().unwrap()) {
                projection.apply(event, &mut rows).unwrap();
            }
        }
        for (key, row) in rows.settle().unwrap() {
            match row {
                Some(row) => table.insert(key, row),
                None => table.remove(&key),
            };
        }
    }
    table
}

fn fold(name: &str, facts: &[Fact]) -> Table {
    fold_in_groups(folds::named(name).unwrap().as_ref(), &story::known(facts), 1)
}

fn read<T: DeserializeOwned>(table: &Table, key: impl std::fmt::Display) -> T {
    let row = table.get(&key.to_string()).unwrap_or_else(|| panic!("no row {key}"));
    serde_json::from_str(&row.doc).unwrap()
}

#[test]
fn however_events_are_grouped_the_rows_are_the_same_byte_for_byte() {
    let events = story::known(&story::whole());
    for projection in folds::all() {
        let singly = fold_in_groups(projection.as_ref(), &events, 1);
        assert!(!singly.is_empty(), "{} folds something", projection.name());
        for group in [2, 3, 7, events.len()] {
            let grouped = fold_in_groups(projection.as_ref(), &events, group);
            assert_eq!(grouped, singly, "{} in groups of {group}", projection.name());
        }
    }
}

#[test]
fn a_declaration_shows_its_previews_decisions_and_runs() {
    let table = fold("declarations", &story::whole());
    let row: DeclarationRow = read(&table, FIRST);
    assert_eq!((row.no, row.status, row.author), (1, DeclarationStatus::Committed, BO));
    assert_eq!((row.plan_no, row.runs.as_slice(), row.comments.len()), (Some(2), &[1][..], 1));
    let [one, two] = row.previews.as_slice() else { panic!("two previews") };
    assert_eq!((one.stages.len(), one.took_ms), (4, Some(7)));
    assert_eq!(one.outcome, Some(PreviewOutcome::Plan { no: 1 }));
    assert_eq!(two.outcome, Some(PreviewOutcome::Plan { no: 2 }));
    let approved = row.approved.unwrap();
    assert_eq!((approved.by, approved.alone, approved.digest), (ADA, false, story::plan(2).digest()));
    assert_eq!(row.committed.unwrap().commit.as_deref(), Some("c0ffee0123456789"));
    assert_eq!(row.subjects, ["scratch"]);
    let second: DeclarationRow = read(&table, SECOND);
    assert_eq!((second.no, second.status), (2, DeclarationStatus::Draft));
    let plans = fold("plans", &story::whole());
    let plan: PlanRow = read(&plans, format!("{FIRST}/2"));
    assert_eq!((plan.no, plan.plan), (2, story::plan(2)));
    assert_eq!(plans.len(), 2);
}

#[test]
fn a_run_shows_every_attempt_and_wait() {
    let row: RunRow = read(&fold("runs", &story::whole()), RUN);
    assert_eq!((row.no, row.declaration_no, row.title.as_str(), row.plan_no), (1, 1, "Scratch", 2));
    assert_eq!((row.status, row.done, row.already), (RunStatus::Completed, 1, 1));
    assert_eq!(row.approved.map(|(by, _)| by), Some(ADA));
    let [first, second] = row.steps.as_slice() else { panic!("two steps") };
    assert_eq!((first.status, second.status), (StepStatus::Done, StepStatus::Already));
    let [clone, config] = first.calls.as_slice() else { panic!("two calls") };
    let [failed, answered] = clone.attempts.as_slice() else { panic!("two attempts") };
    assert!(matches!(&failed.outcome, AttemptOutcome::Failed { transient: true, .. }), "{failed:?}");
    assert_eq!((failed.status, failed.ms), (Some(500), Some(12)));
    assert_eq!(
        (answered.no, &answered.outcome, answered.status),
        (2, &AttemptOutcome::Answered {}, Some(200))
    );
    assert_eq!(answered.settled.as_deref(), Some("the guest is there"));
    let [wait] = clone.waits.as_slice() else { panic!("one wait") };
    assert_eq!((wait.attempt, wait.wait_ms, wait.not_before), (2, 1_000, at(99)));
    assert_eq!((clone.lines.len(), clone.lines_cut), (TASK_LINES_KEPT, true));
    assert_eq!(clone.lines.last().map(String::as_str), Some("line 229"));
    assert!(config.already && config.done && config.attempts.is_empty());
}

#[test]
fn people_cluster_repository_and_settings_are_as_last_told() {
    let facts = story::whole();
    let accounts = fold("accounts", &facts);
    let (ada, bo): (Account, Account) = (read(&accounts, ADA), read(&accounts, BO));
    assert_eq!((ada.failed_sign_ins, ada.last_sign_in), (1, None));
    assert_eq!((bo.failed_sign_ins, bo.last_sign_in), (0, Some(at(4))));
    assert!(!format!("{ada:?}").contains("argon2"), "a hash is not printed");

    let cluster = fold("cluster", &facts);
    let meta: ClusterMeta = read(&cluster, "meta");
    assert_eq!((meta.name.as_str(), meta.demo), ("lab", true));
    assert_eq!(meta.frozen.unwrap().reason, "a storm");
    let guest: GuestRow = read(&cluster, "guest/200");
    assert_eq!((guest.seen, guest.claim.is_none()), (Some(story::guest(false)), true));

    let repository = fold("repository", &facts);
    let commits: Vec<CommitRow> = repository
        .iter()
        .filter(|(key, _)| key.starts_with("commit/"))
        .map(|(_, row)| serde_json::from_str(&row.doc).unwrap())
        .collect();
    assert_eq!(commits.len(), 1);
    assert_eq!(commits[0].declaration, Some(FIRST));
    let settings: SettingsRow = read(&fold("settings", &facts), "settings");
    assert_eq!(settings.credentials[0].fingerprint, "ab12");
}

#[test]
fn history_tells_who_did_what_to_what() {
    let facts = story::whole();
    let table = fold("history", &facts);
    let told: Vec<HistoryRow> = table
        .values()
        .filter(|row| row.rank > 0)
        .map(|row| serde_json::from_str(&row.doc).unwrap())
        .collect();
    assert_eq!(told.len(), facts.len());
    let find = |words: &str| {
        told.iter().find(|row| row.sentence.contains(words)).unwrap_or_else(|| panic!("{words}: {told:#?}"))
    };
    let approved = find("Ada approved declaration 1, plan 2 with 2 steps");
    assert_eq!((approved.person.as_str(), approved.declaration_no), ("Ada", Some(1)));
    assert_eq!(approved.guests, [200]);
    let failed = find("can't lock file");
    assert_eq!((failed.failed, failed.run_no, failed.declaration_no), (true, Some(1), Some(1)));
    assert_eq!(failed.guests, [200], "the guest of the step");
    assert_eq!(find("Ada stored the credential proxmox").person, "Ada");
    assert_eq!(find("Ada asked to look at the repository now").person, "Ada");
    assert_eq!(find("Run 1 completed").sentence, "Run 1 completed: 1 step done, 1 already so");
}

#[test]
fn numbers_stay_when_a_subject_is_erased() {
    let mut events = story::known(&story::whole());
    let erased = [FIRST.0, RUN.0];
    events.iter_mut().filter(|event| erased.contains(&event.id)).for_each(|event| event.event = None);
    let next = story::known(&[story::ran(domain::run::Event::RunStarted {
        declaration: SECOND,
        digest: story::plan(1).digest(),
        commit: "c1".into(),
        plan: Box::new(story::plan(1)),
        cause: Default::default(),
    })]);
    let position = events.len() as i64 + 1;
    let id = uuid::Uuid::from_u128(0x42);
    events.extend(next.into_iter().map(|event| Known { position, id, ..event }));
    let fold = |name: &str| fold_in_groups(folds::named(name).unwrap().as_ref(), &events, 5);
    let declaration: DeclarationRow = read(&fold("declarations"), SECOND);
    let run: RunRow = read(&fold("runs"), id);
    assert_eq!((declaration.no, declaration.runs.as_slice()), (2, &[2][..]));
    assert_eq!((run.no, run.declaration_no), (2, 2));
    let told: HistoryRow = read(&fold("history"), format!("{position:020}"));
    assert_eq!((told.run_no, told.declaration_no), (Some(2), Some(2)));
    assert!(events.iter().any(|event| matches!(&event.event, Some(AnyEvent::Account(_)))));
}

#[test]
fn the_reading_of_another_interpreter_is_kept_until_the_text_changes() {
    use domain::declaration::Event as D;
    use domain::interpretation::{Interpretation, Kind};
    let read_by = |preview: u32, model: &str, kind: Kind| {
        let requested = story::declared(FIRST, D::PreviewRequested { by: BO, preview });
        let interpreter = domain::plan::InterpreterIdentity {
            provider: "openai".into(),
            model: model.into(),
            version: "1".into(),
        };
        let interpretation = Box::new(Interpretation::empty(kind));
        [
            requested,
            story::declared(FIRST, D::Interpreted { preview, interpreter, interpretation, took_ms: 1 }),
        ]
    };
    let mut facts = vec![story::drafted(FIRST, "A VM", "A VM.")];
    let before = |facts: &[Fact]| {
        let row: DeclarationRow = read(&fold("declarations", facts), FIRST);
        row.read_before.map(|reading| (reading.interpreter.model, reading.interpretation.kind))
    };
    facts.extend(read_by(1, "small", Kind::Question));
    assert_eq!(before(&facts), None, "nobody read it before");
    facts.extend(read_by(2, "large", Kind::Desired));
    assert_eq!(before(&facts), Some(("small".into(), Kind::Question)));
    facts.extend(read_by(3, "large", Kind::Desired));
    assert_eq!(before(&facts), Some(("small".into(), Kind::Question)), "another preview hides no difference");
    facts.push(story::declared(FIRST, story::revised("A VM", "Two VMs.")));
    facts.extend(read_by(4, "small", Kind::Desired));
    assert_eq!(before(&facts), None, "of other words, other meanings are no difference");
}

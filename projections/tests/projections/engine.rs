//! The live projector: exactly once, and each projection for itself.

use crate::story::{self, ADA, FIRST, RUN};
use crate::support::{Lab, PATIENCE, reached};
use domain::event::Category;
use eventstore::EventLog;
use projections::fold::{Doc, HIDDEN, Known, Poison, Projection, Rows};
use projections::{DeclarationFilter, HistoryFilter, ReadError, RunFilter, State, rebuild};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Keeps the positions it folded, in order: whatever is folded twice or left out shows. May stop at one of them.
pub struct Tally {
    pub name: &'static str,
    pub stops_at: i64,
    pub mended: Arc<AtomicBool>,
}

impl Tally {
    pub fn steady(name: &'static str) -> Arc<dyn Projection> {
        Self::stopping(name, 0, &Arc::default())
    }

    pub fn stopping(name: &'static str, stops_at: i64, mended: &Arc<AtomicBool>) -> Arc<dyn Projection> {
        Arc::new(Self { name, stops_at, mended: mended.clone() })
    }
}

impl Projection for Tally {
    fn name(&self) -> &'static str {
        self.name
    }

    fn version(&self) -> i32 {
        1
    }

    fn purpose(&self) -> &'static str {
        "a test"
    }

    fn folds(&self, category: Category, _: &str) -> bool {
        category == Category::Declaration
    }

    fn keys(&self, _: &Known) -> Vec<String> {
        vec!["all".into()]
    }

    fn apply(&self, event: &Known, rows: &mut Rows) -> Result<(), Poison> {
        let mut all: Vec<i64> = rows.get("all")?.unwrap_or_default();
        all.push(event.position);
        rows.put("all", HIDDEN, all)?;
        if event.position == self.stops_at && !self.mended.load(Ordering::SeqCst) {
            return Err(Poison("it cannot be read".into()));
        }
        Ok(())
    }
}

pub async fn stored<T: Doc>(lab: &Lab, table: &str, key: &str) -> Option<T> {
    let select = format!("select doc from read.{table} where key = $1");
    let doc: Option<String> =
        sqlx::query_scalar(&select).bind(key).fetch_optional(lab.reader.pool()).await.unwrap();
    doc.map(|doc| serde_json::from_str(&doc).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_answered_from_the_story() {
    let lab = Lab::new().await;
    let projector = lab.projector().await;
    let mut changes = projector.changed();
    let last = lab.record(&story::whole()).await;
    lab.caught_up(last).await;
    reached(&projector, last).await;
    let mut told = Vec::new();
    while let Ok(change) = tokio::time::timeout(PATIENCE, changes.recv()).await.expect("changes are told") {
        told.extend(change.touched);
        if change.position >= last {
            break;
        }
    }
    assert!(
        told.contains(&("runs", RUN.to_string())) && told.contains(&("cluster", "guest/200".into())),
        "{told:?}"
    );

    let reader = &lab.reader;
    let (all, total) = reader.declarations(&DeclarationFilter::default(), 0, 1).await.unwrap();
    assert_eq!((all.len(), total, all[0].no), (1, 2, 2));
    assert_eq!(reader.declarations(&DeclarationFilter::default(), 9, 10).await.unwrap(), (vec![], 2));
    let word = DeclarationFilter { word: Some("DEBIAN vm".into()), ..Default::default() };
    assert_eq!(reader.declarations(&word, 0, 10).await.unwrap().0[0].id, FIRST);
    assert_eq!(reader.declaration_no(1).await.unwrap().unwrap().id, FIRST);
    assert_eq!(reader.plans_of(FIRST).await.unwrap().iter().map(|plan| plan.no).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(reader.run_by_id(RUN).await.unwrap(), reader.run(1).await.unwrap());
    let completed = RunFilter {
        status: Some(projections::model::RunStatus::Completed),
        declaration: Some(FIRST),
        since: Some(chrono::DateTime::UNIX_EPOCH),
    };
    assert_eq!(reader.runs_where(&completed, 0, 10).await.unwrap().1, 1);
    let paused = RunFilter { status: Some(projections::model::RunStatus::Paused), ..Default::default() };
    assert_eq!(reader.runs_where(&paused, 0, 10).await.unwrap(), (vec![], 0));
    assert_eq!(reader.account_by_name("ada").await.unwrap().unwrap().id, ADA);
    assert_eq!(reader.active_admins().await.unwrap().len(), 1);
    assert_eq!(reader.cluster().await.unwrap().guests[0].vmid, 200);
    assert_eq!(reader.guest(200).await.unwrap().unwrap().seen, Some(story::guest(false)));
    assert_eq!(reader.repository().await.unwrap().failing.unwrap().0, "no route");

    let of = |filter: HistoryFilter| async move { reader.history(&filter, 200).await.unwrap() };
    let by_ada = of(HistoryFilter { person: Some("Ada".into()), ..Default::default() }).await;
    assert!(by_ada.len() > 3 && by_ada.iter().all(|row| row.person == "Ada"));
    assert!(by_ada.is_sorted_by_key(|row| -row.position), "newest first");
    let failed = of(HistoryFilter { failed: true, run_no: Some(1), ..Default::default() }).await;
    assert_eq!(failed.len(), 1);
    let guest =
        of(HistoryFilter { guest: Some(200), category: Some(Category::Run), ..Default::default() }).await;
    assert!(guest.len() > 10 && guest.iter().all(|row| row.run_no == Some(1)));
    let before = of(HistoryFilter { before: Some(3), declaration_no: None, ..Default::default() }).await;
    assert_eq!(before.iter().map(|row| row.position).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(reader.history_at(1).await.unwrap().unwrap().sentence, "Ada got an account as admin");
    projector.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_projectors_fold_each_event_once() {
    let lab = Lab::new().await;
    let (one, two) = tokio::join!(
        lab.projector_of(vec![Tally::steady("tally")]),
        lab.projector_of(vec![Tally::steady("tally")])
    );
    let mut facts = Vec::new();
    for n in 0..40 {
        facts.push(story::drafted(domain::ids::DeclarationId(uuid::Uuid::new_v4()), &format!("t{n}"), "x"));
        facts.push(story::registered(
            domain::ids::AccountId(uuid::Uuid::new_v4()),
            "n",
            domain::account::Role::User,
        ));
    }
    let last = lab.record(&facts).await;
    reached(&one, last).await;
    reached(&two, last).await;
    let all: Vec<i64> = stored(&lab, "tally", "all").await.unwrap();
    assert_eq!(all, (1..=last).step_by(2).collect::<Vec<_>>());
    one.stop().await;
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_cannot_be_folded_stops_only_its_projection_and_changes_nothing() {
    let lab = Lab::new().await;
    let mended = Arc::new(AtomicBool::new(false));
    let bad = Tally::stopping("bad", 3, &mended);
    let live = lab.projector_of(vec![bad.clone(), Tally::steady("good")]).await;
    let draft = |n: u128| story::drafted(domain::ids::DeclarationId(uuid::Uuid::from_u128(n)), "t", "x");
    let last = lab.record(&(1..=5).map(draft).collect::<Vec<_>>()).await;
    reached(&live, last).await;
    assert_eq!(stored(&lab, "good", "all").await, Some(vec![1_i64, 2, 3, 4, 5]));
    let state: (i64, Option<i64>, Option<String>) = sqlx::query_as(
        "select position, poison_position, poison from read.checkpoints where projection = 'bad'",
    )
    .fetch_one(lab.reader.pool())
    .await
    .unwrap();
    assert_eq!(
        state,
        (2, Some(3), Some("it cannot be read".into())),
        "it stands before the event and says why"
    );
    assert_eq!(stored(&lab, "bad", "all").await, Some(vec![1_i64, 2]), "the event left no half change");
    let told = live.status().wait_for(|all| all.iter().all(|one| one.position >= 2)).await.unwrap().clone();
    let of = |name: &str| told.iter().find(|status| status.name == name).unwrap().clone();
    assert_eq!(of("bad").state, State::Stopped { at: 3, why: "it cannot be read".into() });
    assert_eq!((of("bad").position, of("bad").behind, &of("good").state), (2, 3, &State::Well {}));
    assert!(of("good").age_us.is_some_and(|age| age > 0));

    // A program that stops at it again stops in the same place; a rebuild does not get past it either.
    live.stop().await;
    let live = lab.projector_of(vec![bad.clone(), Tally::steady("good")]).await;
    let (store, pool) = (&lab.store, lab.reader.pool());
    let refused =
        rebuild::rebuild_with(store, pool, &lab.keyring, bad.clone(), &Default::default(), |_| {}).await;
    assert!(matches!(refused, Err(ReadError::Poisoned { position: 3, .. })), "{refused:?}");
    // Once it can be folded, a rebuild by anybody sets the live one going again.
    mended.store(true, Ordering::SeqCst);
    rebuild::rebuild_with(store, pool, &lab.keyring, bad, &Default::default(), |_| {}).await.unwrap();
    let last = lab.record(&[draft(6)]).await;
    let whole = async {
        let mut changes = live.changed();
        while stored::<Vec<i64>>(&lab, "bad", "all").await.unwrap().len() < 6 {
            let _ = changes.recv().await;
        }
    };
    tokio::time::timeout(PATIENCE, whole).await.expect("it goes on");
    assert_eq!(stored(&lab, "bad", "all").await, Some((1..=last).collect::<Vec<_>>()));
    live.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_nobody_understands_stops_only_those_that_fold_its_kind() {
    let lab = Lab::new().await;
    let projector = lab.projector().await;
    lab.record(&[story::registered(ADA, "Ada", domain::account::Role::Admin)]).await;
    let bad = lab.record_nonsense(Category::Settings, domain::ids::SETTINGS, "settings.unheard_of").await;
    let last = lab.record(&[story::drafted(FIRST, "Scratch", story::TEXT)]).await;
    reached(&projector, last).await;
    for status in lab.reader.status(&lab.store).await.unwrap() {
        match (status.name, status.state) {
            ("settings" | "history", State::Stopped { at, .. }) => assert_eq!((at, status.behind), (bad, 2)),
            (_, State::Well {}) => assert_eq!(status.behind, 0, "{}", status.name),
            (name, state) => panic!("{name}: {state:?}"),
        }
    }
    for (name, at) in lab.reader.positions().await.unwrap() {
        let at = at.unwrap();
        match name {
            "settings" | "history" => {
                assert_eq!(
                    (at.position, at.poison.map(|(position, _)| position)),
                    (bad - 1, Some(bad)),
                    "{name}"
                );
            }
            _ => assert_eq!((at.position, at.poison), (last, None), "{name}"),
        }
    }
    assert!(lab.reader.wait_for(last, Duration::ZERO).await.unwrap(), "those that are well are there");
    projector.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_somebody_holds_does_not_hold_up_the_others() {
    let lab = Lab::new().await;
    let projector = lab.projector_of(vec![Tally::steady("held"), Tally::steady("free")]).await;
    lab.record(&[story::drafted(FIRST, "t", "x")]).await;
    reached(&projector, 1).await;
    let owner = lab.owner().await;
    owner.batch_execute("begin; lock table read.held in access exclusive mode").await.unwrap();
    let draft = |n: u128| story::drafted(domain::ids::DeclarationId(uuid::Uuid::from_u128(n)), "t", "x");
    lab.record(&[draft(1), draft(2)]).await;
    let free = async {
        while stored::<Vec<i64>>(&lab, "free", "all").await.unwrap().len() < 3 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, free).await.expect("the other one goes on");
    owner.batch_execute("commit").await.unwrap();
    reached(&projector, 3).await;
    assert_eq!(stored(&lab, "held", "all").await, Some(vec![1_i64, 2, 3]));
    projector.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_ends_at_the_position_or_at_the_limit() {
    let lab = Lab::new().await;
    assert!(!lab.reader.wait_for(0, Duration::ZERO).await.unwrap(), "nothing is made yet");
    let projector = lab.projector().await;
    let last = lab.record(&[story::drafted(FIRST, "t", "x")]).await;
    lab.caught_up(last).await;
    assert_eq!(lab.reader.declaration(FIRST).await.unwrap().unwrap().position, last);
    assert!(!lab.reader.wait_for(last + 1, Duration::from_millis(20)).await.unwrap());
    assert_eq!(lab.store.head().await.unwrap().position, last);
    projector.stop().await;
}

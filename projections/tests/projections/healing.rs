//! Read models may be dropped at any time: while nobody looks, under a live projector, or by a newer program.

use crate::engine::{Tally, stored};
use crate::story::{self, FIRST};
use crate::support::{Lab, reached};
use projections::fold::{HIDDEN, Known, Poison, Projection, Rows};
use std::sync::Arc;

pub const DROP: &str =
    "drop schema read cascade; create schema read; grant usage, create on schema read to mycopod_app";

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_schema_heals_at_the_next_start() {
    let lab = Lab::new().await;
    let last = lab.record(&story::whole()).await;
    let projector = lab.projector().await;
    reached(&projector, last).await;
    let (cluster, declaration) =
        (lab.reader.cluster().await.unwrap(), lab.reader.declaration(FIRST).await.unwrap());
    projector.stop().await;
    lab.owner().await.batch_execute(DROP).await.unwrap();
    assert_eq!(lab.reader.declaration(FIRST).await.unwrap(), None, "what is not made reads as empty");
    assert!(lab.reader.positions().await.unwrap().iter().all(|(_, at)| at.is_none()));
    let projector = lab.projector().await;
    reached(&projector, last).await;
    assert_eq!(lab.reader.cluster().await.unwrap(), cluster);
    assert_eq!(lab.reader.declaration(FIRST).await.unwrap(), declaration);
    projector.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_dropped_under_a_live_projector_heals_with_the_next_events() {
    let lab = Lab::new().await;
    let projector = lab.projector().await;
    let facts = story::whole();
    let (early, late) = facts.split_at(facts.len() - 8);
    reached(&projector, lab.record(early).await).await;
    lab.owner().await.batch_execute(DROP).await.unwrap();
    let last = lab.record(late).await;
    lab.caught_up(last).await;
    let run = lab.reader.run(1).await.unwrap().unwrap();
    assert_eq!((run.no, run.done, run.already), (1, 1, 1));
    assert_eq!(lab.reader.declarations(&Default::default(), 0, 10).await.unwrap().1, 2);
    projector.stop().await;
}

/// [`Tally`] as a later program has it: it writes positions with a minus.
struct Later(Arc<dyn Projection>);

impl Projection for Later {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn version(&self) -> i32 {
        self.0.version() + 1
    }

    fn purpose(&self) -> &'static str {
        self.0.purpose()
    }

    fn folds(&self, category: domain::event::Category, type_name: &str) -> bool {
        self.0.folds(category, type_name)
    }

    fn keys(&self, event: &Known) -> Vec<String> {
        self.0.keys(event)
    }

    fn apply(&self, event: &Known, rows: &mut Rows) -> Result<(), Poison> {
        let mut all: Vec<i64> = rows.get("all")?.unwrap_or_default();
        all.push(-event.position);
        rows.put("all", HIDDEN, all)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_program_builds_its_own_and_the_older_one_lets_go() {
    let lab = Lab::new().await;
    let draft = |n: u128| story::drafted(domain::ids::DeclarationId(uuid::Uuid::from_u128(n)), "t", "x");
    lab.record(&[draft(1)]).await;
    let old = lab.projector_of(vec![Tally::steady("tally"), Tally::steady("other")]).await;
    reached(&old, 1).await;
    let new = lab.projector_of(vec![Arc::new(Later(Tally::steady("tally")))]).await;
    let last = lab.record(&[draft(2), draft(3)]).await;
    reached(&new, last).await;
    // The older one reports this only when it has given up the table and gone on with the other.
    reached(&old, last).await;
    new.stop().await;
    let last = lab.record(&[draft(4)]).await;
    reached(&old, last).await;
    assert_eq!(stored(&lab, "other", "all").await, Some(vec![1_i64, 2, 3, 4]));
    assert_eq!(
        stored(&lab, "tally", "all").await,
        Some(vec![-1_i64, -2, -3]),
        "the older one writes nothing"
    );
    let kept: (i32, i32) =
        sqlx::query_as("select version, generation from read.checkpoints where projection = 'tally'")
            .fetch_one(lab.reader.pool())
            .await
            .unwrap();
    assert_eq!(kept, (2, 2), "made once by the newer program, never taken back");
    old.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_knows_more_than_the_log_is_made_anew() {
    let lab = Lab::new().await;
    let last = lab.record(&[story::drafted(FIRST, "t", "x")]).await;
    let projector = lab.projector_of(vec![Tally::steady("tally")]).await;
    reached(&projector, last).await;
    projector.stop().await;
    let forged = "update read.checkpoints set position = 900; update read.tally set doc = '[1,900]'";
    lab.owner().await.batch_execute(forged).await.unwrap();
    let projector = lab.projector_of(vec![Tally::steady("tally")]).await;
    reached(&projector, last).await;
    assert_eq!(stored(&lab, "tally", "all").await, Some(vec![1_i64]));
    projector.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_database_cannot_hold_stops_nothing() {
    let lab = Lab::new().await;
    let projector = lab.projector().await;
    let last = lab.record(&[story::drafted(FIRST, "a\0b", "nul \0 in the text, and \\u0000 as typed")]).await;
    lab.caught_up(last).await;
    let word = projections::DeclarationFilter { word: Some("\\u0000 as typed".into()), ..Default::default() };
    let (found, _) = lab.reader.declarations(&word, 0, 10).await.unwrap();
    assert_eq!(found[0].title, "a\u{fffd}b");
    let none = projections::DeclarationFilter { word: Some("\0x".into()), ..Default::default() };
    assert_eq!(lab.reader.declarations(&none, 0, 10).await.unwrap().1, 0);
    let filter = projections::HistoryFilter { declaration_no: Some(1), ..Default::default() };
    assert_eq!(lab.reader.history(&filter, 10).await.unwrap().len(), 1);
    projector.stop().await;
}

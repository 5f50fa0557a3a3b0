//! Killed for good at each of its points, a rebuild loses nothing and a projector folds each event once.

use crate::support::{Lab, PATIENCE, reached};
use projections::rebuild::{Options, rebuild_with};
use projections::{as_of, folds};
use secrets::{KeyRing, Secret};
use std::path::Path;
use std::process::{Command, ExitStatus};

const VICTIM: &str = "kill::a_rebuild_that_nobody_kills_runs_to_its_end";
const MODEL: &str = "declarations";

async fn rebuild(lab: &Lab) {
    let options = Options { compare: true, memory_bytes_max: 16 * 1024, ..Options::default() };
    let projection = folds::named(MODEL).unwrap();
    rebuild_with(&lab.store, lab.reader.pool(), &lab.keyring, projection, &options, |_| {}).await.unwrap();
}

/// Also what the process does that is killed: then database and key ring are those of the test that kills it.
#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_nobody_kills_runs_to_its_end() {
    let Some(url) = std::env::var_os("MYCOPOD_TEST_URL") else {
        let lab = Lab::new().await;
        let last = lab.record_revisions(20, 5).await;
        let projector = lab.projector().await;
        reached(&projector, last).await;
        projector.stop().await;
        rebuild(&lab).await;
        assert_eq!(lab.reader.declarations(&Default::default(), 0, 1).await.unwrap().1, 20);
        return;
    };
    let ring = KeyRing::load(Path::new(&std::env::var_os("MYCOPOD_TEST_RING").unwrap())).unwrap();
    let url = || Secret::new(url.to_str().unwrap().to_owned());
    let lab = Lab::open(url(), url(), ring).await;
    match std::env::var_os("MYCOPOD_TEST_FOLLOW") {
        Some(_) => {
            let _projector = lab.projector().await;
            std::future::pending::<()>().await;
        }
        None => rebuild(&lab).await,
    }
}

/// Runs the victim until it is killed at a point, or ends.
async fn victim(lab: &Lab, ring: &Path, point: &'static str, follow: bool) -> ExitStatus {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", VICTIM])
        .env("MYCOPOD_TEST_URL", lab.url.expose())
        .env("MYCOPOD_TEST_RING", ring);
    command.env("MYCOPOD_KILL_AT", point);
    if follow {
        command.env("MYCOPOD_TEST_FOLLOW", "1");
    }
    command.stdout(std::process::Stdio::null());
    tokio::task::spawn_blocking(move || command.status().unwrap()).await.unwrap()
}

fn was_killed(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt;
    status.signal() == Some(9)
}

/// The live table and its checkpoint.
async fn live(lab: &Lab) -> (String, i64, i32) {
    let select =
        "select (select md5(string_agg(key || rank || doc, '|' order by key)) from read.declarations),
                         position, generation from read.checkpoints where projection = 'declarations'";
    sqlx::query_as(select).fetch_one(lab.reader.pool()).await.unwrap()
}

async fn lab_with_ring(folder: &Path) -> (Lab, std::path::PathBuf) {
    let folder = folder.join("keys");
    secrets::files::ensure_folder(&folder).unwrap();
    let path = folder.join("keyring");
    let ring = KeyRing::create_if_missing(&path).unwrap();
    (Lab::with_ring(ring).await, path)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_killed_at_any_point_leaves_the_live_model_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (lab, ring) = lab_with_ring(folder.path()).await;
    let last = lab.record_revisions(60, 50).await;
    let projector = lab.projector().await;
    reached(&projector, last).await;
    let before = live(&lab).await;
    let points = [
        "begun",
        "folding",
        "spilled",
        "copied",
        "indexed",
        "analysed",
        "compared",
        "caught_up",
        "held",
        "swapping",
    ];
    for point in points {
        assert!(was_killed(victim(&lab, &ring, point, false).await), "{point} is passed");
        assert_eq!(live(&lab).await, before, "{point}");
        assert_eq!(lab.reader.declarations(&Default::default(), 0, 1).await.unwrap().1, 60, "{point}");
    }
    // The projector never noticed.
    let next = lab.record_revisions_on(3).await;
    reached(&projector, next).await;
    let before = live(&lab).await;
    assert!(was_killed(victim(&lab, &ring, "swapped", false).await));
    let (rows, position, generation) = live(&lab).await;
    assert_eq!((&rows, position, generation), (&before.0, before.1, before.2 + 1), "it was done");
    let next = lab.record_revisions_on(3).await;
    lab.caught_up(next).await;
    assert!(victim(&lab, &ring, "", false).await.success(), "and one that is not killed compares and swaps");
    projector.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn projectors_killed_between_fold_and_commit_fold_each_event_once() {
    let folder = tempfile::tempdir().unwrap();
    let (lab, ring) = lab_with_ring(folder.path()).await;
    lab.record(&crate::story::whole()).await;
    for point in ["folded", "written", "folded", "written"] {
        assert!(was_killed(victim(&lab, &ring, point, true).await), "{point}");
    }
    // Two processes on the same names, one of them killed on its way.
    let projector = lab.projector().await;
    let killing = victim(&lab, &ring, "folded", true);
    tokio::pin!(killing);
    let mut last;
    let killed = loop {
        last = lab.record(&[crate::story::drafted(crate::story::FIRST, "t", "x")]).await;
        tokio::select! {
            killed = &mut killing => break killed,
            () = async { reached(&projector, last).await } => {}
        }
    };
    assert!(was_killed(killed));
    lab.caught_up(last).await;
    projector.stop().await;
    for projection in folds::all() {
        let (name, whole) =
            (projection.name(), as_of(&lab.store, projection.name(), last, |_| {}).await.unwrap());
        let compare = Options { compare: true, ..Options::default() };
        let rebuilding =
            rebuild_with(&lab.store, lab.reader.pool(), &lab.keyring, projection, &compare, |_| {});
        let made = tokio::time::timeout(PATIENCE, rebuilding).await.unwrap().unwrap();
        assert_eq!((made.position, made.digest.as_ref()), (last, Some(&whole.digest)), "{name}");
    }
}

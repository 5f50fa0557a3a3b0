//! A writer that is killed at any moment leaves the old secret or the new one, whole and private.

use secrets::{KeyFolder, files};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

const ROUNDS: usize = 60;
const ROUNDS_MAX: usize = 1_000;
/// Tells the test below that it is the writer, and where.
const PATH: &str = "MYCOPOD_TEST_WRITES_TO";

fn content(letter: u8) -> Vec<u8> {
    vec![letter; 60_000]
}

/// The process that is killed: without its path it has nothing to do.
#[test]
fn a_writer_that_never_ends_by_itself() {
    let Some(path) = std::env::var_os(PATH).map(PathBuf::from) else { return };
    for letter in (b'a'..=b'z').cycle() {
        files::write(&path, &content(letter)).unwrap();
    }
}

fn private() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
    folder
}

fn writer(path: &Path) -> std::process::Child {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "killed::a_writer_that_never_ends_by_itself"]);
    child.env(PATH, path).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn temporary(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|end| end == "new")).collect()
}

#[test]
fn a_writer_killed_at_any_moment_leaves_a_whole_secret() {
    let folder = private();
    let path = folder.path().join("github-token");
    files::write(&path, &content(b'0')).unwrap();
    let (mut seen, mut left) = (std::collections::BTreeSet::new(), 0);
    let mut round = 0;
    // More rounds where a busy machine let none of the kills fall into the writing itself.
    while round < ROUNDS || (round < ROUNDS_MAX && (seen.len() < 2 || left == 0)) {
        let mut child = writer(&path);
        // It has begun, and written a few times; then it is killed after a different number of looks each round.
        for _ in 0..=round % 3 {
            let before = fs::metadata(&path).unwrap().ino();
            while fs::metadata(&path).unwrap().ino() == before {
                std::thread::yield_now();
            }
        }
        for _ in 0..round * 7 {
            std::hint::black_box(fs::metadata(&path).unwrap());
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let found = files::read(&path).unwrap();
        let first = found.expose()[0];
        assert!(*found.expose() == content(first), "round {round}: a part of one, or two mixed");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        seen.insert(first);
        for path in temporary(folder.path()) {
            assert_eq!(fs::metadata(path).unwrap().mode() & 0o077, 0);
            left += 1;
        }
        KeyFolder::open(folder.path(), None).unwrap();
        round += 1;
    }
    assert!(seen.len() > 1 && left > 0, "the kills hit writing: {} contents, {left} leftovers", seen.len());
}

#[test]
fn what_a_killed_writer_left_is_removed_once_it_is_old() {
    let folder = private();
    let (old, new) = (folder.path().join(".a.01.new"), folder.path().join(".b.02.new"));
    for path in [&old, &new] {
        files::write(path, b"half").unwrap();
    }
    File::options()
        .write(true)
        .open(&old)
        .unwrap()
        .set_modified(SystemTime::now() - Duration::from_secs(90))
        .unwrap();
    let keys = KeyFolder::open(folder.path(), None).unwrap();
    assert_eq!(temporary(folder.path()), [new], "the other one may have a writer");
    assert!(keys.entries().unwrap().is_empty());
}

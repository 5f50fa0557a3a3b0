use secrets::files::{self, FileError};
use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::Path,
};

fn private_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
    folder
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn a_written_secret_is_0600_and_reads_back() {
    let folder = private_folder();
    let path = files::path_of(folder.path(), "proxmox.token").unwrap();
    files::write(&path, b"one\n").unwrap();
    files::write(&path, b"two\n").unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(files::read_text(&path).unwrap().expose(), "two");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
}

#[test]
fn a_file_or_folder_that_others_may_enter_is_refused_with_advice() {
    let folder = private_folder();
    let path = folder.path().join("key");
    files::write(&path, b"x").unwrap();
    for wide in [0o640, 0o604, 0o660, 0o620] {
        fs::set_permissions(&path, Permissions::from_mode(wide)).unwrap();
        let refused = files::read(&path).unwrap_err();
        assert!(matches!(refused, FileError::TooOpen { mode, .. } if mode == wide));
        assert!(refused.advice().contains("chmod 0600"));
    }
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o750)).unwrap();
    assert!(files::read(&path).unwrap_err().advice().contains("chmod 0700"));
    assert!(matches!(files::write(&path, b"y"), Err(FileError::TooOpen { folder: true, .. })));
}

#[test]
fn a_file_of_another_user_is_refused() {
    if !rustix::process::geteuid().is_root() {
        // Only root can give a file away; the other checks run for every user.
        return;
    }
    let folder = private_folder();
    let path = folder.path().join("key");
    files::write(&path, b"x").unwrap();
    std::os::unix::fs::chown(&path, Some(65534), None).unwrap();
    assert!(matches!(files::read(&path), Err(FileError::WrongOwner { owner: 65534, .. })));
}

#[test]
fn links_folders_and_missing_files_are_told_apart() {
    let folder = private_folder();
    let real = folder.path().join("real");
    files::write(&real, b"x").unwrap();
    let link = folder.path().join("link");
    symlink(&real, &link).unwrap();
    assert!(matches!(files::read(&link), Err(FileError::WrongKind { .. })));
    assert!(matches!(files::read(&folder.path().join("none")), Err(FileError::Missing { .. })));
    fs::create_dir(folder.path().join("dir")).unwrap();
    assert!(matches!(files::read(&folder.path().join("dir")), Err(FileError::WrongKind { .. })));
}

#[test]
fn a_folder_is_made_private_and_a_file_is_created_once() {
    let folder = private_folder();
    let inner = folder.path().join("a/b");
    files::ensure_folder(&inner).unwrap();
    assert_eq!((mode(&inner), mode(&folder.path().join("a"))), (0o700, 0o700));
    let path = inner.join("key");
    files::create(&path, b"1").unwrap();
    assert!(matches!(files::create(&path, b"2"), Err(FileError::Exists { .. })));
    assert_eq!(files::read(&path).unwrap().expose(), b"1");
    files::remove(&path).unwrap();
    files::remove(&path).unwrap();
    assert!(!path.exists());
}

#[test]
fn names_cannot_leave_the_folder() {
    for good in ["a", "proxmox.token", "k8s-1_x", "0"] {
        assert!(files::check_name(good).is_ok(), "{good}");
    }
    for bad in ["", ".", "..", ".hidden", "a/b", "../a", "A", "a b", "a\0", "-x", "é", &"x".repeat(101)] {
        assert!(files::check_name(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_reader_never_sees_a_part_or_a_wider_mode_while_it_is_replaced() {
    let folder = private_folder();
    let path = folder.path().join("key");
    let (a, b) = (vec![b'a'; 70_000], vec![b'b'; 50_000]);
    files::write(&path, &a).unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 0..60 {
                files::write(&path, if round % 2 == 0 { &b } else { &a }).unwrap();
            }
        });
        while !writer.is_finished() {
            let seen = files::read(&path).unwrap();
            assert!(seen.expose() == &a || seen.expose() == &b);
            for entry in fs::read_dir(folder.path()).unwrap().flatten() {
                if let Ok(found) = entry.metadata() {
                    assert_eq!(found.mode() & 0o077, 0);
                }
            }
        }
    });
}

#[test]
fn an_open_umask_opens_nothing() {
    let folder = private_folder();
    // Of the whole process; harmless to the other tests, which set their modes themselves.
    let before = rustix::process::umask(rustix::fs::Mode::empty());
    let inner = folder.path().join("made");
    files::ensure_folder(&inner).unwrap();
    files::write(&inner.join("key"), b"x").unwrap();
    rustix::process::umask(before);
    assert_eq!((mode(&inner), mode(&inner.join("key"))), (0o700, 0o600));
}

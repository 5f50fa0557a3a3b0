use secrets::{FileError, KeyFolder, Secret, Source, files};
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

fn private() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
    folder
}

fn secret(text: &str) -> Secret<Vec<u8>> {
    Secret::new(text.as_bytes().to_vec())
}

fn hand_over(folder: &Path, name: &str, content: &str, mode: u32) {
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_folder_with_one_open_file_is_not_opened_and_the_advice_is_the_command() {
    let folder = private();
    files::write(&folder.path().join("github-token"), b"x").unwrap();
    files::write(&folder.path().join("openai-key"), b"y").unwrap();
    KeyFolder::open(folder.path(), None).unwrap();
    let wide = folder.path().join("openai-key");
    fs::set_permissions(&wide, Permissions::from_mode(0o644)).unwrap();
    let refused = KeyFolder::open(folder.path(), None).unwrap_err();
    assert!(refused.advice().contains(&format!("chmod 0600 {}", wide.display())), "{}", refused.advice());
    fs::set_permissions(&wide, Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let refused = KeyFolder::open(folder.path(), None).unwrap_err();
    assert!(refused.advice().contains(&format!("chmod 0700 {}", folder.path().display())));
    fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
    symlink("/etc/passwd", folder.path().join("claude-key")).unwrap();
    assert!(matches!(KeyFolder::open(folder.path(), None), Err(FileError::WrongKind { .. })));
}

#[test]
fn what_is_stored_is_listed_read_replaced_and_removed() {
    let folder = private();
    let keys = KeyFolder::open(folder.path(), None).unwrap();
    keys.store("github-token", &secret("one")).unwrap();
    let before = keys.entries().unwrap();
    keys.store("github-token", &secret(" two\n")).unwrap();
    let after = keys.entries().unwrap();
    assert_eq!((after.len(), after[0].name.as_str(), after[0].source), (1, "github-token", Source::Folder));
    assert_ne!(before[0].version, after[0].version);
    assert_eq!(keys.read_text("github-token").unwrap().expose(), "two");
    assert_eq!(fs::metadata(folder.path().join("github-token")).unwrap().mode() & 0o7777, 0o600);
    keys.remove("github-token").unwrap();
    assert!(matches!(keys.remove("github-token"), Err(FileError::Missing { .. })));
    assert!(keys.entries().unwrap().is_empty());
}

#[test]
fn files_of_mycopod_itself_are_no_credentials() {
    let folder = private();
    let keys = KeyFolder::open(folder.path(), None).unwrap();
    keys.fingerprint("github-token", &secret("one")).unwrap();
    for name in ["keyring", "seal-key", "fingerprint-key", "intake-agent", "agent.lock"] {
        assert!(matches!(keys.store(name, &secret("x")), Err(FileError::Reserved { .. })), "{name}");
        assert!(keys.remove(name).is_err(), "{name}");
    }
    for name in ["../x", "a/b", ".x", ""] {
        assert!(matches!(keys.store(name, &secret("x")), Err(FileError::BadName { .. })), "{name}");
        assert!(matches!(keys.read(name), Err(FileError::BadName { .. })), "{name}");
    }
    assert!(keys.entries().unwrap().is_empty(), "the fingerprint's key is not listed");
}

#[test]
fn what_systemd_hands_over_comes_first_and_is_not_written_to() {
    let (own, handed) = (private(), private());
    files::write(&own.path().join("github-token"), b"old").unwrap();
    hand_over(handed.path(), "github-token", "handed", 0o400);
    fs::set_permissions(handed.path(), Permissions::from_mode(0o500)).unwrap();
    let keys = KeyFolder::open(own.path(), Some(handed.path().into())).unwrap();
    assert_eq!(keys.read_text("github-token").unwrap().expose(), "handed");
    assert_eq!(keys.entries().unwrap()[0].source, Source::Systemd);
    assert!(matches!(keys.store("github-token", &secret("x")), Err(FileError::HandedOver { .. })));
    assert!(matches!(keys.remove("github-token"), Err(FileError::HandedOver { .. })));
    keys.store("openai-key", &secret("x")).unwrap();
    assert_eq!(keys.entries().unwrap().len(), 2);
    // Not set, or set to nothing: there is no such place.
    assert_eq!(KeyFolder::open(own.path(), Some("".into())).unwrap().entries().unwrap().len(), 2);
}

#[test]
fn what_others_may_read_is_refused_from_systemd_too() {
    let (own, handed) = (private(), private());
    hand_over(handed.path(), "github-token", "handed", 0o404);
    assert!(matches!(
        KeyFolder::open(own.path(), Some(handed.path().into())),
        Err(FileError::TooOpen { folder: false, .. })
    ));
    fs::remove_file(handed.path().join("github-token")).unwrap();
    fs::set_permissions(handed.path(), Permissions::from_mode(0o505)).unwrap();
    assert!(matches!(
        KeyFolder::open(own.path(), Some(handed.path().into())),
        Err(FileError::TooOpen { folder: true, .. })
    ));
}

#[test]
fn a_fingerprint_needs_the_key_and_names_do_not_share_it() {
    let (one, other) = (private(), private());
    let (one, other) =
        (KeyFolder::open(one.path(), None).unwrap(), KeyFolder::open(other.path(), None).unwrap());
    let print = |keys: &KeyFolder, name: &str, text: &str| keys.fingerprint(name, &secret(text)).unwrap();
    let first = print(&one, "openai-key", "hunter2");
    assert_eq!(first, print(&one, "openai-key", "hunter2"), "the key is kept");
    assert_ne!(first, print(&other, "openai-key", "hunter2"), "no plain hash");
    assert_ne!(first, print(&one, "claude-key", "hunter2"));
    assert_ne!(first, print(&one, "openai-key", "hunter3"));
    assert_eq!(first.len(), 16);
}

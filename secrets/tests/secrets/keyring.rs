use secrets::{DataKey, FileError, KeyRing, KeyRingError, files, open, seal};
use std::{fs, os::unix::fs::MetadataExt};

#[test]
fn a_ring_is_made_once_and_loaded_after() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys/ring.json");
    let rings: Vec<KeyRing> = std::thread::scope(|scope| {
        let starters: Vec<_> =
            (0..4).map(|_| scope.spawn(|| KeyRing::create_if_missing(&path).unwrap())).collect();
        starters.into_iter().map(|starter| starter.join().unwrap()).collect()
    });
    assert!(rings.iter().all(|ring| ring.current_id() == rings[0].current_id()));
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
}

#[test]
fn after_rotation_old_data_opens_and_new_data_uses_the_new_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys/ring.json");
    let before = KeyRing::create_if_missing(&path).unwrap();
    let key = DataKey::generate().unwrap();
    let sealed = seal(&key, b"a", b"text").unwrap();
    let wrapped = before.wrap(b"7", &key).unwrap();

    let after = KeyRing::add_key(&path).unwrap();
    assert_ne!(after.current_id(), before.current_id());
    let again = after.unwrap(b"7", &wrapped.kek_id, &wrapped.bytes).unwrap();
    assert_eq!(open(&again, b"a", &sealed).unwrap(), b"text");
    assert_eq!(after.wrap(b"7", &key).unwrap().kek_id, after.current_id());
    // The ring as it was before finds the new key in the file, and only there.
    let newer = after.wrap(b"7", &key).unwrap();
    assert!(before.unwrap(b"7", &newer.kek_id, &newer.bytes).is_ok());
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(before.unwrap(b"7", &newer.kek_id, &newer.bytes), Err(KeyRingError::NoKey { .. })));
    assert!(after.unwrap(b"8", &wrapped.kek_id, &wrapped.bytes).is_err(), "bound to its row");
}

#[test]
fn a_damaged_or_open_ring_is_refused_without_quoting_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys/ring.json");
    KeyRing::create_if_missing(&path).unwrap();
    let text = String::from_utf8(files::read(&path).unwrap().expose().clone()).unwrap();
    files::write(&path, text.replace("\"version\": 1", "\"version\": \"SECRET\"").as_bytes()).unwrap();
    let refused = KeyRing::load(&path).unwrap_err();
    assert!(matches!(refused, KeyRingError::Damaged { .. }));
    assert!(!format!("{refused} {refused:?}").contains("SECRET"));

    files::write(&path, text.as_bytes()).unwrap();
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let refused = KeyRing::create_if_missing(&path).unwrap_err();
    assert!(matches!(refused, KeyRingError::File(FileError::TooOpen { .. })));
}

#[test]
fn nothing_of_a_ring_is_printed() {
    let ring = KeyRing::ephemeral().unwrap();
    let wrapped = ring.wrap(b"", &DataKey::generate().unwrap()).unwrap();
    let shown = format!("{ring:?} {wrapped:?}");
    assert!(shown.contains(ring.current_id()) && shown.len() < 200, "{shown}");
}

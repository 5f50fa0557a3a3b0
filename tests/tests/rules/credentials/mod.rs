//! A secret goes from a browser through the UI to the Agent, is put to use there, and is nowhere else.
//!
//! UI and Agent are processes of their own, as they would be in two containers. Searched are the database's files, both
//! logs, every answer of the UI, the repository, and the memory of the UI (S13, S14, S15).

mod in_use;
mod services;

use domain::settings::Event;
use handover::HandoverError;
use secrets::Secret;
use services::{Services, identity};
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Output;
use tests::browser::{Browser, encoded};
use tests::{ADA, BO};

const PASSWORD: &str = "canary+pass word/9b1e";
const TOKEN: &str = "canary-4c1d7f3a-token";
const GITHUB: &str = "github_pat_canary+7d9e/2f";

/// In plain, base64, hex, as in an address, and as in JSON.
fn forms(canary: &str) -> Vec<Vec<u8>> {
    use base64::{Engine, engine::general_purpose};
    let hexed: String = canary.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut forms: Vec<Vec<u8>> =
        vec![canary.into(), hexed.into(), encoded(canary).into(), canary.replace('/', "\\/").into()];
    // Base64 at each of the three offsets a value can have in a longer text; its ends depend on the neighbours.
    for offset in 0..3 {
        let padded = [&b"xxx"[..offset], canary.as_bytes()].concat();
        let text = general_purpose::STANDARD_NO_PAD.encode(padded);
        let from = if offset == 0 { 0 } else { 4 };
        forms.push(text.as_bytes()[from..text.len() - 4].to_vec());
    }
    forms
}

fn holds(bytes: &[u8], canary: &str) -> bool {
    forms(canary).iter().any(|form| bytes.windows(form.len()).any(|part| part == form.as_slice()))
}

fn files_under(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => files_under(&entry.path(), found),
            kind if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
}

/// How often the bytes stand in the writable memory of a process.
fn in_memory(pid: u32, canary: &str) -> usize {
    use std::os::unix::fs::FileExt;
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let mut hits = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let range = line.split(' ').next().unwrap();
        let (from, to) = range.split_once('-').unwrap();
        let (from, to) = (u64::from_str_radix(from, 16).unwrap(), u64::from_str_radix(to, 16).unwrap());
        let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
        if memory.read_exact_at(&mut bytes, from).is_ok() {
            hits += bytes.windows(canary.len()).filter(|part| *part == canary.as_bytes()).count();
        }
    }
    hits
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_goes_from_the_browser_to_the_agent_and_is_nowhere_else() {
    let mut services = Services::start().await;
    let keys = services.world.dir.path().join("keys");
    let right = fs::read_to_string(keys.join("proxmox-token")).unwrap();
    secrets::files::remove(&keys.join("proxmox-token")).unwrap();
    let ui = services.spawn("serve");
    services.spawn("agent");
    services.listening(services.ui).await;
    services.listening(services.intake).await;
    services.people().await;
    let set = services.told(&["user", "password", "ada"], &format!("{PASSWORD}\n")).await;
    assert!(set.status.success(), "{}", String::from_utf8_lossy(&set.stderr));

    let mut ada = Browser::new(services.ui);
    ada.sign_in("ada", PASSWORD).await;
    let page = ada.get("/settings/proxmox").await;
    assert!(page.html.contains("Nothing is stored under proxmox-token."), "{}", page.html);
    // The name is pasted with it: refused in words, and what was typed is not shown again.
    let store = "/settings/credentials/proxmox-token";
    let whole = format!("mycopod@pve!agent={TOKEN}");
    let refused = ada.submit(&page, store, &[("value", &whole)]).await;
    assert_eq!(refused.status, 422);
    assert!(refused.html.contains("Type the secret alone") && refused.html.contains("aria-invalid=\"true\""));

    // A wrong token: stored by the Agent, tried, and the page says what is wrong with it.
    let stored = ada.submit(&page, store, &[("value", TOKEN)]).await;
    assert_eq!(stored.status, 303, "{}", stored.html);
    assert!(stored.location.starts_with("/settings/proxmox?at="), "{}", stored.location);
    assert_eq!(fs::read_to_string(keys.join("proxmox-token")).unwrap(), TOKEN);
    assert_eq!(fs::metadata(keys.join("proxmox-token")).unwrap().mode() & 0o7777, 0o600);
    let page = services.page(&mut ada, "/settings/proxmox", "Test Proxmox token").await;
    let asked = ada.submit(&page, &format!("{store}/test"), &[]).await;
    assert_eq!(asked.status, 303);
    let page = services.page(&mut ada, "/settings/proxmox", "test failed").await;
    assert!(page.html.contains("The API token or the password was refused"), "{}", page.html);

    // The right one takes its place and is used without a restart.
    let rotated = ada.submit(&page, store, &[("value", &right)]).await;
    assert_eq!(rotated.status, 303);
    let page = services.page(&mut ada, "/settings/proxmox", "Test Proxmox token").await;
    ada.submit(&page, &format!("{store}/test"), &[]).await;
    let page = services.page(&mut ada, "/settings/proxmox", "every right that a plan may need").await;
    assert!(page.html.contains("accepted by Proxmox VE 8.4"), "{}", page.html);

    let page = ada.get("/settings/github").await;
    let stored = ada.submit(&page, "/settings/credentials/github-token", &[("value", GITHUB)]).await;
    assert_eq!(stored.status, 303, "{}", stored.html);
    let known = services.settings(|settings| settings.credentials.contains_key("github-token")).await;
    let github = known.credentials["github-token"].clone();

    // Another Admin's hand is asked for by name, and the Agent does not take the UI's word for it.
    let value = || Secret::new(b"other".to_vec());
    for by in [BO.id.0, uuid::Uuid::from_u128(77)] {
        let refused = services.sender().store("github-token", by, value()).await.unwrap_err();
        assert!(
            matches!(&refused, HandoverError::Refused(why) if why.what.contains("Admins")),
            "{refused:?}"
        );
    }
    for name in ["keyring", "../x", "intake-ui", "nobody-reads-this"] {
        assert!(services.sender().store(name, ADA.id.0, value()).await.is_err(), "{name}");
    }
    assert_eq!(fs::read_to_string(keys.join("github-token")).unwrap(), GITHUB);

    // Whoever is no Admin any more is none for the Agent from that moment on, whatever a page still shows.
    let made = services.told(&["user", "add", "eve", "--role", "admin", "--generate"], "").await;
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let before = ada.get("/settings/github").await;
    for (role, may) in [("user", false), ("admin", true)] {
        let changed = services.told(&["user", "role", "ada", role], "").await;
        assert!(changed.status.success(), "{}", String::from_utf8_lossy(&changed.stderr));
        let direct =
            services.sender().store("github-token", ADA.id.0, Secret::new(GITHUB.as_bytes().to_vec())).await;
        assert_eq!(direct.is_ok(), may, "as {role}: {direct:?}");
        if !may {
            let path = "/settings/credentials/github-token";
            let refused = ada.submit(&before, path, &[("value", "not-an-admins")]).await;
            assert!(
                [303, 403].contains(&refused.status) && !refused.location.contains("/settings"),
                "{}",
                refused.status
            );
        }
    }
    assert_eq!(fs::read_to_string(keys.join("github-token")).unwrap(), GITHUB);
    ada.sign_in("ada", PASSWORD).await;

    // What is recorded: who, what, and fingerprints that need the Agent's own key.
    let facts = services.facts().await;
    let by = Some(ADA.id);
    assert!(facts.iter().any(|fact| matches!(fact, Event::CredentialStored { name, fingerprint, by: who }
        if name == "github-token" && *fingerprint == github && *who == by)));
    assert!(facts.iter().any(|fact| matches!(fact, Event::CredentialRotated { name, by: who, .. }
        if name == "proxmox-token" && *who == by)));
    let removed = services.page(&mut ada, "/settings/github", "Remove GitHub token").await;
    let remove = "/settings/credentials/github-token/remove";
    assert_eq!(ada.submit(&removed, remove, &[]).await.status, 422, "it has to be said");
    assert_eq!(ada.submit(&removed, remove, &[("sure", "1")]).await.status, 303);
    assert!(!keys.join("github-token").exists());
    services.settings(|settings| !settings.credentials.contains_key("github-token")).await;

    // Nowhere else. The key files themselves are what is allowed to hold them.
    let canaries = [PASSWORD, TOKEN, GITHUB, right.trim()];
    let data = fs::read_link(format!("/proc/{}/cwd", services.world.postgres.pid().unwrap())).unwrap();
    assert!(data.join("pg_wal").is_dir(), "the database's own folder");
    let mut places = Vec::new();
    files_under(&data, &mut places);
    files_under(&services.world.repository(), &mut places);
    places.extend([services.log("serve"), services.log("agent"), services.config.clone()]);
    assert!(places.len() > 500 && fs::metadata(services.log("agent")).unwrap().len() > 1_000);
    for path in places {
        let Ok(bytes) = fs::read(&path) else { continue };
        for canary in canaries {
            assert!(!holds(&bytes, canary), "{canary} stands in {}", path.display());
        }
    }
    for canary in canaries {
        assert!(!holds(ada.seen.as_bytes(), canary), "{canary} was in an answer");
    }
    let in_ui: Vec<(&str, usize)> = canaries.map(|canary| (canary, in_memory(ui, canary))).to_vec();
    assert!(in_ui.iter().all(|(_, hits)| *hits == 0), "the UI still has {in_ui:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_does_not_start_while_others_could_read_its_keys() {
    let services = Services::start().await;
    let keys = services.world.dir.path().join("keys");
    let wide = keys.join("proxmox-token");
    fs::set_permissions(&wide, fs::Permissions::from_mode(0o640)).unwrap();
    let refused = services.told(&["--quiet", "agent", "--once"], "").await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(6), "{said}");
    assert!(said.contains(&format!("chmod 0600 {}", wide.display())), "{said}");
    fs::set_permissions(&wide, fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o755)).unwrap();
    let refused = services.told(&["--quiet", "agent", "--once"], "").await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains(&format!("chmod 0700 {}", keys.display())), "{said}");
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o700)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_by_command_are_tried_recorded_listed_and_removed() {
    let mut services = Services::start().await;
    services.spawn("serve");
    services.listening(services.ui).await;
    services.people().await;
    let text = |output: &Output| {
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };
    let set = services.told(&["secrets", "set", "github-token", "--as", "ada"], GITHUB).await;
    assert!(set.status.success() && !text(&set).contains(GITHUB), "{}", text(&set));
    let known = services.settings(|settings| settings.credentials.contains_key("github-token")).await;
    let by = Some(ADA.id);
    assert!(services.facts().await.iter().any(
        |fact| matches!(fact, Event::CredentialStored { name, by: who, .. } if name == "github-token" && *who == by)
    ));
    let listed = services.told(&["secrets", "list", "--fingerprint"], "").await;
    let listed = text(&listed);
    assert!(listed.contains(&known.credentials["github-token"]) && !listed.contains("keyring"), "{listed}");

    // A User may not, and a wrong token of Proxmox does not take the place of a right one.
    let refused = services.told(&["secrets", "set", "openai-key", "--as", "bo"], "x").await;
    assert!(!refused.status.success());
    let keys = services.world.dir.path().join("keys");
    let before = fs::read_to_string(keys.join("proxmox-token")).unwrap();
    let refused = services.told(&["secrets", "rotate", "proxmox-token"], TOKEN).await;
    assert_eq!(refused.status.code(), Some(7), "{}", text(&refused));
    assert!(text(&refused).contains("The old one stays in use"));
    assert_eq!(fs::read_to_string(keys.join("proxmox-token")).unwrap(), before);
    let same = services.told(&["secrets", "rotate", "proxmox-token"], &before).await;
    assert_eq!(same.status.code(), Some(5), "{}", text(&same));

    for name in ["keyring", "seal-key", "../x", "A"] {
        assert!(!services.told(&["secrets", "set", name], "x").await.status.success(), "{name}");
        assert!(!services.told(&["secrets", "remove", name], "").await.status.success(), "{name}");
    }
    let empty = services.told(&["secrets", "set", "openai-key"], " \n").await;
    assert_eq!(empty.status.code(), Some(2));
    let removed = services.told(&["secrets", "remove", "github-token"], "").await;
    assert!(removed.status.success(), "{}", text(&removed));
    services.settings(|settings| !settings.credentials.contains_key("github-token")).await;
    let channel = text(&services.told(&["secrets", "channel"], "").await);
    assert!(channel.contains(&identity(&services.world, "intake-agent").pin().to_string()), "{channel}");
    assert!(channel.contains(&identity(&services.world, "intake-ui").pin().to_string()), "{channel}");
}

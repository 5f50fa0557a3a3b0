//! The log by command: shown, exported, verified, proven, its keys rotated, and what somebody said erased.

use crate::SCRATCH;
use domain::declaration::{Command, Declaration};
use domain::event::Category;
use domain::ids::DeclarationId;
use eventstore::EventLog;
use projections::{Projector, Reader, rebuild};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command as Process, Output, Stdio};
use tests::{BO, WAIT, World};
use uuid::Uuid;

fn program(config: &Path, args: &[&str]) -> Process {
    let mut program = Process::new(env!("CARGO_BIN_EXE_mycopod-lab"));
    program.arg("--config").arg(config).arg("--quiet").args(args).stdin(Stdio::null());
    program
}

pub async fn told(world: &World, args: &[&str]) -> (i32, String, String) {
    let mut program = program(&world.config(), args);
    let ended = tokio::task::spawn_blocking(move || program.output()).await.unwrap();
    let Output { status, stdout, stderr } = ended.expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (status.code().expect("an exit code"), text(stdout), text(stderr))
}

pub async fn done(world: &World, args: &[&str]) -> String {
    let (code, stdout, stderr) = told(world, args).await;
    assert_eq!(code, 0, "{args:?}: {stderr}");
    stdout
}

async fn documents(world: &World, args: &[&str]) -> Vec<Value> {
    let text = done(world, args).await;
    text.lines().map(|line| serde_json::from_str(line).expect("a document a line")).collect()
}

/// Rows of cells by RFC 4180.
fn cells(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (vec![], vec![], String::new(), false);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match (quoted, c) {
            (true, '"') if rest.next_if_eq(&'"').is_some() => cell.push('"'),
            (_, '"') => quoted = !quoted,
            (false, ',') => row.push(std::mem::take(&mut cell)),
            (false, '\r') if rest.next_if_eq(&'\n').is_some() => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            _ => cell.push(c),
        }
    }
    assert!(!quoted && row.is_empty() && cell.is_empty(), "the last line ends");
    rows
}

async fn owner(world: &World, sql: &str) {
    let (client, connection) =
        tokio_postgres::connect(world.postgres.owner_url().expose(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(sql).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_shown_exported_sealed_proven_and_a_superusers_change_is_named() {
    let world = World::start().await;
    let agent = world.agent();
    let (id, _) = world.declare(SCRATCH).await;
    world.apply(id).await;
    agent.stop().await;
    let sealing = world.sealing();
    world.store.seal(&sealing.key, true).await.unwrap();
    sealing.export.catch_up(&world.store).await.unwrap();
    let head = world.store.head().await.unwrap().position;
    let path = |name: &str| world.dir.path().join(name).display().to_string();

    let stream = format!("declaration/{}", id.0);
    let newest = documents(&world, &["--json", "events", "tail", "--last", "3", "--stream", &stream]).await;
    assert_eq!(newest.len(), 3);
    assert!(newest.iter().all(|event| event["stream"] == stream && event["erased"] == false));
    let approved = ["--json", "events", "tail", "--type", "declaration.plan_approved"];
    let approved = documents(&world, &approved).await;
    assert_eq!(approved.len(), 1, "found from the end, however far back");
    let position = approved[0]["position"].to_string();
    let shown: Value = serde_json::from_str(&done(&world, &["events", "show", &position]).await).unwrap();
    assert_eq!(shown, approved[0]);
    assert_eq!(told(&world, &["events", "show", "999999"]).await.0, 4);

    let all = documents(&world, &["events", "export"]).await;
    assert_eq!(all.len() as i64, head);
    assert!(all.iter().zip(1..).all(|(event, position)| event["position"] == position));
    done(&world, &["events", "export", "--format", "csv", "--output", &path("log.csv")]).await;
    let table = cells(&std::fs::read_to_string(path("log.csv")).unwrap());
    assert_eq!(table.len(), all.len() + 1);
    for (event, row) in all.iter().zip(&table[1..]) {
        for (name, cell) in table[0].iter().zip(row) {
            match &event[name] {
                Value::Null => assert_eq!(cell, ""),
                Value::String(text) => assert_eq!(cell, text),
                value => assert_eq!(serde_json::from_str::<Value>(cell).unwrap(), *value, "{name}"),
            }
        }
    }
    // Somebody who has seen enough closes the pipe.
    let mut reading = program(&world.config(), &["events", "export"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::with_capacity(16, reading.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let ended = reading.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), String::from_utf8(ended.stderr).unwrap().as_str()), (Some(0), ""));

    let repository = world.repository().display().to_string();
    let checkpoints = path("state/checkpoints.txt");
    let report = done(&world, &["--json", "events", "verify", "--anchors", &repository]).await;
    let report: Value = serde_json::from_str(&report).unwrap();
    let anchored = report["anchored_to"].as_i64().unwrap();
    assert!(
        report["ok"] == true && report["signatures_checked"] == true && report["sealed_to"] == head,
        "{report}"
    );
    assert!(0 < anchored && anchored < head, "{report}");
    assert_eq!(report["not_anchored"], head - anchored);
    let words =
        done(&world, &["events", "verify", "--anchors", &repository, "--checkpoint", &checkpoints]).await;
    assert!(words.contains(&format!("Anchored outside up to {head}: every one")), "{words}");
    std::fs::write(path("anchors.txt"), "# kept\nMycoPod-Log: 7 sha256:xy\n").unwrap();
    let (code, _, said) = told(&world, &["events", "verify", "--anchors", &path("anchors.txt")]).await;
    assert!(code == 7 && said.contains("anchors.txt, line 2: its hash"), "{said}");
    let stranger = secrets::SigningKey::ephemeral().unwrap().public().to_string();
    let (code, _, said) =
        told(&world, &["events", "verify", "--checkpoint", &checkpoints, "--key", &stranger]).await;
    assert!(code == 7 && said.contains("checkpoints.txt, line 1: no key that is trusted here"), "{said}");

    done(&world, &["events", "prove", &position, "--output", &path("proof.json")]).await;
    let offline = |file: &str| {
        let (proof, key) = (path(file), path("state/seal-key.pub"));
        program(Path::new("nowhere"), &["events", "verify", "--proof", &proof, "--key", &key])
            .output()
            .unwrap()
    };
    let held = offline("proof.json");
    assert_eq!(held.status.code(), Some(0), "{}", String::from_utf8_lossy(&held.stderr));
    assert!(String::from_utf8_lossy(&held.stdout).contains("declaration.plan_approved"));
    let mut proof: Value =
        serde_json::from_str(&std::fs::read_to_string(path("proof.json")).unwrap()).unwrap();
    let ciphertext = proof["ciphertext"].as_str().unwrap();
    let other = if ciphertext.starts_with('A') { "B" } else { "A" };
    proof["ciphertext"] = format!("{other}{}", &ciphertext[1..]).into();
    std::fs::write(path("forged.json"), proof.to_string()).unwrap();
    assert_eq!(offline("forged.json").status.code(), Some(7));

    owner(
        &world,
        &format!(
            "set session_replication_role = replica; \
             update log.events set actor_id = gen_random_uuid() where position = {position}"
        ),
    )
    .await;
    let (code, _, said) = told(&world, &["events", "verify", "--anchors", &repository]).await;
    assert!(
        code == 7 && said.contains(&format!("error: event {position} is not what was recorded")),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_erased_is_nowhere_and_keys_rotate_while_the_log_is_in_use() {
    const CANARY: &str = "Quetzalcoatlus";
    let world = World::start().await;
    let reader = Reader::connect(&world.postgres.url(), world.keyring()).await.unwrap();
    let projector =
        Projector::start(world.store.clone(), reader.pool().clone(), world.keyring()).await.unwrap();
    let draft = |text: String| {
        let id = DeclarationId(Uuid::now_v7());
        let draft = Command::Draft { by: BO, title: String::new(), text, follows: None };
        (id, world.tell::<Declaration>(Category::Declaration, id.0, draft))
    };
    let (kept, drafted) = draft("A VM called kept.".into());
    drafted.await;
    let (id, drafted) = draft(format!("A VM called {CANARY}."));
    drafted.await;
    let head = world.store.head().await.unwrap().position;
    assert!(reader.wait_for(head, WAIT).await.unwrap());
    assert!(done(&world, &["events", "export"]).await.contains(CANARY));

    let (uuid, other) = (id.0.to_string(), kept.0.to_string());
    assert_eq!(told(&world, &["keys", "shred", &uuid]).await.0, 2, "nobody can be asked");
    assert_eq!(told(&world, &["keys", "shred", &uuid, "--confirm", &other]).await.0, 5);
    assert_eq!(told(&world, &["keys", "shred", &Uuid::nil().to_string()]).await.0, 4);
    let settings = format!("settings/{}", domain::ids::SETTINGS);
    assert_eq!(told(&world, &["keys", "shred", &settings]).await.0, 5);
    assert!(done(&world, &["events", "export"]).await.contains(CANARY), "nothing was erased by these");
    done(&world, &["keys", "shred", &format!("declaration/{uuid}"), "--confirm", &uuid]).await;

    let exported = done(&world, &["events", "export"]).await;
    assert!(!exported.contains(CANARY));
    let last: Value = serde_json::from_str(exported.lines().last().unwrap()).unwrap();
    assert_eq!((&last["erased"], &last["data"]), (&Value::Bool(true), &Value::Null));
    for (name, _) in rebuild::list() {
        let rows = reader.documents(name, None, 10_000).await.unwrap();
        assert!(rows.iter().all(|(key, row)| !format!("{key} {row}").contains(CANARY)), "{name}");
    }
    done(&world, &["events", "verify"]).await;
    projector.stop().await;

    let following =
        cli::ring::follow(world.store.clone(), world.dir.path().join("keys/keyring"), world.keyring());
    let rotated: Value = serde_json::from_str(&done(&world, &["--json", "keys", "rotate"]).await).unwrap();
    assert!(rotated["left"] == 0 && rotated["rewrapped"].as_i64() > Some(0), "{rotated}");
    // One process records under the new key, the other reads it, and the other way round.
    done(&world, &["user", "add", "cleo", "--generate"]).await;
    draft("A VM called later.".into()).1.await;
    let (mut events, head) = (0, world.store.head().await.unwrap().position);
    world.store.replay(0, head, |event| events += i64::from(event.payload.open().is_some())).await.unwrap();
    assert_eq!(events, head - 1, "all but the erased one");
    assert!(done(&world, &["events", "export"]).await.contains("A VM called later."));
    let keys: Value = serde_json::from_str(&done(&world, &["--json", "keys", "list"]).await).unwrap();
    let of = |current: bool| keys.as_array().unwrap().iter().find(|key| key["current"] == current).unwrap();
    assert_eq!((&of(true)["id"], of(false)["data_keys"].as_i64()), (&rotated["current"], Some(0)), "{keys}");
    let again: Value =
        serde_json::from_str(&done(&world, &["--json", "keys", "rotate", "--finish"]).await).unwrap();
    assert_eq!((&again["current"], again["rewrapped"].as_i64()), (&rotated["current"], Some(0)));
    following.abort();
}

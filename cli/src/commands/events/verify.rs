//! `mycopod events verify` and `prove`: that the log is the one that was written.

use super::{evidence, hex, none_there};
use crate::args::VerifyArgs;
use crate::config::Config;
use crate::context::store_failed;
use crate::failure::{Code, Failure, Outcome};
use crate::progress::Progress;
use crate::{out, output};
use chrono::DateTime;
use eventstore::{Bad, Proof, ProofError, Store, VerifyReport};
use serde_json::json;
use std::path::Path;

/// Largest file of a proof, in bytes: an event with its payload in base64, and a few hashes.
const PROOF_BYTES_MAX: u64 = 32 * 1024 * 1024;

pub async fn run(config: &Config, store: &Store, args: &VerifyArgs, json: bool, quiet: bool) -> Outcome {
    let evidence = evidence::gather(config, &args.anchors, &args.checkpoint, &args.key).await?;
    let (from, to) = (args.from.max(1), args.to.unwrap_or(i64::MAX));
    let mut bar: Option<Progress> = None;
    let progress = |done: i64, total: i64| {
        let bar = bar.get_or_insert_with(|| Progress::new(u64::try_from(total).unwrap_or_default(), quiet));
        bar.at("Verifying events", u64::try_from(done).unwrap_or_default());
    };
    let report = tokio::select! {
        report = store.verify_with(from, to, &evidence, progress) => report.map_err(store_failed)?,
        _ = tokio::signal::ctrl_c() => {
            return Err(Failure::new(Code::Interrupted, "the verification was interrupted", "start it again"));
        }
    };
    drop(bar);
    let bad = |bad: &Bad| json!({"position": bad.position, "why": bad.why});
    if json {
        output::json(&json!({
            "ok": report.ok,
            "from": from,
            "to": to.min(report.head.position),
            "events": report.events,
            "opened": report.opened,
            "shredded": report.shredded,
            "unopened": report.unopened,
            "head": {"position": report.head.position, "chain": hex(&report.head.chain)},
            "sealed_to": report.sealed_to,
            "signatures_checked": !evidence.keys.is_empty(),
            "anchored_to": report.anchored_to,
            "not_anchored": report.not_anchored(),
            "evidence": {
                "anchors": evidence.anchors.len(),
                "checkpoints": evidence.checkpoints.len(),
                "keys": evidence.keys.iter().map(|key| key.id()).collect::<Vec<_>>(),
            },
            "first_bad": report.first_bad.as_ref().map(bad),
        }));
    }
    if let Some(bad) = &report.first_bad {
        let what = format!("event {} is not what was recorded: {}", bad.position, bad.why);
        let next = "stop the Agent, keep a copy of the database, and find out who had access to it";
        let means = match report.events {
            0 => "no event before it was looked at".to_owned(),
            events => format!("the {events} events looked at before it hold"),
        };
        return Err(Failure::new(Code::CheckFailed, what, next).means(means));
    }
    if !json {
        say(&report, to.min(report.head.position), !evidence.keys.is_empty());
    }
    Ok(())
}

fn say(report: &VerifyReport, to: i64, signatures: bool) {
    let VerifyReport { events, opened, shredded, unopened, .. } = report;
    out!(
        "{events} events in order: {opened} opened, {shredded} erased on purpose, {unopened} checked by hash only."
    );
    if to == report.head.position {
        out!("The chain ends in {}.", hex(&report.head.chain));
    }
    let checked = if signatures { "signatures checked" } else { "signatures not checked: no --key" };
    match report.sealed_to {
        0 => out!("Sealed: no checkpoint covers these events yet."),
        sealed => out!("Sealed up to {sealed} ({checked})."),
    }
    match (report.anchored_to, to - report.anchored_to) {
        (0, _) => out!(
            "Anchored outside: nothing. Whoever may write the whole database could have made these events anew; \
             give --anchors or --checkpoint."
        ),
        (anchored, 0) => out!("Anchored outside up to {anchored}: every one of them."),
        (anchored, 1) => {
            out!("Anchored outside up to {anchored}; the newest event is not yet anchored outside.")
        }
        (anchored, more) => {
            out!("Anchored outside up to {anchored}; the {more} newest events are not yet anchored outside.");
        }
    }
}

pub async fn prove(store: &Store, position: i64, file: Option<&Path>) -> Outcome {
    let proof = match store.prove(position).await {
        Ok(proof) => proof,
        Err(ProofError::NoEvent(_)) => return Err(none_there(store, position).await?),
        Err(error @ ProofError::NotSealed(_)) => {
            let next = "the Agent signs a checkpoint at least once a minute; try again while it runs";
            return Err(Failure::new(Code::Unavailable, error, next));
        }
        Err(ProofError::Store(error)) => return Err(store_failed(error)),
        Err(error) => return Err(Failure::new(Code::Failed, error, "verify the log")),
    };
    let Some(path) = file else {
        output::json(&proof);
        return Ok(());
    };
    let text = serde_json::to_string_pretty(&proof).map_err(|error| Failure::new(Code::Failed, error, ""))?;
    std::fs::write(path, text + "\n").map_err(|error| {
        let what = format!("{} cannot be written: {error}", path.display());
        Failure::new(Code::Failed, what, "name another file with --output")
    })
}

/// Needs neither database nor configuration.
pub fn proof(path: &Path, keys: &[String], json: bool) -> Outcome {
    let keys = evidence::public_keys(keys)?;
    let unreadable = |error: std::io::Error| {
        Failure::new(
            Code::NotFound,
            format!("{} cannot be read: {error}", path.display()),
            "name a file with a proof",
        )
    };
    let refused = |why: String| {
        let next = "trust the event only if another copy of the proof holds";
        Failure::new(Code::CheckFailed, format!("{}: {why}", path.display()), next)
    };
    if std::fs::metadata(path).map_err(unreadable)?.len() > PROOF_BYTES_MAX {
        return Err(refused("it is too large for a proof".into()));
    }
    let text = std::fs::read(path).map_err(unreadable)?;
    let proof: Proof =
        serde_json::from_slice(&text).map_err(|error| refused(format!("it is no proof: {error}")))?;
    let checkpoint = proof.check(&keys).map_err(|error| refused(error.to_string()))?;
    let time = |us: i64| DateTime::from_timestamp_micros(us);
    let (recorded_at, sealed_at) = (time(proof.recorded_at_us), time(checkpoint.sealed_at_us));
    if json {
        output::json(&json!({
            "ok": true,
            "position": proof.position,
            "type": format!("{}.v{}", proof.type_name, proof.schema_version),
            "stream_id": proof.stream_id,
            "version": proof.version,
            "event_id": proof.event_id,
            "recorded_at": recorded_at,
            "checkpoint": {"from": checkpoint.from, "position": checkpoint.position, "sealed_at": sealed_at,
                           "key": checkpoint.key_id},
        }));
        return Ok(());
    }
    let local = |at: Option<DateTime<chrono::Utc>>| {
        at.map_or("an unknown time".to_owned(), |at| {
            at.with_timezone(&chrono::Local).format("%d %b %Y %H:%M:%S %Z").to_string()
        })
    };
    out!(
        "Event {} ({}.v{}, version {} of stream {}) was recorded at {}.",
        proof.position,
        proof.type_name,
        proof.schema_version,
        proof.version,
        proof.stream_id,
        local(recorded_at)
    );
    out!(
        "It is under the checkpoint over {} to {}, signed at {} by key {}.",
        checkpoint.from,
        checkpoint.position,
        local(sealed_at),
        checkpoint.key_id
    );
    Ok(())
}

//! `mycopod cluster`: the cluster as last seen, or as it was seen at a position of the log.

use crate::context::{Context, read_failed};
use crate::failure::Outcome;
use crate::{out, output};
use std::path::Path;

pub async fn run(path: &Path, at: Option<i64>, json: bool) -> Outcome {
    let context = Context::open(path).await?;
    let reader = match at {
        Some(position) => context.reader.at(&context.store, position),
        None => context.reader.clone(),
    };
    let view = reader.cluster().await.map_err(read_failed)?;
    if json {
        output::json(&view);
        return Ok(());
    }
    let seen = match view.meta.observed_at {
        Some(seen) if at.is_some() => {
            format!("seen {}", seen.with_timezone(&chrono::Local).format("%d %b %Y %H:%M:%S %Z"))
        }
        Some(seen) => format!("seen {} s ago", (chrono::Utc::now() - seen).num_seconds()),
        None => "never seen".to_owned(),
    };
    out!(
        "{} · Proxmox VE {} · {seen}{}",
        view.meta.name,
        view.meta.pve_version,
        if view.meta.quorate { "" } else { " · no quorum" }
    );
    if let Some((why, advice, _)) = &view.meta.failing {
        out!("The last look failed: {why}. {advice}");
    }
    if let Some(frozen) = &view.meta.frozen {
        out!("Writes are frozen: {}", frozen.reason);
    }
    out!();
    let rows: Vec<Vec<String>> = view
        .guests
        .iter()
        .map(|guest| match &guest.seen {
            Some(seen) => vec![
                seen.vmid.to_string(),
                seen.name.clone(),
                seen.kind.noun().to_owned(),
                seen.node.clone(),
                if seen.template {
                    "template"
                } else if seen.running {
                    "running"
                } else {
                    "stopped"
                }
                .to_owned(),
                if guest.is_ours() { "ours" } else { "not declared" }.to_owned(),
                seen.cores().to_string(),
                format!("{} MiB", seen.memory_mib()),
            ],
            None => {
                let name = guest.claim.as_ref().map(|claim| claim.name.clone()).unwrap_or_default();
                let mut row = vec![guest.vmid.to_string(), name];
                row.extend(["", "", "missing", "ours", "", ""].map(str::to_owned));
                row
            }
        })
        .collect();
    output::table(&["VMID", "NAME", "KIND", "NODE", "STATE", "MATCH", "CORES", "MEMORY"], &rows);
    Ok(())
}

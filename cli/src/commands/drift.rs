//! `mycopod drift`: what differs from what was put in force, field by field.

use crate::context::{Context, read_failed};
use crate::failure::{Code, Failure, Outcome};
use crate::{out, output};
use projections::model::DriftRow;
use std::path::Path;

pub async fn run(path: &Path, at: Option<i64>, exit_code: bool, json: bool) -> Outcome {
    let context = Context::open(path).await?;
    let reader = match at {
        Some(position) => context.reader.at(&context.store, position),
        None => context.reader.clone(),
    };
    let view = reader.cluster().await.map_err(read_failed)?;
    let now = chrono::Utc::now();
    let open = view.drift.iter().filter(|row| row.is_open(now)).count();
    if json {
        output::json(&view.drift);
    } else {
        let line = |row: &DriftRow| {
            let drift = &row.drift;
            let guest =
                drift.vmid.map_or_else(|| drift.name.clone(), |vmid| format!("{} ({vmid})", drift.name));
            let since = drift.since.with_timezone(&chrono::Local).format("%d %b %H:%M:%S %Z").to_string();
            let state = if row.is_open(now) { "drifted" } else { "left alone" };
            let by = drift.by.clone().unwrap_or_else(|| "not told".into());
            let (field, declared, observed) =
                (drift.field.clone(), drift.declared.clone(), drift.observed.clone());
            vec![guest, field, declared, observed, since, by, state.to_owned()]
        };
        if view.drift.is_empty() {
            out!("Nothing differs.");
        } else {
            let rows: Vec<_> = view.drift.iter().map(line).collect();
            output::table(&["GUEST", "FIELD", "DECLARED", "OBSERVED", "SINCE", "BY", "STATE"], &rows);
        }
        for (subject, why) in &view.meta.unjudged {
            out!("Cannot tell: {subject}: {why}");
        }
    }
    if exit_code && open > 0 {
        let what = format!(
            "{open} {} from what was put in force",
            if open == 1 { "field differs" } else { "fields differ" }
        );
        return Err(Failure::new(Code::Differences, what, "look at the Drift page"));
    }
    Ok(())
}

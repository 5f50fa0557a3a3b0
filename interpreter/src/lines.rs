//! The line protocol of `mycopod interpret`.
//!
//! Begin with [`run`].

use crate::model::judged;
use crate::{Context, Scripted};
use domain::facts::Facts;
use domain::interpretation::{Interpretation, Kind};
use serde::Deserialize;
use std::io::{self, BufRead, Read, Write};
use std::time::Instant;

/// How declarations come in and answers go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One declaration until the end of input, one document.
    Json,
    /// Lines `{"id","text"}`, lines `{"id","interpretation","ms"}`.
    Lines,
    /// Lines `{"id","declaration","model_output"}`, lines `{"id","outcome","interpretation"}`.
    Replay,
}

#[derive(Deserialize)]
struct Line {
    id: serde_json::Value,
    #[serde(default)]
    text: String,
    #[serde(default)]
    declaration: String,
    model_output: Option<String>,
}

/// Reads declarations, writes answers. A line that is no such line is answered with an error on that line.
pub fn run(form: Form, facts: &Facts, input: &mut dyn BufRead, output: &mut dyn Write) -> io::Result<()> {
    if form == Form::Json {
        let mut bytes = Vec::new();
        input.take(crate::limits::LINE_BYTES_MAX as u64).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let answer = Scripted::read(&text, facts, &Context::default());
        serde_json::to_writer(&mut *output, &answer)?;
        writeln!(output)?;
        return output.flush();
    }
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut *input).take(crate::limits::LINE_BYTES_MAX as u64).read_until(b'\n', &mut line)?;
        if read == 0 {
            return output.flush();
        }
        if read == crate::limits::LINE_BYTES_MAX && line.last() != Some(&b'\n') {
            // The rest of a line that is too long is passed over without being kept.
            input.skip_until(b'\n')?;
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let answer = match serde_json::from_slice::<Line>(&line) {
            Ok(one) => answer(form, &one, facts),
            Err(error) => serde_json::json!({"id": null, "error": error.to_string()}),
        };
        serde_json::to_writer(&mut *output, &answer)?;
        writeln!(output)?;
    }
}

fn answer(form: Form, line: &Line, facts: &Facts) -> serde_json::Value {
    if form == Form::Replay {
        return match judged(line.model_output.as_deref().unwrap_or(""), &line.declaration, facts) {
            Ok(answer) => {
                serde_json::json!({"id": line.id, "outcome": outcome(&answer), "interpretation": answer})
            }
            Err(why) => {
                serde_json::json!({"id": line.id, "outcome": "reject", "interpretation": null, "why": why.to_string()})
            }
        };
    }
    let started = Instant::now();
    let read = Scripted::read(&line.text, facts, &Context::default());
    let ms = started.elapsed().as_secs_f64() * 1000.0;
    serde_json::json!({"id": line.id, "interpretation": read, "ms": ms})
}

fn outcome(judged: &Interpretation) -> &'static str {
    match judged.kind {
        Kind::Desired => "desired",
        Kind::Question => "question",
        Kind::Refusal => "refusal",
    }
}

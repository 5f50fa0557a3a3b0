//! `interpret --json|--jsonl|--replay --cluster FILE`: the line protocol on standard input and output.

use interpreter::lines::{Form, run};
use std::io::{BufReader, BufWriter, stdin, stdout};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut form, mut cluster) = (Form::Json, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--json" => form = Form::Json,
            "--jsonl" => form = Form::Lines,
            "--replay" => form = Form::Replay,
            "--cluster" => cluster = arguments.next(),
            other => return Err(format!("unknown argument {other}").into()),
        }
    }
    let path = cluster.ok_or("--cluster FILE is missing")?;
    let facts = serde_json::from_slice(&std::fs::read(path)?)?;
    run(form, &facts, &mut BufReader::new(stdin()), &mut BufWriter::new(stdout()))?;
    Ok(())
}

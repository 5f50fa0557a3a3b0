//! `mycopod-verify`: holds a log against itself and against evidence kept elsewhere. [`USAGE`] has its options.

use std::process::ExitCode;
use verifier::{Evidence, Report};

const USAGE: &str = "\
Usage: mycopod-verify [--key HEX]... [--checkpoints FILE]... [--anchor 'POSITION sha256:HEX']... [DATABASE]

Checks every event of the log in DATABASE (or $DATABASE_URL), such as postgres://auditor@host/mycopod or
postgres:///mycopod?host=/run/postgresql&user=auditor. A password is taken from $PGPASSWORD, because others can
read a command line. Connections are not encrypted: use the server's socket or an SSH tunnel.

  --key HEX             public key of the signer, 64 digits; then each checkpoint must be signed by one given
  --checkpoints FILE    exported checkpoints; needs --key
  --anchor TEXT         a position and hash that was kept elsewhere, such as in a commit

Ends with 0 if the log is good, 7 if it is not, 6 if the database cannot be read, 2 if the options are wrong.";

const BAD: u8 = 7;
const OUT_OF_REACH: u8 = 6;
const WRONG_OPTIONS: u8 = 2;
const CONNECT_SECONDS_MAX: u64 = 10;

/// The options, read.
struct Options {
    database: String,
    evidence: Evidence,
    notes: Vec<String>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let options = match options(arguments) {
        Ok(options) => options,
        Err(why) => return failed(WRONG_OPTIONS, &format!("{why}\n\n{USAGE}")),
    };
    options.notes.iter().for_each(|note| eprintln!("{note}"));
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(OUT_OF_REACH, &error.to_string()),
    };
    match runtime.block_on(run(&options)) {
        Err(why) => failed(OUT_OF_REACH, &why),
        Ok(report) => tell(&report, &options.evidence),
    }
}

fn failed(code: u8, why: &str) -> ExitCode {
    eprintln!("mycopod-verify: {why}");
    ExitCode::from(code)
}

fn options(arguments: Vec<String>) -> Result<Options, String> {
    let (mut database, mut evidence) = (std::env::var("DATABASE_URL").ok(), Evidence::default());
    let (mut files, mut notes) = (Vec::new(), Vec::new());
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--key" => evidence.trust(&value()?).map_err(|error| error.to_string())?,
            "--anchor" => evidence.anchor(&value()?).map_err(|error| error.to_string())?,
            "--checkpoints" => files.push(value()?),
            option if option.starts_with('-') => return Err(format!("there is no option {option}")),
            _ => database = Some(argument),
        }
    }
    if !files.is_empty() && evidence.keys().is_empty() {
        return Err("--checkpoints needs --key: without it anybody could have written the file".into());
    }
    for file in files {
        let text = std::fs::read(&file).map_err(|error| format!("{file} cannot be read: {error}"))?;
        let skipped = evidence.exported(&String::from_utf8_lossy(&text));
        if skipped.malformed > 0 {
            notes.push(format!("{file}: {} lines are no checkpoints and were skipped.", skipped.malformed));
        }
        if skipped.untrusted > 0 {
            notes.push(format!("{file}: {} checkpoints are signed by no key given here.", skipped.untrusted));
        }
    }
    let database = database.ok_or("no database is given")?;
    Ok(Options { database, evidence, notes })
}

async fn run(options: &Options) -> Result<Report, String> {
    let mut config: tokio_postgres::Config =
        options.database.parse().map_err(|error| format!("the database address is not valid: {error}"))?;
    if let (None, Ok(password)) = (config.get_password(), std::env::var("PGPASSWORD")) {
        config.password(password);
    }
    config.connect_timeout(std::time::Duration::from_secs(CONNECT_SECONDS_MAX));
    let connecting = config.connect(tokio_postgres::NoTls).await;
    let (mut client, connection) =
        connecting.map_err(|error| format!("the database is out of reach: {}", causes(&error)))?;
    // It ends with the client; an error shows there too.
    tokio::spawn(async move { drop(connection.await) });
    verifier::verify(&mut client, &options.evidence).await.map_err(|error| causes(&error))
}

fn causes(error: &dyn std::error::Error) -> String {
    let cause = error.source().map(|source| format!(": {}", causes(source)));
    error.to_string() + &cause.unwrap_or_default()
}

fn tell(report: &Report, evidence: &Evidence) -> ExitCode {
    if let Some(found) = &report.first_bad {
        println!("BAD: event {}: {}", found.position, found.why);
        println!("{} events before it hold.", report.events.min(found.position - 1));
        return ExitCode::from(BAD);
    }
    let Report { head, streams, seals, sealed_to, evidence_to, .. } = report;
    println!("OK: {} events in {streams} streams, sha256:{}", report.events, hex::encode(head.chain));
    let signed = if evidence.keys().is_empty() { "not checked: no key given" } else { "checked" };
    println!("{seals} checkpoints up to event {sealed_to}, signatures {signed}.");
    match head.position - evidence_to {
        0 => println!("Evidence from outside reaches to the end."),
        rest => println!("Nothing from outside vouches for the last {rest} events."),
    }
    ExitCode::SUCCESS
}

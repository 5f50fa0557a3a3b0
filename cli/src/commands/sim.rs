//! `mycopod sim`: the simulated Proxmox VE alone.

use crate::args::{Preset, SimArgs};
use crate::failure::{Code, Failure, Outcome};
use crate::out;
use simulator::{Base, FaultRule, SimConfig, SimError, Simulator};

pub async fn run(args: SimArgs) -> Outcome {
    if args.coverage {
        return coverage().await;
    }
    let mut config = base(&args)?;
    config.listen = args.listen;
    config.plain = args.plain;
    config.stale_resources = true;
    config.seed = args.seed;
    config.time_scale = args.time_scale;
    config.node_name.clone_from(&args.node);
    config.state_file.clone_from(&args.state);
    if !args.control.ip().is_loopback() {
        return Err(usage(args.control, "the control port has no sign-in: name a loopback address"));
    }
    config.control = args.control;
    for text in &args.fault {
        config.faults.extend(rules(text)?);
    }
    if args.token.is_empty() {
        let secret = uuid::Uuid::new_v4().to_string();
        out!("token        root@pam!sim={secret}");
        config = config.with_token("root@pam!sim", secret);
    }
    for token in &args.token {
        let (id, secret) = token
            .split_once('=')
            .filter(|(id, _)| id.contains('!') && id.contains('@'))
            .ok_or_else(|| usage("a value of --token is not a token", "write USER@REALM!ID=UUID"))?;
        config = config.with_token(id, secret);
    }
    for pair in &args.password {
        let (user, password) = pair
            .split_once('=')
            .ok_or_else(|| usage("a value of --password is not a pair", "write USER@REALM=PASSWORD"))?;
        config.passwords.push((user.to_owned(), password.to_owned()));
    }
    let running = Simulator::start(config).await.map_err(failed)?;
    out!("simulator    {} (not a real cluster)", running.base_url());
    out!("fingerprint  {}", running.fingerprint());
    out!("control      http://{}", running.control_addr());
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = super::terminated() => {}
    }
    running.shutdown().await.map_err(failed)
}

fn failed(error: SimError) -> Failure {
    let next = error.advice();
    Failure::new(Code::Failed, error, next)
}

fn usage(what: impl std::fmt::Display, next: &str) -> Failure {
    Failure::new(Code::Usage, what, next)
}

/// The cluster at the first moment.
fn base(args: &SimArgs) -> Result<SimConfig, Failure> {
    let base = match (&args.cluster, args.preset) {
        (Some(path), _) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| usage(format!("{}: {error}", path.display()), "name a cluster file"))?;
            return SimConfig::from_cluster_json(&text).map_err(failed);
        }
        (None, Some(Preset::Golden)) => Base::Golden,
        (None, None) => Base::Nodes(args.nodes as usize),
    };
    Ok(SimConfig { base, ..SimConfig::default() })
}

/// What a rule looks like, for who wrote it otherwise.
const RULE_FORM: &str = r#"write {"id":"a","match":{"method":"POST","path":"/nodes/*/qemu"},"nth":[1,1],"action":{"kind":"drop_after_effect"}}"#;

/// Rules out of JSON, or out of a file with JSON: one rule or a list.
fn rules(text: &str) -> Result<Vec<FaultRule>, Failure> {
    let json = match text.trim_start().starts_with(['{', '[']) {
        true => text.to_owned(),
        false => std::fs::read_to_string(text)
            .map_err(|error| usage(format!("{text}: {error}"), "name a file with fault rules"))?,
    };
    serde_json::from_str::<Vec<FaultRule>>(&json)
        .or_else(|_| serde_json::from_str::<FaultRule>(&json).map(|rule| vec![rule]))
        .map_err(|error| usage(format!("the fault rules: {error}"), RULE_FORM))
}

/// Prints every method with whether it has state, and the sums.
async fn coverage() -> Outcome {
    let all = simulator::coverage().await.map_err(failed)?;
    for method in &all {
        out!("{:5} {:6} {}", if method.state { "state" } else { "501" }, method.verb, method.path);
    }
    let with_state = all.iter().filter(|m| m.state).count();
    out!("{with_state} of {} methods have state; all are routed and checked", all.len());
    Ok(())
}

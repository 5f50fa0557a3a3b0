//! `mycopod sim`: the simulated Proxmox VE alone.

use crate::args::SimArgs;
use crate::failure::{Code, Failure, Outcome};
use simulator::{Base, SimConfig, Simulator};

pub async fn run(args: SimArgs) -> Outcome {
    let failed = |error: simulator::SimError| {
        let next = error.advice();
        Failure::new(Code::Failed, error, next)
    };
    let mut config = match &args.cluster {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| {
                Failure::new(Code::Usage, format!("{}: {error}", path.display()), "name a cluster file")
            })?;
            SimConfig::from_cluster_json(&text).map_err(failed)?
        }
        None => SimConfig { base: Base::Nodes(args.nodes as usize), ..SimConfig::default() },
    };
    config.listen = args.listen;
    config.seed = args.seed;
    config.time_scale = args.time_scale;
    if args.token.is_empty() {
        let secret = uuid::Uuid::new_v4().to_string();
        println!("token        root@pam!sim={secret}");
        config = config.with_token("root@pam!sim", secret);
    }
    for token in &args.token {
        let (id, secret) = token.split_once('=').ok_or_else(|| {
            Failure::new(Code::Usage, format!("{token} is not a token"), "write USER@REALM!ID=UUID")
        })?;
        config = config.with_token(id, secret);
    }
    let running = Simulator::start(config).await.map_err(failed)?;
    println!("simulator    {} (not a real cluster)", running.base_url());
    println!("fingerprint  {}", running.fingerprint());
    println!("control      http://{}", running.control_addr());
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = super::terminated() => {}
    }
    running.shutdown().await.map_err(failed)
}

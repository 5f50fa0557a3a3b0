//! Runs one simulated cluster until it is interrupted: for recorded conversations and for trying things by hand.
//!
//! `serve [--cluster FILE | --nodes N | --golden] --token ID=SECRET [--listen ADDR] [--time-scale X] [--seed N] [--state FILE]`

use simulator::{Base, SimConfig, Simulator};
use std::error::Error;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut config = SimConfig::default();
    let mut args = std::env::args().skip(1);
    while let Some(name) = args.next() {
        if name == "--golden" {
            config.base = Base::Golden;
            continue;
        }
        let value = args.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--cluster" => {
                config.base = Base::Cluster(serde_json::from_str(&std::fs::read_to_string(value)?)?)
            }
            "--nodes" => config.base = Base::Nodes(value.parse()?),
            "--token" => {
                let (id, secret) = value.split_once('=').ok_or("--token needs ID=SECRET")?;
                config.tokens.push((id.into(), secret.into()));
            }
            "--listen" => config.listen = value.parse()?,
            "--time-scale" => config.time_scale = value.parse()?,
            "--seed" => config.seed = value.parse()?,
            "--state" => config.state_file = Some(value.into()),
            other => return Err(format!("unknown option {other}").into()),
        }
    }
    let running = Simulator::start(config).await?;
    println!("api         {}", running.base_url());
    println!("fingerprint {}", running.fingerprint());
    println!("control     http://{}", running.control_addr());
    tokio::signal::ctrl_c().await?;
    running.shutdown().await?;
    Ok(())
}

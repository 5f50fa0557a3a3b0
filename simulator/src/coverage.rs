//! Which methods of the contract have state behind them.
//!
//! Begin with [`coverage`]. It asks every method once, on a cluster of its own, and looks who answers that
//! the simulator lacks it; nothing is listed by hand.

use crate::api::{self, Call};
use crate::auth::Who;
use crate::contract::Contract;
use crate::contract::check::Checked;
use crate::engine::Engine;
use crate::state::{Guest, Kind};
use crate::{SimConfig, SimError};
use serde_json::{Value, json};
use std::sync::Arc;

/// One method and whether the simulator carries it out.
#[derive(Clone, Debug)]
pub struct Covered {
    pub verb: String,
    pub path: String,
    /// False: it is routed, checked and then answered with 501.
    pub state: bool,
}

/// Asks every method of the contract.
pub async fn coverage() -> Result<Vec<Covered>, SimError> {
    let methods: Vec<(String, String)> = Contract::load()
        .map_err(SimError::Contract)?
        .methods()
        .map(|m| (m.verb.clone(), m.path.clone()))
        .collect();
    let mut out = Vec::new();
    let engine = engine()?;
    for (verb, path) in methods {
        let mut params = Checked::new();
        for name in path.split(['{', '}']).skip(1).step_by(2) {
            params.insert(name.to_owned(), example(name, &path));
        }
        let call = Call {
            engine: engine.clone(),
            who: Who { user: "root@pam".into(), token: String::new() },
            verb: verb.clone(),
            path: path.clone(),
            template: path.clone(),
            params,
            file: None,
            faults: Vec::new(),
        };
        let state = !api::dispatch(&call).await.is_err_and(|fail| fail.is_lacking());
        engine.reset();
        out.push(Covered { verb, path, state });
    }
    Ok(out)
}

/// One node with one machine and one container, and a clock that runs at once.
fn engine() -> Result<Arc<Engine>, SimError> {
    let config = SimConfig { time_scale: 0.0, ..SimConfig::default() };
    let chance = crate::chance::Chance::new(1);
    let contract = Contract::load().map_err(SimError::Contract)?;
    let mut world = crate::state::load::golden();
    world.access = crate::auth::AccessDb::fresh();
    for (vmid, kind) in [(100, Kind::Vm), (200, Kind::Ct)] {
        let mut guest = Guest::new(vmid, kind, "pve1");
        guest.config.insert("agent".into(), "1".into());
        guest.running_since = Some(crate::state::now());
        world.guests.insert(vmid, guest);
    }
    Ok(Arc::new(Engine::new(&config, contract, chance, world.clone(), world, String::new())))
}

fn example(name: &str, path: &str) -> Value {
    json!(match name {
        "node" => "pve1",
        "vmid" if path.contains("/lxc") => "200",
        "vmid" => "100",
        "storage" => "local",
        "volume" => "local:iso/tiny.iso",
        "upid" => "UPID:pve1:00000001:00000001:00000001:x::root@pam:",
        _ => "one",
    })
}

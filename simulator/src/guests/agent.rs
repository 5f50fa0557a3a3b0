//! The guest agent: whether it answers, and the addresses it tells.
//!
//! Commands and files inside guests are not simulated.

use crate::api::{Call, Fail, Reply};
use crate::contract::props;
use crate::state::{Guest, Kind};
use serde_json::{Value, json};

const COMMANDS: &str = "exec exec-status file-read file-write fsfreeze-freeze fsfreeze-status fsfreeze-thaw fstrim get-fsinfo \
    get-host-name get-memory-block-info get-memory-blocks get-osinfo get-time get-timezone get-users get-vcpus info \
    network-get-interfaces ping set-user-password shutdown suspend-disk suspend-hybrid suspend-ram";

/// `…/qemu/{vmid}/agent/…`; none for commands that are not simulated on a running guest.
pub fn dispatch(call: &Call, command: &str) -> Option<Result<Reply, Fail>> {
    let world = call.engine.world();
    let guest = match world.guest(call.node(), Kind::Vm, call.vmid()) {
        Ok(guest) => guest,
        Err(text) => return Some(Err(text.into())),
    };
    if command.is_empty() {
        return Some(Ok(Reply::data(json!(
            COMMANDS.split_whitespace().map(|c| json!({"name": c})).collect::<Vec<_>>()
        ))));
    }
    let keys = guest.get("agent").map(|a| props::parse(call.contract(), "agent", a)).unwrap_or_default();
    if keys.get("enabled").is_none_or(|e| e != "1") {
        return Some(Err(Fail::text("No QEMU guest agent configured")));
    }
    if !guest.running() {
        return Some(Err(Fail::text(format!("VM {} is not running", guest.vmid))));
    }
    let result = match command {
        "ping" => json!({}),
        "network-get-interfaces" => interfaces(call, guest),
        "get-host-name" => json!({"host-name": super::views::name(guest)}),
        _ => return None,
    };
    Some(Ok(Reply::data(json!({"result": result}))))
}

/// Loopback and the cards with the addresses that cloud-init was given; an address by DHCP is not known here.
fn interfaces(call: &Call, guest: &Guest) -> Value {
    let mut out = vec![json!({"name": "lo", "hardware-address": "00:00:00:00:00:00",
        "ip-addresses": [{"ip-address": "127.0.0.1", "ip-address-type": "ipv4", "prefix": 8}]})];
    for index in 0..32 {
        let Some(card) = guest.get(&format!("net{index}")) else { continue };
        let mac = props::parse(call.contract(), "net-2", card).remove("macaddr").unwrap_or_default();
        let given = guest
            .get(&format!("ipconfig{index}"))
            .map(|c| props::parse(call.contract(), "pve-qm-ipconfig", c));
        let address = given.and_then(|mut c| c.remove("ip")).and_then(|ip| {
            let (ip, prefix) = ip.split_once('/')?;
            Some(json!({"ip-address": ip, "ip-address-type": "ipv4", "prefix": prefix.parse::<u8>().ok()?}))
        });
        out.push(json!({"name": format!("eth{index}"), "hardware-address": mac.to_lowercase(),
            "ip-addresses": address.into_iter().collect::<Vec<_>>()}));
    }
    json!(out)
}

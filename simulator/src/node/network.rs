//! Calls on `/nodes/{node}/network`: changes wait in a second file until they are applied.

use super::interfaces::{Iface, Ifaces};
use crate::api::{Call, Fail, Reply, words};
use crate::auth::Access;
use crate::state::{Bridge, Node, World};
use crate::tasks::{Halves, Job};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn gone() -> Fail {
    Fail::param("iface", "interface does not exist")
}

fn node<'w>(world: &'w mut World, call: &Call) -> Result<&'w mut Node, Fail> {
    let name = call.node();
    world.nodes.get_mut(name).ok_or_else(|| Fail::text(format!("no such node '{name}'")))
}

/// One interface as it is read back.
fn shown(node: &Node, name: &str, iface: &Iface) -> Value {
    let kind = iface.get("type").map_or("unknown", String::as_str);
    let mut out = json!({});
    for (key, value) in iface {
        out[key] = match key.as_str() {
            "autostart" | "priority" | "bridge_vlan_aware" | "active" => {
                value.parse::<u32>().map_or_else(|_| json!(value), |n| json!(n))
            }
            "comments" => json!(format!("{value}\n")),
            _ => json!(value),
        };
    }
    let way = |key: &str| if iface.contains_key(key) { "static" } else { "manual" };
    out["method"] = json!(way("address"));
    out["method6"] = json!(way("address6"));
    let mut families: Vec<&str> = Vec::new();
    families.extend(iface.contains_key("address").then_some("inet"));
    families.extend(iface.contains_key("address6").then_some("inet6"));
    out["families"] = if families.is_empty() { json!(["inet"]) } else { json!(families) };
    for (address, mask, cidr) in [("address", "netmask", "cidr"), ("address6", "netmask6", "cidr6")] {
        if let (Some(address), Some(mask)) = (iface.get(address), iface.get(mask)) {
            out[cidr] = json!(format!("{address}/{mask}"));
        }
    }
    match kind {
        "bridge" => {
            for (key, value) in [("bridge_fd", "0"), ("bridge_ports", ""), ("bridge_stp", "off")] {
                if !iface.contains_key(key) {
                    out[key] = json!(value);
                }
            }
            if iface.get("bridge_vlan_aware").is_some_and(|a| a == "1") && !iface.contains_key("bridge_vids")
            {
                out["bridge_vids"] = json!("2-4094");
            }
            if node.bridges.get(name).is_some_and(|b| b.up) {
                out["active"] = json!(1);
            }
        }
        "vlan" => {
            if let Some((raw, tag)) = name.rsplit_once('.') {
                out["vlan-raw-device"] = json!(raw);
                out["vlan-id"] = json!(tag);
            }
            out["exists"] = Value::Null;
        }
        "eth" if node.interfaces.cards.iter().any(|c| c == name) => {
            out["active"] = json!(1);
            out["exists"] = json!(1);
        }
        _ => {}
    }
    out
}

/// The interfaces calls see, physical cards included.
fn seen(node: &Node) -> Ifaces {
    let mut out = node.interfaces.seen().clone();
    for card in &node.interfaces.cards {
        out.entry(card.clone()).or_insert_with(|| Iface::from([("type".into(), "eth".into())]));
    }
    out
}

fn bridge_visible(access: &Access, world: &World, name: &str) -> bool {
    let path = format!("/sdn/zones/localnetwork/{name}");
    access.allows(world, &path, "SDN.Audit") || access.allows(world, &path, "SDN.Use")
}

/// `GET /nodes/{node}/network`.
pub fn list(call: &Call) -> Result<Reply, Fail> {
    let mut world = call.engine.world();
    node(&mut world, call)?;
    let access = call.access();
    let wanted = call.text("type");
    let Some(node) = world.nodes.get(call.node()) else { return Ok(Reply::data(json!([]))) };
    let mut out = Vec::new();
    for (name, iface) in seen(node) {
        let kind = iface.get("type").map_or("", String::as_str);
        let bridge = matches!(kind, "bridge" | "OVSBridge");
        let fits = match wanted {
            None => true,
            Some("any_bridge" | "any_local_bridge") => bridge,
            Some(other) => other == kind,
        };
        if fits && (!bridge || bridge_visible(&access, &world, &name)) {
            let mut entry = shown(node, &name, &iface);
            entry["iface"] = json!(name);
            out.push(entry);
        }
    }
    Ok(Reply { changes: node.interfaces.changes(), ..Reply::data(json!(out)) })
}

/// `GET /nodes/{node}/network/{iface}`.
pub fn one(call: &Call) -> Result<Reply, Fail> {
    let mut world = call.engine.world();
    let node = node(&mut world, call)?;
    let name = call.text("iface").unwrap_or_default();
    let all = seen(node);
    Ok(Reply::data(shown(node, name, all.get(name).ok_or_else(gone)?)))
}

/// The parameters as options, with addresses taken apart.
fn options(call: &Call) -> Result<Iface, Fail> {
    let mut out = Iface::new();
    for (key, value) in &call.params {
        if !matches!(key.as_str(), "node" | "iface" | "delete")
            && let Some(text) = value.as_str()
        {
            out.insert(key.clone(), text.to_owned());
        }
    }
    for (cidr, address, mask) in [("cidr", "address", "netmask"), ("cidr6", "address6", "netmask6")] {
        let Some(text) = out.remove(cidr) else { continue };
        for other in [address, mask] {
            if out.contains_key(other) {
                return Err(Fail::param(other, format!("{other} conflicts with {cidr}")));
            }
        }
        if let Some((host, prefix)) = text.rsplit_once('/') {
            out.insert(address.into(), host.to_owned());
            out.insert(mask.into(), prefix.to_owned());
        }
    }
    if let Some(vids) = out.get("bridge_vids") {
        let list: Vec<&str> = vids.split([' ', ',', ';']).filter(|w| !w.is_empty()).collect();
        if list.is_empty() {
            return Err(Fail::param("bridge_vids", "VLAN list items are empty"));
        }
        let joined = list.join(" ");
        out.insert("bridge_vids".into(), joined);
    }
    if out.get("autostart").is_some_and(|a| a != "1") {
        out.remove("autostart");
    }
    Ok(out)
}

/// Gateways and ports belong to one interface only.
fn unique(all: &Ifaces, name: &str, new: &Iface) -> Result<(), Fail> {
    for (key, text) in [("gateway", "Default gateway"), ("gateway6", "Default ipv6 gateway")] {
        let holder = all.iter().find(|(other, i)| *other != name && i.contains_key(key));
        if let (Some(_), Some((holder, _))) = (new.get(key), holder) {
            return Err(Fail::param(key, format!("{text} already exists on interface '{holder}'.")));
        }
    }
    for key in ["bridge_ports", "ovs_ports", "slaves", "ovs_bonds"] {
        for port in new.get(key).map_or("", String::as_str).split_whitespace() {
            let holder = all.iter().find(|(other, i)| {
                *other != name
                    && ["bridge_ports", "ovs_ports", "slaves", "ovs_bonds"]
                        .iter()
                        .any(|k| i.get(*k).is_some_and(|l| l.split_whitespace().any(|p| p == port)))
            });
            if let Some((holder, _)) = holder {
                return Err(Fail::param(key, format!("{port} is already used on interface '{holder}'.")));
            }
        }
    }
    if new.get("type").is_some_and(|t| t.starts_with("OVS")) {
        return Err(Fail::text("Open VSwitch is not installed (need package 'openvswitch-switch')"));
    }
    Ok(())
}

/// `POST /nodes/{node}/network`.
pub fn create(call: &Call) -> Result<Reply, Fail> {
    let mut world = call.engine.world();
    let node = node(&mut world, call)?;
    let name = call.text("iface").unwrap_or_default();
    let mut all = seen(node);
    if all.contains_key(name) {
        return Err(Fail::param("iface", "interface already exists"));
    }
    let new = options(call)?;
    unique(&all, name, &new)?;
    all.insert(name.to_owned(), new);
    node.interfaces.write(all)?;
    Ok(Reply::null())
}

/// `PUT /nodes/{node}/network/{iface}`.
pub fn update(call: &Call) -> Result<Reply, Fail> {
    let mut world = call.engine.world();
    let node = node(&mut world, call)?;
    let name = call.text("iface").unwrap_or_default();
    let mut all = seen(node);
    let mut iface = all.get(name).cloned().ok_or_else(gone)?;
    for key in words(call, "delete") {
        iface.remove(&key);
        let pair = match key.as_str() {
            "cidr" => ["address", "netmask"],
            "cidr6" => ["address6", "netmask6"],
            _ => continue,
        };
        pair.iter().for_each(|k| {
            iface.remove(*k);
        });
    }
    let new = options(call)?;
    unique(&all, name, &new)?;
    // Without an address in the call the interface has none afterwards.
    for (address, mask, gateway) in [("address", "netmask", "gateway"), ("address6", "netmask6", "gateway6")]
    {
        if !new.contains_key(address) {
            for key in [address, mask, gateway] {
                iface.remove(key);
            }
        }
    }
    if call.text("autostart").is_some_and(|a| a != "1") {
        iface.remove("autostart");
    }
    iface.extend(new);
    all.insert(name.to_owned(), iface);
    node.interfaces.write(all)?;
    Ok(Reply::null())
}

/// `DELETE /nodes/{node}/network/{iface}`.
pub fn delete(call: &Call) -> Result<Reply, Fail> {
    let mut world = call.engine.world();
    let node = node(&mut world, call)?;
    let mut all = seen(node);
    all.remove(call.text("iface").unwrap_or_default()).ok_or_else(gone)?;
    node.interfaces.write(all)?;
    Ok(Reply::null())
}

/// `DELETE /nodes/{node}/network`: forgets what waits.
pub fn revert(call: &Call) -> Result<Reply, Fail> {
    let mut world = call.engine.world();
    node(&mut world, call)?.interfaces.staged = None;
    Ok(Reply::null())
}

/// `PUT /nodes/{node}/network`: what waits becomes true.
pub fn apply(call: &Call) -> Result<Reply, Fail> {
    let home = call.node().to_owned();
    let job = Job {
        kind: "srvreload",
        id: "networking".into(),
        node: home.clone(),
        duration_ms: 2_000,
        locks: Vec::new(),
        wait_ms: 0,
        work: Box::new(move |_, _, _| {
            Ok(Halves::then(move |_, world, _| {
                if let Some(node) = world.nodes.get_mut(&home) {
                    node.interfaces.apply();
                    node.bridges = bridges(&node.interfaces.current);
                }
                Ok(())
            }))
        }),
    };
    Ok(Reply::data(json!(call.engine.start(call, job))))
}

/// The bridges that the kernel has once the file is applied.
fn bridges(ifaces: &Ifaces) -> BTreeMap<String, Bridge> {
    let made =
        ifaces.iter().filter(|(_, i)| i.get("type").is_some_and(|t| t == "bridge")).map(|(name, i)| {
            let cidr = i.get("address").zip(i.get("netmask")).map(|(a, m)| format!("{a}/{m}"));
            let vlan_aware = i.get("bridge_vlan_aware").is_some_and(|a| a == "1");
            (name.clone(), Bridge { vlan_aware, cidr, gateway: i.get("gateway").cloned(), up: true })
        });
    made.collect()
}

/// The interfaces file of a node with these bridges; `ports` names the card behind the first.
pub fn first_file(bridges: &BTreeMap<String, Bridge>, ports: bool) -> super::interfaces::Interfaces {
    let mut current = Ifaces::new();
    for (index, (name, bridge)) in bridges.iter().enumerate() {
        let mut iface =
            Iface::from([("type".to_owned(), "bridge".to_owned()), ("autostart".to_owned(), "1".to_owned())]);
        if ports {
            iface.insert("bridge_ports".into(), format!("eth{index}"));
            current.insert(format!("eth{index}"), Iface::from([("type".into(), "eth".into())]));
        }
        if bridge.vlan_aware {
            iface.insert("bridge_vlan_aware".into(), "1".into());
        }
        if let Some((address, prefix)) = bridge.cidr.as_deref().and_then(|c| c.split_once('/')) {
            iface.insert("address".into(), address.into());
            iface.insert("netmask".into(), prefix.into());
        }
        if let Some(gateway) = &bridge.gateway {
            iface.insert("gateway".into(), gateway.clone());
        }
        current.insert(name.clone(), iface);
    }
    let count = if ports { bridges.len().max(1) } else { 1 };
    super::interfaces::Interfaces {
        current: super::interfaces::arranged(current),
        staged: None,
        cards: (0..count).map(|n| format!("eth{n}")).collect(),
    }
}

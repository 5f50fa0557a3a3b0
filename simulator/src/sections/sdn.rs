//! Software defined networks: zones, virtual networks, subnets and their helpers, pending until applied.
//!
//! Begin with [`dispatch`]. Applying makes a bridge of each virtual network on every node.

use super::shelf::{Shelf, free, take};
use super::{Entry, Sections};
use crate::api::{Call, Fail, Reply};
use crate::state::{Bridge, World};
use crate::tasks::{Halves, Job};
use serde_json::{Value, json};

const ABSENT: &str = "sdn '{id}' does not exist";

macro_rules! shelf {
    ($kind:literal, $list:literal, $id:literal, $noun:literal) => {
        Shelf {
            kind: concat!("sdn/", $kind),
            list: $list,
            id: $id,
            exists: concat!("sdn ", $noun, " object ID '{id}' already defined"),
            absent: ABSENT,
            failed: [
                concat!("create sdn ", $noun, " object failed"),
                concat!("update sdn ", $noun, " object failed"),
                concat!("delete sdn ", $noun, " object failed"),
            ],
            defaults: &[],
            digest: true,
        }
    };
}

const ZONES: Shelf = shelf!("zones", "/cluster/sdn/zones", "zone", "zone");
const VNETS: Shelf = shelf!("vnets", "/cluster/sdn/vnets", "vnet", "vnet");
const CONTROLLERS: Shelf = shelf!("controllers", "/cluster/sdn/controllers", "controller", "controller");
const IPAMS: Shelf = shelf!("ipams", "/cluster/sdn/ipams", "ipam", "ipam");
const DNS: Shelf = shelf!("dns", "/cluster/sdn/dns", "dns", "dns");
const SUBNETS: &str = "sdn/subnets";
/// Lists that wait for being applied.
const PENDING: &[&str] = &["sdn/zones", "sdn/vnets", "sdn/subnets", "sdn/controllers"];

fn running(kind: &str) -> String {
    format!("running {kind}")
}

fn list<'w>(sections: &'w Sections, kind: &str) -> impl Iterator<Item = (&'w String, &'w Entry)> {
    sections.get(kind).into_iter().flatten()
}

/// Sends a call on `/cluster/sdn` or a node's view of it to its handler; none when there is none.
pub fn dispatch(call: &Call) -> Option<Result<Reply, Fail>> {
    let template = call.template.as_str();
    if template.starts_with("/nodes/{node}/sdn/zones") {
        return node_zones(call);
    }
    if !template.starts_with("/cluster/sdn") {
        return None;
    }
    for shelf in [ZONES, VNETS, CONTROLLERS, IPAMS, DNS] {
        if shelf.covers(template) {
            let views = call.verb == "GET" && (call.flag("pending") || call.flag("running"));
            if views && template == shelf.list {
                return Some(Ok(view(call, &shelf)));
            }
            return Some(match shelf.kind {
                "sdn/zones" => shelf.handle(call, zone_guard),
                "sdn/vnets" => shelf.handle(call, vnet_guard),
                _ => shelf.handle(call, free),
            });
        }
    }
    match (call.verb.as_str(), template) {
        ("PUT", "/cluster/sdn") => Some(Ok(apply(call))),
        (_, "/cluster/sdn/vnets/{vnet}/subnets" | "/cluster/sdn/vnets/{vnet}/subnets/{subnet}") => {
            Some(subnets(call))
        }
        _ => None,
    }
}

/// The list with what waits (`pending=1`), or as it is applied (`running=1`).
fn view(call: &Call, shelf: &Shelf) -> Reply {
    let world = call.engine.world();
    let applied = world.sections.get(&running(shelf.kind));
    if call.flag("running") {
        let all = applied.into_iter().flatten().map(|(id, e)| shelf.shown(call, &world, id, e));
        return Reply::data(json!(all.collect::<Vec<Value>>()));
    }
    let mut out = Vec::new();
    for (id, entry) in list(&world.sections, shelf.kind) {
        let old = applied.and_then(|a| a.get(id));
        let mut value = shelf.shown(call, &world, id, old.unwrap_or(entry));
        if old != Some(entry) {
            value["state"] = json!(if old.is_some() { "changed" } else { "new" });
            value["pending"] = json!(entry);
        }
        out.push(value);
    }
    for (id, entry) in applied.into_iter().flatten() {
        if !world.sections.get(shelf.kind).is_some_and(|s| s.contains_key(id)) {
            let mut value = shelf.shown(call, &world, id, entry);
            value["state"] = json!("deleted");
            out.push(value);
        }
    }
    Reply::data(json!(out))
}

fn zone_guard(_: &Call, world: &World, id: &str, entry: Option<&Entry>) -> Result<(), Fail> {
    let Some(entry) = entry else {
        let user = list(&world.sections, VNETS.kind).find(|(_, v)| v.get("zone").is_some_and(|z| z == id));
        return match user {
            Some((vnet, _)) => Err(Fail::text(format!("zone {id} is used by vnet {vnet}"))),
            None => Ok(()),
        };
    };
    let needed: &[&str] = match entry.get("type").map(String::as_str) {
        Some("vlan") => &["bridge"],
        Some("qinq") => &["bridge", "tag"],
        Some("vxlan") => &["peers"],
        Some("evpn") => &["controller", "vrf-vxlan"],
        _ => &[],
    };
    match needed.iter().find(|k| !entry.contains_key(**k)) {
        Some(missing) => Err(Fail::text(format!("missing value for required option '{missing}'"))),
        None => Ok(()),
    }
}

fn vnet_guard(_: &Call, world: &World, id: &str, entry: Option<&Entry>) -> Result<(), Fail> {
    match entry {
        None => match list(&world.sections, SUBNETS).find(|(_, s)| s.get("vnet").is_some_and(|v| v == id)) {
            Some(_) => Err(Fail::text("Can't delete vnet if subnets exists")),
            None => Ok(()),
        },
        Some(entry) => {
            let zone = entry.get("zone").cloned().unwrap_or_default();
            let known = list(&world.sections, ZONES.kind).any(|(id, _)| *id == zone);
            if known { Ok(()) } else { Err(Fail::text(format!("zone {zone} don't exist"))) }
        }
    }
}

/// `/cluster/sdn/vnets/{vnet}/subnets…`: the id is made of zone, address and prefix.
fn subnets(call: &Call) -> Result<Reply, Fail> {
    let mut world = call.engine.world();
    let vnet = call.text("vnet").unwrap_or_default().to_owned();
    let zone = list(&world.sections, VNETS.kind)
        .find(|(id, _)| **id == vnet)
        .and_then(|(_, v)| v.get("zone").cloned());
    let zone = zone.ok_or_else(|| Fail::text(ABSENT.replace("{id}", &vnet)))?;
    let given = call.text("subnet").unwrap_or_default();
    let id = match given.contains('/') {
        true => format!("{zone}-{}", given.replace('/', "-")),
        false => given.to_owned(),
    };
    let shown = |id: &str, entry: &Entry| {
        let mut out = json!({"subnet": id, "id": id, "type": "subnet", "zone": zone});
        for (key, value) in entry {
            out[key] = super::typed(call, "POST", "/cluster/sdn/vnets/{vnet}/subnets", key, value);
        }
        out["cidr"] = json!(id.split_once('-').map(|(_, rest)| rest.replacen('-', "/", 1)));
        out
    };
    let own = |entry: &Entry| entry.get("vnet") == Some(&vnet);
    let known =
        list(&world.sections, SUBNETS).find(|(other, e)| **other == id && own(e)).map(|(_, e)| e.clone());
    match (call.verb.as_str(), known) {
        ("GET", _) if call.template.ends_with("/subnets") => {
            let all = list(&world.sections, SUBNETS).filter(|(_, e)| own(e)).map(|(id, e)| shown(id, e));
            return Ok(Reply::data(json!(all.collect::<Vec<_>>())));
        }
        ("POST", Some(_)) => {
            return Err(Fail::text(format!(
                "create sdn subnet object failed: sdn subnet object ID '{id}' already defined"
            )));
        }
        ("POST", None) => {
            let mut entry = Entry::from([("vnet".to_owned(), vnet.clone())]);
            take(call, "subnet", &mut entry);
            entry.remove("type");
            world.sections.entry(SUBNETS.into()).or_default().insert(id, entry);
        }
        (_, None) => return Err(Fail::text(ABSENT.replace("{id}", &id))),
        ("GET", Some(entry)) => return Ok(Reply::data(shown(&id, &entry))),
        ("DELETE", Some(_)) => {
            if let Some(all) = world.sections.get_mut(SUBNETS) {
                all.remove(&id);
            }
        }
        (_, Some(mut entry)) => {
            for key in crate::api::words(call, "delete") {
                entry.remove(&key);
            }
            take(call, "subnet", &mut entry);
            world.sections.entry(SUBNETS.into()).or_default().insert(id, entry);
        }
    }
    Ok(Reply::null())
}

/// `PUT /cluster/sdn`: what waits becomes true on every node.
fn apply(call: &Call) -> Reply {
    let (home, nodes): (String, Vec<String>) = {
        let mut world = call.engine.world();
        for kind in PENDING {
            let now = world.sections.get(*kind).cloned().unwrap_or_default();
            world.sections.insert(running(kind), now);
        }
        let names: Vec<String> = world.nodes.keys().cloned().collect();
        (names.first().cloned().unwrap_or_default(), names)
    };
    for node in &nodes {
        let home = node.clone();
        let job = Job {
            kind: "srvreload",
            id: "networking".into(),
            node: node.clone(),
            duration_ms: 2_000,
            locks: Vec::new(),
            wait_ms: 0,
            work: Box::new(move |_, _, _| {
                Ok(Halves::then(move |_, world, _| {
                    bridges(world, &home);
                    Ok(())
                }))
            }),
        };
        call.engine.start(call, job);
    }
    let job = Job {
        kind: "reloadnetworkall",
        id: String::new(),
        node: home,
        duration_ms: 2_500,
        locks: Vec::new(),
        wait_ms: 0,
        work: Box::new(move |_, _, log| {
            log.extend(nodes.iter().map(|n| format!("{n}: reloading network config")));
            Ok(Halves::nothing())
        }),
    };
    Reply::data(json!(call.engine.start(call, job)))
}

fn bridges(world: &mut World, node: &str) {
    let names: Vec<String> =
        world.sections.get(&running(VNETS.kind)).into_iter().flatten().map(|(id, _)| id.clone()).collect();
    if let Some(node) = world.nodes.get_mut(node) {
        for name in names {
            node.bridges.entry(name).or_insert_with(|| Bridge { up: true, ..Bridge::default() });
        }
    }
}

/// `GET /nodes/{node}/sdn/zones…`: what a node made of the zones.
fn node_zones(call: &Call) -> Option<Result<Reply, Fail>> {
    let world = call.engine.world();
    let zones = world.sections.get(&running(ZONES.kind));
    match (call.verb.as_str(), call.template.as_str()) {
        ("GET", "/nodes/{node}/sdn/zones") => {
            let all = zones.into_iter().flatten().map(|(id, _)| json!({"zone": id, "status": "available"}));
            Some(Ok(Reply::data(json!(all.collect::<Vec<_>>()))))
        }
        ("GET", "/nodes/{node}/sdn/zones/{zone}/content") => {
            let zone = call.text("zone").unwrap_or_default();
            let vnets = world.sections.get(&running(VNETS.kind));
            let own = vnets.into_iter().flatten().filter(|(_, v)| v.get("zone").is_some_and(|z| z == zone));
            Some(Ok(Reply::data(json!(
                own.map(|(id, _)| json!({"vnet": id, "status": "available"})).collect::<Vec<_>>()
            ))))
        }
        _ => None,
    }
}

//! Small facts of a node: DNS, time, hosts, the node's own options, appliance templates.

use crate::api::{Call, Fail, Reply, words};
use crate::limits::MIB_BYTES;
use crate::state::{Entry, Node, Volume, World, now, sha1_hex};
use crate::storage;
use crate::tasks::{Halves, Job};
use serde_json::{Value, json};

fn node<'w>(world: &'w mut World, call: &Call) -> Result<&'w mut Node, Fail> {
    let name = call.node();
    world.nodes.get_mut(name).ok_or_else(|| Fail::text(format!("no such node '{name}'")))
}

/// `GET /nodes/{node}/dns`.
pub fn dns(call: &Call) -> Result<Reply, Fail> {
    let mut world = call.engine.world();
    let settings = &node(&mut world, call)?.settings;
    let mut out = json!({"search": "example.org", "dns1": "192.0.2.1"});
    for key in ["search", "dns1", "dns2", "dns3"] {
        if let Some(text) = settings.get(key) {
            out[key] = json!(text);
        }
    }
    Ok(Reply::data(out))
}

/// `PUT /nodes/{node}/dns`.
pub fn set_dns(call: &Call) -> Result<Reply, Fail> {
    let mut world = call.engine.world();
    let settings = &mut node(&mut world, call)?.settings;
    for key in ["search", "dns1", "dns2", "dns3"] {
        match call.text(key) {
            Some(text) => settings.insert(key.to_owned(), text.to_owned()),
            None => settings.remove(key),
        };
    }
    Ok(Reply::null())
}

/// `GET /nodes/{node}/time`.
pub fn time(call: &Call) -> Result<Reply, Fail> {
    let mut world = call.engine.world();
    let zone = node(&mut world, call)?.settings.get("timezone").cloned().unwrap_or_else(|| "UTC".into());
    Ok(Reply::data(json!({"timezone": zone, "time": now(), "localtime": now()})))
}

/// `PUT /nodes/{node}/time`.
pub fn set_time(call: &Call) -> Result<Reply, Fail> {
    let mut world = call.engine.world();
    let zone = call.text("timezone").unwrap_or_default().to_owned();
    let known = zone == "UTC" || zone.split_once('/').is_some_and(|(_, city)| !city.is_empty());
    if !known {
        return Err(Fail::text(format!("No such timezone: '{zone}'")));
    }
    node(&mut world, call)?.settings.insert("timezone".into(), zone);
    Ok(Reply::null())
}

fn hosts_text(call: &Call, node: &Node) -> String {
    node.settings
        .get("hosts")
        .cloned()
        .unwrap_or_else(|| format!("127.0.0.1 localhost\n{} {}\n", node.address, call.node()))
}

/// `GET /nodes/{node}/hosts`.
pub fn hosts(call: &Call) -> Result<Reply, Fail> {
    let mut world = call.engine.world();
    let text = hosts_text(call, node(&mut world, call)?);
    Ok(Reply::data(json!({"digest": sha1_hex(&text), "data": text})))
}

/// `POST /nodes/{node}/hosts`.
pub fn set_hosts(call: &Call) -> Result<Reply, Fail> {
    let mut world = call.engine.world();
    let node = node(&mut world, call)?;
    let digest = sha1_hex(&hosts_text(call, node));
    if call.text("digest").is_some_and(|d| d != digest) {
        return Err(Fail::text("detected modified configuration - file changed by other user? Try again."));
    }
    node.settings.insert("hosts".into(), call.text("data").unwrap_or_default().to_owned());
    Ok(Reply::null())
}

fn own_digest(settings: &Entry) -> String {
    sha1_hex(&format!("{settings:?}"))
}

/// `GET /nodes/{node}/config`.
pub fn config(call: &Call) -> Result<Reply, Fail> {
    let mut world = call.engine.world();
    let settings = &node(&mut world, call)?.config;
    let mut out = json!({"digest": own_digest(settings)});
    for (key, value) in settings.iter().filter(|(key, _)| call.text("property").is_none_or(|p| p == *key)) {
        out[key] = match key.as_str() {
            "description" => json!(format!("{value}\n")),
            _ => crate::sections::typed(call, "PUT", "/nodes/{node}/config", key, value),
        };
    }
    Ok(Reply::data(out))
}

/// `PUT /nodes/{node}/config`.
pub fn set_config(call: &Call) -> Result<Reply, Fail> {
    let mut world = call.engine.world();
    let settings = &mut node(&mut world, call)?.config;
    if call.text("digest").is_some_and(|d| d != own_digest(settings)) {
        return Err(Fail::text("detected modified configuration - file changed by other user? Try again."));
    }
    for key in words(call, "delete") {
        settings.remove(&key);
    }
    for (key, value) in &call.params {
        if !matches!(key.as_str(), "node" | "digest" | "delete")
            && let Some(text) = value.as_str()
        {
            settings.insert(key.clone(), text.to_owned());
        }
    }
    Ok(Reply::null())
}

/// Templates that the catalogue of a node holds once it was fetched.
const APPLIANCES: &[(&str, &str, &str)] = &[
    ("debian-12-standard_12.7-1_amd64.tar.zst", "debian-12", "12.7-1"),
    ("alpine-3.20-default_20240908_amd64.tar.xz", "alpine", "20240908"),
    ("ubuntu-24.04-standard_24.04-2_amd64.tar.zst", "ubuntu-24.04", "24.04-2"),
];

/// `GET /nodes/{node}/aplinfo`: empty on a node that never fetched the catalogue.
pub fn appliances(call: &Call) -> Result<Reply, Fail> {
    let mut world = call.engine.world();
    let known = node(&mut world, call)?.catalogue;
    let entry = |(file, package, version): &(&str, &str, &str)| {
        json!({"template": file, "package": package, "version": version, "os": package, "section": "system",
            "type": "lxc", "architecture": "amd64", "source": "https://download.example.org/images",
            "headline": format!("{package} standard"), "location": format!("https://download.example.org/images/{file}")})
    };
    let list: Vec<Value> = if known { APPLIANCES.iter().map(entry).collect() } else { Vec::new() };
    Ok(Reply::data(json!(list)))
}

/// `POST /nodes/{node}/aplinfo`: fetches a template of the catalogue.
pub fn fetch_appliance(call: &Call) -> Result<Reply, Fail> {
    let file = call.text("template").unwrap_or_default().to_owned();
    let store = call.text("storage").unwrap_or_default().to_owned();
    let home = call.node().to_owned();
    {
        let mut world = call.engine.world();
        let known = node(&mut world, call)?.catalogue && APPLIANCES.iter().any(|(f, _, _)| *f == file);
        if !known {
            return Err(Fail::param("template", "no such template"));
        }
        storage::usable(&world, &store, &home)?;
    }
    let job = Job {
        kind: "download",
        id: file.clone(),
        node: home.clone(),
        duration_ms: 8_000,
        locks: Vec::new(),
        wait_ms: 0,
        work: Box::new(move |_, _, log| {
            log.push(format!("downloading https://download.example.org/images/{file}"));
            Ok(Halves::then(move |_, world, _| {
                let shared = world.storages.get(&store).is_some_and(crate::state::Storage::is_shared);
                let name = format!("vztmpl/{file}");
                if storage::find(world, &format!("{store}:{name}"), &home).is_none() {
                    world.volumes.push(Volume {
                        storage: store,
                        node: (!shared).then_some(home),
                        format: storage::file_format(&name).into(),
                        name,
                        content: "vztmpl".into(),
                        size_bytes: 126 * MIB_BYTES,
                        created_at: now(),
                        ..Volume::default()
                    });
                }
                Ok(())
            }))
        }),
    };
    Ok(Reply::data(json!(call.engine.start(call, job))))
}

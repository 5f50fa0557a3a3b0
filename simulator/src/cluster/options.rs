//! Options of the whole cluster (`/cluster/options`).

use crate::api::{Call, Fail, Reply, words};
use crate::contract::props;
use crate::state::World;
use serde_json::{Value, json};

/// First bytes of the MAC addresses that are made here.
pub const MAC_PREFIX: &str = "BC:24:11";
/// Options that are read back taken apart.
const SPLIT: &[&str] = &[
    "crs",
    "ha",
    "migration",
    "next-id",
    "notify",
    "tag-style",
    "u2f",
    "user-tag-access",
    "webauthn",
    "replication",
];

/// The prefix of new MAC addresses.
pub fn mac_prefix(world: &World) -> &str {
    world.options.get("mac_prefix").map_or(MAC_PREFIX, String::as_str)
}

/// First and one after last VMID that is handed out.
pub fn id_range(world: &World) -> (u32, u32) {
    let of = |key: &str, otherwise: u32| {
        let option = world.options.get("next-id")?;
        let value = option.split(',').find_map(|p| p.strip_prefix(key)?.strip_prefix('='))?;
        Some(value.parse().unwrap_or(otherwise))
    };
    let (low, end) = (crate::limits::NEXT_ID_MIN, crate::limits::NEXT_ID_END);
    (of("lower", low).unwrap_or(low), of("upper", end).unwrap_or(end))
}

fn taken_apart(call: &Call, key: &str, value: &str) -> Value {
    match call.contract().method("PUT", "/cluster/options").and_then(|m| m.param(key)) {
        Some(param) => match &param.property_format {
            Some(format) => json!(props::parse(call.contract(), format, value)),
            None => json!(value),
        },
        None => json!(value),
    }
}

/// `GET /cluster/options`: everything with `Sys.Audit`, else only what concerns tags and consoles.
pub fn show(call: &Call) -> Result<Reply, Fail> {
    let world = call.engine.world();
    let registered = world.options.get("registered-tags").cloned().unwrap_or_default();
    let tags: Vec<&str> = registered.split([';', ',', ' ']).filter(|t| !t.is_empty()).collect();
    let mut out = json!({"allowed-tags": tags});
    let audit = call.access().allows(&world, "/", "Sys.Audit");
    for (key, value) in &world.options {
        if !audit && !matches!(key.as_str(), "console" | "tag-style") {
            continue;
        }
        out[key] = match key.as_str() {
            "description" => json!(format!("{value}\n")),
            "registered-tags" => json!(tags),
            _ if SPLIT.contains(&key.as_str()) => taken_apart(call, key, value),
            _ => json!(value),
        };
    }
    if audit {
        out["mac_prefix"] = json!(mac_prefix(&world));
        if !world.options.contains_key("description") {
            out["description"] = json!("");
        }
    }
    Ok(Reply::data(out))
}

/// `PUT /cluster/options`.
pub fn update(call: &Call) -> Result<Reply, Fail> {
    let mut world = call.engine.world();
    for key in words(call, "delete") {
        world.options.remove(&key);
    }
    for (key, value) in &call.params {
        if let Some(text) = value.as_str().filter(|_| key != "delete") {
            world.options.insert(key.clone(), text.to_owned());
        }
    }
    call.engine.chance.set_mac_prefix(mac_prefix(&world));
    Ok(Reply::null())
}

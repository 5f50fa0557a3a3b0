//! Random good and bad parameters over the whole contract: the status and the names in `errors` are those that
//! the schema demands. The table is read here a second time, by other code than the simulator's.

use crate::client::{bare_lab, cluster};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use std::collections::BTreeSet;

const TABLE: &str = include_str!("../../contract/table.json");
/// Rounds over all methods.
const ROUNDS: u64 = 4;

/// Named formats with a value each takes and one each refuses.
const FORMATS: [(&str, &str, &str); 40] = [
    ("pve-vmid", "150", "99"),
    ("pve-vmid-list", "150,151", "150,x"),
    ("pve-node", "pve1", "-x"),
    ("pve-node-list", "pve1,pve2", "pve1,-x"),
    ("pve-configid", "abc", "9x"),
    ("pve-configid-list", "abc", "9x"),
    ("pve-storage-id", "local", "9x"),
    ("pve-storage-id-list", "local", "9x"),
    ("pve-storage-content", "iso", "bogus"),
    ("pve-storage-content-list", "iso,backup", "iso,bogus"),
    ("pve-volume-id", "local:iso/a.iso", "local"),
    ("pve-iface", "vmbr0", "x"),
    ("pve-iface-list", "vmbr0", "x"),
    ("pve-poolid", "web", "a%2Fb%2Fc%2Fd"),
    ("pve-groupid", "staff", "a%20b"),
    ("pve-realm", "pve", "9x"),
    ("pve-replication-job-id", "150-0", "x"),
    ("pve-sdn-zone-id", "lab", "much-too-long"),
    ("pve-sdn-vnet-id", "lab10", "much-too-long"),
    ("pve-hotplug-features", "disk,network", "gpu"),
    ("pve-startup-order", "order=2", "order=x"),
    ("pve-qm-bootdisk", "scsi0", "scsi99"),
    ("pve-cpuset", "0-3", "x"),
    ("pve-fw-protocol-spec", "tcp", "no-such"),
    ("pve-priv-list", "VM.Audit", "VM.Fly"),
    ("ip", "192.0.2.1", "192.0.2"),
    ("ipv4", "192.0.2.1", "192.0.2"),
    ("ipv6", "2001:db8::1", "2001:db8"),
    ("ip-list", "192.0.2.1,2001:db8::1", "192.0.2"),
    ("CIDR", "192.0.2.0/24", "192.0.2.0"),
    ("IPorCIDR", "192.0.2.0/24", "x"),
    ("address", "host.example", "a%20b"),
    ("dns-name", "web-1", "a_b"),
    ("email-opt", "a@example.org", "@"),
    ("mac-addr", "BC:24:11:00:00:01", "BD:24:11:00:00:01"),
    ("storage-pair-list", "a1:b1", "a1:"),
    ("prune-backups", "keep-last=3", "keep-none=3"),
    ("urlencoded", "a%2520b", "a%20b"),
    ("pve-qm-ipconfig", "ip=dhcp", "ip=192.0.2.1"),
    ("pve-tag-list", "web", "-"),
];

/// Values to be tried where a pattern decides; which of them fit is asked of the pattern.
const CANDIDATES: [&str; 14] = [
    "1",
    "abc",
    "10G",
    "now",
    "web",
    "02:30",
    "https://a.example",
    "/dev/sda",
    "scsi0",
    "150-0",
    "none",
    "2026-01-01",
    "",
    " ",
];

/// `regex` reads the patterns of the table in the server's way: as a whole.
fn fitting(pattern: &str, wanted: bool) -> Option<&'static str> {
    let pattern = regex::Regex::new(&format!("^(?:{pattern})$")).ok()?;
    CANDIDATES.into_iter().find(|text| pattern.is_match(text) == wanted && !text.trim().is_empty())
}

/// Bounds besides the pattern or format, which this reader does not mix.
fn is_bounded(param: &Value) -> bool {
    ["e", "min", "max", "minl", "maxl"].iter().any(|key| !param[*key].is_null())
}

fn encoded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~%".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// A value that the parameter takes; none when this reader cannot make one.
fn good(param: &Value, rng: &mut StdRng) -> Option<String> {
    if let Some(format) = param["f"].as_str() {
        return FORMATS
            .iter()
            .find(|known| known.0 == format && !is_bounded(param))
            .map(|known| encoded(known.1));
    }
    if let Some(pattern) = param["pat"].as_str() {
        return fitting(pattern, true).filter(|_| !is_bounded(param)).map(encoded);
    }
    if !param["pf"].is_null() {
        return None;
    }
    if let Some(choices) = param["e"].as_array() {
        return choices.choose(rng).and_then(Value::as_str).map(encoded);
    }
    match param["t"].as_str()? {
        "boolean" => Some(rng.random_range(0..2).to_string()),
        "integer" | "number" => {
            let low = param["min"].as_f64().unwrap_or(0.0).ceil() as i64;
            let high = param["max"].as_f64().map_or(low + 50, |m| m as i64);
            Some(rng.random_range(low..=high).to_string())
        }
        "string" => {
            let length = param["minl"].as_u64().unwrap_or(1).max(1);
            (length <= param["maxl"].as_u64().unwrap_or(40))
                .then(|| "x".repeat(usize::try_from(length).unwrap()))
        }
        _ => None,
    }
}

/// A value that the parameter refuses; none when this reader knows none.
fn bad(param: &Value, rng: &mut StdRng) -> Option<String> {
    if let Some(format) = param["f"].as_str() {
        return FORMATS.iter().find(|known| known.0 == format).map(|known| encoded(known.2));
    }
    if let Some(pattern) = param["pat"].as_str() {
        return fitting(pattern, false).map(encoded);
    }
    // No property string knows this key.
    if !param["pf"].is_null() {
        return Some("no-such-key%3D1".into());
    }
    if !param["e"].is_null() {
        return Some("nosuchchoice".into());
    }
    let (min, max) = (param["min"].as_f64(), param["max"].as_f64());
    match param["t"].as_str()? {
        "boolean" => Some("maybe".into()),
        "integer" | "number" => Some(match rng.random_range(0..3) {
            0 if min.is_some() => ((min? as i64) - 1).to_string(),
            1 if max.is_some() => ((max? as i64) + 1).to_string(),
            _ => "abc".into(),
        }),
        "string" => param["maxl"].as_u64().map(|most| "x".repeat(usize::try_from(most).unwrap() + 1)),
        _ => None,
    }
}

fn in_path(name: &str) -> Option<&'static str> {
    match name {
        "node" => Some("pve1"),
        "vmid" => Some("110"),
        "storage" => Some("local"),
        _ => None,
    }
}

/// The path with its parameters filled in; none when this reader knows no value for one.
fn path_of(template: &str) -> Option<String> {
    let mut out = String::new();
    for (index, part) in template.split(['{', '}']).enumerate() {
        out.push_str(if index % 2 == 0 { part } else { in_path(part)? });
    }
    Some(out)
}

#[tokio::test]
async fn errors_name_exactly_the_parameters_that_the_schema_refuses() {
    let table: Value = serde_json::from_str(TABLE).unwrap();
    let lab = bare_lab(cluster()).await;
    let mut rng = StdRng::seed_from_u64(8);
    let mut asked = 0;
    for round in 0..ROUNDS {
        for method in table["methods"].as_array().unwrap() {
            let callable =
                method["perm"].is_object() && method["ticket"].is_null() && method["open"].is_null();
            let by_user = method["perm"].to_string().contains("userid-");
            let template = method["p"].as_str().unwrap();
            let form_call = !template.ends_with("/upload");
            let (true, false, Some(path)) = (callable && form_call, by_user, path_of(template)) else {
                continue;
            };
            let mut form = Vec::new();
            let mut wrong = BTreeSet::new();
            let params = method["a"].as_object().unwrap();
            let given =
                |form: &[String], name: &str| form.iter().any(|pair| pair.starts_with(&format!("{name}=")));
            for (name, param) in params {
                if template.contains(&format!("{{{name}}}")) {
                    continue;
                }
                // Lists of values are left out, which only some calls allow.
                if param["t"] == "array" {
                    wrong.extend(param["o"].is_null().then(|| name.clone()));
                    continue;
                }
                let family = param["ix"].as_u64();
                let required = param["o"].is_null() && family.is_none();
                // A family is asked for by one of its members, or by one too many.
                let (name, beyond) = match family {
                    Some(most) => {
                        let beyond = rng.random_range(0..8) == 0;
                        let number = if beyond { most + 1 } else { rng.random_range(0..=most) };
                        (name.replace("[n]", &number.to_string()), beyond)
                    }
                    None => (name.clone(), false),
                };
                let value = match rng.random_range(0..10) {
                    0..4 => bad(param, &mut rng).inspect(|_| {
                        wrong.insert(name.clone());
                    }),
                    4..7 => good(param, &mut rng),
                    _ => None,
                };
                match value {
                    Some(value) => {
                        if beyond {
                            wrong.insert(name.clone());
                        }
                        form.push(format!("{name}={value}"));
                    }
                    None if required => {
                        wrong.insert(name.clone());
                    }
                    None => {}
                }
            }
            // What needs a partner names the partner.
            for (name, param) in params {
                if let Some(partner) = param["req"].as_str()
                    && given(&form, name)
                    && !given(&form, partner)
                {
                    wrong.insert(partner.to_owned());
                }
            }
            if round % 2 == 0 || wrong.is_empty() {
                form.push("no-such-parameter=1".into());
                wrong.insert("no-such-parameter".into());
            }
            let verb = method["v"].as_str().unwrap();
            let answer = lab.send(verb, &path, &form.join("&")).await;
            let named: BTreeSet<String> =
                answer.json()["errors"].as_object().into_iter().flatten().map(|(k, _)| k.clone()).collect();
            assert_eq!((answer.status, &named), (400, &wrong), "{verb} {path} {form:?}: {answer:?}");
            asked += 1;
        }
    }
    assert!(asked > 1_000, "only {asked} calls were asked");
}

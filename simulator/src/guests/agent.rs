//! The guest agent: whether it answers, what it tells, and commands and files inside a guest.
//!
//! What a command does is written in the guest's [`Script`]; a few commands every system has are known. The
//! script is set on the control port.

use crate::api::{Call, Fail, Reply};
use crate::contract::props;
use crate::state::{Guest, Kind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const COMMANDS: &str = "exec exec-status file-read file-write fsfreeze-freeze fsfreeze-status fsfreeze-thaw fstrim get-fsinfo \
    get-host-name get-memory-block-info get-memory-blocks get-osinfo get-time get-timezone get-users get-vcpus info \
    network-get-interfaces ping set-user-password shutdown suspend-disk suspend-hybrid suspend-ram";

/// How a guest behaves inside.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Script {
    /// The agent was never installed.
    pub silent: bool,
    /// Outcomes by command line.
    pub commands: BTreeMap<String, Ran>,
    pub files: BTreeMap<String, String>,
    /// Commands that ran and were not asked after yet, by process id.
    pub results: BTreeMap<u32, Ran>,
    pub frozen: bool,
}

/// What came of a command.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Ran {
    pub exitcode: i32,
    pub out_data: String,
    pub err_data: String,
}

/// `…/qemu/{vmid}/agent/…`; none for commands that are not simulated on a running guest.
pub fn dispatch(call: &Call, command: &str) -> Option<Result<Reply, Fail>> {
    let mut world = call.engine.world();
    let boots = world.next_pid;
    world.next_pid = world.next_pid.wrapping_add(1).max(2_000);
    let guest = match world.guest_mut(call.node(), Kind::Vm, call.vmid()) {
        Ok(guest) => guest,
        Err(text) => return Some(Err(text.into())),
    };
    if command.is_empty() && call.verb == "GET" {
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
    if guest.script.silent || guest.paused {
        return Some(Err(Fail::text("QEMU guest agent is not running")));
    }
    let command = if command.is_empty() { call.text("command").unwrap_or_default() } else { command };
    let result = match command {
        "exec" => return Some(exec(call, guest, boots)),
        "exec-status" => return Some(exec_status(call, guest)),
        "file-read" => return Some(file_read(call, guest)),
        "file-write" => {
            let content = call.text("content").unwrap_or_default().to_owned();
            guest.script.files.insert(call.text("file").unwrap_or_default().to_owned(), content);
            return Some(Ok(Reply::null()));
        }
        "ping" | "fstrim" | "suspend-disk" | "suspend-hybrid" | "suspend-ram" | "set-user-password" => {
            json!({})
        }
        "shutdown" => {
            guest.running_since = None;
            json!({})
        }
        "network-get-interfaces" => interfaces(call, guest),
        "get-host-name" => json!({"host-name": super::views::name(guest)}),
        "get-osinfo" => {
            json!({"id": "debian", "name": "Debian GNU/Linux", "version-id": "12", "machine": "x86_64",
            "pretty-name": "Debian GNU/Linux 12 (bookworm)", "kernel-release": "6.1.0-28-amd64"})
        }
        "get-fsinfo" => json!([{"name": "sda1", "mountpoint": "/", "type": "ext4", "disk": [],
            "total-bytes": 10_000_000_000_u64, "used-bytes": 2_000_000_000_u64}]),
        "get-time" => json!(call.engine.now() * 1_000_000_000),
        "get-timezone" => json!({"zone": "UTC", "offset": 0}),
        "get-users" | "get-memory-blocks" => json!([]),
        "get-memory-block-info" => json!({"size": 134_217_728}),
        "get-vcpus" => {
            let count = guest.get("cores").and_then(|c| c.parse::<u32>().ok()).unwrap_or(1);
            json!(
                (0..count)
                    .map(|n| json!({"logical-id": n, "online": true, "can-offline": n > 0}))
                    .collect::<Vec<_>>()
            )
        }
        "info" => json!({"version": "7.2.13", "supported_commands": []}),
        "fsfreeze-freeze" | "fsfreeze-thaw" => {
            guest.script.frozen = command == "fsfreeze-freeze";
            json!(1)
        }
        "fsfreeze-status" => json!(if guest.script.frozen { "frozen" } else { "thawed" }),
        _ => return None,
    };
    Some(Ok(Reply::data(json!({"result": result}))))
}

/// The words of a command, which may come as a list or as one text.
fn words(call: &Call) -> Vec<String> {
    match call.params.get("command") {
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::String(text)) => text.split_whitespace().map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn ran(guest: &Guest, words: &[String]) -> Option<Ran> {
    if let Some(known) = guest.script.commands.get(&words.join(" ")) {
        return Some(known.clone());
    }
    let out = |text: String| Ran { out_data: text, ..Ran::default() };
    let rest = words.get(1..).unwrap_or_default();
    Some(match words.first()?.rsplit('/').next().unwrap_or_default() {
        "true" | "sync" => Ran::default(),
        "false" => Ran { exitcode: 1, ..Ran::default() },
        "echo" => out(format!("{}\n", rest.join(" "))),
        "hostname" => out(format!("{}\n", super::views::name(guest))),
        "cat" => match rest.first().and_then(|f| guest.script.files.get(f)) {
            Some(text) => out(text.clone()),
            None => Ran {
                exitcode: 1,
                err_data: format!("cat: {}: No such file or directory\n", rest.join(" ")),
                ..Ran::default()
            },
        },
        _ => return None,
    })
}

fn exec(call: &Call, guest: &mut Guest, pid: u32) -> Result<Reply, Fail> {
    let words = words(call);
    let Some(ran) = ran(guest, &words) else {
        let name = words.first().map_or("", String::as_str);
        return Err(Fail::text(format!(
            "Agent error: Guest agent command failed, error was 'Failed to execute child process \u{201c}{name}\u{201d} (No such file or directory)'"
        )));
    };
    guest.script.results.insert(pid, ran);
    Ok(Reply::data(json!({"pid": pid})))
}

/// The outcome is handed out once.
fn exec_status(call: &Call, guest: &mut Guest) -> Result<Reply, Fail> {
    let pid = call.number("pid").and_then(|p| u32::try_from(p).ok()).unwrap_or_default();
    let Some(ran) = guest.script.results.remove(&pid) else {
        return Err(Fail::text(format!("Agent error: Invalid parameter 'pid': PID {pid} does not exist")));
    };
    let mut out = json!({"exited": 1, "exitcode": ran.exitcode});
    for (key, text) in [("out-data", ran.out_data), ("err-data", ran.err_data)] {
        if !text.is_empty() {
            out[key] = json!(text);
        }
    }
    Ok(Reply::data(out))
}

fn file_read(call: &Call, guest: &Guest) -> Result<Reply, Fail> {
    let file = call.text("file").unwrap_or_default();
    match guest.script.files.get(file) {
        Some(text) => Ok(Reply::data(json!({"content": text, "bytes-read": text.len()}))),
        None => Err(Fail::text(format!(
            "can't open file '{file}': Agent error: failed to open file '{file}' (mode: 'r'): No such file or directory"
        ))),
    }
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

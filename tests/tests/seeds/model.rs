//! A small model of the cluster: what the planned calls do to guests and storages, tasks that take time, locks.
//!
//! It is no second simulator: it knows only what plans of ours send, and fails the test where a call is unknown to it.

use domain::ids::Vmid;
use domain::interpretation::GuestKind;
use domain::observation::{GuestSeen, Observation, StorageSeen};
use domain::plan::{Call, Look, LookAt, Verb};
use domain::run::TaskEnd;
use std::collections::BTreeMap;

/// What a finished call changes.
#[derive(Clone, Debug)]
pub enum Effect {
    Make(Box<GuestSeen>),
    Set(Vmid, Vec<(String, Option<String>)>),
    Power(Vmid, bool),
    Remove(Vmid),
    Storage(String, Option<StorageSeen>),
}

#[derive(Clone, Debug)]
pub struct Task {
    pub upid: String,
    pub kind: &'static str,
    /// The number the task list shows.
    pub vmid: Vmid,
    pub ends_ms: u64,
    pub effect: Option<Effect>,
    pub fails: Option<String>,
    pub end: Option<TaskEnd>,
    pub ours: bool,
    /// Disks are written there while it runs.
    pub storage: Option<String>,
}

/// The cluster.
#[derive(Clone)]
pub struct Model {
    pub seen: Observation,
    pub tasks: Vec<Task>,
    /// Effective creations of each number.
    pub made: BTreeMap<Vmid, usize>,
    stamps: u64,
}

/// What the cluster says to a call.
pub enum Said {
    /// Done at once.
    Done(Effect),
    /// A task of this kind does it.
    Task {
        kind: &'static str,
        vmid: Vmid,
        effect: Effect,
        storage: Option<String>,
    },
    No {
        text: String,
        transient: bool,
        look_again: bool,
    },
}

impl Model {
    pub fn new(seen: Observation) -> Self {
        Self { seen, tasks: vec![], made: BTreeMap::new(), stamps: 0 }
    }

    /// Guests and storages as they are, without what differs from run to run.
    pub fn state(&self) -> BTreeMap<String, String> {
        let mut state = BTreeMap::new();
        for guest in self.seen.guests.values() {
            let mut config = guest.config.clone();
            config.remove("vmgenid");
            config.remove("rootfs-id");
            let text = format!(
                "{:?} {} {} {} {:?} {config:?}",
                guest.kind, guest.name, guest.node, guest.running, guest.lock
            );
            state.insert(format!("guest {}", guest.vmid), text);
        }
        for (id, storage) in &self.seen.storages {
            let text =
                format!("{} {:?} {:?} {:?}", storage.kind, storage.server, storage.export, storage.content);
            state.insert(format!("storage {id}"), text);
        }
        state
    }

    pub fn look(&self, at: &LookAt) -> Look {
        match at {
            LookAt::Guest { vmid, .. } => match self.seen.guests.get(vmid) {
                Some(guest) => Look::Guest(Box::new(guest.clone())),
                None => Look::Absent,
            },
            LookAt::Storage { id } => match self.seen.storages.get(id) {
                Some(storage) => Look::Storage(storage.clone()),
                None => Look::Absent,
            },
            other => panic!("the model cannot look at {other:?}"),
        }
    }

    /// Ends tasks whose time is over.
    pub fn tick(&mut self, now_ms: u64) {
        for index in 0..self.tasks.len() {
            if self.tasks[index].end.is_some() || self.tasks[index].ends_ms > now_ms {
                continue;
            }
            let effect = self.tasks[index].effect.take();
            self.tasks[index].end = Some(match self.tasks[index].fails.clone() {
                Some(text) => {
                    if let Some(Effect::Make(guest)) = effect {
                        self.seen.guests.remove(&guest.vmid);
                    }
                    TaskEnd::Failed { text }
                }
                None => {
                    effect.into_iter().for_each(|effect| self.apply(effect));
                    TaskEnd::Ok {}
                }
            });
        }
    }

    pub fn apply(&mut self, effect: Effect) {
        match effect {
            Effect::Make(guest) => {
                *self.made.entry(guest.vmid).or_default() += 1;
                self.seen.guests.insert(guest.vmid, *guest);
            }
            Effect::Set(vmid, values) => {
                let Some(guest) = self.seen.guests.get_mut(&vmid) else { return };
                for (key, value) in values {
                    match value {
                        Some(value) => guest.config.insert(key, value),
                        None => guest.config.remove(&key),
                    };
                }
                let name = if guest.kind == GuestKind::Vm { "name" } else { "hostname" };
                guest.name = guest.config.get(name).cloned().unwrap_or_default();
            }
            Effect::Power(vmid, running) => {
                if let Some(guest) = self.seen.guests.get_mut(&vmid) {
                    guest.running = running;
                }
            }
            Effect::Remove(vmid) => {
                self.seen.guests.remove(&vmid);
            }
            Effect::Storage(id, Some(storage)) => {
                self.seen.storages.insert(id, storage);
            }
            Effect::Storage(id, None) => {
                self.seen.storages.remove(&id);
            }
        }
    }

    /// While a guest is made only its lock shows.
    pub fn begin(&mut self, effect: &Effect) {
        if let Effect::Make(guest) = effect {
            let shell = GuestSeen {
                config: BTreeMap::new(),
                lock: Some("create".into()),
                running: false,
                ..(**guest).clone()
            };
            self.seen.guests.insert(guest.vmid, shell);
        }
    }

    pub fn say(&mut self, call: &Call) -> Said {
        let parts: Vec<&str> = call.path.trim_start_matches('/').split('/').collect();
        match (call.verb, parts.as_slice()) {
            (Verb::Post, ["nodes", node, "qemu", from, "clone"]) => self.copy(call, node, from),
            (Verb::Post, ["nodes", node, kind @ ("qemu" | "lxc")]) => self.create(call, node, kind),
            (Verb::Put, ["nodes", _, kind, vmid, "config"]) => self.configure(call, kind, vmid),
            (Verb::Put, ["nodes", _, _, vmid, "resize"]) => self.resize(call, vmid),
            (Verb::Post, ["nodes", _, kind, vmid, "status", action]) => self.power(kind, vmid, action),
            (Verb::Delete, ["nodes", _, kind, vmid]) => self.remove(kind, vmid),
            (Verb::Post, ["storage"]) => self.storage(call),
            (Verb::Put, ["storage", id]) => self.change_storage(call, id),
            (Verb::Delete, ["storage", id]) => match self.seen.storages.contains_key(*id) {
                true => Said::Done(Effect::Storage((*id).to_owned(), None)),
                false => missing(),
            },
            _ => panic!("the model does not know {}", call.shown()),
        }
    }

    fn stamp(&mut self) -> String {
        self.stamps += 1;
        format!("stamp-{}", self.stamps)
    }

    fn copy(&mut self, call: &Call, node: &str, from: &str) -> Said {
        let source = self.seen.guests[&number(from)].clone();
        let vmid = number(&call.args["newid"]);
        if self.seen.guests.contains_key(&vmid) {
            return taken(vmid);
        }
        let copying = |task: &Task| task.end.is_none() && task.kind == "qmclone" && task.vmid == source.vmid;
        if self.tasks.iter().any(copying) {
            return busy(source.vmid);
        }
        let mut config = source.config.clone();
        config.remove("template");
        config.insert("name".into(), call.args["name"].clone());
        config.insert("description".into(), call.args["description"].trim_end().to_owned());
        config.insert("vmgenid".into(), self.stamp());
        let node = call.args.get("target").map_or(node, String::as_str).to_owned();
        let guest = GuestSeen {
            vmid,
            name: call.args["name"].clone(),
            node,
            template: false,
            running: false,
            lock: None,
            config,
            ..source.clone()
        };
        let storage = call.args.get("storage").cloned();
        Said::Task { kind: "qmclone", vmid: source.vmid, effect: Effect::Make(Box::new(guest)), storage }
    }

    fn create(&mut self, call: &Call, node: &str, kind: &str) -> Said {
        let kind = if kind == "qemu" { GuestKind::Vm } else { GuestKind::Container };
        let vmid = number(&call.args["vmid"]);
        if self.seen.guests.contains_key(&vmid) {
            return taken(vmid);
        }
        let mut config: BTreeMap<String, String> = BTreeMap::new();
        let skip = ["vmid", "ostemplate", "pool", "ssh-public-keys"];
        for (key, value) in call.args.iter().filter(|(key, _)| !skip.contains(&key.as_str())) {
            config.insert(key.clone(), stored(kind, vmid, key, value));
        }
        config.insert("vmgenid".into(), self.stamp());
        let name = call.args.get("name").or(call.args.get("hostname")).cloned().unwrap_or_default();
        let guest = GuestSeen {
            vmid,
            kind,
            name,
            node: node.to_owned(),
            running: false,
            template: false,
            lock: None,
            pool: None,
            config,
            pending: vec![],
            digest: String::new(),
            snapshots: vec![],
        };
        let task = if kind == GuestKind::Vm { "qmcreate" } else { "vzcreate" };
        Said::Task { kind: task, vmid, effect: Effect::Make(Box::new(guest)), storage: None }
    }

    fn configure(&mut self, call: &Call, kind: &str, vmid: &str) -> Said {
        let Some(guest) = self.seen.guests.get(&number(vmid)) else { return missing() };
        if guest.lock.is_some() {
            return busy(guest.vmid);
        }
        let kind = if kind == "qemu" { GuestKind::Vm } else { GuestKind::Container };
        let mut values: Vec<(String, Option<String>)> = Vec::new();
        for (key, value) in &call.args {
            match key.as_str() {
                "digest" => {}
                "delete" => values.extend(value.split(',').map(|key| (key.to_owned(), None))),
                _ => values.push((key.clone(), Some(stored(kind, guest.vmid, key, value)))),
            }
        }
        Said::Done(Effect::Set(guest.vmid, values))
    }

    fn resize(&mut self, call: &Call, vmid: &str) -> Said {
        let Some(guest) = self.seen.guests.get(&number(vmid)) else { return missing() };
        let (disk, size) = (&call.args["disk"], &call.args["size"]);
        let mut parts: Vec<String> = guest.config[disk]
            .split(',')
            .filter(|part| !part.starts_with("size="))
            .map(str::to_owned)
            .collect();
        parts.push(format!("size={size}"));
        let effect = Effect::Set(guest.vmid, vec![(disk.clone(), Some(parts.join(",")))]);
        Said::Task { kind: "resize", vmid: guest.vmid, effect, storage: None }
    }

    fn power(&mut self, kind: &str, vmid: &str, action: &str) -> Said {
        let Some(guest) = self.seen.guests.get(&number(vmid)) else { return missing() };
        let running = action == "start";
        if guest.running == running {
            let text =
                format!("{} is {}", guest.vmid, if running { "already running" } else { "not running" });
            return Said::No { text, transient: false, look_again: true };
        }
        let kind = match (kind, action) {
            ("qemu", "start") => "qmstart",
            ("qemu", "shutdown") => "qmshutdown",
            ("qemu", _) => "qmstop",
            (_, "start") => "vzstart",
            (_, "shutdown") => "vzshutdown",
            _ => "vzstop",
        };
        Said::Task { kind, vmid: guest.vmid, effect: Effect::Power(guest.vmid, running), storage: None }
    }

    fn remove(&mut self, kind: &str, vmid: &str) -> Said {
        let Some(guest) = self.seen.guests.get(&number(vmid)) else { return missing() };
        if guest.running {
            let text = format!("{} is running - destroy failed", guest.vmid);
            return Said::No { text, transient: false, look_again: false };
        }
        let kind = if kind == "qemu" { "qmdestroy" } else { "vzdestroy" };
        Said::Task { kind, vmid: guest.vmid, effect: Effect::Remove(guest.vmid), storage: None }
    }

    fn storage(&mut self, call: &Call) -> Said {
        let id = call.args["storage"].clone();
        if self.seen.storages.contains_key(&id) {
            let text = format!("storage ID '{id}' already defined");
            return Said::No { text, transient: false, look_again: true };
        }
        let storage = StorageSeen {
            kind: call.args["type"].clone(),
            shared: true,
            content: words(&call.args["content"]),
            nodes: call.args.get("nodes").map(|nodes| words(nodes)).unwrap_or_default(),
            server: call.args.get("server").cloned(),
            export: call.args.get("export").cloned(),
            free_gib: BTreeMap::new(),
            files: BTreeMap::new(),
        };
        Said::Done(Effect::Storage(id, Some(storage)))
    }

    fn change_storage(&mut self, call: &Call, id: &str) -> Said {
        let Some(mut storage) = self.seen.storages.get(id).cloned() else { return missing() };
        storage.content = words(&call.args["content"]);
        if let Some(nodes) = call.args.get("nodes") {
            storage.nodes = words(nodes);
        }
        Said::Done(Effect::Storage(id.to_owned(), Some(storage)))
    }
}

/// A value as the server keeps it: disks get a name, descriptions lose or gain white space at their end.
fn stored(kind: GuestKind, vmid: Vmid, key: &str, value: &str) -> String {
    match key {
        "description" if kind == GuestKind::Vm => value.trim_end().to_owned(),
        "description" => format!("{}\n", value.trim_end()),
        _ => match value.split_once(':') {
            Some((storage, rest))
                if is_disk(key) && !rest.contains("cloudinit") && !rest.contains("iso/") =>
            {
                let size = rest.split(',').next().unwrap_or_default();
                let size = size.parse::<u64>().ok().filter(|gib| *gib > 0).unwrap_or(3);
                format!("{storage}:vm-{vmid}-disk-{key},size={size}G")
            }
            Some((storage, "cloudinit")) => format!("{storage}:vm-{vmid}-cloudinit,media=cdrom"),
            _ => value.to_owned(),
        },
    }
}

fn is_disk(key: &str) -> bool {
    let stem = key.trim_end_matches(|c: char| c.is_ascii_digit());
    key == "rootfs"
        || (stem.len() < key.len() && ["scsi", "virtio", "sata", "ide", "mp", "efidisk"].contains(&stem))
}

fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = text.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    words.sort();
    words
}

fn number(text: &str) -> Vmid {
    text.parse().unwrap()
}

fn taken(vmid: Vmid) -> Said {
    Said::No {
        text: format!("unable to create VM {vmid} - VM {vmid} already exists"),
        transient: false,
        look_again: true,
    }
}

fn busy(vmid: Vmid) -> Said {
    Said::No {
        text: format!("can't lock file 'lock-{vmid}.conf' - got timeout"),
        transient: true,
        look_again: false,
    }
}

fn missing() -> Said {
    Said::No { text: "Configuration file does not exist".into(), transient: false, look_again: true }
}

//! Proxmox in small: carries the calls of a plan out on a picture of the cluster, with its habits of writing values.

use super::{DECLARATION, World};
use crate::cluster::{Event, Origin};
use crate::decider::Decider;
use crate::ids::RunId;
use crate::interpretation::GuestKind;
use crate::observation::{GuestSeen, StorageSeen};
use crate::plan::{Call, Condition, Look, LookAt, Plan, Verb, Verdict};
use std::collections::BTreeMap;
use uuid::Uuid;

impl World {
    /// Does everything the plan says, in order, as a run would: guards before, outcomes after.
    pub(super) fn apply(&mut self, plan: &Plan) {
        for call in plan.steps.iter().flat_map(|step| &step.calls) {
            let before = call.done_when.judge(&self.look(&call.done_when.look_at()));
            assert!(matches!(before, Verdict::Not(_)), "{} would be skipped: {before:?}", call.shown());
            for guard in &call.guards {
                assert_eq!(
                    guard.judge(&self.look(&guard.look_at())),
                    Verdict::Holds,
                    "guard of {}",
                    call.shown()
                );
            }
            self.send(call);
            assert_eq!(
                call.done_when.judge(&self.look(&call.done_when.look_at())),
                Verdict::Holds,
                "{}",
                call.shown()
            );
        }
    }

    fn look(&self, at: &LookAt) -> Look {
        match at {
            LookAt::Guest { vmid, .. } => {
                self.seen.guests.get(vmid).map_or(Look::Absent, |guest| Look::Guest(Box::new(guest.clone())))
            }
            LookAt::Storage { id } => self.seen.storages.get(id).cloned().map_or(Look::Absent, Look::Storage),
        }
    }

    fn send(&mut self, call: &Call) {
        let path: Vec<&str> = call.path.split('/').filter(|part| !part.is_empty()).collect();
        let number = |text: &str| text.parse::<u32>().unwrap();
        match (call.verb, path.as_slice()) {
            (Verb::Post, ["nodes", node, "qemu", model, "clone"]) => self.clone_vm(call, node, number(model)),
            (Verb::Post, ["nodes", node, api @ ("qemu" | "lxc")]) => self.create(call, node, api),
            (Verb::Put, ["nodes", node, _, vmid, "config"]) => {
                let guest = self.at(number(vmid), node);
                if let Some(digest) = call.args.get("digest") {
                    assert_eq!(*digest, guest.digest, "the configuration changed since it was seen");
                }
                write(guest, &call.args);
            }
            (Verb::Put, ["nodes", node, _, vmid, "resize"]) => {
                let guest = self.at(number(vmid), node);
                let value = guest.config.get_mut(&call.args["disk"]).unwrap();
                let rest: Vec<&str> = value.split(',').filter(|part| !part.starts_with("size=")).collect();
                *value = format!("{},size={}", rest.join(","), call.args["size"]);
            }
            (Verb::Post, ["nodes", node, _, vmid, "status", action]) => {
                self.at(number(vmid), node).running = *action == "start";
            }
            (Verb::Delete, ["nodes", node, _, vmid]) => {
                let guest = self.at(number(vmid), node);
                assert!(!guest.running && !guest.protection(), "{} would be refused", call.shown());
                self.seen.guests.remove(&number(vmid));
            }
            (Verb::Post, ["storage"]) => {
                let storage = storage(&call.args, self.seen.nodes.keys().cloned().collect());
                self.seen.storages.insert(call.args["storage"].clone(), storage);
            }
            (Verb::Put, ["storage", id]) => {
                let storage = self.seen.storages.get_mut(*id).unwrap();
                storage.content = list(&call.args["content"]);
                if let Some(nodes) = call.args.get("nodes") {
                    storage.nodes = list(nodes);
                }
            }
            (Verb::Delete, ["storage", id]) => drop(self.seen.storages.remove(*id)),
            _ => panic!("the model does not know {}", call.shown()),
        }
    }

    fn at(&mut self, vmid: u32, node: &str) -> &mut GuestSeen {
        let guest = self.seen.guests.get_mut(&vmid).unwrap_or_else(|| panic!("no guest {vmid}"));
        assert_eq!(guest.node, node, "a call to the wrong node");
        guest
    }

    fn clone_vm(&mut self, call: &Call, node: &str, model: u32) {
        let mut guest = self.at(model, node).clone();
        let vmid: u32 = call.args["newid"].parse().unwrap();
        guest.vmid = vmid;
        guest.template = false;
        guest.running = false;
        guest.snapshots = vec![];
        guest.config.remove("template");
        guest.config.insert("vmgenid".into(), Uuid::from_u128(u128::from(vmid)).to_string());
        guest.config.insert("net0".into(), "virtio=BC:24:11:FF:FF:FF,bridge=vmbr0".into());
        if let Some(target) = call.args.get("target") {
            guest.node.clone_from(target);
        }
        for value in guest.config.values_mut().filter(|value| value.contains(&format!("-{model}-"))) {
            let renamed = value.replace(&format!("-{model}-"), &format!("-{vmid}-")).replace("base-", "vm-");
            let (_, rest) = renamed.split_once(':').unwrap();
            *value = format!("{}:{rest}", call.args["storage"]);
        }
        write(
            &mut guest,
            &BTreeMap::from([
                ("name".to_owned(), call.args["name"].clone()),
                ("description".to_owned(), call.args["description"].clone()),
            ]),
        );
        self.add(call, guest);
    }

    fn create(&mut self, call: &Call, node: &str, api: &str) {
        let kind = if api == "qemu" { GuestKind::Vm } else { GuestKind::Container };
        let vmid = call.args["vmid"].parse().unwrap();
        let mut guest = super::fixture::guest(vmid, kind, node, false, &[]);
        let skip = ["vmid", "pool", "ostemplate", "ssh-public-keys"];
        let args = call.args.iter().filter(|(key, _)| !skip.contains(&key.as_str()));
        write(&mut guest, &args.map(|(key, value)| (key.clone(), value.clone())).collect());
        if kind == GuestKind::Vm {
            guest.config.insert("vmgenid".into(), Uuid::from_u128(u128::from(vmid)).to_string());
        }
        self.add(call, guest);
    }

    /// A run claims a guest together with the call that makes it.
    fn add(&mut self, call: &Call, mut guest: GuestSeen) {
        guest.pool = call.args.get("pool").cloned();
        let Condition::GuestExists { vmid, kind, mark, .. } = call.done_when else {
            panic!("{}", call.shown())
        };
        let origin = Origin::Made { declaration: DECLARATION, run: RunId(Uuid::nil()) };
        let claim = Event::GuestClaimed { vmid, name: guest.name.clone(), kind, mark, origin };
        self.cluster = std::mem::take(&mut self.cluster).evolve(&claim);
        assert!(self.seen.guests.insert(vmid, guest).is_none(), "number {vmid} was taken");
    }
}

fn write(guest: &mut GuestSeen, args: &BTreeMap<String, String>) {
    for key in args.get("delete").map(String::as_str).unwrap_or_default().split(',') {
        guest.config.remove(key);
    }
    for (key, value) in args.iter().filter(|(key, _)| !["digest", "delete"].contains(&key.as_str())) {
        let value = stored(guest, key, value);
        guest.config.insert(key.clone(), value);
    }
    let name = if guest.kind == GuestKind::Vm { "name" } else { "hostname" };
    guest.name = guest.config.get(name).cloned().unwrap_or_default();
    guest.digest = format!("{:040x}", u128::from_str_radix(&guest.digest[8..], 16).unwrap() + 4096);
}

/// How Proxmox writes a value: options and tags sorted, volumes named, descriptions trimmed.
fn stored(guest: &GuestSeen, key: &str, value: &str) -> String {
    if super::super::config::is_disk(key) || key == "rootfs" {
        let mut parts = value.split(',');
        let (id, volume) = parts.next().unwrap().split_once(':').unwrap();
        let rest: Vec<&str> = parts.filter(|part| !part.starts_with("import-from=")).collect();
        let vmid = guest.vmid;
        return match (volume, volume.parse::<u64>()) {
            ("cloudinit", _) => format!("{id}:vm-{vmid}-cloudinit,media=cdrom"),
            (_, Ok(0)) => format!("{id}:vm-{vmid}-disk-{key},size=8G"),
            (_, Ok(gib)) => [vec![format!("{id}:vm-{vmid}-disk-{key}")], vec![format!("size={gib}G")]]
                .concat()
                .into_iter()
                .chain(rest.iter().map(|part| (*part).to_owned()))
                .collect::<Vec<_>>()
                .join(","),
            _ => value.to_owned(),
        };
    }
    match key {
        "tags" => {
            let mut tags: Vec<&str> = value.split(';').collect();
            tags.sort_unstable();
            tags.join(";")
        }
        "description" if guest.kind == GuestKind::Container => format!("{}\n", value.trim_end()),
        "description" => value.trim_end().to_owned(),
        "net0" if guest.kind == GuestKind::Container => {
            let mut parts: Vec<&str> = value.split(',').chain(["type=veth"]).collect();
            parts.sort_unstable();
            parts.dedup();
            parts.join(",")
        }
        _ => value.to_owned(),
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::to_owned).collect()
}

fn storage(args: &BTreeMap<String, String>, all: Vec<String>) -> StorageSeen {
    StorageSeen {
        kind: args["type"].clone(),
        shared: true,
        content: list(&args["content"]),
        nodes: args.get("nodes").map_or(all, |nodes| list(nodes)),
        server: args.get("server").cloned(),
        export: args.get("export").cloned(),
        free_gib: BTreeMap::from([("any".to_owned(), 100)]),
        files: BTreeMap::new(),
    }
}

//! What calls do to storages, pools, high availability and backup jobs.

use super::{Args, Model, absent, arg, words};
use crate::ids::Vmid;
use crate::observation::StorageSeen;
use crate::plan::Verb;
use crate::surroundings::{BackupJobSeen, HaSeen, PoolSeen};
use std::collections::BTreeMap;

impl Model {
    pub(super) fn add_storage(&mut self, args: &Args) -> Result<(), String> {
        let id = arg(args, "storage")?.to_owned();
        if self.seen.storages.contains_key(&id) {
            return Err(format!("storage ID '{id}' already defined"));
        }
        let all = || self.seen.nodes.keys().cloned().collect();
        let storage = StorageSeen {
            kind: arg(args, "type")?.to_owned(),
            shared: true,
            content: words(arg(args, "content")?),
            nodes: args.get("nodes").map_or_else(all, |nodes| words(nodes)),
            server: args.get("server").cloned(),
            export: args.get("export").cloned(),
            free_gib: BTreeMap::new(),
            files: BTreeMap::new(),
        };
        self.seen.storages.insert(id, storage);
        Ok(())
    }

    pub(super) fn set_storage(&mut self, id: &str, args: &Args) -> Result<(), String> {
        let storage = self.seen.storages.get_mut(id).ok_or_else(|| absent(id))?;
        if let Some(content) = args.get("content") {
            storage.content = words(content);
        }
        if let Some(nodes) = args.get("nodes") {
            storage.nodes = words(nodes);
        }
        Ok(())
    }

    pub(super) fn pool(&mut self, verb: Verb, args: &Args) -> Result<(), String> {
        let id = arg(args, "poolid")?.to_owned();
        let pools = self.seen.around.pools.get_or_insert_default();
        match verb {
            Verb::Post if pools.contains_key(&id) => return Err(format!("pool '{id}' already exists")),
            Verb::Post => drop(pools.insert(id, PoolSeen::default())),
            Verb::Delete => match pools.get(&id) {
                Some(pool) if pool.is_empty() => drop(pools.remove(&id)),
                Some(_) => return Err(format!("pool '{id}' is not empty")),
                None => return Err(absent(&id)),
            },
            _ => {
                if !pools.contains_key(&id) {
                    return Err(absent(&id));
                }
                let leaves = args.get("delete").is_some_and(|delete| delete == "1");
                for vmid in arg(args, "vms")?.split(',').filter_map(|vmid| vmid.parse::<Vmid>().ok()) {
                    for (name, pool) in pools.iter_mut() {
                        if *name == id && !leaves {
                            pool.guests.insert(vmid)
                        } else {
                            pool.guests.remove(&vmid)
                        };
                    }
                    if let Some(guest) = self.seen.guests.get_mut(&vmid) {
                        guest.pool = (!leaves).then(|| id.clone());
                    }
                }
            }
        }
        Ok(())
    }

    pub(super) fn ha(&mut self, verb: Verb, sid: Option<&str>, args: &Args) -> Result<(), String> {
        let all = self.seen.around.ha.get_or_insert_default();
        let id = match sid {
            Some(sid) => sid.to_owned(),
            None => arg(args, "sid")?.to_owned(),
        };
        let state = args.get("state").cloned().unwrap_or_else(|| "started".into());
        match verb {
            Verb::Post if all.contains_key(&id) => return Err(format!("resource ID '{id}' already defined")),
            Verb::Delete => return all.remove(&id).map(drop).ok_or_else(|| absent(&id)),
            Verb::Put if !all.contains_key(&id) => return Err(absent(&id)),
            _ => {}
        }
        let group = all.remove(&id).and_then(|old| old.group).or(args.get("group").cloned());
        all.insert(id.clone(), HaSeen { state: state.clone(), group });
        // The manager starts and stops what it manages, a little later.
        let vmid = id.split_once(':').and_then(|(_, vmid)| vmid.parse().ok());
        if let Some(guest) = vmid.and_then(|vmid: Vmid| self.seen.guests.get_mut(&vmid)) {
            match state.as_str() {
                "started" => guest.running = true,
                "stopped" | "disabled" => guest.running = false,
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn job(&mut self, verb: Verb, id: Option<&str>, args: &Args) -> Result<(), String> {
        let all = self.seen.around.backup_jobs.get_or_insert_default();
        let id = match id {
            Some(id) => id.to_owned(),
            None => arg(args, "id")?.to_owned(),
        };
        let mut job = match (verb, all.get(&id)) {
            (Verb::Delete, _) => return all.remove(&id).map(drop).ok_or_else(|| absent(&id)),
            (Verb::Post, Some(_)) => return Err(format!("Job '{id}' already exists")),
            (Verb::Post, None) => BackupJobSeen { enabled: true, ..BackupJobSeen::default() },
            (_, Some(job)) => job.clone(),
            (_, None) => return Err("no such vzdump job".into()),
        };
        if let Some(guests) = args.get("vmid") {
            job.guests = guests.split(',').filter_map(|vmid| vmid.parse().ok()).collect();
            job.guests.sort_unstable();
        }
        let said = |key: &str| args.get(key).cloned();
        job.storage = said("storage").or(job.storage);
        job.schedule = said("schedule").or(job.schedule);
        job.mode = said("mode").or(job.mode);
        let keep = said("prune-backups").and_then(|prune| prune.strip_prefix("keep-last=")?.parse().ok());
        job.keep_last = keep.or(job.keep_last);
        job.enabled = said("enabled").map_or(job.enabled, |enabled| enabled == "1");
        all.insert(id, job);
        Ok(())
    }
}

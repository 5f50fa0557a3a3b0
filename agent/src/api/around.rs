//! What surrounds the guests: pools, high availability, backup jobs, our own backups, our rights.
//!
//! Begin with [`Api::surroundings`]. A part our token may not read is none, never empty (I9).

use super::Api;
use domain::contract::Permissions;
use domain::observation::StorageSeen;
use domain::plan::Look;
use domain::surroundings::{BackupJobSeen, BackupKey, BackupSeen, HaSeen, PoolSeen, Surroundings};
use proxmox::client::{Pool, TaskFilter, Volume};
use proxmox::{CallError, Kind, Request};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Tasks asked for when one is looked for; its guest, type and time narrow them down.
const TASKS_MAX: u32 = 50;

impl Api {
    /// Everything but our backups, which lie on storages.
    pub(super) async fn surroundings(&self) -> Result<Surroundings, CallError> {
        Ok(Surroundings {
            pools: readable(self.pools().await)?,
            ha: readable(self.ha_resources().await)?,
            backup_jobs: readable(self.backup_jobs().await)?,
            backups: BTreeMap::new(),
            rights: Some(self.rights().await?),
            token: self.token.clone(),
        })
    }

    async fn rights(&self) -> Result<Permissions, CallError> {
        let reply = self.client.send_raw(&Request::get("/access/permissions")).await?;
        Ok(Permissions::from_answer(&reply.data))
    }

    async fn pools(&self) -> Result<BTreeMap<String, PoolSeen>, CallError> {
        let mut all = BTreeMap::new();
        for pool in self.client.pools().await? {
            let Some(whole) = self.client.pool(&pool.poolid).await? else { continue };
            all.insert(pool.poolid, pool_seen(&whole));
        }
        Ok(all)
    }

    async fn ha_resources(&self) -> Result<BTreeMap<String, HaSeen>, CallError> {
        let list: Vec<Map<String, Value>> = self.client.read(Request::get("/cluster/ha/resources")).await?;
        Ok(list.iter().filter_map(|entry| Some((text(entry, "sid")?, ha_seen(entry)))).collect())
    }

    async fn backup_jobs(&self) -> Result<BTreeMap<String, BackupJobSeen>, CallError> {
        let list: Vec<Map<String, Value>> = self.client.read(Request::get("/cluster/backup")).await?;
        Ok(list.iter().filter_map(|entry| Some((text(entry, "id")?, job_seen(entry)))).collect())
    }

    /// Backups whose notes carry a key of ours, on every storage that holds backups.
    pub(super) async fn our_backups(
        &self,
        storages: &BTreeMap<String, StorageSeen>,
        online: &[String],
    ) -> Result<BTreeMap<BackupKey, BackupSeen>, CallError> {
        let mut all = BTreeMap::new();
        for (id, storage) in storages.iter().filter(|(_, s)| s.content.iter().any(|c| c == "backup")) {
            // A shared storage is the same from everywhere.
            let most = if storage.shared { 1 } else { usize::MAX };
            for node in storage.nodes.iter().filter(|node| online.contains(node)).take(most) {
                let volumes = self.client.storage_content(node, id, Some("backup")).await?;
                all.extend(volumes.into_iter().filter_map(|volume| backup_seen(id, volume)));
            }
        }
        Ok(all)
    }

    pub(super) async fn look_at_pool(&self, id: &str) -> Look {
        match self.client.pool(id).await {
            Ok(Some(pool)) => Look::Pool(pool_seen(&pool)),
            // The list leaves out what we may not see; asking by name says "does not exist".
            Ok(None) => Look::Absent,
            Err(error) => blind(&error),
        }
    }

    pub(super) async fn look_at_ha(&self, sid: &str) -> Look {
        match self.ha_resources().await {
            Ok(mut all) => all.remove(sid).map_or(Look::Absent, Look::Ha),
            Err(error) => blind(&error),
        }
    }

    pub(super) async fn look_at_backup_job(&self, id: &str) -> Look {
        match self.backup_jobs().await {
            Ok(mut all) => all.remove(id).map_or(Look::Absent, Look::BackupJob),
            Err(error) => blind(&error),
        }
    }

    pub(super) async fn look_for_backup(&self, storage: &str, node: &str, vmid: u32, key: BackupKey) -> Look {
        match self.client.storage_content(node, storage, Some("backup")).await {
            Ok(volumes) => {
                let ours = volumes.into_iter().filter_map(|volume| backup_seen(storage, volume));
                ours.into_iter()
                    .find(|(found, backup)| *found == key && backup.vmid == vmid)
                    .map_or(Look::Absent, |(_, backup)| Look::Backup(backup))
            }
            Err(error) => blind(&error),
        }
    }

    pub(super) async fn look_for_task(&self, node: &str, vmid: u32, task: &str, since: i64) -> Look {
        let filter = TaskFilter {
            since: u64::try_from(since).ok(),
            kind: Some(task.to_owned()),
            vmid: Some(vmid),
            limit: Some(TASKS_MAX),
            ..TaskFilter::default()
        };
        match self.client.tasks(node, &filter).await {
            // Newest first.
            Ok(tasks) => tasks
                .into_iter()
                .find(|found| found.kind.as_deref() == Some(task))
                .map_or(Look::Absent, |found| Look::Task { ended: found.status }),
            Err(error) => blind(&error),
        }
    }
}

fn blind(error: &CallError) -> Look {
    Look::CannotTell { why: error.to_string() }
}

/// None where our rights do not reach, or where there is nothing to ask: a node without a cluster.
fn readable<T>(outcome: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match outcome {
        Ok(seen) => Ok(Some(seen)),
        Err(error) if matches!(error.kind(), Kind::Forbidden { .. } | Kind::NotImplemented) => Ok(None),
        Err(error) => Err(error),
    }
}

fn pool_seen(pool: &Pool) -> PoolSeen {
    let guests = pool.members.iter().filter_map(|member| u32::try_from(member.vmid?).ok());
    let storages = pool.members.iter().filter(|member| member.vmid.is_none());
    PoolSeen {
        guests: guests.collect(),
        storages: storages.filter_map(|member| member.storage.clone()).collect(),
    }
}

fn ha_seen(entry: &Map<String, Value>) -> HaSeen {
    HaSeen {
        // The server leaves the default out.
        state: text(entry, "state").unwrap_or_else(|| "started".into()),
        group: text(entry, "group"),
    }
}

fn job_seen(entry: &Map<String, Value>) -> BackupJobSeen {
    let numbers = text(entry, "vmid").unwrap_or_default();
    let mut guests: Vec<u32> = numbers.split([',', ';', ' ']).filter_map(|id| id.parse().ok()).collect();
    guests.sort_unstable();
    guests.dedup();
    let said = |key: &str| text(entry, key).is_some_and(|value| !["", "0"].contains(&value.as_str()));
    BackupJobSeen {
        guests,
        storage: text(entry, "storage"),
        schedule: text(entry, "schedule"),
        mode: text(entry, "mode"),
        keep_last: keep_last(entry.get("prune-backups")),
        enabled: entry.get("enabled").is_none_or(|_| said("enabled")),
        wide: said("all") || said("pool"),
    }
}

/// `keep-last=7`, or the same as an object.
fn keep_last(prune: Option<&Value>) -> Option<u32> {
    match prune? {
        Value::Object(parts) => text(parts, "keep-last")?.parse().ok(),
        Value::String(parts) => {
            parts.split(',').find_map(|part| part.trim().strip_prefix("keep-last="))?.parse().ok()
        }
        _ => None,
    }
}

/// A value as text, whether it came as text or number.
fn text(entry: &Map<String, Value>, key: &str) -> Option<String> {
    match entry.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(u8::from(*flag).to_string()),
        _ => None,
    }
}

fn backup_seen(storage: &str, volume: Volume) -> Option<(BackupKey, BackupSeen)> {
    let key = BackupKey::find(volume.notes.as_deref()?)?;
    let vmid = u32::try_from(volume.vmid?).ok()?;
    Some((key, BackupSeen { vmid, storage: storage.to_owned(), volume: volume.volid }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_job_reads_alike_whatever_the_server_makes_of_its_values() {
        let read = |value: Value| job_seen(value.as_object().unwrap());
        let first = read(json!({ "id": "n", "vmid": "111,110", "schedule": "02:30", "enabled": 1,
            "prune-backups": { "keep-last": "7" }, "storage": "tank-nfs", "mode": "snapshot" }));
        let second = read(json!({ "id": "n", "vmid": "110, 111", "schedule": "02:30", "enabled": "1",
            "prune-backups": "keep-last=7", "storage": "tank-nfs", "mode": "snapshot", "all": 0 }));
        assert_eq!(first, second);
        assert_eq!((first.keep_last, first.enabled, first.wide), (Some(7), true, false));
    }
}

//! Looking at one guest or one storage, with proof of absence (I9).

use super::{Api, our_kind, their_kind};
use domain::interpretation::GuestKind;
use domain::observation::{GuestSeen, StorageSeen};
use domain::plan::{Look, LookAt};
use proxmox::client::{NodeStorage, StorageConfig};
use proxmox::{CallError, Kind};
use std::collections::BTreeMap;

impl Api {
    /// What is there now. `Absent` only if two different reads agree, the node is online and the cluster quorate.
    pub async fn look(&self, at: &LookAt) -> Look {
        match at {
            LookAt::Guest { vmid, kind, node } => self.look_at_guest(*vmid, *kind, node).await,
            LookAt::Whereabouts { vmid, kind, nodes } => self.look_for_guest(*vmid, *kind, nodes).await,
            LookAt::Storage { id } => self.look_at_storage(id).await,
            LookAt::Pool { id } => self.look_at_pool(id).await,
            LookAt::Ha { sid } => self.look_at_ha(sid).await,
            LookAt::BackupJob { id } => self.look_at_backup_job(id).await,
            LookAt::Backup { storage, node, vmid, key } => {
                self.look_for_backup(storage, node, *vmid, *key).await
            }
            LookAt::Task { node, vmid, task, since } => self.look_for_task(node, *vmid, task, *since).await,
        }
    }

    /// The guest where it is: on the first of these nodes that has it. Only when none has it is its absence proved.
    async fn look_for_guest(&self, vmid: u32, kind: GuestKind, nodes: &[String]) -> Look {
        let mut last = Look::CannotTell { why: "no node to look at".into() };
        for node in nodes {
            match self.read_guest(kind, node, vmid).await {
                Ok(guest) => return Look::Guest(Box::new(guest)),
                Err(error) if error.kind() == Kind::DoesNotExist => {
                    last = self.prove_guest_absent(vmid, node).await;
                }
                Err(error) => return Look::CannotTell { why: error.to_string() },
            }
        }
        last
    }

    async fn look_at_guest(&self, vmid: u32, kind: GuestKind, node: &str) -> Look {
        match self.read_guest(kind, node, vmid).await {
            Ok(guest) => Look::Guest(Box::new(guest)),
            Err(error) if error.kind() == Kind::DoesNotExist => self.prove_guest_absent(vmid, node).await,
            Err(error) => Look::CannotTell { why: error.to_string() },
        }
    }

    /// "Does not exist" at one address means only: not here. The number is asked for in the whole cluster.
    async fn prove_guest_absent(&self, vmid: u32, node: &str) -> Look {
        let blind = |error: CallError| Look::CannotTell { why: error.to_string() };
        let status = match self.client.cluster_status().await {
            Ok(status) => status,
            Err(error) => return blind(error),
        };
        if !status.is_quorate() {
            return Look::CannotTell { why: "the cluster has no quorum".into() };
        }
        let online = status.members.iter().any(|member| member.name == node && member.online != Some(false));
        if !online {
            return Look::CannotTell { why: format!("node {node} is not online") };
        }
        match self.client.is_free(vmid).await {
            Ok(true) => Look::Absent,
            Ok(false) => Look::CannotTell {
                why: format!("number {vmid} is in use on another node or as another kind"),
            },
            Err(error) => blind(error),
        }
    }

    async fn look_at_storage(&self, id: &str) -> Look {
        let configs = match self.client.storages().await {
            Ok(configs) => configs,
            Err(error) => return Look::CannotTell { why: error.to_string() },
        };
        if let Some(config) = configs.into_iter().find(|config| config.storage == id) {
            return Look::Storage(storage_seen(&config, &[], &BTreeMap::new()));
        }
        // The list is filtered by rights: the storage's own address is the second read.
        let own = proxmox::Request::get(format!("/storage/{id}"));
        match self.client.read::<StorageConfig>(own).await {
            Ok(config) => Look::Storage(storage_seen(&config, &[], &BTreeMap::new())),
            Err(error) if error.kind() == Kind::DoesNotExist => Look::Absent,
            Err(error) => Look::CannotTell { why: error.to_string() },
        }
    }

    /// A guest as its own endpoints show it: fresh, unlike the lists of the cluster.
    pub async fn read_guest(&self, kind: GuestKind, node: &str, vmid: u32) -> Result<GuestSeen, CallError> {
        let theirs = their_kind(kind);
        let config = self.client.guest_config(theirs, node, vmid).await?;
        // A guest that is not there is known after one read; of one that is, the rest is asked for side by side.
        let (status, pending, snapshots) = tokio::try_join!(
            self.client.guest_status(theirs, node, vmid),
            self.client.guest_pending(theirs, node, vmid),
            self.snapshot_names(kind, node, vmid),
        )?;
        let name_key = match kind {
            GuestKind::Vm => "name",
            GuestKind::Container => "hostname",
        };
        let name = config.get(name_key).map(str::to_owned).or(status.name.clone()).unwrap_or_default();
        let mut options = config.options;
        let lock = options.remove("lock").or(status.lock.clone());
        Ok(GuestSeen {
            vmid,
            kind: our_kind(theirs),
            name,
            node: node.to_owned(),
            running: status.is_running(),
            template: options.get("template").is_some_and(|value| value == "1"),
            lock,
            pool: None,
            config: options,
            pending: pending
                .into_iter()
                .filter(|option| option.is_pending())
                .map(|option| option.key)
                .collect(),
            digest: config.digest.unwrap_or_default(),
            snapshots,
        })
    }

    async fn snapshot_names(&self, kind: GuestKind, node: &str, vmid: u32) -> Result<Vec<String>, CallError> {
        let snapshots = self.client.snapshots(their_kind(kind), node, vmid).await?;
        Ok(snapshots.into_iter().map(|snapshot| snapshot.name).filter(|name| name != "current").collect())
    }
}

fn words(list: Option<&str>) -> Vec<String> {
    let mut words: Vec<String> =
        list.unwrap_or_default().split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    words.sort();
    words
}

/// A storage from its configuration and, where it was asked for, its state on each node.
pub(super) fn storage_seen(
    config: &StorageConfig,
    all_nodes: &[String],
    states: &BTreeMap<String, NodeStorage>,
) -> StorageSeen {
    let configured = match words(config.nodes.as_deref()) {
        nodes if nodes.is_empty() => all_nodes.to_vec(),
        nodes => nodes,
    };
    let gib = |bytes: u64| bytes / 1024 / 1024 / 1024;
    let shared =
        config.shared.unwrap_or(matches!(config.kind.as_str(), "nfs" | "rbd" | "cifs" | "cephfs" | "iscsi"));
    StorageSeen {
        kind: config.kind.clone(),
        shared,
        content: words(config.content.as_deref()),
        nodes: configured
            .into_iter()
            .filter(|node| {
                states.is_empty() || states.get(node).is_some_and(|state| state.active == Some(true))
            })
            .collect(),
        server: config.server.clone(),
        export: config.export.clone(),
        free_gib: states.iter().filter_map(|(node, state)| Some((node.clone(), gib(state.avail?)))).collect(),
        files: BTreeMap::new(),
    }
}

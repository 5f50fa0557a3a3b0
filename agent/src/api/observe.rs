//! Seeing the whole cluster: one picture, with every read noted.

use super::look::storage_seen;
use super::{Api, Wire};
use crate::limits::{GUESTS_AT_ONCE, GUESTS_MAX};
use chrono::Utc;
use domain::cluster::Read;
use domain::interpretation::GuestKind;
use domain::observation::{GuestSeen, NodeSeen, Observation, StorageSeen};
use futures::stream::{self, StreamExt};
use proxmox::client::{Node, NodeStorage, Resource};
use proxmox::transport::{Sending, Transport};
use proxmox::{CallError, NotSent, Request};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Content types of files that guests are made from.
const FILE_CONTENT: [&str; 3] = ["iso", "vztmpl", "import"];

impl Api {
    /// One picture of everything, and the reads it took. Guests of nodes that are offline are left out: nobody can say
    /// what they are. A node that the lists still call online and that no call reaches (595) is offline too: one node
    /// that just died does not hide the others.
    pub async fn observe(&self, cluster: &str) -> Result<(Observation, Vec<Read>), CallError> {
        let noting =
            Arc::new(Noting { inner: self.wire.clone(), reads: Mutex::default(), silent: Mutex::default() });
        let api = Api { token: self.token.clone(), ..Api::new(noting.clone()) };
        let mut silent = BTreeSet::new();
        let seen = loop {
            match api.picture(cluster, &silent).await {
                Err(CallError::NotSent { cause: NotSent::NotPassedOn, .. }) if noting.tells(&mut silent) => {}
                outcome => break outcome?,
            }
        };
        let reads = std::mem::take(&mut *noting.reads.lock().unwrap_or_else(PoisonError::into_inner));
        Ok((seen, reads))
    }

    async fn picture(&self, cluster: &str, silent: &BTreeSet<String>) -> Result<Observation, CallError> {
        // On another release nothing is looked at, so nothing is planned either.
        let release = self.client().known_release().await?;
        let status = self.client().cluster_status().await?;
        let nodes = self.client().nodes().await?;
        let resources = self.client().cluster_resources(Some("vm")).await?;
        let mut seen = Observation {
            at: Utc::now(),
            cluster: if cluster.is_empty() {
                status.name.clone().unwrap_or_default()
            } else {
                cluster.to_owned()
            },
            pve_version: release.to_string(),
            quorate: status.is_quorate(),
            nodes: BTreeMap::new(),
            storages: BTreeMap::new(),
            guests: BTreeMap::new(),
            around: self.surroundings().await?,
        };
        let is_online = |node: &Node| node.is_online() && !silent.contains(&node.node);
        let online: Vec<String> = nodes.iter().filter(|n| is_online(n)).map(|n| n.node.clone()).collect();
        for node in &nodes {
            let address = status.members.iter().find(|m| m.name == node.node).and_then(|m| m.ip.clone());
            let mut node_seen = NodeSeen {
                online: is_online(node),
                threads: u32::try_from(node.maxcpu.unwrap_or(0)).unwrap_or(u32::MAX),
                memory_mib: node.maxmem.unwrap_or(0) / 1024 / 1024,
                address,
                bridges: BTreeMap::new(),
            };
            if node_seen.online {
                node_seen.bridges = self.bridges(&node.node).await?;
            }
            seen.nodes.insert(node.node.clone(), node_seen);
        }
        seen.storages = self.see_storages(&online).await?;
        seen.guests = self.see_guests(&online, &resources).await?;
        seen.around.backups = self.our_backups(&seen.storages, &online).await?;
        Ok(seen)
    }

    async fn bridges(&self, node: &str) -> Result<BTreeMap<String, bool>, CallError> {
        let network = self.client().network(node).await?;
        let bridges = network.interfaces.into_iter().filter(|i| i.kind.as_deref() == Some("bridge"));
        Ok(bridges.map(|i| (i.iface, i.bridge_vlan_aware == Some(true))).collect())
    }

    async fn see_storages(&self, online: &[String]) -> Result<BTreeMap<String, StorageSeen>, CallError> {
        let configs = self.client().storages().await?;
        let mut states: BTreeMap<String, BTreeMap<String, NodeStorage>> = BTreeMap::new();
        for node in online {
            for state in self.client().node_storages(node).await? {
                states.entry(state.storage.clone()).or_default().insert(node.clone(), state);
            }
        }
        let mut seen = BTreeMap::new();
        for config in configs.iter().filter(|config| config.disable != Some(true)) {
            let states = states.get(&config.storage).cloned().unwrap_or_default();
            let mut storage = storage_seen(config, online, &states);
            for content in FILE_CONTENT.iter().filter(|content| storage.content.iter().any(|c| c == *content))
            {
                // One bound to a node that is offline has nobody to ask.
                for node in storage.nodes.clone().into_iter().filter(|node| online.contains(node)) {
                    let files = self.client().storage_content(&node, &config.storage, Some(content)).await?;
                    storage.files.entry(node).or_default().extend(files.into_iter().map(|file| file.volid));
                }
            }
            storage.files.values_mut().for_each(|files| files.sort());
            seen.insert(config.storage.clone(), storage);
        }
        Ok(seen)
    }

    /// The nodes' own lists are fresh, the cluster's list is not; the latter only adds the pool.
    async fn see_guests(
        &self,
        online: &[String],
        resources: &[Resource],
    ) -> Result<BTreeMap<u32, GuestSeen>, CallError> {
        let mut found = Vec::new();
        for node in online {
            for kind in [GuestKind::Vm, GuestKind::Container] {
                let list = self.listed(kind, node).await?;
                found.extend(list.into_iter().map(|vmid| (kind, node.clone(), vmid)));
            }
        }
        let pools: BTreeMap<u64, String> =
            resources.iter().filter_map(|resource| Some((resource.vmid?, resource.pool.clone()?))).collect();
        let mut reads =
            stream::iter(found.into_iter().take(GUESTS_MAX))
                .map(|(kind, node, vmid)| async move {
                    (self.read_guest(kind, &node, vmid).await, kind, node, vmid)
                })
                .buffer_unordered(GUESTS_AT_ONCE);
        let mut seen = BTreeMap::new();
        while let Some((outcome, kind, node, vmid)) = reads.next().await {
            match outcome {
                Ok(mut guest) => {
                    guest.pool = pools.get(&guest.vmid.into()).cloned();
                    seen.insert(guest.vmid, guest);
                }
                // Destroyed or moved since the list was read, if the list names it no more. Whether it is gone is proved
                // elsewhere; a list that goes on naming it contradicts the refusal, and then nobody can tell (I9).
                Err(error) if error.is_guest_absent() => {
                    if self.listed(kind, &node).await?.contains(&vmid) {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(seen)
    }

    /// Numbers of the guests of a kind in a node's own list.
    async fn listed(&self, kind: GuestKind, node: &str) -> Result<Vec<u32>, CallError> {
        let list: Vec<Listed> =
            self.client().read(Request::get(format!("/nodes/{node}/{}", kind.api()))).await?;
        Ok(list.iter().filter_map(Listed::number).collect())
    }
}

/// An entry of a node's list of guests; the number may come as text.
#[derive(serde::Deserialize)]
struct Listed {
    vmid: serde_json::Value,
}

impl Listed {
    fn number(&self) -> Option<u32> {
        match &self.vmid {
            serde_json::Value::String(text) => text.parse().ok(),
            value => u32::try_from(value.as_u64()?).ok(),
        }
    }
}

/// Notes every read on its way.
struct Noting {
    inner: Wire,
    reads: Mutex<Vec<Read>>,
    /// Nodes that a call could not be passed on to.
    silent: Mutex<BTreeSet<String>>,
}

impl Noting {
    /// Adds the nodes that did not answer; false when all of them were known.
    fn tells(&self, silent: &mut BTreeSet<String>) -> bool {
        let before = silent.len();
        silent.extend(self.silent.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned());
        silent.len() > before
    }
}

impl Transport for Noting {
    fn send<'a>(&'a self, request: &'a Request) -> Sending<'a> {
        Box::pin(async move {
            let begun = Instant::now();
            let outcome = self.inner.send(request).await;
            let status = match &outcome {
                Ok(reply) => reply.status,
                Err(CallError::Answered { status, .. }) => *status,
                Err(_) => 0,
            };
            if let Err(CallError::NotSent { cause: NotSent::NotPassedOn, .. }) = &outcome
                && let Some(node) =
                    request.path.strip_prefix("/nodes/").and_then(|rest| rest.split('/').next())
            {
                self.silent.lock().unwrap_or_else(PoisonError::into_inner).insert(node.to_owned());
            }
            let ms = u32::try_from(begun.elapsed().as_millis()).unwrap_or(u32::MAX);
            let read = Read { path: request.path.clone(), status, ms };
            self.reads.lock().unwrap_or_else(PoisonError::into_inner).push(read);
            outcome
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where it is surprised")]
    use super::*;
    use proxmox::transport::{Exchange, Replaying};
    use proxmox::{NotSent, Reply};
    use serde_json::json;

    fn answered(path: &str, data: serde_json::Value) -> Exchange {
        let reply = Reply {
            status: 200,
            reason: "OK".into(),
            message: None,
            errors: BTreeMap::new(),
            data,
            beside: BTreeMap::new(),
            latency: std::time::Duration::ZERO,
        };
        Exchange { request: Request::get(path), outcome: Ok(reply) }
    }

    fn refused(path: &str, message: &str) -> Exchange {
        let (reason, message) = ("Internal Server Error".into(), Some(message.into()));
        let error = CallError::Answered { status: 500, reason, message, errors: BTreeMap::new() };
        Exchange { request: Request::get(path), outcome: Err(error) }
    }

    #[tokio::test]
    async fn a_guest_that_goes_during_the_look_does_not_hide_the_others() {
        let guest = |vmid: u32, end: &str| format!("/nodes/pve1/qemu/{vmid}/{end}");
        let lists = || {
            let all = json!([{"vmid": 200}, {"vmid": 201}]);
            [answered("/nodes/pve1/qemu", all), answered("/nodes/pve1/lxc", json!([]))]
        };
        let there = || {
            [
                answered(&guest(201, "config"), json!({"name": "stays", "digest": "d"})),
                answered(&guest(201, "status/current"), json!({"status": "running", "vmid": 201})),
                answered(&guest(201, "pending"), json!([])),
                answered(&guest(201, "snapshot"), json!([])),
            ]
        };
        let gone = "Configuration file 'nodes/pve1/qemu-server/200.conf' does not exist";
        let node = ["pve1".to_owned()];

        let absent = || [refused(&guest(200, "config"), gone)];
        let named_no_more = answered("/nodes/pve1/qemu", json!([{"vmid": 201}]));
        let wire = Replaying::new(lists().into_iter().chain(there()).chain(absent()).chain([named_no_more]));
        let seen = Api::new(Arc::new(wire)).see_guests(&node, &[]).await.unwrap();
        assert_eq!(seen.keys().copied().collect::<Vec<_>>(), [201]);

        // A list that goes on naming it contradicts that.
        let [still_named, _] = lists();
        let wire = Replaying::new(lists().into_iter().chain(there()).chain(absent()).chain([still_named]));
        Api::new(Arc::new(wire)).see_guests(&node, &[]).await.unwrap_err();

        // Any other refusal says nothing about the guest, so there is no picture.
        let silent = [refused(&guest(200, "config"), "got timeout")];
        let wire = Replaying::new(lists().into_iter().chain(there()).chain(silent));
        Api::new(Arc::new(wire)).see_guests(&node, &[]).await.unwrap_err();
    }

    #[tokio::test]
    async fn another_release_is_not_even_looked_at() {
        let wire = Replaying::new([answered("/version", json!({"version": "9.0.3", "release": "9.0"}))]);
        let error = Api::new(Arc::new(wire)).observe("lab").await.unwrap_err();
        assert!(matches!(error, CallError::NotSent { cause: NotSent::OtherRelease, .. }), "{error}");
        assert!(error.advice().contains("9.0.3"));
    }
}

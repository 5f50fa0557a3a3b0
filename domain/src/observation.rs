//! What was seen in the cluster, as read from the Proxmox API and kept as read.
//!
//! Begin with [`Observation`]; [`GuestSeen`] reads the fields people care about out of a guest's configuration,
//! so that planner, facts and pages all normalise alike. What could not be read is none, never a default.

use crate::ids::Vmid;
use crate::interpretation::GuestKind;
use crate::mark::Mark;
use crate::surroundings::Surroundings;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One picture of the whole cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    pub at: DateTime<Utc>,
    pub cluster: String,
    pub pve_version: String,
    pub quorate: bool,
    pub nodes: BTreeMap<String, NodeSeen>,
    pub storages: BTreeMap<String, StorageSeen>,
    pub guests: BTreeMap<Vmid, GuestSeen>,
    /// Pools, high availability, backups, rights.
    #[serde(default)]
    pub around: Surroundings,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeSeen {
    pub online: bool,
    pub threads: u32,
    pub memory_mib: u64,
    pub address: Option<String>,
    /// Bridges and whether they know VLANs.
    pub bridges: BTreeMap<String, bool>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StorageSeen {
    pub kind: String,
    pub shared: bool,
    pub content: Vec<String>,
    /// Nodes it is configured for and active on.
    pub nodes: Vec<String>,
    pub server: Option<String>,
    pub export: Option<String>,
    /// Free space in GiB per node.
    pub free_gib: BTreeMap<String, u64>,
    /// Files that guests can be made from (`iso`, `vztmpl`, `import`), per node: volume ids.
    pub files: BTreeMap<String, Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GuestSeen {
    pub vmid: Vmid,
    pub kind: GuestKind,
    pub name: String,
    pub node: String,
    pub running: bool,
    pub template: bool,
    pub lock: Option<String>,
    pub pool: Option<String>,
    /// The configuration as read, values as text, pending changes merged.
    pub config: BTreeMap<String, String>,
    /// Keys whose value takes effect at the next start.
    pub pending: Vec<String>,
    /// Digest of the configuration file; changes with every write.
    pub digest: String,
    pub snapshots: Vec<String>,
}

/// The boot disk, as the configuration names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskSeen {
    /// `scsi0`, `rootfs`.
    pub key: String,
    pub storage: String,
    pub volume: String,
    pub size_gib: Option<u64>,
}

impl GuestSeen {
    fn number(&self, key: &str) -> Option<u64> {
        self.config.get(key)?.parse().ok()
    }

    /// Virtual cores over all sockets. Proxmox leaves the keys out where they are 1.
    pub fn cores(&self) -> u32 {
        let cores = self.number("cores").unwrap_or(1);
        let sockets = self.number("sockets").unwrap_or(1);
        u32::try_from(cores * sockets).unwrap_or(u32::MAX)
    }

    /// In MiB; Proxmox's own default is 512.
    pub fn memory_mib(&self) -> u64 {
        self.number("memory").unwrap_or(512)
    }

    pub fn mark(&self) -> Option<Mark> {
        Mark::find(self.config.get("description")?)
    }

    /// The person's own words in the description, without our mark.
    pub fn notes(&self) -> &str {
        let text = self.config.get("description").map_or("", String::as_str);
        match Mark::find(text) {
            Some(_) => text.split_once('\n').map_or("", |(_, rest)| rest).trim_end(),
            None => text.trim_end(),
        }
    }

    pub fn tags(&self) -> Vec<String> {
        let tags = self.config.get("tags").map_or("", String::as_str);
        tags.split([';', ',', ' ']).filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
    }

    pub fn start_on_boot(&self) -> bool {
        self.config.get("onboot").is_some_and(|value| value == "1")
    }

    pub fn protection(&self) -> bool {
        self.config.get("protection").is_some_and(|value| value == "1")
    }

    /// What tells this guest from a later one with the same number: the VM generation id or the root volume.
    pub fn stamp(&self) -> Option<&str> {
        match self.kind {
            GuestKind::Vm => self.config.get("vmgenid").map(String::as_str),
            GuestKind::Container => {
                self.config.get("rootfs").map(|rootfs| rootfs.split(',').next().unwrap_or_default())
            }
        }
    }

    /// The disk the guest starts from.
    pub fn boot_disk(&self) -> Option<DiskSeen> {
        let key = match self.kind {
            GuestKind::Container => "rootfs".to_owned(),
            GuestKind::Vm => self.boot_key()?,
        };
        self.disk(&key)
    }

    fn boot_key(&self) -> Option<String> {
        let named = self.config.get("boot").and_then(|boot| boot.trim().strip_prefix("order="));
        let candidates = named.into_iter().flat_map(|order| order.split(';')).map(str::to_owned);
        let usual = ["scsi0", "virtio0", "sata0", "ide0"].into_iter().map(str::to_owned);
        candidates.chain(usual).find(|key| self.disk(key).is_some())
    }

    /// A disk by its key; none for network cards, CD drives and keys that are absent.
    pub fn disk(&self, key: &str) -> Option<DiskSeen> {
        let is_disk = is_volume_key(key) && !key.starts_with("unused");
        let value = self.config.get(key).filter(|_| is_disk)?;
        let mut parts = value.split(',');
        let volume = parts.next()?;
        let options: BTreeMap<&str, &str> = parts.filter_map(|part| part.split_once('=')).collect();
        if options.get("media") == Some(&"cdrom") {
            return None;
        }
        let (storage, _) = volume.split_once(':')?;
        Some(DiskSeen {
            key: key.to_owned(),
            storage: storage.to_owned(),
            volume: volume.to_owned(),
            size_gib: options.get("size").and_then(|size| size_gib(size)),
        })
    }

    /// All disks by key, CD drives left out. `efidisk0` and `tpmstate0` are among them.
    pub fn disks(&self) -> Vec<DiskSeen> {
        self.config.keys().filter_map(|key| self.disk(key)).collect()
    }

    /// Volume ids of everything that would be lost with the guest: disks, unused ones too, and cloud-init drives.
    pub fn volumes(&self) -> Vec<String> {
        let own = format!("-{}-", self.vmid);
        let keys = self.config.iter().filter(|(key, _)| is_volume_key(key));
        keys.filter_map(|(_, value)| value.split(',').next())
            .filter(|volume| volume.contains(':') && volume.contains(&own))
            .map(str::to_owned)
            .collect()
    }

    /// Whether a cloud-init drive is attached.
    pub fn has_cloudinit(&self) -> bool {
        self.config.values().any(|value| value.contains("cloudinit") && value.contains("media=cdrom"))
    }

    fn net(&self) -> BTreeMap<&str, &str> {
        let value = self.config.get("net0").map_or("", String::as_str);
        value.split(',').filter_map(|part| part.split_once('=')).collect()
    }

    pub fn bridge(&self) -> Option<String> {
        self.net().get("bridge").map(|bridge| (*bridge).to_owned())
    }

    pub fn vlan(&self) -> Option<u16> {
        self.net().get("tag")?.parse().ok()
    }

    /// `dhcp` or an address with prefix length, as configured.
    pub fn ip(&self) -> Option<String> {
        match self.kind {
            GuestKind::Container => self.net().get("ip").map(|ip| (*ip).to_owned()),
            GuestKind::Vm => {
                let value = self.config.get("ipconfig0")?;
                value.split(',').find_map(|part| part.strip_prefix("ip=")).map(str::to_owned)
            }
        }
    }
}

/// Keys of a configuration whose value begins with a volume.
fn is_volume_key(key: &str) -> bool {
    let stem = key.trim_end_matches(|c: char| c.is_ascii_digit());
    key == "rootfs"
        || (stem.len() < key.len()
            && ["scsi", "virtio", "sata", "ide", "efidisk", "tpmstate", "mp", "unused"].contains(&stem))
}

/// `30G`, `4096M`, `1T` in whole GiB, rounded up: a disk never counts as smaller than it is asked to be.
pub fn size_gib(text: &str) -> Option<u64> {
    let (digits, unit) =
        text.split_at(text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len()));
    let number: f64 = digits.parse().ok()?;
    let gib = match unit {
        "" => number / 1024.0 / 1024.0 / 1024.0,
        "K" => number / 1024.0 / 1024.0,
        "M" => number / 1024.0,
        "G" => number,
        "T" => number * 1024.0,
        _ => return None,
    };
    (gib.is_finite() && (0.0..1e9).contains(&gib)).then(|| gib.ceil() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest(kind: GuestKind, config: &[(&str, &str)]) -> GuestSeen {
        GuestSeen {
            vmid: 110,
            kind,
            name: "web-old".into(),
            node: "pve1".into(),
            running: true,
            template: false,
            lock: None,
            pool: None,
            config: config.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            pending: vec![],
            digest: "d".into(),
            snapshots: vec![],
        }
    }

    #[test]
    fn the_boot_disk_is_the_first_disk_of_the_boot_order_that_is_no_cd() {
        let vm = guest(
            GuestKind::Vm,
            &[
                ("boot", "order=ide2;scsi0"),
                ("ide2", "ceph-vm:vm-110-cloudinit,media=cdrom"),
                ("scsi0", "ceph-vm:vm-110-disk-0,size=40G"),
            ],
        );
        let disk = vm.boot_disk().unwrap();
        assert_eq!((disk.key.as_str(), disk.storage.as_str(), disk.size_gib), ("scsi0", "ceph-vm", Some(40)));
        assert!(vm.has_cloudinit());
    }

    #[test]
    fn sizes_are_read_in_every_unit_and_rounded_up() {
        assert_eq!(size_gib("30G"), Some(30));
        assert_eq!(size_gib("2252M"), Some(3));
        assert_eq!(size_gib("1T"), Some(1024));
        assert_eq!(size_gib("x"), None);
    }

    #[test]
    fn a_container_says_its_address_in_its_network_card() {
        let ct = guest(GuestKind::Container, &[("net0", "name=eth0,bridge=vmbr0,ip=10.0.20.54/24,tag=30")]);
        assert_eq!((ct.ip().as_deref(), ct.vlan()), (Some("10.0.20.54/24"), Some(30)));
    }
}

//! Storages and the volumes on them.
//!
//! Begin with [`allocate`]: it names and makes a volume the way the storage's type does.

pub mod config;
pub mod content;
pub mod download;
pub mod prune;

use crate::limits::GIB_BYTES;
use crate::state::{Storage, Volume, World, now};

impl Storage {
    /// One copy for all nodes?
    pub fn is_shared(&self) -> bool {
        self.config.get("shared").is_some_and(|s| s == "1")
            || matches!(
                self.kind.as_str(),
                "nfs" | "cifs" | "rbd" | "cephfs" | "glusterfs" | "pbs" | "iscsi" | "iscsidirect" | "zfs"
            )
    }

    /// Does it keep images as files with a format?
    pub fn holds_files(&self) -> bool {
        matches!(self.kind.as_str(), "dir" | "nfs" | "cifs" | "glusterfs" | "cephfs" | "btrfs")
    }

    pub fn enabled(&self) -> bool {
        self.config.get("disable").is_none_or(|d| d != "1")
    }

    pub fn on_node(&self, node: &str) -> bool {
        self.config.get("nodes").is_none_or(|list| list.is_empty() || list.split(',').any(|n| n == node))
    }

    /// Content types, as configured or by default.
    pub fn content(&self) -> String {
        self.config.get("content").cloned().unwrap_or_else(|| "images,rootdir".into())
    }

    pub fn accepts(&self, content: &str) -> bool {
        self.content().split(',').any(|c| c == content)
    }

    /// Folder of a file storage.
    pub fn path(&self) -> &str {
        self.config.get("path").map_or("", String::as_str)
    }

    /// Capacity in bytes as seen from a node.
    pub fn total(&self, node: &str) -> u64 {
        let known = self.total_bytes.get("any").or_else(|| self.total_bytes.get(node));
        known.copied().unwrap_or(if self.is_shared() { 1024 * GIB_BYTES } else { 100 * GIB_BYTES })
    }

    /// Bytes taken, as seen from a node.
    pub fn used(&self, world: &World, id: &str, node: &str) -> u64 {
        let here = |v: &&Volume| v.storage == id && v.node.as_deref().is_none_or(|n| n == node);
        world.volumes.iter().filter(here).map(|v| v.size_bytes).sum()
    }

    /// Can an image of this format be the base of a linked clone?
    pub fn links(&self) -> bool {
        self.holds_files() || matches!(self.kind.as_str(), "rbd" | "lvmthin" | "zfspool" | "zfs")
    }

    /// Can an image of this format be snapshotted?
    pub fn snapshots(&self, format: &str) -> bool {
        if self.holds_files() {
            format == "qcow2"
        } else {
            matches!(self.kind.as_str(), "rbd" | "lvmthin" | "zfspool")
        }
    }
}

/// The format of a file, told from its name.
pub fn file_format(name: &str) -> &'static str {
    match name {
        n if n.ends_with(".iso") || n.ends_with(".img") => "iso",
        n if n.ends_with(".tar.zst") => "tzst",
        n if n.ends_with(".tar.gz") => "tgz",
        n if n.ends_with(".tar.xz") => "txz",
        n if n.ends_with(".tar.bz2") => "tbz2",
        n if n.ends_with(".qcow2") => "qcow2",
        n if n.ends_with(".vmdk") => "vmdk",
        n if n.ends_with(".ova") => "ova",
        n if n.starts_with("snippets/") => "snippet",
        n if n.starts_with("subvol-") || n.ends_with(".subvol") => "subvol",
        _ => "raw",
    }
}

/// The storage `id` as usable on `node`, or the server's text.
pub fn usable<'w>(world: &'w World, id: &str, node: &str) -> Result<&'w Storage, String> {
    let storage = world.storages.get(id).ok_or_else(|| format!("storage '{id}' does not exist"))?;
    if !storage.enabled() {
        return Err(format!("storage '{id}' is disabled"));
    }
    if !storage.on_node(node) {
        return Err(format!("storage '{id}' is not available on node '{node}'"));
    }
    Ok(storage)
}

/// What a new image is to be.
pub struct Wanted<'a> {
    pub storage: &'a str,
    pub node: &'a str,
    pub vmid: u32,
    /// `disk`, `base` or `cloudinit`.
    pub role: &'a str,
    /// `images` or `rootdir`.
    pub content: &'a str,
    pub format: Option<&'a str>,
    pub size_bytes: u64,
}

/// Makes a volume with the next free name; gives its id. Fails when the space does not suffice.
pub fn allocate(world: &mut World, wanted: &Wanted<'_>) -> Result<String, String> {
    let storage = usable(world, wanted.storage, wanted.node)?;
    let files = storage.holds_files();
    let format = if files { wanted.format.unwrap_or("raw") } else { "raw" };
    let subvolume = storage.kind == "zfspool" && wanted.content == "rootdir";
    let format = if subvolume { "subvol" } else { format };
    let free = storage.total(wanted.node).saturating_sub(storage.used(world, wanted.storage, wanted.node));
    if wanted.size_bytes > free {
        return Err(no_space(storage, wanted));
    }
    let vmid = wanted.vmid;
    let mut index = 0;
    let name = loop {
        let stem = match wanted.role {
            "cloudinit" => format!("vm-{vmid}-cloudinit"),
            "base" => format!("base-{vmid}-disk-{index}"),
            _ if subvolume => format!("subvol-{vmid}-disk-{index}"),
            _ => format!("vm-{vmid}-disk-{index}"),
        };
        if wanted.role == "cloudinit" || !taken(world, wanted, vmid, index) {
            break if files { format!("{vmid}/{stem}.{format}") } else { stem };
        }
        index += 1;
    };
    let shared = storage.is_shared();
    let volid = format!("{}:{name}", wanted.storage);
    if find(world, &volid, wanted.node).is_some() {
        return Err(format!("disk image '{name}' already exists"));
    }
    world.volumes.push(Volume {
        storage: wanted.storage.to_owned(),
        node: (!shared).then(|| wanted.node.to_owned()),
        name,
        content: wanted.content.to_owned(),
        format: format.to_owned(),
        size_bytes: wanted.size_bytes,
        vmid: Some(vmid),
        created_at: now(),
        base: None,
        ..Volume::default()
    });
    Ok(volid)
}

/// Is the number taken by any image of the guest there, whatever its role and format?
fn taken(world: &World, wanted: &Wanted<'_>, vmid: u32, index: u32) -> bool {
    let marks = [
        format!("vm-{vmid}-disk-{index}"),
        format!("base-{vmid}-disk-{index}"),
        format!("subvol-{vmid}-disk-{index}"),
    ];
    world.volumes.iter().any(|v| {
        let last = v.name.rsplit('/').next().unwrap_or(&v.name);
        let stem = last.split('.').next().unwrap_or(last);
        v.storage == wanted.storage
            && v.node.as_deref().is_none_or(|n| n == wanted.node)
            && marks.iter().any(|m| m == stem)
    })
}

fn no_space(storage: &Storage, wanted: &Wanted<'_>) -> String {
    match storage.kind.as_str() {
        "lvmthin" => "lvcreate error: insufficient free space in thin pool".into(),
        "rbd" => format!("rbd create 'vm-{}-disk' error: no space left on device", wanted.vmid),
        _ => "unable to create image: No space left on device".into(),
    }
}

/// A volume as seen from a node.
pub fn find<'w>(world: &'w World, volid: &str, node: &str) -> Option<&'w Volume> {
    let (storage, name) = volid.split_once(':')?;
    world
        .volumes
        .iter()
        .find(|v| v.storage == storage && v.name == name && v.node.as_deref().is_none_or(|n| n == node))
}

/// As [`find`], to be changed.
pub fn find_mut<'w>(world: &'w mut World, volid: &str, node: &str) -> Option<&'w mut Volume> {
    let (storage, name) = volid.split_once(':')?;
    world
        .volumes
        .iter_mut()
        .find(|v| v.storage == storage && v.name == name && v.node.as_deref().is_none_or(|n| n == node))
}

/// Removes a volume; false when there was none.
pub fn remove(world: &mut World, volid: &str, node: &str) -> bool {
    let Some((storage, name)) = volid.split_once(':') else { return false };
    let before = world.volumes.len();
    world
        .volumes
        .retain(|v| !(v.storage == storage && v.name == name && v.node.as_deref().is_none_or(|n| n == node)));
    world.volumes.len() < before
}

/// The full id of a volume.
pub fn volid(volume: &Volume) -> String {
    format!("{}:{}", volume.storage, volume.name)
}

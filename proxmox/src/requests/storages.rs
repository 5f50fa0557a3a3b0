//! Storages, what lies on them, and the files that come to them.

use super::{Example, Part, VolumeId, build, named, requests, wire_name};
use crate::error::CallError;
use crate::wire::{Request, Verb};

requests! {
    /// Adds a storage; it is probed at once on the node that takes the call.
    add: Post "/storage" (storage: &str = "nas", kind["type"]: &str = "nfs")
        ["server" "192.0.2.9", "export" "/tank/backup", "content" "backup,iso", "options" "vers=4.2",
         "nodes" "pve1,pve2", "prune-backups" "keep-last=3,keep-weekly=4"];
    /// Changes a storage. Server, export, path and type never change: that is another storage.
    change: Put "/storage/{storage}" (storage: &str = "nas")
        ["content" "backup", "nodes" "pve1", "disable" "0", "delete" "options",
         "digest" "0123456789abcdef0123456789abcdef01234567"];
    /// Forgets a storage. What lies on it stays.
    remove: Delete "/storage/{storage}" (storage: &str = "nas") [];
    allocate_volume: Post "/nodes/{node}/storage/{storage}/content" (node: &str = "pve1", storage: &str = "local",
        vmid: u32 = 101, filename: &str = "vm-101-disk-9.raw", size: &str = "4G") ["format" "raw"];
    annotate_volume: Put "/nodes/{node}/storage/{storage}/content/{volume}" (node: &str = "pve1",
        storage: &str = "nas", volume: VolumeId<'_> = VolumeId("nas:backup/vzdump-qemu-101-2026_01_01-00_00_00.vma.zst"))
        ["notes" "kept for the audit", "protected" "1"];
    /// Destroys a volume. A volume that is not there counts as destroyed.
    delete_volume: Delete "/nodes/{node}/storage/{storage}/content/{volume}" (node: &str = "pve1",
        storage: &str = "local", volume: VolumeId<'_> = VolumeId("local:iso/old.iso")) ["delay" "5"];
    /// Lets the node fetch a file. With a checksum it is safe to repeat.
    download_url: Post "/nodes/{node}/storage/{storage}/download-url" (node: &str = "pve1", storage: &str = "local",
        url: &str = "https://images.example.org/debian-12.qcow2", filename: &str = "debian-12.qcow2",
        content: &str = "import")
        ["checksum" "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "checksum-algorithm" "sha256",
         "verify-certificates" "1"];
    /// Fetches a container template from the appliance list.
    download_template: Post "/nodes/{node}/aplinfo" (node: &str = "pve1", storage: &str = "local",
        template: &str = "debian-12-standard_12.7-1_amd64.tar.zst") [];
    /// Removes the backups that a rule does not keep.
    prune_backups: Delete "/nodes/{node}/storage/{storage}/prunebackups" (node: &str = "pve1", storage: &str = "nas")
        ["prune-backups" "keep-last=3", "vmid" "101", "type" "qemu"];
}

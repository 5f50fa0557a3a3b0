//! The cluster: pools, backup jobs, high availability, replication, networks, options.

use super::{Example, Part, build, named, requests, wire_name};
use crate::error::CallError;
use crate::wire::{Request, Verb};

requests! {
    add_pool: Post "/pools" (poolid: &str = "web") ["comment" "the web servers"];
    /// Adds members; `delete` takes them out, `allow-move` out of another pool.
    change_pool: Put "/pools" (poolid: &str = "web")
        ["vms" "101,201", "storage" "nas", "allow-move" "1", "comment" "the web servers"];
    remove_pool: Delete "/pools" (poolid: &str = "web") [];
    /// A backup job. The id is ours, so that the call is safe to settle after a lost answer.
    add_backup_job: Post "/cluster/backup" (id: &str = "mycopod-nightly", schedule: &str = "02:30", vmid: &str = "101")
        ["storage" "nas", "mode" "snapshot", "compress" "zstd", "enabled" "1", "comment" "made by MycoPod",
         "prune-backups" "keep-last=3,keep-weekly=4", "notes-template" "{{guestname}}"];
    change_backup_job: Put "/cluster/backup/{id}" (id: &str = "mycopod-nightly")
        ["schedule" "mon..fri 03:00", "vmid" "101,201", "storage" "nas", "enabled" "0"];
    remove_backup_job: Delete "/cluster/backup/{id}" (id: &str = "mycopod-nightly") [];
    /// Puts a guest under high availability.
    add_ha: Post "/cluster/ha/resources" (sid: &str = "vm:101")
        ["state" "started", "group" "main", "max_restart" "2", "max_relocate" "1", "comment" "made by MycoPod"];
    change_ha: Put "/cluster/ha/resources/{sid}" (sid: &str = "vm:101") ["state" "stopped", "max_restart" "1"];
    remove_ha: Delete "/cluster/ha/resources/{sid}" (sid: &str = "vm:101") [];
    add_ha_group: Post "/cluster/ha/groups" (group: &str = "main", nodes: &str = "pve1:2,pve2:1")
        ["restricted" "1", "nofailback" "0", "comment" "made by MycoPod"];
    change_ha_group: Put "/cluster/ha/groups/{group}" (group: &str = "main") ["nodes" "pve1,pve2", "restricted" "0"];
    remove_ha_group: Delete "/cluster/ha/groups/{group}" (group: &str = "main") [];
    add_replication: Post "/cluster/replication" (id: &str = "101-0", target: &str = "pve2",
        kind["type"]: &str = "local") ["schedule" "*/15", "rate" "50", "comment" "made by MycoPod"];
    remove_replication: Delete "/cluster/replication/{id}" (id: &str = "101-0") ["force" "0"];
    /// Declares an interface. Nothing happens on the node before [`apply_network`].
    add_interface: Post "/nodes/{node}/network" (node: &str = "pve1", iface: &str = "vmbr1",
        kind["type"]: &str = "bridge")
        ["bridge_ports" "eno2", "bridge_vlan_aware" "1", "autostart" "1", "cidr" "192.0.2.1/24", "comments" "storage"];
    /// Replaces an interface's whole definition: say everything.
    change_interface: Put "/nodes/{node}/network/{iface}" (node: &str = "pve1", iface: &str = "vmbr1",
        kind["type"]: &str = "bridge") ["bridge_ports" "eno2", "autostart" "1"];
    remove_interface: Delete "/nodes/{node}/network/{iface}" (node: &str = "pve1", iface: &str = "vmbr1") [];
    /// Makes pending interfaces real. May cut our own connection.
    apply_network: Put "/nodes/{node}/network" (node: &str = "pve1") [];
    revert_network: Delete "/nodes/{node}/network" (node: &str = "pve1") [];
    change_options: Put "/cluster/options" () ["next-id" "lower=200,upper=999", "mac_prefix" "BC:24:11"];
    add_zone: Post "/cluster/sdn/zones" (zone: &str = "lab", kind["type"]: &str = "vlan") ["bridge" "vmbr0"];
    add_vnet: Post "/cluster/sdn/vnets" (vnet: &str = "lab10", zone: &str = "lab") ["tag" "10"];
    remove_vnet: Delete "/cluster/sdn/vnets/{vnet}" (vnet: &str = "lab10") [];
    remove_zone: Delete "/cluster/sdn/zones/{zone}" (zone: &str = "lab") [];
    /// Makes pending networks real on all nodes. A node that fails shows in its own task alone.
    apply_sdn: Put "/cluster/sdn" () [];
}

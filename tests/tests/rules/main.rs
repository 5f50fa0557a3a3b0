//! The rules of the whole, each tried on a world of its own.

mod adversary;
mod anchors;
mod arrows;
mod crash;
mod credentials;
mod drift;
mod events_doc;
mod faults;
mod github;
mod idempotence;
mod matrix;
mod outages;
mod readmodels;
mod sealed;
mod texts;
mod trail;
mod undo;
mod versions;
mod writer;

/// The texts that must work, from the first to the last.
pub const SCRATCH: &str = "A Debian 12 VM called scratch, 2 cores, 4 gigs of memory, 30 GB disk.";
pub const THREE: &str = "Three Ubuntu VMs for Kubernetes, 4 cores and 8 GB each, one per server.";
pub const PIHOLE: &str =
    "Pi-hole backup in a small container, half a gig of RAM, one core, IP 10.0.20.54/24.";
pub const NAS: &str = "Add the NAS export /tank/backup to Proxmox as storage for backups on all nodes.";
pub const MORE: &str = "Give the web-old machine 8 gigs instead of 4.";
pub const RID: &str = "Get rid of web-old.";
pub const UNCLEAR: &str =
    "Provision three Ubuntu VMs for a Kubernetes cluster and mount an NFS share on the main storage pool.";

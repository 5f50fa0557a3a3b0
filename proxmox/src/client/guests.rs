//! Reading VMs and containers.
//!
//! A guest asked for at the wrong node "does not exist": look its node up in the cluster's resources first.

use super::{Client, GuestConfig, GuestKind, GuestStatus, PendingOption, Snapshot, path, unreadable};
use crate::error::CallError;
use crate::transport::Transport;
use crate::wire::Request;

impl<T: Transport> Client<T> {
    /// A VM's configuration with pending changes merged in.
    pub async fn qemu_config(&self, node: &str, vmid: u32) -> Result<GuestConfig, CallError> {
        self.guest_config(GuestKind::Vm, node, vmid).await
    }

    /// A container's configuration.
    pub async fn lxc_config(&self, node: &str, vmid: u32) -> Result<GuestConfig, CallError> {
        self.guest_config(GuestKind::Container, node, vmid).await
    }

    pub async fn guest_config(
        &self,
        kind: GuestKind,
        node: &str,
        vmid: u32,
    ) -> Result<GuestConfig, CallError> {
        let reply = self.send_raw(&Request::get(guest(kind, node, vmid, "config")?)).await?;
        GuestConfig::from_data(reply.data).ok_or_else(|| unreadable("a configuration is an object".into()))
    }

    /// A VM's options with what waits for the next stop and start.
    pub async fn qemu_pending(&self, node: &str, vmid: u32) -> Result<Vec<PendingOption>, CallError> {
        self.guest_pending(GuestKind::Vm, node, vmid).await
    }

    pub async fn guest_pending(
        &self,
        kind: GuestKind,
        node: &str,
        vmid: u32,
    ) -> Result<Vec<PendingOption>, CallError> {
        self.read(Request::get(guest(kind, node, vmid, "pending")?)).await
    }

    /// `GET …/status/current`: the guest's own state, not the cached one.
    pub async fn guest_status(
        &self,
        kind: GuestKind,
        node: &str,
        vmid: u32,
    ) -> Result<GuestStatus, CallError> {
        self.read(Request::get(guest(kind, node, vmid, "status/current")?)).await
    }

    /// Snapshots, with `current` for the present state.
    pub async fn snapshots(
        &self,
        kind: GuestKind,
        node: &str,
        vmid: u32,
    ) -> Result<Vec<Snapshot>, CallError> {
        self.read(Request::get(guest(kind, node, vmid, "snapshot")?)).await
    }
}

fn guest(kind: GuestKind, node: &str, vmid: u32, what: &str) -> Result<String, CallError> {
    Ok(format!("{}/{what}", path(&["nodes", node, kind.segment(), &vmid.to_string()])?))
}

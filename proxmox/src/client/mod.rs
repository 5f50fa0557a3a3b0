//! The typed client. Begin with [`Client::new`].
//!
//! Reading is typed and lenient: fields that are absent or unreadable are none, because the server leaves
//! out what is default and writes numbers as text. Writing goes through [`Client::send_raw`], exactly as
//! a plan has it. Lists hold only what the caller may see: an empty list is no proof of absence.

mod guests;
mod model;
mod tasks;

pub use model::*;
pub use tasks::{TaskFilter, WaitError};

use crate::error::{CallError, Lost, NotSent};
use crate::kind::Kind;
use crate::lenient;
use crate::release::Release;
use crate::transport::Transport;
use crate::wire::{FilePart, Reply, Request, Verb};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

/// Effective rights: ACL path to privilege to "also below this path".
pub type Permissions = BTreeMap<String, BTreeMap<String, bool>>;

/// A client over any transport.
#[derive(Clone, Debug)]
pub struct Client<T> {
    transport: T,
}

impl<T: Transport> Client<T> {
    pub fn new(transport: T) -> Self {
        Self { transport }
    }

    pub fn transport(&self) -> &T {
        &self.transport
    }

    /// Sends one call exactly as it is given: verb, path, arguments. A write is sent at most once.
    pub async fn send_raw(&self, request: &Request) -> Result<Reply, CallError> {
        self.transport.send(request).await
    }

    /// `GET /version`.
    pub async fn version(&self) -> Result<Version, CallError> {
        self.read(Request::get("/version")).await
    }

    /// The release, if it is one that this client knows. Another one is an error that says what to do, and
    /// nothing more should be sent.
    pub async fn known_release(&self) -> Result<Release, CallError> {
        let version = self.version().await?.version.unwrap_or_default();
        Release::known(&version)
            .map_err(|error| CallError::not_sent(NotSent::OtherRelease, error.to_string()))
    }

    /// `GET /nodes`: all nodes of the cluster, also without rights on them.
    pub async fn nodes(&self) -> Result<Vec<Node>, CallError> {
        self.read(Request::get("/nodes")).await
    }

    /// `GET /nodes/{node}/status`.
    pub async fn node_status(&self, node: &str) -> Result<NodeStatus, CallError> {
        self.read(Request::get(path(&["nodes", node, "status"])?)).await
    }

    /// `GET /cluster/status`: members and quorum.
    pub async fn cluster_status(&self) -> Result<ClusterStatus, CallError> {
        let entries: Vec<Value> = self.read(Request::get("/cluster/status")).await?;
        Ok(ClusterStatus::from_entries(entries))
    }

    /// `GET /cluster/resources`, up to 10 s old. `kind` is vm, storage, node or sdn; none for all.
    pub async fn cluster_resources(&self, kind: Option<&str>) -> Result<Vec<Resource>, CallError> {
        let mut request = Request::get("/cluster/resources");
        if let Some(kind) = kind {
            request = request.arg("type", kind);
        }
        self.read(request).await
    }

    /// `GET /storage`: configured storages.
    pub async fn storages(&self) -> Result<Vec<StorageConfig>, CallError> {
        self.read(Request::get("/storage")).await
    }

    /// `GET /nodes/{node}/storage`: state and free space as this node sees it. Slow when a storage is.
    pub async fn node_storages(&self, node: &str) -> Result<Vec<NodeStorage>, CallError> {
        self.read(Request::get(path(&["nodes", node, "storage"])?)).await
    }

    /// `GET /nodes/{node}/storage/{storage}/content`, of one content type or all.
    pub async fn storage_content(
        &self,
        node: &str,
        storage: &str,
        content: Option<&str>,
    ) -> Result<Vec<Volume>, CallError> {
        let mut request = Request::get(path(&["nodes", node, "storage", storage, "content"])?);
        if let Some(content) = content {
            request = request.arg("content", content);
        }
        self.read(request).await
    }

    /// Uploads a small file as `iso`, `vztmpl` or `import`; overwrites without asking. The reply has a task.
    pub async fn upload(
        &self,
        node: &str,
        storage: &str,
        content: &str,
        file: FilePart,
    ) -> Result<Reply, CallError> {
        let path = path(&["nodes", node, "storage", storage, "upload"])?;
        let mut request = Request::new(Verb::Post, path, BTreeMap::new()).arg("content", content);
        request.file = Some(file);
        self.send_raw(&request).await
    }

    /// `GET /cluster/nextid`: the lowest free VMID of the configured range. It is not reserved.
    pub async fn next_id(&self) -> Result<u32, CallError> {
        let reply = self.send_raw(&Request::get("/cluster/nextid")).await?;
        let text = lenient::plain(reply.data).unwrap_or_default();
        text.trim().parse().map_err(|_| unreadable(format!("'{text}' is not a VMID")))
    }

    /// Is this VMID free in the whole cluster, at this moment?
    pub async fn is_free(&self, vmid: u32) -> Result<bool, CallError> {
        match self.send_raw(&Request::get("/cluster/nextid").arg("vmid", vmid)).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == Kind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// `GET /access/permissions`: what the caller may do; empty when nothing.
    pub async fn permissions(&self) -> Result<Permissions, CallError> {
        let answer: BTreeMap<String, BTreeMap<String, Value>> =
            self.read(Request::get("/access/permissions")).await?;
        let flags = |privs: BTreeMap<String, Value>| {
            privs.into_iter().map(|(name, flag)| (name, lenient::truthy(&flag))).collect()
        };
        Ok(answer.into_iter().map(|(path, privs)| (path, flags(privs))).collect())
    }

    /// `GET /pools`.
    pub async fn pools(&self) -> Result<Vec<Pool>, CallError> {
        self.read(Request::get("/pools")).await
    }

    /// One pool with its members; none when there is no such pool.
    pub async fn pool(&self, poolid: &str) -> Result<Option<Pool>, CallError> {
        match self.read::<Vec<Pool>>(Request::get("/pools").arg("poolid", poolid)).await {
            Ok(pools) => Ok(pools.into_iter().find(|pool| pool.poolid == poolid)),
            Err(error) if error.kind() == Kind::DoesNotExist => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// `GET /nodes/{node}/network`: interfaces as they would be after pending changes are applied.
    pub async fn network(&self, node: &str) -> Result<Network, CallError> {
        let reply = self.send_raw(&Request::get(path(&["nodes", node, "network"])?)).await?;
        let pending = reply.beside.get("changes").and_then(Value::as_str).map(str::to_owned);
        Ok(Network { interfaces: decode(reply.data)?, pending })
    }

    /// Sends a read and decodes its `data`.
    pub async fn read<D: DeserializeOwned>(&self, request: Request) -> Result<D, CallError> {
        decode(self.send_raw(&request).await?.data)
    }
}

fn decode<D: DeserializeOwned>(data: Value) -> Result<D, CallError> {
    serde_json::from_value(data).map_err(|error| unreadable(error.to_string()))
}

fn unreadable(detail: String) -> CallError {
    CallError::unknown(Verb::Get, Lost::Unreadable, detail)
}

/// Joins path segments. A name that would be more than one segment is refused, so that no name can lead to
/// another call.
fn path(segments: &[&str]) -> Result<String, CallError> {
    let bad = |segment: &&&str| segment.is_empty() || segment.contains('/');
    match segments.iter().find(bad) {
        Some(segment) => {
            Err(CallError::not_sent(NotSent::Malformed, format!("'{segment}' is not one path segment")))
        }
        None => Ok(format!("/{}", segments.join("/"))),
    }
}

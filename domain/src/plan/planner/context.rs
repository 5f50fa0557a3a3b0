//! Questions about the request that every part of the planner asks.

use super::stores::Stores;
use super::{NoPlan, Request};
use crate::facts::{GuestDefaults, HouseRules};
use crate::interpretation::{GuestKind, GuestWish, Interpretation, Label, Span};
use crate::observation::{GuestSeen, NodeSeen, Observation};
use crate::plan::Origin;
use crate::settings::Limits;
use serde::Serialize;

pub(super) struct Context<'a> {
    pub request: &'a Request<'a>,
    pub stores: Stores,
}

impl<'a> Context<'a> {
    pub fn new(request: &'a Request<'a>) -> Self {
        Self { request, stores: Stores::new(request.seen, &request.desired.storages) }
    }

    pub fn seen(&self) -> &'a Observation {
        self.request.seen
    }

    pub fn desired(&self) -> &'a Interpretation {
        self.request.desired
    }

    pub fn house(&self) -> &'a HouseRules {
        &self.request.rules.house
    }

    /// What plans may reach at most.
    pub fn limits(&self) -> &'a Limits {
        &self.request.rules.limits
    }

    pub fn defaults(&self, kind: GuestKind) -> &'a GuestDefaults {
        match kind {
            GuestKind::Vm => &self.house().defaults.vm,
            GuestKind::Container => &self.house().defaults.container,
        }
    }

    /// The node, if it is known and online.
    pub fn online(&self, name: &str) -> Option<&'a NodeSeen> {
        self.seen().nodes.get(name).filter(|node| node.online)
    }

    /// The label of one field of one guest; the house rule of that name where the text is silent.
    pub fn origin(&self, guest: usize, field: &str, silent: Silent<'_>) -> Origin {
        if let Some(label) = self.desired().label(&format!("/guests/{guest}/{field}")) {
            return Origin::Label { label: label.clone() };
        }
        match silent {
            Silent::Default(rule) => {
                Origin::Label { label: Label::Default { rule: format!("/defaults/{rule}") } }
            }
            Silent::Planner(why) => Origin::Planner { why: why.into() },
        }
    }

    /// Is this field of the guest labelled as a house rule?
    pub fn is_default(&self, guest: usize, field: &str) -> bool {
        matches!(self.desired().label(&format!("/guests/{guest}/{field}")), Some(Label::Default { .. }))
    }

    /// The phrases of the text that an entry comes from, in order, each once.
    pub fn phrases<T: Serialize>(&self, list: &str, index: usize, entry: &T) -> Vec<Span> {
        let value = serde_json::to_value(entry).unwrap_or_default();
        let keys = value.as_object().into_iter().flat_map(|object| object.keys());
        let mut spans: Vec<Span> =
            keys.filter_map(|key| self.desired().label(&format!("/{list}/{index}/{key}"))?.span()).collect();
        spans.sort_unstable();
        spans.dedup();
        spans
    }

    /// The phrase of one field, if the text has one.
    pub fn phrase(&self, list: &str, index: usize, field: &str) -> Vec<Span> {
        self.desired().label(&format!("/{list}/{index}/{field}")).and_then(Label::span).into_iter().collect()
    }

    /// May not be changed: the owner named it, or its protection flag is set.
    pub fn is_protected(&self, guest: &GuestSeen) -> bool {
        guest.protection() || self.request.rules.protected.contains(&guest.name)
    }

    /// The existing guest that a wish is about: ours, not a template, on a node that answers (I8, I9).
    pub fn owned(&self, wish: &GuestWish) -> Result<&'a GuestSeen, NoPlan> {
        let (noun, name) = (wish.kind.noun(), &wish.name);
        let found = match wish.vmid {
            Some(vmid) => self.seen().guests.get(&vmid),
            None => self.seen().guests.values().find(|guest| guest.name == *name),
        };
        let guest =
            found.filter(|guest| guest.name == *name && guest.kind == wish.kind).ok_or_else(|| {
                let silent = self.seen().nodes.iter().find(|(_, node)| !node.online);
                match silent.filter(|_| found.is_none()) {
                    Some((node, _)) => NoPlan::new(
                        format!("{noun} {name} is not seen, but node {node} is offline: nobody can tell."),
                        format!("Bring {node} back, then preview again."),
                    ),
                    None => NoPlan::new(
                        format!("There is no {noun} {name} with this number and name."),
                        "Refresh the cluster's picture, or name the guest as the Cluster page does.",
                    ),
                }
            })?;
        if guest.template || !self.request.cluster.owns(guest) {
            return Err(NoPlan::new(
                format!("{noun} {name} ({}) was not made by MycoPod and is never touched.", guest.vmid),
                format!(
                    "Ask to adopt {name} first, in a declaration of its own, or change it in Proxmox itself."
                ),
            ));
        }
        self.answering(guest)?;
        Ok(guest)
    }

    /// The guest of ours with this name.
    pub fn owned_named(&self, name: &str) -> Result<&'a GuestSeen, NoPlan> {
        let guest = self.seen().guests.values().find(|guest| guest.name == name && !guest.template);
        let guest = guest.ok_or_else(|| {
            NoPlan::new(format!("There is no guest {name}."), "Name the guest as the Cluster page does.")
        })?;
        if !self.request.cluster.owns(guest) {
            return Err(NoPlan::new(
                format!("{} {name} ({}) is not under management.", guest.kind.noun(), guest.vmid),
                format!("Ask to adopt {name} first, in a declaration of its own."),
            ));
        }
        self.answering(guest)?;
        Ok(guest)
    }

    /// A guest on an offline node cannot be judged.
    pub fn answering(&self, guest: &GuestSeen) -> Result<(), NoPlan> {
        match self.online(&guest.node) {
            Some(_) => Ok(()),
            None => Err(NoPlan::new(
                format!("Node {} is offline, so nobody can tell how {} is.", guest.node, guest.name),
                format!("Bring {} back, then preview again.", guest.node),
            )),
        }
    }

    pub fn unprotected(&self, guest: &GuestSeen) -> Result<(), NoPlan> {
        if !self.is_protected(guest) {
            return Ok(());
        }
        Err(NoPlan::new(
            format!("{} {} ({}) is protected.", guest.kind.noun(), guest.name, guest.vmid),
            "An Admin can lift the protection: in Settings where its name is listed, or in Proxmox.",
        ))
    }
}

/// Where a value comes from when no label says it.
pub(super) enum Silent<'a> {
    /// A house rule, below `/defaults/`.
    Default(&'a str),
    Planner(&'a str),
}

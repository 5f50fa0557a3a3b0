//! What differs between a wish and the guest it is about, field by field: only what the text speaks of.
//!
//! Begin with [`diff`]. Both sides are read by the same accessors of [`GuestSeen`], so that a value which Proxmox
//! writes another way is no difference.

mod disks;
mod network;
mod options;
mod unfinished;

use super::context::{Context, Silent};
use super::draft::change;
use super::tasks::Task;
use super::{NoPlan, config, sentence};
use crate::interpretation::{GuestKind, GuestWish};
use crate::observation::GuestSeen;
use crate::plan::{Effect, Expected, FieldChange};
use std::collections::BTreeMap;

/// Every value of the text has a label; one without finishes a guest whose making was broken off.
const UNLABELLED: &str = "finishes what was begun";

/// The differences, as one configuration call and one grown disk.
pub(super) struct Edit {
    pub args: BTreeMap<String, String>,
    pub expected: BTreeMap<String, Expected>,
    /// What the changed keys held.
    pub before: BTreeMap<String, Option<String>>,
    pub changes: Vec<FieldChange>,
    /// The wish's own word for each of them.
    pub keys: Vec<String>,
    /// The disk to grow, and to how many GiB.
    pub grow: Option<(String, u64)>,
    /// Space it takes: storage and GiB.
    pub takes: Vec<(String, u64)>,
    pub effect: Effect,
    /// Fields that take effect at the next start.
    pub waits: Vec<&'static str>,
    /// What already is as wished, in words.
    pub same: Vec<String>,
    /// What cannot be taken back.
    pub stays: Vec<String>,
    /// Wishes that this version does not carry out.
    pub not_yet: Vec<String>,
    pub new_name: Option<String>,
}

impl Edit {
    pub fn is_empty(&self) -> bool {
        self.args.is_empty() && self.grow.is_none()
    }
}

pub(super) fn diff(context: &Context<'_>, task: &Task<'_>) -> Result<Edit, NoPlan> {
    let wish = unfinished::wish(context, task);
    let mut editor = Editor { context, index: task.index, wish: &wish, guest: task.guest, edit: blank() };
    editor.size()?;
    editor.disk()?;
    editor.further_disks()?;
    editor.card()?;
    editor.cloudinit();
    editor.options()?;
    editor.not_yet();
    Ok(editor.edit)
}

fn blank() -> Edit {
    Edit {
        args: BTreeMap::new(),
        expected: BTreeMap::new(),
        before: BTreeMap::new(),
        changes: Vec::new(),
        keys: Vec::new(),
        grow: None,
        takes: Vec::new(),
        effect: Effect::None,
        waits: Vec::new(),
        same: Vec::new(),
        stays: Vec::new(),
        not_yet: Vec::new(),
        new_name: None,
    }
}

struct Editor<'e, 'a> {
    context: &'e Context<'a>,
    index: usize,
    wish: &'e GuestWish,
    guest: &'a GuestSeen,
    edit: Edit,
}

impl Editor<'_, '_> {
    fn is_vm(&self) -> bool {
        self.guest.kind == GuestKind::Vm
    }

    /// Notes the difference; false where there is none.
    fn differs(&mut self, field: &str, word: &str, before: Option<String>, after: &str) -> bool {
        if before.as_deref() == Some(after) {
            self.edit.same.push(format!("{word} {after}"));
            return false;
        }
        let origin = self.context.origin(self.index, field, Silent::Planner(UNLABELLED));
        self.edit.changes.push(change(word, before, Some(after.to_owned()), origin));
        self.edit.keys.push(field.to_owned());
        true
    }

    fn set(&mut self, key: &str, value: String) {
        self.edit.expected.insert(key.to_owned(), config::expected(self.guest.kind, key, &value));
        self.edit.before.insert(key.to_owned(), self.guest.config.get(key).cloned());
        self.edit.args.insert(key.to_owned(), value);
    }

    fn effect(&mut self, effect: Effect) {
        if self.guest.running {
            self.edit.effect = self.edit.effect.max(effect);
        }
    }

    /// A value that a running guest takes at its next start.
    fn waits(&mut self, word: &'static str) {
        if self.guest.running {
            self.edit.waits.push(word);
            self.effect(Effect::RestartNeeded);
        }
    }

    fn hotplugs(&self, feature: &str) -> bool {
        match self.guest.config.get("hotplug").map(String::as_str) {
            None | Some("1") => ["network", "disk", "usb"].contains(&feature),
            Some(list) => list.split([',', ';', ' ']).any(|item| item == feature),
        }
    }

    /// Cores, memory and swap.
    fn size(&mut self) -> Result<(), NoPlan> {
        if let Some(cores) = self.wish.cores {
            let threads = self.context.online(&self.guest.node).map_or(0, |node| node.threads);
            if cores > threads && self.context.house().policy.over_threads == "refuse" {
                return Err(NoPlan::new(
                    format!(
                        "{} is to have {cores} cores, {} has {threads} threads.",
                        self.guest.name, self.guest.node
                    ),
                    format!("Ask for {threads} cores or fewer."),
                ));
            }
            // A container without the key may use every core of its node.
            let known = self.is_vm() || self.guest.config.contains_key("cores");
            if self.differs(
                "cores",
                "cores",
                known.then(|| self.guest.cores().to_string()),
                &cores.to_string(),
            ) {
                self.set("cores", cores.to_string());
                if self.guest.config.get("sockets").is_some_and(|sockets| sockets != "1") {
                    self.set("sockets", "1".into());
                }
                // Proxmox can plug `vcpus`, never `cores`, whatever `hotplug` says.
                if self.is_vm() {
                    self.waits("cores");
                }
            }
        }
        if let Some(memory) = self.wish.memory_mib {
            let before = sentence::memory(self.guest.memory_mib());
            if self.differs("memory_mib", "memory", Some(before), &sentence::memory(memory)) {
                self.set("memory", memory.to_string());
                let balloon =
                    self.guest.config.get("balloon").and_then(|balloon| balloon.parse::<u64>().ok());
                if balloon.is_some_and(|balloon| balloon > memory) {
                    self.set("balloon", memory.to_string());
                }
                let plugs =
                    self.hotplugs("memory") && self.guest.config.get("numa").is_some_and(|numa| numa == "1");
                if self.is_vm() && !plugs {
                    self.waits("memory");
                }
            }
        }
        if let Some(swap) = self.wish.swap_mib.filter(|_| !self.is_vm()) {
            let before =
                self.guest.config.get("swap").and_then(|swap| swap.parse().ok()).map(sentence::memory);
            if self.differs("swap_mib", "swap", before, &sentence::memory(swap)) {
                self.set("swap", swap.to_string());
            }
        }
        Ok(())
    }
}

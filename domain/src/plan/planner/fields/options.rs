//! Names, tags, notes and flags; and wishes that an existing guest is not given.

use super::Editor;
use crate::interpretation::{GuestChange, GuestKind};
use crate::mark::TAG;
use crate::plan::planner::config::Options;
use crate::plan::planner::{NoPlan, sentence};

impl Editor<'_, '_> {
    /// Names, tags, notes and flags: they take effect at once and disturb nobody.
    pub(super) fn options(&mut self) -> Result<(), NoPlan> {
        let (wish, guest) = (self.wish, self.guest);
        let declared = (wish.change == GuestChange::Create).then_some(&wish.name);
        if let Some(name) = wish.new_name.as_ref().or(declared)
            && *name != guest.name
        {
            if self.context.seen().guests.values().any(|other| other.name == *name) {
                return Err(NoPlan::new(format!("The name {name} is taken."), "Choose another name."));
            }
            let field = if wish.new_name.is_some() { "new_name" } else { "name" };
            self.differs(field, "name", Some(guest.name.clone()), name);
            self.set(if self.is_vm() { "name" } else { "hostname" }, name.clone());
            self.edit.new_name = Some(name.clone());
        }
        if let Some(on) = wish.start_on_boot
            && self.differs(
                "start_on_boot",
                "start on boot",
                Some(sentence::on_off(guest.start_on_boot())),
                &sentence::on_off(on),
            )
        {
            self.set("onboot", u8::from(on).to_string());
        }
        if let Some(on) = wish.protected
            && self.differs(
                "protected",
                "protection",
                Some(sentence::on_off(guest.protection())),
                &sentence::on_off(on),
            )
        {
            self.set("protection", u8::from(on).to_string());
        }
        self.startup();
        if !wish.tags.is_empty() || !wish.remove_tags.is_empty() {
            let before: Vec<String> = sorted(guest.tags());
            let kept = before.iter().filter(|tag| *tag == TAG || !wish.remove_tags.contains(tag));
            let after = sorted(kept.chain(&wish.tags).cloned().chain([TAG.to_owned()]).collect());
            let field = if wish.tags.is_empty() { "remove_tags" } else { "tags" };
            if self.differs(field, "tags", Some(before.join(", ")), &after.join(", ")) {
                self.set("tags", after.join(";"));
            }
        }
        if let Some(words) = wish.description.as_deref().map(str::trim_end)
            && self.differs("description", "notes", Some(guest.notes().to_owned()), words)
            && let Some(mark) = guest.mark()
        {
            self.set("description", mark.describe(Some(words)));
        }
        Ok(())
    }

    fn startup(&mut self) {
        let (wish, guest) = (self.wish, self.guest);
        if wish.start_order.is_none() && wish.start_delay_s.is_none() {
            return;
        }
        let seen = guest.config.get("startup").map_or("", String::as_str);
        // The order may stand without its key.
        let mut options = Options::read(
            &seen
                .split(',')
                .map(|part| match part.parse::<u32>() {
                    Ok(order) => format!("order={order}"),
                    Err(_) => part.to_owned(),
                })
                .collect::<Vec<_>>()
                .join(","),
        );
        let old = options.clone();
        if let Some(order) = wish.start_order.map(|order| order.to_string())
            && self.differs("start_order", "start order", old.get("order").map(str::to_owned), &order)
        {
            options.set("order", order);
        }
        if let Some(delay) = wish.start_delay_s {
            let words = |seconds: &str| format!("{seconds} s");
            if self.differs(
                "start_delay_s",
                "start delay",
                old.get("up").map(words),
                &words(&delay.to_string()),
            ) {
                options.set("up", delay.to_string());
            }
        }
        if options != old {
            self.set("startup", options.write());
        }
    }

    /// Wishes about an existing guest that this version leaves alone, each with its reason.
    pub(super) fn not_yet(&mut self) {
        let (wish, guest) = (self.wish, self.guest);
        let name = &guest.name;
        let mut add = |differs: bool, text: String| {
            if differs {
                self.edit.not_yet.push(text);
            }
        };
        let update = wish.change == GuestChange::Update;
        add(
            update && (wish.uefi.is_some() || wish.tpm.is_some()),
            format!("The firmware of {name} is left as it is."),
        );
        add(
            update && (wish.image.is_some() || wish.iso.is_some() || wish.copy_of.is_some()),
            format!("{name} keeps its system: an existing guest is not made anew from an image."),
        );
        let container = guest.kind == GuestKind::Container;
        add(
            update && container && !wish.ssh_keys.is_empty(),
            format!(
                "The SSH keys of {name} are left as they are: Proxmox sets them only when a container is made."
            ),
        );
        add(
            container && wish.login_user.is_some(),
            format!(
                "{name} gets no login {}: containers have none of their own.",
                wish.login_user.as_deref().unwrap_or("")
            ),
        );
        add(!container && wish.swap_mib.is_some(), format!("{name} is a VM: its swap is set inside it."));
        let privileged = wish.unprivileged == Some(false) && container;
        add(privileged, format!("{name} stays unprivileged: that is decided when a container is made."));
    }
}

fn sorted(mut tags: Vec<String>) -> Vec<String> {
    tags.sort();
    tags.dedup();
    tags
}

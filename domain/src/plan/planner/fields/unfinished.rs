//! A VM whose making was broken off: copied from its template, but not configured or not grown.
//!
//! Such a guest still has the values of its template, so the house rules fill the gaps of the text once more. A
//! finished guest keeps what the text does not speak of, also when a house rule changed since.

use crate::interpretation::{GuestChange, GuestKind, GuestWish};
use crate::mark::TAG;
use crate::plan::planner::context::Context;
use crate::plan::planner::tasks::Task;

/// The wish with its gaps filled, where the guest is unfinished.
pub(super) fn wish(context: &Context<'_>, task: &Task<'_>) -> GuestWish {
    let (guest, mut wish) = (task.guest, task.wish.clone());
    if wish.change != GuestChange::Create || wish.kind != GuestKind::Vm || wish.copy_of.is_some() {
        return wish;
    }
    wish.disk_gib = wish.disk_gib.or_else(|| ungrown(context, task));
    // Our tag is written by the call that configures the copy.
    if guest.tags().iter().any(|tag| tag == TAG) {
        return wish;
    }
    let defaults = context.defaults(wish.kind);
    wish.cores.get_or_insert(defaults.cores);
    wish.memory_mib.get_or_insert(defaults.memory_mib);
    wish.start_on_boot.get_or_insert(defaults.start_on_boot);
    wish.ip.get_or_insert_with(|| context.house().defaults.network.ip.clone());
    wish.bridge.get_or_insert_with(|| context.house().network.bridge.clone());
    wish.tags.push(TAG.to_owned());
    wish
}

/// The size of the house rules, if the disk is still as small as that of the template.
fn ungrown(context: &Context<'_>, task: &Task<'_>) -> Option<u64> {
    let defaults = context.defaults(task.wish.kind);
    let name = task.wish.image.as_ref().unwrap_or(&defaults.image);
    let template = context.seen().guests.get(&context.house().images.vm.get(name)?.vmid?)?;
    let size = template.boot_disk()?.size_gib?;
    let as_copied = task.guest.boot_disk()?.size_gib? == size;
    (as_copied && defaults.disk_gib > size).then_some(defaults.disk_gib)
}

//! A new guest with its gaps filled, as far as that is possible before it has a place.

use super::context::Context;
use super::{NoPlan, network, pools};
use crate::interpretation::{GuestKind, GuestWish, Power};
use crate::observation::{DiskSeen, GuestSeen};

/// What a new guest is made from.
pub(super) enum Source<'a> {
    /// A template, or a guest of ours that is copied.
    Clone { words: String, guest: &'a GuestSeen, disk: DiskSeen },
    /// A disk image (`import`) or a container template (`vztmpl`) on a storage.
    File { image: String, storage: &'a str, file: &'a str, content: &'static str },
    /// An empty disk and an installation medium.
    Iso { file: &'a str },
}

pub(super) struct Spec<'a> {
    /// Place of the wish in the interpretation.
    pub index: usize,
    pub wish: &'a GuestWish,
    pub source: Source<'a>,
    pub cores: u32,
    pub memory_mib: u64,
    pub disk_gib: u64,
    pub on_boot: bool,
    pub running: bool,
    pub bridge: String,
    pub ip: String,
    pub gateway: Option<String>,
    pub pool: Option<&'a str>,
}

impl Spec<'_> {
    /// What its storage must be able to hold.
    pub fn content(&self) -> &'static str {
        match self.wish.kind {
            GuestKind::Vm => "images",
            GuestKind::Container => "rootdir",
        }
    }
}

pub(super) fn resolve<'a>(
    context: &Context<'a>,
    index: usize,
    wish: &'a GuestWish,
) -> Result<Spec<'a>, NoPlan> {
    refuse(context, wish)?;
    let source = source(context, wish)?;
    let defaults = context.defaults(wish.kind);
    let (cores, memory_mib, disk_gib, smallest) = match &source {
        // A copy is like what it is copied from, where the text is silent.
        Source::Clone { guest, disk, .. } if !guest.template => {
            let size = disk.size_gib.unwrap_or(0);
            (guest.cores(), guest.memory_mib(), size, size)
        }
        Source::Clone { disk, .. } => {
            (defaults.cores, defaults.memory_mib, defaults.disk_gib, disk.size_gib.unwrap_or(0))
        }
        Source::File { image, .. } => {
            let smallest = images(context, wish.kind).get(image).map_or(0, |image| image.disk_gib);
            (defaults.cores, defaults.memory_mib, defaults.disk_gib, smallest)
        }
        Source::Iso { .. } => (defaults.cores, defaults.memory_mib, defaults.disk_gib, 1),
    };
    let disk_gib = wish.disk_gib.unwrap_or(disk_gib.max(smallest));
    if disk_gib < smallest {
        return Err(NoPlan::new(
            format!("{} is to have {disk_gib} GiB of disk, its image needs {smallest} GiB.", wish.name),
            format!("Ask for {smallest} GiB or more."),
        ));
    }
    let network = &context.house().network;
    let ip = wish.ip.clone().unwrap_or_else(|| context.house().defaults.network.ip.clone());
    network::free(context, &ip, None, index)?;
    if wish.gateway.is_some() && ip == "dhcp" {
        return Err(NoPlan::new(
            format!("{} has a gateway but no address of its own.", wish.name),
            "Give it an address, or leave the gateway out: DHCP brings one.",
        ));
    }
    let gateway = wish.gateway.clone().or_else(|| network::gateway(context, wish.vlan, &ip));
    Ok(Spec {
        index,
        wish,
        source,
        cores: wish.cores.unwrap_or(cores),
        memory_mib: wish.memory_mib.unwrap_or(memory_mib),
        disk_gib,
        on_boot: wish.start_on_boot.unwrap_or(defaults.start_on_boot),
        running: wish.power.map_or(defaults.power == "running", |power| power == Power::Running),
        bridge: wish.bridge.clone().unwrap_or_else(|| network.bridge.clone()),
        gateway: gateway.filter(|_| ip != "dhcp"),
        ip,
        pool: pool(context, wish)?,
    })
}

fn images<'a>(
    context: &Context<'a>,
    kind: GuestKind,
) -> &'a std::collections::BTreeMap<String, crate::facts::Image> {
    match kind {
        GuestKind::Vm => &context.house().images.vm,
        GuestKind::Container => &context.house().images.container,
    }
}

fn refuse(context: &Context<'_>, wish: &GuestWish) -> Result<(), NoPlan> {
    if wish.unprivileged == Some(false) && context.house().policy.privileged_containers == "refuse" {
        return Err(NoPlan::new(
            format!("{} is to be a privileged container.", wish.name),
            "The rules refuse privileged containers. Ask for a VM instead.",
        ));
    }
    if context.request.rules.protected.contains(&wish.name) {
        return Err(NoPlan::new(
            format!("The name {} is protected.", wish.name),
            "Choose another name, or let an Admin lift the protection in Settings.",
        ));
    }
    Ok(())
}

fn source<'a>(context: &Context<'a>, wish: &'a GuestWish) -> Result<Source<'a>, NoPlan> {
    let seen = context.seen();
    if let Some(vmid) = wish.copy_of {
        let guest =
            seen.guests.get(&vmid).filter(|guest| context.request.cluster.owns(guest) && !guest.template);
        let guest = guest.filter(|guest| guest.kind == wish.kind).ok_or_else(|| {
            NoPlan::new(
                format!("{} cannot be a copy of {vmid}.", wish.name),
                "Only guests that MycoPod made are copied, and only to the same kind.",
            )
        })?;
        context.answering(guest)?;
        return match (guest.kind, guest.boot_disk()) {
            (GuestKind::Vm, Some(disk)) => {
                Ok(Source::Clone { words: format!("as a copy of {} ({vmid})", guest.name), guest, disk })
            }
            _ => Err(NoPlan::new(
                format!("Copying {} is not possible yet.", guest.name),
                "Copies of containers are part of a later version. Ask for a new one from an image.",
            )),
        };
    }
    if let Some(file) = &wish.iso {
        if wish.kind == GuestKind::Container {
            return Err(NoPlan::new(
                format!("Container {} cannot start from an ISO.", wish.name),
                "Ask for a VM.",
            ));
        }
        return Ok(Source::Iso { file });
    }
    let name = wish.image.as_ref().unwrap_or(&context.defaults(wish.kind).image);
    let image = images(context, wish.kind).get(name).ok_or_else(|| {
        let known: Vec<&String> = images(context, wish.kind).keys().collect();
        NoPlan::new(
            format!("There is no {} image {name}.", wish.kind.noun()),
            format!("Known are: {}. An Admin names images in Settings.", super::sentence::list(&known)),
        )
    })?;
    if let (GuestKind::Vm, Some(vmid)) = (wish.kind, image.vmid) {
        let template = seen.guests.get(&vmid).filter(|guest| guest.template && guest.kind == GuestKind::Vm);
        return match template.and_then(|guest| Some((guest, guest.boot_disk()?))) {
            Some((guest, disk)) => {
                context.answering(guest)?;
                Ok(Source::Clone { words: format!("from template {name} ({vmid})"), guest, disk })
            }
            None => Err(NoPlan::new(
                format!("The template {name} ({vmid}) is not in the cluster."),
                format!("Make VM {vmid} a template with a disk, or name another template in Settings."),
            )),
        };
    }
    let file = image.file.as_deref().ok_or_else(|| {
        NoPlan::new(
            format!("The image {name} has neither a template nor a file."),
            "An Admin can name one in Settings.",
        )
    })?;
    let content = if wish.kind == GuestKind::Vm { "import" } else { "vztmpl" };
    Ok(Source::File { image: name.clone(), storage: &image.storage, file, content })
}

/// A pool that exists, or that the same text makes first.
fn pool<'a>(context: &Context<'a>, wish: &'a GuestWish) -> Result<Option<&'a str>, NoPlan> {
    let Some(name) = wish.pool.as_deref() else { return Ok(None) };
    pools::known(context, name)?;
    Ok(Some(name))
}

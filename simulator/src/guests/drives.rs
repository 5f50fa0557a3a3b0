//! Drives of machines: from what is asked (`local:8`, `local:0,import-from=…`) to a volume and a stored line.
//!
//! Begin with [`precheck`] (errors the call itself answers), then [`realise`] (errors of the task).

use super::disks::size_text;
use super::options::stem;
use crate::api::{Call, Fail};
use crate::contract::Contract;
use crate::contract::props::{self, Props};
use crate::limits::{CLOUDINIT_BYTES, GIB_BYTES};
use crate::state::{Config, Volume, World};
use crate::storage::config::{directory_name, file_path};
use crate::storage::{self, Wanted};
use crate::tasks::Log;

const ROOT_PATHS: &str =
    "Only root can pass arbitrary filesystem paths. at /usr/share/perl5/PVE/Storage.pm line 606.";

/// The keys of a drive value.
pub fn parse(contract: &Contract, key: &str, value: &str) -> Props {
    let format = match stem(key) {
        "ide" => "ide",
        "sata" => "sata",
        "virtio" => "virtio",
        "efidisk" => "efidisk0",
        "tpmstate" => "tpmstate0",
        _ => "scsi",
    };
    props::parse(contract, format, value)
}

/// `STORE:SIZE` with SIZE in GiB.
fn new_disk(file: &str) -> Option<(&str, f64)> {
    let (store, size) = file.split_once(':')?;
    let digits = !size.is_empty() && size.bytes().all(|b| b.is_ascii_digit() || b == b'.') && size != ".";
    digits.then(|| size.parse().ok().map(|s| (store, s))).flatten()
}

fn gib(size: f64) -> u64 {
    (size * 1024.0).round() as u64 * (GIB_BYTES / 1024)
}

/// A volume id whose storage exists and whose name its type understands.
fn known_volume(world: &World, file: &str, node: &str) -> Result<(), Fail> {
    let Some((store, name)) = file.split_once(':') else { return Ok(()) };
    let storage = storage::usable(world, store, node)?;
    if storage.holds_files() && !directory_name(name) {
        return Err(Fail::text(format!("unable to parse directory volume name '{name}'")));
    }
    Ok(())
}

/// Errors that are answered before a task starts.
pub fn precheck(call: &Call, world: &World, key: &str, value: &str) -> Result<(), Fail> {
    let drive = parse(call.contract(), key, value);
    let file = drive.get("file").map_or("", String::as_str);
    let node = call.node();
    if matches!(file, "none" | "cdrom") {
        return Ok(());
    }
    if let Some(source) = drive.get("import-from") {
        let Some((store, size)) = new_disk(file) else {
            return Err(Fail::param(
                key,
                "'import-from' requires special syntax - use <storage ID>:0,import-from=<source>",
            ));
        };
        if size > 0.0 {
            return Err(Fail::param(
                key,
                "'import-from' requires special syntax - use <storage ID>:0,import-from=<source>",
            ));
        }
        if source.starts_with('/') {
            return Err(Fail::text(ROOT_PATHS));
        }
        storage::usable(world, store, node)?;
        known_volume(world, source, node)?;
        let folder = source.split_once(':').and_then(|(_, n)| n.split_once('/')).map(|(folder, _)| folder);
        if let Some(content @ ("iso" | "vztmpl" | "backup" | "snippets")) = folder {
            return Err(Fail::param(
                key,
                format!("{source} has wrong type '{content}' - needs to be 'images' or 'import'"),
            ));
        }
        return space(call, world, store);
    }
    if file.starts_with('/') {
        return Err(Fail::text(ROOT_PATHS));
    }
    if let Some((store, "cloudinit")) = file.split_once(':') {
        storage::usable(world, store, node)?;
        return space(call, world, store);
    }
    if let Some((store, _)) = new_disk(file) {
        let storage = storage::usable(world, store, node)?;
        if !storage.accepts("images") {
            return Err(Fail::text(format!("storage '{store}' does not support content-type 'images'")));
        }
        return space(call, world, store);
    }
    known_volume(world, file, node)?;
    if file.split_once(':').is_some_and(|(_, n)| n.starts_with("iso/"))
        && drive.get("media").is_none_or(|m| m != "cdrom")
    {
        return Err(Fail::param(key, "explicit 'media=cdrom' is required for iso images"));
    }
    Ok(())
}

fn space(call: &Call, world: &World, store: &str) -> Result<(), Fail> {
    call.demand(world, &format!("/storage/{store}"), "Datastore.AllocateSpace")
}

/// For whom drives are made.
pub struct Owner<'a> {
    pub node: &'a str,
    pub vmid: u32,
}

/// Makes or checks the volume behind one drive; gives the line to be stored.
pub fn realise(
    contract: &Contract,
    world: &mut World,
    owner: &Owner<'_>,
    key: &str,
    value: &str,
    log: &mut Log,
) -> Result<String, String> {
    let mut drive = parse(contract, key, value);
    let file = drive.get("file").cloned().unwrap_or_default();
    if matches!(file.as_str(), "none" | "cdrom") {
        return Ok(props::print(&drive, "file"));
    }
    let format = drive.remove("format");
    if let Some(source) = drive.remove("import-from") {
        let (size_bytes, own_format) = source_size(world, &source, owner.node)?;
        let store = file.split(':').next().unwrap_or_default();
        log.push(format!("create full clone of drive ({source})"));
        let wanted = Wanted {
            storage: store,
            node: owner.node,
            vmid: owner.vmid,
            role: "disk",
            content: "images",
            format: Some(format.as_deref().unwrap_or(&own_format)),
            size_bytes,
        };
        let volid = storage::allocate(world, &wanted)?;
        drive.insert("file".into(), volid);
        drive.insert("size".into(), size_text(size_bytes));
        return Ok(made(key, &drive, log));
    }
    if let Some((store, "cloudinit")) = file.split_once(':') {
        let wanted = Wanted {
            storage: store,
            node: owner.node,
            vmid: owner.vmid,
            role: "cloudinit",
            content: "images",
            format: Some(format.as_deref().unwrap_or("qcow2")),
            size_bytes: CLOUDINIT_BYTES,
        };
        let volid = storage::allocate(world, &wanted)?;
        drive.insert("file".into(), volid);
        drive.insert("media".into(), "cdrom".into());
        return Ok(made(key, &drive, log));
    }
    if let Some((store, size)) = new_disk(&file) {
        let size_bytes = gib(size);
        let wanted = Wanted {
            storage: store,
            node: owner.node,
            vmid: owner.vmid,
            role: "disk",
            content: "images",
            format: format.as_deref(),
            size_bytes,
        };
        let volid = storage::allocate(world, &wanted)?;
        drive.insert("file".into(), volid);
        drive.insert("size".into(), size_text(size_bytes));
        return Ok(made(key, &drive, log));
    }
    let volume =
        storage::find(world, &file, owner.node).ok_or_else(|| format!("volume '{file}' does not exist"))?;
    let cloudinit = volume.name.contains("-cloudinit");
    if !cloudinit || drive.contains_key("size") {
        drive.insert("size".into(), size_text(volume.size_bytes));
    }
    Ok(props::print(&drive, "file"))
}

fn made(key: &str, drive: &Props, log: &mut Log) -> String {
    let line = props::print(drive, "file");
    log.push(format!("{key}: successfully created disk '{line}'"));
    line
}

/// Size and format of what is imported.
fn source_size(world: &World, source: &str, node: &str) -> Result<(u64, String), String> {
    match storage::find(world, source, node) {
        Some(Volume { size_bytes, format, .. }) => Ok((*size_bytes, format.clone())),
        None => {
            let (store, name) = source.split_once(':').unwrap_or((source, ""));
            match world.storages.get(store) {
                Some(storage) if name.starts_with("import/") => {
                    Err(format!("failed to stat '{}'", file_path(storage, name)))
                }
                _ => Err(format!("cannot import from '{source}' - could not get size of {source}")),
            }
        }
    }
}

/// The default boot order: first disk, first CD drive, first network card.
pub fn boot_order(config: &Config) -> String {
    let names = || {
        let of = |stem: &'static str, count: u32| (0..count).map(move |n| format!("{stem}{n}"));
        of("ide", 4).chain(of("scsi", 31)).chain(of("virtio", 16)).chain(of("sata", 6))
    };
    let is_cd = |key: &String| config.get(key).is_some_and(|v| v.contains("media=cdrom"));
    let disk = names().find(|k| config.contains_key(k) && !is_cd(k));
    let cd = names().find(is_cd);
    let net = (0..32).map(|n| format!("net{n}")).find(|k| config.contains_key(k));
    let order: Vec<String> = [disk, cd, net].into_iter().flatten().collect();
    if order.is_empty() { String::new() } else { format!("order={}", order.join(";")) }
}

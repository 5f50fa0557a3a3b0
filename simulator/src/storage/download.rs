//! Files that come to a storage: by address, and by upload of small ones.
//!
//! Nothing is fetched. An address on loopback does not answer, nor does one the configuration names; every
//! other address brings a file of a size worked out from its name. The first checksum of a file is believed and
//! remembered; a later one is held against it. Uploads are computed.

use super::config::file_path;
use super::{file_format, find_mut, usable};
use crate::api::{Call, Fail, Reply};
use crate::http::multipart::Uploaded;
use crate::limits::MIB_BYTES;
use crate::state::{Storage, Volume, World, now, sha1_hex};
use crate::tasks::{Halves, Job};
use serde_json::json;
use sha2::Digest;

/// The checksum of small data in lower-case hex; empty for a kind that the schema does not have.
pub fn checksum(kind: &str, data: &[u8]) -> String {
    match kind {
        "md5" => hex::encode(md5::Md5::digest(data)),
        "sha1" => hex::encode(ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, data)),
        "sha224" => hex::encode(sha2::Sha224::digest(data)),
        "sha256" => hex::encode(sha2::Sha256::digest(data)),
        "sha384" => hex::encode(sha2::Sha384::digest(data)),
        "sha512" => hex::encode(sha2::Sha512::digest(data)),
        _ => String::new(),
    }
}

/// The name without its folders and with doubtful characters replaced.
fn plain_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\', ':']).next().unwrap_or(name).trim_end();
    last.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.+=@".contains(c) { c } else { '_' }).collect()
}

fn fitting(content: &str, name: &str) -> Result<(), Fail> {
    let ends = |endings: &[&str]| {
        endings.iter().any(|e| name.len() > e.len() && name.to_ascii_lowercase().ends_with(e))
    };
    match content {
        "iso" if !ends(&[".iso", ".img"]) => Err(Fail::param("filename", "wrong file extension")),
        "vztmpl" if !ends(&[".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2"]) => {
            Err(Fail::param("filename", "wrong file extension"))
        }
        "import" if !ends(&[".ova", ".qcow2", ".raw", ".vmdk"]) => {
            Err(Fail::param("filename", "invalid filename or wrong extension"))
        }
        _ => Ok(()),
    }
}

fn place<'w>(world: &'w World, call: &Call, verb: &str) -> Result<&'w Storage, Fail> {
    let id = call.text("storage").unwrap_or_default();
    let storage = usable(world, id, call.node())?;
    match storage.holds_files() {
        true => Ok(storage),
        false => Err(Fail::text(format!(
            "can't {verb} to storage type '{}', not a file based storage!",
            storage.kind
        ))),
    }
}

/// Algorithm and checksum.
type Sum = (String, String);

fn put(
    world: &mut World,
    (store, node): (&str, &str),
    (content, name): (&str, &str),
    size_bytes: u64,
    sum: Option<Sum>,
) {
    let shared = world.storages.get(store).is_some_and(Storage::is_shared);
    let volid = format!("{store}:{name}");
    if let Some(old) = find_mut(world, &volid, node) {
        old.size_bytes = size_bytes;
        old.created_at = now();
        old.checksums = sum.into_iter().collect();
        return;
    }
    world.volumes.push(Volume {
        storage: store.to_owned(),
        node: (!shared).then(|| node.to_owned()),
        name: name.to_owned(),
        content: content.to_owned(),
        format: file_format(name).to_owned(),
        size_bytes,
        created_at: now(),
        checksums: sum.into_iter().collect(),
        ..Volume::default()
    });
}

/// Host of an address.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

fn answers(unreachable: &[String], url: &str) -> bool {
    let host = host(url);
    let loopback = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    !loopback && !host.is_empty() && !unreachable.iter().any(|u| u == host)
}

/// The size that an address stands for: the same each time.
fn size_behind(url: &str) -> u64 {
    let hash = sha1_hex(url);
    (64 + u64::from_str_radix(&hash[..3], 16).unwrap_or(0) % 960) * MIB_BYTES
}

/// `POST /nodes/{node}/storage/{storage}/download-url`.
pub fn download(call: &Call) -> Result<Reply, Fail> {
    let text = |name: &str| call.text(name).unwrap_or_default().to_owned();
    let (store, content, url, home) = (text("storage"), text("content"), text("url"), call.node().to_owned());
    let name = plain_name(&text("filename"));
    let path;
    {
        let world = call.engine.world();
        let storage = place(&world, call, "upload")?;
        if !storage.accepts(&content) {
            return Err(Fail::text(format!(
                "storage '{store}' is not configured for content-type '{content}'"
            )));
        }
        fitting(&content, &name)?;
        path = file_path(storage, &format!("{content}/{name}"));
    }
    let sum = call.text("checksum").map(|c| (text("checksum-algorithm"), c.to_ascii_lowercase()));
    let squeezed = call.text("compression").is_some();
    let job = Job {
        kind: "download",
        id: name.clone(),
        node: home.clone(),
        duration_ms: 10_000,
        locks: Vec::new(),
        wait_ms: 0,
        work: Box::new(move |engine, world, log| {
            if squeezed && content != "iso" {
                return Err(format!("decompression not supported for {content}"));
            }
            log.push(format!("downloading {url} to {path}"));
            let volid = format!("{store}:{content}/{name}");
            if let Some(old) = find_mut(world, &volid, &home) {
                let Some((kind, wanted)) = &sum else {
                    return Err(format!("refusing to override existing file '{path}'"));
                };
                let found = old.checksums.entry(kind.clone()).or_insert_with(|| wanted.clone());
                if found != wanted {
                    log.push("calculating checksum of existing file...mismatch".into());
                    return Err(format!("checksum mismatch: got '{found}' != expect '{wanted}', aborting"));
                }
                log.push("calculating checksum of existing file...OK, got correct file already, no need to download".into());
                return Ok(Halves::nothing());
            }
            if !answers(&engine.unreachable, &url) {
                return Err("download failed: command '/usr/bin/wget' failed: exit code 4".into());
            }
            Ok(Halves::then(move |_, world, log| {
                if sum.is_some() {
                    log.push("calculating checksum...OK, checksum verified".into());
                }
                let size = size_behind(&url);
                put(world, (&store, &home), (&content, &format!("{content}/{name}")), size, sum);
                log.push(format!("download of '{url}' to '{path}' finished"));
                Ok(())
            }))
        }),
    };
    Ok(Reply::data(json!(call.engine.start(call, job))))
}

/// `POST /nodes/{node}/storage/{storage}/upload`.
pub fn upload(call: &Call) -> Result<Reply, Fail> {
    let text = |name: &str| call.text(name).unwrap_or_default().to_owned();
    let (store, content, home) = (text("storage"), text("content"), call.node().to_owned());
    let name = plain_name(&text("filename"));
    let Some(Uploaded { size_bytes, checksum: known }) = call.file.clone() else {
        return Err(Fail::text("missing temporary file name"));
    };
    let path;
    {
        let world = call.engine.world();
        let storage = place(&world, call, "upload")?;
        fitting(&content, &name)?;
        if !storage.accepts(&content) {
            return Err(Fail::text(format!("storage '{store}' does not support '{content}' content")));
        }
        path = file_path(storage, &format!("{content}/{name}"));
        // The file is carried on by ssh, not passed on like other calls.
        if !call.engine.node_online(&world, &home) {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            return Err(Fail::text(format!(
                "command '/usr/bin/ssh -e none -o BatchMode=yes root@{home} -- mkdir -p {folder}' failed: exit code 255"
            )));
        }
    }
    let sum = call.text("checksum").map(str::to_owned).zip(known.as_ref().map(|(_, found)| found.clone()));
    let job = Job {
        kind: "imgcopy",
        id: String::new(),
        node: home.clone(),
        duration_ms: 500,
        locks: Vec::new(),
        wait_ms: 0,
        work: Box::new(move |_, _, log| {
            log.push("starting file import from: /var/tmp/pveupload-0123456789abcdef".into());
            if let Some((wanted, found)) = &sum {
                if !wanted.eq_ignore_ascii_case(found) {
                    return Err(format!("checksum mismatch: got '{found}' != expect '{wanted}'"));
                }
                log.push("calculating checksum...OK, checksum verified".into());
            }
            log.push(format!("target file: {path}"));
            log.push(format!("file size is: {size_bytes}"));
            Ok(Halves::then(move |_, world, log| {
                put(world, (&store, &home), (&content, &format!("{content}/{name}")), size_bytes, known);
                log.push("finished file import successfully".into());
                Ok(())
            }))
        }),
    };
    Ok(Reply::data(json!(call.engine.start(call, job))))
}

/// `GET /nodes/{node}/query-url-metadata`.
pub fn metadata(call: &Call) -> Result<Reply, Fail> {
    let url = call.text("url").unwrap_or_default();
    if !answers(&call.engine.unreachable, url) {
        return Err(Fail::text("500 Can't connect to the address (Connection refused)"));
    }
    let last = url.split(['?', '#']).next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    let kind =
        if last.ends_with(".iso") { "application/x-iso9660-image" } else { "application/octet-stream" };
    Ok(Reply::data(json!({"filename": last, "size": size_behind(url), "mimetype": kind})))
}

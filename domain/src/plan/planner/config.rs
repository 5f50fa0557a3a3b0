//! Values of a guest's configuration: how they are written, and how they read back.

use crate::interpretation::GuestKind;
use crate::plan::Expected;
use std::collections::BTreeMap;

/// A property string such as `virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=30`, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Options(Vec<(String, Option<String>)>);

impl Options {
    pub fn read(value: &str) -> Self {
        let part = |part: &str| match part.split_once('=') {
            Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
            None => (part.to_owned(), None),
        };
        Self(value.split(',').filter(|text| !text.is_empty()).map(part).collect())
    }

    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key)?.1.as_deref()
    }

    /// Sets a key where it stands, or adds it at the end.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        let value = Some(value.into());
        match self.0.iter_mut().find(|(name, _)| name == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }

    pub fn remove(&mut self, key: &str) {
        self.0.retain(|(name, _)| name != key);
    }

    pub fn write(&self) -> String {
        let part = |(key, value): &(String, Option<String>)| match value {
            Some(value) => format!("{key}={value}"),
            None => key.clone(),
        };
        self.0.iter().map(part).collect::<Vec<_>>().join(",")
    }
}

/// How a written value reads back. Proxmox sorts options and tags, and keeps numbers in its own form; a
/// description loses trailing white space, and a container's gains a line end.
pub(crate) fn expected(kind: GuestKind, key: &str, value: &str) -> Expected {
    let stem = key.trim_end_matches(|c: char| c.is_ascii_digit());
    match key {
        "tags" => Expected::Tags(value.split(';').map(str::to_owned).collect()),
        "description" if kind == GuestKind::Container => Expected::Equal(format!("{}\n", value.trim_end())),
        "description" => Expected::Equal(value.trim_end().to_owned()),
        _ if ["net", "ipconfig"].contains(&stem) || key == "startup" => {
            let options = Options::read(value).0;
            Expected::Options(options.into_iter().filter_map(|(key, value)| Some((key, value?))).collect())
        }
        _ if is_disk(key) => Expected::Present,
        _ => match value.parse() {
            Ok(number) => Expected::Number(number),
            Err(_) => Expected::Equal(value.to_owned()),
        },
    }
}

pub(super) fn all_expected(kind: GuestKind, args: &BTreeMap<String, String>) -> BTreeMap<String, Expected> {
    args.iter().map(|(key, value)| (key.clone(), expected(kind, key, value))).collect()
}

/// Keys that hold a volume: their value is replaced by the volume's name once it is made.
pub(crate) fn is_disk(key: &str) -> bool {
    let stem = key.trim_end_matches(|c: char| c.is_ascii_digit());
    stem.len() < key.len() && ["scsi", "virtio", "sata", "ide", "efidisk", "tpmstate", "mp"].contains(&stem)
}

/// The first keys `scsi1`, `scsi2`, … that a configuration does not use.
pub(super) fn free_keys<'a>(
    stem: &'a str,
    first: usize,
    last: usize,
    config: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = String> + 'a {
    (first..=last).map(move |n| format!("{stem}{n}")).filter(|key| !config.contains_key(key))
}

/// Public keys in the form the `sshkeys` option is stored in: one a line, percent-encoded once.
pub(super) fn ssh_keys(keys: &[String]) -> String {
    let mut encoded = String::new();
    for byte in keys.iter().map(|key| key.trim()).collect::<Vec<_>>().join("\n").bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte))
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// `order=2,up=30`; none where neither is known.
pub(super) fn startup(order: Option<u32>, delay_s: Option<u32>) -> Option<String> {
    let order = order.map(|order| format!("order={order}"));
    let delay = delay_s.map(|delay| format!("up={delay}"));
    let parts: Vec<String> = order.into_iter().chain(delay).collect();
    (!parts.is_empty()).then(|| parts.join(","))
}

/// `ip=10.0.20.90/24,gw=10.0.20.1`.
pub(super) fn ipconfig(ip: &str, gateway: Option<&str>) -> String {
    match gateway {
        Some(gateway) => format!("ip={ip},gw={gateway}"),
        None => format!("ip={ip}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_keep_their_order_and_what_nobody_asked_about() {
        let mut card = Options::read("virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=1,tag=30");
        card.set("tag", "40");
        card.set("bridge", "vmbr1");
        assert_eq!(card.write(), "virtio=BC:24:11:00:00:01,bridge=vmbr1,firewall=1,tag=40");
        card.remove("tag");
        assert_eq!(card.get("tag"), None);
    }

    #[test]
    fn public_keys_are_encoded_once() {
        let keys = ["ssh-ed25519 AA+A/= a@b".to_owned()];
        assert_eq!(ssh_keys(&keys), "ssh-ed25519%20AA%2BA%2F%3D%20a%40b");
    }

    #[test]
    fn a_description_reads_back_as_the_server_stores_it() {
        let words = "mycopod mark=x\nfor tests\n";
        assert_eq!(
            expected(GuestKind::Vm, "description", words),
            Expected::Equal("mycopod mark=x\nfor tests".into())
        );
        assert_eq!(
            expected(GuestKind::Container, "description", words),
            Expected::Equal("mycopod mark=x\nfor tests\n".into())
        );
    }
}

//! Property strings: the several settings in one value, such as `local:vm-1-disk-0,size=8G` or
//! `virtio=BC:24:11:00:00:01,bridge=vmbr0`.

use std::fmt;

/// A property string taken apart, in the order written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PropertyString {
    default_key: Option<String>,
    entries: Vec<(String, String)>,
}

/// A property string that cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{part}' is not key=value")]
pub struct PropertyError {
    pub part: String,
}

/// The default key of disks of VMs.
pub const DISK_KEY: &str = "file";
/// The default key of volumes and mount points of containers.
pub const MOUNT_KEY: &str = "volume";
/// The default key of a VM's network cards; `virtio=MAC` is another way to write model and macaddr.
pub const NET_KEY: &str = "model";

impl PropertyString {
    /// An empty one. The value of the default key is written first and without its name.
    pub fn new(default_key: Option<&str>) -> Self {
        Self { default_key: default_key.map(str::to_owned), entries: Vec::new() }
    }

    /// Reads `value,key=value,…`. A value without a key belongs to the default key; without a default key
    /// it is an error, and so is a key given twice.
    pub fn parse(text: &str, default_key: Option<&str>) -> Result<Self, PropertyError> {
        let mut read = Self::new(default_key);
        for part in text.split(',').filter(|part| !part.trim().is_empty()) {
            let bad = || PropertyError { part: part.to_owned() };
            let (key, value) = match (part.split_once('='), default_key) {
                (Some((key, value)), _) if !key.is_empty() => (key, value),
                (None, Some(key)) => (key, part),
                _ => return Err(bad()),
            };
            if read.get(key).is_some() {
                return Err(bad());
            }
            read.entries.push((key.to_owned(), value.to_owned()));
        }
        Ok(read)
    }

    /// A disk of a VM.
    pub fn disk(text: &str) -> Result<Self, PropertyError> {
        Self::parse(text, Some(DISK_KEY))
    }

    /// A volume of a container.
    pub fn mount(text: &str) -> Result<Self, PropertyError> {
        Self::parse(text, Some(MOUNT_KEY))
    }

    /// A network card of a VM. `virtio=MAC` becomes `model` and `macaddr`. Containers have no default key
    /// in theirs; use [`Self::parse`].
    pub fn net(text: &str) -> Result<Self, PropertyError> {
        let mut net = Self::parse(text, Some(NET_KEY))?;
        if net.get(NET_KEY).is_none()
            && let Some((model, address)) = net.entries.first().cloned()
            && is_model(&model)
        {
            net.remove(&model);
            net.entries.insert(0, (NET_KEY.to_owned(), model));
            net.entries.insert(1, ("macaddr".to_owned(), address));
        }
        Ok(net)
    }

    pub fn get(&self, key: &str) -> Option<&str> {
        self.entries.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Sets a key, in its place if it was there, else at the end.
    pub fn set(&mut self, key: &str, value: impl Into<String>) -> &mut Self {
        let value = value.into();
        match self.entries.iter_mut().find(|(name, _)| name == key) {
            Some(entry) => entry.1 = value,
            None => self.entries.push((key.to_owned(), value)),
        }
        self
    }

    pub fn remove(&mut self, key: &str) -> Option<String> {
        let at = self.entries.iter().position(|(name, _)| name == key)?;
        Some(self.entries.remove(at).1)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

fn is_model(key: &str) -> bool {
    const MODELS: [&str; 14] = [
        "virtio",
        "e1000",
        "e1000e",
        "e1000-82540em",
        "e1000-82544gc",
        "e1000-82545em",
        "vmxnet3",
        "rtl8139",
        "i82551",
        "i82557b",
        "i82559er",
        "ne2k_isa",
        "ne2k_pci",
        "pcnet",
    ];
    MODELS.contains(&key)
}

impl fmt::Display for PropertyString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = self.default_key.as_deref();
        let (first, rest): (Vec<_>, Vec<_>) = self.iter().partition(|(key, _)| Some(*key) == default);
        let mut comma = "";
        for (_, value) in first {
            write!(f, "{value}")?;
            comma = ",";
        }
        for (key, value) in rest {
            write!(f, "{comma}{key}={value}")?;
            comma = ",";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_disk_is_read_changed_and_written() {
        let mut disk = PropertyString::disk("local:101/vm-101-disk-0.qcow2,discard=on,size=8G").unwrap();
        assert_eq!(disk.get("file"), Some("local:101/vm-101-disk-0.qcow2"));
        disk.set("size", "16G").set("ssd", "1");
        assert_eq!(disk.remove("discard").as_deref(), Some("on"));
        assert_eq!(disk.to_string(), "local:101/vm-101-disk-0.qcow2,size=16G,ssd=1");
    }

    #[test]
    fn both_ways_to_write_a_network_card_read_the_same() {
        let short = PropertyString::net("virtio=BC:24:11:00:00:01,bridge=vmbr0").unwrap();
        let long = PropertyString::net("virtio,macaddr=BC:24:11:00:00:01,bridge=vmbr0").unwrap();
        assert_eq!(short, long);
        assert_eq!(short.to_string(), "virtio,macaddr=BC:24:11:00:00:01,bridge=vmbr0");
        let container = PropertyString::parse("name=eth0,bridge=vmbr0,ip=dhcp", None).unwrap();
        assert_eq!(container.get("name"), Some("eth0"));
        assert_eq!(container.to_string(), "name=eth0,bridge=vmbr0,ip=dhcp");
    }

    #[test]
    fn a_value_may_hold_an_equals_sign() {
        let text = PropertyString::parse("serial=YWJj==,a=b", None).unwrap();
        assert_eq!(text.get("serial"), Some("YWJj=="));
    }

    #[test]
    fn what_is_no_property_string_is_refused() {
        for text in ["dhcp", "=x", "ip=a,ip=b"] {
            assert!(PropertyString::parse(text, None).is_err(), "{text}");
        }
        assert!(PropertyString::disk("local:1,file=local:2").is_err());
    }
}

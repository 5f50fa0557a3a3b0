//! The words of the trade: units, nouns for guests, verbs, kinds of software, common words.
//!
//! Only sets and small look-ups; what a word does in a sentence is decided by the readers.

pub use super::common_words::COMMON;
pub use super::software_words::{SOFTWARE, SYSTEMS};
pub use super::spelling::{mend, mend_unit};
pub use super::verbs::{MAKING, VERBS};
use domain::interpretation::GuestKind;

/// Nouns for guests and the kind they mean; none where they leave it open.
pub const NOUNS: &[(&str, Option<GuestKind>)] = &[
    ("vm", Some(GuestKind::Vm)),
    ("vms", Some(GuestKind::Vm)),
    ("virtual-machine", Some(GuestKind::Vm)),
    ("machine", Some(GuestKind::Vm)),
    ("machines", Some(GuestKind::Vm)),
    ("box", Some(GuestKind::Vm)),
    ("boxes", Some(GuestKind::Vm)),
    ("qemu", Some(GuestKind::Vm)),
    ("instance", Some(GuestKind::Vm)),
    ("instances", Some(GuestKind::Vm)),
    ("container", Some(GuestKind::Container)),
    ("containers", Some(GuestKind::Container)),
    ("ct", Some(GuestKind::Container)),
    ("cts", Some(GuestKind::Container)),
    ("lxc", Some(GuestKind::Container)),
    ("lxcs", Some(GuestKind::Container)),
    ("guest", None),
    ("guests", None),
    ("server", Some(GuestKind::Vm)),
    ("servers", Some(GuestKind::Vm)),
    ("host", Some(GuestKind::Vm)),
    ("desktop", Some(GuestKind::Vm)),
    ("workstation", Some(GuestKind::Vm)),
    ("appliance", Some(GuestKind::Vm)),
    ("runner", None),
    ("runners", None),
];

/// Words before a hyphen and a noun that stand for themselves: `ubuntu-vm`.
pub const SPLIT_HEADS: &[&str] =
    &["ubuntu", "debian", "alpine", "test", "linux", "windows", "docker", "lxc", "web"];

/// Things that are counted without a unit of size.
pub const COUNTED: &[&str] = &[
    "node",
    "nodes",
    "core",
    "cores",
    "vm",
    "vms",
    "container",
    "containers",
    "cpu",
    "cpus",
    "vcpu",
    "vcpus",
    "disk",
    "worker",
    "workers",
    "gig",
];

const CORE_UNITS: &[&str] = &[
    "core",
    "cores",
    "cpu",
    "cpus",
    "vcpu",
    "vcpus",
    "vcore",
    "vcores",
    "c",
    "thread",
    "threads",
    "processor",
    "processors",
    "vc",
    "vthreads",
];

/// MiB in one unit of size.
pub fn size_unit(word: &str) -> Option<f64> {
    Some(match word {
        "t" | "tb" | "tib" | "terabyte" | "terabytes" | "tera" | "teras" | "tebibyte" | "tebibytes" => {
            1_048_576.0
        }
        "g" | "gb" | "gib" | "gig" | "gigs" | "gigabyte" | "gigabytes" | "gbs" | "gibibyte" | "gibibytes"
        | "giga" | "gbyte" => 1024.0,
        "m" | "mb" | "mib" | "meg" | "megs" | "megabyte" | "megabytes" | "mbs" | "mebibyte" | "mebibytes"
        | "mega" | "mbyte" => 1.0,
        _ => return None,
    })
}

pub fn is_core_unit(word: &str) -> bool {
    CORE_UNITS.contains(&word)
}

pub fn is_unit(word: &str) -> bool {
    size_unit(word).is_some() || is_core_unit(word)
}

pub fn noun(word: &str) -> Option<Option<GuestKind>> {
    NOUNS.iter().find(|(noun, _)| *noun == word).map(|(_, kind)| *kind)
}

/// Number words; `a` and `an` are left to the reader.
pub fn number_word(word: &str) -> Option<f64> {
    Some(match word {
        "zero" => 0.0,
        "one" | "single" => 1.0,
        "two" | "both" | "dual" | "pair" | "couple" | "twin" => 2.0,
        "three" | "triple" | "trio" => 3.0,
        "four" | "quad" => 4.0,
        "five" => 5.0,
        "six" => 6.0,
        "seven" => 7.0,
        "eight" => 8.0,
        "nine" => 9.0,
        "ten" => 10.0,
        "eleven" => 11.0,
        "twelve" | "dozen" => 12.0,
        "thirteen" => 13.0,
        "fourteen" => 14.0,
        "fifteen" => 15.0,
        "sixteen" => 16.0,
        "seventeen" => 17.0,
        "eighteen" => 18.0,
        "nineteen" => 19.0,
        "twenty" => 20.0,
        "twenty-four" => 24.0,
        "twenty-five" => 25.0,
        "thirty" => 30.0,
        "thirty-two" => 32.0,
        "forty" => 40.0,
        "forty-eight" => 48.0,
        "fifty" => 50.0,
        "sixty" => 60.0,
        "sixty-four" => 64.0,
        "seventy" => 70.0,
        "eighty" => 80.0,
        "ninety" => 90.0,
        "hundred" => 100.0,
        "half" => 0.5,
        "quarter" => 0.25,
        _ => return None,
    })
}

pub fn ordinal(word: &str) -> Option<u32> {
    Some(match word {
        "first" | "1st" => 1,
        "second" | "2nd" => 2,
        "third" | "3rd" => 3,
        "fourth" | "4th" => 4,
        "fifth" | "5th" => 5,
        _ => return None,
    })
}

pub fn is_common(word: &str) -> bool {
    COMMON.contains(&word) || VERBS.contains(&word) || number_word(word).is_some() || is_unit(word)
}

/// What guests are for, said right before their noun: `a web server`.
pub const PURPOSES: &[&str] = &[
    "web",
    "mail",
    "file",
    "game",
    "gaming",
    "media",
    "backup",
    "build",
    "test",
    "docker",
    "app",
    "application",
    "proxy",
    "dns",
    "dhcp",
    "print",
    "db",
    "database",
    "monitoring",
    "git",
    "ci",
    "vpn",
    "log",
    "logging",
    "cache",
    "jump",
    "dev",
    "development",
    "staging",
    "production",
    "minecraft",
    "small",
    "chat",
    "photo",
    "music",
    "video",
    "streaming",
    "bastion",
    "login",
    "api",
    "sql",
    "ntp",
    "syslog",
    "windows",
    "linux",
    "remote",
    "office",
    "compute",
    "podman",
    "ansible",
    "automation",
    "search",
    "metrics",
    "terminal",
    "download",
    "voice",
    "wiki",
    "blog",
    "shop",
    "gitlab",
    "tftp",
    "pxe",
    "sftp",
    "ftp",
    "ssh",
    "redis",
    "rendering",
    "render",
    "transcoding",
    "ldap",
    "radius",
    "node",
];

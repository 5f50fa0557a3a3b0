//! What a size is the size of: words behind it, else words before it.
//!
//! Begin with [`Reader::role_after`].

use super::quantity::{EXTRA, Role};
use super::reader::Reader;
use super::token::Kind;

pub(super) const MEMORY: &[&str] = &["memory", "ram", "mem"];

pub(super) const DISK: &[&str] = &[
    "disk",
    "storage",
    "space",
    "ssd",
    "hdd",
    "drive",
    "root",
    "rootfs",
    "boot",
    "system",
    "volume",
    "disks",
    "hd",
    "nvme",
    "harddisk",
    "os",
    "filesystem",
    "disc",
    "rootdisk",
];

pub(super) const CORES: &[&str] = &["cores", "core", "cpu", "cpus", "vcpu", "vcpus", "processors", "vcores"];

pub(super) const BETWEEN: &[&str] = &[
    "of", "the", "to", "its", "for", "worth", "as", "their", "in", "a", "main", "primary", "total", "real",
    "local", "hard",
];

impl Reader<'_> {
    pub(super) fn role_after(
        &self,
        start: usize,
        to: usize,
        claimed: &mut Vec<usize>,
    ) -> Option<(Role, usize)> {
        let mut extra = false;
        let mut at = start;
        let mut steps = 0;
        while at < to && steps < 5 {
            let token = self.toks.get(at)?;
            if token.kind == Kind::Break && steps == 0 {
                return None;
            }
            if token.kind == Kind::Mark && token.raw != "(" {
                return None;
            }
            let low = token.low.as_str();
            let labelled = self.toks.get(at + 1).is_some_and(|t| t.mark(":="));
            let role = match low {
                _ if labelled => return None,
                _ if MEMORY.contains(&low) => Some(Role::Memory),
                "swap" => Some(Role::Swap),
                _ if DISK.contains(&low) && !matches!(low, "boot" | "system" | "root" | "os") => {
                    Some(if extra { Role::Extra } else { Role::Disk })
                }
                "boot" | "system" | "root" | "os" if self.is(at + 1, DISK) => Some(Role::Disk),
                "system" | "root" | "boot" | "os"
                    if at > start && (start..at).any(|n| self.is(n, &["for"])) =>
                {
                    Some(Role::Disk)
                }
                "data" if at > start && self.is(at - 1, &["for"]) && !self.is(at + 1, DISK) => {
                    Some(Role::Extra)
                }
                _ if EXTRA.contains(&low) => {
                    extra = true;
                    None
                }
                "system" | "root" | "boot" | "os" => None,
                _ if BETWEEN.contains(&low) || matches!(low, "ceph" | "lvm") => None,
                _ if self.facts.storages.contains_key(low) && self.is(at + 1, DISK) => None,
                _ => return None,
            };
            if let Some(role) = role {
                claimed.push(at);
                // `disk space`, `data disk`, `root disk`, `memory` done twice over.
                let mut end = at + 1;
                while end < to
                    && self.is(end, DISK)
                    && role != Role::Memory
                    && !self.toks.get(end + 1).is_some_and(|t| t.mark(":="))
                {
                    claimed.push(end);
                    end += 1;
                }
                return Some((role, end));
            }
            at += 1;
            steps += 1;
        }
        None
    }

    pub(super) fn role_before(&self, i: usize, floor: usize, claimed: &mut Vec<usize>) -> Option<Role> {
        let mut at = i;
        let mut steps = 0;
        while at > floor && steps < 12 {
            at -= 1;
            steps += 1;
            let token = self.toks.get(at)?;
            if token.mark(".;") {
                return None;
            }
            // A comma ends it, unless it closes what was put in between.
            if token.mark(",") && steps <= 1 {
                return None;
            }
            if claimed.contains(&at) {
                return None;
            }
            let low = token.low.as_str();
            let role = if MEMORY.contains(&low) {
                Role::Memory
            } else if low == "swap" {
                Role::Swap
            } else if CORES.contains(&low) {
                Role::Cores
            } else if DISK.contains(&low) && !matches!(low, "boot" | "system" | "root" | "storage" | "os") {
                let extra = at > 0 && self.is(at - 1, EXTRA);
                if extra { Role::Extra } else { Role::Disk }
            } else {
                continue;
            };
            claimed.push(at);
            return Some(role);
        }
        None
    }
}

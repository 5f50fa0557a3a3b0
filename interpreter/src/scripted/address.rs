//! IPv4 addresses as people write them: whole, short (`.161`), in lists and in ranges.

use super::reader::Reader;
use std::net::Ipv4Addr;

/// Most addresses that one range may hold.
const RANGE_MAX: u32 = 64;

/// Addresses at token `i`, the prefix if it is said, and the token after them.
pub fn at(reader: &Reader<'_>, i: usize, to: usize) -> Option<(Vec<String>, Option<u8>, usize)> {
    let raw = reader.raw(i);
    let (first, prefix) = one(raw, reader, None)?;
    let mut out = vec![first];
    let mut at = i + 1;
    if let Some((_, last)) = split_range(raw) {
        let end = one(&last, reader, Some(first))?.0;
        return Some((between(first, end)?, prefix, at));
    }
    // 10.0.20.101 to 10.0.20.103, .161 - .163, 10.0.20.5, .6 and .7
    let joined = |at: usize| {
        reader.is(at, &["to", "through", "till", "until", "thru", "up"]) || reader.mark(at, "-–—")
    };
    if joined(at) && at < to {
        let next = if reader.is(at, &["up"]) && reader.is(at + 1, &["to"]) { at + 2 } else { at + 1 };
        if next < to
            && let Some((end, _)) =
                one(reader.raw(next), reader, Some(first)).or_else(|| last_part(reader.raw(next), first))
            && let Some(all) = between(first, end)
        {
            return Some((all, prefix, next + 1));
        }
    }
    let mut end = at;
    while at < to && (reader.mark(at, ",") || reader.is(at, &["and"]) || reader.mark(at, "&/")) {
        at += 1;
        if reader.is(at, &["and"]) {
            at += 1;
        }
        let Some((next, _)) =
            reader.toks.get(at).filter(|_| at < to).and_then(|t| one(&t.raw, reader, Some(first)))
        else {
            break;
        };
        if split_range(reader.raw(at)).is_some() {
            break;
        }
        out.push(next);
        at += 1;
        end = at;
    }
    Some((out.iter().map(Ipv4Addr::to_string).collect(), prefix, end))
}

/// One address, whole or short; a range gives its first.
fn one(raw: &str, reader: &Reader<'_>, like: Option<Ipv4Addr>) -> Option<(Ipv4Addr, Option<u8>)> {
    let head = split_range(raw).map_or_else(|| raw.to_owned(), |(first, _)| first);
    let (address, prefix) = match head.split_once('/') {
        Some((address, prefix)) => {
            (address, Some(prefix.parse::<u8>().ok().filter(|p| (8..=32).contains(p))?))
        }
        None => (head.as_str(), None),
    };
    if let Ok(whole) = address.parse::<Ipv4Addr>() {
        return Some((whole, prefix));
    }
    let last: u8 = address.strip_prefix('.')?.parse().ok()?;
    let base = like.or_else(|| reader.facts.house.network.cidr.split('/').next()?.parse().ok())?;
    let [a, b, c, _] = base.octets();
    Some((Ipv4Addr::new(a, b, c, last), prefix))
}

fn last_part(raw: &str, like: Ipv4Addr) -> Option<(Ipv4Addr, Option<u8>)> {
    let last: u8 = raw.parse().ok()?;
    let [a, b, c, _] = like.octets();
    Some((Ipv4Addr::new(a, b, c, last), None))
}

/// `10.0.20.101-103` as `10.0.20.101` and `.103`.
fn split_range(raw: &str) -> Option<(String, String)> {
    let (first, last) =
        raw.split_once(['-', '–']).or_else(|| raw.split_once("..").filter(|(a, _)| !a.is_empty()))?;
    if first.is_empty() || last.is_empty() {
        return None;
    }
    let last = if last.contains('.') { last.to_owned() } else { format!(".{last}") };
    Some((first.to_owned(), last))
}

fn between(first: Ipv4Addr, last: Ipv4Addr) -> Option<Vec<String>> {
    let (a, b) = (u32::from(first), u32::from(last));
    (a <= b && b - a < RANGE_MAX).then(|| (a..=b).map(|n| Ipv4Addr::from(n).to_string()).collect())
}

/// Digits and dots that were meant as an address and are none.
pub fn looks_wrong(raw: &str) -> bool {
    let address = raw.split('/').next().unwrap_or(raw);
    let parts: Vec<&str> = address.split('.').collect();
    parts.len() >= 3
        && parts.iter().all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()))
        && !(parts.len() == 3 && raw.len() < 8)
        && (address.parse::<Ipv4Addr>().is_err() || raw.contains('/'))
}

/// True if the address lies in the network and is neither its first nor its last.
pub fn usable_in(address: &str, cidr: &str) -> bool {
    let (Ok(address), Some((network, last))) = (address.parse::<Ipv4Addr>(), bounds(cidr)) else {
        return false;
    };
    let n = u32::from(address);
    network < n && n < last
}

fn bounds(cidr: &str) -> Option<(u32, u32)> {
    let (base, prefix) = cidr.split_once('/')?;
    let prefix: u32 = prefix.parse().ok().filter(|p| *p <= 32)?;
    let mask = if prefix == 0 { 0 } else { u32::MAX << (32 - prefix) };
    let network = u32::from(base.parse::<Ipv4Addr>().ok()?) & mask;
    Some((network, network | !mask))
}

pub fn network_of(address: &str, prefix: u8) -> String {
    bounds(&format!("{address}/{prefix}"))
        .map_or_else(String::new, |(network, _)| Ipv4Addr::from(network).to_string())
}

pub fn prefix_of(cidr: &str) -> Option<u8> {
    cidr.split_once('/')?.1.parse().ok()
}

/// `a <= n <= b` for addresses.
pub fn within(address: &str, from: &str, to: &str) -> bool {
    let number = |text: &str| text.parse::<Ipv4Addr>().ok().map(u32::from);
    matches!((number(address), number(from), number(to)), (Some(n), Some(a), Some(b)) if a <= n && n <= b)
}

//! Words for values, the same in every sentence of a plan.

/// `4 GiB`, `512 MiB`.
pub(super) fn memory(mib: u64) -> String {
    if mib > 0 && mib % 1024 == 0 { format!("{} GiB", mib / 1024) } else { format!("{mib} MiB") }
}

/// `31.5 GiB`: to one tenth, for what nobody asked for exactly.
pub(super) fn about(mib: u64) -> String {
    let tenths = mib.saturating_mul(10) / 1024;
    match (tenths / 10, tenths % 10) {
        (0, _) => format!("{mib} MiB"),
        (whole, 0) => format!("{whole} GiB"),
        (whole, tenth) => format!("{whole}.{tenth} GiB"),
    }
}

/// `30 GiB`, `2 TiB`.
pub(super) fn disk(gib: u64) -> String {
    if gib >= 1024 && gib % 1024 == 0 { format!("{} TiB", gib / 1024) } else { format!("{gib} GiB") }
}

/// `1 core`, `2 cores`.
pub(super) fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// `a, b and c`.
pub(super) fn list<T: AsRef<str>>(items: &[T]) -> String {
    match items {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [most @ .., last] => {
            let most: Vec<&str> = most.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", most.join(", "), last.as_ref())
        }
    }
}

pub(super) fn on_off(flag: bool) -> String {
    if flag { "on".into() } else { "off".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_said_in_the_largest_whole_unit() {
        assert_eq!((memory(4096).as_str(), memory(1536).as_str()), ("4 GiB", "1536 MiB"));
        assert_eq!((disk(2048).as_str(), disk(1500).as_str()), ("2 TiB", "1500 GiB"));
        assert_eq!(
            (about(32_256).as_str(), about(2048).as_str(), about(700).as_str()),
            ("31.5 GiB", "2 GiB", "700 MiB")
        );
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
        assert_eq!(count(1, "core"), "1 core");
    }
}

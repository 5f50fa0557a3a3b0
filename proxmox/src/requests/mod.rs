//! The changes that MycoPod makes, each as a function that builds its request.
//!
//! Begin with the tables: [`guests`], [`storages`], [`cluster`] and [`firewall`]. A function takes what the call
//! cannot do without; the rest is set with [`Request::arg`]. Each line also has example values, so that a test
//! walks every request that can be built here and holds it against the contract: [`examples`].
//!
//! Never here: sending, and values that only the server can judge.

pub mod cluster;
pub mod firewall;
pub mod guests;
pub mod storages;

use crate::client::GuestKind;
use crate::error::{CallError, NotSent};
use crate::wire::{Request, Verb};
use std::collections::BTreeMap;

/// A guest at the node where it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guest<'a> {
    pub node: &'a str,
    pub kind: GuestKind,
    pub vmid: u32,
}

/// Whose firewall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope<'a> {
    Cluster,
    Node(&'a str),
    Guest(Guest<'a>),
}

/// One request that can be built, with example values.
#[derive(Clone, Debug)]
pub struct Example {
    /// Of the function, with its table: `guests::start`.
    pub name: String,
    /// With every optional argument that we use.
    pub request: Request,
    /// With what the function asks for alone.
    pub bare: Request,
}

/// One of each request that can be built here.
pub fn examples() -> Result<Vec<Example>, CallError> {
    let mut all = guests::examples()?;
    all.extend(storages::examples()?);
    all.extend(cluster::examples()?);
    all.extend(firewall::examples()?);
    Ok(all)
}

/// The guests of the examples.
const EXAMPLE_VM: Guest<'static> = Guest { node: "pve1", kind: GuestKind::Vm, vmid: 101 };
const EXAMPLE_CONTAINER: Guest<'static> = Guest { node: "pve1", kind: GuestKind::Container, vmid: 201 };

/// A value that becomes part of a path or an argument.
trait Part {
    fn text(&self) -> String;

    /// The piece of a path that it stands for. A text that is more than one segment would lead to another
    /// call, so it is none.
    fn segments(&self) -> Option<String> {
        Some(self.text()).filter(|text| !text.is_empty() && !text.contains('/'))
    }
}

impl Part for &str {
    fn text(&self) -> String {
        (*self).to_owned()
    }
}

impl Part for u32 {
    fn text(&self) -> String {
        self.to_string()
    }
}

impl Part for bool {
    fn text(&self) -> String {
        if *self { "1" } else { "0" }.to_owned()
    }
}

/// The parts of an array value.
impl Part for &[&str] {
    fn text(&self) -> String {
        self.join("\0")
    }
}

/// A volume id, which may hold slashes: `local:iso/debian.iso`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VolumeId<'a>(pub &'a str);

impl Part for VolumeId<'_> {
    fn text(&self) -> String {
        self.0.to_owned()
    }

    fn segments(&self) -> Option<String> {
        let known = self.0.split_once(':').is_some_and(|(storage, name)| {
            !storage.is_empty() && !storage.contains('/') && !name.is_empty() && !name.starts_with('/')
        });
        known.then(|| self.text())
    }
}

impl Part for Guest<'_> {
    fn text(&self) -> String {
        self.vmid.to_string()
    }

    fn segments(&self) -> Option<String> {
        Some(format!("nodes/{}/{}/{}", self.node.segments()?, self.kind.segment(), self.vmid))
    }
}

impl Part for Scope<'_> {
    fn text(&self) -> String {
        String::new()
    }

    fn segments(&self) -> Option<String> {
        match self {
            Self::Cluster => Some("cluster".to_owned()),
            Self::Node(node) => Some(format!("nodes/{}", node.segments()?)),
            Self::Guest(guest) => guest.segments(),
        }
    }
}

/// Puts a request together: a part whose name stands in the path goes there, every other is an argument.
fn build(verb: Verb, template: &str, parts: &[(&str, &dyn Part)]) -> Result<Request, CallError> {
    let mut path = template.to_owned();
    let mut args = BTreeMap::new();
    for (name, part) in parts {
        let place = format!("{{{name}}}");
        if path.contains(&place) {
            let bad = || {
                let text = format!("'{}' is not one path segment", part.text());
                CallError::not_sent(NotSent::Malformed, text)
            };
            path = path.replace(&place, &part.segments().ok_or_else(bad)?);
        } else {
            args.insert((*name).to_owned(), part.text());
        }
    }
    Ok(Request::new(verb, path, args))
}

/// `guests::start`, whatever stands before the table's name.
fn named(module: &str, name: &str) -> String {
    format!("{}::{name}", module.rsplit("::").next().unwrap_or(module))
}

/// The name of an argument: that of the function's own, unless another is given for names that are not Rust's.
macro_rules! wire_name {
    ($arg:ident) => {
        stringify!($arg)
    };
    ($arg:ident $wire:literal) => {
        $wire
    };
}

/// A table of requests. A line is `name: Verb "path" (argument: type = example, …) [option "example", …];`
/// and an argument whose name in the API is no name in Rust has that name in brackets behind it.
macro_rules! requests {
    ($($(#[$doc:meta])* $name:ident: $verb:ident $path:literal
        ($($arg:ident $([$wire:literal])?: $type:ty = $example:expr),*)
        [$($option:literal $value:literal),*];)*) => {
        $(
            $(#[$doc])*
            pub fn $name($($arg: $type),*) -> Result<Request, CallError> {
                build(Verb::$verb, $path, &[$((wire_name!($arg $($wire)?), &$arg as &dyn Part)),*])
            }
        )*

        /// One of each of these requests, with every optional argument that we use.
        pub(super) fn examples() -> Result<Vec<Example>, CallError> {
            Ok(vec![$({
                let bare = $name($($example),*)?;
                let request = bare.clone()$(.arg($option, $value))*;
                Example { name: named(module_path!(), stringify!($name)), request, bare }
            }),*])
        }
    };
}

use {requests, wire_name};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_its_parts_in_their_places() {
        let vm = Guest { node: "pve2", kind: GuestKind::Vm, vmid: 110 };
        let request = guests::clone(vm, 111).unwrap().arg("full", 1);
        assert_eq!((request.verb, request.path.as_str()), (Verb::Post, "/nodes/pve2/qemu/110/clone"));
        assert_eq!(
            request.args,
            BTreeMap::from([("newid".into(), "111".into()), ("full".into(), "1".into())])
        );
        let rule = firewall::add_rule(Scope::Cluster, "in", "ACCEPT").unwrap();
        assert_eq!((rule.path.as_str(), rule.args["type"].as_str()), ("/cluster/firewall/rules", "in"));
        let exec = guests::agent_exec(vm, &["ls", "-l"]).unwrap();
        assert_eq!(exec.args["command"], "ls\0-l");
    }

    #[test]
    fn no_name_leads_to_another_call() {
        let strange = Guest { node: "pve1/../../access", kind: GuestKind::Vm, vmid: 110 };
        for refused in [
            guests::start(strange),
            storages::remove("a/b"),
            storages::remove(""),
            storages::delete_volume("pve1", "local", VolumeId("/etc/passwd")),
            storages::delete_volume("pve1", "local", VolumeId("local:/../x")),
        ] {
            let error = refused.unwrap_err();
            assert!(matches!(error, CallError::NotSent { cause: NotSent::Malformed, .. }), "{error}");
        }
        let volume = VolumeId("local:iso/debian.iso");
        let path = storages::delete_volume("pve1", "local", volume).unwrap().path;
        assert_eq!(path, "/nodes/pve1/storage/local/content/local:iso/debian.iso");
    }

    #[test]
    fn examples_are_all_different() {
        let all = examples().unwrap();
        let names: std::collections::BTreeSet<&String> = all.iter().map(|example| &example.name).collect();
        assert_eq!(names.len(), all.len());
        assert!(all.len() > 80, "{}", all.len());
    }
}

//! One node: its network, names, time and catalogue of templates.

pub mod details;
pub mod facts;
pub mod interfaces;
pub mod network;

use crate::api::{Call, Fail, Reply};

/// Sends a call on a node to its handler; none when it is not one of these.
pub fn dispatch(call: &Call) -> Option<Result<Reply, Fail>> {
    let rest = call.template.strip_prefix("/nodes/{node}/")?;
    Some(match (call.verb.as_str(), rest) {
        ("GET", "network") => network::list(call),
        ("POST", "network") => network::create(call),
        ("PUT", "network") => network::apply(call),
        ("DELETE", "network") => network::revert(call),
        ("GET", "network/{iface}") => network::one(call),
        ("PUT", "network/{iface}") => network::update(call),
        ("DELETE", "network/{iface}") => network::delete(call),
        ("GET", "dns") => details::dns(call),
        ("PUT", "dns") => details::set_dns(call),
        ("GET", "time") => details::time(call),
        ("PUT", "time") => details::set_time(call),
        ("GET", "hosts") => details::hosts(call),
        ("POST", "hosts") => details::set_hosts(call),
        ("GET", "config") => details::config(call),
        ("PUT", "config") => details::set_config(call),
        ("GET", "aplinfo") => details::appliances(call),
        ("POST", "aplinfo") => details::fetch_appliance(call),
        _ => return facts::dispatch(call),
    })
}

//! The firewall of the cluster, a node or a guest.
//!
//! Rules are a list addressed by position, and positions shift: read, match by content, send the digest.

use super::{EXAMPLE_VM, Example, Part, Scope, build, named, requests, wire_name};
use crate::error::CallError;
use crate::wire::{Request, Verb};

const VM: Scope<'static> = Scope::Guest(EXAMPLE_VM);

requests! {
    /// Adds a rule at the top of the list; off unless `enable` says 1.
    add_rule: Post "/{scope}/firewall/rules" (scope: Scope<'_> = VM, kind["type"]: &str = "in",
        action: &str = "ACCEPT")
        ["enable" "1", "proto" "tcp", "dport" "443", "source" "192.0.2.0/24", "comment" "made by MycoPod",
         "digest" "0123456789abcdef0123456789abcdef01234567"];
    change_rule: Put "/{scope}/firewall/rules/{pos}" (scope: Scope<'_> = VM, pos: u32 = 0)
        ["enable" "0", "comment" "off", "digest" "0123456789abcdef0123456789abcdef01234567"];
    remove_rule: Delete "/{scope}/firewall/rules/{pos}" (scope: Scope<'_> = VM, pos: u32 = 0)
        ["digest" "0123456789abcdef0123456789abcdef01234567"];
    /// Turns a firewall on or off, and says what happens to what no rule names.
    change_options: Put "/{scope}/firewall/options" (scope: Scope<'_> = VM)
        ["enable" "1", "policy_in" "DROP", "policy_out" "ACCEPT"];
    add_cluster_rule: Post "/{scope}/firewall/rules" (scope: Scope<'_> = Scope::Cluster, kind["type"]: &str = "in",
        action: &str = "ACCEPT") ["enable" "1", "proto" "tcp", "dport" "8006", "source" "192.0.2.0/24"];
    add_node_rule: Post "/{scope}/firewall/rules" (scope: Scope<'_> = Scope::Node("pve1"),
        kind["type"]: &str = "in", action: &str = "ACCEPT") ["enable" "1", "proto" "tcp", "dport" "22"];
    add_ipset: Post "/{scope}/firewall/ipset" (scope: Scope<'_> = Scope::Cluster, name: &str = "admins")
        ["comment" "made by MycoPod"];
    add_to_ipset: Post "/{scope}/firewall/ipset/{name}" (scope: Scope<'_> = Scope::Cluster, name: &str = "admins",
        cidr: &str = "192.0.2.7") ["nomatch" "0"];
    remove_from_ipset: Delete "/{scope}/firewall/ipset/{name}/{cidr}" (scope: Scope<'_> = Scope::Cluster,
        name: &str = "admins", cidr: &str = "192.0.2.7") [];
    remove_ipset: Delete "/{scope}/firewall/ipset/{name}" (scope: Scope<'_> = Scope::Cluster,
        name: &str = "admins") [];
    add_alias: Post "/{scope}/firewall/aliases" (scope: Scope<'_> = Scope::Cluster, name: &str = "nas",
        cidr: &str = "192.0.2.9") ["comment" "made by MycoPod"];
    remove_alias: Delete "/{scope}/firewall/aliases/{name}" (scope: Scope<'_> = Scope::Cluster,
        name: &str = "nas") [];
    add_group: Post "/cluster/firewall/groups" (group: &str = "web") ["comment" "made by MycoPod"];
    add_group_rule: Post "/cluster/firewall/groups/{group}" (group: &str = "web", kind["type"]: &str = "in",
        action: &str = "ACCEPT") ["enable" "1", "proto" "tcp", "dport" "80"];
    remove_group: Delete "/cluster/firewall/groups/{group}" (group: &str = "web") [];
}

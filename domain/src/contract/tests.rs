#![allow(clippy::unwrap_used)]

use super::*;
use sha2::{Digest as _, Sha256};

fn args(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

/// The violations of one call as `parameter: text`.
fn refused(verb: &str, path: &str, pairs: &[(&str, &str)]) -> Vec<String> {
    match Contract::v8_4().check(verb, path, &args(pairs)) {
        Ok(()) => Vec::new(),
        Err(violations) => violations.iter().map(ToString::to_string).collect(),
    }
}

const VM: &str = "/nodes/pve1/qemu";
const CONFIG: &str = "/nodes/pve1/qemu/101/config";

#[test]
fn the_whole_api_is_read_and_the_version_names_its_bytes() {
    let contract = Contract::from_json(TABLE).unwrap();
    assert_eq!(contract.methods().len(), 605);
    let hash: String = Sha256::digest(TABLE).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(VERSION, format!("8.4.1+{}", &hash[..12]));
}

#[test]
fn every_pattern_compiles_and_every_reference_leads_somewhere() {
    let table = &Contract::v8_4().table;
    for definition in &table.defs {
        assert!(definition.pattern.as_ref().is_none_or(|p| p.compiles()), "{definition:?}");
        if let Some(shape) = &definition.property_string {
            assert!(table.props.contains_key(shape), "{shape}");
        }
        if let Some(name) = &definition.format {
            let base = name.trim_end_matches("-list").trim_end_matches("-opt");
            assert!(table.formats.contains_key(name) || table.formats.contains_key(base), "{name}");
        }
    }
    for (name, format) in &table.formats {
        assert!(format.pattern.as_ref().is_none_or(|p| p.compiles()), "{name}");
    }
    for method in &table.methods {
        assert!(method.params.values().all(|place| *place < table.defs.len()));
        assert!(method.perm < table.perms.len());
    }
}

#[test]
fn a_path_finds_its_method_and_what_its_variables_hold() {
    let contract = Contract::v8_4();
    let found = contract.method("POST", "/nodes/pve1/qemu/101/status/start").unwrap();
    assert_eq!(found.method.path, "/nodes/{node}/qemu/{vmid}/status/start");
    assert_eq!(found.captures, args(&[("node", "pve1"), ("vmid", "101")]));
    assert_eq!(found.method.task, TaskId::Always);
    assert_eq!(found.method.node_param.as_deref(), Some("node"));
    assert!(found.method.is_privileged() && found.method.allows_tokens());
    assert!(!contract.method("POST", "/access/ticket").unwrap().method.allows_tokens());
    assert!(contract.method("POST", "/version").is_none());
    assert!(contract.method("GET", "/nonexist").is_none());
}

#[test]
fn a_literal_segment_goes_before_a_variable_one() {
    let found = Contract::v8_4().method("GET", "/cluster/backup-info/not-backed-up").unwrap();
    assert!(found.captures.is_empty());
    let contract = Contract::v8_4();
    for method in contract.methods() {
        let own = contract.method(&method.verb, &method.path).unwrap();
        assert_eq!(own.method.path, method.path, "the template itself finds its method");
    }
}

#[test]
fn a_volume_id_may_hold_slashes() {
    let path = "/nodes/pve1/storage/local/content/local:iso/tiny.iso";
    let found = Contract::v8_4().method("DELETE", path).unwrap();
    assert_eq!(found.captures["volume"], "local:iso/tiny.iso");
    assert!(refused("DELETE", path, &[]).is_empty());
}

#[test]
fn a_typical_create_passes() {
    let call = [
        ("vmid", "101"),
        ("name", "web-1"),
        ("cores", "2"),
        ("memory", "2048"),
        ("agent", "enabled=1"),
        ("scsihw", "virtio-scsi-single"),
        ("scsi0", "local-lvm:32,import-from=local:import/debian-12.qcow2,discard=on,iothread=1,ssd=1"),
        ("ide2", "local-lvm:cloudinit"),
        ("net0", "virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=5"),
        ("ipconfig0", "ip=192.0.2.10/24,gw=192.0.2.1"),
        ("boot", "order=scsi0"),
        ("serial0", "socket"),
        ("sshkeys", "ssh-ed25519%20AAAA"),
        ("tags", "mycopod;web"),
        ("onboot", "1"),
    ];
    assert_eq!(refused("POST", VM, &call), Vec::<String>::new());
    assert_eq!(refused("POST", "/nodes/pve1/qemu/101/agent/exec", &[("command", "ls\0-l")]), [""; 0]);
}

#[test]
fn each_kind_of_fault_is_named_as_the_server_names_it() {
    let one = |verb, path, pairs: &[(&str, &str)]| refused(verb, path, pairs).join(" & ");
    assert_eq!(one("POST", VM, &[]), "vmid: property is missing and it is not optional");
    let unknown = "property is not defined in schema and the schema does not allow additional properties";
    assert_eq!(one("PUT", CONFIG, &[("bogus", "1")]), format!("bogus: {unknown}"));
    assert_eq!(one("PUT", CONFIG, &[("net32", "virtio")]), format!("net32: {unknown}"));
    assert_eq!(one("PUT", CONFIG, &[("net[n]", "virtio")]), format!("net[n]: {unknown}"));
    assert_eq!(one("PUT", CONFIG, &[("net01", "virtio")]), format!("net01: {unknown}"));
    assert_eq!(one("PUT", CONFIG, &[("cores", "2.5")]), "cores: type check ('integer') failed - got '2.5'");
    assert_eq!(one("PUT", CONFIG, &[("onboot", "yes")]), "onboot: type check ('boolean') failed - got 'yes'");
    assert_eq!(
        one("PUT", CONFIG, &[("cpulimit", "nan")]),
        "cpulimit: type check ('number') failed - got 'nan'"
    );
    assert_eq!(one("PUT", CONFIG, &[("cores", "0")]), "cores: value must have a minimum value of 1");
    assert_eq!(
        one("PUT", CONFIG, &[("cpulimit", "129")]),
        "cpulimit: value must have a maximum value of 128"
    );
    assert_eq!(
        one("PUT", CONFIG, &[("bios", "uefi")]),
        "bios: value 'uefi' does not have a value in the enumeration 'seabios, ovmf'"
    );
    assert_eq!(
        one("PUT", CONFIG, &[("digest", &"a".repeat(41))]),
        "digest: value may only be 40 characters long"
    );
    assert_eq!(
        one("PUT", "/nodes/pve1/qemu/101/resize", &[("disk", "scsi0"), ("size", "1X")]),
        "size: value does not match the regex pattern"
    );
    assert_eq!(
        one("PUT", CONFIG, &[("name", "a_b")]),
        "name: invalid format - value does not look like a valid DNS name\n"
    );
    assert_eq!(
        one(
            "POST",
            "/nodes/pve1/storage/local/download-url",
            &[
                ("url", "https://example.org/a.iso"),
                ("filename", "a.iso"),
                ("content", "iso"),
                ("checksum-algorithm", "sha256"),
            ]
        ),
        "checksum: missing property - 'checksum-algorithm' requires this property"
    );
    assert_eq!(
        one("GET", "/nodes/pve1/qemu/99/config", &[]),
        "vmid: invalid format - value does not look like a valid VM ID\n"
    );
    assert!(one("PUT", CONFIG, &[("vmid", "102")]).contains("conflicting values"));
    assert!(refused("PUT", CONFIG, &[("vmid", "101"), ("cores", "1")]).is_empty());
    assert_eq!(one("PATCH", "/version", &[]), "path: Method 'PATCH /version' not implemented");
}

#[test]
fn property_strings_are_taken_apart() {
    let one = |name, value| refused("PUT", CONFIG, &[(name, value)]).join(" & ");
    assert!(one("net0", "foo").starts_with(
        "net0: invalid format - format error\nnet0.model: value 'foo' does not have a value in the enumeration"
    ));
    assert!(one("net0", "virtio,foo=1").contains("net0.foo: property is not defined in schema"));
    assert!(one("net0", "bridge=vmbr0").contains("net0.model: property is missing"));
    assert!(one("net0", "model=virtio,virtio=BC:24:11:00:00:01").contains("key alias 'model' is already"));
    assert!(one("net0", "virtio=BD:24:11:00:00:01").contains("valid unicast MAC"));
    assert_eq!(
        one("scsi0", "local:1,file=local:2"),
        "scsi0: invalid format - duplicate key in comma-separated list property: file\n"
    );
    assert_eq!(
        one("ipconfig0", "ip=1.2.3.4"),
        "ipconfig0: invalid format - format error\nipconfig0.ip: invalid format - value does not look like a \
         valid ipv4 network configuration\n\n"
    );
    assert!(
        one("ipconfig0", "gw=192.0.2.1").contains("ipconfig0.ip: missing property - 'ipconfig0.gw' requires")
    );
    assert!(one("boot", "order=").contains("missing key in comma-separated list property"));
    assert_eq!(one("agent", "yes"), "", "words are flags inside property strings");
    assert_eq!(one("cpu", "x86-64-v2-AES"), one("cpu", "custom-mine"));
    assert!(one("cpu", "foo").contains("Built-in cputype 'foo' is not defined"));
    assert!(one("agent", "maybe").contains("type check ('boolean')"));
}

#[test]
fn formats_with_rules_of_their_own() {
    let ok = |name: &str, value: &str| formats::check(&Contract::v8_4().table, name, "x", value).is_ok();
    for (name, good, bad) in [
        ("ipv4", "192.0.2.1", "192.0.2"),
        ("ipv6", "2001:db8::1", "2001:db8"),
        ("CIDR", "10.0.0.1/8", "10.0.0.0/7"),
        ("CIDRv6", "2001:db8::/32", "2001:db8::/129"),
        ("ipv4mask", "255.255.240.0", "255.0.255.0"),
        ("pve-startup-order", "order=2,up=30", "order=x"),
        ("pve-hotplug-features", "network,disk", "network,gpu"),
        ("pve-qm-bootdisk", "scsi30", "scsi31"),
        ("pve-cpuset", "0-3,8", "3-0"),
        ("storage-pair-list", "a1:b1,c1", "a1:"),
        ("pve-volume-id", "local:iso/a.iso", "local"),
        ("pve-storage-server", "nas.example", "na_s"),
        ("pve-vlan-id-or-range-list", "2-10,20", "1"),
        ("pve-lxc-mp-string", "/srv/a", "/srv/../a"),
        ("email-opt", "", "@"),
        ("pve-configid-list", "a1,b2;c3 d4", "a1,2"),
    ] {
        assert!(ok(name, good), "{name} takes {good}");
        assert!(!ok(name, bad), "{name} refuses {bad}");
    }
}

fn lacks(verb: &str, path: &str, pairs: &[(&str, &str)], held: &Permissions) -> Vec<String> {
    let needed = Contract::v8_4().privileges(verb, path, &args(pairs)).unwrap();
    needed.evaluate(held).map_or_else(|m| m.iter().map(ToString::to_string).collect(), |()| Vec::new())
}

#[test]
fn rights_are_handed_down_unless_a_nearer_path_says_otherwise() {
    let held = Permissions::from_answer(&serde_json::json!({
        "/": {"VM.Audit": 1, "Sys.Audit": 0},
        "/vms": {"VM.Audit": "1", "VM.PowerMgmt": 1},
        "/vms/102": {"VM.Audit": 0},
    }));
    assert!(held.at("/").contains("Sys.Audit"));
    assert!(!held.at("/nodes/pve1").contains("Sys.Audit"), "not handed down");
    assert!(held.at("/vms/101").contains("VM.PowerMgmt"));
    assert!(!held.at("/vms/102").contains("VM.PowerMgmt"), "the listed path is the whole truth");
    assert!(held.at("/vms/102").contains("VM.Audit"));
    assert!(Permissions::from_answer(&serde_json::json!({})).is_empty());
}

#[test]
fn declared_permissions_are_evaluated_with_the_call_filled_in() {
    let none = Permissions::default();
    assert_eq!(lacks("POST", "/nodes/n/qemu/101/status/start", &[], &none), ["VM.PowerMgmt on /vms/101"]);
    let power = Permissions::default().grant("/vms", &["VM.PowerMgmt"]);
    assert_eq!(lacks("POST", "/nodes/n/qemu/101/status/start", &[], &power), [""; 0]);
    let clone = [("newid", "102")];
    let held = Permissions::default().grant("/vms/101", &["VM.Clone"]);
    assert_eq!(lacks("POST", "/nodes/n/qemu/101/clone", &clone, &held), ["VM.Allocate on /vms/102"]);
    let pooled = held.grant("/pool/web", &["VM.Allocate"]);
    assert_eq!(lacks("POST", "/nodes/n/qemu/101/clone", &clone, &pooled), ["VM.Allocate on /vms/102"]);
    assert_eq!(
        lacks("POST", "/nodes/n/qemu/101/clone", &[("newid", "102"), ("pool", "web")], &pooled),
        [""; 0]
    );
    assert_eq!(
        lacks("PUT", "/access/acl", &[("path", "/vms/100"), ("roles", "PVEAdmin")], &none),
        ["Permissions.Modify or VM.Allocate on /vms/100"]
    );
    assert_eq!(lacks("GET", "/version", &[], &none), [""; 0]);
}

#[test]
fn a_call_for_root_alone_is_never_open_to_us() {
    let all = Permissions::default().grant("/", &["Sys.Modify", "VM.Allocate", "VM.Config.Options"]);
    assert_eq!(lacks("PUT", CONFIG, &[("args", "-x")], &all).last().unwrap(), "root@pam on /");
    let start = "/nodes/n/qemu/101/status/start";
    let power = Permissions::default().grant("/", &["VM.PowerMgmt"]);
    assert_eq!(lacks("POST", start, &[("skiplock", "1")], &power), ["root@pam on /"]);
}

#[test]
fn what_handlers_ask_for_is_named_too() {
    let call = [
        ("vmid", "101"),
        ("cores", "2"),
        ("memory", "512"),
        ("scsi0", "nas:32,import-from=local:import/a.qcow2"),
        ("net0", "virtio,bridge=vmbr0,tag=5"),
    ];
    let needs = lacks("POST", VM, &call, &Permissions::default());
    for expected in [
        "VM.Allocate on /vms/101",
        "VM.Config.CPU on /vms/101",
        "VM.Config.Memory on /vms/101",
        "Datastore.AllocateSpace on /storage/nas",
        "Datastore.AllocateSpace or Datastore.Audit on /storage/local",
        "VM.Config.Network on /vms/101",
        "SDN.Use on /sdn/zones/localnetwork/vmbr0/5",
    ] {
        assert!(needs.iter().any(|need| need == expected), "{expected} is not in {needs:?}");
    }
    assert_eq!(needs.len(), 7, "{needs:?}");
    let deleting = lacks("PUT", CONFIG, &[("delete", "net0,scsi1")], &Permissions::default());
    assert!(deleting.contains(&"VM.Config.Disk on /vms/101".to_owned()), "{deleting:?}");
    assert!(deleting.contains(&"VM.Config.Network on /vms/101".to_owned()), "{deleting:?}");
}

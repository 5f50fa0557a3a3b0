//! Clauses that ask for what no declaration may: shells, the nodes themselves, accounts, devices, messages.
//!
//! Begin with [`Reader::screened`].

use super::reader::Reader;
use super::screen::{NODE_VERBS, SECRET_NOUNS, SHOW};
use super::token::Kind;
use domain::interpretation::{QuestionAbout, RefusalReason};

impl Reader<'_> {
    /// Judges a clause that asks for what no declaration may. True: it was one.
    pub fn screened(&mut self, range: (usize, usize)) -> bool {
        let (from, to) = range;
        let span = self.span(from, to);
        let node = (from..to).any(|i| {
            self.facts.nodes.contains_key(self.low(i))
                || self.is(i, &["node", "nodes", "host", "hosts", "hypervisor", "proxmox"])
                    && !self.is(i.wrapping_sub(1), &["k3s", "k8s", "kubernetes", "worker", "docker", "plane"])
        });
        let guest = !self.mentions(range).is_empty();
        let heads = self.heads(range);
        let new = heads.iter().any(|h| h.clear);
        if self.is(from, &["replace", "rebuild", "recreate", "reinstall"]) && guest {
            let text = "Shall the guest that is there be destroyed with its disks, and what exactly shall stand in its place?";
            self.draft.ask(QuestionAbout::ConfirmLoss, text, vec![], Some(span));
            return true;
        }
        let whole: &[&str] = &[
            "entire cluster",
            "whole cluster",
            "entire lab",
            "whole lab",
            "entire homelab",
            "whole homelab",
            "everything",
        ];
        if super::loss::verb(self, range).is_some()
            && self.has(range, whole)
            && !self.has(range, &["not", "don't", "never"])
        {
            self.draft.refuse_all(
                RefusalReason::MassDestroy,
                "Destroying everything is not done. Name the guests that shall go.",
                Some(span),
            );
            return true;
        }
        if self.has(range, SECRET_NOUNS)
            && self.has(range, SHOW)
            && !self.has(range, &["ssh key", "ssh keys", "public key", "this key", "my key", "this ssh"])
            && !(from..to).any(|i| self.toks.get(i).is_some_and(|t| t.kind == Kind::Key))
        {
            self.draft.refuse_all(
                RefusalReason::Secrets,
                "Keys, tokens and passwords are never shown, stored or sent.",
                Some(span),
            );
            return true;
        }
        let shell_word = self.has(
            range,
            &[
                "curl",
                "wget",
                "apt",
                "apt-get",
                "bash",
                "systemctl",
                "sudo",
                "pvesh",
                "qm",
                "pct",
                "shell",
                "script",
                "command",
                "commands",
                "ssh into",
                "dpkg",
                "cronjob",
                "crontab",
                "iptables",
                "sh",
                "rm",
                "execute",
                "sysctl",
                "modprobe",
                "pip",
                "npm",
                "echo",
                "chmod",
                "chown",
                "mkdir",
                "docker compose",
                "docker-compose",
                "docker run",
                "docker pull",
                "run a command",
                "playbook",
                "ansible",
            ],
        ) && !self.has(range, &["ssh key"])
            && (heads.is_empty() || self.has(range, &["run", "execute", "install", "exec"]));
        let installs = self.has(
            range,
            &["install", "upgrade", "update", "patch", "reinstall", "compile", "configure", "uninstall"],
        ) && self.has(
            range,
            &[
                "kernel",
                "package",
                "packages",
                "updates",
                "software",
                "system",
                "os",
                "certificate",
                "nginx",
                "docker",
                "security",
                "apt",
                "distro",
                "php",
                "patches",
                "inside",
                "driver",
                "drivers",
            ],
        ) || self.has(range, &["install"])
            && (guest || self.has(range, &["on it", "on them", "in it", "inside it", "on each"]))
            && !self.has(range, &["kubernetes", "k3s", "k8s", "kubeadm"]);
        if self.has(range, &["ceph"])
            && !guest
            && (self.has(
                range,
                &[
                    "ceph cluster",
                    "osd",
                    "osds",
                    "ceph pool",
                    "install ceph",
                    "set up ceph",
                    "monitor",
                    "monitors",
                    "mds",
                    "cephfs",
                    "crush",
                    "ceph storage cluster",
                    "build",
                ],
            ) || self.is(from, &["deploy", "install", "set", "build", "create"]) && heads.is_empty())
            || self.has(
                range,
                &[
                    "glusterfs",
                    "gluster",
                    "zpool",
                    "zfs pool",
                    "raid",
                    "osd",
                    "osds",
                    "cephfs",
                    "drbd",
                    "linstor",
                    "raidz",
                    "iscsi",
                    "minio cluster",
                ],
            ) && heads.is_empty()
                && !guest
        {
            self.draft.refuse_all(
                RefusalReason::Ceph,
                "Ceph and other storage orchestration beyond NFS are not offered.",
                Some(span),
            );
            return true;
        }
        let orders = self.is(from, &["run", "execute", "type", "invoke", "issue"])
            && node
            && !guest
            && heads.is_empty()
            && !self.has(range, &["kubernetes", "k3s", "k8s", "kubeadm", "vm", "container", "it", "them"]);
        if (shell_word && !new
            || orders
            || self.has(range, &["run", "execute"])
                && self.has(range, &["on every node", "on all nodes", "on each node", "as root"]))
            && (node
                || guest
                || orders
                || shell_word
                || self.has(range, &["root", "|", "as root", "inside", "in the"]))
        {
            let (reason, text) = if guest && !node {
                (RefusalReason::GuestShell, "Commands inside guests are not run.")
            } else if node || !guest {
                (RefusalReason::NodeShell, "Commands on the nodes are not run.")
            } else {
                (RefusalReason::GuestShell, "Commands inside guests are not run.")
            };
            self.draft.refuse(reason, text, Some(span));
            return true;
        }
        let account = self.has(
            range,
            &[
                "admin user",
                "user account",
                "admin account",
                "new user",
                "users",
                "role",
                "roles",
                "permissions",
                "permission",
                "administrator",
                "admin rights",
                "rights",
                "api token",
                "api tokens",
                "pveadmin",
                "access to proxmox",
                "@pve",
                "@pam",
                "admin access",
                "a user",
                "an admin",
                "an account",
                "account for",
                "access for",
                "superuser",
                "realm",
                "two-factor",
                "2fa",
                "read access",
                "write access",
                "full access",
                "root access",
                "access to the cluster",
                "access to my cluster",
                "access to the homelab",
                "log in to proxmox",
                "login to proxmox",
                "my password",
                "his password",
                "her password",
                "their password",
                "password for proxmox",
                "proxmox password",
                "root@pam",
                "me root",
                "me admin",
                "me administrator",
                "me an admin",
            ],
        ) && self.has(
            range,
            &[
                "create",
                "add",
                "make",
                "give",
                "grant",
                "remove",
                "delete",
                "new",
                "let",
                "allow",
                "revoke",
                "set up",
                "promote",
                "assign",
                "need",
                "disable",
                "change",
                "invite",
                "turn off",
                "reset",
                "rotate",
                "needs",
                "should have",
                "gets",
                "get",
                "set",
            ],
        ) && heads.is_empty();
        if account && !self.has(range, &["login user", "login"]) && !guest {
            self.draft.refuse(
                RefusalReason::Accounts,
                "Users, roles, tokens and rights are not given by a declaration.",
                Some(span),
            );
            return true;
        }
        let node_only = node
            && !guest
            && heads.is_empty()
            && !self.has(
                range,
                &[
                    "storage",
                    "vlan",
                    "k8s",
                    "k3s",
                    "kubernetes",
                    "worker",
                    "workers",
                    "nfs",
                    "export",
                    "share",
                    "backup",
                    "snapshot",
                    "tag",
                    "it",
                    "them",
                    "vm",
                    "container",
                    "its",
                ],
            );
        let bare_cluster = self
            .has(range, &["proxmox cluster", "the cluster", "corosync", "cluster itself", "quorum"])
            && !self.has(range, &["kubernetes", "k3s", "k8s", "worker", "workers"])
            && !(from..to).any(|i| self.facts.house.kubernetes.contains_key(self.raw(i)));
        // `Upgrade pve1 and reboot it.`
        let same_node = self.node_talk
            && !guest
            && heads.is_empty()
            && self.has(range, &["it", "them", "that", "afterwards"])
            && self.quantities(from, to).is_empty();
        if self.has(range, NODE_VERBS)
            && (node_only
                || same_node
                || bare_cluster
                    && self.has(
                        range,
                        &[
                            "reboot",
                            "restart",
                            "upgrade",
                            "update",
                            "join",
                            "rename",
                            "shut down",
                            "add",
                            "corosync",
                        ],
                    ))
            && self.quantities(from, to).is_empty()
            || self.has(range, &["join", "new node", "third node", "fourth node"])
                && self.has(range, &["to the proxmox cluster", "to the cluster", "proxmox node"])
                && !guest
                && !self.has(range, &["kubernetes", "k3s", "k8s", "worker"])
        {
            self.draft.refuse(
                RefusalReason::NodeChange,
                "The nodes and the cluster itself are not changed by a declaration.",
                Some(span),
            );
            self.node_talk = true;
            return true;
        }
        if node
            && !guest
            && self.has(
                range,
                &[
                    "network interface",
                    "ip address of",
                    "dns server of",
                    "hostname of",
                    "bond",
                    "ntp",
                    "bios",
                    "firmware",
                    "repository",
                    "repositories",
                    "subscription",
                    "gateway of",
                ],
            )
        {
            self.draft.refuse(
                RefusalReason::NodeChange,
                "The nodes and the cluster itself are not changed by a declaration.",
                Some(span),
            );
            self.node_talk = true;
            return true;
        }
        let refresh = [
            "update them",
            "upgrade them",
            "patch them",
            "update it",
            "upgrade it",
            "patch it",
            "update all of them",
            "upgrade all of them",
            "update everything",
            "upgrade everything",
        ];
        if self.has(range, &refresh)
            && self.quantities(from, to).is_empty()
            && to - from <= 7
            && !self.node_talk
        {
            let text = "Packages and upgrades inside guests are not done here.";
            self.draft.refuse(RefusalReason::GuestShell, text, Some(span));
            return true;
        }
        if installs && (guest || self.has(range, &["them", "it", "all", "inside"])) && !new {
            self.draft.refuse(
                RefusalReason::GuestShell,
                "Packages and upgrades inside guests are not done here.",
                Some(span),
            );
            return true;
        }
        self.not_offered(range, guest, &heads)
    }
}

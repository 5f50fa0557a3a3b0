//! Guests: made, changed, moved, copied, and what is asked of those that run.

use super::{EXAMPLE_CONTAINER, EXAMPLE_VM, Example, Guest, Part, build, named, requests, wire_name};
use crate::error::CallError;
use crate::wire::{Request, Verb};

requests! {
    /// Makes a VM. Never repeated blindly: look for it first. The reply has a task.
    create_vm: Post "/nodes/{node}/qemu" (node: &str = "pve1", vmid: u32 = 101)
        ["name" "web-1", "cores" "2", "memory" "2048", "cpu" "x86-64-v2-AES", "ostype" "l26", "agent" "enabled=1",
         "scsihw" "virtio-scsi-single", "scsi0" "local-lvm:0,import-from=local:import/debian-12.qcow2,discard=on",
         "ide2" "local-lvm:cloudinit", "net0" "virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=5", "ciuser" "admin",
         "sshkeys" "ssh-ed25519%20AAAA", "ipconfig0" "ip=192.0.2.10/24,gw=192.0.2.1", "boot" "order=scsi0",
         "serial0" "socket", "onboot" "1", "tags" "mycopod", "description" "made by MycoPod", "pool" "web"];
    /// Brings a VM back from a backup.
    restore_vm: Post "/nodes/{node}/qemu" (node: &str = "pve1", vmid: u32 = 101,
        archive: &str = "nas:backup/vzdump-qemu-101-2026_01_01-00_00_00.vma.zst")
        ["storage" "local-lvm", "unique" "1", "force" "1"];
    /// Makes a container.
    create_container: Post "/nodes/{node}/lxc" (node: &str = "pve1", vmid: u32 = 201,
        ostemplate: &str = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst")
        ["hostname" "dns-1", "cores" "1", "memory" "512", "swap" "512", "rootfs" "local-lvm:8", "unprivileged" "1",
         "net0" "name=eth0,bridge=vmbr0,ip=192.0.2.11/24,gw=192.0.2.1", "features" "nesting=1", "onboot" "1",
         "ssh-public-keys" "ssh-ed25519 AAAA", "tags" "mycopod", "description" "made by MycoPod", "pool" "web"];
    /// Brings a container back from a backup.
    restore_container: Post "/nodes/{node}/lxc" (node: &str = "pve1", vmid: u32 = 201,
        ostemplate: &str = "nas:backup/vzdump-lxc-201-2026_01_01-00_00_00.tar.zst", restore: bool = true)
        ["storage" "local-lvm", "force" "1"];
    /// Changes a guest's options; `delete` names those to be removed. Done when it answers.
    configure: Put "/{guest}/config" (guest: Guest<'_> = EXAMPLE_VM)
        ["cores" "4", "memory" "4096", "startup" "order=2,up=30", "net1" "virtio,bridge=vmbr0", "scsi1" "local-lvm:32", "delete" "ide2",
         "digest" "0123456789abcdef0123456789abcdef01234567"];
    /// Changes a VM's options in a task, for changes that may take long (disks on slow storages).
    configure_later: Post "/{guest}/config" (guest: Guest<'_> = EXAMPLE_VM) ["scsi1" "local-lvm:32"];
    configure_container: Put "/{guest}/config" (guest: Guest<'_> = EXAMPLE_CONTAINER)
        ["cores" "2", "memory" "1024", "mp0" "local-lvm:8,mp=/srv", "nameserver" "192.0.2.1",
         "digest" "0123456789abcdef0123456789abcdef01234567"];
    start: Post "/{guest}/status/start" (guest: Guest<'_> = EXAMPLE_VM) [];
    /// Pulls the plug. `overrule-shutdown` does not wait for a shutdown that is under way.
    stop: Post "/{guest}/status/stop" (guest: Guest<'_> = EXAMPLE_VM) ["overrule-shutdown" "1"];
    /// Asks the guest to shut down.
    shutdown: Post "/{guest}/status/shutdown" (guest: Guest<'_> = EXAMPLE_VM) ["timeout" "120", "forceStop" "1"];
    reboot: Post "/{guest}/status/reboot" (guest: Guest<'_> = EXAMPLE_VM) ["timeout" "120"];
    reset: Post "/{guest}/status/reset" (guest: Guest<'_> = EXAMPLE_VM) [];
    suspend: Post "/{guest}/status/suspend" (guest: Guest<'_> = EXAMPLE_VM) ["todisk" "1"];
    resume: Post "/{guest}/status/resume" (guest: Guest<'_> = EXAMPLE_VM) [];
    start_container: Post "/{guest}/status/start" (guest: Guest<'_> = EXAMPLE_CONTAINER) [];
    stop_container: Post "/{guest}/status/stop" (guest: Guest<'_> = EXAMPLE_CONTAINER) [];
    shutdown_container: Post "/{guest}/status/shutdown" (guest: Guest<'_> = EXAMPLE_CONTAINER)
        ["timeout" "120", "forceStop" "1"];
    reboot_container: Post "/{guest}/status/reboot" (guest: Guest<'_> = EXAMPLE_CONTAINER) ["timeout" "120"];
    /// Copies a guest. A template is linked unless `full` says otherwise.
    clone: Post "/{guest}/clone" (guest: Guest<'_> = EXAMPLE_VM, newid: u32 = 111)
        ["name" "web-2", "full" "1", "storage" "local-lvm", "target" "pve1", "pool" "web", "format" "raw",
         "description" "made by MycoPod"];
    clone_container: Post "/{guest}/clone" (guest: Guest<'_> = EXAMPLE_CONTAINER, newid: u32 = 211)
        ["hostname" "dns-2", "full" "1", "storage" "local-lvm", "pool" "web", "description" "made by MycoPod"];
    /// Turns a guest into a template. There is no way back.
    template: Post "/{guest}/template" (guest: Guest<'_> = EXAMPLE_VM) [];
    template_container: Post "/{guest}/template" (guest: Guest<'_> = EXAMPLE_CONTAINER) [];
    /// Moves a VM to another node; `online` while it runs.
    migrate: Post "/{guest}/migrate" (guest: Guest<'_> = EXAMPLE_VM, target: &str = "pve2")
        ["online" "1", "with-local-disks" "1", "targetstorage" "local-lvm"];
    /// Moves a container; a running one is restarted.
    migrate_container: Post "/{guest}/migrate" (guest: Guest<'_> = EXAMPLE_CONTAINER, target: &str = "pve2")
        ["restart" "1", "timeout" "120", "target-storage" "local-lvm"];
    /// Makes a disk larger. Give the whole size, never `+`: that form is not safe to repeat.
    resize: Put "/{guest}/resize" (guest: Guest<'_> = EXAMPLE_VM, disk: &str = "scsi0", size: &str = "64G") [];
    resize_container: Put "/{guest}/resize" (guest: Guest<'_> = EXAMPLE_CONTAINER, disk: &str = "rootfs",
        size: &str = "16G") [];
    /// Moves a disk to another storage; without `delete` the source stays as an unused disk.
    move_disk: Post "/{guest}/move_disk" (guest: Guest<'_> = EXAMPLE_VM, disk: &str = "scsi0")
        ["storage" "nas", "format" "qcow2", "delete" "1"];
    move_volume: Post "/{guest}/move_volume" (guest: Guest<'_> = EXAMPLE_CONTAINER, volume: &str = "rootfs")
        ["storage" "nas", "delete" "1"];
    /// Takes disks off a VM; with `force` their volumes are destroyed.
    unlink: Put "/{guest}/unlink" (guest: Guest<'_> = EXAMPLE_VM, idlist: &str = "scsi1") ["force" "1"];
    /// Writes the cloud-init drive anew.
    regenerate_cloudinit: Put "/{guest}/cloudinit" (guest: Guest<'_> = EXAMPLE_VM) [];
    snapshot: Post "/{guest}/snapshot" (guest: Guest<'_> = EXAMPLE_VM, snapname: &str = "before-change")
        ["description" "before the change", "vmstate" "1"];
    snapshot_container: Post "/{guest}/snapshot" (guest: Guest<'_> = EXAMPLE_CONTAINER,
        snapname: &str = "before-change") ["description" "before the change"];
    /// Goes back to a snapshot. What was written since is lost.
    rollback: Post "/{guest}/snapshot/{snapname}/rollback" (guest: Guest<'_> = EXAMPLE_VM,
        snapname: &str = "before-change") ["start" "1"];
    rollback_container: Post "/{guest}/snapshot/{snapname}/rollback" (guest: Guest<'_> = EXAMPLE_CONTAINER,
        snapname: &str = "before-change") ["start" "1"];
    describe_snapshot: Put "/{guest}/snapshot/{snapname}/config" (guest: Guest<'_> = EXAMPLE_VM,
        snapname: &str = "before-change") ["description" "kept"];
    delete_snapshot: Delete "/{guest}/snapshot/{snapname}" (guest: Guest<'_> = EXAMPLE_VM,
        snapname: &str = "before-change") ["force" "1"];
    delete_snapshot_container: Delete "/{guest}/snapshot/{snapname}" (guest: Guest<'_> = EXAMPLE_CONTAINER,
        snapname: &str = "before-change") ["force" "1"];
    /// Destroys a stopped guest and its disks; `purge` also takes it out of jobs and high availability.
    destroy: Delete "/{guest}" (guest: Guest<'_> = EXAMPLE_VM) ["purge" "1", "destroy-unreferenced-disks" "1"];
    destroy_container: Delete "/{guest}" (guest: Guest<'_> = EXAMPLE_CONTAINER) ["purge" "1", "force" "1"];
    /// Backs up guests of one node: `vmid` (a list), `pool` or `all`.
    backup: Post "/nodes/{node}/vzdump" (node: &str = "pve1", vmid: &str = "101,201")
        ["storage" "nas", "mode" "snapshot", "compress" "zstd", "notes-template" "{{guestname}}", "protected" "1"];
    agent_ping: Post "/{guest}/agent/ping" (guest: Guest<'_> = EXAMPLE_VM) [];
    /// Runs a program in the guest. Not safe to repeat.
    agent_exec: Post "/{guest}/agent/exec" (guest: Guest<'_> = EXAMPLE_VM,
        command: &[&str] = &["/bin/sh", "-c", "true"]) ["input-data" "text"];
    /// The end of a program, told once.
    agent_exec_status: Get "/{guest}/agent/exec-status" (guest: Guest<'_> = EXAMPLE_VM, pid: u32 = 77) [];
    agent_read_file: Get "/{guest}/agent/file-read" (guest: Guest<'_> = EXAMPLE_VM, file: &str = "/etc/hostname") [];
    agent_write_file: Post "/{guest}/agent/file-write" (guest: Guest<'_> = EXAMPLE_VM, file: &str = "/etc/motd",
        content: &str = "hello") ["encode" "1"];
    agent_interfaces: Get "/{guest}/agent/network-get-interfaces" (guest: Guest<'_> = EXAMPLE_VM) [];
    agent_system: Get "/{guest}/agent/get-osinfo" (guest: Guest<'_> = EXAMPLE_VM) [];
    agent_trim: Post "/{guest}/agent/fstrim" (guest: Guest<'_> = EXAMPLE_VM) [];
    agent_set_password: Post "/{guest}/agent/set-user-password" (guest: Guest<'_> = EXAMPLE_VM,
        username: &str = "admin", password: &str = "correct horse") [];
}

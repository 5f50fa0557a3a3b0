#!/usr/bin/env python3
"""A life cycle with proxmoxer, a client nobody here wrote.

Usage: lifecycle.py HOST:PORT USER@REALM!TOKEN=SECRET NODE STORAGE
"""

import sys
import time

from proxmoxer import ProxmoxAPI, ResourceException


def main():
    address, token, node_name, storage = sys.argv[1:5]
    full_id, secret = token.split("=", 1)
    user, token_name = full_id.split("!", 1)
    api = ProxmoxAPI(address, user=user, token_name=token_name, token_value=secret, verify_ssl=False)
    node = api.nodes(node_name)

    def done(upid):
        """Wait for a task and insist on its good end."""
        for _ in range(600):
            status = node.tasks(upid).status.get()
            if status["status"] == "stopped":
                assert status["exitstatus"] == "OK", (upid, status, node.tasks(upid).log.get())
                return
            time.sleep(0.05)
        raise AssertionError(f"{upid} does not end")

    assert api.version.get()["version"].startswith("8.4")
    assert node_name in [n["node"] for n in api.nodes.get()]

    vmid = int(api.cluster.nextid.get())
    done(node.qemu.post(vmid=vmid, name="life", memory=512, cores=1, scsi0=f"{storage}:1", net0="virtio,bridge=vmbr0"))
    config = node.qemu(vmid).config.get()
    assert config["name"] == "life" and config["scsi0"].startswith(f"{storage}:")
    node.qemu(vmid).config.put(cores=2, description="a + b = c; d", digest=config["digest"])
    assert node.qemu(vmid).config.get()["description"] == "a + b = c; d"
    try:
        node.qemu(vmid).config.put(cores=1, digest=config["digest"])
        raise AssertionError("an old digest was taken")
    except ResourceException as error:
        assert error.status_code == 500, error

    clone = vmid + 1
    done(node.qemu(vmid).clone.post(newid=clone, name="copy", full=1))
    assert node.qemu(clone).config.get()["name"] == "copy"
    try:
        done(node.qemu(vmid).snapshot.post(snapname="before"))
        assert "before" in [s["name"] for s in node.qemu(vmid).snapshot.get()]
        done(node.qemu(vmid).snapshot("before").delete())
    except AssertionError as error:
        # Raw files on a directory cannot be snapshotted; the task says so.
        assert "snapshot feature is not available" in str(error), error
    done(node.qemu(vmid).status.start.post())
    assert node.qemu(vmid).status.current.get()["status"] == "running"
    done(node.qemu(vmid).status.stop.post())
    for one in (vmid, clone):
        done(node.qemu(one).delete(purge=1))
    assert vmid not in [g["vmid"] for g in node.qemu.get()]

    template = next(v["volid"] for s in node.storage.get(content="vztmpl")
                    for v in node.storage(s["storage"]).content.get(content="vztmpl"))
    done(node.lxc.post(vmid=vmid, ostemplate=template, hostname="ct", rootfs=f"{storage}:1", unprivileged=1))
    assert node.lxc(vmid).config.get()["hostname"] == "ct"
    done(node.lxc(vmid).delete())

    api.storage.post(storage="extra", type="dir", path="/srv/extra", content="iso")
    assert "extra" in [s["storage"] for s in api.storage.get()]
    api.storage("extra").delete()

    try:
        node.qemu(vmid).config.get()
        raise AssertionError("a removed guest has a configuration")
    except ResourceException as error:
        assert "does not exist" in str(error), error
    print("proxmoxer: the life cycle is complete")


if __name__ == "__main__":
    main()

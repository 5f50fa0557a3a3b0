"""fakepve as a process of its own, and its state as it tells it to anybody: by its API, past the front."""

import collections
import http.client
import json
import secrets
import ssl
import urllib.parse
import uuid

from process import Process

NODE = "pve1"
USER = "root@pam"
# The template that new VMs are copied from, with the ids that Proxmox VE gives every VM (a copy gets its own). Its disk
# is as large as the story's VMs ask for: see docs/fakepve.md.
TEMPLATE = {
    "vmid": 9001, "name": "debian-12", "template": True, "node": NODE, "config": {
        "template": "1", "cores": "1", "memory": "1024", "ostype": "l26", "scsihw": "virtio-scsi-single",
        "scsi0": "local-lvm:base-9001-disk-0,size=10G", "ide2": "local-lvm:vm-9001-cloudinit,media=cdrom",
        "boot": "order=scsi0", "net0": "virtio=BC:24:11:00:90:01,bridge=vmbr0", "vmgenid": str(uuid.uuid4()),
        "smbios1": f"uuid={uuid.uuid4()}"}}
# Somebody else's guest, which must never be touched.
FOREIGN = {"vmid": 100, "name": "nas", "node": NODE, "status": "running", "config": {
    "cores": "2", "memory": "2048", "scsi0": "local-lvm:vm-100-disk-0,size=32G",
    "net0": "virtio=BC:24:11:00:01:00,bridge=vmbr0"}}


class Fake:
    def __init__(self, program, folder, certificate, key):
        self.password = secrets.token_urlsafe(16)
        guests = folder / "guests.json"
        guests.write_text(json.dumps({"guests": [TEMPLATE, FOREIGN]}), encoding="utf-8")
        # Tasks run beside the answers, as on a node, at a twentieth of their time.
        command = [program, guests, "--host", "127.0.0.1", "--port", "0", "--time-scale", "0.05", "--user", USER,
                   "--cert", certificate, "--key", key]
        self.process = Process("fakepve", command, folder / "fakepve.log",
                               env={"PVE_PASS": self.password, "PATH": "/usr/bin:/bin", "PYTHONUNBUFFERED": "1"})
        port = self.process.line(r"listening on https://127\.0\.0\.1:(\d+)", 30)[1]
        self.upstream = ("127.0.0.1", int(port))
        self.trust = ssl.create_default_context(cafile=certificate)
        answer = self.call("POST", "/access/ticket", username=USER, password=self.password)
        self.pass_on = {"Cookie": f"PVEAuthCookie={answer['ticket']}", "CSRFPreventionToken": answer["CSRFPreventionToken"]}

    @property
    def address(self):
        return f"https://127.0.0.1:{self.upstream[1]}"

    def call(self, method, path, **values):
        body = urllib.parse.urlencode(values)
        return self.send(method, path, body, "application/x-www-form-urlencoded")

    def send(self, method, path, body, kind):
        connection = http.client.HTTPSConnection(*self.upstream, context=self.trust, timeout=30)
        headers = dict(getattr(self, "pass_on", {}), **{"Content-Type": kind})
        connection.request(method, "/api2/json" + path, body=None if method == "GET" else body, headers=headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        assert answer.status == 200, (method, path, answer.status, text)
        return json.loads(text)["data"]

    def upload(self, content, name):
        """A small file on the storage `local`, as a person would have put it there."""
        mark = secrets.token_hex(16)
        parts = [f'--{mark}\r\nContent-Disposition: form-data; name="content"\r\n\r\n{content}\r\n',
                 f'--{mark}\r\nContent-Disposition: form-data; name="filename"; filename="{name}"\r\n'
                 f"Content-Type: application/octet-stream\r\n\r\nnothing\r\n", f"--{mark}--\r\n"]
        kind = f"multipart/form-data; boundary={mark}"
        self.send("POST", f"/nodes/{NODE}/storage/local/upload", "".join(parts), kind)

    def guests(self):
        """Name to kind, number and power of all guests."""
        found = self.call("GET", "/cluster/resources?type=vm")
        return {guest["name"]: (guest["type"], guest["vmid"], guest["status"]) for guest in found}

    def config(self, kind, vmid):
        return self.call("GET", f"/nodes/{NODE}/{kind}/{vmid}/config")

    def tasks(self, vmid):
        """How often each kind of task was done to one guest, and how they ended. Within a second they have no order."""
        found = self.call("GET", f"/nodes/{NODE}/tasks?source=all&vmid={vmid}&limit=500")
        return collections.Counter(f"{task['type']} {task.get('status')}" for task in found)

#!/usr/bin/env python3
"""MycoPod against fakepve: VMs and a container made, stopped, started and destroyed by declarations.

Usage: story.py MYCOPOD FAKEPVE

Two people work as they would: bo writes, ada looks at the plan, approves its digest and applies it. After each run
fakepve itself is asked what is there, past the front.
"""

import datetime
import hashlib
import ipaddress
import json
import os
import pathlib
import re
import sys
import tempfile
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fake import NODE, USER, Fake
from front import Front
from installation import Installation
from pages import Browser

# The longest a run may take, in seconds.
RUN_S = 60
# What is shown of a text that lacks something.
TEXT_CHARS = 2000


def certificate(folder):
    """A certificate for the loopback; its files and its fingerprint as Proxmox VE shows it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fakepve")])
    now = datetime.datetime.now(datetime.timezone.utc)
    hour = datetime.timedelta(hours=1)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - hour).not_valid_after(now + 24 * hour)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
            .sign(key, hashes.SHA256()))
    cert_file, key_file = folder / "node.pem", folder / "node.key"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.touch(mode=0o600)
    key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                           serialization.NoEncryption()))
    digest = hashlib.sha256(made.public_bytes(serialization.Encoding.DER)).hexdigest().upper()
    return cert_file, key_file, ":".join(digest[n:n + 2] for n in range(0, 64, 2))


class Story:
    def __init__(self, mycopod, fake, front):
        self.mycopod, self.fake, self.front = mycopod, fake, front
        self.declared = 0
        self.checks = 0

    def expect(self, what, seen, wanted):
        self.checks += 1
        assert seen == wanted, f"{what}: expected {wanted!r}, saw {seen!r}"

    def says(self, what, text, wanted):
        self.checks += 1
        assert wanted in text, f"{what}: {wanted!r} is not in\n{text[:TEXT_CHARS]}"

    def declare(self, text):
        """Draft and preview a text; its number and the plan in words."""
        told = self.mycopod.do("--json", "declare", "--as", "bo", given=text)
        number = str(json.loads(told)["no"])
        return number, self.mycopod.do("preview", number, "--as", "bo")

    def run(self, text, *confirm):
        """The whole way of a text to the end of its run: its number, how it ended, and the calls that changed something."""
        before = len(self.front.writes())
        number, plan = self.declare(text)
        names = [word for name in confirm for word in ("--confirm", name)]
        self.mycopod.do("approve", number, "--digest", digest(plan), *names, "--as", "ada")
        self.mycopod.do("commit", number, "--as", "ada")
        ended = self.ended()
        number = str(json.loads(self.mycopod.do("--json", "runs", "list"))[0]["no"])
        calls = self.front.writes()[before:]
        print(f"  {text}\n    run {number} {ended}, {len(calls)} changing calls", flush=True)
        return number, ended, calls

    def ended(self):
        """Waits for the next run to begin and to end, by the log."""
        self.mycopod.events.line(r'"type":\s*"run\.started\.', RUN_S)
        return self.mycopod.events.line(r'"type":\s*"run\.(completed|paused|stopped)\.', RUN_S)[1]

    def apply(self, text, *confirm):
        """A text whose run completes; the calls that changed something."""
        number, ended, calls = self.run(text, *confirm)
        self.checks += 1
        assert ended == "completed", self.mycopod.do("runs", "show", number)
        return calls

    def tasks(self, name, vmid, **kinds):
        """fakepve's own account of what was done to a guest: so often each, always with a good end."""
        self.expect(f"tasks of {name}", self.fake.tasks(vmid), {f"{kind} OK": times for kind, times in kinds.items()})


def digest(plan):
    return re.search(r"^digest (\S+)$", plan, re.MULTILINE)[1]


def other_release(story):
    """As fakepve tells it, the server is 9.0.10: MycoPod says so and asks for nothing more."""
    story.front.as_known = False
    before = len(story.front.seen)
    said = story.mycopod.do("doctor", ends=7)
    story.says("the other release is named", said, "this is Proxmox VE 9.0.10, which is newer")
    asked = [path for _, path, _ in story.front.seen[before:]]
    story.expect("what was asked of the other release", asked, ["/access/ticket", "/version"])
    story.front.as_known = True


def copied_vm(story):
    fake, path = story.fake, f"/nodes/{NODE}/qemu"
    calls = story.apply("A Debian 12 VM called shop, 1 core, 2 GB of memory, 10 GB disk.")
    kind, vmid, power = fake.guests()["shop"]
    story.expect("shop as made", (kind, vmid, power), ("qemu", 200, "running"))
    one = f"{path}/{vmid}"
    made = [("POST", f"{path}/9001/clone"), ("PUT", f"{one}/config"), ("POST", f"{one}/status/start")]
    story.expect("calls that made shop", calls, made)
    config = fake.config("qemu", vmid)
    story.expect("size", (str(config["cores"]), str(config["memory"])), ("1", "2048"))
    story.expect("tags", config["tags"], "mycopod")
    story.says("ownership mark", config["description"].lower(), "mycopod")
    number, plan = story.declare("A Debian 12 VM called shop, 1 core, 2 GB of memory, 10 GB disk.")
    story.says(f"plan of {number}, said again", plan, "0 to create · 0 to change · 0 to destroy")

    calls = story.apply("Stop shop.")
    story.expect("power of shop", fake.guests()["shop"], ("qemu", vmid, "stopped"))
    story.expect("calls that stopped it", len(calls), 1)
    calls = story.apply("Start shop.")
    story.expect("power of shop", fake.guests()["shop"], ("qemu", vmid, "running"))
    story.expect("calls that started it", calls, [("POST", f"{one}/status/start")])
    return vmid


def created_vm(story):
    """Without a template: an empty disk and an ISO, in one creating call."""
    story.fake.upload("iso", "opnsense-25.1.iso")
    calls = story.apply("A VM called edge with the ISO opnsense-25.1.iso, 1 core, 1 GB of memory, 8 GB disk.")
    kind, vmid, power = story.fake.guests()["edge"]
    story.expect("edge as made", (kind, power), ("qemu", "running"))
    one = f"/nodes/{NODE}/qemu/{vmid}"
    story.expect("calls that made edge", calls, [("POST", f"/nodes/{NODE}/qemu"), ("POST", f"{one}/status/start")])
    config = story.fake.config("qemu", vmid)
    story.says("its ISO", config["ide2"], "local:iso/opnsense-25.1.iso")
    story.says("its disk", config["scsi0"], "size=8G")
    return vmid


def container(story):
    story.fake.upload("vztmpl", "debian-12-standard_12.7-1_amd64.tar.zst")
    calls = story.apply("A Debian 12 container called dns, 1 core, 512 MB of memory, 4 GB disk.")
    kind, vmid, power = story.fake.guests()["dns"]
    story.expect("dns as made", (kind, power), ("lxc", "running"))
    one = f"/nodes/{NODE}/lxc/{vmid}"
    story.expect("calls that made dns", calls, [("POST", f"/nodes/{NODE}/lxc"), ("POST", f"{one}/status/start")])
    story.apply("Stop the dns container.")
    story.expect("power of dns", story.fake.guests()["dns"], ("lxc", vmid, "stopped"))
    story.apply("Start dns.")
    story.expect("power of dns", story.fake.guests()["dns"], ("lxc", vmid, "running"))
    return vmid


def undone(story):
    """fakepve answers a resize as done and does nothing. MycoPod looks, says so and stops; the way back is approved."""
    number, ended, calls = story.run("A Debian 12 VM called grown, 1 core, 1 GB of memory, 20 GB disk.")
    _, vmid, _ = story.fake.guests()["grown"]
    story.expect("a run whose last call had no effect", ended, "paused")
    story.expect("its last call", calls[-1], ("PUT", f"/nodes/{NODE}/qemu/{vmid}/resize"))
    story.says("its cause", story.mycopod.do("runs", "show", number), "the server accepted the call, but")
    shown = story.mycopod.do("runs", "undo", number)
    sealed = re.search(r"sealed as (\w+):", shown)[1]
    story.mycopod.do("runs", "undo", number, "--digest", sealed, "--confirm", "grown", "--as", "ada")
    story.expect("the way back", story.ended(), "completed")
    story.expect("grown", story.fake.guests().get("grown"), None)


def destroyed(story, name, vmid):
    """An approval without the name typed is refused, and nothing leaves; with it the guest goes, and nothing else."""
    fake, text = story.fake, f"Destroy {name} together with its disks."
    others = {other: seen for other, seen in fake.guests().items() if other != name}
    number, plan = story.declare(text)
    before = len(story.front.writes())
    story.mycopod.do("approve", number, "--digest", digest(plan), "--as", "ada", ends=5)
    story.expect("calls without the name", len(story.front.writes()), before)
    calls = story.apply(text, name)
    story.expect(f"guests besides {name}", fake.guests(), others)
    story.expect("what destroyed it", [verb for verb, path in calls if path.endswith(f"/{vmid}")], ["DELETE"])


def shown(story):
    """The runs, as ada sees them in a browser."""
    browser = Browser(story.mycopod.port, "ada", story.mycopod.passwords["ada"])
    runs = json.loads(story.mycopod.do("--json", "runs", "list"))
    # The two newest are the one that was undone, and its way back.
    for run in runs[2:]:
        story.says("page of a run", browser.page(f"/runs/{run['no']}"), f"<title>Run {run['no']} succeeded")
    story.says("page of the cluster", browser.page("/cluster"), "nas")


def main():
    program, fakepve = sys.argv[1:3]
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mycopod-fakepve-") as name:
        folder = pathlib.Path(name)
        # Postgres runs as another user where this one is root, and has to pass through.
        os.chmod(folder, 0o711)
        cert, key, fingerprint = certificate(folder)
        fake = Fake(fakepve, folder, cert, key)
        front = Front(cert, key, fake.upstream)
        mycopod = None
        try:
            mycopod = Installation(program, folder, front.address, fingerprint, USER, fake.password)
            story = Story(mycopod, fake, front)
            tell(story)
        except AssertionError as error:
            print(f"{error}\n{mycopod.logs() if mycopod else ''}\n{fake.process.tail()}", file=sys.stderr)
            raise SystemExit(1) from None
        finally:
            if mycopod:
                mycopod.stop()
            front.stop()
            fake.process.stop()
    print(f"fakepve 0.5.0: {story.checks} expectations hold, {time.monotonic() - begun:.0f} s")


def tell(story):
    other_release(story)
    story.mycopod.start("agent")
    guests = {"shop": copied_vm(story), "edge": created_vm(story), "dns": container(story)}
    for name, vmid in guests.items():
        destroyed(story, name, vmid)
    story.tasks("shop", guests["shop"], qmstart=2, qmshutdown=1, qmstop=1, qmdestroy=1)
    story.tasks("edge", guests["edge"], qmcreate=1, qmstart=1, qmstop=1, qmdestroy=1)
    story.tasks("dns", guests["dns"], vzcreate=1, vzstart=2, vzshutdown=1, vzstop=1, vzdestroy=1)
    undone(story)
    story.expect("guests at the end", sorted(story.fake.guests()), ["debian-12", "nas"])
    shown(story)
    anchors = story.mycopod.folder / "declarations.git"
    story.says("the log", story.mycopod.do("events", "verify", "--anchors", anchors), "Anchored outside up to")
    touched = [path for _, path in story.front.writes() if "/100" in path]
    story.expect("calls about somebody else's guest", touched, [])


if __name__ == "__main__":
    main()

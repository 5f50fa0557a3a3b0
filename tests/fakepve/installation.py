"""A MycoPod of its own in a folder, set up as docs and help tell a person to: by the program's own commands."""

import json
import os
import pathlib
import pwd
import re
import subprocess
import sys
import urllib.parse

from process import Process

# One command of the program, at most, in seconds.
COMMAND_S = 100
HOUSE = {
    "network": {"bridge": "vmbr0", "cidr": "192.0.2.0/24", "gateway": "192.0.2.1", "static_from": "192.0.2.50",
                "static_to": "192.0.2.99"},
    "images": {
        "vm": {"debian-12": {"vmid": 9001, "storage": "local-lvm", "disk_gib": 3, "aliases": ["debian"]}},
        "container": {"debian-12": {"file": "debian-12-standard_12.7-1_amd64.tar.zst", "storage": "local",
                                    "disk_gib": 1, "aliases": ["debian"]}}},
    "defaults": {
        "vm": {"image": "debian-12", "cores": 1, "memory_mib": 1024, "disk_gib": 10, "power": "running",
               "start_on_boot": False},
        "container": {"image": "debian-12", "cores": 1, "memory_mib": 512, "disk_gib": 4, "power": "running",
                      "start_on_boot": False, "unprivileged": True},
        "network": {"ip": "dhcp", "prefix": 24, "gateway": "192.0.2.1", "bridge": "vmbr0"},
        "kubernetes": {"distribution": "k3s", "image": "debian-12", "control_planes": 1, "cores": 2,
                       "memory_mib": 2048, "disk_gib": 20},
        "backup": {"storage": "local", "mode": "snapshot", "keep_last": 3},
        "storage": {"type": "nfs"}},
    "policy": {"units": "binary", "over_threads": "refuse", "over_memory": "refuse", "undeclared": "ask-to-adopt",
               "protected": "refuse", "destroy_max": 2, "create_max": 12, "text_bytes_max": 65536,
               "languages": ["en"], "software_in_guests": "kubernetes-and-nfs-mounts-only",
               "privileged_containers": "refuse"}}
RULES = {"vmid_first": 200, "vmid_last": 299, "protected": ["nas"], "poll_interval_s": 5, "observe_interval_s": 5,
         "house": HOUSE}


class Postgres:
    """A private server that listens on a socket in a folder, and on no network address."""

    def __init__(self, folder):
        self.folder = folder
        installed = pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres")
        newest = max(installed, key=lambda found: int(found.parts[-3]))
        self.bin = newest.parent
        # Postgres refuses to run as root.
        self.options = {}
        folder.mkdir()
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            self.options = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            os.chown(folder, user.pw_uid, user.pw_gid)
        self.run("initdb", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync", "--username=postgres", "-D",
                 folder / "data")
        self.process = Process("Postgres", [self.bin / "postgres", "-D", folder / "data", "-k", folder, "-c",
                                            "listen_addresses="], folder.parent / "postgres.log", cwd=folder,
                               **self.options)
        self.process.line("ready to accept connections", 60)
        for statement in ("create role mycopod_app nologin", "create role mycopod login in role mycopod_app",
                          "create database mycopod"):
            self.run("psql", "-h", folder, "-U", "postgres", "-q", "-c", statement)

    def run(self, program, *arguments):
        subprocess.run([self.bin / program, *arguments], check=True, stdout=subprocess.DEVNULL, cwd=self.folder,
                       **self.options)

    def url(self, role):
        return f"postgres:///mycopod?host={urllib.parse.quote(str(self.folder), safe='')}&user={role}"


class Installation:
    """Postgres, a local git repository, the UI and the Agent, with two people: ada (Admin) and bo."""

    def __init__(self, program, folder, cluster, fingerprint, user, password):
        self.program, self.folder = program, folder
        self.fingerprint, self.user = fingerprint, user
        self.children = []
        try:
            self.set_up(cluster, password)
        except BaseException:
            print(self.logs(), file=sys.stderr)
            self.stop()
            raise

    def set_up(self, cluster, password):
        folder = self.folder
        self.postgres = Postgres(folder / "postgres")
        self.children.append(self.postgres.process)
        self.config = self.write_config("config.toml", cluster)
        (folder / "keys").mkdir(mode=0o700)
        subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", folder / "declarations.git"],
                       check=True)
        self.do("keys", "create")
        self.do("migrate", "--owner-url", self.postgres.url("postgres"))
        self.do("secrets", "set", "proxmox-password", given=password)
        self.ui = self.start("serve")
        self.port = int(self.ui.line(r"the web service listens.*127\.0\.0\.1:(\d+)", 60)[1])
        self.passwords = {}
        for name, role in (("ada", "admin"), ("bo", "user")):
            told = self.do("user", "add", name, "--role", role, "--generate")
            self.passwords[name] = re.search(r"^password (.*)$", told, re.MULTILINE)[1]
        rules = folder / "rules.json"
        rules.write_text(json.dumps(RULES), encoding="utf-8")
        self.do("config", "rules", "--set", rules, "--as", "ada")
        self.events = self.start("events", "tail", "--follow", "--from", "1", json=True)

    def write_config(self, name, cluster):
        path = self.folder / name
        path.write_text(f"""
key_ring = "{self.folder}/keys/keyring"
[database]
url = "{self.postgres.url("mycopod")}"
[ui]
listen = "127.0.0.1:0"
public_url = "http://localhost"
[agent]
secrets = "{self.folder}/keys"
interpreter = "scripted"
[agent.proxmox]
addresses = ["{cluster}"]
fingerprint = "{self.fingerprint}"
token = "{self.user}"
[agent.repository]
path = "{self.folder}/declarations.git"
branch = "main"
""", encoding="utf-8")
        return path

    def start(self, *arguments, json=False):
        options = ["--config", self.config] + (["--json"] if json else [])
        name = "-".join(arguments[:2])
        child = Process(name, [self.program, *options, *arguments], self.folder / f"{name}.log",
                        env=dict(os.environ, NO_COLOR="1"))
        self.children.append(child)
        return child

    def do(self, *arguments, given="", config=None, ends=0):
        """One command, its results; a person's next move is in what it says when it ends otherwise."""
        command = [self.program, "--config", config or self.config, *arguments]
        told = subprocess.run(command, input=given, capture_output=True, text=True, timeout=COMMAND_S)
        said = f"mycopod {' '.join(map(str, arguments))} ended with {told.returncode}\n{told.stdout}{told.stderr}"
        assert told.returncode == ends, said
        return told.stdout

    def stop(self):
        for child in reversed(self.children):
            child.stop()

    def logs(self):
        return "\n".join(f"--- {child.name}\n{child.tail()}" for child in self.children)

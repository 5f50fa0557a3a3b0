#!/usr/bin/env python3
"""Signing in with a password: ticket, CSRF token, a write, a renewal.

Usage: ticket.py HOST:PORT USER@REALM PASSWORD
"""

import sys

from proxmoxer import ProxmoxAPI


def main():
    address, user, password = sys.argv[1:4]
    api = ProxmoxAPI(address, user=user, password=password, verify_ssl=False)
    assert api.version.get()["version"].startswith("8.4")
    # A write needs the CSRF token that came with the ticket.
    api.pools.post(poolid="signed-in")
    assert "signed-in" in [p["poolid"] for p in api.pools.get()]
    api.pools.delete(poolid="signed-in")
    ticket = api.get_tokens()[0]
    again = ProxmoxAPI(address, user=user, password=ticket, verify_ssl=False)
    assert again.version.get()["version"].startswith("8.4")
    print("proxmoxer: signing in with a ticket works")


if __name__ == "__main__":
    main()

"""What the works share: a site without rate limits, its accounts, and Postfix's own load generator."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from backend.address import Address
from backend.management import client
from backend.store.accounts import add_account
from backend.store.database import Store, Transaction
from tests.harness.site import Site
from tests.harness.waiting import until

DOMAIN = "local.test"  # Postfix's; ours is Site.domain
_NO_LIMITS = """\
[limits]
messages_per_ip_per_minute = 0
messages_per_network_per_minute = 0
recipients_per_sender_per_hour = 0
connections_per_ip = 1000
"""


class BenchSite(Site):
    """A site that takes as much from one address as it can."""

    def __init__(self, folder: Path, users: Sequence[str] = ()) -> None:
        super().__init__(folder)
        self._users = users

    def __enter__(self) -> BenchSite:
        super().__enter__()
        self.configure(_NO_LIMITS)
        store = Store.open(self.data)
        try:
            store.write(self._add_users)
        finally:
            store.close()
        return self

    def _add_users(self, transaction: Transaction) -> None:
        for user in self._users:
            add_account(transaction, Address(user, self.domain), None)

    def call(self, name: str, **arguments: Any) -> Any:
        """One action over the management socket, without the start of a command."""
        return client.call(self.folder / "run" / "management.sock", name, arguments)

    def messages(self, user: str) -> int:
        """How many messages an account has."""
        boxes = self.call("mailbox.list", address=f"{user}@{self.domain}")["mailboxes"]
        return sum(box["messages"] for box in boxes)

    def queued(self) -> int:
        """How many entries the queue has."""
        total: int = self.call("status")["queue"]["total"]
        return total


def smtp_source(port: int, to: str, *, messages: int, sessions: int, size: int = 4096, recipients: int = 1) -> None:
    """Send them all; an error reply ends it with CalledProcessError."""
    command = ["/usr/sbin/smtp-source", "-s", f"{sessions}", "-l", f"{size}", "-m", f"{messages}"]
    if recipients > 1:
        command += ["-r", f"{recipients}"]
    subprocess.run([*command, "-f", "sender@client.test", "-t", to, f"127.0.0.1:{port}"], check=True, timeout=600)


def many(user: str, number: int) -> list[str]:
    """The names that `smtp-source -r NUMBER` makes of one: bob, 2bob, 3bob ..."""
    return [user, *(f"{count}{user}" for count in range(2, number + 1))]


def in_folder(folder: Path, number: int, *, within: float = 120) -> None:
    """Return when a Maildir's folder holds that many messages."""
    until(lambda: folder.exists() and len(list(folder.iterdir())) >= number, within=within, every=0.01)

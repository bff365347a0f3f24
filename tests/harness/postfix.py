"""Postfix from Debian as an instance of its own: own configuration, queue and data, one high port, loopback only."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.harness.ports import free_port
from tests.harness.waiting import until
from tests.harness.wire import banner

_SERVICES = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""

_SETTINGS = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
inet_interfaces = loopback-only
inet_protocols = ipv4
myhostname = postfix.test
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =
smtpd_peername_lookup = no
smtpd_recipient_limit = 1000
message_size_limit = 209715200
mailbox_size_limit = 0
virtual_mailbox_limit = 0
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = texthash:{folder}/etc/mailboxes
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
"""


class Postfix:
    """A running Postfix: `users` of `domain` have Maildirs under `mail`, all else goes to `relayhost` or nowhere.

    `folder` must be reachable for the user `postfix`, which a folder of pytest's is not.
    """

    def __init__(
        self,
        folder: Path,
        users: Sequence[str] = (),
        *,
        domain: str = "local.test",
        relayhost: str = "",
        extra: str = "",
    ) -> None:
        self.folder = folder
        self.domain = domain
        self.port = free_port()
        self.config = folder / "etc"
        self.mail = folder / "mail"
        self.log = folder / "log"
        postfix = pwd.getpwnam("postfix")
        folder.mkdir(mode=0o755)
        for name in ("etc", "queue", "data", "mail"):
            (folder / name).mkdir(mode=0o755)
        for name in ("data", "mail"):
            os.chown(folder / name, postfix.pw_uid, postfix.pw_gid)
        (self.config / "master.cf").write_text(_SERVICES.format(port=self.port))
        settings = _SETTINGS.format(folder=folder, domain=domain, uid=postfix.pw_uid, gid=postfix.pw_gid)
        settings += f"relayhost = {relayhost}\n" if relayhost else "default_transport = error:no way out\n"
        (self.config / "main.cf").write_text(settings + extra)
        (self.config / "mailboxes").write_text("".join(f"{user}@{domain} {user}/\n" for user in users))

    def __enter__(self) -> Self:
        self.control("start")
        until(lambda: banner("127.0.0.1", self.port), why="Postfix's banner")
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.control("stop")

    def control(self, verb: str) -> None:
        """`postfix -c CONFIG verb`, which must succeed."""
        done = subprocess.run(
            ["/usr/sbin/postfix", "-c", self.config, verb], capture_output=True, text=True, check=False, timeout=60
        )
        if done.returncode:
            log = self.log.read_text() if self.log.exists() else ""
            raise RuntimeError(f"postfix {verb}: {done.stderr}{log[-2000:]}")

    @property
    def master(self) -> int:
        """The pid of the master process."""
        return int((self.folder / "queue/pid/master.pid").read_text())

    def mailbox(self, user: str) -> Path:
        """The folder with a user's new messages."""
        return self.mail / user / "new"

    def queued(self) -> int:
        """Messages in the queue, in whatever state."""
        return sum(
            len(files)
            for name in ("maildrop", "incoming", "active", "deferred", "hold")
            for _, _, files in os.walk(self.folder / "queue" / name)
        )

    def deferred(self) -> int:
        """Messages that wait for their next try."""
        return sum(len(files) for _, _, files in os.walk(self.folder / "queue/deferred"))

    def postqueue(self) -> bytes:
        """What `postqueue -j` prints: the queue, a line of JSON each."""
        return subprocess.run(
            ["/usr/sbin/postqueue", "-c", self.config, "-j"], capture_output=True, check=True, timeout=120
        ).stdout

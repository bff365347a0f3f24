"""250 means on disk: kill -9 in a loop under load, a full disk, a store that cannot be written."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from tests.harness.sink import Sink
from tests.harness.site import Site
from tests.harness.waiting import until
from tests.harness.wire import Closed, Wire, banner

KILLS = int(os.environ.get("MAILCONSOLE_KILLS", "12"))
QUIET = "[limits]\nmessages_per_ip_per_minute = 0\nconnections_per_ip = 500\n"


class Load(threading.Thread):
    """One client that sends numbered messages until told to stop, and notes which got 250."""

    def __init__(self, port: int, name: str, recipients: list[str], stop: threading.Event) -> None:
        super().__init__(name=name, daemon=True)
        self.port = port
        self.recipients = recipients
        self.stopping = stop
        self.taken: list[str] = []
        self.unknown: list[str] = []  # sent, and no answer came: may be there or not

    def run(self) -> None:
        number = 0
        while not self.stopping.is_set():
            try:
                with Wire("127.0.0.1", self.port, timeout=60) as wire:
                    wire.must(250, "EHLO load.test")
                    while not self.stopping.is_set():
                        number += 1
                        self.one(wire, f"{self.name}-{number}")
            except (OSError, Closed, AssertionError):
                time.sleep(0.02)

    def one(self, wire: Wire, token: str) -> None:
        wire.send(
            b"".join([b"MAIL FROM:<load@remote.test>\r\n", *(f"RCPT TO:<{r}>\r\n".encode() for r in self.recipients)])
        )
        for _ in range(1 + len(self.recipients)):
            wire.expect(250)
        wire.must(354, "DATA")
        self.unknown.append(token)
        filler = b"x" * 76 + b"\r\n"
        wire.send(f"Subject: {token}\r\n\r\n".encode() + filler * random.choice([1, 20, 1200]) + b".\r\n")
        wire.expect(250)
        self.unknown.remove(token)
        self.taken.append(token)


def tokens(messages: list[bytes]) -> Counter[str]:
    """How often each numbered message is there."""
    return Counter(
        found[1].decode() for message in messages if (found := re.search(rb"Subject: (\S+)", message)) is not None
    )


@pytest.mark.slow
def test_kill_9_in_a_loop(tmp_path: Path) -> None:
    with Sink() as sink, Site(tmp_path / "site") as site:
        site.configure(
            QUIET
            + f'[delivery]\nlease = 3\nretry_first = 1\n[[relay.route]]\ndomain = "remote.test"\nto = "{sink.address}"'
        )
        site.add_user("alice@example.org")
        site.start()
        stop = threading.Event()
        load = [Load(site.smtp, f"c{n}", ["alice@example.org", "p@remote.test"], stop) for n in range(4)]
        for client in load:
            client.start()
        chance = random.Random(1)
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.05, 0.6))
            role = chance.choice(["smtp", "smtp", "delivery", "delivery", "management", "service"])
            if role == "service":
                site.crash()
                site.launch()
            else:
                pids = until(partial(site.role_pids, role))
                with contextlib.suppress(ProcessLookupError):
                    os.kill(chance.choice(pids), signal.SIGKILL)
        until(site.ready, within=120)
        until(lambda: sum(len(client.taken) for client in load) > KILLS, why="mail is taken between the kills")
        time.sleep(1.0)
        stop.set()
        for client in load:
            client.join(120)
        taken = {token for client in load for token in client.taken}
        unknown = {token for client in load for token in client.unknown}
        site.queue_empty(within=180)
        at_home = tokens(site.mailboxes("alice@example.org"))
        away = tokens([message.data for message in sink.messages])
    assert not [token for token in taken if at_home[token] != 1], "lost or doubled at home"
    assert set(at_home) <= taken | unknown
    assert all(count == 1 for count in at_home.values())
    assert not [token for token in taken if not away[token]], "lost on the way out"
    doubled = sum(count - 1 for count in away.values())
    assert doubled <= KILLS * 20, f"{doubled} sent again, more than were in flight"


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    """A file system of 24 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "none", str(folder)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("a file system cannot be mounted here")
    return folder


@pytest.mark.slow
def test_a_full_disk(small_disk: Path) -> None:
    try:
        with Site(small_disk / "site") as site:
            site.configure(QUIET)
            site.log = small_disk.parent / "service.log"
            site.add_user("alice@example.org")
            site.start()
            taken = 0
            with site.wire() as wire:
                wire.must(250, "EHLO client.test")
                for number in range(200):
                    answer = wire.message(
                        "x@remote.test",
                        ["alice@example.org"],
                        f"Subject: f{number}\r\n\r\n".encode() + b"y" * 76 * 9_000,
                    )
                    if answer.code != 250:
                        break
                    taken += 1
            assert answer.code in (451, 452), answer
            filler = small_disk / "filler"
            with filler.open("wb", buffering=0) as file:  # or closing it would write again
                try:
                    while True:
                        file.write(b"\0" * 65_536)
                except OSError:
                    pass
            with site.wire() as wire:
                wire.must(250, "EHLO client.test")
                refused = wire.message("x@remote.test", ["alice@example.org"], b"Subject: g\r\n\r\n" + b"z" * 60_000)
                assert refused.code in (250, 451, 452), refused
                taken += refused.code == 250
                refused = wire.message(
                    "x@remote.test", ["alice@example.org"], b"Subject: g\r\n\r\n" + b"z" * 76 * 9_000
                )
                assert refused.code in (451, 452), refused
            filler.unlink()

            def accepted() -> bool:
                with site.wire() as wire:
                    wire.must(250, "EHLO client.test")
                    return (
                        wire.message("x@remote.test", ["alice@example.org"], b"Subject: h\r\n\r\nback\r\n").code == 250
                    )

            until(accepted, every=0.5, why="the disk has room again")
            [account] = site.cli_json("user", "list", "alice")["rows"]
            assert account["messages"] == taken + 1
    finally:
        subprocess.run(["umount", "-l", str(small_disk)], check=False)


def test_a_store_that_cannot_be_written(tmp_path: Path) -> None:
    def mount(*words: str) -> int:
        return subprocess.run(["mount", *words, str(site.data)], check=False, capture_output=True).returncode

    with Site(tmp_path / "site") as site:
        site.add_user("alice@example.org")
        if mount("--bind", str(site.data)) or mount("-o", "remount,bind,ro"):
            pytest.skip("a file system cannot be made read-only here")
        try:
            site.launch()
            until(lambda: banner(site.host, site.smtp))
            with site.wire() as wire:
                wire.must(250, "EHLO client.test")
                wire.must(250, "MAIL FROM:<x@remote.test>")
                answer = wire.ask("RCPT TO:<alice@example.org>")
                assert answer.code in (250, 451, 452), answer
                if answer.code == 250:
                    wire.must(354, "DATA")
                    wire.send(b"Subject: r\r\n\r\nhello\r\n.\r\n")
                    assert wire.reply().code in (451, 452)
            assert mount("-o", "remount,bind,rw") == 0
            until(site.ready)

            def accepted() -> bool:
                with site.wire() as wire:
                    wire.must(250, "EHLO client.test")
                    wire.must(250, "MAIL FROM:<x@remote.test>")
                    if wire.ask("RCPT TO:<alice@example.org>").code != 250:
                        return False
                    wire.must(354, "DATA")
                    wire.send(b"Subject: s\r\n\r\nback\r\n.\r\n")
                    return wire.reply().code == 250

            until(accepted, every=0.3)
            [account] = site.cli_json("user", "list", "alice")["rows"]
            assert account["messages"] == 1
        finally:
            site.stop()
            subprocess.run(["umount", "-l", str(site.data)], check=False, capture_output=True)

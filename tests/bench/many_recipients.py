"""One message to 150 local recipients, from MAIL until the last copy is in its mailbox.

The client pipelines its envelope (RFC 2920), as every mail host does; `smtp-source` cannot.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from tests.bench.load import DOMAIN, BenchSite, many
from tests.bench.table import Row
from tests.harness.postfix import Postfix
from tests.harness.waiting import until
from tests.harness.wire import Wire

_RECIPIENTS = 150
_MESSAGES = 20  # in each run, one after the other
_BODY = b"Subject: to all\r\n\r\n" + (b"x" * 78 + b"\r\n") * 51 + b".\r\n"


def measure(folder: Path, runs: int) -> list[Row]:
    """Messages a second, each with 150 recipients."""
    users = many("bob", _RECIPIENTS)
    ours, peer = [], []
    with (
        BenchSite(folder / "site", users) as site,
        Postfix(folder / "postfix", users, domain=DOMAIN) as postfix,
    ):
        site.start()
        for run in range(1, runs + 1):
            ours.append(_rate(site.smtp, [f"{user}@{site.domain}" for user in users], lambda: True))
            assert {site.messages(user) for user in users} == {run * _MESSAGES}  # 250 means: it is there

            peer.append(_rate(postfix.port, [f"{user}@{DOMAIN}" for user in users], lambda: not postfix.queued()))
            assert {len(list(postfix.mailbox(user).iterdir())) for user in users} == {run * _MESSAGES}
    return [Row("one message to 150 local recipients", "/s", ours, peer, times=10)]


def _rate(port: int, recipients: list[str], delivered: Callable[[], bool]) -> float:
    envelope = "MAIL FROM:<sender@client.test>\r\n" + "".join(f"RCPT TO:<{to}>\r\n" for to in recipients) + "DATA\r\n"
    with Wire("127.0.0.1", port) as wire:
        wire.must(250, "EHLO client.test")
        start = time.perf_counter()
        for _ in range(_MESSAGES):
            wire.send(envelope.encode())
            for code in (250, *(250 for _ in recipients), 354):
                wire.expect(code)
            wire.send(_BODY)
            wire.expect(250)
            until(delivered, within=60, every=0.002)
        return _MESSAGES / (time.perf_counter() - start)

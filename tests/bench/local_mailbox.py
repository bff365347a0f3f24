"""5,000 messages of 4 KiB over 20 sessions into one local mailbox, until the last one is there."""

from __future__ import annotations

import time
from pathlib import Path

from tests.bench.load import DOMAIN, BenchSite, in_folder, smtp_source
from tests.bench.table import Row
from tests.harness.postfix import Postfix
from tests.harness.waiting import until

_MESSAGES = 5_000


def measure(folder: Path, runs: int) -> list[Row]:
    """Messages a second; Postfix delivers to a virtual Maildir."""
    ours, peer = [], []
    with BenchSite(folder / "site", ["bob"]) as site, Postfix(folder / "postfix", ["bob"], domain=DOMAIN) as postfix:
        site.start()
        for run in range(1, runs + 1):
            start = time.monotonic()
            smtp_source(site.smtp, f"bob@{site.domain}", messages=_MESSAGES, sessions=20)
            until(lambda total=run * _MESSAGES: site.messages("bob") == total, within=60, every=0.01)  # type: ignore[misc]
            ours.append(_MESSAGES / (time.monotonic() - start))

            start = time.monotonic()
            smtp_source(postfix.port, f"bob@{DOMAIN}", messages=_MESSAGES, sessions=20)
            in_folder(postfix.mailbox("bob"), run * _MESSAGES)
            peer.append(_MESSAGES / (time.monotonic() - start))
    return [Row("5,000 messages to one local mailbox, 20 sessions", "/s", ours, peer, times=4)]

"""One message to 150 local recipients, from the connection until the last copy is in its mailbox."""

from __future__ import annotations

import time
from pathlib import Path

from tests.bench.load import DOMAIN, BenchSite, many, smtp_source
from tests.bench.table import Row
from tests.harness.postfix import Postfix
from tests.harness.waiting import until

_RECIPIENTS = 150
_MESSAGES = 40  # in each run, one after the other


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
            start = time.monotonic()
            smtp_source(
                site.smtp, f"bob@{site.domain}", messages=_MESSAGES, sessions=1, recipients=_RECIPIENTS
            )  # 250 means: in all 150 mailboxes
            ours.append(_MESSAGES / (time.monotonic() - start))
            assert {site.messages(users[0]), site.messages(users[-1])} == {run * _MESSAGES}

            start = time.monotonic()
            smtp_source(postfix.port, f"bob@{DOMAIN}", messages=_MESSAGES, sessions=1, recipients=_RECIPIENTS)
            until(lambda: postfix.queued() == 0, within=60, every=0.005)
            peer.append(_MESSAGES / (time.monotonic() - start))
            assert len(list(postfix.mailbox(users[-1]).iterdir())) == run * _MESSAGES
    return [Row("one message to 150 local recipients", "/s", ours, peer, times=10)]

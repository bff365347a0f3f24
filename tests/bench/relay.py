"""5,000 messages of 4 KiB over 20 sessions, relayed to `smtp-sink`, until the queue is empty."""

from __future__ import annotations

import time
from pathlib import Path

from tests.bench.load import BenchSite, smtp_source
from tests.bench.table import Row
from tests.harness.postfix import Postfix
from tests.harness.smtp_sink import SmtpSink
from tests.harness.waiting import until

_MESSAGES = 5_000
_TO = "bob@remote.test"


def measure(folder: Path, runs: int) -> list[Row]:
    """Messages a second; each side has a sink of its own as its smart host."""
    ours, peer = [], []
    with (
        SmtpSink() as our_sink,
        SmtpSink() as its_sink,
        BenchSite(folder / "site") as site,
        Postfix(folder / "postfix", relayhost=f"[127.0.0.1]:{its_sink.port}") as postfix,
    ):
        site.configure(f'[relay]\nsmarthost = "{our_sink.address}"')
        site.start()
        for _ in range(runs):
            start = time.monotonic()
            smtp_source(site.smtp, _TO, messages=_MESSAGES, sessions=20)
            until(lambda: site.queued() == 0, within=120, every=0.02)
            ours.append(_MESSAGES / (time.monotonic() - start))

            start = time.monotonic()
            smtp_source(postfix.port, _TO, messages=_MESSAGES, sessions=20)
            until(lambda: postfix.queued() == 0, within=120, every=0.02)
            peer.append(_MESSAGES / (time.monotonic() - start))
    return [Row("the same, relayed to smtp-sink", "/s", ours, peer, times=2)]

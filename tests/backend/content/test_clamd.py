"""clamd's answers, as a socket gives them: what is old, broken or over a limit is no clean bill."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from backend.config import AntivirusEngine
from backend.content.clamd import Clamd
from backend.content.engine import EngineResult
from backend.store.bodies import Body

LETTER = b"Subject: x\r\n\r\nhello\r\n"


def days_ago(days: float) -> str:
    return time.strftime("%a %b %d %H:%M:%S %Y", time.gmtime(time.time() - days * 86_400))


@asynccontextmanager
async def answering(path: Path, answer: bytes) -> AsyncIterator[Clamd]:
    """A socket that says this to everything, and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65_536)
        writer.write(answer)
        writer.close()

    server = await asyncio.start_unix_server(serve, path)
    async with server:
        yield Clamd(AntivirusEngine("clamd", address=str(path), seconds=2.0))


async def scanned(clamd: Clamd) -> EngineResult:
    return await clamd.scan(Body(size=len(LETTER), data=LETTER), {})


@pytest.mark.parametrize(
    ("answer", "outcome", "signature"),
    [
        (b"stream: OK\0", "clean", ""),
        (b"stream: Win.Test-1 FOUND\0", "infected", "Win.Test-1"),
        (b"stream: a: b FOUND\0", "infected", "a: b"),
        (b"INSTREAM size limit exceeded. ERROR\0", "failed", ""),
        (b"stream: OK, or not", "failed", ""),
        (b"", "failed", ""),
        (b"\xff\0\n", "failed", ""),
    ],
)
async def test_only_ok_is_clean(tmp_path: Path, answer: bytes, outcome: str, signature: str) -> None:
    async with answering(tmp_path / "s", answer) as clamd:
        result = await scanned(clamd)
    assert (result.outcome, result.signature) == (outcome, signature)


@pytest.mark.parametrize(("days", "alive"), [(6, True), (8, False)])
async def test_old_signatures_are_no_health(tmp_path: Path, days: float, alive: bool) -> None:
    answer = f"ClamAV 1.4.3/27700/{days_ago(days)}\0".encode()
    async with answering(tmp_path / "s", answer) as clamd:
        health = await clamd.health()
    assert health.alive is alive
    assert abs(time.time() - days * 86_400 - health.signatures_of) < 5


async def test_nobody_there_is_a_failure(tmp_path: Path) -> None:
    clamd = Clamd(AntivirusEngine("clamd", address=str(tmp_path / "nothing")))
    assert (await scanned(clamd)).outcome == "failed"
    assert not (await clamd.health()).alive

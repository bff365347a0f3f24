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
        (b"1: stream: OK\0", "clean", ""),
        (b"1: stream: Win.Test-1 FOUND\0", "infected", "Win.Test-1"),
        (b"1: stream: a: b FOUND\0", "infected", "a: b"),
        (b"1: INSTREAM size limit exceeded. ERROR\0", "failed", ""),
        (b"INSTREAM size limit exceeded. ERROR\0", "failed", ""),
        (b"1: stream: OK, or not\0", "failed", ""),
        (b"1: stream: OK", "failed", ""),
        (b"2: stream: OK\0", "failed", ""),
        (b"stream: OK\0", "failed", ""),
        (b"1: stream: OK\n2: stream: OK\0", "failed", ""),
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


async def test_a_session_is_used_again_until_it_ends(tmp_path: Path) -> None:
    """The second session ends while it is free; a message is never asked about over one that has answered wrongly."""
    sessions: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        me = len(sessions)
        sessions.append(0)
        assert await reader.readuntil(b"\0") == b"zIDSESSION\0"
        while not reader.at_eof():
            assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
            while size := int.from_bytes(await reader.readexactly(4)):
                await reader.readexactly(size)
            sessions[me] += 1
            wrong = me == 0 and sessions[me] == 3
            writer.write(f"{sessions[me] + wrong}: stream: OK\0".encode())
            if me == 1:
                break
        writer.close()

    async with await asyncio.start_unix_server(serve, tmp_path / "s"):
        clamd = Clamd(AntivirusEngine("clamd", address=str(tmp_path / "s"), seconds=2.0))
        outcomes = []
        for _ in range(7):
            outcomes.append((await scanned(clamd)).outcome)
            await asyncio.sleep(0.01)
        clamd.close()
    assert outcomes == ["clean", "clean", "failed", "clean", "clean", "clean", "clean"]
    assert sessions == [3, 1, 3]


async def test_a_slow_one_costs_its_time_and_its_session(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.4)
        writer.write(b"1: stream: OK\0")

    async with await asyncio.start_unix_server(serve, tmp_path / "s"):
        clamd = Clamd(AntivirusEngine("clamd", address=str(tmp_path / "s"), seconds=0.2))
        assert [(await scanned(clamd)).outcome for _ in range(3)] == ["failed"] * 3
        clamd.close()

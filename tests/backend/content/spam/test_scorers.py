"""Scorers of somebody else that are dead, slow or lie: over real sockets, and never a fault of the message."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.config import Settings, Spam, SpamScorer
from backend.content.scorer import Context, Envelope, Opinion, Reason, Said, Score, together
from backend.content.spam.scorers import Scorers, points
from backend.store.bodies import Body

LETTER = b"Subject: x\r\n\r\nhello\r\n"
ENVELOPE = Envelope(
    "12ab",
    Context("192.0.2.7", "mx.client.test", "client\r\nX: y", "a\u00e4@client.test", ("b@example.org", "c@example.org")),
    b"Received: from client by us\r\n",
)
KINDS = ("rspamd", "spamassassin")


def rspamd(said: object) -> bytes:
    content = said if isinstance(said, bytes) else json.dumps(said).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + content


def spamd(spam: str, names: bytes = b"", first: str = "SPAMD/1.1 0 EX_OK") -> bytes:
    return f"{first}\r\nContent-length: {len(names)}\r\nSpam: {spam}\r\n\r\n".encode() + names


GOOD = {
    "rspamd": rspamd(
        {"score": 3.0, "required_score": 15, "symbols": {"A": {"score": 1}, "B": {"score": -4.5}, "C": {}}}
    ),
    "spamassassin": spamd("False ; 2.5 / 5.0", b"ONE,TWO"),
}


@asynccontextmanager
async def serving(path: Path, answer: Callable[[bytes], bytes] | None) -> AsyncIterator[list[bytes]]:
    """A socket that reads until there is nothing more, and answers; or takes everything and says nothing."""
    got: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = b""
        while not data.endswith(LETTER):
            more = await reader.read(65_536)
            if not more:
                break
            data += more
        got.append(data)
        if answer is not None:
            writer.write(answer(data))
        else:
            await asyncio.sleep(60)
        writer.close()

    server = await asyncio.start_unix_server(serve, path)
    try:
        yield got
    finally:
        server.close()


async def ask(path: Path, kind: str, body: bytes = LETTER, **more: object) -> Opinion:
    one = SpamScorer("other", kind, str(path), **{"seconds": 5.0, **more})  # type: ignore[arg-type]
    (opinion,) = await Scorers(Settings(spam=Spam(scorer=(one,)))).ask(Body(len(body), data=body), ENVELOPE, 5.0)
    return opinion


async def test_rspamd_is_told_who_brings_it(tmp_path: Path) -> None:
    async with serving(tmp_path / "s", lambda _: GOOD["rspamd"]) as got:
        opinion = await ask(tmp_path / "s", "rspamd")
    assert opinion.outcome == "scored"
    assert opinion.said == Said(3.0, 6.0, (("B", -4.5), ("A", 1.0)))
    assert opinion.points == 2.5  # 3 of 6 is 2.5 of 5
    head, _, body = got[0].partition(b"\r\n\r\n")
    assert body == LETTER
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /checkv2 HTTP/1.0"
    assert {"IP: 192.0.2.7", "From: a?@client.test", "Queue-Id: 12ab", "Rcpt: b@example.org"} <= set(lines)
    assert "Helo: client??X: y" in lines  # no line of the client's own
    assert "Rcpt: c@example.org" in lines
    assert not any(line.startswith("User:") for line in lines)


async def test_spamassassin_reads_it_from_our_received_field(tmp_path: Path) -> None:
    async with serving(tmp_path / "s", lambda _: GOOD["spamassassin"]) as got:
        opinion = await ask(tmp_path / "s", "spamassassin", user="mail")
    assert opinion.said == Said(2.5, 5.0, (("ONE", None), ("TWO", None)))
    assert opinion.points == 2.5
    head, _, body = got[0].partition(b"\r\n\r\n")
    assert body == ENVELOPE.received + LETTER
    assert head.decode().split("\r\n") == ["SYMBOLS SPAMC/1.5", f"Content-length: {len(body)}", "User: mail"]


LIES = [
    *(
        ("rspamd", rspamd(said), words)
        for said, words in (
            (b"", "JSON"),
            (b"{", "JSON"),
            (b"[" * 100_000, "JSON"),
            ([], "no object"),
            ({}, "score is no number"),
            ({"score": "7"}, "score is no number"),
            ({"score": True}, "score is no number"),
            ({"score": math.nan}, "beyond all measure"),
            ({"score": math.inf}, "beyond all measure"),
            ({"score": 1e308}, "beyond all measure"),
            ({"score": 10**400}, "beyond all measure"),
            ({"score": 1}, "no symbols"),
            ({"score": 1, "symbols": {"A": 5}}, "points is no number"),
            ({"score": 1, "symbols": {"A": {"score": -1e200}}}, "beyond all measure"),
        )
    ),
    ("rspamd", b"HTTP/1.1 500 no\r\n\r\n", "HTTP/1.1 500 no"),
    ("rspamd", b"\x1b[31m\r\n\r\n", "'?[31m'"),
    ("rspamd", b"", "hung up"),
    ("rspamd", rspamd(b" " * 400_000), "does not end"),
    ("spamassassin", b"", "hung up"),
    ("spamassassin", spamd("False ; 1 / 5", first="SPAMD/1.0 76 Bad header"), "Bad header"),
    ("spamassassin", spamd("perhaps"), "does not say"),
    ("spamassassin", spamd("True ; nan / 5.0"), "does not say"),
    ("spamassassin", spamd("True ; 1e308 / 5.0"), "does not say"),
    ("spamassassin", spamd("True ; 123456789.0 / 5.0"), "beyond all measure"),
    ("spamassassin", spamd("True ; 5.0 / 0.0"), "not above 0"),
    ("spamassassin", spamd("True ; 5.0 / -1.0"), "not above 0"),
    ("spamassassin", spamd("True ; 5.0 / 5.0", b"A," * 300_000), "does not end"),
]


@pytest.mark.parametrize(("kind", "answer", "words"), LIES, ids=[f"{lie[0]} {lie[2]}" for lie in LIES])
async def test_a_lie_is_a_failure(tmp_path: Path, kind: str, answer: bytes, words: str) -> None:
    async with serving(tmp_path / "s", lambda _: answer):
        opinion = await ask(tmp_path / "s", kind)
    assert (opinion.outcome, opinion.points) == ("failed", 0.0)
    assert words in opinion.words
    assert opinion.words.isprintable()


@pytest.mark.parametrize("kind", KINDS)
async def test_an_endless_answer_ends_at_its_limit(tmp_path: Path, kind: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while True:
                writer.write(b"x" * 65_536)
                await writer.drain()

    server = await asyncio.start_unix_server(serve, tmp_path / "s")
    opinion = await ask(tmp_path / "s", kind)
    assert opinion.words == "its answer does not end"
    server.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_names_of_rules_are_made_safe(tmp_path: Path, kind: str) -> None:
    names = ["\x1b[2J", "[/nope]", "a" * 500, *(f"R{number}" for number in range(100))]
    answer = {
        "rspamd": rspamd({"score": 1, "symbols": {name: {"score": 1} for name in names}}),
        "spamassassin": spamd("False ; 1.0 / 5.0", ",".join(names).encode()),
    }[kind]
    async with serving(tmp_path / "s", lambda _: answer):
        opinion = await ask(tmp_path / "s", kind)
    assert opinion.said is not None
    found = [name for name, _ in opinion.said.symbols]
    assert len(found) == 20
    assert found[:3] == ["??2J", "?/nope?", "a" * 40]


@pytest.mark.parametrize("kind", KINDS)
async def test_nobody_there_and_nobody_who_answers(tmp_path: Path, kind: str) -> None:
    assert "cannot be reached" in (await ask(tmp_path / "none", kind)).words
    async with serving(tmp_path / "s", None):
        began = time.monotonic()
        opinion = await ask(tmp_path / "s", kind, seconds=0.3)
        assert time.monotonic() - began < 5
    assert opinion.words == "no answer within 0.3 seconds"


async def test_one_that_does_not_read_costs_its_seconds_and_no_more(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    server = await asyncio.start_unix_server(serve, tmp_path / "s", limit=1)
    large = tmp_path / "large"
    large.write_bytes(LETTER + b"x" * 20_000_000)
    one = SpamScorer("other", "rspamd", str(tmp_path / "s"), seconds=0.5, largest_bytes=100_000_000)
    scorers = Scorers(Settings(spam=Spam(scorer=(one,))))
    (opinion,) = await scorers.ask(Body(large.stat().st_size, path=large), ENVELOPE, 5.0)
    assert opinion.words == "no answer within 0.5 seconds"
    server.close()


async def test_a_spooled_message_is_streamed_whole(tmp_path: Path) -> None:
    data = b"Subject: x\r\n\r\n" + b"a line\r\n" * 100_000 + LETTER
    (tmp_path / "spool").write_bytes(b"gone" + data)
    body = Body(len(data) + 5, head=b"X: y\n", path=tmp_path / "spool", skip=4)
    async with serving(tmp_path / "s", lambda _: GOOD["rspamd"]) as got:
        one = SpamScorer("other", "rspamd", str(tmp_path / "s"))
        (opinion,) = await Scorers(Settings(spam=Spam(scorer=(one,)))).ask(body, ENVELOPE, 5.0)
    assert opinion.outcome == "scored"
    assert got[0].partition(b"\r\n\r\n")[2] == b"X: y\n" + data


async def test_what_is_too_large_is_not_sent(tmp_path: Path) -> None:
    async with serving(tmp_path / "s", lambda _: GOOD["rspamd"]) as got:
        assert (await ask(tmp_path / "s", "rspamd", largest_bytes=len(LETTER) - 1)).outcome == "skipped"
        assert not got
        assert (await ask(tmp_path / "s", "rspamd", largest_bytes=len(LETTER))).outcome == "scored"


async def test_after_failures_it_is_left_alone_and_the_other_is_not(tmp_path: Path) -> None:
    dead = SpamScorer("dead", "rspamd", str(tmp_path / "none"))
    well = SpamScorer("well", "rspamd", str(tmp_path / "s"))
    scorers = Scorers(Settings(spam=Spam(scorer=(dead, well))))
    async with serving(tmp_path / "s", lambda _: GOOD["rspamd"]):
        outcomes = [
            [one.outcome for one in await scorers.ask(Body(len(LETTER), data=LETTER), ENVELOPE, 5.0)] for _ in range(5)
        ]
    assert outcomes == [["failed", "scored"]] * 3 + [["skipped", "scored"]] * 2


async def test_no_more_at_once_than_the_settings_say(tmp_path: Path) -> None:
    now = most = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.05)
        now -= 1
        writer.write(GOOD["rspamd"])
        writer.close()

    server = await asyncio.start_unix_server(serve, tmp_path / "s")
    one = SpamScorer("other", "rspamd", str(tmp_path / "s"), connections=2)
    scorers = Scorers(Settings(spam=Spam(scorer=(one,))))
    await asyncio.gather(*(scorers.ask(Body(len(LETTER), data=LETTER), ENVELOPE, 5.0) for _ in range(8)))
    assert most == 2
    server.close()


@given(
    st.floats(-10_000, 10_000),
    st.floats(min_value=1e-300, max_value=10_000),
    st.floats(0, 1e6, allow_subnormal=False),
    st.floats(0, 1e6),
)
def test_its_points_are_never_more_than_it_may_give(score: float, required: float, weight: float, most: float) -> None:
    given_points = points(Said(score, required), SpamScorer("a", "rspamd", "/a", weight=weight, most=most), 5.0)
    assert math.isfinite(given_points)
    assert abs(given_points) <= most + 0.01


def test_its_threshold_is_ours() -> None:
    one = SpamScorer("a", "rspamd", "/a")
    assert points(Said(6.0, 6.0), one, 5.0) == 5.0
    assert points(Said(-6.0, 6.0), one, 5.0) == -5.0
    assert points(Said(500.0, 6.0), one, 5.0) == 10.0
    assert points(Said(6.0, 6.0), SpamScorer("a", "rspamd", "/a", weight=0.5), 5.0) == 2.5


def test_opinions_and_our_own_score_are_one() -> None:
    own = Score(1.0, (Reason("WORDS", 1.5, "w"), Reason("SPF_PASS", -0.5, "s")))
    opinions = (Opinion("my-rspamd", "scored", 4.0, "it says so"), Opinion("dead", "failed"), Opinion("far", "clear"))
    whole = together(own, opinions)
    assert whole is not None
    assert whole.points == 5.0
    assert [reason.name for reason in whole.reasons] == ["MY_RSPAMD", "WORDS", "SPF_PASS"]
    alone = together(None, opinions)
    assert alone is not None
    assert alone.points == 4.0
    assert together(None, opinions[1:]) is None

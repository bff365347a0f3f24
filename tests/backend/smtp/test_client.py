"""The client's side of the wire: replies of hostile hosts, dots, TLS, logging in."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend import tls
from backend.smtp import stuffing
from backend.smtp.answers import Answer, Answers, BadAnswer
from backend.smtp.client import Client, Lost, Refused, Times, TlsFailed, connect
from tests.harness.certificate import server_context
from tests.harness.sink import CLOSE, HANG, Sink

QUICK = Times(connect=1.0, command=1.0, data=1.0)
PATIENT = Times(connect=60.0, command=60.0, data=60.0)


def read(*pieces: bytes) -> list[Answer]:
    """All replies in these pieces."""
    answers, found = Answers(), []
    for piece in pieces:
        answers.feed(piece)
        while (answer := answers.next()) is not None:
            found.append(answer)
    return found


# -- replies


def test_replies_are_cut_from_the_stream() -> None:
    assert read(b"250-mx.test\r\n250-SIZE 10\r\n250 DSN\r\n221 2.0.0 bye\r\n") == [
        Answer(250, "", ("mx.test", "SIZE 10", "DSN")),
        Answer(221, "2.0.0", ("bye",)),
    ]
    assert read(b"250\r\n") == [Answer(250, "", ("",))]
    assert read(b"550-5.1.1 no\r\n550 5.1.1 body\n") == [Answer(550, "5.1.1", ("no", "body"))]
    assert read(b"250 5.1.1 not a status of a 2xx\r\n")[0].status == ""


@pytest.mark.parametrize(
    "hostile",
    [
        b"\r\n",
        b"hello\r\n",
        b"25\r\n",
        b"2500 x\r\n",
        b"150 x\r\n",
        b"650 x\r\n",
        b"250x\r\n",
        b"250-a\r\n251 b\r\n",
        b"-250 a\r\n",
        b"\xff\xfe\r\n",
        b"250-" + b"x" * 3_000,
        b"250-x\r\n" * 300,
        b"GET / HTTP/1.1\r\n",
    ],
)
def test_what_is_no_reply_is_an_error(hostile: bytes) -> None:
    with pytest.raises(BadAnswer):
        read(hostile)


@given(st.binary(max_size=600), st.data())
def test_any_bytes_are_replies_or_an_error_wherever_they_are_cut(data: bytes, draw: st.DataObject) -> None:
    cut = draw.draw(st.integers(0, len(data)))
    outcomes: list[list[Answer] | str] = []
    for pieces in ([data], [data[:cut], data[cut:]], [bytes([byte]) for byte in data]):
        try:
            outcomes.append(read(*pieces))
        except BadAnswer as error:
            outcomes.append(str(error))
    assert outcomes[0] == outcomes[1] == outcomes[2]


@given(st.lists(st.tuples(st.integers(200, 599), st.lists(st.text(max_size=30), min_size=1, max_size=4)), max_size=5))
def test_what_a_host_says_is_what_is_read(said: list[tuple[int, list[str]]]) -> None:
    wire, expected = b"", []
    for code, words in said:
        lines = ["".join(letter for letter in line if letter.isprintable()) for line in words]
        for line in lines[:-1]:
            wire += f"{code}-{line}\r\n".encode()
        wire += f"{code} {lines[-1]}\r\n".encode()
        expected.append(code)
    found = read(wire)
    assert [answer.code for answer in found] == expected
    assert all(answer.text.isprintable() for answer in found)


# -- dots


@given(st.lists(st.sampled_from([b".", b"\r\n", b"a", b"..", b"\r\n.\r\n", b"x" * 50]), max_size=12), st.data())
def test_dots_are_doubled_wherever_a_message_is_cut(parts: list[bytes], draw: st.DataObject) -> None:
    message = b"".join(parts)
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(message)), max_size=6)))
    sent, before = b"", stuffing.START
    for start, stop in zip([0, *cuts], [*cuts, len(message)], strict=True):
        piece, before = stuffing.stuff(message[start:stop], before)
        sent += piece
    sent += stuffing.end(before)
    assert sent.endswith(b".\r\n")
    assert (b"\r\n" + sent).index(b"\r\n.\r\n") == len(sent) - 3  # the end is the only end
    received = (b"\r\n" + sent[:-3]).replace(b"\r\n.", b"\r\n")[2:]
    assert received == (message if message.endswith(b"\r\n") or not message else message + b"\r\n")


# -- a connection


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A mail host."""
    with Sink() as running:
        yield running


@contextlib.asynccontextmanager
async def talking_to(sink: Sink, times: Times = PATIENT) -> AsyncIterator[Client]:
    """A connection that is over in the end."""
    client = await connect(sink.host, sink.port, "sink.test", times)
    try:
        yield client
    finally:
        client.abort()


@pytest.mark.parametrize("banner", ["554 5.7.1 go away", "421 4.3.2 full", "354 what"])
async def test_a_greeting_that_is_no_welcome(sink: Sink, banner: str) -> None:
    sink.script = {"BANNER": banner}
    with pytest.raises(Refused, match=banner):
        await connect(sink.host, sink.port, "sink.test", QUICK)


@pytest.mark.parametrize("banner", [HANG, CLOSE, "hello"])
async def test_no_greeting_at_all(sink: Sink, banner: str) -> None:
    sink.script = {"BANNER": banner}
    with pytest.raises(Lost):
        await connect(sink.host, sink.port, "sink.test", QUICK)


async def test_ehlo_reads_the_extensions(sink: Sink) -> None:
    sink.extensions = ("size 10", "Auth PLAIN LOGIN", "DSN")
    async with talking_to(sink) as client:
        assert await client.hello("us.test") == "sink.test"
        assert client.extensions == {"SIZE": "10", "AUTH": "PLAIN LOGIN", "DSN": ""}


async def test_endless_talk_is_cut_off() -> None:
    """A host that never stops talking is left, though nobody reads what it says: it costs no memory."""
    left = asyncio.Event()

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while not writer.is_closing():
                writer.write(b"220 and another thing\r\n" * 1_000)
                await writer.drain()
        left.set()

    async with await asyncio.start_server(flood, "127.0.0.1", 0) as server, asyncio.timeout(60):
        client = await connect("127.0.0.1", server.sockets[0].getsockname()[1], "flood.test", QUICK)
        await left.wait()
        assert not client.usable


async def test_a_slow_reply_does_not_reset_the_clock() -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while not writer.is_closing():
                writer.write(b"220-still here\r\n")
                await writer.drain()
                await asyncio.sleep(0.1)

    async with await asyncio.start_server(drip, "127.0.0.1", 0) as server, asyncio.timeout(60):
        with pytest.raises(Lost, match="in time"):
            await connect("127.0.0.1", server.sockets[0].getsockname()[1], "drip.test", QUICK)
        await asyncio.sleep(0.2)


# -- TLS


async def test_starttls(sink: Sink, tmp_path: Path) -> None:
    sink.tls = server_context(tmp_path, "sink.test")
    async with talking_to(sink) as client:
        await client.hello("us.test")
        await client.start_tls(tls.client_context(verify=False), "sink.test")
        await client.hello("us.test")
        assert client.tls.startswith("TLSv1.")
        assert "STARTTLS" not in client.extensions


async def test_a_certificate_that_nobody_signed(sink: Sink, tmp_path: Path) -> None:
    sink.tls = server_context(tmp_path, "sink.test")
    async with talking_to(sink) as client:
        await client.hello("us.test")
        with pytest.raises(TlsFailed, match="verify failed"):
            await client.start_tls(tls.client_context(verify=True), "sink.test")
    context = ssl.create_default_context(cafile=str(tmp_path / "sink.test.pem"))
    for name, fits in (("sink.test", True), ("other.test", False)):
        async with talking_to(sink) as client:
            await client.hello("us.test")
            with contextlib.nullcontext() if fits else pytest.raises(TlsFailed):
                await client.start_tls(context, name)


@pytest.mark.parametrize("answer", ["454 4.7.0 not now", CLOSE, HANG, "220 2.0.0 go\n220 go", "220 2.0.0 go"])
async def test_starttls_that_does_not_work(sink: Sink, answer: str) -> None:
    sink.script = {"STARTTLS": answer}
    async with talking_to(sink, Times(connect=3.0, command=3.0, data=3.0)) as client:
        await client.hello("us.test")
        with pytest.raises(TlsFailed):
            await client.start_tls(tls.client_context(verify=False), "sink.test")


async def test_plain_text_behind_starttls_is_somebody_elses(sink: Sink, tmp_path: Path) -> None:
    sink.tls = server_context(tmp_path, "sink.test")
    sink.script = {"STARTTLS": "220 go ahead\n250 injected"}
    async with talking_to(sink) as client:
        await client.hello("us.test")
        with pytest.raises(TlsFailed, match="plain text"):
            await client.start_tls(tls.client_context(verify=False), "sink.test")


# -- AUTH


@pytest.mark.parametrize("mechanisms", ["PLAIN LOGIN", "LOGIN", ""])
async def test_login(sink: Sink, mechanisms: str) -> None:
    sink.extensions = (f"AUTH {mechanisms}",)
    ask_name, ask_password, good = "334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 2.7.0 in"
    sink.script = {"AUTH": lambda line: ask_name if "LOGIN" in line else good, "DXM=": ask_password, "C2VJ": good}
    async with talking_to(sink) as client:
        await client.hello("us.test")
        await client.login("us", "secret")
    plain = "AUTH PLAIN " + base64.b64encode(b"\0us\0secret").decode()
    assert sink.commands[1:] == (["AUTH LOGIN", "dXM=", "c2VjcmV0"] if mechanisms == "LOGIN" else [plain])


async def test_a_wrong_password(sink: Sink) -> None:
    sink.script = {"AUTH": "535 5.7.8 wrong"}
    async with talking_to(sink) as client:
        await client.hello("us.test")
        with pytest.raises(Refused, match="535"):
            await client.login("us", "secret")

"""The real server under hostile input: it never fails, and takes exactly the messages that were sent.

What was sent is told by a reader of the script that is as simple as can be: the whole script is here at once, and
the replies say which command was which. It knows one end of data, and nothing of buffers.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import os
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend import ids, service, site, tls
from backend.address import Address
from backend.limits import Limits
from backend.settings_file import load
from backend.smtp import dialogue
from backend.smtp.server import Server
from backend.store import bodies
from backend.store.accounts import add_account
from backend.store.database import Reader, Store
from tests.harness.ports import free_base
from tests.harness.wire import no_checks

EXAMPLES = int(os.environ.get("MAILCONSOLE_FUZZ", "200"))  # of each kind
COMMANDS = [
    *(
        b"EHLO c.test",
        b"HELO c.test",
        b"MAIL FROM:<a@b.test>",
        b"MAIL FROM:<>",
        b"MAIL FROM:<a@b.test> SIZE=99 BODY=8BITMIME",
    ),
    *(b"RCPT TO:<u@example.org>", b"RCPT TO:<postmaster>", b"RCPT TO:<nobody@example.org>", b"RCPT TO:<x@y.test>"),
    *(
        b"DATA",
        b"BDAT 5",
        b"BDAT 0 LAST",
        b"BDAT 12 LAST",
        b"BDAT",
        b"RSET",
        b"NOOP",
        b"VRFY u",
        b"HELP",
        b"AUTH PLAIN",
    ),
    *(b"AUTH LOGIN", b"*", b"STARTTLS now", b"QUIT", b"", b"\xff\xfe", b"X" * 5_000),
]
LINES = [b"Subject: x", b"", b"hello", b"..", b".", b"\0", b"Received: a", b"\xc3\xa9", b"y" * 3_000]
ENDS = [b"\r\n"] * 12 + [b"\n", b"\r", b"\r\r\n", b"\n\r", b""]
LINE = st.builds(bytes.__add__, st.sampled_from(COMMANDS + LINES), st.sampled_from(ENDS))
ENVELOPE = b"EHLO c.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<u@example.org>\r\n"
WHOLE = ENVELOPE + (
    b"DATA\r\nSubject: one\r\n\r\n..hello\r\n.\r\n"
    b"MAIL FROM:<> BODY=8BITMIME\r\nRCPT TO:<u+t@example.org>\r\nBDAT 14\r\nSubject: two\r\n"
    b"BDAT 9 LAST\r\n\r\nhello\r\nRSET\r\nNOOP\r\n"
)
# Ends whatever has begun: a chunk, a message, the session.
LAST = b"\r\n" + b"RSET\r\n" * 4 + b".\r\nQUIT\r\n"


class Run:
    """A server in a thread of its own, its store, and what it logged."""

    def __init__(self, folder: Path) -> None:
        made = load(site.init(folder, "mail.example.org", "example.org", free_base()).settings)
        limits = Limits(command_timeout=3, data_timeout=3, messages_per_ip_per_minute=0, connections_per_ip=900)
        self.settings = replace(made, limits=limits)
        self.failures: list[str] = []
        self.started = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.serve()), name="server")

    async def serve(self) -> None:
        self.loop, self.stopping = asyncio.get_running_loop(), asyncio.Event()
        self.loop.set_exception_handler(lambda _, context: self.failures.append(repr(context)))
        self.store = Store.open(self.settings.site.data, self.settings.limits)
        await self.store.commit(lambda transaction: add_account(transaction, Address("u", "example.org"), None))
        server = Server(self.settings, self.store, tls.server_context(self.settings.tls), lambda: None)
        await server.listen(service.bind(self.settings, [service.kind("smtp")]))
        self.started.set()
        await self.stopping.wait()
        await server.close()
        await self.loop.run_in_executor(None, self.store.close)

    def talk(self, script: bytes, *, each_byte: bool, over_tls: bool = False) -> list[tuple[int, str]]:
        """Say the script, then LAST; the replies, with code and last line, until the server hangs up."""
        listen = self.settings.listen
        with socket.create_connection(("127.0.0.1", listen.submissions if over_tls else listen.smtp), 20) as plain:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client = no_checks().wrap_socket(plain) if over_tls else plain
            said = b""
            with contextlib.suppress(ConnectionError):  # the server has hung up, with bytes of ours unread
                for piece in [bytes([byte]) for byte in script] if each_byte else [script]:
                    client.sendall(piece)
                client.sendall(LAST)
            with contextlib.suppress(ConnectionError):
                while block := client.recv(65_536):
                    said += block
        assert said.endswith(b"\r\n"), said[-100:]
        lines = [line.decode() for line in said.split(b"\r\n")[:-1]]
        assert all(re.match(r"[2-5]\d\d[ -]", line) for line in lines), lines
        return [(int(line[:3]), line[4:]) for line in lines if line[3] == " "]

    def messages(self) -> dict[str, bytes]:
        """Every message there is, by queue id, without what the server put above it."""

        def look(reader: Reader) -> dict[str, bytes]:
            found = {}
            for (number,) in reader.rows("SELECT id FROM messages"):
                body = bodies.load(reader, self.store.folder, number)
                assert body is not None
                found[ids.text(number)] = re.sub(rb"\AReceived: .*\r\n(?:\t.*\r\n)*", b"", body.whole())
            return found

        return self.store.read(look)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    patch = pytest.MonkeyPatch()
    patch.setattr(dialogue, "_LINGER", 0.05)  # we hang up last, always, and do not want to wait for it
    policy = asyncio.get_event_loop_policy()
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    made = Run(tmp_path_factory.mktemp("fuzz") / "site")
    made.thread.start()
    assert made.started.wait(20)
    asyncio.set_event_loop_policy(policy)
    yield made
    made.loop.call_soon_threadsafe(made.stopping.set)
    made.thread.join(30)
    patch.undo()
    assert made.failures == []


def sent(script: bytes, replies: list[tuple[int, str]]) -> dict[str, bytes]:
    """The messages that were taken, by the id in the reply: their bytes as the script has them."""
    answers = iter(replies[1:])  # behind the greeting
    found: dict[str, bytes] = {}
    rest, chunks = script + LAST, b""
    while rest:
        line, _, rest = rest.partition(b"\n")
        code, words = next(answers, (0, ""))
        verb, ends = line[:4].upper(), False
        if code == 354:
            data, _, rest = (b"\r\n" + rest).partition(b"\r\n.\r\n")
            data = (data + b"\r\n").replace(b"\r\n.", b"\r\n")[2:]
            code, words = next(answers, (0, ""))
            chunks, ends = data, True
        elif verb == b"BDAT" and (size := re.fullmatch(rb"BDAT (\d+)( LAST)?\r", line, re.IGNORECASE)):
            chunks += rest[: int(size[1])]
            rest, ends = rest[int(size[1]) :], True
        if taken := re.search(r"Queued as (\w+)", words):
            found[taken[1]] = chunks
            chunks = b""
        elif (ends and code >= 400) or (verb in (b"RSET", b"MAIL") and code < 400):
            chunks = b""  # what is refused between two chunks, as another MAIL is, takes nothing away
        if code in (0, 221, 421):
            break
    return found


def check(run: Run, caplog: pytest.LogCaptureFixture, script: bytes) -> None:
    outcomes = []
    for each_byte in (False, True):
        before = run.messages()
        caplog.clear()
        replies = run.talk(script, each_byte=each_byte)
        new = {key: body for key, body in run.messages().items() if key not in before}
        assert new == sent(script, replies), replies
        assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
        outcomes.append(([code for code, _ in replies], sorted(new.values())))
    assert outcomes[0] == outcomes[1]


SETTINGS = settings(deadline=None, suppress_health_check=list(HealthCheck))


def test_the_script_that_others_are_made_of(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    replies = run.talk(WHOLE, each_byte=False)
    assert sorted(sent(WHOLE, replies).values()) == [
        b"Subject: one\r\n\r\n.hello\r\n",
        b"Subject: two\r\n\r\nhello\r\n",
    ]
    check(run, caplog, WHOLE)


@settings(SETTINGS, max_examples=EXAMPLES)
@given(begin=st.sampled_from([b"", ENVELOPE]), script=st.lists(LINE, max_size=25).map(b"".join))
def test_lines_in_any_order(run: Run, caplog: pytest.LogCaptureFixture, begin: bytes, script: bytes) -> None:
    check(run, caplog, begin + script)


@settings(SETTINGS, max_examples=EXAMPLES)
@given(
    message=st.lists(st.sampled_from([b"\r\n", b"\n", b"\r", b".", b"\r\n.\r\n", b"a", b"NOOP", b"\0"])).map(b"".join)
)
def test_any_message(run: Run, caplog: pytest.LogCaptureFixture, message: bytes) -> None:
    check(run, caplog, ENVELOPE + b"DATA\r\n" + message)


@settings(SETTINGS, max_examples=EXAMPLES)
@given(
    changes=st.lists(
        st.tuples(st.integers(0, len(WHOLE)), st.integers(0, 6), st.binary(max_size=4) | st.sampled_from(ENDS)),
        min_size=1,
        max_size=5,
    )
)
def test_a_script_with_changes(
    run: Run, caplog: pytest.LogCaptureFixture, changes: list[tuple[int, int, bytes]]
) -> None:
    script = WHOLE
    for place, gone, new in changes:
        script = script[:place] + new + script[place + gone :]
    check(run, caplog, script)


@settings(SETTINGS, max_examples=EXAMPLES)
@given(noise=st.binary(max_size=300))
def test_noise(run: Run, caplog: pytest.LogCaptureFixture, noise: bytes) -> None:
    check(run, caplog, noise)


@settings(SETTINGS, max_examples=EXAMPLES // 5)
@given(
    words=st.lists(
        st.sampled_from(
            [b"AUTH PLAIN", b"AUTH LOGIN", b"AUTH", b"AUTH X", b"*", b"=", b"dQ==", b"AHUAeA==", b"NOOP", b"\xff"]
        )
        | st.binary(max_size=8).map(base64.b64encode),
        max_size=6,
    ),
    ends=st.lists(st.sampled_from([b" ", b"\r\n", b"\n"]), min_size=6, max_size=6),
)
def test_log_ins(run: Run, caplog: pytest.LogCaptureFixture, words: list[bytes], ends: list[bytes]) -> None:
    script = b"EHLO c.test\r\n" + b"".join(map(b"".join, zip(words, ends, strict=False)))
    caplog.clear()
    replies = run.talk(script, each_byte=False, over_tls=True)
    assert 235 not in [code for code, _ in replies]
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []

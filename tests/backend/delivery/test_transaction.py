"""What is said to another host, and what its answers mean for each recipient."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest

from backend.store.messages import Remote
from tests.backend.delivery.post import IMPATIENT, QUICK, TEXT, Post, until
from tests.harness.sink import CLOSE, HANG, Answer, Sink

STAGES = ("BANNER", "EHLO", "MAIL", "RCPT", "DATA", "BODY")
LONG = "250-x\n" * 5_000 + "250 x"
WRONG = (HANG, CLOSE, "421 4.3.2 bye", "451 4.3.0 later", "garbage", "199 what", "250-a\n251 b", LONG, "354 go")


async def test_a_message_arrives_as_it_is(post: Post, sink: Sink) -> None:
    text = TEXT + b".\r\n..\r\n.leading\r\n\r\n.\r\nend without dot\r\n"
    await post.send("bob@remote.test", text=text)
    await post.gone()
    [message] = sink.messages
    assert message.data == text
    assert message.sender == "alice@example.org"
    assert message.mail.endswith(f"SIZE={len(text)} BODY=8BITMIME")
    assert post.rows("messages") == 0


async def test_a_host_without_8bitmime_gets_seven_bits(post: Post, sink: Sink) -> None:
    head = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
    text = head + "\r\nGrüße\r\n".encode()
    await post.send("bob@remote.test", text=text)
    await post.gone()
    assert sink.messages[-1].data == text
    await until(lambda: sink.count("QUIT"), "the idle connection ends")
    sink.extensions = ("PIPELINING", "SIZE")
    await post.send("bob@remote.test", text=text)
    await post.gone()
    assert sink.messages[-1].data.endswith(b"\r\nGr=C3=BC=C3=9Fe\r\n")
    assert f"SIZE={len(sink.messages[-1].data)}" in sink.messages[-1].mail
    await post.accept(post.large(1_000_000, b"\xe9" * 70 + b"\r\n"), "bob@remote.test")
    await post.gone()
    assert sink.messages[-1].data.isascii()
    await post.send("bob@remote.test", text=text.replace(b"8bit", b"base64"))
    await post.gone()
    [report] = await post.reports()
    assert b"Status: 5.6.3" in report
    assert len(sink.messages) == 3


async def test_recipients_share_one_body_and_have_each_their_result(post: Post, sink: Sink) -> None:
    def judge(line: str) -> str:
        return {"gone": "550 5.1.1 no", "full": "452 4.2.2 full"}.get(line.partition("<")[2][:4], "250 ok")

    sink.script = {"RCPT": judge}
    message = await post.send("here@remote.test", "gone@remote.test", "full@remote.test", "also@other.test")
    [left] = await post.tried(message)
    assert left.recipient == "full@remote.test"
    assert left.error == "452 4.2.2 full"
    assert [sorted(one.recipients) for one in sink.messages] == [["also@other.test", "here@remote.test"]]
    [report] = await post.reports()
    assert b"Final-Recipient: rfc822; gone@remote.test" in report
    assert b"full@remote.test" not in report


async def test_a_host_that_wants_fewer_recipients_gets_more_transactions(post: Post, sink: Sink) -> None:
    counts: dict[str, int] = {"now": 0}

    def count(line: str) -> str:
        counts["now"] += 1
        return "250 ok" if counts["now"] <= 10 else "452 4.5.3 too many"

    def begin(line: str) -> str:
        counts["now"] = 0
        return "250 ok"

    sink.script = {"RCPT": count, "MAIL": begin}
    await post.send(*(f"p{number}@remote.test" for number in range(35)))
    await post.gone()
    assert [len(message.rcpts) for message in sink.messages] == [10, 10, 10, 5]


async def test_limits_rcptmax_and_a_hundred(post: Post, sink: Sink) -> None:
    await post.send(*(f"p{number}@remote.test" for number in range(150)))
    await post.gone()
    assert sorted(len(message.rcpts) for message in sink.messages) == [50, 100]  # on two connections, maybe
    sink.extensions = ("PIPELINING", "LIMITS RCPTMAX=60 MAILMAX=1")
    sink.messages.clear()
    await until(lambda: sink.count("QUIT"), "the idle connection ends")
    await post.send(*(f"p{number}@remote.test" for number in range(150)))
    await post.gone()
    assert sorted(len(message.rcpts) for message in sink.messages) == [30, 60, 60]


@pytest.mark.parametrize("extensions", [(), ("SIZE", "8BITMIME")])
async def test_without_pipelining(post: Post, sink: Sink, extensions: tuple[str, ...]) -> None:
    sink.extensions = extensions
    sink.script = {"RCPT": lambda line: "550 5.1.1 no" if "gone" in line else "250 ok"}
    await post.send("gone@remote.test", "here@remote.test")
    await post.send("gone@remote.test", sender="")
    await post.gone()
    assert [message.recipients for message in sink.messages] == [["here@remote.test"]]
    assert sink.count("DATA") == 1
    assert sink.count("RSET") == 1


async def test_helo_for_a_host_that_knows_no_better(post: Post, sink: Sink) -> None:
    sink.script = {"EHLO": "502 what?"}
    await post.send("bob@remote.test")
    await post.gone()
    assert sink.messages[0].mail == "MAIL FROM:<alice@example.org>"


async def test_dsn_parameters_are_passed_on(post: Post, sink: Sink) -> None:
    sink.extensions = ("PIPELINING", "DSN")
    to = Remote("bob@remote.test", "remote.test", "SUCCESS,FAILURE", "rfc822;bob+2Bx@remote.test")
    await post.send(to, envid="a+3Db", ret="HDRS")
    await post.gone()
    [message] = sink.messages
    assert message.mail == "MAIL FROM:<alice@example.org> RET=HDRS ENVID=a+3Db"
    assert message.rcpts == ("RCPT TO:<bob@remote.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;bob+2Bx@remote.test",)
    assert post.rows("notices") == 0  # who knows DSN tells of it himself


async def test_smtputf8_where_it_is_needed(post: Post, sink: Sink) -> None:
    await post.send("bob@remote.test", smtputf8=True, text="Subject: ä\r\n\r\nx\r\n".encode())
    await post.send("jürgen@remote.test", smtputf8=True)
    await post.gone()
    assert all(message.mail.endswith("SMTPUTF8") for message in sink.messages)
    await until(lambda: sink.count("QUIT"), "the idle connection ends")
    sink.extensions = ("PIPELINING",)
    sink.messages.clear()
    await post.send("bob@remote.test", smtputf8=True)  # asked for, and not needed: all is ASCII
    await post.send("jürgen@remote.test", smtputf8=True, sender="alice@example.org")
    await post.gone()
    assert [message.recipients for message in sink.messages] == [["bob@remote.test"]]
    [report] = await post.reports()
    assert b"Status: 5.6.7" in report
    assert "Final-Recipient: utf-8; jürgen@remote.test".encode() in report
    assert b"message/global-delivery-status" in report


@pytest.mark.parametrize("extensions", [("PIPELINING",), ()])
async def test_a_host_that_misbehaves_defers(tmp_path: Path, extensions: tuple[str, ...]) -> None:
    """At every stage in every way, all at once: every message waits, and arrives once when the host is well again."""
    cases = [(stage, what) for stage in STAGES for what in WRONG if (stage, what) != ("DATA", "354 go")]
    sinks = {f"case{number}.test": Sink(_script(*case), extensions=extensions) for number, case in enumerate(cases)}
    async with contextlib.AsyncExitStack() as stack:
        for sink in sinks.values():
            stack.enter_context(sink)
        routes = {domain: sink.address for domain, sink in sinks.items()}
        post = await stack.enter_async_context(Post(tmp_path, routes=routes, **IMPATIENT))
        sent = {domain: await post.send(f"bob@{domain}") for domain in sinks}
        for (domain, sink), case in zip(sinks.items(), cases, strict=True):
            [entry] = await post.tried(sent[domain])
            assert entry.state == "deferred", case
            assert entry.error, case
            assert entry.error.isprintable(), case
            sink.script = {}
            sink.messages.clear()
        post.runner.reload(replace(post.settings, delivery=QUICK))
        for message in sent.values():
            await post.retry(message)
        await post.gone()
        assert all(len(sink.messages) == 1 for sink in sinks.values())


def _script(stage: str, what: str) -> dict[str, Answer]:
    return {"EHLO": what, "HELO": what} if stage == "EHLO" else {stage: what}


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "BODY"])
async def test_5xx_returns(post: Post, sink: Sink, stage: str) -> None:
    sink.script = {stage: "550-5.7.1 we do not\n550 5.7.1 want it"}
    await post.send("bob@remote.test")
    await post.gone()
    [report] = await post.reports()
    assert b"Status: 5.7.1" in report
    assert b"Diagnostic-Code: smtp; 550 5.7.1 we do not want it" in report
    assert post.rows("notices") == 0


async def test_2xx_in_place_of_354_loses_nothing(tmp_path: Path, sink: Sink) -> None:
    sink.script = {"DATA": "250 2.0.0 yes yes"}
    async with Post(tmp_path, smarthost=sink.address, **IMPATIENT) as post:
        [entry] = await post.tried(await post.send("bob@remote.test"))
        assert entry.error == "250 2.0.0 yes yes"


async def test_escapes_of_a_reply_do_not_reach_anybody(post: Post, sink: Sink) -> None:
    sink.script = {"RCPT": "450 4.2.0 \x1b[2J\x07 \u202e grün"}
    [entry] = await post.tried(await post.send("bob@remote.test"))
    assert entry.error == "450 4.2.0 ?[2J? ? grün"
    sink.script = {"RCPT": "550 5.1.1 \x1b[2J grün"}
    await post.retry(entry.message)
    [report] = await post.reports()
    assert b"\x1b" not in report
    assert b"Diagnostic-Code: smtp; 550 5.1.1 ?[2J gr\\xfcn" in report


async def test_a_large_message_streams(post: Post, sink: Sink) -> None:
    body = post.large(3_000_000, b"." + b"y" * 60 + b"\r\n")
    whole = body.whole()
    await post.accept(body, "bob@remote.test")
    await post.gone()
    assert sink.messages[0].data == whole
    assert not list((post.store.folder / "bodies").glob("*/*"))


async def test_a_body_that_is_missing_is_no_half_message(post: Post, sink: Sink) -> None:
    await post.stop()
    message = await post.accept(post.large(300_000), "bob@remote.test")
    [path] = (post.store.folder / "bodies").glob("*/*")
    path.rename(away := post.store.folder / "away")
    post.start()
    [entry] = await post.tried(message)
    assert "cannot be read" in str(entry.error)
    away.rename(path)
    await post.retry(message)
    await post.gone()
    assert len(sink.messages) == 1

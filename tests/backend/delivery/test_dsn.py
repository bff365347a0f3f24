"""Reports to senders: when, to whom, and in a shape that programs and people can read."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.address import Address
from backend.config import Site
from backend.delivery import dsn
from backend.store import accounts, messages, queue
from backend.store.messages import Remote
from backend.store.notices import Notice
from tests.backend.delivery.post import ALICE, TEXT, Post, until
from tests.harness.sink import Sink

SITE = Site(hostname="mail.example.org", domain="example.org")
REFUSED = {"RCPT": "550 5.1.1 no such person"}


def parsed(report: bytes) -> EmailMessage:
    """A report as a mail program reads it."""
    return email.message_from_bytes(report, policy=email.policy.default)


def parts(report: bytes) -> tuple[str, list[dict[str, str]], EmailMessage]:
    """The words, the fields by message and recipient, the part about the original."""
    message = parsed(report)
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    words, status, original = message.iter_parts()
    assert isinstance(words, EmailMessage)
    assert isinstance(original, EmailMessage)
    groups = [dict(group.items()) for group in status.get_payload()]  # type: ignore[union-attr]
    return " ".join(words.get_content().split()), groups, original


async def test_a_report_on_several_recipients(post: Post, sink: Sink) -> None:
    sink.script = REFUSED
    message = await post.send("a@remote.test", "b@remote.test", envid="id+3D1")
    [report] = await post.reports()
    assert report.startswith(b"Return-Path: <>\r\nDelivered-To: alice@example.org\r\n")
    head = parsed(report)
    assert head["From"] == "Mail delivery <postmaster@example.org>"
    assert head["To"] == "alice@example.org"
    assert head["Auto-Submitted"] == "auto-replied"
    assert head["In-Reply-To"] == "<1@client.test>"
    words, [about, *recipients], original = parts(report)
    assert "a@remote.test" in words
    assert "no such person" in words
    assert "Check the spelling" in words
    assert about["Original-Envelope-Id"] == "id=1"
    assert about["Reporting-MTA"] == "dns; mail.example.org"
    assert [group["Final-Recipient"] for group in recipients] == ["rfc822; a@remote.test", "rfc822; b@remote.test"]
    assert {group["Action"] for group in recipients} == {"failed"}
    assert {group["Status"] for group in recipients} == {"5.1.1"}
    assert {group["Diagnostic-Code"] for group in recipients} == {"smtp; 550 5.1.1 no such person"}
    assert original.get_content_type() == "message/rfc822"
    assert report.count(TEXT) == 1
    assert post.rows("notices") == 0
    assert post.store.read(lambda reader: messages.envelope(reader, message)) is None  # freed with the last notice


@pytest.mark.parametrize(("ret", "size"), [("HDRS", 0), (None, 200_000)])
async def test_headers_only_when_asked_or_large(post: Post, sink: Sink, ret: str | None, size: int) -> None:
    sink.script = REFUSED
    await post.accept(post.large(size), "a@remote.test", ret=ret)
    [report] = await post.reports()
    _, _, original = parts(report)
    assert original.get_content_type() == "text/rfc822-headers"
    assert b"Subject: test" in report
    assert b"hello" not in report
    assert len(report) < 5_000


async def test_never_for_the_null_sender_and_never_for_never(post: Post, sink: Sink) -> None:
    sink.script = REFUSED
    await post.send("a@remote.test", sender="")
    await post.send(Remote("a@remote.test", "remote.test", "NEVER"))
    await post.send(Remote("a@remote.test", "remote.test", "SUCCESS,DELAY"))
    await post.gone()
    assert (post.rows("notices"), post.rows("messages"), post.inbox()) == (0, 0, [])


async def test_a_delay_is_told_once_then_the_end(post: Post, sink: Sink) -> None:
    await post.stop()
    delivery = replace(post.settings.delivery, delay_notice=14_400)
    post.settings = replace(post.settings, delivery=delivery)
    post.start()
    sink.script = {"RCPT": "450 4.2.0 busy"}
    message = await post.send("a@remote.test")
    await post.tried(message, 1)
    await post.age(message, 15_000)
    await post.tried(message, 2)
    [delay] = await post.reports()
    words, [_, recipient], _ = parts(delay)
    assert recipient["Action"] == "delayed"
    assert "Will-Retry-Until" in recipient
    assert "you need not send it again" in words
    await post.age(message, 15_000)
    await post.tried(message, 3)
    assert len(post.inbox()) == 1
    await post.age(message, 500_000)
    _, end = await post.reports(2)
    _, [_, recipient], _ = parts(end)
    assert (recipient["Action"], recipient["Status"]) == ("failed", "4.4.7")
    assert "450 4.2.0 busy" in recipient["Diagnostic-Code"]
    assert post.rows("messages") == 2  # the two reports


async def test_relayed_to_a_host_without_dsn(post: Post, sink: Sink) -> None:
    await post.send(Remote("a@remote.test", "remote.test", "SUCCESS", "rfc822;first+2B1@remote.test"))
    [report] = await post.reports()
    _, [_, recipient], _ = parts(report)
    assert recipient["Action"] == "relayed"
    assert recipient["Original-Recipient"] == "rfc822; first+1@remote.test"


async def test_a_remote_sender_is_told_over_the_wire_from_the_null_sender(post: Post, sink: Sink) -> None:
    sink.script = {"RCPT": lambda line: "550 5.1.1 no" if "gone" in line else "250 ok"}
    await post.send("gone@remote.test", sender="eve@elsewhere.test")
    await until(lambda: sink.messages, "the report")
    [report] = sink.messages
    assert (report.sender, report.recipients) == ("", ["eve@elsewhere.test"])
    await post.gone()
    sink.script = REFUSED  # and a report that is refused ends there
    await post.send("gone@remote.test", sender="eve@elsewhere.test")
    await until(lambda: sink.count("RCPT TO:<eve@") == 2, "the second report")
    await post.gone()
    assert (post.rows("notices"), post.rows("messages")) == (0, 0)


async def test_senders_at_home(post: Post, sink: Sink) -> None:
    """An alias is followed, postmaster has no domain, and a sender who has gone is told nothing."""

    def change(transaction: Any) -> None:
        accounts.add_alias(transaction, Address("office", "example.org"), Address("alice", "example.org"))
        accounts.add_alias(transaction, Address("office", "example.org"), Address("eve", "elsewhere.test"))

    await post.store.commit(change)
    sink.script = {"RCPT": lambda line: "550 5.1.1 no" if "gone" in line else "250 ok"}
    for sender in ("office@example.org", "postmaster", "nobody@example.org"):
        await post.send("gone@remote.test", sender=sender)
    await post.reports()
    await post.reports(user="postmaster")
    await until(lambda: sink.messages, "the report abroad")
    await post.gone()
    await until(lambda: post.rows("notices") == 0, "all told")
    events = post.store.read(
        lambda r: r.value("SELECT detail FROM events WHERE stage = 'notice' AND verdict = 'rejected'")
    )
    assert "not known here" in events


async def test_deleted_by_a_person_with_a_word(post: Post, sink: Sink) -> None:
    sink.script = {"RCPT": "450 4.2.0 later"}
    [entry] = await post.tried(await post.send("a@remote.test"))
    await post.store.commit(lambda transaction: queue.delete(transaction, [entry.row], "This address is blocked"))
    post.told.set()
    [report] = await post.reports()
    assert b"This address is blocked" in report


ODD = st.text(alphabet=st.characters(codec="utf-8"), max_size=200)


@given(ODD, ODD, ODD, st.binary(max_size=300), st.booleans(), st.booleans())
def test_whatever_others_said_the_report_keeps_its_shape(
    reply: str, orcpt: str, message_id: str, text: bytes, full: bool, wide: bool
) -> None:
    original = dsn.Original(ALICE, text, full, 1.0, message_id, orcpt, wide)
    notices = [
        Notice("a@remote.test", "failed", "5.1.1", reply, "mx.test[192.0.2.1]:25", f"rfc822;{orcpt}", 1.0),
        Notice("b@remote.test", "delayed", "4.4.1", reply, time=1.0, until=9.0),
    ]
    report = dsn.build(12345, SITE, 2.0, original, notices)
    ours = dsn.build(12345, SITE, 2.0, replace(original, text=b""), notices)
    machine = ours.partition(b"delivery-status\r\n")[2].partition(b"\r\n--report")[0]
    assert not {b"\r", b"\n"} & {bytes([byte]) for byte in ours.replace(b"\r\n", b"")}
    assert all(len(line) <= 998 for line in machine.split(b"\r\n"))
    assert wide or machine.isascii()
    assert machine.count(b"\r\nAction: ") == 2
    assert sum(line.startswith(b"--report_") for line in report.split(b"\r\n")) >= 4


@given(st.text(max_size=50))
def test_xtext_is_read(text: str) -> None:
    written = "".join(c if c.isascii() and c.isalnum() else f"+{ord(c):02X}" for c in text if ord(c) < 256)
    assert dsn.from_xtext(written) == "".join(c for c in text if ord(c) < 256)

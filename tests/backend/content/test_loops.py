"""Mail loops."""

from __future__ import annotations

from ipaddress import ip_address
from types import SimpleNamespace
from typing import cast

import pytest

from backend.address import parse
from backend.config import Settings
from backend.content.loops import Loops
from backend.content.scan import Incoming
from backend.policy.check import Services
from backend.policy.dkim.letter import Letter
from backend.smtp.header import Fields
from backend.smtp.session import MailTransaction, Recipient, Session
from backend.store.accounts import Resolution
from backend.store.bodies import Body


def incoming(header: bytes, recipient: str = "alias@example.org", account: str = "alice@example.org") -> Incoming:
    to = Recipient(parse(recipient), Resolution(((1, account),), ()), own=True)
    session = Session("S", ip_address("192.0.2.1"), "127.0.0.1", "smtp", mail=MailTransaction(None, recipients=[to]))
    return Incoming(1, session, header, Fields(header), Body(0), Letter(header, Body(0)))


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"Received: a\r\n" * 100, None),
        (b"Received: a\r\n" * 101, "hops"),
        (b"Delivered-To: Alice@example.org\r\n", "delivered before"),
        (b"Delivered-To: alias@example.org\r\n", None),
        (b"Delivered-To: bob@example.org\r\n", None),
        (b"X: 1\r\n Delivered-To: alice@example.org\r\n", None),
    ],
)
async def test_loops(header: bytes, reason: str | None) -> None:
    verdict = await Loops()(incoming(header), cast(Services, SimpleNamespace(settings=Settings())))
    assert (verdict.reason if verdict else None) == reason
    if verdict is not None:
        assert verdict.reply is not None
        assert (verdict.reply.code, verdict.reply.status) == (554, "5.4.6")

"""The checks `dkim` and `arc` in their chain: of whom they are asked, and what they decide."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from backend.config import Arc, Dkim, Settings
from backend.content.scan import Incoming
from backend.policy.arc import check as arc
from backend.policy.check import Services, Verdict
from backend.policy.counters import Counters
from backend.policy.dkim import check as dkim
from backend.policy.dkim import sign
from backend.policy.dkim.letter import Letter
from backend.smtp.header import Fields
from backend.smtp.session import MailTransaction, Port, Session
from backend.store.bodies import Body
from tests.harness.keys import BROKEN, Records, pair, published

SECTION = b"From: ann@client.test\r\nSubject: x\r\n"
RECORDS = published("client.test")
Ask = Callable[..., Any]


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Ask]:
    """`await ask(body=..., failed="reject")`: the verdict of `dkim`, and the message's transaction."""
    counters = Counters(tmp_path / "counters")

    async def answer(
        *,
        body: bytes = b"hello\r\n",
        records: dict[str, str] | None = None,
        peer: str = "192.0.2.7",
        port: Port = "smtp",
        allowed: str = "",
        arcs: bool = True,
        **words: Any,
    ) -> tuple[Verdict | None, MailTransaction]:
        section = sign.sign(SECTION, b"hello\r\n", pair("client.test"), time.time()) + SECTION
        whole = Body(len(section) + 2 + len(body), data=section + b"\r\n" + body)
        session = Session("S", ip_address(peer), "", port)
        session.lookups = Records(RECORDS if records is None else records)
        session.mail = mail = MailTransaction(None, allowed=allowed)
        mail.content = Incoming(1, session, section, Fields(section), whole, Letter(section, whole))
        settings = replace(Settings(), dkim=Dkim(**words), arc=Arc(enabled=arcs))
        nobody: dict[str, Any] = dict.fromkeys(item.name for item in fields(Services))
        asked = {"settings": settings, "counters": counters, "resolver": session.lookups, "now": time.time}
        services = Services(**nobody | asked)
        for check in (dkim.check, arc.check):
            work = check.begin(session, services)
            if work is not None:
                session.start(check.name, work)
        verdict = await dkim.check(session, services)
        assert await arc.check(session, services) is None
        return verdict, mail

    yield answer
    counters.close()


async def test_a_stranger_is_asked(ask: Ask) -> None:
    verdict, mail = await ask()
    assert verdict is None
    assert {name: found.value for name, found in mail.findings.items()} == {"dkim": "pass", "arc": "none"}
    assert dkim.signers(mail.findings["dkim"]) == ["client.test", "client.test"]
    assert (mail.chain.value, mail.chain.sets) == ("none", ())


@pytest.mark.parametrize("words", [{"peer": "127.0.0.1"}, {"port": "submission"}])
async def test_who_is_at_home_is_not(ask: Ask, words: dict[str, Any]) -> None:
    verdict, mail = await ask(body=b"forged\r\n", failed="reject", **words)
    assert verdict is None
    assert (mail.findings, mail.begun, mail.chain) == ({}, {}, None)


async def test_each_can_be_switched_off(ask: Ask) -> None:
    assert list((await ask(enabled=False))[1].findings) == ["arc"]
    assert list((await ask(arcs=False))[1].findings) == ["dkim"]


async def test_nothing_is_refused_unless_the_site_says_so(ask: Ask) -> None:
    verdict, mail = await ask(body=b"forged\r\n")
    assert (verdict, mail.findings["dkim"].value) == (None, "fail")
    verdict, _ = await ask(body=b"forged\r\n", failed="reject")
    assert (verdict.action, verdict.reason, verdict.reply.code, verdict.reply.status) == (
        "reject",
        "failed",
        550,
        "5.7.20",
    )
    verdict, _ = await ask(body=b"forged\r\n", failed="reject", allowed="rule 12")
    assert verdict is None


async def test_what_nobody_knows_is_never_refused(ask: Ask) -> None:
    verdict, mail = await ask(body=b"forged\r\n", failed="reject", records=dict.fromkeys(RECORDS, BROKEN))
    assert (verdict, mail.findings["dkim"].value) == (None, "temperror")
    verdict, mail = await ask(body=b"forged\r\n", failed="reject", records={})
    assert (verdict, mail.findings["dkim"].value) == (None, "permerror")

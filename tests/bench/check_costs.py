"""CPU milliseconds of each check, in one process, for a message whose DNS answers are at hand."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import Any

from backend import ids
from backend.accounts.directory import Directory
from backend.address import parse
from backend.content.scan import Incoming
from backend.policy import chain, services
from backend.policy.check import Services, Stage
from backend.policy.dkim.letter import Letter
from backend.resolver.lookups import Lookups
from backend.settings_file import load
from backend.smtp import header
from backend.smtp.session import MailTransaction, Recipient, Session
from backend.store.bodies import Body
from backend.store.database import Store
from tests.bench import checks
from tests.bench.load import BenchSite
from tests.bench.senders import CLIENT, HELO
from tests.bench.table import Row
from tests.harness.dns import Dns

_MESSAGES = 300
_STAGES: tuple[Stage, ...] = ("connect", "helo", "mail", "rcpt", "data", "message")
_GOAL = 1.0  # milliseconds


def measure(folder: Path, runs: int) -> list[Row]:
    """A row for each check that costs a microsecond or more."""
    mail = folder / "mail"
    key = checks.messages(mail)
    with (
        Dns(folder / "dns", checks.zones(key), host=checks.ADDRESS, port=53, ttl=300),
        BenchSite(folder / "site", ["bob"]) as site,
    ):
        site.configure(checks.settings())
        costs = asyncio.run(_all(site, sorted(mail.iterdir())[:_MESSAGES], runs))
    return [
        Row(f"CPU of the check {name}", "ms", some, under=_GOAL)
        for name, some in costs.items()
        if median(some) >= 0.001
    ]


async def _all(site: BenchSite, files: list[Path], runs: int) -> dict[str, list[float]]:
    settings = load(site.config)
    store = Store.open(settings.site.data, settings.limits)
    asked = services.build(settings, store)
    found: dict[str, list[float]] = defaultdict(list)
    try:
        for run in range(runs + 1):
            costs: dict[str, float] = defaultdict(float)
            for file in files:
                await _one(file.read_bytes(), asked, costs)
            for name, seconds in costs.items() if run else ():  # the first run asks the DNS
                found[name].append(seconds * 1_000 / len(files))
    finally:
        asked.counters.close()
        store.close()
    return found


async def _one(data: bytes, asked: Services, costs: dict[str, float]) -> None:
    sender, _, message = data.partition(b"\n")
    dns = asked.settings.dns
    session = Session("S", ipaddress.ip_address(CLIENT), "127.0.0.1", "smtp", HELO, esmtp=True)
    session.lookups = Lookups(asked.resolver, dns.message_questions, dns.message_seconds)
    for stage in _STAGES:
        if stage == "mail":
            session.mail = MailTransaction(parse(sender.decode()))
        if stage == "rcpt":
            session.recipient = await _recipient(asked.directory)
        if stage == "message" and session.mail is not None and session.recipient is not None:
            session.mail.recipients.append(session.recipient)
            section, body = header.section(message), Body(size=len(message), data=message)
            fields, letter = header.Fields(section), Letter(section, body)
            session.mail.content = Incoming(ids.new(), session, section, fields, body, letter)
        for early in chain.early_of(stage):
            work = early.begin(session, asked)
            if work is not None:
                session.start(early.name, _kept(await _timed(lambda work=work: work, early.name, costs)))  # type: ignore[misc]
        for check in chain.checks_of(stage):
            verdict = await _timed(lambda check=check: check(session, asked), check.name, costs)  # type: ignore[misc]
            assert verdict is None or verdict.action in ("accept", "mark"), (check.name, verdict)


async def _recipient(directory: Directory) -> Recipient:
    address = parse(f"bob@{BenchSite.domain}")
    resolution = await directory.resolve(address)
    assert resolution is not None
    return Recipient(address, resolution, own=True)


async def _timed(ask: Callable[[], Awaitable[Any]], name: str, costs: dict[str, float]) -> Any:
    began = time.process_time()
    try:
        return await ask()
    finally:
        costs[name] += time.process_time() - began


async def _kept(value: Any) -> Any:
    return value

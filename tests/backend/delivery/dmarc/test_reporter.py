"""Reports to the owners of domains: one a day, to whom wants it, and never twice."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from backend.config import Settings
from backend.delivery.dmarc.permission import permitted
from backend.delivery.dmarc.reader import Incoming
from backend.delivery.dmarc.reporter import Reports
from backend.errors import Temporary
from backend.policy.dmarc.record import ReportTo
from backend.resolver.resolver import Resolver
from backend.store import bodies, dmarc_reports, dmarc_results, queue
from backend.store.database import Store
from backend.store.dmarc_results import DAY, Sent
from backend.store.queue import Filter
from tests.backend.delivery.dmarc.conftest import SEEN, mail_of
from tests.harness.keys import signs


def tomorrow() -> float:
    """When the day of what has just been counted is over."""
    return time.time() + DAY


def reports(settings: Settings, store: Store) -> Reports:
    return Reports(settings, store, asyncio.Event())


async def sent(store: Store) -> dict[str, list[Sent]]:
    rows, _ = await store.query(lambda reader: dmarc_results.sent(reader, "", 1_000, 0))
    found: dict[str, list[Sent]] = {}
    for row in reversed(rows):
        found.setdefault(row.domain, []).append(row)
    return found


async def waiting(store: Store) -> int:
    return len(await store.query(lambda reader: dmarc_results.waiting(reader, 10**9, 1_000)))


@pytest.mark.parametrize(
    ("domain", "to", "found"),
    [
        ("sender.test", "rua@sender.test", "rua@sender.test"),
        ("sender.test", "rua@mail.sender.test", "rua@mail.sender.test"),  # the same organisation
        ("sender.test", "rua@rua.test", "rua@rua.test"),
        ("moved.test", "rua@rua.test", "instead@rua.test"),
        ("aimed.test", "rua@rua.test", "rua@rua.test"),  # another host is nobody's to name
        ("any.test", "rua@rua.test", None),
        ("any.test", "rua@nowhere.test", None),
    ],
)
async def test_who_wants_reports_about_others(settings: Settings, domain: str, to: str, found: str | None) -> None:
    one = await permitted(Resolver(settings.dns), domain, ReportTo(to))
    assert (one.address if one is not None else None) == found


async def test_nobody_knows_now(settings: Settings) -> None:
    with pytest.raises(Temporary):
        await permitted(Resolver(settings.dns), "any.test", ReportTo("rua@broken.test"))


async def test_a_day_becomes_a_mail_in_the_queue(settings: Settings, store: Store) -> None:
    before = time.time()
    await mail_of(store, "sender.test", "mailto:rua@sender.test", number=5)
    await mail_of(store, "sender.test", "mailto:rua@sender.test", seen=replace(SEEN, source="192.0.2.2"))
    assert await reports(settings, store).once(before) == 0  # the day is not over
    reporter = reports(settings, store)
    assert await reporter.once(tomorrow()) == 1
    assert await reporter.once(tomorrow()) == 0
    assert await waiting(store) == 0
    (one,) = (await sent(store))["sender.test"]
    assert (one.recipient, one.outcome, one.sources, one.messages) == ("rua@sender.test", "sent", 2, 6)
    (entry,) = await store.query(lambda reader: queue.find(reader, Filter()))
    assert (entry.sender, entry.recipient) == ("", "rua@sender.test")


async def test_to_whom_it_goes(settings: Settings, store: Store) -> None:
    await mail_of(store, "sender.test", "mailto:a@sender.test,mailto:b@rua.test,mailto:c@nowhere.test")
    await mail_of(store, "small.test", "mailto:a@small.test!100,mailto:b@small.test!10m")
    await mail_of(store, "stranger.test", "mailto:a@rua.test")
    await mail_of(store, "many.test", ",".join(f"mailto:{n}@many.test" for n in range(9)))
    await mail_of(store, "ours.test", "mailto:nobody@example.org")
    await mail_of(store, "later.test", "mailto:a@broken.test")
    assert await reports(settings, store).once(tomorrow()) == 2 + 1 + 0 + 5
    found = {domain: [(one.recipient, one.outcome[:8]) for one in some] for domain, some in (await sent(store)).items()}
    assert found["sender.test"] == [("a@sender.test", "sent"), ("b@rua.test", "sent")]
    assert found["small.test"] == [("b@small.test", "sent"), ("a@small.test", "not sent")]
    assert found["stranger.test"] == [("a@rua.test", "not sent")]
    assert len(found["many.test"]) == 5
    assert found["ours.test"] == [("nobody@example.org", "not sent")]
    assert "later.test" not in found
    assert await waiting(store) == 1
    assert await reports(settings, store).once(tomorrow() + 3 * DAY) == 0  # enough patience
    assert (await sent(store))["later.test"][0].outcome.startswith("not sent: The name servers")
    assert await waiting(store) == 0


async def test_the_domains_with_the_most_mail_first(settings: Settings, store: Store) -> None:
    settings = replace(settings, dmarc=replace(settings.dmarc, report_domains=2))
    for number, domain in enumerate(("few.test", "some.test", "most.test"), 1):
        await mail_of(store, domain, f"mailto:rua@{domain}", number=number)
    assert await reports(settings, store).once(tomorrow()) == 2
    outcomes = {domain: some[0].outcome for domain, some in (await sent(store)).items()}
    assert outcomes["some.test"] == outcomes["most.test"] == "sent"
    assert "too many" in outcomes["few.test"]


async def test_two_processes_send_one_report(settings: Settings, store: Store) -> None:
    await mail_of(store, "sender.test", "mailto:rua@sender.test")
    both = await asyncio.gather(*(reports(settings, store).once(tomorrow()) for _ in range(2)))
    assert sum(both) == 1
    assert len(await store.query(lambda reader: queue.find(reader, Filter()))) == 1


async def test_switched_off(settings: Settings, store: Store) -> None:
    settings = replace(settings, dmarc=replace(settings.dmarc, reports=False))
    await mail_of(store, "sender.test", "mailto:rua@sender.test")
    assert await reports(settings, store).once(tomorrow()) == 0


async def test_our_own_report_comes_home_and_is_read(settings: Settings, store: Store) -> None:
    """Somebody forged our own domain: the report on it goes to our own address, where it is read."""
    await mail_of(store, "example.org", "mailto:dmarc-reports@example.org", number=7)

    await signs(store, "example.org")
    assert await reports(settings, store).once(tomorrow()) == 1
    incoming = Incoming(settings, store)
    assert await incoming.read_all() == 1
    assert await incoming.read_all() == 0
    rows, _ = await store.query(lambda reader: dmarc_reports.reports(reader, "", 10, 0))
    (one,) = rows
    assert (one.organisation, one.domain, one.messages, one.failed) == ("example.org", "example.org", 7, 7)
    assert (one.sender, one.proven) == ("example.org", False)
    (row,) = await store.query(lambda reader: dmarc_reports.rows_of(reader, one.id, 10, 0))
    assert (row.source, row.disposition, row.header_from) == ("192.0.2.1", "reject", "example.org")
    (entry,) = await store.query(lambda reader: reader.rows("SELECT id FROM messages"))
    body = await store.query(lambda reader: bodies.load(reader, store.folder, entry[0]))
    assert body is not None
    assert body.whole().startswith(b"DKIM-Signature: v=1;")

"""DNS and authentication as a postmaster uses them: keys in, what stands on the screen out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot

from backend import ids
from backend.config import Dns as DnsSettings
from backend.config import HostPort
from backend.management.snapshots.dns import DnsRow
from backend.store import accounts, dmarc_reports, dmarc_results, findings
from backend.store.database import Transaction
from backend.store.dmarc_reports import Report, ReportRow
from backend.store.dmarc_results import DAY, Day
from screens.authentication import Authentication
from screens.dmarc import Impostors, Reports, SentReports, Sources
from screens.dns import Dns, RecordScreen
from screens.story import StoryScreen
from screens.widgets.table import Table
from tests.harness.dns import Dns as NameServer
from tests.screens.conftest import SIZES, Service, on_screen, text, until

ZONE = """@ MX 10 old
old A 127.0.0.9
mail A 127.0.0.1
mail AAAA ::1
@ TXT "v=spf1 mx -all"
_dmarc TXT "v=DMARC1; p=none"
"""


@pytest.fixture
def nameserver(tmp_path: Path) -> Iterator[NameServer]:
    with NameServer(tmp_path / "nsd", {"example.org": ZONE}) as made:
        yield made


@pytest.fixture
def asking(service: Service, nameserver: NameServer) -> Service:
    """A service that asks this name server."""
    dns = DnsSettings((HostPort("127.0.0.1", nameserver.port),), timeout_seconds=10.0, lifetime_seconds=20.0)
    service.settings = replace(service.settings, dns=dns)
    service.server.reload(service.settings)
    return service


def table(pilot: Pilot[None]) -> Table[DnsRow]:
    return pilot.app.screen.query_one(Table)


async def open_dns(pilot: Pilot[None]) -> None:
    await pilot.press("0")
    await until(pilot, lambda: isinstance(pilot.app.screen, Dns) and table(pilot).row_count > 5)


def fits(pilot: Pilot[None], size: tuple[int, int]) -> bool:
    lines = text(pilot).splitlines()
    return len(lines) == size[1] and all(len(line) <= size[0] for line in lines)


@pytest.mark.parametrize("size", SIZES)
async def test_what_is_wrong_comes_first(asking: Service, size: tuple[int, int]) -> None:
    async def test(pilot: Pilot[None]) -> None:
        await open_dns(pilot)
        first = next(iter(table(pilot).rows_shown.values()))
        assert (first.state, first.purpose) == ("wrong", "MX")
        await until(pilot, lambda: "is         10 old.example.org" in text(pilot))
        assert "should be  example.org. MX 10 mail.example.org." in text(pilot)
        for words in ("✗ wrong", "! weak", "✓ right", "- optional"):
            assert words in text(pilot)
        assert fits(pilot, size)
        await pilot.press("slash", *"state:weak", "enter")
        await until(pilot, lambda: table(pilot).row_count == 1)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RecordScreen) and "p=reject" in text(pilot))
        assert "It only watches" in text(pilot)
        await pilot.press("y")
        assert pilot.app.clipboard.startswith('_dmarc.example.org. TXT "v=DMARC1; p=reject;')
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, Dns))
        await pilot.press("Y")
        await until(pilot, lambda: pilot.app.clipboard.startswith("$ORIGIN example.org."))
        assert '_dmarc                   TXT   "v=DMARC1; p=reject;' in pilot.app.clipboard

    await on_screen(asking, test, size)


async def test_it_is_asked_again_when_wanted(asking: Service, nameserver: NameServer) -> None:
    async def test(pilot: Pilot[None]) -> None:
        await open_dns(pilot)
        nameserver.change({"example.org": ZONE.replace("@ MX 10 old", "@ MX 10 mail")})
        await pilot.press("f")
        await until(pilot, lambda: next(iter(table(pilot).rows_shown.values())).purpose != "MX")

    await on_screen(asking, test)


async def test_of_many_domains_one_can_be_named(service: Service) -> None:
    def many(transaction: Transaction) -> None:
        for number in range(30):
            accounts.add_domain(transaction, f"d{number:02}.test")

    await service.store.commit(many)

    async def test(pilot: Pilot[None]) -> None:
        await open_dns(pilot)
        await until(pilot, lambda: "6 more domains" in text(pilot))
        await pilot.press("slash", *"domain:example.org", "enter")
        await until(pilot, lambda: {row.domain for row in table(pilot).rows_shown.values()} == {"example.org"})
        await pilot.press("slash", *("backspace",) * 30, *"domain:d29.test", "enter")
        await until(pilot, lambda: {row.domain for row in table(pilot).rows_shown.values()} == {"d29.test"})

    await on_screen(service, test)


async def test_without_dns_it_says_so(service: Service) -> None:
    async def test(pilot: Pilot[None]) -> None:
        await open_dns(pilot)
        await until(pilot, lambda: "? unknown" in text(pilot))
        assert "nothing" in text(pilot)

    await on_screen(service, test)


def fill(transaction: Transaction) -> None:
    """A day of mail, two reports of others, one of ours."""
    for number in range(30):
        findings.count(transaction, [("dmarc", "pass", "good.test"), ("spf", "pass", "good.test")])
        if number % 3 == 0:
            findings.count(transaction, [("dmarc", "fail", "bank.test"), ("spf", "softfail", "bank.test")])
    now = transaction.now
    for name, proven in (("google.test", True), ("[bold]evil\x1b[2J", False)):
        report = Report(
            name, "noreply@x.test", f"{name}1", "example.org", "p=reject", now - DAY, now, 12, 5, 2, 0, name, proven
        )
        rows = [
            ReportRow("192.0.2.66", 5, "reject", "fail", "fail", "example.org", "x.test", "", []),
            ReportRow("192.0.2.1", 7, "none", "pass", "pass", "example.org", "example.org", "", []),
        ]
        dmarc_reports.add(transaction, report, rows)
    day = Day(int(now) // DAY - 1, "good.test", "")
    dmarc_results.note_sent(transaction, day, "rua@good.test", (3, 30), "not sent: there is no such address", None)


@pytest.mark.parametrize("size", SIZES)
async def test_authentication_and_the_reports_behind_it(service: Service, size: tuple[int, int]) -> None:
    await service.store.commit(fill)
    message = await service.wait("rua@good.test")

    def sent(transaction: Transaction) -> None:
        day = Day(int(transaction.now) // DAY - 1, "good.test", "")
        dmarc_results.note_sent(transaction, day, "rua@good.test", (3, 30), "sent", ids.parse(message))

    await service.store.commit(sent)

    async def test(pilot: Pilot[None]) -> None:
        await pilot.press("V")
        await until(pilot, lambda: isinstance(pilot.app.screen, Authentication) and "bank.test" in text(pilot))
        shown = text(pilot)
        for words in ("DMARC pass", "SPF fail", "the last day", "75 %", "25 %", "Domains with DMARC fail"):
            assert words in shown
        assert fits(pilot, size)
        await pilot.press("h")
        await until(pilot, lambda: "the last week" in text(pilot))
        await pilot.press("v", "v", "v")
        await until(pilot, lambda: "Domains with DMARC pass" in text(pilot) and "good.test" in text(pilot))
        await pilot.press("i")
        await until(pilot, lambda: isinstance(pilot.app.screen, Reports) and table(pilot).row_count == 2)
        assert "\x1b" not in text(pilot)
        await pilot.press("slash", *"google", "enter")
        await until(pilot, lambda: table(pilot).row_count == 1 and "proven to come from google.test" in text(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Sources) and table(pilot).row_count == 2)
        assert "192.0.2.66" in text(pilot)
        assert fits(pilot, size)
        await pilot.press("escape", "escape", "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, Authentication))
        await pilot.press("w")
        await until(pilot, lambda: isinstance(pilot.app.screen, Impostors) and table(pilot).row_count == 1)
        await until(pilot, lambda: "192.0.2.66 sent 10 messages as example.org, 10 of them refused" in text(pilot))
        await pilot.press("escape", "o")
        await until(pilot, lambda: isinstance(pilot.app.screen, SentReports) and table(pilot).row_count == 2)
        await pilot.press("j")
        await until(pilot, lambda: "not sent: there is no such address" in text(pilot))
        await pilot.press("k")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, StoryScreen))

    await on_screen(service, test, size)

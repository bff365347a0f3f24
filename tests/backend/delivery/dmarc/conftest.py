"""A store with example.org in it, and a real name server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from backend.address import parse
from backend.config import Dmarc, HostPort, Settings
from backend.config import Dns as DnsSettings
from backend.store import accounts, dmarc_results
from backend.store.database import Store, Transaction
from backend.store.dmarc_results import Seen
from tests.harness.dns import BROKEN, Dns

ZONES = {
    "sender.test": "@ A 127.0.0.1",
    "rua.test": 'sender.test._report._dmarc TXT "v=DMARC1"\n'
    'moved.test._report._dmarc TXT "v=DMARC1; rua=mailto:instead@rua.test"\n'
    'aimed.test._report._dmarc TXT "v=DMARC1; rua=mailto:victim@elsewhere.test"\n'
    '*.wild._report._dmarc TXT "v=DMARC1"',
    "broken.test": BROKEN,
}


@pytest.fixture(scope="session")
def nameserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dns]:
    """One for all tests."""
    with Dns(tmp_path_factory.mktemp("reports") / "nsd", ZONES) as made:
        yield made


@pytest.fixture
def settings(tmp_path: Path, nameserver: Dns) -> Settings:
    """Of a site in tmp_path, with a mailbox for reports."""
    plain = Settings()
    return replace(
        plain,
        site=replace(
            plain.site, hostname="mail.example.org", domain="example.org", data=tmp_path / "data", run=tmp_path
        ),
        dns=DnsSettings((HostPort("127.0.0.1", nameserver.port),), timeout_seconds=10.0, lifetime_seconds=20.0),
        dmarc=Dmarc(report_address="dmarc-reports@example.org"),
    )


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[Store]:
    """With postmaster@ and dmarc-reports@example.org."""
    Store.create(settings.site.data)
    opened = Store.open(settings.site.data)

    def found(transaction: Transaction) -> None:
        accounts.found_site(transaction, "example.org")
        accounts.add_account(transaction, parse("dmarc-reports@example.org"), None)

    await opened.commit(found)
    yield opened
    opened.close()


SEEN = Seen("192.0.2.1", "reject", "fail", "fail", "", "", "sender.test", "x.test", [])


async def mail_of(
    store: Store, domain: str, rua: str, *, number: int = 1, seen: Seen = SEEN, policy: str = "reject"
) -> None:
    """So many messages in the name of a domain that wants its reports there."""

    def count(transaction: Transaction) -> None:
        for _ in range(number):
            dmarc_results.count(
                transaction, domain, f"v=DMARC1; p={policy}; rua={rua}", replace(seen, header_from=domain)
            )

    await store.commit(count)

"""Reports of others, from a mailbox."""

from __future__ import annotations

import base64
import gzip
import time
from dataclasses import replace

from backend import ids
from backend.accounts.directory import Directory
from backend.config import Settings
from backend.delivery.dmarc.reader import Incoming
from backend.store import dmarc_reports, messages
from backend.store.bodies import Body
from backend.store.database import Store, Transaction
from backend.store.dmarc_reports import Report
from backend.store.messages import Local, Message
from tests.backend.delivery.dmarc.test_reading import record

PROVEN = "Authentication-Results: mail.example.org;\r\n\tspf=pass smtp.mailfrom=x.test;\r\n\tdmarc=pass header.from=x"


def xml(name: str = "1", domain: str = "example.org", records: str = "") -> bytes:
    begin = int(time.time()) - 90_000
    return (
        f"<feedback><report_metadata><org_name>reporter.test</org_name><report_id>{name}</report_id><date_range>"
        f"<begin>{begin}</begin><end>{begin + 80_000}</end></date_range></report_metadata>"
        f"<policy_published><domain>{domain}</domain><p>none</p></policy_published>{records or record()}</feedback>"
    ).encode()


async def bring(
    settings: Settings, store: Store, file: bytes, head: str = "", to: str = "dmarc-reports@example.org"
) -> None:
    """Mail with this file, as it lies in the mailbox."""
    resolution = await Directory(store, settings).resolve(to)
    assert resolution is not None
    text = (
        f"Received: x\r\n{head}From: noreply@reporter.test\r\nContent-Type: application/gzip\r\n"
        f"Content-Transfer-Encoding: base64\r\n\r\n{base64.encodebytes(file).decode()}"
    ).encode()
    local = [Local(mailbox, address, to) for mailbox, address in resolution.local]
    message = Message(ids.new(), "noreply@reporter.test", Body(size=len(text), data=text))
    await store.commit(lambda transaction: messages.accept(transaction, message, local))


async def all_reports(store: Store) -> list[Report]:
    return (await store.query(lambda reader: dmarc_reports.reports(reader, "", 100, 0)))[0]


async def test_good_bad_and_doubled_mail(settings: Settings, store: Store) -> None:
    await bring(settings, store, b"no report")
    await bring(settings, store, gzip.compress(xml("1")), f"{PROVEN}\r\n")
    await bring(settings, store, gzip.compress(xml("1")))  # again
    await bring(settings, store, b"<!DOCTYPE feedback><feedback/>")
    await bring(settings, store, gzip.compress(xml("2", "elsewhere.test")))
    await bring(
        settings, store, gzip.compress(xml("3", "sub.example.org")), "X-Spoof: mail.example.org; dmarc=pass\r\n"
    )
    incoming = Incoming(settings, store)
    assert await incoming.read_all() == 2
    assert {(one.report, one.sender, one.proven) for one in await all_reports(store)} == {
        ("1", "reporter.test", True),
        ("3", "reporter.test", False),
    }
    await bring(settings, store, gzip.compress(xml("4")))
    assert await incoming.read_all() == 1
    assert await Incoming(settings, store).read_all() == 0  # another process goes on where this one stopped


async def test_an_alias_leads_to_the_mailbox(settings: Settings, store: Store) -> None:
    from backend.address import parse
    from backend.store import accounts

    def alias(transaction: Transaction) -> None:
        accounts.add_alias(transaction, parse("rua@example.org"), parse("postmaster@example.org"))

    await store.commit(alias)
    settings = replace(settings, dmarc=replace(settings.dmarc, report_address="rua@example.org"))
    await bring(settings, store, gzip.compress(xml()), to="rua@example.org")
    assert await Incoming(settings, store).read_all() == 1


async def test_no_address_and_one_that_is_nobodys(settings: Settings, store: Store) -> None:
    for address in ("", "nobody@example.org", "a@elsewhere.test"):
        changed = replace(settings, dmarc=replace(settings.dmarc, report_address=address))
        assert await Incoming(changed, store).read_all() == 0


async def test_only_so_many_rows_are_kept(settings: Settings, store: Store) -> None:
    settings = replace(settings, dmarc=replace(settings.dmarc, incoming_rows=3))
    records = "".join(record(f"192.0.2.{n}", str(n)) for n in range(1, 11))
    await bring(settings, store, gzip.compress(xml(records=records)))
    assert await Incoming(settings, store).read_all() == 1
    (one,) = await all_reports(store)
    assert (one.messages, one.sources, one.left_out) == (55, 10, 7)
    rows = await store.query(lambda reader: dmarc_reports.rows_of(reader, one.id, 100, 0))
    assert [row.number for row in rows] == [10, 9, 8]


async def test_old_reports_go(settings: Settings, store: Store) -> None:
    await bring(settings, store, gzip.compress(xml()))
    await Incoming(settings, store).read_all()
    assert await store.commit(lambda transaction: dmarc_reports.forget(transaction, time.time() - 86_400)) == 0
    assert await store.commit(lambda transaction: dmarc_reports.forget(transaction, time.time())) == 1
    assert await store.query(lambda reader: reader.value("SELECT count(*) FROM dmarc_rows")) == 0

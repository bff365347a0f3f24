"""The quarantine as a postmaster uses it: find, look, release, release anyway, delete, undo."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import pytest
from textual.pilot import Pilot

from backend import ids
from backend.management.client import Client
from backend.management.roles import AUDITOR, HELPDESK
from backend.store import operators, quarantine
from backend.store.bodies import Body
from backend.store.database import Transaction
from backend.store.messages import Message
from backend.store.quarantine import Wanted
from mailconsole.app import Console
from mailconsole.ssh.gate import Gate, Identity
from screens.ask import Ask
from screens.confirm import Confirm
from screens.page import Page
from screens.quarantine import Quarantine
from screens.quarantined import Quarantined
from screens.story import StoryScreen
from tests.harness.clamd import EICAR
from tests.screens.conftest import SIZES, Service, on_screen, said, table, text, until

BOB = "bob@example.org"
HOSTILE = "[/nope] \x1b]0;owned\x07 \u202e \x9b31m"
CLEAN = (
    b"Subject: the minutes\r\nX-Odd: [/nope] \x1b[31m\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nhello, see the file\r\n'
    b'--b\r\nContent-Type: application/zip; name="[/nope].zip"\r\nContent-Transfer-Encoding: base64\r\n\r\nUEsDBA==\r\n'
    b"--b--\r\n"
)
BAD = b"Subject: an offer\r\n\r\n" + EICAR + b"\r\n"


async def keep(
    service: Service, data: bytes = CLEAN, reason: str = "encrypted", *, to: str = BOB, subject: str = "the minutes",
    sender: str = "ann@client.test",
) -> str:  # fmt: skip
    """A message in quarantine; its id in the trace."""
    message = Message(ids.new(), sender, Body(size=len(data), data=data), peer="192.0.2.7")

    def put(transaction: Transaction) -> None:
        quarantine.put(
            transaction, message, [Wanted(to)], reason=reason, words="yara: clean", engines={"yara": "clean"},
            subject=subject, until=transaction.now + 86_400 * 30,
        )  # fmt: skip

    await service.store.commit(put)
    return ids.text(message.id)


async def opened(pilot: Pilot[None], rows: int) -> None:
    await until(pilot, lambda: pilot.app.link.hello is not None)  # type: ignore[attr-defined]
    await pilot.press("I")
    await until(
        pilot,
        lambda: (
            isinstance(pilot.app.screen, Quarantine)
            and pilot.app.screen.snapshot is not None
            and table(pilot).row_count == rows
        ),
    )


def held(service: Service) -> int:
    total: int = service.act("quarantine.list")["total"]
    return total


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_why_each_is_there_and_what_is_in_it(service: Service, size: tuple[int, int]) -> None:
    service.act("user.add", address=BOB, password="long enough")
    await keep(service, subject=HOSTILE, sender="ann@[/nope].test")

    async def test(pilot: Pilot[None]) -> None:
        await opened(pilot, 1)
        shown = text(pilot)
        for words in (
            "encrypted",
            "1 message",
            "newest first",
            "Kept: the message holds an encrypted file",
            "l Release",
        ):
            assert words in shown
        assert "kept until" in shown
        assert r"\x1b]0;owned\x07" in shown or size[0] == 80
        assert all(len(line) <= size[0] for line in shown.splitlines())
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Quarantined) and "Headers" in text(pilot))
        await pilot.press("G")
        await until(pilot, lambda: "hello, see the file" in text(pilot))
        shown = text(pilot)
        assert "application/zip" in shown
        assert "[/nope].zip" in shown
        assert "\x1b" not in shown
        await pilot.press("g", "w")
        await until(pilot, lambda: isinstance(pilot.app.screen, StoryScreen) and "Taken into" in text(pilot))
        await pilot.press("escape", "escape")
        assert isinstance(pilot.app.screen, Quarantine)
        (look,) = service.act("audit-log.list", what="quarantine.show")["rows"]
        assert look["after"] == {"looked": "text"}

    await on_screen(service, test, size)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_a_false_positive_is_released_in_few_keys(service: Service, size: tuple[int, int]) -> None:
    service.act("user.add", address=BOB, password="long enough")
    message = await keep(service)

    async def test(pilot: Pilot[None]) -> None:
        await opened(pilot, 1)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Quarantined))
        await pilot.press("l")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        assert "Release this message?" in text(pilot)
        assert "Release anyway" in text(pilot)
        assert pilot.app.focused is not None
        assert "Cancel" in str(pilot.app.focused.label)  # type: ignore[attr-defined]
        await pilot.press("right", "enter")
        await until(pilot, lambda: "1 released." in said(pilot) and isinstance(pilot.app.screen, Quarantine))
        await until(pilot, lambda: "Nothing is in quarantine" in text(pilot))

    await on_screen(service, test, size)
    assert service.act("trace.show", id=message)["verdict"] == "delivered"
    assert service.act("user.show", address=BOB)["account"]["messages"] == 1


async def test_of_many_the_infected_one_stays_and_its_reason_is_told(service: Service) -> None:
    service.act("user.add", address=BOB, password="long enough")
    for data in (CLEAN, BAD, CLEAN):
        await keep(service, data)

    async def test(pilot: Pilot[None]) -> None:
        await opened(pilot, 3)
        await pilot.press("asterisk")
        await until(pilot, lambda: "3 marked" in text(pilot))
        await pilot.press("l")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm) and "these 3 messages" in text(pilot))
        await pilot.press("right", "enter")
        await until(
            pilot, lambda: isinstance(pilot.app.screen, Page) and "is infected: yara found EICAR" in text(pilot)
        )
        assert "2 messages released" in said(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, Quarantine) and table(pilot).row_count == 1)
        await pilot.press("l")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        await pilot.press("right", "enter")
        await until(pilot, lambda: "say anyway to let it go" in said(pilot))
        assert held(service) == 1
        await pilot.press("l")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        await pilot.press("right", "right", "enter")
        await until(pilot, lambda: table(pilot).row_count == 0)

    await on_screen(service, test)
    assert held(service) == 0


async def test_while_they_are_scanned_the_progress_is_shown(service: Service) -> None:
    service.act("user.add", address=BOB, password="long enough")
    for _ in range(3):
        await keep(service)

    async def test(pilot: Pilot[None]) -> None:
        await opened(pilot, 3)
        link, scanned = pilot.app.link, asyncio.Event()  # type: ignore[attr-defined]
        call = link.call

        async def slow(name: str, arguments: dict[str, Any]) -> Any:
            if name == "quarantine.release":
                await scanned.wait()
            return await call(name, arguments)

        link.call = slow
        await pilot.press("asterisk")
        await until(pilot, lambda: "3 marked" in text(pilot))
        await pilot.press("l")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        await pilot.press("right", "enter")
        await until(pilot, lambda: "0 of 3" in text(pilot))
        scanned.set()
        await until(pilot, lambda: "3 messages released" in said(pilot) and "of 3" not in text(pilot))

    await on_screen(service, test)
    assert service.act("user.show", address=BOB)["account"]["messages"] == 3


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_where_spam_goes_is_said_on_the_screen_of_the_account(service: Service, size: tuple[int, int]) -> None:
    service.act("user.add", address=BOB, password="long enough")

    async def test(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: pilot.app.link.hello is not None)  # type: ignore[attr-defined]
        await pilot.press("4")
        await until(pilot, lambda: BOB in text(pilot))
        await pilot.press("g", "enter")
        await until(pilot, lambda: "goes to INBOX, as the site has it" in text(pilot))
        await pilot.press("J")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask) and "as the site has it" in text(pilot))
        await pilot.press("ctrl+u", *"never", "enter")
        await until(pilot, lambda: "Spam in Junk is one of on, off, site" in text(pilot))
        await pilot.press("ctrl+u", *"on", "enter")
        await until(pilot, lambda: "goes to Junk" in text(pilot) and "as the site" not in text(pilot))

    await on_screen(service, test, size)
    assert service.act("user.show", address=BOB)["junk"] is True


async def test_deleted_and_put_back(service: Service) -> None:
    await keep(service)
    await keep(service)

    async def test(pilot: Pilot[None]) -> None:
        await opened(pilot, 2)
        await pilot.press("asterisk")
        await until(pilot, lambda: "2 marked" in text(pilot))
        await pilot.press("d")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        await pilot.press("escape")
        assert held(service) == 2
        await pilot.press("d")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        await pilot.press("right", "enter")
        await until(pilot, lambda: table(pilot).row_count == 0 and "u undoes it" in said(pilot))
        await pilot.press("u")
        await until(pilot, lambda: table(pilot).row_count == 2)

    await on_screen(service, test)


async def test_found_and_sorted(service: Service) -> None:
    await keep(service, BAD, "infected", subject="an offer")
    await keep(service, CLEAN, "refused type", to="carol@example.org")

    async def test(pilot: Pilot[None]) -> None:
        await opened(pilot, 2)
        for words in ("infected", 'reason:"refused type"', "to:carol"):
            await pilot.press("slash")
            pilot.app.screen.query_one("#filter").value = words  # type: ignore[attr-defined]
            await pilot.press("enter")
            await until(pilot, lambda words=words: f"filter: {words}" in text(pilot) and "1 message" in text(pilot))  # type: ignore[misc]
            await pilot.press("escape")
            await until(pilot, lambda: "2 messages" in text(pilot))
        await pilot.press("s", "s")
        await until(pilot, lambda: "by reason" in text(pilot) and table(pilot).get_row_at(0)[1:2] != [])
        assert "infected" in str(table(pilot).get_row_at(0))
        await pilot.press("y")
        await until(pilot, lambda: "copied" in said(pilot))

    await on_screen(service, test)


async def test_ten_thousand_are_paged(service: Service) -> None:
    """All of them can be marked, and the table keeps a page."""
    await keep(service)

    def many(transaction: Transaction) -> None:
        columns = "message, time, until, reason, words, engines, sender, account, peer, subject, size, recipients"
        transaction.execute(
            f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)"
            f" INSERT INTO quarantine ({columns}) SELECT {columns} FROM quarantine, n"
        )

    await service.store.commit(many)

    async def test(pilot: Pilot[None]) -> None:
        await opened(pilot, 200)
        assert "10,000 messages, the first 200 here" in text(pilot)
        await pilot.press("G")
        await until(pilot, lambda: table(pilot).row_count == 400)
        await pilot.press("asterisk")
        await until(pilot, lambda: "10,000 marked" in text(pilot))
        await pilot.press("l")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm) and "these 10,000 messages" in text(pilot))
        await pilot.press("escape")

    await on_screen(service, test)


async def test_nothing_there_and_nobody_there(service: Service) -> None:
    async def test(pilot: Pilot[None]) -> None:
        await opened(pilot, 0)
        await until(pilot, lambda: "Nothing is in quarantine: no mail is kept" in text(pilot))
        await pilot.press("enter", "space", "y", "w", "l", "d", "s", "g", "G")
        assert isinstance(pilot.app.screen, Quarantine)
        await service.server.close()
        await pilot.press("r")
        await until(pilot, lambda: "stale since" in text(pilot))

    await on_screen(service, test)


@pytest.mark.parametrize("role", [AUDITOR, HELPDESK])
async def test_who_may_not(service: Service, role: str) -> None:
    """An auditor sees that it is there, and not what it is about; the help desk sees nothing of it."""
    await keep(service, subject="the secret merger")
    await service.store.commit(lambda t: operators.add(t, "otto", role, None, must_change=False))
    gate = Gate(service.socket)
    connection = await asyncio.to_thread(gate.bind, Identity("otto", "", "192.0.2.8"), "console", "s1")
    app = Console(functools.partial(Client.over, connection))
    async with app.run_test(size=(80, 24)) as pilot:
        if role == HELPDESK:
            await until(pilot, lambda: app.link.hello is not None)
            await pilot.press("I")
            await until(pilot, lambda: "yours is helpdesk" in said(pilot))
            assert not isinstance(app.screen, Quarantine)
        else:
            await opened(pilot, 1)
            assert "the secret merger" not in text(pilot)
            for key in ("enter", "l", "d"):
                before = said(pilot)
                await pilot.press(key)
                await until(pilot, lambda before=before: said(pilot) != before)  # type: ignore[misc]
                assert isinstance(app.screen, Quarantine)
    assert not app.incident
    assert service.act("audit-log.list", what="quarantine.show")["rows"] == []

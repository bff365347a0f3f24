"""What is done on the screens behind the lists: rules, deletions, the inside of a message, an account, a vacation."""

from __future__ import annotations

import datetime

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from backend.management import peers
from backend.management.roles import AUDITOR, HELPDESK, Caller
from screens.account import AccountScreen
from screens.ask import Ask
from screens.audit import Audit
from screens.confirm import Confirm
from screens.deletions import Deletions
from screens.entry import EntryScreen
from screens.note import Note
from screens.page import Page
from screens.rules import Rules
from screens.vacation import VacationScreen
from tests.screens.conftest import SIZES, Service, on_screen, said, table, text, until
from tests.screens.test_console import open_queue

ALICE = "alice@example.org"


async def fill_in(pilot: Pilot[None], **fields: str) -> None:
    """Fill in fields of the dialog in front, and send it."""
    await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
    for name, value in fields.items():
        pilot.app.screen.query_one(f"#field-{name}", Input).value = value
    await pilot.press("enter")


# -- hold rules


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_a_rule_is_made_from_an_entry_deleted_and_put_back(service: Service, size: tuple[int, int]) -> None:
    await service.wait("a@remote.test", sender="eve@spam.test")

    async def test(pilot: Pilot[None]) -> None:
        await open_queue(pilot, 1)
        await pilot.press("R")
        await until(pilot, lambda: isinstance(pilot.app.screen, Rules) and "No rule holds mail" in text(pilot))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask) and "New rule" in text(pilot))
        assert pilot.app.screen.query_one("#field-sender", Input).value == "eve@spam.test"
        await fill_in(pilot, peer="nonsense", reason="phishing")
        await until(pilot, lambda: "▲" in text(pilot))
        await fill_in(pilot, peer="192.0.2.0/24", lasts="two days")
        await until(pilot, lambda: "For how long" in text(pilot) and "▲" in text(pilot))
        await fill_in(pilot, lasts="2d")
        await until(pilot, lambda: isinstance(pilot.app.screen, Rules) and table(pilot).row_count == 1)
        [rule] = service.act("rule.list")["rows"]
        assert (rule["sender"], rule["peer"], rule["reason"]) == ("eve@spam.test", "192.0.2.0/24", "phishing")
        left = datetime.datetime.fromisoformat(rule["until"]) - datetime.datetime.now(datetime.UTC)
        assert 1.9 < left / datetime.timedelta(days=1) <= 2

        for key, there in (("escape", 1), ("right", 0)):
            await pilot.press("d")
            await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
            assert "from eve@spam.test to anybody by 192.0.2.0/24" in text(pilot)
            await pilot.press(key, *(["enter"] if key == "right" else []))
            await until(pilot, lambda there=there: table(pilot).row_count == there)  # type: ignore[misc]
        await until(pilot, lambda: "rule 1 deleted; u undoes it." in said(pilot))
        await pilot.press("u")
        await until(pilot, lambda: table(pilot).row_count == 1)
        assert len(service.act("rule.list")["rows"]) == 1
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen.snapshot is not None and "1 entry" in text(pilot))  # type: ignore[attr-defined]

    await on_screen(service, test, size)


async def test_a_rule_that_holds_everything_or_nothing_is_not_made(service: Service) -> None:
    async def test(pilot: Pilot[None]) -> None:
        await open_queue(pilot, 0)
        await pilot.press("R")
        await until(pilot, lambda: isinstance(pilot.app.screen, Rules))
        await pilot.press("n")
        await fill_in(pilot, sender="", reason="all of it")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask) and "▲" in text(pilot))
        await fill_in(pilot, sender="not an address")
        await until(pilot, lambda: "no blanks" in text(pilot))
        await pilot.press("escape")
        assert service.act("rule.list")["rows"] == []

    await on_screen(service, test)


# -- deletions


@pytest.mark.parametrize("key", ["u", "enter"])
async def test_what_was_deleted_is_put_back(service: Service, key: str) -> None:
    await service.wait("a@remote.test", "b@remote.test")
    service.act("queue.delete", all=True)

    async def test(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: pilot.app.link.hello is not None)  # type: ignore[attr-defined]
        await pilot.press("U")
        await until(pilot, lambda: isinstance(pilot.app.screen, Deletions) and table(pilot).row_count == 1)
        assert "› deletions" in text(pilot)
        assert "can be put back until" in text(pilot)
        await pilot.press(key)
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        assert "2 queue entries, as for a@remote.test" in text(pilot)
        await pilot.press("enter")  # Cancel is in focus
        await until(pilot, lambda: isinstance(pilot.app.screen, Deletions))
        assert service.states() == []
        await pilot.press(key)
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        await pilot.press("right", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Deletions) and table(pilot).row_count == 0)
        assert service.states() == ["new", "new"]
        await until(pilot, lambda: "U1 put back." in said(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, Audit) and "id=U1" not in text(pilot))
        await until(pilot, lambda: "undo" in text(pilot))

    await on_screen(service, test)


async def test_an_auditor_sees_deletions_and_puts_nothing_back(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await service.wait("a@remote.test")
    service.act("queue.delete", all=True)
    monkeypatch.setattr(peers, "local_caller", lambda pid, uid, way: Caller("ada", AUDITOR, way))

    async def test(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: pilot.app.link.hello is not None)  # type: ignore[attr-defined]
        await pilot.press("U")
        await until(pilot, lambda: isinstance(pilot.app.screen, Deletions) and table(pilot).row_count == 1)
        for key in ("u", "enter"):
            pilot.app.clear_notifications()
            await pilot.press(key)
            await until(pilot, lambda: "This needs the role postmaster" in said(pilot))
        assert service.states() == []

    await on_screen(service, test)


# -- the inside of a message

RAW = (
    b"From: =?utf-8?b?6Kaz5ris?= <eve@spam.test>\r\nSubject: =?utf-8?b?6KaL56mNGw==?= [/nope]\r\n"
    b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n'
    b"--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nfirst line\r\n\ttabbed \x1b[2J\r\n"
    + b"more\r\n" * 80
    + b"\r\n--x\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment;"
    b" filename*=utf-8''offer%E2%80%AE.pdf\r\n\r\nPDF\r\n--x--\r\n"
)  # fmt: skip


async def held(service: Service) -> str:
    """A held message that is worth looking into; its id."""
    number = await service.wait("bob@remote.test", body=RAW)
    service.act("queue.hold", ids=[number])
    return number


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_headers_and_text_of_a_held_message(service: Service, size: tuple[int, int]) -> None:
    one = await held(service)

    async def test(pilot: Pilot[None]) -> None:
        await open_queue(pilot, 1)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, EntryScreen) and "held" in text(pilot))
        await pilot.press("H")
        await until(pilot, lambda: isinstance(pilot.app.screen, Page) and "Subject" in text(pilot))
        assert f"› {one}-1 › headers" in text(pilot)
        assert "観測 <eve@spam.test>" in text(pilot)
        assert "見積\\x1b [/nope]" in text(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, EntryScreen))

        await pilot.press("o")
        await fill_in(pilot)
        await until(pilot, lambda: "Reason is still to be filled in." in text(pilot))
        await fill_in(pilot, why="a complaint")
        await until(pilot, lambda: isinstance(pilot.app.screen, Page) and "first line" in text(pilot))
        shown = text(pilot)
        assert "application/pdf" in shown
        assert "offer\\u202e.pdf" in shown
        assert "        tabbed \\x1b[2J" in shown
        if size == (80, 24):
            await pilot.press("G")
            await until(pilot, lambda: "application/pdf" not in text(pilot))
            await pilot.press("g")
            await until(pilot, lambda: "application/pdf" in text(pilot))
        await pilot.press("escape", "escape")
        await until(pilot, lambda: table(pilot).row_count == 1)

    await on_screen(service, test, size)
    rows = service.act("audit-log.list")["rows"]
    looked = [(row["action"], row["why"]) for row in rows if row["action"] in ("queue.headers", "queue.read")]
    assert looked == [("queue.read", "a complaint"), ("queue.headers", "")]  # each look once


async def test_only_a_held_message_is_read(service: Service) -> None:
    await service.wait("bob@remote.test")

    async def test(pilot: Pilot[None]) -> None:
        await open_queue(pilot, 1)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, EntryScreen) and "bob@" in text(pilot))
        await pilot.press("o")
        await until(pilot, lambda: "Only a held message can be read; hold it first." in said(pilot))
        assert isinstance(pilot.app.screen, EntryScreen)
        await pilot.press("h")
        await until(pilot, lambda: service.states() == ["held"])
        await until(pilot, lambda: pilot.app.screen._held)  # type: ignore[attr-defined]
        await pilot.press("o")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))

    await on_screen(service, test)


@pytest.mark.parametrize("role", [HELPDESK, AUDITOR])
async def test_who_may_not_look_is_told_why(service: Service, monkeypatch: pytest.MonkeyPatch, role: str) -> None:
    await held(service)
    before = service.act("audit-log.list")["total"]
    monkeypatch.setattr(peers, "local_caller", lambda pid, uid, way: Caller("paula", role, way))

    async def test(pilot: Pilot[None]) -> None:
        await open_queue(pilot, 1)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, EntryScreen) and "held" in text(pilot))
        for key in ("H", "o"):
            pilot.app.clear_notifications()
            await pilot.press(key)
            await until(pilot, lambda: "This needs the role postmaster" in said(pilot))
            assert isinstance(pilot.app.screen, EntryScreen)

    await on_screen(service, test)
    assert service.act("audit-log.list")["total"] == before


async def test_a_message_that_left_meanwhile(service: Service) -> None:
    await held(service)

    async def test(pilot: Pilot[None]) -> None:
        await open_queue(pilot, 1)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, EntryScreen) and "held" in text(pilot))
        service.act("queue.delete", all=True)
        await pilot.press("H")
        await until(pilot, lambda: "No entry in the queue has the id" in said(pilot))
        await until(pilot, lambda: "This entry has left the queue." in text(pilot))
        await service.server.close()
        await pilot.press("r")
        await until(pilot, lambda: "stale since" in text(pilot))
        await pilot.press("H", "escape")

    await on_screen(service, test)


# -- accounts


async def open_account(pilot: Pilot[None]) -> None:
    await pilot.press("4")
    await until(pilot, lambda: "alice@example.org" in text(pilot))
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, AccountScreen) and "App passwords" in text(pilot))


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_an_account(service: Service, size: tuple[int, int]) -> None:
    service.act("user.add", address=ALICE, password="long enough")
    service.act("alias.add", address="sales@example.org", target=[ALICE])

    async def test(pilot: Pilot[None]) -> None:
        await open_account(pilot)
        for words in ("sales@example.org", "none; a makes one for a program", "nobody has tried lately", "Vacation"):
            assert words in text(pilot)
        assert all(len(line) <= size[0] for line in text(pilot).splitlines())
        await pilot.press("a")
        await fill_in(pilot, name="phone")
        await until(pilot, lambda: isinstance(pilot.app.screen, Note) and "It is shown this once" in text(pilot))
        assert "App password phone of alice@example.org" in text(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, AccountScreen) and "phone" in text(pilot))
        await pilot.press("x")
        await until(pilot, lambda: "suspended" in text(pilot))
        await pilot.press("u")
        await until(pilot, lambda: service.act("user.show", address=ALICE)["account"]["state"] == "active")
        await pilot.press("P")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        await pilot.press("right", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Note) and "One-time password" in text(pilot))
        await pilot.press("escape", "question_mark")
        await until(pilot, lambda: "the stories of mail to and from this address" in text(pilot))
        await pilot.press("escape")
        await service.server.close()
        await pilot.press("r")
        await until(pilot, lambda: "stale since" in text(pilot))
        assert "sales@example.org" in text(pilot)

    await on_screen(service, test, size)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_a_vacation(service: Service, size: tuple[int, int]) -> None:
    service.act("user.add", address=ALICE, password="long enough")

    async def test(pilot: Pilot[None]) -> None:
        await open_account(pilot)
        await pilot.press("v")
        await until(pilot, lambda: isinstance(pilot.app.screen, VacationScreen) and "is off" in text(pilot))
        screen = pilot.app.screen
        for words in ("Text", "Subject", "First day", "Last day", "Once in days", "empty: no end"):
            assert words in text(pilot)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: said(pilot) != "")  # an answer without words is none
        assert not service.act("vacation.show", address=ALICE)["enabled"]
        screen.query_one(TextArea).text = "I am on the mountain. 星"
        screen.query_one("#days", Input).value = "many"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "day" in said(pilot))
        screen.query_one("#days", Input).value = "3"
        await pilot.press("ctrl+t")
        await until(pilot, lambda: "I am on the mountain. 星" in text(pilot) and "To" in text(pilot))
        await pilot.press("escape", "ctrl+s")
        await until(pilot, lambda: "is answered now" in text(pilot))
        assert service.act("vacation.show", address=ALICE)["days"] == 3
        await pilot.press("ctrl+o")
        await until(pilot, lambda: "is set, and not answered" in text(pilot) or "is off" in text(pilot))
        await service.server.close()
        await until(pilot, lambda: "stale since" in text(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, AccountScreen))

    await on_screen(service, test, size)

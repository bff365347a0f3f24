"""Every list that has no file of its own: it opens, finds, sorts, marks, explains itself, and says what is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from backend import ids
from backend.store import alerts, quarantine, spam_reports, spam_scores
from backend.store.bodies import Body
from backend.store.database import Transaction
from backend.store.messages import Message
from backend.store.quarantine import Wanted
from mailconsole.ssh.gate import Gate, Identity
from screens.help import Help
from screens.listing import Listing
from tests.screens.conftest import SIZES, Service, on_screen, said, table, text, until
from tests.screens.test_spam import SPAM, fill


@dataclass(frozen=True)
class Case:
    """One list. `keys` open it, `fill` puts `rows` rows there; of these `filter` leaves `left`."""

    name: str
    keys: Sequence[str]
    fill: Callable[[Service], Awaitable[None]]
    rows: int
    filter: str
    left: int
    shows: Sequence[str]  # on a full list
    explains: str  # in the key sheet
    empty: str = ""  # of a list that can be
    sorted: str = ""  # the words of the second order
    marks: bool = False


async def _accounts(service: Service) -> None:
    for name in ("alice", "bob"):
        service.act("user.add", address=f"{name}@example.org", password="long enough")
    service.act("user.suspend", address="bob@example.org")


async def _operators(service: Service) -> None:
    service.act("operator.add", name="paula", role="helpdesk")
    service.act("operator.add", name="otto", role="auditor")


async def _sessions(service: Service) -> None:
    await _operators(service)
    service.store.write(lambda transaction: transaction.execute("UPDATE operators SET must_change = 0"))

    def bind() -> None:
        gate = Gate(service.socket)
        service.held += [
            gate.bind(Identity("paula", "", "192.0.2.7"), "console", "s1"),
            gate.bind(Identity("otto", "", "192.0.2.8"), "command", "s2"),
        ]

    await asyncio.to_thread(bind)


async def _audit(service: Service) -> None:
    await _accounts(service)


async def _nothing(service: Service) -> None:
    """As it was made."""


async def _rules(service: Service) -> None:
    service.act("rule.add", sender="*@spam.test", reason="phishing")
    service.act("rule.add", recipient="list@remote.test", peer="192.0.2.0/24", reason="a loop", lasts=3_600)


async def _deletions(service: Service) -> None:
    await _accounts(service)
    await service.wait("a@remote.test", "b@remote.test")
    service.act("queue.delete", all=True)
    service.act("user.delete", address="bob@example.org")


async def _quarantine(service: Service) -> None:
    """One from outside, and one whose sender nobody is."""

    def put(transaction: Transaction) -> None:
        for number, (sender, reason) in enumerate((("ann@client.test", "infected"), ("", "encrypted"))):
            message = Message(ids.new() + number, sender, Body(size=4, data=b"\r\n\r\n"))
            quarantine.put(
                transaction, message, [Wanted("bob@example.org")], reason=reason, words="", subject="an offer",
                engines={"yara": "infected: Eicar"}, until=transaction.now + 86_400,
            )  # fmt: skip

    await service.store.commit(put)


async def _scored(service: Service) -> None:
    identity = fill(service)[-1]

    def report(transaction: Transaction) -> None:
        for digest, kind in (("d1", "ham"), ("d2", "spam")):
            scored = spam_scores.get(transaction, identity)
            assert scored is not None
            spam_reports.put(transaction, digest, kind, "olga", scored)

    service.store.write(report)


async def _viruses(service: Service) -> None:
    await _accounts(service)

    def note(transaction: Transaction) -> None:
        alerts.note(transaction, "outgoing", "bob@example.org", "x", hours=24, account="alice@example.org")
        alerts.note(transaction, "engine", "clamd", "no answer", hours=24)

    await service.store.commit(note)


CASES = (
    Case(
        "accounts", "4", _accounts, 3, "state:suspended", 1,
        ("alice@example.org", "suspended", "no password", "messages"), "Suspend", sorted="address Z–A", marks=True,
    ),
    Case(
        "operators", "5", _operators, 3, "role:auditor", 1,
        ("paula", "helpdesk", "one-time password", "logs in by"), "Ask for codes",
    ),
    Case(
        "sessions", "6", _sessions, 2, "from:192.0.2.8", 1,
        ("paula", "otto", "console", "command", "idle"), "End a session at once",
        empty="Nobody is logged in over SSH.", marks=True,
    ),
    Case(
        "audit", "7", _audit, 3, "what:user.suspend", 1,
        ("olga", "user.add", "alice@example.org", "to what"), "prove that no row was changed",
        empty="Nothing has been changed yet.",
    ),
    Case(
        "settings", "8", _nothing, -1, "limits.recipients", -1,
        ("site.hostname", "mail.example.org", "line 6", "in force"), "what needs a restart waits for one",
    ),
    Case(
        "rules", "2R", _rules, 2, "to:list@", 1,
        ("*@spam.test", "phishing", "anybody", "never", "hits"), "Delete a hold rule",
        empty="No rule holds mail; n makes one.", marks=True,
    ),
    Case(
        "deletions", "U", _deletions, 2, "what:queue", 1,
        ("2 queue entries, as for a@", "bob@example.org with", "put back until", "olga"), "Put back what was deleted",
        empty="Nothing that was deleted can be put back", marks=True,
    ),
    Case(
        "quarantine", "I", _quarantine, 2, "infected", 1,
        ("ann@client.test", "infected", "an offer", "Kept: ", "bob@"), "Scan messages again", sorted="oldest first",
        empty="Nothing is in quarantine", marks=True,
    ),
    Case(
        "messages", "Sm", _scored, 200, "only:marked LEARNT", SPAM,
        ("client.test", "points", "WORDS_AND_FORM"), "what lies behind the row",
        empty="No mail has been scored yet.", sorted="most points first",
    ),
    Case(
        "reported", "Sf", _scored, 2, "only:false-positive", 1,
        ("client.test", "olga", "1 marked wrongly"), "what lies behind the row",
        empty="Nobody has reported a message.",
    ),
    Case(
        "viruses", "X", _viruses, 2, "kind:engine", 1,
        ("bob@example.org", "clamd", "Mail from outside", "1 of ours sent a virus", "▲ open"), "Stop who of ours",
        empty="No virus was found, and no engine has failed.", sorted="the last first", marks=True,
    ),
)  # fmt: skip
EMPTY = [case for case in CASES if case.empty]


def _name(case: Case) -> str:
    return case.name


async def _open(pilot: Pilot[None], case: Case, rows: int) -> None:
    await until(pilot, lambda: pilot.app.link.hello is not None)  # type: ignore[attr-defined]
    await pilot.press(*case.keys)
    behind = ("rules", "deletions", "quarantine", "messages", "reported")
    here = case.name if case.name in behind else ""

    def there() -> bool:
        screen = pilot.app.screen
        if not isinstance(screen, Listing) or screen.snapshot is None or (here and here not in screen.crumb):
            return False
        return table(pilot).row_count == rows if rows >= 0 else table(pilot).row_count > 20

    await until(pilot, there)


async def _filter(pilot: Pilot[None], words: str) -> None:
    await pilot.press("slash")
    pilot.app.screen.query_one("#filter", Input).value = words
    await pilot.press("enter")


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("case", CASES, ids=_name)
async def test_a_list_at_work(service: Service, case: Case, size: tuple[int, int]) -> None:
    await case.fill(service)

    async def test(pilot: Pilot[None]) -> None:
        await _open(pilot, case, case.rows)
        shown = text(pilot)
        for words in case.shows:
            assert words in shown
        assert all(len(line) <= size[0] for line in shown.splitlines())
        rows = table(pilot).row_count
        assert ("s Sort" in shown, "Mark" in shown) == (bool(case.sorted), case.marks)

        await _filter(pilot, "nonsense:1")
        await until(pilot, lambda: "There is no filter 'nonsense'" in said(pilot))
        assert table(pilot).row_count == rows
        await pilot.press("escape")
        await _filter(pilot, case.filter)
        await until(pilot, lambda: table(pilot).row_count < rows and f"filter: {case.filter}" in text(pilot))
        if case.left >= 0:
            assert table(pilot).row_count == case.left
        await pilot.press("escape")
        await until(pilot, lambda: table(pilot).row_count == rows)

        if case.sorted:
            await pilot.press("s")
            await until(pilot, lambda: case.sorted in text(pilot))
        if case.marks:
            await pilot.press("g", "space")
            await until(pilot, lambda: "1 marked" in text(pilot))
            await pilot.press("asterisk")
            await until(pilot, lambda: len(table(pilot).marks) == rows)
            await pilot.press("escape")
            assert not table(pilot).marks

        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, Help))
        sheet = " ".join(str(line) for line in _sheet(pilot))
        assert case.explains in sheet
        await pilot.press("escape")

    await on_screen(service, test, size)


def _sheet(pilot: Pilot[None]) -> list[str]:
    """The words of the key sheet, also those that are scrolled out of sight."""
    from screens.commands import keys

    screen = pilot.app.screen_stack[-2]
    return [f"{key.name} {key.words}" for key in keys(screen, pilot.app.link)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("case", EMPTY, ids=_name)
async def test_a_list_with_nothing_on_it(service: Service, case: Case) -> None:
    async def test(pilot: Pilot[None]) -> None:
        await _open(pilot, case, 0)
        await until(pilot, lambda: case.empty in text(pilot))
        await pilot.press("enter", "space", "asterisk", "y", "s", "g", "G")
        await _filter(pilot, case.filter)
        await until(pilot, lambda: "Nothing matches; Esc takes the filter away." in text(pilot))

    await on_screen(service, test)


@pytest.mark.parametrize("case", CASES, ids=_name)
async def test_a_list_whose_service_is_gone(service: Service, case: Case) -> None:
    await case.fill(service)

    async def test(pilot: Pilot[None]) -> None:
        await _open(pilot, case, case.rows)
        rows = table(pilot).row_count
        await service.server.close()
        await pilot.press("r")
        await until(pilot, lambda: "stale since" in text(pilot))
        assert table(pilot).row_count == rows  # what is known stays to be read
        await _filter(pilot, case.filter)
        await pilot.press("escape", "enter")
        assert pilot.app.is_running

    await on_screen(service, test)


async def test_settings_that_a_reload_would_refuse_are_said(service: Service) -> None:
    async def test(pilot: Pilot[None]) -> None:
        await _open(pilot, CASES[4], -1)
        right = service.settings.path.read_text()
        service.settings.path.write_text(f"{right}\nnonsense = 1\n")
        await pilot.press("r")
        await until(pilot, lambda: "A reload would be refused." in text(pilot))
        assert table(pilot).row_count > 20
        service.settings.path.write_text(f"{right}\n[limits]\nrecipients = 7\n")
        await pilot.press("r")
        await until(pilot, lambda: "A reload would be refused." not in text(pilot))
        await _filter(pilot, "only:pending")
        await until(pilot, lambda: table(pilot).row_count == 1 and "▸ 7" in text(pilot))

    await on_screen(service, test)

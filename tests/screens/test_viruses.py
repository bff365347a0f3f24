"""Viruses as a postmaster uses the screen: what needs somebody first, contain, an outbreak and its stories."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from backend import ids
from backend.store import alerts, messages, probes, trace
from backend.store.bodies import Body
from backend.store.database import Transaction
from backend.store.messages import Message, Remote
from backend.store.probes import Probe
from screens.alert import AlertScreen
from screens.ask import Ask
from screens.confirm import Confirm
from screens.story import StoryScreen
from screens.trace import Trace
from screens.viruses import Viruses
from tests.screens.conftest import SIZES, Service, on_screen, said, table, text, until

BOB, HOST, STRANGER = "bob@example.org", "127.0.0.1", "198.51.100.9"
EVIL = "[/nope] \x1b]0;x\x07 \u202e"
SESSION = ids.text(0x0CAFE << 40)


def fill(transaction: Transaction) -> None:
    """Bob and a host of ours sent viruses, an outbreak came from outside, and clamd failed."""
    said = "yara: clean, clamd: infected: Eicar"
    parts = [("address", STRANGER), ("verdict", said), ("story", SESSION)]
    for _ in range(3):
        alerts.note(
            transaction, "incoming", f"Eicar{EVIL}", said + EVIL, hours=24, peer=STRANGER, disagree=True, parts=parts
        )
    outgoing = [("account", BOB), ("address", HOST), ("verdict", "yara: infected: Eicar")]
    alerts.note(transaction, "outgoing", BOB, "yara: infected: Eicar", hours=24, peer=HOST, account=BOB, parts=outgoing)
    alerts.note(transaction, "outgoing", HOST, "yara: infected: Eicar", hours=24, peer=HOST)
    alerts.note(transaction, "engine", "clamd", "no answer", hours=24)
    detail = {
        "check": "viruses",
        "reason": "infected",
        "reply": "550 5.7.1 infected",
        "engines": {"yara": "infected: E"},
    }
    trace.add(transaction, "data", "rejected", session=SESSION, peer=STRANGER, sender="x@evil.test", detail=detail)
    message = Message(ids.new(), BOB, Body(4, data=b"text"), account=BOB)
    messages.accept(transaction, message, remote=[Remote("a@remote.test", "remote.test")])
    now = transaction.now
    probes.add(
        transaction, [Probe(now - 90_000, "out", "eicar", "found", ""), Probe(now - 3_600, "in", "eicar", "found", "")]
    )
    probes.add(transaction, [Probe(now - 3_600, "out", "eicar", "missed", f"It got through.{EVIL}")])
    for name, number in (("in looked at", 40), ("in infected", 3), ("in refused", 3), ("out looked at", 7)):
        transaction.count(f"virus.{name}", number)


@pytest.fixture
async def filled(service: Service) -> Service:
    service.act("user.add", address=BOB, password="long enough")
    await service.store.commit(fill)
    return service


async def open_it(pilot: Pilot[None], rows: int = 4) -> None:
    await until(pilot, lambda: pilot.app.link.hello is not None)  # type: ignore[attr-defined]
    await pilot.press("X")
    await until(pilot, lambda: isinstance(pilot.app.screen, Viruses) and table(pilot).row_count == rows)
    await until(pilot, lambda: "yara works" in text(pilot))


def subjects(pilot: Pilot[None]) -> list[str]:
    return [row.subject.partition(EVIL)[0] for row in table(pilot).rows_shown.values()]


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_what_needs_somebody_stands_first(filled: Service, size: tuple[int, int]) -> None:
    async def test(pilot: Pilot[None]) -> None:
        await open_it(pilot)
        shown = text(pilot)
        assert all(len(line) <= size[0] for line in shown.splitlines())
        assert "X Viruses" in shown
        assert ("9 Lists  0 DNS" in shown) == (size[0] > 120)  # every tab has its name there
        assert "2 of ours sent viruses and still may; c stops whom the cursor is on." in shown
        assert shown.index("2 of ours") < shown.index("yara works")
        assert "Proof with EICAR  ✓ in: found 1h 0m ago  ✗ out: missed 1h 0m ago It got" in shown
        assert shown.index("Proof with") < shown.index("2 of ours")  # something gets through
        assert "≠ The engines disagreed in 1 alert; e lists them." in shown
        assert "Mail from outside, the last day" in shown
        assert ("Mail from inside, the last day" in shown) == (size[0] > 120)
        assert subjects(pilot) == [HOST, BOB, "clamd", "Eicar"]
        assert "▲ open" in shown
        assert "c stops 127.0.0.1." in shown
        for name, number in (("looked at", "40"), ("infected", "3"), ("refused", "3")):
            line = next(line for line in shown.splitlines() if line.lstrip().startswith(name))
            assert number in line.split()
        await pilot.press("h")
        await until(pilot, lambda: "Mail from outside, the last week" in text(pilot))
        if size[0] < 120:
            await pilot.press("v")
            await until(pilot, lambda: "Mail from inside, the last week" in text(pilot))
            assert "Mail from outside" not in text(pilot)
        await pilot.press("e")
        await until(pilot, lambda: subjects(pilot) == ["Eicar"])
        await pilot.press("escape")
        await until(pilot, lambda: table(pilot).row_count == 4)
        await pilot.press("slash", *"kind:engine", "enter")
        await until(pilot, lambda: subjects(pilot) == ["clamd"])
        await pilot.press("escape", "s", "s")
        await until(pilot, lambda: subjects(pilot)[0] == "Eicar" and "most often first" in text(pilot))

    await on_screen(filled, test, size)


async def contain(pilot: Pilot[None], why: str = "a worm") -> None:
    """The one key, a reason, and yes."""
    await pilot.press("c")
    await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
    await pilot.press(*why, "enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_one_key_contains_and_u_takes_it_back(filled: Service, size: tuple[int, int]) -> None:
    def now() -> tuple[str, list[str], int]:
        state = filled.act("user.show", address=BOB)["account"]["state"]
        return state, filled.states(), filled.act("access.list")["total"]

    async def test(pilot: Pilot[None]) -> None:
        await open_it(pilot)
        await pilot.press("j")  # from the host to bob
        await contain(pilot)
        shown = text(pilot)
        assert "Contain this alert?" in shown
        assert "bob@example.org, 127.0.0.1" not in shown  # others use this host too
        assert "u takes it back" in shown
        assert pilot.app.screen.focused is not None
        assert pilot.app.screen.focused.id == "cancel"
        await pilot.press("enter")
        assert now() == ("active", ["new"], 0)
        await contain(pilot)
        await pilot.press("right", "enter")
        await until(pilot, lambda: now() == ("suspended", ["held"], 0))
        await until(pilot, lambda: "1 of ours sent a virus and still may send" in text(pilot))
        assert "■ contained" in text(pilot)
        assert f"{BOB} contained; u undoes it." in said(pilot)
        await pilot.press("g")
        await contain(pilot)
        await pilot.press("right", "enter")
        await until(pilot, lambda: now() == ("suspended", ["held"], 1))
        await until(pilot, lambda: "Nobody of ours who sent a virus may still send." in text(pilot))
        (rule,) = filled.act("access.list")["rows"]
        assert (rule["what"], rule["reason"]) == (HOST, "a worm")
        assert rule["until"] is not None
        await pilot.press("u")
        await until(pilot, lambda: now() == ("suspended", ["held"], 0))
        await pilot.press("u")
        await until(pilot, lambda: now() == ("active", ["new"], 0))
        await until(pilot, lambda: "2 of ours sent viruses" in text(pilot))

    await on_screen(filled, test, size)


async def test_seen_to_and_nobody_to_contain(filled: Service) -> None:
    async def test(pilot: Pilot[None]) -> None:
        await open_it(pilot)
        await pilot.press("d")
        await until(pilot, lambda: "1 of ours sent a virus and still may send" in text(pilot))
        assert "✓ done" in text(pilot)
        await pilot.press("u")
        await until(pilot, lambda: "2 of ours" in text(pilot))
        await pilot.press("G", "c")
        await until(pilot, lambda: "This alert is about nobody of ours." in said(pilot))
        assert isinstance(pilot.app.screen, Viruses)

    await on_screen(filled, test)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_an_outbreak_as_a_whole_leads_to_the_trace(filled: Service, size: tuple[int, int]) -> None:
    async def test(pilot: Pilot[None]) -> None:
        await open_it(pilot)
        await pilot.press("G", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, AlertScreen) and table(pilot).row_count == 3)
        shown = text(pilot)
        assert all(len(line) <= size[0] for line in shown.splitlines())
        for words in (STRANGER, "yara: clean, clamd: infected: Eicar", "3, first", "of each the last 50 are kept"):
            assert words in shown
        assert "≠ The engines disagreed about 3 of these messages." in shown
        assert r"\x1b]0;x\x07 \u202e" in shown
        assert "\x1b" not in shown
        await pilot.press("slash", *"kind:story", "enter")
        await until(pilot, lambda: table(pilot).row_count == 1)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, StoryScreen) and "infected" in text(pilot))
        await pilot.press("escape", "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, AlertScreen) and table(pilot).row_count == 3)
        await pilot.press("g", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Trace) and pilot.app.screen.filter_words == STRANGER)

    await on_screen(filled, test, size)


async def test_a_problem_leads_here(filled: Service) -> None:
    async def test(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "sent infected mail" in text(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Viruses))

    await on_screen(filled, test, (120, 40))


async def test_without_engines_and_without_alerts(service: Service) -> None:
    service.settings.path.write_text(service.settings.path.read_text().replace("yara = true", "yara = false"))

    async def test(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: pilot.app.link.hello is not None)  # type: ignore[attr-defined]
        await pilot.press("X")
        await until(pilot, lambda: "No virus was found, and no engine has failed." in text(pilot))
        await pilot.press("c", "d", "enter", "h", "v", "e", "escape")
        await service.server.close()
        await pilot.press("r")
        await until(pilot, lambda: "stale since" in text(pilot))

    await on_screen(service, test)
